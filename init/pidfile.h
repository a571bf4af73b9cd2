/*
 * pidfile.h - a file with the arbiter's pid, locked for as long as the arbiter lives.
 *
 * The lock says who lives, never the number: a stale file, whatever pid it names (1, say, in
 * every container), stops no start. It is a lock of the open file description (fcntl(2), Linux
 * 3.15): it survives exec with the descriptor, and closing another descriptor does not lose it.
 */
#ifndef INIT_PIDFILE_H
#define INIT_PIDFILE_H

#include <sys/types.h>

#include "base/attr.h"
#include "base/text.h"

struct pidfile {
	int fd;	    /* -1 when there is none; owned; holds the lock */
	char *path; /* owned: the settings of a later generation are others */
	dev_t device;
	ino_t inode;
};

/*
 * Makes or takes over the file at `path`, mode 0644 whatever the umask, and writes `pid` to it.
 * 0, or -errno with `why`; -EBUSY when a living process holds it. On failure no file is left that
 * was not there before, and none is changed that is no pid file: a link, a device, other text.
 */
MUST_USE int pidfile_open(struct pidfile *pidfile, const char *path, pid_t pid, struct text *why);

/* Unlinks the file if it is still the one that we hold, then lets it go. */
void pidfile_close(struct pidfile *pidfile);

#endif
