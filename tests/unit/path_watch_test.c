/* What wakes who watches a path: in directories as Kubernetes and certbot make them. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "init/path_watch.h"

static char root[] = "/tmp/path_watch_XXXXXX";

static int enter(void **state)
{
	(void)state;
	return mkdtemp(root) != NULL && chdir(root) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	char command[64];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", root);
	return chdir("/") == 0 ? system(command) : -1;
}

static void run(const char *command)
{
	assert_int_equal(system(command), 0);
}

static bool was_woken(int fd)
{
	char bytes[8192];
	bool woken = false;

	while (read(fd, bytes, sizeof(bytes)) > 0)
		woken = true;
	return woken;
}

/* Watches `path`, and says whether the command wakes. */
static bool wakes(const char *path, const char *command)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	bool woken;

	assert_true(fd >= 0);
	assert_int_equal(path_watch_add(fd, path), 0);
	(void)was_woken(fd);
	run(command);
	woken = was_woken(fd);
	(void)close(fd);
	return woken;
}

static void a_file_is_replaced_or_written_in_place(void **state)
{
	(void)state;
	run("mkdir plain && echo 1 >plain/crt");
	assert_true(wakes("plain/crt", "echo 2 >plain/new && mv plain/new plain/crt"));
	assert_true(wakes("plain/crt", "echo 3 >plain/crt"));
	assert_true(wakes("plain/crt", "rm plain/crt"));
	assert_true(wakes("plain/crt", "echo 4 >plain/crt"));
	assert_false(wakes("plain/crt", "cat plain/crt >/dev/null; echo 1 >elsewhere"));
}

static void an_absolute_path_is_the_same(void **state)
{
	char path[64];

	(void)state;
	run("mkdir whole && echo 1 >whole/crt");
	(void)snprintf(path, sizeof(path), "%s//whole/./crt", root);
	assert_true(wakes(path, "echo 2 >whole/crt"));
	assert_false(wakes(path, "echo 1 >elsewhere"));
}

static void kubernetes_swaps_its_data(void **state)
{
	(void)state;
	run("mkdir -p secret/..one secret/..two && echo 1 >secret/..one/crt && echo 2 "
	    ">secret/..two/crt"
	    " && ln -s ..one secret/..data && ln -s ..data/crt secret/crt");
	assert_true(wakes("secret/crt",
		"ln -s ..two secret/..tmp && mv -T secret/..tmp secret/..data"));
	assert_true(wakes("secret/crt", "echo 3 >secret/..two/crt"));
}

static void certbot_links_to_its_archive(void **state)
{
	(void)state;
	run("mkdir -p live/x archive/x && echo 1 >archive/x/chain1 &&"
	    " ln -s ../../archive/x/chain1 live/x/chain");
	assert_true(wakes("live/x/chain",
		"echo 2 >archive/x/chain2 && ln -sf ../../archive/x/chain2 live/x/chain"));
	assert_true(wakes("live/x/chain", "echo 3 >archive/x/chain2"));
}

static void a_directory_that_is_a_link_becomes_another(void **state)
{
	(void)state;
	run("mkdir v1 v2 && echo 1 >v1/crt && echo 2 >v2/crt && ln -s v1 now");
	assert_true(wakes("now/crt", "ln -sfn v2 now"));
	assert_true(wakes("now/crt", "echo 3 >v2/crt"));
}

static void what_is_missing_is_awaited_where_it_must_appear(void **state)
{
	(void)state;
	run("mkdir -p deep/er && echo 1 >deep/er/crt");
	assert_true(wakes("deep/er/crt", "rm -r deep/er"));
	assert_true(wakes("deep/er/crt", "mkdir deep/er"));
	assert_true(wakes("deep/er/crt", "mv deep/er deep/away"));
	run("ln -s nowhere dangling");
	assert_true(wakes("dangling", "echo 1 >nowhere"));
}

static void a_tree_is_watched_two_levels_deep(void **state)
{
	static const char *const changes[] = {
		"echo 2 >tree/a.crt",
		"echo 2 >archives/b",
		"echo 2 >tree/c/tls.crt",
		"echo 2 >archives/d",
		"mkdir tree/e",
	};

	(void)state;
	run("mkdir -p tree/c tree/.hidden archives && echo 1 >tree/a.crt && echo 1 >archives/b &&"
	    " ln -s ../archives/b tree/b.crt && echo 1 >tree/c/tls.crt && echo 1 >archives/d &&"
	    " ln -s ../../archives/d tree/c/tls.key");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

		assert_int_equal(path_watch_add_tree(fd, "tree"), 0);
		(void)was_woken(fd);
		run(changes[i]);
		assert_true(was_woken(fd));
		run("echo 1 >tree/.hidden/x");
		assert_false(was_woken(fd));
		(void)close(fd);
	}
}

static void links_in_a_circle_end(void **state)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	(void)state;
	run("ln -s two one && ln -s one two");
	assert_int_equal(path_watch_add(fd, "one"), -ELOOP);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_replaced_or_written_in_place),
		cmocka_unit_test(an_absolute_path_is_the_same),
		cmocka_unit_test(kubernetes_swaps_its_data),
		cmocka_unit_test(certbot_links_to_its_archive),
		cmocka_unit_test(a_directory_that_is_a_link_becomes_another),
		cmocka_unit_test(what_is_missing_is_awaited_where_it_must_appear),
		cmocka_unit_test(a_tree_is_watched_two_levels_deep),
		cmocka_unit_test(links_in_a_circle_end),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
