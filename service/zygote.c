#include "service/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/exits.h"
#include "base/fd.h"
#include "service/birth.h"

enum turn {
	STAYS,
	LEAVES,
	IS_WORKER, /* a child, which returns from here as another process */
};

/* What a fork takes with it. */
struct labour {
	struct worker *zygote;
	int *channel_fd; /* the worker's own */
	int gate[2];	 /* a pipe, which ends when the one in between is gone and reaped */
};

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return 0; /* the app has SIGCHLD ignored: it is gone all the same */
	}
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

/* Until the arbiter is its parent; without, its zygote has died and nobody waits for it. */
static void wait_at(struct labour *labour, pid_t arbiter)
{
	char byte;

	fd_close(&labour->gate[1]);
	while (read(labour->gate[0], &byte, 1) < 0 && errno == EINTR)
		;
	fd_close(&labour->gate[0]);
	if (getppid() != arbiter)
		_exit(EXIT_BOOT);
}

static void be_worker(struct labour *labour, pid_t arbiter)
{
	struct worker *worker = labour->zygote;

	wait_at(labour, arbiter);
	fd_close(&worker->signal_fd);
	fd_close(&worker->heritage.channel_fd);
	worker->heritage.channel_fd = *labour->channel_fd;
	*labour->channel_fd = -1;
}

/*
 * Twice, and the one in between ends at once: so its child is inherited by the arbiter, which gets
 * its exit status. By the C library's fork(3), which keeps its own locks and thread ids right, as a
 * bare clone(2) with CLONE_PARENT does not. 0 in the worker, 1 in the zygote, or -errno there.
 */
static int fork_twice(struct labour *labour)
{
	pid_t arbiter = getppid(), between = fork(), born;

	if (between < 0)
		return -errno;
	if (between > 0) {
		int error = wait_for(between);

		return error == 0 ? 1 : error;
	}
	born = fork();
	if (born != 0)
		_exit(born < 0 ? errno : 0);
	be_worker(labour, arbiter);
	return 0;
}

static enum turn give_birth(struct worker *zygote, int *channel_fd)
{
	const struct app *app = &zygote->app;
	struct labour labour = {.zygote = zygote, .channel_fd = channel_fd};
	int outcome = pipe2(labour.gate, O_CLOEXEC) == 0 ? 0 : -errno;

	if (outcome == 0) {
		app->forks.prepare(app->state);
		outcome = fork_twice(&labour);
		if (outcome == 0)
			return IS_WORKER;
		app->forks.parent(app->state);
		fd_close(&labour.gate[0]);
		fd_close(&labour.gate[1]);
	}
	if (outcome < 0)
		log_warning(&zygote->log, "fork_refused", log_errno("error", outcome));
	return STAYS;
}

static enum turn obey(struct worker *zygote, struct message *message)
{
	if (message->type == MESSAGE_FORK && message->fd >= 0)
		return give_birth(zygote, &message->fd);
	if (message->type == MESSAGE_REOPEN)
		worker_reopen_log(zygote, message);
	return STAYS;
}

/* Without its arbiter, or with another image that knows no attendants, it leaves. */
static enum turn hear_arbiter(struct worker *zygote)
{
	struct message message;
	enum turn turn = STAYS;
	int outcome = 1;

	while (turn == STAYS && outcome == 1) {
		outcome = channel_receive(zygote->heritage.channel_fd, CHANNEL_ARBITER, &message);
		if (outcome == 1)
			turn = obey(zygote, &message);
		fd_close(&message.fd);
	}
	return outcome < 0 ? LEAVES : turn;
}

static enum turn hear_signals(const struct worker *zygote)
{
	struct signalfd_siginfo signal;

	/* SIGTERM is for those who have something to finish, and may want a successor yet. */
	while (read(zygote->signal_fd, &signal, sizeof(signal)) == (ssize_t)sizeof(signal)) {
		if (signal.ssi_signo == SIGQUIT)
			return LEAVES;
	}
	return STAYS;
}

static enum turn wait_and_hear(struct worker *zygote)
{
	struct pollfd both[] = {
		{.fd = zygote->heritage.channel_fd, .events = POLLIN},
		{.fd = zygote->signal_fd, .events = POLLIN},
	};

	(void)poll(both, COUNT_OF(both), -1);
	if (hear_signals(zygote) == LEAVES)
		return LEAVES;
	return both[0].revents != 0 ? hear_arbiter(zygote) : STAYS;
}

/* A fork takes only the thread that calls it. */
static void mind_threads(struct worker *zygote)
{
	long threads = birth_other_threads();

	if (threads > 0)
		log_warning(&zygote->log, "preload_threads", log_int("threads", threads),
			log_string("reason", "the app has begun them in load, and no worker will "
					     "have them: begin them in worker_init"));
}

bool zygote_run(struct worker *worker)
{
	enum turn turn = STAYS;

	mind_threads(worker);
	while (turn == STAYS)
		turn = wait_and_hear(worker);
	return turn == IS_WORKER;
}
