#include "init/shards.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "init/capacity.h"

unsigned shard_of(const char *text)
{
	/* A path may have a "#" in it, and the name of an interface: behind a port there is none.
	 */
	const char *port = strncmp(text, "unix:", 5) == 0 ? NULL : strrchr(text, ':');
	const char *mark = port != NULL ? strchr(port, '#') : NULL;

	return mark != NULL ? (unsigned)strtoul(mark + 1, NULL, 10) : 0;
}

static bool is_divided(const struct address *address)
{
	return address->kind == ADDRESS_INET || address->kind == ADDRESS_INET6;
}

/* How many there are of the address that this socket has a part in, as far as it tells. */
static size_t least_of(const struct listener *listener)
{
	if (listener->inherited || !is_divided(&listener->address))
		return 0;
	return shard_of(listener->asked) + (size_t)1;
}

static bool is_wanted(const struct listener *listener, const struct address_list *addresses)
{
	for (size_t i = 0; i < addresses->count; i++) {
		const char *text = addresses->item[i].text;
		size_t size = strlen(text);

		if (strncmp(listener->asked, text, size) == 0 &&
			(listener->asked[size] == '\0' || listener->asked[size] == '#'))
			return true;
	}
	return false;
}

/* 0: there is no TCP address of our own yet, also none on the shelf that is wanted back. */
static size_t count_of(const struct listener_sources *sources, const struct address_list *addresses)
{
	const struct listener_set *set = sources->before;
	size_t count = 0;

	for (size_t i = 0; set != NULL && i < set->count; i++) {
		size_t least = least_of(&set->item[i]);

		count = least > count ? least : count;
	}
	for (struct shelved *at = sources->shelf->first; at != NULL; at = at->next) {
		size_t least = is_wanted(&at->listener, addresses) ? least_of(&at->listener) : 0;

		count = least > count ? least : count;
	}
	return count;
}

size_t shards_wanted(size_t cpus, const struct address_list *addresses)
{
	size_t divided = 0, room = COUNT_OF(addresses->item) - addresses->count;
	size_t most;

	for (size_t i = 0; i < addresses->count; i++)
		divided += is_divided(&addresses->item[i]);
	most = divided != 0 ? 1 + room / divided : 1;
	if (most > cpus)
		most = cpus;
	return most > 2 ? most : 2;
}

int shards_count(bool reuse_port, const struct listener_sources *sources,
	const struct address_list *addresses, size_t *count, struct text *why)
{
	size_t known = count_of(sources, addresses);
	struct capacity_facts facts = {0};

	if (known == 0 && reuse_port) {
		capacity_read(&facts, "");
		*count = shards_wanted((size_t)facts.cpus, addresses);
		return 0;
	}
	/* The CPUs may be others by now: the group is what it was. */
	*count = known != 0 ? known : 1;
	if (reuse_port == (*count > 1))
		return 0;
	text_add(why, "reuse_port: cannot be changed while a socket listens: restart for that");
	return -EINVAL;
}

static int expand_one(const struct address *address, size_t count, struct address_list *list)
{
	size_t shards = is_divided(address) ? count : 1;

	if (list->count + shards > COUNT_OF(list->item))
		return -E2BIG;
	for (size_t shard = 0; shard < shards; shard++) {
		struct address *item = &list->item[list->count++];
		struct text text = TEXT_OVER(item->text);

		*item = *address;
		item->shard = shard;
		item->shards = shards;
		text_add(&text, address->text);
		if (shard != 0)
			text_printf(&text, "#%zu", shard);
	}
	return 0;
}

int shards_expand(struct address_list *addresses, size_t count, struct text *why)
{
	struct address_list list = {0};

	for (size_t i = 0; i < addresses->count; i++) {
		int error = expand_one(&addresses->item[i], count, &list);

		if (error != 0) {
			text_printf(why,
				"reuse_port: %zu addresses with %zu sockets each are too many:"
				" allowed are %d sockets",
				addresses->count, count, HERITAGE_LISTENERS);
			return error;
		}
	}
	*addresses = list;
	return 0;
}

int shards_steer(int fd, size_t count)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (__u32)(SKF_AD_OFF + SKF_AD_CPU)),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, (__u32)count),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = {.len = COUNT_OF(steps), .filter = steps};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) == 0
		       ? 0
		       : -errno;
}
