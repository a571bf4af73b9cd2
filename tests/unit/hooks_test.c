/* Hooks as real children: what they are given, how they end, how many there may be. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "init/hooks.h"

struct fixture {
	char directory[64];
	char name[128]; /* the last one made */
	char why_bytes[512];
	struct text why;
	struct settings settings;
	struct log log;
	char lines[65536]; /* of the log */
	struct hooks hooks;
	struct descriptors descriptors;
	uint64_t now_ms;
};

/* So many forks are refused. */
static unsigned refusals;

/* Instead of the C library's. */
pid_t fork(void)
{
	if (refusals == 0)
		return _Fork();
	refusals--;
	errno = EAGAIN;
	return -1;
}

static const struct log_field nothing[] = {{.kind = LOG_FIELD_END}};

static const char *path_of(struct fixture *f, const char *name)
{
	snprintf(f->name, sizeof(f->name), "%s/%s", f->directory, name);
	return f->name;
}

static const char *make_script(struct fixture *f, const char *name, mode_t mode, const char *body)
{
	FD_SCOPED fd = open(path_of(f, name), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "#!/bin/sh\ncd %s\n%s\n", f->directory, body) > 0);
	assert_int_equal(fchmod(fd, mode), 0);
	return f->name;
}

static void set(struct fixture *f, const char *setting, const char *value)
{
	const struct setting *row = setting_named(setting, strlen(setting));

	assert_non_null(row);
	assert_int_equal(setting_read(row, value, false, &f->settings, &f->why), 0);
}

static const char *content(struct fixture *f, const char *name)
{
	static char bytes[8192];
	FD_SCOPED fd = open(path_of(f, name), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, bytes, sizeof(bytes) - 1) : 0;

	bytes[n > 0 ? n : 0] = '\0';
	return bytes;
}

static const char *read_log(struct fixture *f)
{
	ssize_t n = pread(f->log.fd, f->lines, sizeof(f->lines) - 1, 0);

	f->lines[n > 0 ? n : 0] = '\0';
	return f->lines;
}

static void assert_logged(struct fixture *f, const char *part)
{
	if (strstr(read_log(f), part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, f->lines);
}

static size_t count_logged(struct fixture *f, const char *part)
{
	size_t count = 0;

	for (const char *at = read_log(f); (at = strstr(at, part)) != NULL; at++)
		count++;
	return count;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	*state = f;
	snprintf(f->directory, sizeof(f->directory), "/tmp/hooks_test.XXXXXX");
	f->why = TEXT_OVER(f->why_bytes);
	f->log = (struct log){.fd = memfd_create("log", MFD_CLOEXEC), .level = LOG_DEBUG};
	f->now_ms = clock_ms();
	return mkdtemp(f->directory) == NULL || settings_init(&f->settings) != 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	hooks_close(&f->hooks);
	settings_free(&f->settings);
	fd_close(&f->log.fd);
	snprintf(command, sizeof(command), "rm -r %s", f->directory);
	free(f);
	return system(command);
}

/* What a generation does with its settings. */
static int load(struct fixture *f)
{
	struct hook_book *book = NULL;
	int error = hook_book_read(&f->settings, &book, &f->why);

	if (error == 0)
		hooks_use(&f->hooks, book);
	hook_book_release(book);
	return error;
}

static void begin(struct fixture *f)
{
	assert_int_equal(hooks_open(&f->hooks, &f->log, &f->descriptors, &f->why), 0);
	assert_int_equal(load(f), 0);
}

static void fire(struct fixture *f, enum hook hook)
{
	hooks_fire(&f->hooks, hook, nothing, f->now_ms);
}

/* Reaps the next dead child, as the arbiter's loop would: false after five seconds. */
static bool reap_one(struct fixture *f)
{
	siginfo_t info = {0};

	for (int i = 0; i < 5000; i++) {
		assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOHANG), 0);
		if (info.si_pid != 0)
			return hooks_reap(&f->hooks, &info, NULL, f->now_ms);
		(void)poll(NULL, 0, 1);
	}
	return false;
}

static void reap_all(struct fixture *f)
{
	while (hooks_count(&f->hooks, HOOKS) > 0)
		assert_true(reap_one(f));
}

static void a_hook_gets_its_facts_and_none_of_the_arbiters_own(void **state)
{
	static const struct log_field facts[] = {
		{.kind = LOG_FIELD_UINT, .name = "slot", .number = 3},
		{.kind = LOG_FIELD_INT, .name = "status", .number = (uint64_t)-1},
		{.kind = LOG_FIELD_STRING, .name = "cause", .string = "timeout"},
		{.kind = LOG_FIELD_STRING, .name = "signal", .string = NULL},
		{.kind = LOG_FIELD_END},
	};
	struct fixture *f = *state;

	(void)setenv("NOTIFY_SOCKET", "/x", 1);
	(void)setenv("WATCHDOG_USEC", "5", 1);
	(void)setenv("LISTEN_FDS", "5", 1);
	(void)setenv("KEPT", "yes", 1);
	set(f, "child_exit", make_script(f, "hook", 0755, "env | grep -v ^_ >out"));
	begin(f);
	hooks_fire(&f->hooks, HOOK_CHILD_EXIT, facts, f->now_ms);
	reap_all(f);
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("LISTEN_FDS");
	assert_non_null(strstr(content(f, "out"), "NARWHAL_HOOK=child_exit\n"));
	assert_non_null(strstr(content(f, "out"), "NARWHAL_SLOT=3\n"));
	assert_non_null(strstr(content(f, "out"), "NARWHAL_STATUS=-1\n"));
	assert_non_null(strstr(content(f, "out"), "NARWHAL_CAUSE=timeout\n"));
	assert_non_null(strstr(content(f, "out"), "KEPT=yes\n"));
	assert_null(strstr(content(f, "out"), "NARWHAL_SIGNAL"));
	assert_null(strstr(content(f, "out"), "NOTIFY_SOCKET"));
	assert_null(strstr(content(f, "out"), "WATCHDOG"));
	assert_null(strstr(content(f, "out"), "LISTEN_"));
	assert_logged(f, " debug hook_done hook=child_exit ");
	assert_int_equal(f->hooks.failures[HOOK_CHILD_EXIT], 0);
}

static void a_hook_is_born_clean(void **state)
{
	struct fixture *f = *state;
	sigset_t all, before;
	FD_SCOPED leak = open("/dev/null", O_RDONLY | O_CLOEXEC);
	mode_t mask = umask(0);
	char number[32];

	assert_int_equal(fd_inherit(leak), 0); /* as one that our parent left open */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	(void)signal(SIGUSR1, SIG_IGN);
	set(f, "on_exit",
		make_script(f, "hook", 0755,
			"ls -l /proc/$$/fd >fds; cat >in; umask >mask\n"
			"cut -d' ' -f5,6 /proc/$$/stat >session; echo $$ $$ >own\n"
			/* A shell blocks signals while it waits for a child: by exec. */
			"exec cat /proc/self/status >status"));
	begin(f);
	fire(f, HOOK_ON_EXIT);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	(void)signal(SIGUSR1, SIG_DFL);
	(void)umask(mask);
	reap_all(f);
	assert_string_equal(content(f, "in"), "");
	assert_non_null(strstr(content(f, "fds"), " 0 -> /dev/null"));
	assert_non_null(strstr(content(f, "fds"), " 1 -> "));
	snprintf(number, sizeof(number), " %d -> ", leak);
	assert_null(strstr(content(f, "fds"), number));
	assert_null(strstr(content(f, "fds"), "epoll"));
	assert_null(strstr(content(f, "fds"), "memfd"));
	assert_non_null(strstr(content(f, "status"), "SigBlk:\t0000000000000000"));
	assert_non_null(strstr(content(f, "status"), "SigIgn:\t0000000000000000"));
	assert_string_equal(content(f, "mask"), "0022\n");
	char own[64];
	snprintf(own, sizeof(own), "%s", content(f, "own"));
	assert_string_equal(content(f, "session"), own);
}

static void every_failure_is_told_with_its_cause(void **state)
{
	struct fixture *f = *state;

	set(f, "on_reload", make_script(f, "status", 0755, "exit 7"));
	set(f, "on_drain", make_script(f, "signal", 0755, "kill -SEGV $$"));
	set(f, "pre_fork", make_script(f, "plain", 0644, "true"));
	set(f, "post_fork", path_of(f, "missing"));
	set(f, "on_starting", make_script(f, "fatal", 0755, "exit 127"));
	begin(f);
	fire(f, HOOK_ON_RELOAD);
	fire(f, HOOK_ON_DRAIN);
	fire(f, HOOK_PRE_FORK);
	fire(f, HOOK_POST_FORK);
	fire(f, HOOK_ON_STARTING);
	reap_all(f);
	assert_logged(f, " warning hook_failed hook=on_reload ");
	assert_logged(f, "cause=exit status=7\n");
	assert_logged(f, "cause=signal signal=SIGSEGV\n");
	assert_logged(f, "cause=exec error=EACCES\n");
	assert_logged(f, "cause=exec error=ENOENT\n");
	assert_logged(f, " error hook_failed hook=on_starting ");
	assert_logged(f, "cause=exit status=127\n");
	assert_int_equal(f->hooks.failures[HOOK_ON_STARTING], 1);
	assert_int_equal(f->hooks.failures[HOOK_ON_EXIT], 0);
}

/* Until the script has written that file. */
static void wait_for(struct fixture *f, const char *name)
{
	for (int i = 0; i < 5000 && content(f, name)[0] == '\0'; i++)
		(void)poll(NULL, 0, 1);
	assert_string_not_equal(content(f, name), "");
}

/* A zombie is dead: whose orphan it is, is not ours to say. */
static bool is_alive(pid_t pid)
{
	char name[64], line[128] = "";
	FD_SCOPED fd = -1;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, line, sizeof(line) - 1) > 0 && strstr(line, ") Z") == NULL;
}

static void a_hook_that_hangs_gets_term_and_its_whole_group_with_it(void **state)
{
	struct fixture *f = *state;
	pid_t grandchild;

	set(f, "hook_timeout", "3");
	set(f, "on_reload",
		make_script(f, "hook", 0755, "exec 2>&-; sleep 1000 & echo $! >pid; wait"));
	begin(f);
	fire(f, HOOK_ON_RELOAD);
	assert_int_equal(hooks_deadline(&f->hooks), f->now_ms + 3000);
	wait_for(f, "pid");
	hooks_turn(&f->hooks, f->now_ms + 2999);
	assert_null(strstr(read_log(f), "hook_failed"));
	f->now_ms += 3000;
	hooks_turn(&f->hooks, f->now_ms);
	reap_all(f);
	assert_logged(f, "ms=3000 cause=timeout signal=SIGTERM\n");
	assert_int_equal(hooks_deadline(&f->hooks), CLOCK_NEVER);
	grandchild = (pid_t)atoi(content(f, "pid"));
	for (int i = 0; i < 5000 && is_alive(grandchild); i++)
		(void)poll(NULL, 0, 1);
	assert_false(is_alive(grandchild));
}

static void a_hook_that_heeds_no_term_gets_kill(void **state)
{
	struct fixture *f = *state;

	set(f, "on_reload",
		make_script(f, "hook", 0755,
			"trap '' TERM; echo 1 >pid; while :; do sleep 0.01; done"));
	begin(f);
	fire(f, HOOK_ON_RELOAD);
	wait_for(f, "pid");
	f->now_ms += 10000;
	hooks_turn(&f->hooks, f->now_ms);
	assert_int_equal(hooks_deadline(&f->hooks), f->now_ms + 1000);
	f->now_ms += 1000;
	hooks_turn(&f->hooks, f->now_ms);
	assert_int_equal(hooks_deadline(&f->hooks), CLOCK_NEVER);
	reap_all(f);
	assert_logged(f, "cause=timeout signal=SIGKILL\n");
}

static void one_that_obeys_term_with_status_0_has_still_timed_out(void **state)
{
	struct fixture *f = *state;

	set(f, "on_reload",
		make_script(f, "hook", 0755,
			"trap 'exit 0' TERM; echo 1 >pid; while :; do sleep 0.01; done"));
	begin(f);
	fire(f, HOOK_ON_RELOAD);
	wait_for(f, "pid");
	f->now_ms += 10000;
	hooks_turn(&f->hooks, f->now_ms);
	reap_all(f);
	assert_logged(f, "cause=timeout status=0\n");
}

static void a_storm_is_bounded_and_what_is_too_much_is_told(void **state)
{
	struct fixture *f = *state;

	set(f, "post_fork", make_script(f, "hook", 0755, "echo x >>out"));
	begin(f);
	for (int i = 0; i < HOOKS_AT_ONCE + HOOKS_WAITING + 5; i++)
		fire(f, HOOK_POST_FORK);
	assert_int_equal(hooks_count(&f->hooks, HOOKS), HOOKS_AT_ONCE + HOOKS_WAITING);
	assert_int_equal(hooks_count(&f->hooks, HOOK_POST_FORK), HOOKS_AT_ONCE + HOOKS_WAITING);
	assert_int_equal(hooks_count(&f->hooks, HOOK_ON_EXIT), 0);
	assert_int_equal(count_logged(f, "hook_started"), HOOKS_AT_ONCE);
	assert_int_equal(count_logged(f, "hook_dropped hook=post_fork"), 5);
	reap_all(f);
	assert_int_equal(strlen(content(f, "out")), 2 * (HOOKS_AT_ONCE + HOOKS_WAITING));
	assert_int_equal(count_logged(f, "hook_done"), HOOKS_AT_ONCE + HOOKS_WAITING);
}

static void a_fork_that_is_refused_is_tried_again_by_deadline(void **state)
{
	struct fixture *f = *state;

	set(f, "on_exit", make_script(f, "hook", 0755, "echo 1 >>out"));
	begin(f);
	refusals = 2;
	fire(f, HOOK_ON_EXIT);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(hooks_deadline(&f->hooks), f->now_ms + 1000);
		f->now_ms += 1000;
		hooks_turn(&f->hooks, f->now_ms);
	}
	reap_all(f);
	assert_string_equal(content(f, "out"), "1\n");
}

static void a_fork_that_is_refused_for_all_of_hook_timeout_is_a_failure(void **state)
{
	struct fixture *f = *state;

	set(f, "hook_timeout", "3");
	set(f, "on_exit", make_script(f, "hook", 0755, "echo 1 >>out"));
	begin(f);
	refusals = 1000;
	fire(f, HOOK_ON_EXIT);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(hooks_count(&f->hooks, HOOKS), 1);
		f->now_ms += 1000;
		hooks_turn(&f->hooks, f->now_ms);
	}
	refusals = 0;
	assert_int_equal(hooks_count(&f->hooks, HOOKS), 0);
	assert_logged(f, "pid=0 ms=3000 cause=fork error=EAGAIN\n");
}

static void files_of_a_folder_run_in_order_one_after_the_other(void **state)
{
	struct fixture *f = *state;
	char folder[160];

	snprintf(folder, sizeof(folder), "%s/hooks", f->directory);
	assert_int_equal(mkdir(folder, 0755), 0);
	make_script(f, "hooks/on_exit.20-b", 0755, "echo b >>out");
	make_script(f, "hooks/on_exit.10-a", 0755, "sleep 0.05; echo a >>out; exit 1");
	make_script(f, "hooks/on_exit", 0755, "sleep 0.05; echo first >>out");
	make_script(f, "hooks/on_exit.txt", 0644, "echo wrong >>out");
	make_script(f, "hooks/on_exits", 0755, "echo wrong >>out");
	make_script(f, "hooks/on_drain", 0755, "echo wrong >>out");
	set(f, "on_exit", make_script(f, "set", 0755, "sleep 0.05; echo setting >>out"));
	set(f, "hooks_dir", folder);
	begin(f);
	fire(f, HOOK_ON_EXIT);
	assert_int_equal(hooks_count(&f->hooks, HOOKS), 1);
	reap_all(f);
	assert_string_equal(content(f, "out"), "setting\nfirst\na\nb\n");
	assert_int_equal(count_logged(f, "hooks_left_out"), 1);
	assert_logged(f, "on_exit.txt reason=\"not executable\"");
}

static void a_fatal_failure_stops_the_files_behind_it(void **state)
{
	struct fixture *f = *state;

	make_script(f, "on_starting.1", 0755, "exit 1");
	make_script(f, "on_starting.2", 0755, "echo wrong >>out");
	set(f, "hooks_dir", f->directory);
	begin(f);
	fire(f, HOOK_ON_STARTING);
	reap_all(f);
	assert_string_equal(content(f, "out"), "");
	assert_int_equal(f->hooks.failures[HOOK_ON_STARTING], 1);
}

static void a_reload_changes_what_is_run_but_not_what_runs(void **state)
{
	struct fixture *f = *state;

	set(f, "on_exit", make_script(f, "old", 0755, "read x <fifo; echo old >>out"));
	assert_int_equal(mkfifo(path_of(f, "fifo"), 0600), 0);
	begin(f);
	fire(f, HOOK_ON_EXIT);
	set(f, "on_exit", make_script(f, "new", 0755, "echo new >>out"));
	assert_int_equal(load(f), 0);
	fire(f, HOOK_ON_EXIT);
	assert_true(reap_one(f));
	assert_string_equal(content(f, "out"), "new\n");
	FD_SCOPED fd = open(path_of(f, "fifo"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, "\n", 1), 1);
	reap_all(f);
	assert_string_equal(content(f, "out"), "new\nold\n");
	assert_logged(f, "/old pid=");
}

static void a_folder_that_is_not_there_is_refused_and_the_old_settings_stay(void **state)
{
	struct fixture *f = *state;

	set(f, "on_exit", make_script(f, "hook", 0755, "echo 1 >>out"));
	begin(f);
	set(f, "hooks_dir", "/nowhere/at/all");
	assert_int_equal(load(f), -ENOENT);
	assert_non_null(strstr(f->why_bytes, "hooks_dir: /nowhere/at/all: No such file"));
	fire(f, HOOK_ON_EXIT);
	reap_all(f);
	assert_string_equal(content(f, "out"), "1\n");
}

static void when_ready_is_a_hook_only_if_it_can_be_trusted(void **state)
{
	struct fixture *f = *state;

	set(f, "when_ready", path_of(f, "ready"));
	begin(f);
	assert_string_equal(f->hooks.book->ready_file, f->settings.when_ready);
	make_script(f, "ready", 0644, "true");
	assert_int_equal(load(f), 0);
	assert_string_equal(f->hooks.book->ready_file, f->settings.when_ready);
	assert_int_equal(chmod(f->settings.when_ready, 0755), 0);
	assert_int_equal(load(f), 0);
	assert_null(f->hooks.book->ready_file);
	fire(f, HOOK_WHEN_READY);
	reap_all(f);
	assert_logged(f, "hook_done hook=when_ready");
	assert_int_equal(chmod(f->settings.when_ready, 0757), 0);
	assert_int_equal(load(f), -EPERM);
	assert_non_null(strstr(f->why_bytes, "writable by everybody"));
	if (geteuid() != 0)
		return;
	assert_int_equal(chmod(f->settings.when_ready, 0755), 0);
	assert_int_equal(chown(f->settings.when_ready, 1234, 0), 0);
	f->why = TEXT_OVER(f->why_bytes);
	assert_int_equal(load(f), -EPERM);
	assert_non_null(strstr(f->why_bytes, "user 1234's"));
}

static void the_end_drops_what_waits_and_ends_what_runs(void **state)
{
	struct fixture *f = *state;

	set(f, "post_fork", make_script(f, "hook", 0755, "exec sleep 1000"));
	begin(f);
	for (int i = 0; i < HOOKS_AT_ONCE + 3; i++)
		fire(f, HOOK_POST_FORK);
	hooks_end(&f->hooks, f->now_ms);
	assert_logged(f, "hooks_ended running=32 waiting=3\n");
	assert_int_equal(hooks_count(&f->hooks, HOOKS), HOOKS_AT_ONCE);
	fire(f, HOOK_POST_FORK);
	assert_int_equal(hooks_count(&f->hooks, HOOKS), HOOKS_AT_ONCE);
	reap_all(f);
	assert_int_equal(count_logged(f, "cause=service_ends signal=SIGTERM"), HOOKS_AT_ONCE);
}

static void a_stranger_is_no_hook(void **state)
{
	struct fixture *f = *state;
	siginfo_t info = {.si_pid = 1};

	begin(f);
	assert_false(hooks_reap(&f->hooks, &info, NULL, f->now_ms));
	info.si_pid = 0; /* what a free place holds */
	assert_false(hooks_reap(&f->hooks, &info, NULL, f->now_ms));
	fire(f, HOOK_ON_EXIT); /* nobody wants it */
	assert_int_equal(hooks_count(&f->hooks, HOOKS), 0);
	assert_int_equal(hooks_deadline(&f->hooks), CLOCK_NEVER);
}

/* Rows as the table has them: the setting is called like the hook. */
static void every_hook_has_a_name_and_a_setting(void **state)
{
	static const char *const names[HOOKS] = {
#define HOOK(name, setting, fatal, when) [HOOK_##name] = #name,
#include "init/hooks.def"
#undef HOOK
	};

	(void)state;
	for (enum hook hook = 0; hook < HOOKS; hook++) {
		const char *name = hook_name(hook);

		assert_int_equal(strcasecmp(name, names[hook]), 0);
		assert_non_null(setting_named(name, strlen(name)));
		assert_int_equal(hook_is_fatal(hook),
			hook == HOOK_ON_STARTING || hook == HOOK_PRE_EXEC);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_hook_gets_its_facts_and_none_of_the_arbiters_own),
		TEST(a_hook_is_born_clean),
		TEST(every_failure_is_told_with_its_cause),
		TEST(a_hook_that_hangs_gets_term_and_its_whole_group_with_it),
		TEST(a_hook_that_heeds_no_term_gets_kill),
		TEST(one_that_obeys_term_with_status_0_has_still_timed_out),
		TEST(a_storm_is_bounded_and_what_is_too_much_is_told),
		TEST(a_fork_that_is_refused_is_tried_again_by_deadline),
		TEST(a_fork_that_is_refused_for_all_of_hook_timeout_is_a_failure),
		TEST(files_of_a_folder_run_in_order_one_after_the_other),
		TEST(a_fatal_failure_stops_the_files_behind_it),
		TEST(a_reload_changes_what_is_run_but_not_what_runs),
		TEST(a_folder_that_is_not_there_is_refused_and_the_old_settings_stay),
		TEST(when_ready_is_a_hook_only_if_it_can_be_trusted),
		TEST(the_end_drops_what_waits_and_ends_what_runs),
		TEST(a_stranger_is_no_hook),
		TEST(every_hook_has_a_name_and_a_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
