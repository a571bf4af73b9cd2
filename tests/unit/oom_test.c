#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/oom.h"

#define NOW 1000000

static void a_kill_explains_one_death(void **state)
{
	struct oom_account account = {.kills = 7};

	(void)state;
	oom_account_update(&account, 7, NOW);
	assert_false(oom_account_take(&account, NOW));
	oom_account_update(&account, 9, NOW);
	assert_true(oom_account_take(&account, NOW));
	oom_account_update(&account, 9, NOW + 10); /* both died, one was found later */
	assert_true(oom_account_take(&account, NOW + 10));
	assert_false(oom_account_take(&account, NOW + 10));
}

static void a_kill_of_long_ago_explains_nothing(void **state)
{
	struct oom_account account = {.kills = 0};

	(void)state;
	oom_account_update(&account, 3, NOW);
	assert_true(oom_account_take(&account, NOW + OOM_SOON_MS));
	assert_false(oom_account_take(&account, NOW + OOM_SOON_MS + 1));
	oom_account_update(&account, 4, NOW + OOM_SOON_MS + 1);
	assert_true(oom_account_take(&account, NOW + OOM_SOON_MS + 1));
	assert_false(oom_account_take(&account, NOW + OOM_SOON_MS + 1));
}

static void a_counter_that_began_anew_explains_nothing(void **state)
{
	struct oom_account account = {.kills = 7};

	(void)state;
	oom_account_update(&account, 2, NOW);
	assert_false(oom_account_take(&account, NOW));
	oom_account_update(&account, 3, NOW);
	assert_true(oom_account_take(&account, NOW));
}

struct fixture {
	char root[64];
	char counter[128];
	struct oom oom;
};

static void put_counter(const struct fixture *f, const char *content)
{
	FD_SCOPED fd = open(f->counter, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
}

static const char *const directories[] = {"/sys", "/sys/fs", "/sys/fs/cgroup"};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	snprintf(f->root, sizeof(f->root), "/tmp/oom_test.XXXXXX");
	*state = f;
	if (mkdtemp(f->root) == NULL)
		return -1;
	for (size_t i = 0; i < COUNT_OF(directories); i++) {
		snprintf(f->counter, sizeof(f->counter), "%s%s", f->root, directories[i]);
		if (mkdir(f->counter, 0700) != 0)
			return -1;
	}
	snprintf(f->counter, sizeof(f->counter), "%s/sys/fs/cgroup/memory.events", f->root);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int left;

	oom_close(&f->oom);
	(void)unlink(f->counter);
	for (size_t i = COUNT_OF(directories); i-- > 0;) {
		snprintf(f->counter, sizeof(f->counter), "%s%s", f->root, directories[i]);
		(void)rmdir(f->counter);
	}
	left = rmdir(f->root);
	free(f);
	return left;
}

static void what_was_counted_before_the_start_explains_nothing(void **state)
{
	struct fixture *f = *state;

	put_counter(f, "oom_kill 4\n");
	oom_open(&f->oom, f->root);
	assert_false(oom_explains(&f->oom, NOW));
	put_counter(f, "oom_kill 5\n");
	assert_true(oom_explains(&f->oom, NOW));
	assert_false(oom_explains(&f->oom, NOW));
}

static void a_look_lets_a_kill_age(void **state)
{
	struct fixture *f = *state;

	put_counter(f, "oom_kill 0\n");
	oom_open(&f->oom, f->root);
	put_counter(f, "oom_kill 1\n");
	oom_look(&f->oom, NOW);
	assert_false(oom_explains(&f->oom, NOW + OOM_SOON_MS + 1));
}

static void a_counter_that_fails_is_opened_anew(void **state)
{
	struct fixture *f = *state;

	put_counter(f, "oom_kill 0\n");
	oom_open(&f->oom, f->root);
	put_counter(f, "");
	assert_int_equal(unlink(f->counter), 0);
	assert_false(oom_explains(&f->oom, NOW)); /* gone */
	assert_false(oom_explains(&f->oom, NOW));
	put_counter(f, "oom_kill 1\n");
	assert_true(oom_explains(&f->oom, NOW)); /* there again */
}

static void without_a_counter_nothing_is_explained(void **state)
{
	struct fixture *f = *state;

	oom_open(&f->oom, f->root);
	assert_int_equal(f->oom.fd, -1);
	assert_false(oom_explains(&f->oom, NOW));
	put_counter(f, "oom_kill 1\n"); /* too late: nobody knows what it was before */
	assert_false(oom_explains(&f->oom, NOW));
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_explains_one_death),
		cmocka_unit_test(a_kill_of_long_ago_explains_nothing),
		cmocka_unit_test(a_counter_that_began_anew_explains_nothing),
		WITH_ROOT(what_was_counted_before_the_start_explains_nothing),
		WITH_ROOT(a_look_lets_a_kill_age),
		WITH_ROOT(a_counter_that_fails_is_opened_anew),
		WITH_ROOT(without_a_counter_nothing_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
