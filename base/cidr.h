/*
 * cidr.h - blocks of IP addresses (RFC 4632, RFC 4291 section 2.3), for settings that say whom to
 * trust.
 *
 * IPv4 is IPv6 here (::ffff:a.b.c.d), so that an IPv4 client of an IPv6 listener is the one that
 * "10.0.0.0/8" means. Pure. It resolves no names: who is trusted is not for a name server to say.
 */
#ifndef BASE_CIDR_H
#define BASE_CIDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"

/* Most significant bit first. */
struct cidr_address {
	uint64_t high, low;
};

struct cidr {
	struct cidr_address base, mask;
};

struct cidr_list {
	struct cidr *items; /* owned */
	size_t count;
};

struct cidr_address cidr_from_v4(struct in_addr address);
struct cidr_address cidr_from_v6(const struct in6_addr *address);

/* "192.0.2.7", "10.0.0.0/8", "2001:db8::/32" or "*", which is every address. */
MUST_USE bool cidr_read(const char *bytes, size_t size, struct cidr *cidr);

/*
 * A list with commas between. 0, -ENOMEM, or -EINVAL with `why` saying which item is wrong and what
 * is allowed. NULL is the empty list. cidr_list_free() is due after success.
 */
MUST_USE int cidr_list_read(const char *text, struct cidr_list *list, struct text *why);
void cidr_list_free(struct cidr_list *list);
/* The same without keeping it. */
MUST_USE int cidr_list_check(const char *text, struct text *why);

bool cidr_list_has(const struct cidr_list *list, struct cidr_address address) PURE;

#endif
