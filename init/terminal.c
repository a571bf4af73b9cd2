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

bool terminal_stop(bool group)
{
	sigset_t stop, pending;

	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTSTP);
	(void)kill(group ? 0 : getpid(), SIGTSTP);   /* which takes a pending SIGCONT away */
	(void)sigprocmask(SIG_UNBLOCK, &stop, NULL); /* here we stand still, or not */
	(void)sigprocmask(SIG_BLOCK, &stop, NULL);
	(void)sigpending(&pending);
	return sigismember(&pending, SIGCONT) == 1;
}
