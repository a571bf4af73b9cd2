#include "service/apps/wsgi/locate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "service/apps/wsgi/python.h"

/* What is known of a program. */
struct origin_of_python {
	char home[PATH_MAX]; /* the directory that the real program lies in */
	unsigned minor;	     /* 3.minor; 0: not known */
	bool named;	     /* as a Python is; else it is perhaps none */
};

static bool is_program(const char *path)
{
	struct stat status;

	return access(path, X_OK) == 0 && stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* "3.11", "3.11.2": 11; else 0. */
static unsigned read_minor(const char *version)
{
	return strncmp(version, "3.", 2) == 0 ? (unsigned)strtoul(version + 2, NULL, 10) : 0;
}

static void cut_name(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash != NULL && slash != path)
		*slash = '\0';
}

/* "key = value" of pyvenv.cfg: the value, cut out of the line; or NULL. */
static const char *value_of(char *line, const char *key)
{
	size_t size = strlen(key);
	char *at = line + strspn(line, " \t");

	if (strncmp(at, key, size) != 0)
		return NULL;
	at += size;
	at += strspn(at, " \t");
	if (*at != '=')
		return NULL;
	at++;
	at += strspn(at, " \t");
	at[strcspn(at, "\r\n")] = '\0';
	return at;
}

/* Of a virtual environment: where the Python lies that it was made with (PEP 405). */
static bool read_environment(struct origin_of_python *origin, const char *directory)
{
	char path[PATH_MAX], line[PATH_MAX + 32];
	struct text text = TEXT_OVER(path);
	bool found = false;
	FILE *file;

	text_printf(&text, "%s/pyvenv.cfg", directory);
	file = text.cut ? NULL : fopen(path, "re");
	if (file == NULL)
		return false;
	while (fgets(line, sizeof(line), file) != NULL) {
		const char *home = value_of(line, "home");
		const char *version = home == NULL ? value_of(line, "version") : NULL;

		if (version == NULL && home == NULL)
			version = value_of(line, "version_info");
		origin->named = true;
		if (home != NULL)
			found = realpath(home, origin->home) != NULL;
		if (version != NULL)
			origin->minor = read_minor(version);
	}
	(void)fclose(file);
	return found;
}

/* Whether it is python3.14t, which is called so, all links followed: its objects are others. */
static bool is_free_threaded(const char *program)
{
	char path[PATH_MAX];
	size_t size;

	if (realpath(program, path) == NULL)
		return false;
	size = strlen(path);
	return size >= 2 && path[size - 1] == 't' && path[size - 2] >= '0' && path[size - 2] <= '9';
}

/* By the program's own name, all links followed: python3.11. */
static void read_name(struct origin_of_python *origin, const char *program)
{
	const char *name;

	if (realpath(program, origin->home) == NULL)
		return;
	name = strrchr(origin->home, '/') + 1;
	origin->named = strncmp(name, "python", 6) == 0;
	if (origin->named)
		origin->minor = read_minor(name + 6);
	cut_name(origin->home);
}

static void find_origin(struct origin_of_python *origin, const char *program)
{
	char directory[PATH_MAX];
	struct text text = TEXT_OVER(directory);

	*origin = (struct origin_of_python){0};
	text_add(&text, program);
	cut_name(directory);
	if (read_environment(origin, directory))
		return;
	cut_name(directory);
	if (!read_environment(origin, directory))
		read_name(origin, program);
}

/* Tries one version: where Pythons keep their library, below the prefix that has bin/. */
static bool find_version(struct located *located, const char *prefix, unsigned minor)
{
	static const char *const places[] = {"lib", "lib64", "lib/%s-linux-gnu"};
	struct utsname machine;

	(void)uname(&machine);
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		char place[sizeof(machine.machine) + 32];
		struct text inner = TEXT_OVER(place);
		struct text text = TEXT_OVER(located->library);

		if (strchr(places[i], '%') != NULL)
			text_printf(&inner, "lib/%s-linux-gnu", machine.machine);
		else
			text_add(&inner, places[i]);
		text_printf(&text, "%s/%s/libpython3.%u.so.1.0", prefix, place, minor);
		if (!text.cut && access(located->library, R_OK) == 0)
			return true;
	}
	return false;
}

static int find_library(struct located *located, struct text *why)
{
	struct origin_of_python origin;
	char *prefix = origin.home;

	if (is_free_threaded(located->program)) {
		text_printf(why,
			"python \"%.512s\" is free-threaded; allowed are builds with the "
			"global interpreter lock, 3.%d to 3.%d",
			located->program, PYTHON_OLDEST, PYTHON_NEWEST);
		return -EINVAL;
	}
	find_origin(&origin, located->program);
	if (origin.minor != 0 && (origin.minor < PYTHON_OLDEST || origin.minor > PYTHON_NEWEST)) {
		text_printf(why, "python \"%.512s\" is 3.%u; allowed are 3.%d to 3.%d",
			located->program, origin.minor, PYTHON_OLDEST, PYTHON_NEWEST);
		return -EINVAL;
	}
	cut_name(prefix);
	for (unsigned minor = PYTHON_NEWEST; origin.named && minor >= PYTHON_OLDEST; minor--) {
		if ((origin.minor == 0 || origin.minor == minor) &&
			find_version(located, prefix, minor))
			return 0;
	}
	text_printf(why, "python \"%.512s\": no shared library libpython3.", located->program);
	if (origin.minor != 0)
		text_add_uint(why, origin.minor);
	else
		text_add_char(why, '*');
	text_printf(why,
		".so.1.0 that uid %u may read in %.512s/lib, lib64 or lib/*-linux-gnu; a Python "
		"without one cannot be opened (Debian has it in the package libpython3.*)",
		(unsigned)geteuid(), prefix);
	return -ENOENT;
}

static int take_wanted(struct located *located, const char *wanted, struct text *why)
{
	struct text text = TEXT_OVER(located->program);
	struct stat status;

	text_add(&text, wanted);
	if (stat(wanted, &status) == 0 && S_ISDIR(status.st_mode))
		text_add(&text, "/bin/python3");
	if (!text.cut && is_program(located->program))
		return find_library(located, why);
	text_printf(why,
		"python \"%.512s\": allowed are a program that uid %u may run, and a directory "
		"that has it as bin/python3",
		wanted, (unsigned)geteuid());
	return -ENOENT;
}

/* The first in PATH whose library is there; else `why` tells of the first of all. */
static int search_path(struct located *located, const char *path, struct text *why)
{
	int first = 0;

	for (const char *at = path; at != NULL && *at != '\0';) {
		size_t size = strcspn(at, ":");
		struct text text = TEXT_OVER(located->program);
		char bytes[1024];
		struct text unused = TEXT_OVER(bytes);

		text_printf(&text, "%.*s/python3", (int)size, at);
		at += size + (at[size] == ':');
		if (text.cut || !is_program(located->program))
			continue;
		if (find_library(located, first == 0 ? why : &unused) == 0) {
			why->used = 0;
			why->bytes[0] = '\0';
			return 0;
		}
		first = -ENOENT;
	}
	if (first == 0)
		text_printf(why,
			"no python3 in PATH (%.512s) that uid %u may run; the setting `python` "
			"says where it is",
			path != NULL ? path : "not set", (unsigned)geteuid());
	return -ENOENT;
}

int locate(struct located *located, const char *wanted, const char *environment, const char *path,
	struct text *why)
{
	if (wanted != NULL)
		return take_wanted(located, wanted, why);
	if (environment != NULL && *environment != '\0')
		return take_wanted(located, environment, why);
	return search_path(located, path, why);
}
