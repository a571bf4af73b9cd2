#include "base/groups.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A missing file names nobody. */
static int open_file(const char *path, FILE **stream)
{
	*stream = fopen(path, "re");
	return *stream != NULL || errno == ENOENT ? 0 : -errno;
}

static int close_file(FILE *stream, int error)
{
	if (error == 0 && ferror(stream))
		error = -EIO;
	(void)fclose(stream);
	return error;
}

/* "+staff:::app" is for NIS (nsswitch.conf(5), compat): it names no group, and its gid reads as 0.
 */
static bool is_group(const struct group *group)
{
	return group->gr_name[0] != '+' && group->gr_name[0] != '-';
}

static bool is_member(const struct group *group, const char *name)
{
	for (char **member = group->gr_mem; *member != NULL; member++) {
		if (strcmp(*member, name) == 0)
			return true;
	}
	return false;
}

static int add(struct groups *groups, gid_t gid)
{
	for (size_t i = 0; i < groups->count; i++) {
		if (groups->id[i] == gid)
			return 0;
	}
	if (groups->count == GROUPS_MAX)
		return -E2BIG;
	groups->id[groups->count++] = gid;
	return 0;
}

static int add_memberships(const char *file, const char *name, struct groups *groups)
{
	const struct group *group;
	FILE *stream;
	int error = open_file(file, &stream);

	if (error != 0 || stream == NULL)
		return error;
	while (error == 0 && (group = fgetgrent(stream)) != NULL) {
		if (is_group(group) && is_member(group, name))
			error = add(groups, group->gr_gid);
	}
	return close_file(stream, error);
}

int groups_read(const struct groups_question *question, struct groups *groups)
{
	const struct passwd *user = NULL;
	FILE *stream;
	int error = open_file(question->passwd_file, &stream);

	groups->count = 0;
	if (error != 0 || stream == NULL)
		return error;
	while ((user = fgetpwent(stream)) != NULL && user->pw_uid != question->uid)
		;
	if (user != NULL) /* its name is the C library's own memory, until the next fgetpwent(3) */
		error = add(groups, question->gid);
	if (error == 0 && user != NULL)
		error = add_memberships(question->group_file, user->pw_name, groups);
	return close_file(stream, error);
}
