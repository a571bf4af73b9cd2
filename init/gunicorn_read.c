#include "init/gunicorn_read.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/execute.h"
#include "base/fd.h"

#define NOT_EXECUTED 127 /* what the child ends with where there is no Python */
#define END "end\n"	 /* the last line of what gunicorn_read.py tells */

extern const char gunicorn_script[];
/* The file itself, at build time: no string of C is as readable. */
__asm__(".pushsection .rodata\n"
	".globl gunicorn_script\n"
	".hidden gunicorn_script\n"
	"gunicorn_script:\n"
	".incbin \"init/gunicorn_read.py\"\n"
	".byte 0\n"
	".popsection\n");

/* A program, or a directory that has it as bin/python3, as a virtual environment does. */
static void name_python(const struct settings *settings, struct text *name)
{
	const char *wanted = settings->python != NULL ? settings->python : getenv("VIRTUAL_ENV");
	struct stat status;

	if (wanted == NULL || *wanted == '\0')
		wanted = "python3";
	text_add(name, wanted);
	if (strchr(wanted, '/') != NULL && stat(wanted, &status) == 0 && S_ISDIR(status.st_mode))
		text_add(name, "/bin/python3");
}

/* The file may hang: whoever ends us ends it, too. */
static int die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L) != 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

NORETURN static void be_python(char *python, const char *file, int script_fd, int out_fd)
{
	char dash[] = "-";
	char *words[] = {python, dash, (char *)(uintptr_t)file, NULL};
	int error = lseek(script_fd, 0, SEEK_SET) == 0 ? 0 : -errno;

	if (error == 0)
		error = fd_place(script_fd, STDIN_FILENO);
	if (error == 0)
		error = fd_place(out_fd, STDOUT_FILENO);
	if (error == 0)
		error = execute_words(words);
	(void)fprintf(stderr, "%s: %s\n", python, execute_reason(python, error));
	_exit(NOT_EXECUTED);
}

/* All that comes, to its end, with a NUL behind it. */
static int read_all(int fd, char **bytes)
{
	size_t size = 0;
	FILE *out = open_memstream(bytes, &size);
	char piece[4096];
	ssize_t n;

	if (out == NULL)
		return -ENOMEM;
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		(void)fwrite(piece, 1, (size_t)n, out);
	return fclose(out) == 0 && n == 0 ? 0 : -EIO;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECANCELED;
}

/* Cuts it off. One that ends the process by itself is told from one that sets nothing. */
static int take_end(char *findings)
{
	size_t size = strlen(findings), end = sizeof(END) - 1;

	if (size < end || strcmp(findings + size - end, END) != 0)
		return -ENODATA;
	findings[size - end] = '\0';
	return 0;
}

static int run(char *python, const char *file, char **findings)
{
	pid_t parent = getpid(), pid;
	FD_SCOPED script_fd = fd_sealed("narwhal-script", gunicorn_script, strlen(gunicorn_script));
	FD_SCOPED in_fd = -1;
	FD_SCOPED out_fd = -1;
	int ends[2];
	int error, outcome;

	if (script_fd < 0)
		return script_fd;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	in_fd = ends[0];
	out_fd = ends[1];
	pid = fork();
	if (pid == 0 && die_with(parent) != 0)
		_exit(NOT_EXECUTED);
	if (pid == 0)
		be_python(python, file, script_fd, out_fd);
	if (pid < 0)
		return -errno;
	fd_close(&out_fd);
	error = read_all(in_fd, findings);
	outcome = wait_for(pid);
	if (error == 0)
		error = outcome;
	return error == 0 ? take_end(*findings) : error;
}

int gunicorn_read(const struct settings *settings, const char *file, char **findings,
	struct text *why)
{
	char python[PATH_MAX];
	struct text name = TEXT_OVER(python);
	int error;

	*findings = NULL;
	name_python(settings, &name);
	if (access(file, R_OK) != 0) {
		text_printf(why, "%s: %s", file, strerror(errno));
		return -errno;
	}
	error = name.cut ? -ENAMETOOLONG : run(python, file, findings);
	if (error == 0)
		return 0;
	free(*findings);
	*findings = NULL;
	if (error == -ENODATA)
		text_printf(why, "%s: ends %s before all of it is told, as os._exit() does", file,
			python);
	else if (error == -ECANCELED)
		text_printf(why, "%s: %s has failed on it, and says why", file, python);
	else
		text_printf(why, "%s: %s: %s", file, python, strerror(-error));
	return error;
}
