#include "init/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"

/*
 * Not standard input: in `narwhal -- less <file` that is no terminal, and less reads /dev/tty all
 * the same. An image without that device has the terminal on 0 to 2, if anywhere.
 */
void terminal_open(struct terminal *terminal)
{
	terminal->fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	for (int fd = 0; terminal->fd < 0 && fd <= STDERR_FILENO; fd++) {
		if (tcgetpgrp(fd) >= 0) /* only of the controlling one */
			terminal->fd = fd;
	}
}

void terminal_close(struct terminal *terminal)
{
	if (terminal->fd > STDERR_FILENO)
		fd_close(&terminal->fd);
	terminal->fd = -1;
}

bool terminal_is_ours(const struct terminal *terminal)
{
	return terminal->fd >= 0 && tcgetpgrp(terminal->fd) == getpgrp();
}

void terminal_give(const struct terminal *terminal, pid_t group)
{
	if (terminal->fd >= 0)
		(void)tcsetpgrp(terminal->fd, group);
}

void terminal_take(const struct terminal *terminal, pid_t group)
{
	if (terminal->fd >= 0 && tcgetpgrp(terminal->fd) == group)
		(void)tcsetpgrp(terminal->fd, getpgrp());
}

static bool is_continued(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && sigismember(&pending, SIGCONT) == 1;
}

/* PID 1 is never stopped, nor a session's leader: nobody of its session is above it. */
static bool is_stoppable(void)
{
	return getpid() != 1 && getsid(0) != getpid();
}

bool terminal_stop(bool group)
{
	sigset_t stop;

	/* A stop takes a pending SIGCONT away (signal(7)): look first. */
	if (is_continued() || !is_stoppable())
		return is_continued();
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTSTP);
	(void)kill(group ? 0 : getpid(), SIGTSTP);
	(void)sigprocmask(SIG_UNBLOCK, &stop, NULL); /* here we stand still, or not */
	(void)sigprocmask(SIG_BLOCK, &stop, NULL);
	return is_continued();
}
