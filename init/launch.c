#include "init/launch.h"

#include <errno.h>
#include <limits.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/execute.h"
#include "base/fd.h"
#include "base/text.h"
#include "init/inherit.h"

/* They were handed to us: from now on to the program. */
static int hand_on(const struct launch *launch)
{
	char number[16];
	struct text text = TEXT_OVER(number);

	if (launch->listeners == 0)
		return 0;
	for (size_t i = 0; i < launch->listeners; i++) {
		int error = fd_inherit(INHERIT_FIRST + (int)i);

		if (error != 0)
			return error;
	}
	text_add_int(&text, getpid());
	return setenv("LISTEN_PID", number, 1) == 0 ? 0 : -errno;
}

NORETURN static void fail(const char *name, int error)
{
	char bytes[PATH_MAX + 256], escaped[PATH_MAX];
	struct text line = TEXT_OVER(bytes), text = TEXT_OVER(escaped);

	text_add_escaped(&text, name, strlen(name), false);
	text_printf(&line, "narwhal: %s: %s\n", escaped, execute_reason(name, error));
	(void)!write(STDERR_FILENO, line.bytes, line.used);
	_exit(error == -ENOENT || error == -ENOTDIR ? LAUNCH_NOT_FOUND : LAUNCH_NOT_EXECUTABLE);
}

/*
 * All signals are blocked up to the end: so the terminal lets us take it, and a signal that came
 * meanwhile does its work when the mask is given back.
 */
NORETURN static void be_program(const struct launch *launch)
{
	int error = hand_on(launch);

	(void)setpgid(0, 0);
	if (launch->terminal != NULL)
		terminal_give(launch->terminal, getpid());
	signals_return(launch->signals);
	if (error == 0)
		error = execute_words(launch->argv);
	fail(launch->argv[0], error);
}

pid_t launch_program(const struct launch *launch)
{
	pid_t pid = fork();

	if (pid == 0)
		be_program(launch);
	if (pid < 0)
		return -errno;
	/* Here too: whoever is first, a signal to the group finds it. EACCES: it has exec'd. */
	(void)setpgid(pid, pid);
	return pid;
}
