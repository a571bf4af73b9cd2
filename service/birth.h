/*
 * birth.h - what every process of this image does first, whatever its role: it ties itself to the
 * arbiter, takes its page and its signals, and gives up what it was started with.
 *
 * Each returns 0 or -errno, some with `why`.
 */
#ifndef SERVICE_BIRTH_H
#define SERVICE_BIRTH_H

#include "base/attr.h"
#include "base/heritage.h"
#include "base/page.h"
#include "base/text.h"
#include "seccomp/readback.h"

/* Who has lost its arbiter is nobody's: it must not go on. Again when the ids have changed. */
MUST_USE int birth_tie(const struct heritage *heritage, struct text *why);
/* Its name, and a process group that a terminal does not reach. */
MUST_USE int birth_leave_group(const char *name);
/* *page is NULL, or the zygote's. */
MUST_USE int birth_map_page(const struct heritage *heritage, struct page **page, struct text *why);
/* They come by *fd from now on. */
MUST_USE int birth_take_signals(int *fd);
MUST_USE int birth_drop_privileges(const struct heritage *heritage, struct readback *wanted,
	struct text *why);
/*
 * The last moment for what only calls tell: a filter may forbid them. And for the number of filters
 * that are around us already: with those, the mode alone would not prove that ours came to them.
 * Opens *status_fd, for birth_read_back().
 */
MUST_USE int birth_ask_kernel(struct readback *wanted, int *status_fd, struct text *why);
/* Whether all is as it was wanted, now that nothing more comes. */
MUST_USE int birth_read_back(const struct readback *wanted, int *status_fd, struct text *why);

/* How many threads there are beside this one; -1: nobody tells. */
MUST_USE long birth_other_threads(void);

#endif
