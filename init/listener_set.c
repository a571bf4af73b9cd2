#include "init/listener_set.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "init/shards.h"

/* What an address of a set is known by. */
struct key {
	const char *asked;
	bool tls;
};

/* Port 0, of which the kernel makes another one for each who asks. */
static bool is_chosen(const char *asked)
{
	const char *port = strncmp(asked, "unix:", 5) == 0 ? NULL : strrchr(asked, ':');

	return port != NULL && port[1] == '0';
}

/* An address may go over to TLS and keep its socket; two of port 0 may be written alike. */
static bool is_same(const struct listener *listener, const struct key *key)
{
	return strcmp(listener->asked, key->asked) == 0 &&
	       (listener->tls == key->tls || !is_chosen(key->asked));
}

/* Its index, or `count` when it is not there. */
static size_t find_in(const struct listener_set *set, const struct key *key)
{
	size_t i = 0;

	while (i < set->count && !is_same(&set->item[i], key))
		i++;
	return i;
}

static size_t find_same(const struct listener_set *set, const struct listener *other)
{
	const struct key key = {other->asked, other->tls};

	return find_in(set, &key);
}

/* A socket file that is gated is gone: another can be made there. */
static const struct listener *find_shelved(const struct shelf *shelf, const struct key *key)
{
	for (const struct shelved *at = shelf->first; at != NULL; at = at->next) {
		if (is_same(&at->listener, key) && address_path(&at->listener.address) == NULL)
			return &at->listener;
	}
	return NULL;
}

static const struct listener *find_open(const struct listener_sources *sources,
	const struct key *key)
{
	const struct listener_set *before = sources->before;
	size_t i = before != NULL ? find_in(before, key) : 0;

	return before != NULL && i < before->count ? &before->item[i]
						   : find_shelved(sources->shelf, key);
}

static int refuse_stranger(const struct address *address, struct text *why)
{
	text_printf(why,
		"%s: no such descriptor was inherited: allowed are those of LISTEN_FDS, and those"
		" that bind named at the start",
		address->text);
	return -EBADF;
}

/*
 * As sd_listen_fds(3) hands them over. Once: a program with an event loop makes it non-blocking
 * for all that share it, and one of them that waited in accept(2) would hang.
 */
static void block(const struct listener *listener)
{
	int flags = fcntl(listener->fd, F_GETFL);

	if (flags >= 0)
		(void)fcntl(listener->fd, F_SETFL, flags & ~O_NONBLOCK);
}

/* The next of them. A shard is bound where the first one is: its port may be the kernel's choice.
 */
static int open_new(struct listener_set *set, const struct address_list *addresses, int backlog,
	bool blocking, struct text *why)
{
	struct listener *item = &set->item[set->count];
	struct address address = addresses->item[set->count];
	int error;

	if (address.shard != 0)
		address.socket = set->item[set->count - 1].address.socket;
	error = listener_open(item, &address, addresses, backlog, why);
	if (error == 0 && blocking)
		block(item);
	if (error != 0 || address.shards < 2 || address.shard + 1 < address.shards)
		return error;
	error = shards_steer(item->fd, address.shards);
	if (error != 0) {
		text_printf(why, "%s: reuse_port: %s", address.text, strerror(-error));
		listener_close(item);
	}
	return error;
}

/*
 * What was opened again for this set is shut again: workers that drain hold it still. If that is
 * refused it is as with put_one(): later, and no worse.
 */
static void give_up(struct listener_set *set, const struct listener_sources *sources)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct key key = {set->item[i].asked, set->item[i].tls};
		const struct listener *known = find_open(sources, &key);

		if (known != NULL && known->gated)
			(void)!listener_gate(&set->item[i]);
	}
	listener_set_close(set);
}

int listener_set_open(struct listener_set *set, const struct address_list *addresses, int backlog,
	const struct listener_sources *sources, struct text *why)
{
	set->count = 0;
	for (size_t i = 0; i < addresses->count; i++) {
		const struct address *address = &addresses->item[i];
		const struct key key = {address->text, address->tls};
		const struct listener *known = find_open(sources, &key);
		struct listener *item = &set->item[i];
		int error;

		if (known != NULL)
			error = listener_share(item, known, backlog, why);
		else if (address->kind == ADDRESS_FD &&
			 !inherit_has(sources->inherited, address->fd))
			error = refuse_stranger(address, why);
		else
			error = open_new(set, addresses, backlog, sources->blocking, why);
		if (error != 0) {
			give_up(set, sources);
			return error;
		}
		item->tls = address->tls;
		set->count = i + 1;
	}
	return 0;
}

void listener_set_close(struct listener_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		listener_close(&set->item[i]);
	set->count = 0;
}

void listener_set_succeed(struct listener_set *set, struct listener_set *old)
{
	for (size_t i = 0; i < old->count; i++) {
		size_t found = find_same(set, &old->item[i]);

		if (found == set->count)
			continue;
		set->item[found].linked = old->item[i].linked;
		old->item[i].linked = false;
	}
}

static void drop(struct shelved **at)
{
	struct shelved *entry = *at;

	*at = entry->next;
	listener_close(&entry->listener);
	free(entry);
}

void listener_set_trim(struct listener_set *set)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (listener_adopt(&set->item[i]) == 0)
			set->item[kept++] = set->item[i];
		else
			listener_close(&set->item[i]);
	}
	set->count = kept;
}

void shelf_trim(struct shelf *shelf)
{
	struct shelved **at = &shelf->first;

	while (*at != NULL) {
		if (listener_adopt(&(*at)->listener) == 0)
			at = &(*at)->next;
		else
			drop(at);
	}
}

static void put_one(struct shelf *shelf, struct listener *listener, uint64_t from, uint64_t to)
{
	struct shelved *entry = malloc(sizeof(*entry));

	/* Ungated, it is open until its workers leave: later, and no worse. */
	(void)!listener_gate(listener);
	if (entry == NULL)
		return;
	*entry = (struct shelved){*listener, from, to, shelf->first};
	shelf->first = entry;
	listener->fd = -1;
	listener->linked = false;
}

void shelf_put(struct shelf *shelf, struct listener_set *set, const struct listener_set *kept,
	uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < set->count; i++) {
		if (find_same(kept, &set->item[i]) == kept->count)
			put_one(shelf, &set->item[i], from, to);
	}
}

static bool is_of(const struct shelved *entry, uint64_t generation)
{
	return generation >= entry->from && generation <= entry->to;
}

bool shelf_serves(const struct shelf *shelf, uint64_t generation)
{
	for (const struct shelved *at = shelf->first; at != NULL; at = at->next) {
		if (is_of(at, generation))
			return true;
	}
	return false;
}

/* One that was inherited is not gated: what comes there next is another process's to take. */
bool shelf_is_waiting(const struct shelf *shelf, uint64_t generation)
{
	for (const struct shelved *at = shelf->first; at != NULL; at = at->next) {
		if (is_of(at, generation) && at->listener.gated && listener_waiting(&at->listener))
			return true;
	}
	return false;
}

static bool is_held(const struct shelved *entry, const struct roster *roster)
{
	for (unsigned i = 0; i < roster_whole(roster); i++) {
		const struct slot *slot = &roster->slots[i];

		if (slot->state != STATE_VACANT && is_of(entry, slot->generation))
			return true;
	}
	return false;
}

void shelf_clear(struct shelf *shelf, const struct roster *roster)
{
	struct shelved **at = &shelf->first;

	while (*at != NULL) {
		if (is_held(*at, roster))
			at = &(*at)->next;
		else
			drop(at);
	}
}

void shelf_close(struct shelf *shelf)
{
	while (shelf->first != NULL)
		drop(&shelf->first);
}
