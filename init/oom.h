/*
 * oom.h - whether it was the kernel's OOM killer that ended a process: by the counter of our
 * control group, before and after.
 *
 * A kill is counted before its signal is sent (mm/oom_kill.c), so a death that is reaped has been
 * counted. What the counter cannot tell is whom it counted: it may have been another process of
 * the container. So a kill explains one death, and only one that is found soon after it.
 */
#ifndef INIT_OOM_H
#define INIT_OOM_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

#define OOM_SOON_MS 5000 /* a large process takes its time to give its memory back */

/* Pure: kills that no death has been explained by yet. */
struct oom_account {
	uint64_t kills; /* as counted last */
	uint64_t open;
	uint64_t until_ms; /* later on they explain nothing any more */
};

/* The counter as it is now. */
void oom_account_update(struct oom_account *account, uint64_t kills, uint64_t now_ms);
/* True, once for each kill: that is how it died. */
bool oom_account_take(struct oom_account *account, uint64_t now_ms);

/* Zero is one that explains nothing; but for the descriptor. */
struct oom {
	int fd;		     /* the counter; -1 when there is none; owned */
	char path[PATH_MAX]; /* of it, to open it again; "" when there is none */
	struct oom_account account;
};

/* Finds the counter; without one no death will be explained. `root`: see cgroup_find(). */
void oom_open(struct oom *oom, const char *root);
void oom_close(struct oom *oom);
/*
 * Reads the counter: from now on its kills age. To be called at each birth, so that a kill of long
 * ago explains no death of today. Never waits.
 */
void oom_look(struct oom *oom, uint64_t now_ms);
/* A process has died of a SIGKILL that we did not send: was it the OOM killer's? */
MUST_USE bool oom_explains(struct oom *oom, uint64_t now_ms);

#endif
