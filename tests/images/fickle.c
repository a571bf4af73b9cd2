/*
 * fickle.c - a worker's program that serves in a trial, where its generation is 1, and is of no use
 * in earnest; how, its file's name says:
 *
 *	mute      never says a word
 *	brittle   serves, and crashes a moment later
 *
 * The worker that it is a fake of stands beside it, as narwhal-worker.
 */
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOMENT_NS 300000000

static bool is_called(const char *path, const char *name)
{
	char copy[PATH_MAX];

	(void)strncpy(copy, path, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	return strcmp(basename(copy), name) == 0;
}

static void crash_later(void)
{
	const struct timespec moment = {.tv_nsec = MOMENT_NS};
	pid_t worker = getpid();

	if (fork() != 0)
		return;
	(void)nanosleep(&moment, NULL);
	(void)kill(worker, SIGSEGV);
	_exit(0);
}

int main(int argc, char **argv)
{
	char self[PATH_MAX], worker[PATH_MAX + 16];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	if (argc < 3) /* the settings may add a name */
		return 1;
	if (strcmp(argv[2], "generation=1") != 0) {
		while (is_called(self, "mute"))
			(void)pause();
		crash_later();
	}
	(void)strcpy(worker, dirname(self));
	(void)strcat(worker, "/narwhal-worker");
	(void)execv(worker, argv);
	return 1;
}
