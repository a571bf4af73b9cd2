/*
 * tls_names.h - which certificate is for which server name (RFC 6066 section 3). Pure.
 *
 * A name is compared without regard to case; "*" stands for the whole first label and nothing else
 * (RFC 9525 section 6.3). Of two certificates with one name the first has it.
 */
#ifndef SERVICE_TLS_NAMES_H
#define SERVICE_TLS_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define TLS_NAMES_NONE SIZE_MAX
#define TLS_NAME_MAX 255 /* RFC 1035 section 2.3.4 */

struct tls_name;

/* {0} has none. */
struct tls_names {
	struct tls_name *all; /* sorted */
	size_t count, room;
};

/* 0, -EINVAL for what is no DNS name, or -ENOMEM. */
MUST_USE int tls_names_add(struct tls_names *names, const char *name, size_t size,
	size_t certificate);
/* The certificate's number, or TLS_NAMES_NONE. */
size_t tls_names_find(const struct tls_names *names, const char *server_name);
void tls_names_free(struct tls_names *names);

#endif
