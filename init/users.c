#include "init/users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct users_question users_question(const struct settings *settings)
{
	return (struct users_question){.user = settings->user,
		.group = settings->group,
		.initgroups = settings->initgroups,
		.uid = geteuid(),
		.gid = getegid(),
		.passwd_file = "/etc/passwd",
		.group_file = "/etc/group"};
}

/* An entry of passwd(5) or group(5), as far as we care. */
struct entry {
	uint32_t id;  /* uid or gid */
	uint32_t gid; /* of a user */
};

/* What the two settings have in common, and where they differ. */
struct namespace
{
	const char *setting;
	const char *file;
	/* The next entry's name, or NULL at the end; the stream's own memory. */
	const char *(*next)(FILE * stream, struct entry * entry);
};

static const char *next_user(FILE *stream, struct entry *entry)
{
	const struct passwd *user = fgetpwent(stream);

	if (user == NULL)
		return NULL;
	*entry = (struct entry){.id = user->pw_uid, .gid = user->pw_gid};
	return user->pw_name;
}

static const char *next_group(FILE *stream, struct entry *entry)
{
	const struct group *group = fgetgrent(stream);

	if (group == NULL)
		return NULL;
	*entry = (struct entry){.id = group->gr_gid, .gid = group->gr_gid};
	return group->gr_name;
}

static int refuse(const struct namespace *space, const char *value, int error, const char *wrong,
	struct text *why)
{
	text_printf(why, "%s: \"", space->setting);
	text_add_escaped(why, value, strlen(value), false);
	text_printf(why, "\" %s", wrong);
	return error;
}

/*
 * The entry of that name or, if `name` is NULL, the first of entry->id. 0; -ESRCH when there is
 * none (or no file: an image built from scratch has none); -errno.
 */
static int find(const struct namespace *space, const char *name, struct entry *entry)
{
	FILE *stream = fopen(space->file, "re");
	struct entry at;
	const char *at_name;
	int error = -ESRCH;

	if (stream == NULL)
		return errno == ENOENT ? -ESRCH : -errno;
	while (error != 0 && (at_name = space->next(stream, &at)) != NULL) {
		if (name != NULL ? strcmp(name, at_name) == 0 : at.id == entry->id)
			error = 0;
	}
	if (error == 0)
		*entry = at;
	else if (ferror(stream))
		error = -EIO;
	(void)fclose(stream);
	return error;
}

/* `value`, a name or a number, becomes an entry; a number without one is its own group, too. */
static int resolve(const struct namespace *space, const char *value, struct entry *entry,
	struct text *why)
{
	uint64_t number;
	/* All bits set means "leave as it is" to setresuid(2): never an id. */
	int error = text_to_uint(value, strlen(value), UINT32_MAX - 1, &number);

	if (error == -ERANGE)
		return refuse(space, value, -EINVAL,
			"is out of range: allowed are 0 to 4294967294, or a name", why);
	if (error == 0) {
		*entry = (struct entry){.id = (uint32_t)number, .gid = (uint32_t)number};
		error = find(space, NULL, entry);
		if (error == -ESRCH)
			return 0;
	} else {
		error = find(space, value, entry);
	}
	if (error == 0)
		return 0;
	if (error == -ESRCH) {
		refuse(space, value, 0, "is unknown: allowed are a number, or a name from ", why);
		text_add(why, space->file);
		return -EINVAL;
	}
	refuse(space, value, 0, "cannot be looked up: ", why);
	text_printf(why, "%s: %s", space->file, strerrorname_np(-error));
	return error;
}

/* Not root: nothing can be changed, and only what is so already may be asked for. */
static int keep(const struct namespace *space, const char *value, uint32_t own, struct text *why)
{
	struct entry entry = {0};
	int error;

	if (value == NULL)
		return 0;
	error = resolve(space, value, &entry, why);
	if (error != 0 || entry.id == own)
		return error;
	refuse(space, value, 0, "needs root: started as ", why);
	text_printf(why, "%u, allowed is %u", own, own);
	return -EPERM;
}

static int keep_all(const struct users_question *question, const struct namespace *user,
	const struct namespace *group, struct text *why)
{
	int error = keep(user, question->user, question->uid, why);

	if (error == 0)
		error = keep(group, question->group, question->gid, why);
	if (error != 0 || !question->initgroups)
		return error;
	text_printf(why, "initgroups: needs root: started as %u, groups stay as they are",
		(unsigned)question->uid);
	return -EPERM;
}

int users_resolve(const struct users_question *question, struct users *users, struct text *why)
{
	const struct namespace user = {"user", question->passwd_file, next_user};
	const struct namespace group = {"group", question->group_file, next_group};
	struct entry entry = {.id = USERS_NOBODY, .gid = USERS_NOBODY};
	int error = 0;

	*users = (struct users){.drop = question->uid == 0,
		.uid = question->uid,
		.gid = question->gid,
		.defaulted = question->uid == 0 && question->user == NULL};
	if (!users->drop)
		return keep_all(question, &user, &group, why);
	if (question->user != NULL)
		error = resolve(&user, question->user, &entry, why);
	users->uid = entry.id;
	users->gid = entry.gid;
	if (error == 0 && question->group != NULL) {
		error = resolve(&group, question->group, &entry, why);
		users->gid = entry.id;
	}
	return error;
}
