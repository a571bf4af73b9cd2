#include "init/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "init/arbiter.h"
#include "init/logfile.h"
#include "init/reload.h"

#define SIGNALS_AT_ONCE 16

void signals_block(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

void signals_restore(void)
{
	sigset_t none;

	for (int number = 1; number <= SIGRTMAX; number++)
		(void)signal(number,
			SIG_DFL); /* KILL, STOP and glibc's own two refuse: as they should */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void verb_stop(struct arbiter *a, const char *name)
{
	(void)name;
	arbiter_turn(a, TURN_STOP);
}

static void verb_quick(struct arbiter *a, const char *name)
{
	(void)name;
	arbiter_turn(a, TURN_QUICK);
}

static void verb_more(struct arbiter *a, const char *name)
{
	bool done = wish_more(&a->wish);

	(void)name;
	arbiter_turn(a, TURN_WAKE);
	log_info(&a->log, done ? "workers_wished" : "workers_at_most",
		log_uint("workers", a->wish.crew.workers));
}

static void verb_fewer(struct arbiter *a, const char *name)
{
	bool done = wish_fewer(&a->wish);

	(void)name;
	log_info(&a->log, done ? "workers_wished" : "workers_at_least",
		log_uint("workers", a->wish.crew.workers));
}

static void verb_reload(struct arbiter *a, const char *name)
{
	(void)name;
	reload_begin(a);
}

static void verb_reopen(struct arbiter *a, const char *name)
{
	(void)name;
	logfile_reopen(a);
}

static void verb_rest(struct arbiter *a, const char *name)
{
	(void)name;
	arbiter_turn(a, TURN_REST);
}

static void verb_reap(struct arbiter *a, const char *name)
{
	(void)a;
	(void)name;
}

static void verb_not_yet(struct arbiter *a, const char *name)
{
	log_warning(&a->log, "signal_not_yet", log_string("name", name));
}

static const struct {
	int number;
	const char *name;
	void (*verb)(struct arbiter *arbiter, const char *name);
} rows[] = {
#define SIGNAL(name, verb, meaning) {SIG##name, #name, verb_##verb},
#include "init/signals.def"
#undef SIGNAL
};

static void act(struct arbiter *a, const struct signalfd_siginfo *info)
{
	enum log_level level = info->ssi_signo == SIGCHLD ? LOG_DEBUG : LOG_INFO;
	const char *name = sigabbrev_np((int)info->ssi_signo); /* NULL: a real-time one */

	log_at(&a->log, level, "signal", log_string("name", name),
		log_uint("number", info->ssi_signo), log_uint("sender", info->ssi_pid));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].number == (int)info->ssi_signo)
			rows[i].verb(a, rows[i].name);
	}
}

static void read_signals(struct watch *watch, uint32_t events)
{
	struct arbiter *a = CONTAINER_OF(watch, struct arbiter, signals);
	struct signalfd_siginfo info[SIGNALS_AT_ONCE];
	ssize_t n;

	(void)events;
	do {
		n = read(watch->fd, info, sizeof(info));
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(info[0]); i++)
			act(a, &info[i]);
	} while (n == (ssize_t)sizeof(info));
}

int signals_open(struct watch *watch, struct loop *loop)
{
	sigset_t all;

	(void)sigfillset(&all);
	*watch = (struct watch){
		.fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK),
		.ready = read_signals,
	};
	return watch->fd >= 0 ? loop_add(loop, watch, EPOLLIN) : -errno;
}
