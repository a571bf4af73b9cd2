/*
 * inherit.h - sockets that whoever started us has opened, by the protocol of sd_listen_fds(3):
 * LISTEN_FDS of them from descriptor 3 on, meant for the process LISTEN_PID, with LISTEN_FDNAMES.
 *
 * They become listeners by `bind = fd://3`, by `bind = fd://NAME`, or all of them when `bind` is
 * not set at all. Whether one is a socket that listens is the listener's to find out.
 */
#ifndef INIT_INHERIT_H
#define INIT_INHERIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/heritage.h"
#include "base/settings.h"
#include "base/text.h"
#include "init/address.h"

#define INHERIT_FIRST 3

struct inherit {
	size_t count;
	const char *names; /* with colons between, borrowed from the environment; or NULL */
};

/* What the three variables say, NULL for one that is not set. */
struct inherit_question {
	const char *pid, *fds, *names;
};

struct inherit_question inherit_question(void);

/*
 * Pure: 0 with what is for `pid` (none, when it is for another process or nothing is said), or
 * -EINVAL with `why`.
 */
MUST_USE int inherit_read(const struct inherit_question *question, pid_t pid,
	struct inherit *inherit, struct text *why);

/*
 * The descriptors that were there before any of ours, by LISTEN_FDS or named by bind: they keep
 * their numbers for the process's whole life, so that none of ours can be taken for one of them.
 */
struct inherited {
	size_t count;
	int fd[2 * HERITAGE_LISTENERS]; /* owned by whoever started us: never closed */
};

/*
 * Makes close-on-exec what LISTEN_FDS promises and what `named` (or NULL) names, and notes it. 0,
 * or -ENOTSOCK with `why` when one of the former is no socket, or is not open: to be called before
 * a socket of ours is opened that could take its number.
 */
MUST_USE int inherit_take(const struct inherit *inherit, const struct address_list *named,
	struct inherited *inherited, struct text *why);
PURE bool inherit_has(const struct inherited *inherited, int fd);

/*
 * Writes the list of addresses that `bind` means: every fd://NAME as the fd://N that bear that
 * name; or, unless `given`, all that there are instead of the default. 0, or -EINVAL / -E2BIG
 * with `why`. When `inherit` is NULL it is not known what there will be: names are left out.
 */
MUST_USE int inherit_rewrite(const struct inherit *inherit, const char *bind, bool given,
	struct text *list, struct text *why);

/*
 * The addresses themselves, those of bind, which may be `given`, and behind them those of bind_tls;
 * none at all if names were left out and nothing else was said.
 */
MUST_USE int inherit_addresses(const struct inherit *inherit, const struct settings *settings,
	bool given, struct address_list *addresses, struct text *why);

/*
 * Those of metrics_bind: they may not be the service's, as an inherited socket could be both, and
 * each would take the other's clients.
 */
MUST_USE int inherit_metrics(const struct settings *settings, const struct address_list *service,
	struct address_list *addresses, struct text *why);

/* In a child: forgets what speaks of the arbiter alone, and would be a lie about the child. */
void inherit_clear_environment(void);

#endif
