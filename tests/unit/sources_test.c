#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "init/opening.h"
#include "init/raw_env.h"
#include "init/sources.h"

static void what_editors_and_compilers_leave_is_no_source(void **state)
{
	static const char *const sources[] = {"app.py", "server.js", "hello.so", "4913", "a.b.c"};
	static const char *const others[] = {"", ".app.py.swp", "app.py~", "app.pyc", "#app.py#",
		".git", "__pycache__", "node_modules", "a.tmp", "access.log"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sources); i++)
		assert_true(sources_counts(sources[i]));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_false(sources_counts(others[i]));
	assert_true(sources_enters("views"));
	assert_false(sources_enters(".git"));
	assert_false(sources_enters("node_modules"));
}

static void a_variable_has_a_name(void **state)
{
	static const char *const wrong[] = {"A", "=b", "A=b,C"};
	char bytes[128];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct text why = TEXT_OVER(bytes);

		assert_int_equal(raw_env_check(wrong[i], &why), -EINVAL);
		assert_non_null(strstr(bytes, "is no variable: allowed is NAME=VALUE"));
	}
}

static void variables_are_set_as_they_are_written(void **state)
{
	char bytes[128];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(raw_env_check("RAW_A=b=c,RAW_EMPTY=", &why), 0);
	assert_int_equal(raw_env_set("RAW_A=b=c,RAW_EMPTY="), 0);
	assert_string_equal(getenv("RAW_A"), "b=c");
	assert_string_equal(getenv("RAW_EMPTY"), "");
	assert_int_equal(raw_env_set(NULL), 0);
}

/* In a folder of its own, with an app that is looked for as a Python module is. */
static void begin(struct arbiter *a, const char *folder)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	*a = (struct arbiter){.log = {.fd = -1, .level = LOG_ERROR}};
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(opening_prepare(a, &why), 0);
	assert_int_equal(loop_open(&a->loop), 0);
	*a->current = (struct generation){.number = 1, .image_fd = -1, .certificates = {-1, -1}};
	assert_int_equal(settings_init(&a->current->config.settings), 0);
	a->current->config.settings.reload = true;
	a->current->config.app = strdup("nobody:app");
	a->now_ms = 1000;
	sources_use(a);
}

static void touch(const char *name)
{
	FD_SCOPED fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
}

static void who_changes_without_end_is_not_waited_for(void **state)
{
	static struct arbiter a;
	char folder[] = "/tmp/narwhal-sources-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(folder));
	begin(&a, folder);
	assert_int_equal(a.sources.folders, 1);
	assert_true(sources_deadline(&a.sources) == CLOCK_NEVER);
	for (a.now_ms = 1000; a.now_ms <= 7000; a.now_ms += 100) {
		touch("app.py");
		assert_int_equal(loop_wait(&a.loop, 10000), 1);
		loop_dispatch(&a.loop);
	}
	assert_int_equal(sources_deadline(&a.sources), 6000);
	assert_int_equal(unlink("app.py"), 0);
	assert_int_equal(rmdir(folder), 0);
	opening_close(&a);
}

static void a_change_is_waited_for_until_it_settles(void **state)
{
	static struct arbiter a;
	char folder[] = "/tmp/narwhal-sources-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(folder));
	begin(&a, folder);
	for (a.now_ms = 1000; a.now_ms <= 1300; a.now_ms += 100) {
		touch("app.py");
		assert_int_equal(loop_wait(&a.loop, 10000), 1);
		loop_dispatch(&a.loop);
	}
	assert_int_equal(sources_deadline(&a.sources), 1500);
	assert_int_equal(unlink("app.py"), 0);
	assert_int_equal(rmdir(folder), 0);
	opening_close(&a);
}

/* It may lie where no module is looked for. */
static void the_file_of_the_hooks_counts_wherever_it_lies(void **state)
{
	static struct arbiter a;
	char folder[] = "/tmp/narwhal-sources-XXXXXX", other[] = "/tmp/narwhal-hooks-XXXXXX";
	char conf[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_non_null(mkdtemp(other));
	begin(&a, folder);
	(void)snprintf(conf, sizeof(conf), "%s/gunicorn.conf.py", other);
	touch(conf);
	a.current->config.settings.gunicorn_conf = conf;
	sources_use(&a);
	touch(conf);
	assert_int_equal(loop_wait(&a.loop, 10000), 1);
	loop_dispatch(&a.loop);
	assert_int_equal(sources_deadline(&a.sources), 1200);
	a.current->config.settings.gunicorn_conf = NULL;
	assert_int_equal(unlink(conf), 0);
	assert_int_equal(rmdir(other), 0);
	assert_int_equal(rmdir(folder), 0);
	opening_close(&a);
}

static void below_the_root_nothing_is_watched(void **state)
{
	static struct arbiter a;

	(void)state;
	begin(&a, "/");
	assert_int_equal(a.sources.folders, 1);
	opening_close(&a);
}

static void of_too_many_folders_the_first_are_watched(void **state)
{
	static struct arbiter a;
	char folder[] = "/tmp/narwhal-sources-XXXXXX", name[32];

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	for (int i = 0; i < 1100; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(mkdir(name, 0700), 0);
	}
	begin(&a, folder);
	assert_int_equal(a.sources.folders, 1024);
	assert_true(a.sources.cut);
	opening_close(&a);
	for (int i = 0; i < 1100; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(rmdir(name), 0);
	}
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_editors_and_compilers_leave_is_no_source),
		cmocka_unit_test(who_changes_without_end_is_not_waited_for),
		cmocka_unit_test(a_change_is_waited_for_until_it_settles),
		cmocka_unit_test(the_file_of_the_hooks_counts_wherever_it_lies),
		cmocka_unit_test(below_the_root_nothing_is_watched),
		cmocka_unit_test(of_too_many_folders_the_first_are_watched),
		cmocka_unit_test(a_variable_has_a_name),
		cmocka_unit_test(variables_are_set_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
