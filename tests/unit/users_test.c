#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "init/users.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
			     "www-data:x:33:34:www:/var/www:/bin/sh\n"
			     "12:x:77:78::/:/bin/sh\n"
			     "broken line\n"
			     "twin:x:33:99::/:/bin/sh\n"
			     "app:x:1000:1001:app:/:/bin/sh\n";
static const char groups[] = "root:x:0:\nwww:x:34:a,b\napp:x:1001:\n";

struct files {
	char passwd[32];
	char group[32];
};

static void write_file(char *path, const char *content)
{
	FILE *file;
	int fd = mkostemp(path, O_CLOEXEC);

	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
	static struct files files;

	files = (struct files){"/tmp/users_test.XXXXXX", "/tmp/users_test.XXXXXX"};
	write_file(files.passwd, passwd);
	write_file(files.group, groups);
	*state = &files;
	return 0;
}

static int tear_down(void **state)
{
	struct files *files = *state;

	return unlink(files->passwd) | unlink(files->group);
}

static char said[256];

static int ask(void **state, uid_t own, const char *user, const char *group, struct users *users)
{
	const struct files *files = *state;
	struct users_question question = {.user = user,
		.group = group,
		.uid = own,
		.gid = own,
		.passwd_file = files->passwd,
		.group_file = files->group};
	struct text why = TEXT_OVER(said);

	return users_resolve(&question, users, &why);
}

static const struct {
	uid_t own;
	const char *user, *group;
	struct users users;
} answers[] = {
	{0, NULL, NULL, {true, 65534, 65534, true}},
	{0, NULL, "app", {true, 65534, 1001, true}},
	{0, "app", NULL, {true, 1000, 1001, false}},
	{0, "app", "www", {true, 1000, 34, false}},
	{0, "app", "77", {true, 1000, 77, false}},
	{0, "33", NULL, {true, 33, 34, false}},
	{0, "12", NULL, {true, 12, 12, false}}, /* digits are always a number */
	{0, "4294967294", NULL, {true, 4294967294, 4294967294, false}},
	{0, "root", NULL, {true, 0, 0, false}},
	{0, "0", NULL, {true, 0, 0, false}},
	{1000, NULL, NULL, {false, 1000, 1000, false}},
	{1000, "app", NULL, {false, 1000, 1000, false}},
	{1000, "1000", "1000", {false, 1000, 1000, false}},
};

static void names_and_numbers_become_ids(void **state)
{
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		struct users users;

		assert_int_equal(ask(state, answers[i].own, answers[i].user, answers[i].group,
					 &users),
			0);
		assert_int_equal(users.drop, answers[i].users.drop);
		assert_int_equal(users.uid, answers[i].users.uid);
		assert_int_equal(users.gid, answers[i].users.gid);
		assert_int_equal(users.defaulted, answers[i].users.defaulted);
	}
}

static void groups_are_roots_alone_to_give(void **state)
{
	const struct files *files = *state;
	struct users_question question = {.user = "app",
		.initgroups = true,
		.uid = 1000,
		.gid = 1001,
		.passwd_file = files->passwd,
		.group_file = files->group};
	struct text why = TEXT_OVER(said);
	struct users users;

	assert_int_equal(users_resolve(&question, &users, &why), -EPERM);
	assert_string_equal(said,
		"initgroups: needs root: started as 1000, groups stay as they are");
	question.uid = 0;
	assert_int_equal(users_resolve(&question, &users, &why), 0);
}

struct refusal {
	uid_t own;
	const char *user, *group;
	int error;
	const char *reason; /* what it begins with */
};

static void assert_refused(void **state, const struct refusal *refusal)
{
	struct users users;

	assert_int_equal(ask(state, refusal->own, refusal->user, refusal->group, &users),
		refusal->error);
	assert_memory_equal(said, refusal->reason, strlen(refusal->reason));
}

static void an_unknown_name_is_refused(void **state)
{
	const char *unknown = "user: \"wwwdata\" is unknown: "
			      "allowed are a number, or a name from /tmp/users_test.";

	assert_refused(state, &(struct refusal){0, "wwwdata", NULL, -EINVAL, unknown});
	assert_refused(state, &(struct refusal){1000, "wwwdata", NULL, -EINVAL, unknown});
	assert_refused(state,
		&(struct refusal){0, "ro\not", NULL, -EINVAL, "user: \"ro\\x0aot\" is unknown"});
	assert_refused(state, &(struct refusal){0, "-1", NULL, -EINVAL, "user: \"-1\" is unknown"});
	assert_refused(state,
		&(struct refusal){0, "root", "wheel", -EINVAL,
			"group: \"wheel\" is unknown: allowed are a number, or a name from "});
}

static void the_id_that_means_none_is_refused(void **state)
{
	assert_refused(state, &(struct refusal){0, "4294967295", NULL, -EINVAL,
				      "user: \"4294967295\" is out of range: allowed are 0 to "
				      "4294967294, or a name"});
}

static void another_user_needs_root(void **state)
{
	assert_refused(state,
		&(struct refusal){1000, "root", NULL, -EPERM,
			"user: \"root\" needs root: started as 1000, allowed is 1000"});
	assert_refused(state,
		&(struct refusal){1000, "app", "www", -EPERM,
			"group: \"www\" needs root: started as 1000, allowed is 1000"});
}

static void without_the_files_numbers_still_work(void **state)
{
	struct files *files = *state;
	struct users users;

	assert_int_equal(unlink(files->passwd) | unlink(files->group), 0);
	assert_int_equal(ask(state, 0, "12345", NULL, &users), 0);
	assert_int_equal(users.uid, 12345);
	assert_int_equal(users.gid, 12345);
	assert_int_equal(ask(state, 0, NULL, NULL, &users), 0);
	assert_int_equal(users.uid, 65534);
	assert_refused(state,
		&(struct refusal){0, "root", NULL, -EINVAL, "user: \"root\" is unknown"});
	set_up(state);
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
	struct users users;
	struct text why = TEXT_OVER(said);
	struct users_question question = {.user = "1000", .passwd_file = "/dev/null/x"};

	(void)state;
	assert_int_equal(users_resolve(&question, &users, &why), -ENOTDIR);
	assert_string_equal(said, "user: \"1000\" cannot be looked up: /dev/null/x: ENOTDIR");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_numbers_become_ids),
		cmocka_unit_test(an_unknown_name_is_refused),
		cmocka_unit_test(the_id_that_means_none_is_refused),
		cmocka_unit_test(another_user_needs_root),
		cmocka_unit_test(groups_are_roots_alone_to_give),
		cmocka_unit_test(without_the_files_numbers_still_work),
		cmocka_unit_test(a_file_that_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
