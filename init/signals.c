#include "init/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/arbiter.h"
#include "init/logfile.h"
#include "init/outsider.h"
#include "init/reload.h"
#include "init/request.h"

/* All that can be pending but a flood of real-time ones, which may wait for the next turn. */
#define SIGNALS_AT_ONCE 64
#define KERNEL_SIGSET_SIZE 8

/*
 * The C library keeps 32 and 33 for itself and strikes them out of every set of its own: the kernel
 * is asked directly, or one of them from anywhere would end an arbiter that is not PID 1.
 */
void signals_block(struct signals_found *found)
{
	static const uint64_t all = UINT64_MAX;

	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &found->mask, KERNEL_SIGSET_SIZE);
	/* Ignored, as some parents leave it, the kernel would bury our children without a word. */
	found->child_ignored = signal(SIGCHLD, SIG_DFL) == SIG_IGN;
}

void signals_return(const struct signals_found *found)
{
	if (found->child_ignored)
		(void)signal(SIGCHLD, SIG_IGN);
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &found->mask, NULL, KERNEL_SIGSET_SIZE);
}

void signals_restore(void)
{
	static const char standard[64]; /* struct sigaction of the kernel's, whatever the machine */
	sigset_t none;

	/* By the kernel's own call: posix_spawn(3) of a parent leaves 32 and 33 ignored, and the C
	 * library lets nobody change that. KILL and STOP refuse, as they should. */
	for (int number = 1; number <= SIGRTMAX; number++)
		(void)syscall(SYS_rt_sigaction, number, standard, NULL, KERNEL_SIGSET_SIZE);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void verb_stop(struct arbiter *a, const struct signalfd_siginfo *info)
{
	(void)info;
	arbiter_turn(a, TURN_STOP);
}

static void verb_quick(struct arbiter *a, const struct signalfd_siginfo *info)
{
	(void)info;
	arbiter_turn(a, TURN_QUICK);
}

static void verb_more(struct arbiter *a, const struct signalfd_siginfo *info)
{
	bool done = wish_more(&a->wish);

	(void)info;
	arbiter_turn(a, TURN_WAKE);
	log_info(&a->log, done ? "workers_wished" : "workers_at_most",
		log_uint("workers", a->wish.crew.workers));
}

static void verb_fewer(struct arbiter *a, const struct signalfd_siginfo *info)
{
	bool done = wish_fewer(&a->wish);

	(void)info;
	log_info(&a->log, done ? "workers_wished" : "workers_at_least",
		log_uint("workers", a->wish.crew.workers));
}

static void verb_reload(struct arbiter *a, const struct signalfd_siginfo *info)
{
	(void)info;
	if (!upgrade_keep(a))
		reload_begin(a);
}

static void verb_reopen(struct arbiter *a, const struct signalfd_siginfo *info)
{
	(void)info;
	logfile_reopen(a);
}

static void verb_rest(struct arbiter *a, const struct signalfd_siginfo *info)
{
	(void)info;
	if (!upgrade_give_way(a))
		arbiter_turn(a, TURN_REST);
}

static void verb_reap(struct arbiter *a, const struct signalfd_siginfo *info)
{
	(void)a;
	(void)info;
}

static void verb_upgrade(struct arbiter *a, const struct signalfd_siginfo *info)
{
	request_carry_out(a, request_read(info->ssi_code, info->ssi_ptr), info->ssi_ptr);
}

static const struct {
	int number;
	const char *name;
	void (*verb)(struct arbiter *arbiter, const struct signalfd_siginfo *info);
} rows[] = {
#define SIGNAL(name, verb, meaning) {SIG##name, #name, verb_##verb},
#include "init/signals.def"
#undef SIGNAL
};

/*
 * A log whose reader is gone raises SIGPIPE at every line: to log that would raise it again, and
 * so on without end.
 */
static bool is_own_pipe(const struct signalfd_siginfo *info)
{
	return info->ssi_signo == SIGPIPE && info->ssi_pid == (uint32_t)getpid();
}

/* The first signal that ends the service is the reason for its end. */
static void carry_out(struct arbiter *a, size_t row, const struct signalfd_siginfo *info)
{
	bool was_ending = wish_is_ending(&a->wish);
	struct text cause;

	rows[row].verb(a, info);
	if (was_ending || !wish_is_ending(&a->wish))
		return;
	cause = TEXT_OVER(a->last_cause);
	text_printf(&cause, "SIG%s from %u", rows[row].name, (unsigned)info->ssi_pid);
}

static void act(struct arbiter *a, const struct signalfd_siginfo *info)
{
	enum log_level level = info->ssi_signo == SIGCHLD ? LOG_DEBUG : LOG_INFO;
	const char *name = sigabbrev_np((int)info->ssi_signo); /* NULL: a real-time one */

	log_at(&a->log, level, "signal", log_string("name", name),
		log_uint("number", info->ssi_signo), log_uint("sender", info->ssi_pid));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].number != (int)info->ssi_signo)
			continue;
		carry_out(a, i, info);
		return;
	}
	outsider_forward(a, info);
}

static void read_signals(struct watch *watch, uint32_t events)
{
	struct arbiter *a = CONTAINER_OF(watch, struct arbiter, signals);
	struct signalfd_siginfo info[SIGNALS_AT_ONCE];
	ssize_t n;

	(void)events;
	n = read(watch->fd, info, sizeof(info));
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(info[0]); i++) {
		if (!is_own_pipe(&info[i]))
			act(a, &info[i]);
	}
}

int signals_open(struct watch *watch, struct loop *loop)
{
	static const uint64_t all = UINT64_MAX;

	*watch = (struct watch){
		.fd = (int)syscall(SYS_signalfd4, -1, &all, KERNEL_SIGSET_SIZE,
			SFD_CLOEXEC | SFD_NONBLOCK),
		.ready = read_signals,
	};
	return watch->fd >= 0 ? loop_add(loop, watch, EPOLLIN) : -errno;
}
