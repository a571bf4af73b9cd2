#include "base/cidr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/settings.h"

#define MAPPED ((uint64_t)0xffff << 32) /* ::ffff:0:0/96 (RFC 4291 section 2.5.5.2) */

struct cidr_address cidr_from_v4(struct in_addr address)
{
	return (struct cidr_address){0, MAPPED | ntohl(address.s_addr)};
}

struct cidr_address cidr_from_v6(const struct in6_addr *address)
{
	uint64_t parts[2];

	memcpy(parts, address, sizeof(parts));
	return (struct cidr_address){be64toh(parts[0]), be64toh(parts[1])};
}

static struct cidr_address mask_of(unsigned bits)
{
	const uint64_t all = UINT64_MAX;

	return (struct cidr_address){
		.high = bits == 0    ? 0
			: bits >= 64 ? all
				     : all << (64 - bits),
		.low = bits <= 64 ? 0 : all << (128 - bits),
	};
}

/* The address, and of how many bits it is: 32, 128, or 0 when it is none. */
static unsigned read_address(const char *text, struct cidr_address *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*address = cidr_from_v4(v4);
		return 32;
	}
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return 0;
	*address = cidr_from_v6(&v6);
	return 128;
}

bool cidr_read(const char *bytes, size_t size, struct cidr *cidr)
{
	char text[INET6_ADDRSTRLEN];
	const char *slash = memchr(bytes, '/', size);
	size_t name = slash != NULL ? (size_t)(slash - bytes) : size;
	uint64_t bits = 128;
	unsigned width;

	if (size == 1 && bytes[0] == '*') {
		*cidr = (struct cidr){0};
		return true;
	}
	if (name >= sizeof(text) || memchr(bytes, '\0', name) != NULL)
		return false;
	memcpy(text, bytes, name);
	text[name] = '\0';
	width = read_address(text, &cidr->base);
	if (width == 0)
		return false;
	if (slash != NULL && text_to_uint(slash + 1, size - name - 1, width, &bits) != 0)
		return false;
	cidr->mask = mask_of((unsigned)bits + (slash != NULL ? 128 - width : 0));
	/* With bits behind its prefix it says two things: a block, and one address in it. */
	return (cidr->base.high & ~cidr->mask.high) == 0 && (cidr->base.low & ~cidr->mask.low) == 0;
}

static int refuse(struct text *why, const char *item, size_t size)
{
	text_add(why, "has the item \"");
	text_add_escaped(why, item, size, false);
	text_add(why, "\": allowed are addresses, blocks without bits behind their prefix "
		      "(as in 10.0.0.0/8, 2001:db8::/32), and *");
	return -EINVAL;
}

int cidr_list_check(const char *text, struct text *why)
{
	struct cidr cidr;
	const char *item;
	size_t size;

	while ((item = setting_item(&text, &size)) != NULL) {
		if (!cidr_read(item, size, &cidr))
			return refuse(why, item, size);
	}
	return 0;
}

int cidr_list_read(const char *text, struct cidr_list *list, struct text *why)
{
	size_t most = 1;
	const char *item;
	size_t size;

	*list = (struct cidr_list){0};
	if (text == NULL)
		return 0;
	for (const char *at = text; *at != '\0'; at++)
		most += *at == ',';
	list->items = calloc(most, sizeof(*list->items));
	if (list->items == NULL)
		return -ENOMEM;
	while ((item = setting_item(&text, &size)) != NULL) {
		if (cidr_read(item, size, &list->items[list->count++]))
			continue;
		cidr_list_free(list);
		return refuse(why, item, size);
	}
	return 0;
}

void cidr_list_free(struct cidr_list *list)
{
	free(list->items);
	*list = (struct cidr_list){0};
}

bool cidr_list_has(const struct cidr_list *list, struct cidr_address address)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct cidr *cidr = &list->items[i];

		if ((address.high & cidr->mask.high) == cidr->base.high &&
			(address.low & cidr->mask.low) == cidr->base.low)
			return true;
	}
	return false;
}
