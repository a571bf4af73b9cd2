/*
 * files.h - the app that serves a directory: GET and HEAD of its regular files, in the coding and
 * the ranges that the client asks for, with conditions; docs/FILES.md says what it is to users.
 *
 * It never leaves the directory: path.h refuses the names that would, and the kernel
 * (RESOLVE_BENEATH, openat2(2), Linux 5.6) the symbolic links; where a container's seccomp
 * profile has no openat2, no symbolic link is followed at all. It writes nothing, and opens
 * nothing but regular files, and directories that are listed.
 */
#ifndef SERVICE_APPS_FILES_H
#define SERVICE_APPS_FILES_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/settings.h"
#include "base/text.h"
#include "narwhal/service.h"

/* Its `state` is what files_open() made; worker_exit frees it. */
extern const struct narwhal_module files_module;

/*
 * Opens the directory `root` (relative to the current one), as the user that will serve it;
 * borrows the settings. 0, or -errno with `why` in words: "./public: no such directory".
 */
MUST_USE int files_open(const char *root, const struct settings *settings, void **state,
	struct text *why);
/* The root, borrowed. From now on `outgrown` is set when another one is to be served, and cannot.
 */
MUST_USE int files_confine(void *state, bool *outgrown);
/* Whether files are opened segment by segment, with openat(2), as openat2(2) is not to be had. */
bool files_walks(const void *state) PURE;

#endif
