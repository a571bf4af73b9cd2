/*
 * filter.h - locks a process in: from here on it may make the calls of its role's table, and no
 * other, for good.
 *
 * The table becomes a program by libseccomp, and is loaded for all threads. A call of another
 * architecture kills the process; a number above the newest that we know is answered with ENOSYS,
 * so that a newer C library falls back; what is left is refused. Nothing falls back to less: where
 * the kernel does not do what is asked for, there is an error.
 */
#ifndef SECCOMP_FILTER_H
#define SECCOMP_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"
#include "seccomp/calls.h"

/* The words of the settings sandbox and sandbox_mode, in their order. */
enum sandbox { SANDBOX_STRICT, SANDBOX_APP, SANDBOX_OFF };
enum sandbox_mode { SANDBOX_KILL, SANDBOX_LOG };

struct filter_plan {
	enum calls_role role;
	const char *needs;   /* a LIST of names that the app asks for, or NULL */
	const char *allowed; /* the same of the setting sandbox_allow */
	bool log;	     /* sandbox_mode is log */
	bool ktls;	     /* with calls_of_ktls() */
	bool build;	     /* with what this build itself needs: calls_of_build() */
};

/* What becomes of a call that is refused. */
enum filter_refusal {
	FILTER_ASK,  /* whoever holds the listener decides; without one it fails with ENOSYS */
	FILTER_KILL, /* the process ends by SIGSYS */
	FILTER_LOG,  /* the kernel's log has a line, and the call is made; a danger still kills */
};

/* As seccomp(2) takes it. */
struct filter_program {
	struct sock_filter *rows; /* owned */
	size_t count;
};

/* The program for that architecture: 0, or -errno with `why`. Frees nothing, loads nothing. */
MUST_USE int filter_build(const struct filter_plan *plan, uint32_t arch,
	enum filter_refusal refusal, struct filter_program *program, struct text *why);
void filter_free(struct filter_program *program);

/* Whether the kernel, and what confines us from outside, would let us: 0, or -errno with `why`. */
MUST_USE int filter_probe(struct text *why);

/*
 * Locks this process in, all of its threads. Needs no_new_privs. 0, or -errno with `why`.
 *
 * `*listener_fd` is where the kernel asks about each call that is refused (seccomp/notifier.h), to
 * be handed over at once; -1 where that cannot be had (Linux before 5.7, another listener around
 * us): then a refused call ends the process, or goes into the kernel's log.
 */
MUST_USE int filter_load(const struct filter_plan *plan, int *listener_fd, struct text *why);

#endif
