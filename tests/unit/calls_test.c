/* The tables of system calls, for both architectures: what they allow, how many, and what not. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "seccomp/calls.h"

static const uint32_t arches[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64};
static const enum calls_role strict_roles[] = {CALLS_FILES, CALLS_WALK, CALLS_MODULE,
	CALLS_EXPORTER};

#define NUMBERS 600

static unsigned count(enum calls_role role, uint32_t arch, enum calls_verdict verdict)
{
	unsigned n = 0;

	for (int number = 0; number < NUMBERS; number++)
		n += calls_verdict(role, arch, number) == verdict;
	return n;
}

static void strict_tables_have_30_calls_at_most_and_26_whatever_their_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(strict_roles); i++) {
		for (size_t j = 0; j < COUNT_OF(arches); j++) {
			unsigned always = count(strict_roles[i], arches[j], CALLS_ALLOWED);
			unsigned sometimes = count(strict_roles[i], arches[j], CALLS_CONDITIONAL);

			print_message("# %s: %u and %u\n", calls_role_name(strict_roles[i]), always,
				sometimes);
			assert_in_range(always, 10, 26);
			assert_in_range(always + sometimes, 10, 30);
		}
	}
}

static void the_keyholder_has_14_at_most(void **state)
{
	(void)state;
	for (size_t j = 0; j < COUNT_OF(arches); j++)
		assert_in_range(count(CALLS_KEYHOLDER, arches[j], CALLS_ALLOWED) +
					count(CALLS_KEYHOLDER, arches[j], CALLS_CONDITIONAL),
			5, 14);
}

static void no_table_allows_a_danger(void **state)
{
	const char *name;

	(void)state;
	for (size_t i = 0; (name = calls_danger_name(i)) != NULL; i++) {
		assert_non_null(calls_danger(name));
		for (size_t j = 0; j < COUNT_OF(arches); j++) {
			int number = calls_number(arches[j], name);

			assert_int_not_equal(number, -ENOENT);
			/* A container's processes may leave a session keyring behind (keyctl). */
			for (int role = 0; number >= 0 && role < CALLS_CONTAINER; role++)
				assert_int_equal(calls_verdict((enum calls_role)role, arches[j],
							 number),
					CALLS_REFUSED);
		}
	}
	assert_null(calls_danger("read"));
}

static void the_dangers_are_those_of_the_table(void **state)
{
	static const char *const names[] = {
#define DANGER(name, why) #name,
#include "seccomp/danger.def"
#undef DANGER
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_string_equal(calls_danger_name(i), names[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
	assert_null(calls_danger_name(COUNT_OF(names)));
}

static void only_a_build_with_sanitizers_has_their_rows(void **state)
{
	static const char *const names[] = {
#define CALL(name, why) #name,
#include "seccomp/sanitizer.def"
#undef CALL
	};
	size_t count;

	(void)state;
	(void)calls_of_build(&count);
	assert_true(count == 0 || count == COUNT_OF(names));
	for (size_t i = 0; i < COUNT_OF(names); i++)
		assert_int_not_equal(calls_number(AUDIT_ARCH_X86_64, names[i]), -ENOENT);
}

static void a_name_gives_what_asked_def_has_of_it(void **state)
{
	static const struct {
		const char *name;
		uint64_t argument[CALLS_ARGUMENTS];
		bool gives;
	} cases[] = {
		{"getsid", {1, 2, 3}, true},
		{"ptrace", {0}, true},
		{"execve", {0}, false},
		{"fork", {0}, false},
		{"mprotect", {0, 4096, PROT_READ | PROT_WRITE}, true},
		{"mprotect", {0, 4096, PROT_READ | PROT_EXEC}, false},
		{"mmap", {0, 4096, PROT_EXEC}, false},
		{"socket", {AF_INET6, SOCK_STREAM}, true},
		{"socket", {AF_PACKET, SOCK_RAW}, false},
		{"kill", {7, SIGTERM}, true},
		{"kill", {8, SIGTERM}, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(calls_gives(cases[i].name, cases[i].argument, 7), cases[i].gives);
}

static void every_row_names_a_call_and_says_why(void **state)
{
	(void)state;
	for (int role = 0; role < CALLS_ROLES; role++) {
		size_t rows;
		const struct calls_row *row = calls_of((enum calls_role)role, &rows);

		for (size_t i = 0; i < rows; i++) {
			assert_int_not_equal(calls_number(AUDIT_ARCH_X86_64, row[i].name), -ENOENT);
			assert_int_not_equal(row[i].why[0], '\0');
		}
	}
}

/* What stands twice in a role, without being a case of a condition, was written twice. */
static void no_row_is_given_twice(void **state)
{
	(void)state;
	for (int role = 0; role < CALLS_ROLES; role++) {
		size_t rows;
		const struct calls_row *row = calls_of((enum calls_role)role, &rows);

		for (size_t i = 0; i < rows; i++) {
			for (size_t j = i + 1; j < rows; j++) {
				if (strcmp(row[i].name, row[j].name) != 0)
					continue;
				assert_int_not_equal(row[i].tests[0].mask, 0);
				assert_int_not_equal(row[j].tests[0].mask, 0);
			}
		}
	}
}

static void strict_roles_open_no_socket_run_no_program_and_make_no_process(void **state)
{
	static const char *const never[] = {"socket", "connect", "bind", "execve", "execveat",
		"clone", "clone3", "fork", "vfork", "mprotect", "open", "creat", "unlink",
		"unlinkat", "kill", "prctl", "memfd_create", "setuid", "chmod", "rename", "mkdir"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(strict_roles); i++) {
		for (size_t j = 0; j < COUNT_OF(never); j++) {
			int number = calls_number(AUDIT_ARCH_X86_64, never[j]);
			enum calls_verdict verdict =
				calls_verdict(strict_roles[i], AUDIT_ARCH_X86_64, number);

			assert_true(verdict == CALLS_REFUSED || verdict == CALLS_ANSWERED);
		}
	}
}

static void a_call_has_its_number_on_each_architecture(void **state)
{
	(void)state;
	assert_int_equal(calls_number(AUDIT_ARCH_X86_64, "read"), 0);
	assert_int_equal(calls_number(AUDIT_ARCH_AARCH64, "read"), 63);
	assert_int_equal(calls_number(AUDIT_ARCH_X86_64, "epoll_wait"), 232);
	/* aarch64 never had these: the C library makes others there. */
	assert_int_equal(calls_number(AUDIT_ARCH_AARCH64, "epoll_wait"),
		calls_number(AUDIT_ARCH_AARCH64, "epoll_pwait"));
	assert_int_equal(calls_number(AUDIT_ARCH_AARCH64, "poll"),
		calls_number(AUDIT_ARCH_AARCH64, "ppoll"));
	assert_int_equal(calls_number(AUDIT_ARCH_AARCH64, "open"), -ENOSYS);
	assert_int_equal(calls_number(AUDIT_ARCH_X86_64, "no_such_call"), -ENOENT);
	assert_int_equal(calls_verdict(CALLS_FILES, AUDIT_ARCH_AARCH64, 22), CALLS_ALLOWED);
	assert_in_range(calls_newest(AUDIT_ARCH_X86_64), 440, 599);
	assert_in_range(calls_newest(AUDIT_ARCH_AARCH64), 440, 599);
}

static void a_number_has_its_name(void **state)
{
	char bytes[CALLS_NAME];
	struct text name = TEXT_OVER(bytes);

	(void)state;
	calls_add_name(AUDIT_ARCH_X86_64, 101, &name);
	assert_string_equal(bytes, "ptrace");
	calls_add_name(AUDIT_ARCH_X86_64, 400, &name);
	calls_add_name(AUDIT_ARCH_X86_64, -1, &name);
	assert_string_equal(bytes, "ptrace");
}

static void names_that_are_asked_for_are_checked(void **state)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	assert_int_equal(calls_check(NULL, &why), 0);
	assert_int_equal(calls_check("socket, connect", &why), 0);
	assert_int_equal(calls_check("read,scoket", &why), -EINVAL);
	assert_string_equal(bytes, "\"scoket\" is no system call; nearest is socket");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			strict_tables_have_30_calls_at_most_and_26_whatever_their_arguments),
		cmocka_unit_test(the_keyholder_has_14_at_most),
		cmocka_unit_test(no_table_allows_a_danger),
		cmocka_unit_test(the_dangers_are_those_of_the_table),
		cmocka_unit_test(only_a_build_with_sanitizers_has_their_rows),
		cmocka_unit_test(a_name_gives_what_asked_def_has_of_it),
		cmocka_unit_test(every_row_names_a_call_and_says_why),
		cmocka_unit_test(no_row_is_given_twice),
		cmocka_unit_test(strict_roles_open_no_socket_run_no_program_and_make_no_process),
		cmocka_unit_test(a_call_has_its_number_on_each_architecture),
		cmocka_unit_test(a_number_has_its_name),
		cmocka_unit_test(names_that_are_asked_for_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
