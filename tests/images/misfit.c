/*
 * misfit.c - narwhal itself, but for one fault; which one, its file's name says:
 *
 *	older     is handed a heirloom of a later version than it knows
 *	crash     passes its trial, and dies of a fault when it has thawed in earnest
 *	abort     the same, of an assertion
 *	hang      the same, and comes to no end
 *	refuse    the same, and finds something wrong
 *	deaf      is none at all: hangs from its first line on
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/adoption.h"
#include "init/heirloom.h"

int __real_heirloom_thaw(struct arbiter *arbiter, const char *bytes, size_t size, struct text *why);
int __wrap_heirloom_thaw(struct arbiter *arbiter, const char *bytes, size_t size, struct text *why);
int __real_adoption_run(struct arbiter *arbiter, struct text *why);
int __wrap_adoption_run(struct arbiter *arbiter, struct text *why);

static bool is_called(const char *fault)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n > 0 ? n : 0] = '\0';
	return strcmp(basename(path), fault) == 0;
}

NORETURN static void hang(void)
{
	for (;;)
		(void)pause();
}

__attribute__((constructor)) static void begin(void)
{
	if (is_called("deaf"))
		hang();
}

int __wrap_heirloom_thaw(struct arbiter *arbiter, const char *bytes, size_t size, struct text *why)
{
	char *copy = malloc(size);
	int error = -ENOMEM;

	if (copy != NULL) {
		memcpy(copy, bytes, size);
		if (is_called("older"))
			strchr(copy, ' ')[1]++;
		error = __real_heirloom_thaw(arbiter, copy, size, why);
	}
	free(copy);
	return error;
}

int __wrap_adoption_run(struct arbiter *arbiter, struct text *why)
{
	int error = __real_adoption_run(arbiter, why);

	if (is_called("crash"))
		(void)raise(SIGSEGV);
	if (is_called("abort"))
		abort();
	if (is_called("hang"))
		hang();
	return is_called("refuse") ? -EPROTO : error;
}
