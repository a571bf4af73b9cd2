#include "service/apps/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "base/clock.h"

/*
 * The largest file that is held in memory: above, sendfile(2) is as good. TLS has no use for it,
 * and would read the file for each answer.
 */
#define KEPT_MAX ((uint64_t)64 * 1024)
#define KEPT_MAX_TLS ((uint64_t)128 * 1024)
/* Paths whose answers are on their way, and that are passed over when others are to go. */
#define SPARED_MAX 64

/* Opening: */

/* A quarter of the descriptors at the most: connections need the rest. */
static uint64_t most_open(uint64_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 < wanted)
		return limit.rlim_cur / 4;
	return wanted;
}

int store_open(struct store *store, const char *directory, const struct settings *settings,
	struct text *why)
{
	uint64_t seed = 0;
	int error = site_open(&store->site, directory, settings, why);

	if (error != 0)
		return error;
	/* A kernel that has no random bytes yet gives none: then the seed is worth less. */
	(void)!getrandom(&seed, sizeof(seed), GRND_NONBLOCK);
	error = cache_open(&store->cache, settings->open_file_cache, seed);
	if (error != 0)
		site_close(&store->site);
	store->valid_ms = settings->open_file_cache_valid;
	store->memory_max = settings->open_file_cache_bytes;
	store->kept_max = settings->bind_tls != NULL ? KEPT_MAX_TLS : KEPT_MAX;
	store->open_max = most_open(settings->open_file_cache);
	return error;
}

/* Forgetting: */

static void drop(struct store *store, struct entry *entry)
{
	if (entry->node.kept)
		cache_remove(&store->cache, &entry->node);
	for (size_t i = 0; i < ENCODINGS; i++)
		form_free(&entry->forms[i]);
	free(entry);
}

static void drop_loose(struct store *store)
{
	if (store->loose != NULL)
		drop(store, store->loose);
	store->loose = NULL;
}

static struct entry *entry_of(struct cache_node *node)
{
	return CONTAINER_OF(node, struct entry, node);
}

/* Everything but `entry`, which may be NULL. */
static void drop_all_but(struct store *store, const struct entry *entry)
{
	for (enum cache_shelf_id i = 0; i < CACHE_SHELVES; i++) {
		size_t left = entry != NULL && entry->node.kept && entry->node.shelf == i;

		while (store->cache.shelves[i].count > left) {
			struct cache_node *victim = cache_victim(&store->cache, i);

			if (entry_of(victim) == entry)
				victim->used = true;
			else
				drop(store, entry_of(victim));
		}
	}
}

void store_close(struct store *store)
{
	drop_loose(store);
	drop_all_but(store, NULL);
	cache_close(&store->cache);
	site_close(&store->site);
	MUST(store->memory == 0 && store->open == 0); /* no answer is on its way any more */
}

/* An answer is on its way: to forget it would give nothing back before that is sent. */
static bool is_held(const struct entry *entry)
{
	for (size_t i = 0; i < ENCODINGS; i++) {
		const struct form *form = entry->forms[i];

		if (form != NULL && form->file != NULL && form->file->users > 1)
			return true;
	}
	return false;
}

/*
 * Others go until there is room for `more` of something; false if that is not enough, or if so many
 * in a row are held that it may be all.
 */
static bool make_room(struct store *store, struct entry *entry, const uint64_t *used, uint64_t more,
	uint64_t most)
{
	const struct cache_shelf *shelf = &store->cache.shelves[CACHE_FOUND];
	size_t spared = 0;

	if (!entry->node.kept || more > most)
		return false;
	while (*used + more > most) {
		struct entry *victim = entry_of(cache_victim(&store->cache, CACHE_FOUND));

		if (victim != entry && !is_held(victim)) {
			drop(store, victim);
			continue;
		}
		victim->node.used = true;
		if (++spared >= shelf->count || spared == SPARED_MAX)
			return false;
	}
	return true;
}

/* Finding: */

/* The directory itself may be another one by now; then nothing that is known is of it. */
static void look_at_root(struct store *store, uint64_t now_ms)
{
	store->looked_ms = now_ms;
	if (root_moved(&store->site.root, store->site.directory))
		drop_all_but(store, NULL);
}

static void look(struct store *store, const char *target, size_t size, struct sight *sight)
{
	site_look(&store->site, target, size, &store->path, sight);
	if (LIKELY(sight->status != 503))
		return;
	drop_all_but(store, NULL); /* what we hold may be what is missing */
	site_look(&store->site, target, size, &store->path, sight);
}

/* What was read within the tick of a change may have been read before it. */
static bool is_settled(const struct entry *entry)
{
	for (size_t i = 0; i < ENCODINGS; i++) {
		if (entry->forms[i] != NULL && !entry->forms[i]->validators.settled)
			return false;
	}
	return true;
}

static bool is_current(struct store *store, struct entry *entry, uint64_t now_ms)
{
	struct sight sight;

	if (entry->expires_ms == 0)
		return false;
	site_look(&store->site, entry->node.key, entry->node.key_size, &store->path, &sight);
	entry->expires_ms = now_ms + store->valid_ms;
	/* When we cannot look just now, what we know is better than nothing. */
	return sight.status == 503 || (is_settled(entry) && sight_same(&sight, &entry->sight));
}

static struct entry *make(const struct store *store, const char *target, size_t size,
	const struct sight *sight)
{
	const struct path *path = &store->path;
	const struct settings *settings = store->site.settings;
	struct entry *entry = calloc(1, sizeof(*entry) + size + path->used + 2);
	char *at;

	if (entry == NULL)
		return NULL;
	at = mempcpy(entry->bytes, target, size);
	entry->node.key = entry->bytes;
	entry->node.key_size = (uint32_t)size;
	entry->node.shelf = sight->kind == SIGHT_NOTHING ? CACHE_MISSING : CACHE_FOUND;
	entry->path = at;
	entry->sight = *sight;
	if (sight->kind != SIGHT_FILE)
		return entry;
	*at++ = '/';
	memcpy(at, path->bytes, path->used);
	entry->is_text = settings->gzip_level != 0 &&
			 (uint64_t)sight->versions[ENCODING_identity].size >= settings->gzip_min &&
			 (sight->encodings & 1U << ENCODING_gzip) == 0 &&
			 mime_is_text(mime_type(&store->site.mime, path->bytes, path->used));
	return entry;
}

/* What has "%" in its very name is not: its key would be read as a target with an escape. */
static bool is_kept(struct store *store, const struct entry *entry)
{
	const struct cache_node *node = &entry->node;
	enum cache_shelf_id shelf = node->shelf;

	if (node->key_size > STORE_TARGET_MAX || entry->sight.status >= 500 ||
		memchr(node->key, '%', node->key_size) != NULL)
		return false;
	while (!cache_has_room(&store->cache, shelf)) {
		struct cache_node *victim = cache_victim(&store->cache, shelf);

		if (victim == NULL)
			return false;
		drop(store, entry_of(victim));
	}
	return true;
}

static struct entry *add(struct store *store, const char *target, size_t size, uint64_t now_ms)
{
	struct sight sight;
	struct entry *entry;

	look(store, target, size, &sight);
	entry = make(store, target, size, &sight);
	if (entry == NULL)
		return NULL;
	entry->expires_ms = now_ms + store->valid_ms;
	if (is_kept(store, entry))
		cache_add(&store->cache, &entry->node);
	else
		store->loose = entry;
	return entry;
}

/* What is known under that key, if it is still so. */
static struct entry *find_known(struct store *store, const char *key, size_t size, uint64_t now_ms)
{
	struct cache_node *node = cache_find(&store->cache, key, size);
	struct entry *entry;

	if (node == NULL)
		return NULL;
	entry = entry_of(node);
	if (LIKELY(now_ms < entry->expires_ms) || is_current(store, entry, now_ms))
		return entry;
	drop(store, entry);
	return NULL;
}

/* The target as `plain`: without escapes, dot segments and empty ones. 0: it is no path. */
static size_t write_plain(struct store *store, const char *target, size_t size)
{
	struct path *path = &store->path;

	if (size > sizeof(store->plain))
		return 0;
	switch (path_resolve(path, target, size)) {
	case PATH_FILE:
	case PATH_DIRECTORY:
		break;
	case PATH_MALFORMED:
	case PATH_HIDDEN:
		return 0;
	}
	if (memchr(path->bytes, '%', path->used) != NULL)
		return 0;
	store->plain[0] = '/';
	memcpy(store->plain + 1, path->bytes, path->used); /* which is shorter than the target */
	return 1 + path->used;
}

/* A file has endless spellings: were each an entry, one client could drive out all others. */
static struct entry *find_anew(struct store *store, const char *target, size_t size,
	uint64_t now_ms)
{
	size_t plain_size = write_plain(store, target, size);
	struct entry *entry;

	if (plain_size == 0)
		return add(store, target, size, now_ms);
	entry = find_known(store, store->plain, plain_size, now_ms);
	return entry != NULL ? entry : add(store, store->plain, plain_size, now_ms);
}

struct entry *store_find(struct store *store, const char *target, size_t size, uint64_t now_ms)
{
	struct entry *entry;

	if (UNLIKELY(store->loose != NULL))
		drop_loose(store);
	if (UNLIKELY(now_ms - store->looked_ms >= store->valid_ms))
		look_at_root(store, now_ms);
	entry = find_known(store, target, size, now_ms);
	return LIKELY(entry != NULL) ? entry : find_anew(store, target, size, now_ms);
}

/* Forms: */

static struct form_plan plan_of(const struct store *store, const struct entry *entry,
	enum encoding encoding)
{
	return (struct form_plan){
		.site = &store->site,
		.path = entry->path,
		.encoding = encoding,
		.varies = store_varies(entry),
		.made = (entry->sight.encodings & 1U << encoding) == 0,
		.now_s = clock_wall_ms() / 1000,
	};
}

static void attach(struct store *store, struct entry *entry, enum encoding encoding,
	struct form *form)
{
	form_free(&entry->forms[encoding]);
	entry->forms[encoding] = form;
	if (form->file != NULL && form->file->bytes != NULL)
		file_charge(form->file, &store->memory, form->file->size);
	else if (form->file != NULL)
		file_charge(form->file, &store->open, 1);
}

static int open_form(struct store *store, struct entry *entry, const struct form_plan *plan,
	struct form **form)
{
	const struct version *version = &entry->sight.versions[plan->encoding];
	uint64_t size = (uint64_t)version->size, kept = 0;
	int error;

	if (size <= store->kept_max &&
		make_room(store, entry, &store->memory, size, store->memory_max))
		kept = store->kept_max;
	else
		(void)make_room(store, entry, &store->open, 1, store->open_max);
	error = form_open(form, plan, version, kept);
	if (error == -EMFILE || error == -ENFILE) {
		drop_all_but(store, entry);
		error = form_open(form, plan, version, kept);
	}
	return error;
}

int store_form(struct store *store, struct entry *entry, enum encoding encoding,
	const struct form **form)
{
	struct file *none = NULL;
	struct form_plan plan;
	struct form *made;
	int error;

	*form = entry->forms[encoding];
	if (LIKELY(*form != NULL))
		return 0;
	plan = plan_of(store, entry, encoding);
	if ((entry->sight.encodings & 1U << encoding) != 0)
		error = open_form(store, entry, &plan, &made);
	else
		error = form_make(&made, &plan, &entry->sight.versions[ENCODING_identity], &none);
	if (error != 0) {
		entry->expires_ms = 0;
		return error;
	}
	attach(store, entry, encoding, made);
	*form = made;
	return 0;
}

void store_keep_gzip(struct store *store, struct entry *entry, struct file *file)
{
	struct form_plan plan = plan_of(store, entry, ENCODING_gzip);
	struct file *held = file_hold(file);
	struct form *form;

	if (file->size <= STORE_GZIP_MAX &&
		make_room(store, entry, &store->memory, file->size, store->memory_max) &&
		form_make(&form, &plan, &entry->sight.versions[ENCODING_identity], &held) == 0)
		attach(store, entry, ENCODING_gzip, form);
	file_release(&held);
}

struct entry *store_known(struct store *store, const char *target, size_t size,
	const struct version *version)
{
	struct cache_node *node = cache_find(&store->cache, target, size);
	struct entry *entry = node != NULL ? entry_of(node) : NULL;

	return entry != NULL && entry->is_text &&
			       version_same(version, &entry->sight.versions[ENCODING_identity])
		       ? entry
		       : NULL;
}

bool store_varies(const struct entry *entry)
{
	return entry->is_text || entry->sight.encodings != 1U << ENCODING_identity;
}

unsigned store_makes(const struct entry *entry)
{
	return entry->is_text && !entry->is_dense ? 1U << ENCODING_gzip : 0;
}
