/*
 * demise.h - whether a child is dying or dead, before anybody is told of it.
 *
 * Its descriptors close first and its parent hears of it last: what closes on an exec closes on a
 * death just the same. In between, proc(5) shows that its memory is gone (exit_mm() comes before
 * exit_files() in the kernel's do_exit()). Without a /proc it is known when it is dead.
 */
#ifndef INIT_DEMISE_H
#define INIT_DEMISE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"

/* Of a child of ours that is not reaped yet; of any other it is true. */
MUST_USE bool demise_has_begun(pid_t pid);
/*
 * waitid(2) tells the end of none by that, whatever it was asked for: a child has made us its
 * tracer (PTRACE_TRACEME) and stands at a signal. Then it is let go, and gets that signal.
 */
MUST_USE bool demise_is_trap(const siginfo_t *info);

#endif
