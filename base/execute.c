#include "base/execute.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/search.h"

/* Other places may still have it. */
static bool is_elsewhere(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES || error == ENAMETOOLONG ||
	       error == ELOOP || error == ESTALE || error == ENODEV || error == ETIMEDOUT;
}

static bool is_path(const char *name)
{
	return strchr(name, '/') != NULL;
}

/* Tries each place, until one says something else than that it is not there. */
static int try_places(const char *name, int (*attempt)(const char *place, char *const *words),
	char *const *words)
{
	struct search search = search_begin(name, getenv("PATH"));
	char bytes[PATH_MAX];
	struct text place = TEXT_OVER(bytes);
	int error = ENOENT;

	while (search_next(&search, &place)) {
		if (!place.cut) {
			int outcome = attempt(bytes, words);

			if (outcome == 0 || is_path(name) || !is_elsewhere(-outcome))
				return outcome;
			error = outcome == -EACCES ? EACCES : error;
		}
		place = TEXT_OVER(bytes);
	}
	return -error;
}

static int execute_at(const char *place, char *const *words)
{
	(void)execve(place, words, environ);
	return -errno;
}

static int look_at(const char *place, char *const *words)
{
	struct stat status;

	(void)words;
	if (stat(place, &status) != 0 || access(place, X_OK) != 0)
		return -errno;
	return S_ISREG(status.st_mode) ? 0 : -EACCES;
}

int execute_words(char *const *words)
{
	return try_places(words[0], execute_at, words);
}

int execute_find(const char *name)
{
	return try_places(name, look_at, NULL);
}

const char *execute_reason(const char *name, int error)
{
	if (error == -ENOENT && is_path(name) && access(name, F_OK) == 0)
		return "its interpreter (of the #! line, or the dynamic loader) is not there";
	if (error == -ENOENT && !is_path(name))
		return "not found in PATH";
	if (error == -ENOEXEC)
		return "is no program: not of this machine's kind, or a script without a #! line";
	return strerror(-error);
}
