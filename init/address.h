/*
 * address.h - what one item of the setting `bind` means, and how an address is written.
 *
 * Pure: no name is looked up, no interface asked, no file touched; init/listener.c does that.
 */
#ifndef INIT_ADDRESS_H
#define INIT_ADDRESS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/heritage.h"
#include "base/text.h"

/* Room for the longest: "unix:" with a name of 107 bytes, "[V6%scope]:PORT", the NUL. */
#define ADDRESS_TEXT_SIZE 128

enum address_kind {
	ADDRESS_INET,
	ADDRESS_INET6,
	ADDRESS_UNIX, /* a path, or a name of the abstract kind */
	ADDRESS_FD,   /* a socket that somebody else opened and listens on */
};

struct address {
	enum address_kind kind;
	int fd; /* ADDRESS_FD: its number, from 3; else -1 */
	socklen_t size;
	struct sockaddr_storage socket;
	bool tls;		      /* of bind_tls */
	size_t shard, shards;	      /* shards.h; 0 of 0: not divided */
	char scope[IF_NAMESIZE];      /* ADDRESS_INET6: the interface behind "%", or "" */
	char text[ADDRESS_TEXT_SIZE]; /* canonical: two addresses are the same if these are */
};

struct address_list {
	size_t count;
	struct address item[HERITAGE_LISTENERS];
};

/*
 * Reads one item, `size` bytes:
 *	V4:PORT  localhost:PORT  :PORT  [V6]:PORT  [V6%SCOPE]:PORT  unix:PATH  unix:@NAME  fd://N
 * 0, or -EINVAL with `why`: the item, what is wrong with it, and what to write instead.
 */
MUST_USE int address_parse(const char *item, size_t size, struct address *address,
	struct text *why);

/*
 * Reads a list with commas between: at least one, none twice, HERITAGE_LISTENERS at the most.
 * 0, or -EINVAL / -E2BIG with `why`.
 */
MUST_USE int address_parse_list(const char *list, struct address_list *addresses, struct text *why);

/* The same of a setting's value, which need not be set; `why` names it. */
MUST_USE int address_parse_setting(const char *name, const char *list,
	struct address_list *addresses, struct text *why);

/* What getsockname(2) told. -EAFNOSUPPORT when the family is none of ours. */
MUST_USE int address_from_socket(struct address *address, const struct sockaddr_storage *socket,
	socklen_t size);

/* The port of an ADDRESS_INET or ADDRESS_INET6, else 0. */
unsigned address_port(const struct address *address) PURE;

/* ADDRESS_UNIX: the socket file's path, or NULL when there is no file (abstract, or no name). */
const char *address_path(const struct address *address) PURE;

/* The wildcard [::], which may serve IPv4 too. */
bool address_is_any6(const struct address *address) PURE;

#endif
