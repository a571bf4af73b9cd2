/*
 * hook_book.h - which programs are hooks: what the settings name, and what lies in hooks_dir.
 *
 * Read at the start and again for a reload, never when something happens: PID 1 then asks no file
 * system. A book is counted, not copied: a hook that still runs keeps the one it is from.
 */
#ifndef INIT_HOOK_BOOK_H
#define INIT_HOOK_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/settings.h"
#include "base/text.h"

#define HOOK_FILES_MAX 64

enum hook {
#define HOOK(name, setting, fatal, when) HOOK_##name,
#include "init/hooks.def"
#undef HOOK
	HOOKS
};

struct hook_file {
	enum hook hook;
	char *path;
};

struct hook_book {
	unsigned references;
	uint64_t timeout_ms; /* for one file */
	char *ready_file;    /* what when_ready names, when it is no hook but a file to make */
	char left_out[512];  /* files of hooks_dir that are not executable, for a line in the log */
	size_t count;
	struct hook_file file[HOOK_FILES_MAX]; /* those of one hook in the order to be run */
};

/*
 * A new book with one reference: 0, or -errno with `why`. A file of hooks_dir that bears a hook's
 * name and is not executable is left out, and told of in `left_out`.
 *
 * when_ready is a hook if it is an executable regular file. -EPERM when that is neither root's nor
 * ours, or writable by everybody: whoever can make a file where we make one must not make us run
 * it.
 */
MUST_USE int hook_book_read(const struct settings *settings, struct hook_book **book,
	struct text *why);
/* An empty one with one reference; NULL: no memory. */
struct hook_book *hook_book_new(void);
struct hook_book *hook_book_keep(struct hook_book *book);
void hook_book_release(struct hook_book *book);

/* The index of that hook's first file from `from` on; book->count when there is none. */
PURE size_t hook_book_next(const struct hook_book *book, enum hook hook, size_t from);

/* As the setting is called. */
const char *hook_name(enum hook hook) PURE;
bool hook_is_fatal(enum hook hook) PURE;

#endif
