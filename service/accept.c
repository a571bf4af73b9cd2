#include "service/accept.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "service/connection.h"
#include "service/overdue.h"
#include "service/worker.h"

static const unsigned burst_max[] = {
	[ACCEPTOR_SHARED] = 2,
	[ACCEPTOR_OWN] = ACCEPT_BURST_MAX,
	[ACCEPTOR_FOREIGN] = 1,
};

/*
 * One of several takes no more than this in so long of connections that last: so many clients
 * at once are as many as come before the other workers, who were woken too, have got a CPU.
 */
#define LASTING_MAX 4
#define LASTING_MS 2
/* Idle connections that are asked to make room, before a new one has to wait. */
#define ROOM_TRIES 4

/*
 * The longest idle connections give way until there are `most`, except for those that turn out to
 * have a request after all.
 */
static void make_room(struct worker *worker, size_t most)
{
	for (int i = 0; i < ROOM_TRIES && worker->pool.used > most; i++) {
		struct deadline *idle = deadlines_oldest(&worker->deadlines, DEADLINE_IDLE);

		if (idle == NULL)
			return;
		overdue_end_idle(CONTAINER_OF(idle, struct connection, deadline));
	}
}

static bool somebody_is_idle(struct worker *worker)
{
	return deadlines_oldest(&worker->deadlines, DEADLINE_IDLE) != NULL;
}

/* Nobody has to go before it is known that somebody else comes: the pool has one place more. */
static bool has_room(struct worker *worker)
{
	size_t most = worker->pool.size - 1;

	make_room(worker, most);
	return worker->pool.used < most || (worker->pool.used == most && somebody_is_idle(worker));
}

enum accepted {
	ACCEPTED_ONE,
	ACCEPTED_NONE,	 /* the backlog is empty */
	ACCEPTED_FAILED, /* this one went away, or was not let in; try again */
	ACCEPTED_ENOUGH, /* one, and the next one is for others */
	ACCEPTED_PAUSE,
};

static enum accepted refused(struct worker *worker, int error)
{
	if (error == EAGAIN)
		return ACCEPTED_NONE;
	if (error != EMFILE && error != ENFILE && error != ENOBUFS && error != ENOMEM &&
		error != EINVAL && error != EBADF)
		return ACCEPTED_FAILED; /* an error of the new connection: accept(2), Linux */
	if ((error == EMFILE || error == ENFILE) && somebody_is_idle(worker)) {
		make_room(worker, worker->pool.used - 1);
		return ACCEPTED_FAILED;
	}
	if (!worker->acceptors.complained)
		log_warning(&worker->log, "accept_paused", log_errno("error", error),
			log_uint("connections", worker->pool.used),
			log_uint("retry_ms", ACCEPT_PAUSE_MS));
	worker->acceptors.complained = true;
	acceptors_pause(worker, ACCEPT_PAUSE_MS);
	return ACCEPTED_PAUSE;
}

/*
 * Whether the next ones are for other workers: while this one was busy with a slow request, or when
 * it fills faster than they can wake up.
 */
static bool has_enough(struct worker *worker, enum acceptor_kind kind, size_t used_before)
{
	struct acceptors *acceptors = &worker->acceptors;

	if (acceptors->draining || acceptors->looking)
		return false;
	if (clock_tick_ms() > worker->now_ms)
		return true;
	if (kind != ACCEPTOR_SHARED)
		return false;
	if (acceptors->window_ms != worker->now_ms) {
		acceptors->window_ms = worker->now_ms;
		acceptors->window_used = used_before;
	}
	if (worker->pool.used < acceptors->window_used + LASTING_MAX)
		return false;
	acceptors_pause(worker, LASTING_MS);
	return true;
}

static enum accepted accept_one(struct worker *worker, struct acceptor *acceptor)
{
	struct peer peer = {.any = {.sa_family = AF_UNSPEC}};
	socklen_t size = offsetof(struct peer, forwards);
	size_t used = worker->pool.used;
	int fd;

	if (!has_room(worker)) {
		acceptors_pause(worker, CLOCK_NEVER);
		return ACCEPTED_PAUSE;
	}
	fd = accept4(acceptor->watch.fd, &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return refused(worker, errno);
	worker->acceptors.complained = false;
	make_room(worker, worker->pool.size - 2);
	connection_open(worker, &fd, &peer, acceptor->tls);
	return has_enough(worker, acceptor->kind, used) ? ACCEPTED_ENOUGH : ACCEPTED_ONE;
}

/* How many are likely to wait the next time, after `n` times accept(2). */
static void learn_burst(struct acceptor *acceptor, enum accepted outcome, unsigned n)
{
	unsigned most = burst_max[acceptor->kind];

	if (outcome == ACCEPTED_ENOUGH)
		acceptor->burst = 1;
	else if (outcome == ACCEPTED_NONE) /* a system call for nothing: ask less */
		acceptor->burst = n > 1 ? n - 1 : 1;
	else if (n >= acceptor->burst)
		acceptor->burst = 2 * acceptor->burst < most ? 2 * acceptor->burst : most;
}

void accept_waiting(struct worker *worker, struct acceptor *acceptor, unsigned most)
{
	enum accepted outcome = ACCEPTED_ONE;
	unsigned n = 0;

	while (n < most && (outcome == ACCEPTED_ONE || outcome == ACCEPTED_FAILED)) {
		outcome = accept_one(worker, acceptor);
		n++;
	}
	learn_burst(acceptor, outcome, n);
	if (outcome == ACCEPTED_NONE)
		acceptor->ran_empty = true;
	if (outcome != ACCEPTED_NONE || n > 1)
		acceptors_rewatch(worker, acceptor);
}
