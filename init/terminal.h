/*
 * terminal.h - whose the terminal is: handed to the program, followed into a stop, taken back.
 *
 * The program has a process group of its own in our session, as a shell's jobs have. So Ctrl-C,
 * Ctrl-Z and a change of the window's size reach it, and not us, from the terminal itself.
 * Every signal must be blocked here: else tcsetpgrp(3) from the background stops the caller.
 */
#ifndef INIT_TERMINAL_H
#define INIT_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"

struct terminal {
	int fd; /* our controlling terminal; -1: there is none */
};

void terminal_open(struct terminal *terminal);
void terminal_close(struct terminal *terminal);

/* Our own group is in the foreground: what we have, we may give. */
bool terminal_is_ours(const struct terminal *terminal);
/* Puts that group into the foreground, if there is a terminal. */
void terminal_give(const struct terminal *terminal, pid_t group);
/* Puts our own group there, if `group` is there now. */
void terminal_take(const struct terminal *terminal, pid_t group);

/*
 * Stops ourselves (`group`: and all of our group) as the terminal would have, so that the shell
 * that started us sees a stopped job. True: somebody has continued us, and SIGCONT is pending.
 * False, at once: the kernel stops neither PID 1 nor a group that nobody could ever continue.
 */
MUST_USE bool terminal_stop(bool group);

#endif
