/* Which groups a user is a member of, by files of passwd(5) and group(5). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/groups.h"
#include "tests/unit/unit.h"

static const char passwd[] = "root:x:0:0::/:/bin/sh\n"
			     "app:x:1000:1001::/:/bin/sh\n"
			     "twin:x:1000:1002::/:/bin/sh\n"
			     "lonely:x:1001:1003::/:/bin/sh\n";
static const char group[] = "app:x:1001:\n"
			    "disk:x:6:root,app\n"
			    "broken\n"
			    "+::0:app\n"
			    "+staff:::app\n"
			    "-games::60:app\n"
			    "appendix:x:7:appendix,application\n"
			    "audio:x:29:app\n"
			    "again:x:29:app,app\n"
			    "twins:x:30:twin\n";

static char files[2][32];

static void write_file(char path[32], const char *content)
{
	FILE *file;
	int fd;

	(void)memcpy(path, "/tmp/groups_test.XXXXXX", sizeof("/tmp/groups_test.XXXXXX"));
	fd = mkstemp(path);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int ask(uid_t uid, gid_t gid, struct groups *groups)
{
	const struct groups_question question = {uid, gid, files[0], files[1]};

	return groups_read(&question, groups);
}

static void a_user_has_its_own_group_and_those_that_name_it(void **state)
{
	struct groups groups;

	(void)state;
	write_file(files[0], passwd);
	write_file(files[1], group);
	assert_int_equal(ask(1000, 77, &groups), 0);
	assert_int_equal(groups.count, 3);
	assert_int_equal(groups.id[0], 77);
	assert_int_equal(groups.id[1], 6);
	assert_int_equal(groups.id[2], 29);
	assert_int_equal(ask(1001, 29, &groups), 0);
	assert_int_equal(groups.count, 1);
	assert_int_equal(groups.id[0], 29);
	(void)unlink(files[0]);
	(void)unlink(files[1]);
}

static void who_has_no_name_has_no_groups(void **state)
{
	struct groups groups;

	(void)state;
	write_file(files[0], passwd);
	write_file(files[1], group);
	assert_int_equal(ask(4711, 4711, &groups), 0);
	assert_int_equal(groups.count, 0);
	(void)unlink(files[1]);
	assert_int_equal(ask(1000, 1000, &groups), 0);
	assert_int_equal(groups.count, 1);
	(void)unlink(files[0]);
	assert_int_equal(ask(1000, 1000, &groups), 0);
	assert_int_equal(groups.count, 0);
}

static void more_than_there_is_room_for_is_told(void **state)
{
	static char lines[GROUPS_MAX * 32];
	struct groups groups;
	size_t used = 0;

	(void)state;
	for (int i = 0; i < GROUPS_MAX; i++)
		used += (size_t)snprintf(lines + used, sizeof(lines) - used, "g%d:x:%d:app\n", i,
			5000 + i);
	write_file(files[0], passwd);
	write_file(files[1], lines);
	assert_int_equal(ask(1000, 5000, &groups), 0);
	assert_int_equal(groups.count, GROUPS_MAX);
	assert_int_equal(ask(1000, 4999, &groups), -E2BIG);
	(void)unlink(files[0]);
	(void)unlink(files[1]);
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
	const struct groups_question question = {1000, 1000, "/dev/null/passwd", "/dev/null"};
	struct groups groups;

	(void)state;
	assert_int_equal(groups_read(&question, &groups), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_has_its_own_group_and_those_that_name_it),
		cmocka_unit_test(who_has_no_name_has_no_groups),
		cmocka_unit_test(more_than_there_is_room_for_is_told),
		cmocka_unit_test(a_file_that_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
