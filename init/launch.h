/*
 * launch.h - starts the one program of init mode, as if narwhal were not there.
 *
 * It gets the signal mask and the ignored signals that narwhal was started with, a process group
 * of its own, and descriptors 0 to 2; beyond those only what the LISTEN_FDS protocol
 * (sd_listen_fds(3)) hands to narwhal.
 */
#ifndef INIT_LAUNCH_H
#define INIT_LAUNCH_H

#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "init/signals.h"
#include "init/terminal.h"

#define LAUNCH_NOT_FOUND 127 /* exit statuses, as every shell has them */
#define LAUNCH_NOT_EXECUTABLE 126

struct launch {
	char **argv;
	const struct signals_found *signals;
	const struct terminal *terminal; /* NULL: it is not given away */
	size_t listeners;		 /* so many of init/inherit.h */
};

/*
 * The pid, or -errno. A program that cannot be executed is a child too: it says why in one line,
 * and ends with one of the statuses above.
 */
MUST_USE pid_t launch_program(const struct launch *launch);

#endif
