/*
 * A filter is loaded where the kernel can do less than this one, as another filter around us makes
 * believe: each time in a process of its own. That one is not of libseccomp, which asks the kernel
 * but once what it can do.
 */
#include "unit.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp/filter.h"

enum outcome {
	LOADED,
	LOADED_WITH_LISTENER,
	REFUSED,
	NOT_TRIED,
};

#define ARGUMENT(n) (offsetof(struct seccomp_data, args) + (n) * sizeof(uint64_t))

/* A seccomp(2) of that operation, with one of those flags, is none that is known. */
#define WITHOUT(operation, flags, error)                                       \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)), \
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 5),        \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(0)),               \
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, operation, 0, 3),          \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(1)),               \
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flags, 0, 1),             \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define ALL_ELSE BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* In the child: under that filter, what becomes of ours. */
static enum outcome load(struct sock_fprog around)
{
	const struct filter_plan plan = {.role = CALLS_MODULE, .build = true};
	char bytes[512];
	struct text why = TEXT_OVER(bytes);
	int listener_fd = -1;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0 ||
		prctl(PR_SET_SECCOMP, (long)SECCOMP_MODE_FILTER, &around) != 0)
		return NOT_TRIED;
	if (filter_load(&plan, &listener_fd, &why) != 0)
		return REFUSED;
	return listener_fd >= 0 ? LOADED_WITH_LISTENER : LOADED;
}

static enum outcome outcome(struct sock_fprog around)
{
	int status = 0;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0)
		_exit((int)load(around));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return (enum outcome)WEXITSTATUS(status);
}

static void this_kernel_has_a_listener(void **state)
{
	struct sock_filter rows[] = {ALL_ELSE};

	(void)state;
	assert_int_equal(outcome((struct sock_fprog){COUNT_OF(rows), rows}), LOADED_WITH_LISTENER);
}

/* Linux before 5.0, gVisor: nobody even knows how large a question would be. */
static void without_listeners_there_is_a_filter_all_the_same(void **state)
{
	struct sock_filter rows[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(0)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SECCOMP_GET_NOTIF_SIZES, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		WITHOUT(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, EINVAL),
		ALL_ELSE,
	};

	(void)state;
	assert_int_equal(outcome((struct sock_fprog){COUNT_OF(rows), rows}), LOADED);
}

/* Linux 5.0 to 5.6: a listener, or all threads. */
static void a_listener_is_not_had_for_one_thread_alone(void **state)
{
	struct sock_filter rows[] = {
		WITHOUT(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC_ESRCH, EINVAL),
		ALL_ELSE,
	};

	(void)state;
	assert_int_equal(outcome((struct sock_fprog){COUNT_OF(rows), rows}), LOADED);
}

/* Another one is around us already. */
static void a_second_listener_is_not_needed(void **state)
{
	struct sock_filter rows[] = {
		WITHOUT(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, EBUSY),
		ALL_ELSE,
	};

	(void)state;
	assert_int_equal(outcome((struct sock_fprog){COUNT_OF(rows), rows}), LOADED);
}

static void without_any_filter_there_is_an_error(void **state)
{
	struct sock_filter rows[] = {
		WITHOUT(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, EPERM),
		ALL_ELSE,
	};

	(void)state;
	assert_int_equal(outcome((struct sock_fprog){COUNT_OF(rows), rows}), REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(this_kernel_has_a_listener),
		cmocka_unit_test(without_listeners_there_is_a_filter_all_the_same),
		cmocka_unit_test(a_listener_is_not_had_for_one_thread_alone),
		cmocka_unit_test(a_second_listener_is_not_needed),
		cmocka_unit_test(without_any_filter_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
