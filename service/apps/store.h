/*
 * store.h - what this worker knows of the paths it was asked for lately, good and bad: the
 * open-file cache.
 *
 * A hit costs no system call. What is older than `open_file_cache_valid` is looked at again before
 * it is used: by name, through the root, so that whatever has become another file by then, by an
 * edit, a rename or a symbolic link on the way, is seen. Bounded in paths, in open files and in
 * memory; what does not fit is forgotten, and opened for each request. What is forgotten while a
 * client takes its time with it counts until that one has it.
 */
#ifndef SERVICE_APPS_STORE_H
#define SERVICE_APPS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "service/apps/cache.h"
#include "service/apps/form.h"
#include "service/apps/site.h"

/* A longer target is not remembered. */
#define STORE_TARGET_MAX 1024
/* The largest gzip of ours that is kept: to make one again costs much more than to read it. */
#define STORE_GZIP_MAX ((size_t)1024 * 1024)

/* A path of a request target. */
struct entry {
	struct cache_node node; /* the key has no escapes and dot segments, if there is a path */
	uint64_t expires_ms;	/* then it is looked at again */
	struct sight sight;
	bool is_text;		       /* we may make a gzip of it */
	bool is_dense;		       /* we did, and it was no smaller */
	struct form *forms[ENCODINGS]; /* those that were asked for */
	const char *path;	       /* of the file, as in struct form_plan */
	char bytes[];		       /* the key, and the path */
};

struct store {
	struct site site;
	struct cache cache;
	struct entry *loose; /* the last one that is not in the cache */
	uint64_t valid_ms;
	uint64_t looked_ms; /* at the root */
	uint64_t memory, memory_max;
	uint64_t kept_max;	      /* of one file */
	uint64_t open, open_max;      /* files */
	struct path path;	      /* scratch: on the stack it would be zeroed each time */
	char plain[STORE_TARGET_MAX]; /* scratch, too: the target in its shortest spelling */
};

/* 0, or -errno with `why`. */
MUST_USE int store_open(struct store *store, const char *directory, const struct settings *settings,
	struct text *why);
void store_close(struct store *store);

/* NULL without memory. Valid until the next call. */
struct entry *store_find(struct store *store, const char *target, size_t size, uint64_t now_ms);
/*
 * The file in one of the codings that it is there in; or in gzip, if we make that: then the form
 * has no file before store_keep_gzip(). 0 or -errno; after -ESTALE the file has become another one:
 * find it again.
 */
MUST_USE int store_form(struct store *store, struct entry *entry, enum encoding encoding,
	const struct form **form);
/* Keeps the gzip that we have made, if there is room. Ends the form that there was of it. */
void store_keep_gzip(struct store *store, struct entry *entry, struct file *file);
/* What is known of a text, if that is this version of it; or NULL. It finds nothing anew. */
struct entry *store_known(struct store *store, const char *target, size_t size,
	const struct version *version);
/* Whether the client's wish can make a difference for what it gets. */
PURE bool store_varies(const struct entry *entry);
/* The coding that we could make, as a bit; 0: none. */
PURE unsigned store_makes(const struct entry *entry);

#endif
