#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/capability.h>

#include "base/attr.h"
#include "init/survey.h"
#include "seccomp/capability.h"
#include "seccomp/landlock.h"

/* A container in which nothing is left to wish for. */
static const struct survey_facts whole = {
	.tried = true,
	.pid = 1,
	.worker_uid = 65534,
	.held = CAPABILITY_OF(CAP_SETUID) | CAPABILITY_OF(CAP_SETGID) | CAPABILITY_OF(CAP_KILL) |
		CAPABILITY_OF(CAP_SETPCAP),
	.duties = CAPABILITY_OF(CAP_KILL),
	.no_new_privs = true,
	.port = 8080,
	.free_port = 1024,
	.landlock = 7,
	.read_only = true,
	.memory = 64 << 20,
	.memory_wanted = 64 << 20,
	.quota = 1500,
	.cpus = 4,
	.workers = 2,
	.processes = 12,
	.files = 3256,
	.files_wanted = 3256,
	.backlog = 4096,
	.backlog_wanted = 2048,
	.counts_oom = true,
};

static struct finding judged(const struct survey_facts *facts, enum survey_row row)
{
	struct finding finding;

	survey_judge(facts, row, &finding);
	return finding;
}

static void nothing_is_missing_where_all_is_there(void **state)
{
	(void)state;
	for (enum survey_row row = 0; row < SURVEY_ROWS; row++) {
		struct finding finding = judged(&whole, row);

		assert_int_equal(finding.verdict, VERDICT_OK);
		assert_string_not_equal(finding.found, "");
		assert_string_equal(finding.wanted, "");
	}
}

/* One fact is otherwise: then that row says so. */
#define OTHERWISE(row, is, says, wants, ...)             \
	{                                                \
		SURVEY_##row, VERDICT_##is, says, wants, \
		{                                        \
			__VA_ARGS__                      \
		}                                        \
	}

static const struct {
	enum survey_row row;
	enum verdict verdict;
	const char *found, *wanted;
	struct survey_facts facts;
} rows[] = {
	OTHERWISE(settings, MISSING, "user: x", "good", .settings_why = "user: x"),
	OTHERWISE(pid, OK, "17, as a subreaper", "", .pid = 17),
	OTHERWISE(proc, ADVICE, "No such file or directory", "readable", .proc_error = -ENOENT),
	OTHERWISE(identity, OK, "uid 1000", "", .uid = 1000, .worker_uid = 1000),
	OTHERWISE(identity, MISSING, "uid 33, and uid 0 cannot become it", "CAP_SETUID, CAP_SETGID",
		.worker_uid = 33, .held = CAPABILITY_OF(CAP_SETUID)),
	OTHERWISE(identity, ADVICE, "uid 0", "not root", .worker_uid = 0),
	OTHERWISE(control, MISSING, "no", "CAP_KILL", .worker_uid = 33),
	OTHERWISE(control, OK, "yes", "", .uid = 1000, .worker_uid = 1000),
	OTHERWISE(bounds, ADVICE, "stays as it is", "CAP_SETPCAP", .worker_uid = 33),
	OTHERWISE(bounds, OK, "not root's", "", .uid = 1000),
	OTHERWISE(duties, ADVICE, "lacks CAP_KILL, CAP_NET_RAW", "them",
		.duties = CAPABILITY_OF(CAP_KILL) | CAPABILITY_OF(CAP_NET_RAW)),
	OTHERWISE(duties, OK, "all of it", "", .uid = 1000, .duties = CAPABILITY_OF(CAP_KILL)),
	OTHERWISE(ports, OK, "none", "", .port = 0, .free_port = 1024),
	OTHERWISE(ports, OK, "80, free to bind", "", .port = 80, .free_port = 80),
	OTHERWISE(ports, OK, "80, free to bind", "", .port = 80, .free_port = 1024,
		.held = CAPABILITY_OF(CAP_NET_BIND_SERVICE)),
	OTHERWISE(ports, MISSING, "80, for privileged programs alone", "CAP_NET_BIND_SERVICE",
		.port = 80, .free_port = 1024),
	OTHERWISE(no_new, ADVICE, "set by workers for themselves", "set for all", .pid = 1),
	OTHERWISE(seccomp, ADVICE, "Operation not permitted, inside another filter", "yes",
		.seccomp_error = -EPERM, .filtered = true),
	OTHERWISE(seccomp, MISSING, "Operation not permitted", "yes", .seccomp_error = -EPERM,
		.filters = true),
	OTHERWISE(notify, ADVICE, "Operation not supported", "yes", .notify_error = -EOPNOTSUPP),
	OTHERWISE(landlock, ADVICE, "Exec format error", "ABI 6", .landlock = -ENOEXEC),
	OTHERWISE(landlock, ADVICE, "ABI 5", "ABI 6", .landlock = 5,
		.landlock_choice = LANDLOCK_REQUIRE),
	OTHERWISE(landlock, MISSING, "Operation not permitted", "ABI 6", .landlock = -EPERM,
		.landlock_choice = LANDLOCK_REQUIRE),
	OTHERWISE(landlock, OK, "Exec format error, and not used", "", .landlock = -ENOEXEC,
		.landlock_choice = LANDLOCK_OFF),
	OTHERWISE(ktls, OK, "not used", "", .ktls_error = -ENOENT),
	OTHERWISE(ktls, OK, "yes", "", .ktls = true),
	OTHERWISE(ktls, ADVICE, "No such file or directory", "yes", .ktls = true,
		.ktls_error = -ENOENT),
	OTHERWISE(read_only, ADVICE, "writable", "read-only", .pid = 1),
	OTHERWISE(writable, MISSING, "/run/x: Permission denied", "writable",
		.unwritable = "/run/x: Permission denied"),
	OTHERWISE(memory, ADVICE, "none", "96m", .memory = SURVEY_NONE, .memory_wanted = 96 << 20),
	OTHERWISE(memory, ADVICE, "32m", "64m", .memory = 32 << 20, .memory_wanted = 64 << 20),
	OTHERWISE(cpus, OK, "2", "", .cpus = 2, .quota = SURVEY_NONE),
	OTHERWISE(cpus, OK, "2, of which 0.050", "", .cpus = 2, .quota = 50),
	OTHERWISE(processes, ADVICE, "none", "12", .processes = SURVEY_NONE, .workers = 2),
	OTHERWISE(processes, ADVICE, "11", "12", .processes = 11, .workers = 2),
	OTHERWISE(processes, MISSING, "2", "12", .processes = 2, .workers = 2),
	OTHERWISE(files, ADVICE, "1024", "3256", .files = 1024, .files_wanted = 3256),
	OTHERWISE(backlog, ADVICE, "128", "2048", .backlog = 128, .backlog_wanted = 2048),
	OTHERWISE(memfd, MISSING, "Operation not permitted", "yes", .memfd_error = -EPERM),
	OTHERWISE(pidfd, ADVICE, "Exec format error", "yes", .pidfd_error = -ENOEXEC),
	OTHERWISE(oom, ADVICE, "no", "to tell its kills from others", .pid = 1),
	OTHERWISE(swap, ADVICE, "on", "off", .swaps = true),
	OTHERWISE(worker, MISSING, "not tried", "answers a request", .pid = 1),
	OTHERWISE(worker, MISSING, "it is gone", "answers a request", .tried = true,
		.worker_why = "it is gone"),
};

static void each_row_tells_what_is_found_and_what_is_wanted(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct finding finding = judged(&rows[i].facts, rows[i].row);

		assert_string_equal(finding.found, rows[i].found);
		assert_string_equal(finding.wanted, rows[i].wanted);
		assert_int_equal(finding.verdict, rows[i].verdict);
	}
}

/* Whoever reads that something is wanted, reads how to get it; but for what speaks for itself. */
static void each_row_has_a_remedy(void **state)
{
	(void)state;
	for (enum survey_row row = 0; row < SURVEY_ROWS; row++) {
		const struct survey_words *words = &survey_words[row];

		assert_string_not_equal(words->what, "");
		assert_true(words->docker[0] != '\0' || words->otherwise[0] != '\0');
		assert_int_equal(words->docker[0] != '\0', words->kubernetes[0] != '\0');
	}
}

static void what_is_too_long_is_cut(void **state)
{
	struct survey_facts facts = whole;
	struct finding finding;

	(void)state;
	memset(facts.settings_why, 'x', sizeof(facts.settings_why) - 1);
	finding = judged(&facts, SURVEY_settings);
	assert_string_equal(finding.found, facts.settings_why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_missing_where_all_is_there),
		cmocka_unit_test(each_row_tells_what_is_found_and_what_is_wanted),
		cmocka_unit_test(each_row_has_a_remedy),
		cmocka_unit_test(what_is_too_long_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
