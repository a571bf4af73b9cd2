/* The filter's decisions, by running the program that the kernel would run: for both architectures.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

#include "seccomp/filter.h"

static const uint32_t arches[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64};

#define NUMBERS 600
/* As an argument it meets no condition of any call; as an ioctl(2) it is none of an app's. */
#define OFF 0x7fff541e
#define X32 0x40000000

/* What seccomp(2) allows of classic BPF, as far as these programs use it. */
static uint32_t run(const struct filter_program *program, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t at = 0; at < program->count; at++) {
		const struct sock_filter *row = &program->rows[at];
		bool holds = false;

		switch (row->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_in_range(row->k, 0, sizeof(*data) - sizeof(a));
			memcpy(&a, (const char *)data + row->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= row->k;
			continue;
		case BPF_RET | BPF_K:
			return row->k;
		case BPF_JMP | BPF_JA:
			at += row->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			holds = a == row->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			holds = a > row->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			holds = a >= row->k;
			break;
		default:
			fail_msg("row %zu: code %#x is not known here", at, row->code);
		}
		at += holds ? row->jt : row->jf;
	}
	fail_msg("the program has no end");
	return 0;
}

/* A filter with what is asked of it, so that a test is a line. */
static struct trial {
	struct filter_program program;
	uint32_t arch;
} trial;

static void build_plan(const struct filter_plan *plan, uint32_t arch)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	filter_free(&trial.program);
	trial.arch = arch;
	if (filter_build(plan, arch, FILTER_KILL, &trial.program, &why) != 0)
		fail_msg("%s", bytes);
}

static void build(enum calls_role role, uint32_t arch, const char *needs, const char *allowed)
{
	build_plan(&(struct filter_plan){.role = role, .needs = needs, .allowed = allowed}, arch);
}

static uint32_t ask_number(int number, uint64_t first, uint64_t second, uint64_t third)
{
	const struct seccomp_data data = {
		.nr = number,
		.arch = trial.arch,
		.args = {first, second, third, UINT64_MAX, UINT64_MAX, UINT64_MAX},
	};

	return run(&trial.program, &data);
}

static uint32_t ask(const char *name, uint64_t first, uint64_t second, uint64_t third)
{
	int number = calls_number(trial.arch, name);

	assert_in_range(number, 0, NUMBERS);
	return ask_number(number, first, second, third);
}

#define ALLOWED(name, ...) assert_int_equal(ask(name, __VA_ARGS__), SECCOMP_RET_ALLOW)
#define REFUSED(name, ...) assert_int_equal(ask(name, __VA_ARGS__), SECCOMP_RET_KILL_PROCESS)

static void every_number_is_decided_as_the_table_says(void **state)
{
	(void)state;
	for (int role = 0; role < CALLS_ROLES; role++) {
		for (size_t i = 0; i < COUNT_OF(arches); i++) {
			int newest = calls_newest(arches[i]);

			build((enum calls_role)role, arches[i], NULL, NULL);
			for (int number = 0; number <= NUMBERS; number++) {
				uint32_t got = ask_number(number, OFF, OFF, OFF);
				enum calls_verdict verdict =
					calls_verdict((enum calls_role)role, arches[i], number);

				if (number > newest)
					assert_int_equal(got, SECCOMP_RET_ERRNO | ENOSYS);
				else if (verdict == CALLS_ALLOWED)
					assert_int_equal(got, SECCOMP_RET_ALLOW);
				else if (verdict == CALLS_ANSWERED)
					assert_int_equal(got & SECCOMP_RET_ACTION_FULL,
						SECCOMP_RET_ERRNO);
				else
					assert_int_equal(got, SECCOMP_RET_KILL_PROCESS);
			}
		}
	}
}

/* ktls.def; the numbers are the kernel's own (linux/tls.h, linux/tcp.h). */
static void with_ktls_the_kernel_may_be_given_keys_to_write_with(void **state)
{
	static const enum calls_role strict[] = {CALLS_FILES, CALLS_WALK, CALLS_MODULE};
	const uint64_t tcp = 6, ulp = 31, tls = 282, tx = 1, rx = 2;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(strict) * COUNT_OF(arches); i++) {
		struct filter_plan plan = {.role = strict[i % COUNT_OF(strict)]};
		uint32_t arch = arches[i / COUNT_OF(strict)];

		build_plan(&plan, arch);
		REFUSED("setsockopt", OFF, tcp, ulp);
		REFUSED("setsockopt", OFF, tls, tx);
		plan.ktls = true;
		build_plan(&plan, arch);
		ALLOWED("setsockopt", OFF, tcp, ulp);
		ALLOWED("setsockopt", OFF, tls, tx);
		ALLOWED("setsockopt", OFF, SOL_SOCKET, SO_LINGER);
		REFUSED("setsockopt", OFF, tls, rx);
		REFUSED("setsockopt", OFF, tcp, tx);
		plan.allowed = "setsockopt";
		build_plan(&plan, arch);
		ALLOWED("setsockopt", OFF, tls, rx);
	}
	build_plan(&(struct filter_plan){.role = CALLS_APP, .ktls = true}, arches[0]);
	ALLOWED("setsockopt", OFF, tls, tx);
}

/* The tables again, and not by way of the code that reads them. */
static void every_row_is_in_the_filter(void **state)
{
	static const struct {
		enum calls_role role;
		const char *name;
	} allowed[] = {
#define CALL_IF(name, when, why)
#define ANSWER(name, error, why)
#define CALL(name, why) {CALLS_FILES, #name},
#include "seccomp/files.def"
#include "seccomp/strict.def"
#undef CALL
#define CALL(name, why) {CALLS_WALK, #name},
#include "seccomp/strict.def"
#include "seccomp/walk.def"
#undef CALL
#define CALL(name, why) {CALLS_MODULE, #name},
#include "seccomp/module.def"
#undef CALL
#define CALL(name, why) {CALLS_KEYHOLDER, #name},
#include "seccomp/keyholder.def"
#undef CALL
#define CALL(name, why) {CALLS_EXPORTER, #name},
#include "seccomp/strict.def"
#undef CALL
#define CALL(name, why) {CALLS_APP, #name},
#include "seccomp/app.def"
#undef CALL
#undef CALL_IF
#undef ANSWER
	};

	(void)state;
	for (size_t j = 0; j < COUNT_OF(arches); j++) {
		for (size_t i = 0; i < COUNT_OF(allowed); i++) {
			if (i == 0 || allowed[i].role != allowed[i - 1].role)
				build(allowed[i].role, arches[j], NULL, NULL);
			if (calls_number(arches[j], allowed[i].name) >= 0)
				ALLOWED(allowed[i].name, 0, 0, 0);
		}
	}
}

static void what_is_answered_is_not_executed(void **state)
{
	static const struct {
		const char *name;
		int answer;
	} answers[] = {
#define CALL(name, why)
#define CALL_IF(name, when, why)
#define ANSWER(name, error, why) {#name, error},
#define IGNORED CALLS_IGNORED
#include "seccomp/strict.def"
#undef CALL
#undef CALL_IF
#undef ANSWER
#undef IGNORED
	};

	(void)state;
	for (size_t j = 0; j < COUNT_OF(arches); j++) {
		build(CALLS_MODULE, arches[j], NULL, NULL);
		for (size_t i = 0; i < COUNT_OF(answers); i++)
			assert_int_equal(ask(answers[i].name, 0, 0, 0),
				SECCOMP_RET_ERRNO | calls_answer_errno(answers[i].answer));
	}
}

static void conditions_hold_for_the_whole_argument(void **state)
{
	const uint64_t high = (uint64_t)1 << 32;

	(void)state;
	for (size_t j = 0; j < COUNT_OF(arches); j++) {
		build(CALLS_MODULE, arches[j], NULL, NULL);
		ALLOWED("mmap", 0, 4096, PROT_READ | PROT_WRITE);
		REFUSED("mmap", 0, 4096, PROT_READ | PROT_EXEC);
		REFUSED("mmap", 0, 4096, PROT_EXEC);
		REFUSED("mmap", 0, 4096, high | PROT_EXEC);
		REFUSED("mprotect", 0, 4096, PROT_READ);
		ALLOWED("ioctl", 5, SIOCINQ, 0);
		ALLOWED("ioctl", 5, SIOCOUTQ, 0);
		REFUSED("ioctl", 5, high | SIOCINQ, 0);
		REFUSED("ioctl", 5, 0x5412 /* TIOCSTI */, 0);
		ALLOWED("setsockopt", 5, SOL_SOCKET, SO_LINGER);
		REFUSED("setsockopt", 5, SOL_SOCKET, SO_REUSEADDR);
		REFUSED("setsockopt", 5, 6, SO_LINGER);
		ALLOWED("openat", 0, 0, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
		REFUSED("openat", 0, 0, O_WRONLY);
		REFUSED("openat", 0, 0, O_RDWR);
		REFUSED("openat", 0, 0, O_RDONLY | O_CREAT);
		REFUSED("openat", 0, 0, O_RDONLY | O_TRUNC);
		ALLOWED("poll", 0, 1, 0);
		REFUSED("poll", 0, 2, 0);
		ALLOWED("dup3", 5, 2, 0);
		ALLOWED("dup3", 5, 6, O_CLOEXEC);
		REFUSED("dup3", 5, 6, O_NONBLOCK);
		ALLOWED("tgkill", (uint64_t)getpid(), 1, SIGABRT);
		REFUSED("tgkill", (uint64_t)getpid(), 1, SIGKILL);
		REFUSED("tgkill", 1, 1, SIGABRT);
	}
}

static void another_architecture_is_killed(void **state)
{
	const struct seccomp_data i386 = {.nr = 3, .arch = AUDIT_ARCH_I386};
	const struct seccomp_data new_i386 = {.nr = 599, .arch = AUDIT_ARCH_I386};
	const struct seccomp_data arm = {.nr = 0, .arch = AUDIT_ARCH_ARM};

	(void)state;
	for (int role = 0; role < CALLS_ROLES; role++) {
		for (size_t j = 0; j < COUNT_OF(arches); j++) {
			build((enum calls_role)role, arches[j], NULL, NULL);
			assert_int_equal(run(&trial.program, &i386), SECCOMP_RET_KILL_PROCESS);
			assert_int_equal(run(&trial.program, &new_i386), SECCOMP_RET_KILL_PROCESS);
			assert_int_equal(run(&trial.program, &arm), SECCOMP_RET_KILL_PROCESS);
		}
	}
}

static void x32_is_killed(void **state)
{
	(void)state;
	for (int role = 0; role < CALLS_ROLES; role++) {
		build((enum calls_role)role, AUDIT_ARCH_X86_64, NULL, NULL);
		for (int number = 0; number <= NUMBERS; number++)
			assert_int_equal(ask_number(X32 | number, 0, 0, 0),
				SECCOMP_RET_KILL_PROCESS);
	}
}

static void what_is_asked_for_is_allowed(void **state)
{
	(void)state;
	for (size_t j = 0; j < COUNT_OF(arches); j++) {
		build(CALLS_MODULE, arches[j], "connect,getrandom,openat", " connect , mremap");
		ALLOWED("connect", 0, 0, 0);
		ALLOWED("getrandom", 0, 0, 0);
		/* Asked for by name, a call is allowed whatever the table's condition was. */
		ALLOWED("openat", 0, 0, O_RDWR);
		ALLOWED("mremap", 0, 0, 0);
		REFUSED("bind", 0, 0, 0);
	}
}

static void nothing_that_is_asked_for_gives_executable_memory_or_a_process(void **state)
{
	static const char every[] = "mmap,mprotect,pkey_mprotect,clone,clone3,socket,kill,tgkill,"
				    "shmat,personality,execve,execveat,fork,vfork";
	static const char *const never[] = {"execve", "execveat", "fork", "vfork"};
	const uint64_t thread =
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS;

	(void)state;
	for (size_t j = 0; j < COUNT_OF(arches); j++) {
		build(CALLS_MODULE, arches[j], every, every);
		ALLOWED("mmap", 0, 0, PROT_READ);
		REFUSED("mmap", 0, 0, PROT_READ | PROT_EXEC);
		ALLOWED("mprotect", 0, 0, PROT_READ);
		REFUSED("mprotect", 0, 0, PROT_EXEC);
		REFUSED("pkey_mprotect", 0, 0, PROT_EXEC);
		ALLOWED("shmat", 1, 0, SHM_RDONLY);
		REFUSED("shmat", 1, 0, SHM_EXEC);
		ALLOWED("personality", 0xffffffff, 0, 0);
		REFUSED("personality", READ_IMPLIES_EXEC, 0, 0);
		for (size_t i = 0; i < COUNT_OF(never); i++) {
			if (calls_number(arches[j], never[i]) >= 0)
				assert_int_equal(ask(never[i], 0, 0, 0), SECCOMP_RET_ERRNO | EPERM);
		}
		ALLOWED("clone", thread, 0, 0);
		REFUSED("clone", SIGCHLD, 0, 0);
		REFUSED("clone", thread | CLONE_NEWUSER, 0, 0);
		assert_int_equal(ask("clone3", 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
		ALLOWED("socket", AF_INET6, 0, 0);
		REFUSED("socket", AF_PACKET, 0, 0);
		ALLOWED("kill", (uint64_t)getpid(), SIGTERM, 0);
		REFUSED("kill", 1, SIGTERM, 0);
		REFUSED("tgkill", 1, 1, SIGTERM);
	}
}

static void an_app_types_into_no_terminal(void **state)
{
	/* TIOCSTI, TIOCLINUX, TIOCCONS, TIOCGSERIAL, TIOCSSERIAL, TIOCSETD */
	static const uint64_t refused[] = {0x5412, 0x541c, 0x541d, 0x541e, 0x541f, 0x5423};
	const uint64_t high = (uint64_t)1 << 32;

	(void)state;
	for (size_t j = 0; j < COUNT_OF(arches); j++) {
		build(CALLS_APP, arches[j], NULL, NULL);
		for (uint64_t command = 0; command <= UINT16_MAX; command++) {
			bool is_refused = command >> 8 == 0x54 && command >= 0x5480;

			for (size_t i = 0; i < COUNT_OF(refused); i++)
				is_refused |= command == refused[i];
			assert_int_equal(ask("ioctl", 0, command, 0),
				is_refused ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ALLOW);
		}
		/* The kernel looks at 32 bits of it. */
		REFUSED("ioctl", 0, high | TIOCSTI, 0);
		ALLOWED("ioctl", 0, TIOCGPTN, 0);
		ALLOWED("ioctl", 0, TIOCSPTLCK, 0);
	}
}

static void an_app_starts_processes_but_no_namespaces(void **state)
{
	(void)state;
	for (size_t j = 0; j < COUNT_OF(arches); j++) {
		build(CALLS_APP, arches[j], NULL, NULL);
		ALLOWED("clone", SIGCHLD, 0, 0);
		ALLOWED("clone", CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0);
		REFUSED("clone", CLONE_NEWUSER | SIGCHLD, 0, 0);
		REFUSED("clone", CLONE_NEWNS | SIGCHLD, 0, 0);
		assert_int_equal(ask("clone3", 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
		ALLOWED("socket", AF_INET, SOCK_STREAM, 0);
		ALLOWED("socket", AF_NETLINK, SOCK_RAW, 0);
		REFUSED("socket", AF_NETLINK, SOCK_RAW, 12 /* NETLINK_NETFILTER */);
		REFUSED("socket", AF_PACKET, SOCK_RAW, 0);
		ALLOWED("mmap", 0, 4096, PROT_READ | PROT_EXEC);
	}
}

static void a_danger_that_is_asked_for_is_given(void **state)
{
	(void)state;
	build(CALLS_APP, AUDIT_ARCH_X86_64, NULL, "ptrace");
	ALLOWED("ptrace", 0, 0, 0);
	REFUSED("bpf", 0, 0, 0);
}

static void a_mode_that_logs_still_kills_for_a_danger(void **state)
{
	const struct filter_plan plan = {.role = CALLS_MODULE, .allowed = "setns"};
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	(void)state;
	filter_free(&trial.program);
	trial.arch = AUDIT_ARCH_X86_64;
	assert_int_equal(filter_build(&plan, trial.arch, FILTER_LOG, &trial.program, &why), 0);
	ALLOWED("read", 0, 0, 0);
	ALLOWED("setns", 0, 0, 0);
	assert_int_equal(ask("socket", 0, 0, 0), SECCOMP_RET_LOG);
	assert_int_equal(ask("mmap", 0, 0, PROT_EXEC), SECCOMP_RET_LOG);
	REFUSED("ptrace", 0, 0, 0);
	REFUSED("io_uring_setup", 0, 0, 0);
}

static int forget(void **state)
{
	(void)state;
	filter_free(&trial.program);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_is_decided_as_the_table_says),
		cmocka_unit_test(with_ktls_the_kernel_may_be_given_keys_to_write_with),
		cmocka_unit_test(every_row_is_in_the_filter),
		cmocka_unit_test(what_is_answered_is_not_executed),
		cmocka_unit_test(conditions_hold_for_the_whole_argument),
		cmocka_unit_test(another_architecture_is_killed),
		cmocka_unit_test(x32_is_killed),
		cmocka_unit_test(what_is_asked_for_is_allowed),
		cmocka_unit_test(nothing_that_is_asked_for_gives_executable_memory_or_a_process),
		cmocka_unit_test(an_app_types_into_no_terminal),
		cmocka_unit_test(an_app_starts_processes_but_no_namespaces),
		cmocka_unit_test(a_danger_that_is_asked_for_is_given),
		cmocka_unit_test(a_mode_that_logs_still_kills_for_a_danger),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
