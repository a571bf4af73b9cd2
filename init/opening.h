/*
 * opening.h - everything the arbiter acquires before it serves, and how it is given back.
 *
 * The one part of PID 1 that may fail: each step says in `why` what is wrong, and closing leaves
 * no pidfile, socket file or ready file behind.
 */
#ifndef INIT_OPENING_H
#define INIT_OPENING_H

#include "base/attr.h"
#include "base/text.h"
#include "init/arbiter.h"

/* An arbiter, zero before, that has its memory and nothing of the world. 0, or -ENOMEM with `why`.
 */
MUST_USE int opening_prepare(struct arbiter *arbiter, struct text *why);
/* Takes *config. 0, or -errno with `why`; opening_close() is due in both cases. */
MUST_USE int opening_run(struct arbiter *arbiter, struct config *config, struct text *why);
/* The setting `umask` as a number. 0, or -EINVAL with `why`. */
MUST_USE int opening_umask(const struct settings *settings, mode_t *mode, struct text *why);
/* Goes where the settings `chdir` and `umask` say. 0, or -errno with `why`. */
MUST_USE int opening_directory(const struct settings *settings, struct text *why);
/* Out of reach of other processes of our user; for each image. 0, or -errno with `why`. */
MUST_USE int opening_hide(struct arbiter *arbiter, struct text *why);
/* The loop, and the signals in it. 0, or -errno with `why`. */
MUST_USE int opening_loop(struct arbiter *arbiter, struct text *why);
void opening_close(struct arbiter *arbiter);

#endif
