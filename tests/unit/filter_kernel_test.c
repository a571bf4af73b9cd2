/*
 * The kernel's own view: each number from 0 to 600 is called under the filter of each role, in a
 * process of its own, and what becomes of it is what the table says.
 *
 * Arguments are such that the kernel itself refuses what the filter lets through: all bits set, but
 * for those that a row of the table asks for.
 */
#include "unit.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp/calls.h"
#include "seccomp/filter.h"

#define LAST_NUMBER 600

struct arguments {
	uint64_t values[CALLS_ARGUMENTS];
};

static const struct arguments invalid = {
	{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};

/* What became of a call: KILLED, ALLOWED, or the error that the filter answered with. */
#define KILLED -2
#define ALLOWED 0

/* What a process leaves behind that lived on. */
struct report {
	bool lives;
	long result;
	int error;
};

static struct report *shared_report(void)
{
	struct report *report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(report, MAP_FAILED);
	return report;
}

/* In the child: never returns. */
static void call_under(const struct filter_program *program, long number,
	const struct arguments *with, struct report *report)
{
	const uint64_t *a = with->values;
	struct sock_fprog filter = {(unsigned short)program->count, program->rows};
	long result;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0 ||
		prctl(PR_SET_SECCOMP, (long)SECCOMP_MODE_FILTER, &filter) != 0)
		_exit(1);
	result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	report->result = result;
	report->error = result == -1 ? errno : 0;
	report->lives = true;
	_exit(0);
}

/*
 * Of an error nobody can say whether it was the filter's or the kernel's: with these arguments the
 * kernel has others, but for ENOSYS.
 */
static int becomes(const struct filter_program *program, long number, const struct arguments *with,
	struct report *report)
{
	int status = 0;
	pid_t pid;

	*report = (struct report){0};
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
		call_under(program, number, with, report);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return KILLED;
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	return report->lives ? report->error : ALLOWED;
}

static uint64_t value_of(const struct calls_test *test)
{
	return test->value == CALLS_OWN_PID ? (uint64_t)getpid() : test->value;
}

static bool holds(const struct calls_row *call, const struct arguments *with)
{
	for (unsigned n = 0; n < CALLS_TESTS && call->tests[n].mask != 0; n++) {
		const struct calls_test *test = &call->tests[n];

		if ((with->values[test->nth] & test->mask) != (value_of(test) & test->mask))
			return false;
	}
	return true;
}

static int expected(enum calls_role role, int number, const struct arguments *with)
{
	size_t count;
	const struct calls_row *calls = calls_of(role, &count);
	int outcome = KILLED;

	if (number > calls_newest(calls_arch()))
		return ENOSYS;
	for (size_t i = 0; i < count; i++) {
		if (calls_number(calls_arch(), calls[i].name) == number && holds(&calls[i], with))
			outcome = calls[i].answer;
	}
	return outcome;
}

static bool agrees(int found, int wanted)
{
	if (wanted == CALLS_IGNORED)
		return found == 0; /* the kernel would have refused these arguments */
	return found == wanted || (wanted == ALLOWED && found != KILLED);
}

static unsigned compare(enum calls_role role, const struct filter_program *program, int number,
	const struct arguments *with)
{
	static struct report *report;
	int wanted = expected(role, number, with), found;

	if (report == NULL)
		report = shared_report();
	found = becomes(program, number, with, report);
	if (agrees(found, wanted))
		return 0;
	(void)fprintf(stderr, "# %s: %d: wanted %d, found %d\n", calls_role_name(role), number,
		wanted, found);
	return 1;
}

/* Each case of a call as it is asked for, and with one bit of it the other way round. */
static unsigned compare_cases(enum calls_role role, const struct filter_program *program,
	const struct calls_row *call)
{
	int number = calls_number(calls_arch(), call->name);
	struct arguments with = invalid;
	unsigned wrong = 0;

	for (unsigned n = 0; n < CALLS_TESTS && call->tests[n].mask != 0; n++)
		with.values[call->tests[n].nth] = value_of(&call->tests[n]);
	wrong += compare(role, program, number, &with);
	for (unsigned n = 0; n < CALLS_TESTS && call->tests[n].mask != 0; n++) {
		uint64_t mask = call->tests[n].mask, bit = mask & (~mask + 1);

		with.values[call->tests[n].nth] ^= bit;
		wrong += compare(role, program, number, &with);
		with.values[call->tests[n].nth] ^= bit;
	}
	return wrong;
}

/*
 * Where they are allowed these tell nothing: pause(2) waits for ever, vfork(2) returns on a stack
 * that its child has used, and rt_sigreturn(2) goes on wherever the stack says.
 */
static bool is_silent(const char *name)
{
	static const char *const silent[] = {"pause", "vfork", "rt_sigreturn"};

	for (size_t i = 0; i < COUNT_OF(silent); i++) {
		if (strcmp(silent[i], name) == 0)
			return true;
	}
	return false;
}

/*
 * Two numbers of x86_64 the kernel lets past every filter: uretprobe and uprobe are for its own
 * probes, and end whoever calls them without one.
 */
static bool is_unfiltered(int number)
{
	return calls_arch() == AUDIT_ARCH_X86_64 && (number == 335 || number == 336);
}

static bool is_told(enum calls_role role, int number)
{
	char bytes[64];
	struct text name = TEXT_OVER(bytes);

	calls_add_name(calls_arch(), number, &name);
	if (is_unfiltered(number))
		return false;
	return !is_silent(bytes) || expected(role, number, &invalid) != ALLOWED;
}

static void the_kernel_sees_the_table(enum calls_role role)
{
	const struct filter_plan plan = {.role = role};
	struct filter_program program;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	unsigned wrong = 0;
	size_t count;
	const struct calls_row *calls = calls_of(role, &count);

	assert_int_equal(filter_build(&plan, calls_arch(), FILTER_KILL, &program, &why), 0);
	for (int number = 0; number <= LAST_NUMBER; number++) {
		if (is_told(role, number))
			wrong += compare(role, &program, number, &invalid);
	}
	for (size_t i = 0; i < count; i++) {
		if (calls[i].tests[0].mask != 0 && calls_number(calls_arch(), calls[i].name) >= 0)
			wrong += compare_cases(role, &program, &calls[i]);
	}
	filter_free(&program);
	assert_int_equal(wrong, 0);
}

#define ROLE(name, role)                         \
	static void name(void **state)           \
	{                                        \
		(void)state;                     \
		the_kernel_sees_the_table(role); \
	}
ROLE(files_as_the_kernel_sees_it, CALLS_FILES)
ROLE(walk_as_the_kernel_sees_it, CALLS_WALK)
ROLE(module_as_the_kernel_sees_it, CALLS_MODULE)
ROLE(app_as_the_kernel_sees_it, CALLS_APP)
ROLE(keyholder_as_the_kernel_sees_it, CALLS_KEYHOLDER)

/* Numbers of x32, and what is no number anywhere, end whoever calls them, in each role. */
static void foreign_numbers_are_fatal(void **state)
{
	static const long numbers[] = {0x40000000, 0x40000000 | SYS_read, 0x7fffffff, -1, -2};
	struct report *report = shared_report();

	(void)state;
	for (unsigned role = 0; role < CALLS_CONTAINER; role++) {
		const struct filter_plan plan = {.role = role};
		struct filter_program program;
		char bytes[256];
		struct text why = TEXT_OVER(bytes);

		assert_int_equal(filter_build(&plan, calls_arch(), FILTER_KILL, &program, &why), 0);
		for (size_t i = 0; i < COUNT_OF(numbers); i++)
			assert_int_equal(becomes(&program, numbers[i], &invalid, report), KILLED);
		filter_free(&program);
	}
}

/* The probe sees what is allowed: read(2) of no descriptor is EBADF, and mremap(2) is not asked. */
static void a_probe_tells_the_three_apart(void **state)
{
	const struct filter_plan plan = {.role = CALLS_MODULE};
	struct report *report = shared_report();
	struct filter_program program;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(filter_build(&plan, calls_arch(), FILTER_KILL, &program, &why), 0);
	assert_int_equal(becomes(&program, SYS_read, &invalid, report), EBADF);
	assert_int_equal(becomes(&program, SYS_mremap, &invalid, report), ENOMEM);
	assert_int_equal(becomes(&program, SYS_ptrace, &invalid, report), KILLED);
	assert_int_equal(becomes(&program, SYS_exit_group, &invalid, report), ALLOWED);
	filter_free(&program);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_as_the_kernel_sees_it),
		cmocka_unit_test(walk_as_the_kernel_sees_it),
		cmocka_unit_test(module_as_the_kernel_sees_it),
		cmocka_unit_test(app_as_the_kernel_sees_it),
		cmocka_unit_test(keyholder_as_the_kernel_sees_it),
		cmocka_unit_test(foreign_numbers_are_fatal),
		cmocka_unit_test(a_probe_tells_the_three_apart),
	};
	const struct rlimit none = {0, 0};

	/* The sanitizers' runtimes are allowed more than the tables say: seccomp/sanitizer.def. */
	if (ADDRESS_SANITIZED) {
		(void)puts("1..0 # SKIP the tables of this build have rows for sanitizers");
		return 0;
	}
	(void)setrlimit(RLIMIT_CORE, &none);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
