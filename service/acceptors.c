#include "service/acceptors.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "service/connection.h"
#include "service/overdue.h"
#include "service/shard.h"
#include "service/worker.h"

/* Connections that one wake-up may take before others have their turn. */
#define BURST_MAX 16
/* And that a turn of slow requests takes for each of them: who waits came before who asks again. */
#define NEW_FOR_OLD 3

static const unsigned burst_max[] = {
	[ACCEPTOR_SHARED] = 2,
	[ACCEPTOR_OWN] = BURST_MAX,
	[ACCEPTOR_FOREIGN] = 1,
};

/*
 * One of several takes no more than this in so long of connections that last: so many clients
 * at once are as many as come before the other workers, who were woken too, have got a CPU.
 */
#define LASTING_MAX 4
#define LASTING_MS 2
/* Without descriptors or memory: not too soon, for nobody says when there are some again. */
#define PAUSE_MS 200
/* Handshakes in flight when the backlog is seen empty still arrive within this time. */
#define SETTLE_MS 50
/* By then the kernel has repeated its SYN-ACK, and TCP_DEFER_ACCEPT holds nobody back. */
#define SETTLE_DEFERRED_MS 1100
/* Idle connections that are asked to make room, before a new one has to wait. */
#define ROOM_TRIES 4
/* What may still be taken from a listener when a drain ends. */
#define LAST_MAX 1024
/* A backlog that never runs empty must not keep a service from ending. */
#define DRAIN_MAX_MS 2000

static void acceptor_ready(struct watch *watch, uint32_t events);

static int watch_one(struct worker *worker, struct acceptor *acceptor)
{
	return loop_add(&worker->loop, &acceptor->watch, EPOLLIN | EPOLLEXCLUSIVE);
}

static int watch_all(struct worker *worker)
{
	struct acceptors *acceptors = &worker->acceptors;

	for (size_t i = 0; i < acceptors->count; i++) {
		int error = watch_one(worker, &acceptors->all[i]);

		if (error != 0) {
			while (i-- > 0)
				loop_drop(&worker->loop, &acceptors->all[i].watch);
			return error;
		}
	}
	acceptors->watching = true;
	return 0;
}

static void unwatch_all(struct worker *worker)
{
	struct acceptors *acceptors = &worker->acceptors;

	for (size_t i = 0; acceptors->watching && i < acceptors->count; i++)
		loop_drop(&worker->loop, &acceptors->all[i].watch);
	acceptors->watching = false;
}

/* The only worker has all of a listener; of an address's sockets each has its first worker. */
static enum acceptor_kind kind_of(const struct worker *worker, size_t at)
{
	const struct heritage *heritage = &worker->heritage;
	struct shard shard = shard_find(heritage->listener_fd, heritage->listeners, at);

	if (heritage->settings.workers == 1)
		return ACCEPTOR_OWN;
	if (shard.count == 1)
		return ACCEPTOR_SHARED;
	return shard.index == heritage->slot % shard.count ? ACCEPTOR_OWN : ACCEPTOR_FOREIGN;
}

/* On the CPU of what is its own. */
static void settle_down(const struct worker *worker)
{
	const struct heritage *heritage = &worker->heritage;

	/* The only worker has what comes in on any of them. */
	for (size_t i = 0; i < heritage->listeners && heritage->settings.workers != 1; i++) {
		struct shard shard = shard_find(heritage->listener_fd, heritage->listeners, i);

		if (shard.count == 1)
			continue;
		shard_settle(heritage->slot, shard.count);
		return;
	}
}

static bool is_unix(int listener_fd)
{
	int domain = AF_INET;
	socklen_t size = sizeof(domain);

	return getsockopt(listener_fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       domain == AF_UNIX;
}

int acceptors_open(struct worker *worker)
{
	struct acceptors *acceptors = &worker->acceptors;

	acceptors->count = worker->heritage.listeners;
	acceptors->resume_ms = CLOCK_NEVER;
	acceptors->settle_ms = CLOCK_NEVER;
	acceptors->all_unix = true;
	for (size_t i = 0; i < acceptors->count; i++) {
		acceptors->all[i] = (struct acceptor){
			.watch = {.fd = worker->heritage.listener_fd[i], .ready = acceptor_ready},
			.worker = worker,
			.kind = kind_of(worker, i),
			.tls = worker->heritage.listener_tls[i],
			.burst = 1,
		};
		acceptors->all_unix =
			acceptors->all_unix && is_unix(worker->heritage.listener_fd[i]);
	}
	settle_down(worker);
	return watch_all(worker);
}

void acceptors_close(struct worker *worker)
{
	unwatch_all(worker);
	worker->acceptors.count = 0;
	worker->acceptors.resume_ms = CLOCK_NEVER;
	worker->acceptors.settle_ms = CLOCK_NEVER;
}

static void pause_for(struct worker *worker, uint64_t ms)
{
	unwatch_all(worker);
	worker->acceptors.resume_ms = ms == CLOCK_NEVER ? ms : worker->now_ms + ms;
}

void acceptors_resume_full(struct worker *worker)
{
	if (!worker->acceptors.watching && worker->acceptors.resume_ms == CLOCK_NEVER)
		acceptors_resume(worker);
}

void acceptors_resume(struct worker *worker)
{
	if (worker->acceptors.watching || worker->acceptors.count == 0)
		return;
	worker->acceptors.resume_ms = CLOCK_NEVER;
	if (watch_all(worker) != 0)
		pause_for(worker, PAUSE_MS);
}

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
			log_uint("connections", worker->pool.used), log_uint("retry_ms", PAUSE_MS));
	worker->acceptors.complained = true;
	pause_for(worker, PAUSE_MS);
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
	pause_for(worker, LASTING_MS);
	return true;
}

static enum accepted accept_one(struct worker *worker, struct acceptor *acceptor)
{
	struct peer peer = {.any = {.sa_family = AF_UNSPEC}};
	socklen_t size = offsetof(struct peer, forwards);
	size_t used = worker->pool.used;
	int fd;

	if (!has_room(worker)) {
		pause_for(worker, CLOCK_NEVER);
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

/* Behind the other workers: of several waiting ones the kernel wakes the first. */
static void rewatch(struct worker *worker, struct acceptor *acceptor)
{
	if (!worker->acceptors.watching || acceptor->kind == ACCEPTOR_OWN)
		return;
	loop_drop(&worker->loop, &acceptor->watch);
	if (watch_one(worker, acceptor) == 0)
		return;
	unwatch_all(worker);
	pause_for(worker, PAUSE_MS);
}

/* Takes what waits, up to `most`. */
static void take(struct worker *worker, struct acceptor *acceptor, unsigned most)
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
		rewatch(worker, acceptor);
}

static void acceptor_ready(struct watch *watch, uint32_t events)
{
	struct acceptor *acceptor = CONTAINER_OF(watch, struct acceptor, watch);

	(void)events;
	take(acceptor->worker, acceptor, acceptor->burst);
}

static uint64_t requests_of(const struct worker *worker)
{
	return atomic_load_explicit(&worker->page->requests, memory_order_relaxed);
}

void acceptors_begin(struct worker *worker)
{
	worker->acceptors.looked_ms = worker->now_ms;
	worker->acceptors.looked_requests = requests_of(worker);
}

/* Another worker's backlog is no concern of this one's. */
static void look(struct worker *worker)
{
	struct acceptors *acceptors = &worker->acceptors;
	uint64_t most = NEW_FOR_OLD * (requests_of(worker) - acceptors->looked_requests);

	if (most > BURST_MAX)
		most = BURST_MAX;
	if (acceptors->resume_ms <= worker->exchange.began_ms)
		acceptors_resume(worker);
	acceptors->looking = true;
	for (size_t i = 0; acceptors->watching && i < acceptors->count; i++) {
		if (acceptors->all[i].kind != ACCEPTOR_FOREIGN)
			take(worker, &acceptors->all[i], (unsigned)most);
	}
	acceptors->looking = false;
	acceptors->looked_ms = clock_tick_ms();
	acceptors->looked_requests = requests_of(worker);
}

void acceptors_look(struct worker *worker)
{
	if (UNLIKELY(worker->exchange.began_ms > worker->acceptors.looked_ms))
		look(worker);
}

void acceptors_drain(struct worker *worker)
{
	struct acceptors *acceptors = &worker->acceptors;

	for (size_t i = 0; i < acceptors->count; i++)
		acceptors->all[i].ran_empty = false;
	acceptors->settle_ms = worker->now_ms + DRAIN_MAX_MS;
	acceptors->draining = true;
}

/*
 * Who has connected over TCP and not asked yet is in no queue that accept(2) sees (init/listener.c:
 * TCP_DEFER_ACCEPT), and would be reset. It has as long to ask as one that was accepted and idles.
 */
static uint64_t settle_time(const struct worker *worker)
{
	uint64_t grace = worker->heritage.settings.idle_grace;

	if (worker->acceptors.all_unix || grace <= SETTLE_MS)
		return SETTLE_MS;
	return grace < SETTLE_DEFERRED_MS ? grace : SETTLE_DEFERRED_MS;
}

/* A drain's first part: each backlog has been seen empty once. */
static void look_for_end(struct worker *worker)
{
	struct acceptors *acceptors = &worker->acceptors;
	bool all_empty = true;

	for (size_t i = 0; i < acceptors->count; i++) {
		struct acceptor *acceptor = &acceptors->all[i];

		if (!acceptor->ran_empty && acceptors->watching)
			take(worker, acceptor, BURST_MAX);
		all_empty = all_empty && acceptor->ran_empty;
	}
	if (!all_empty)
		return;
	acceptors->ran_empty = true;
	acceptors->settle_ms = worker->now_ms + settle_time(worker);
}

bool acceptors_tick(struct worker *worker)
{
	struct acceptors *acceptors = &worker->acceptors;

	if (acceptors->resume_ms <= worker->now_ms)
		acceptors_resume(worker);
	/* While it is full, the backlog waits for a connection to end. */
	if (!acceptors->draining || !acceptors->watching)
		return false;
	if (!acceptors->ran_empty)
		look_for_end(worker);
	if (worker->now_ms < acceptors->settle_ms)
		return false;
	for (size_t i = 0; i < acceptors->count; i++)
		take(worker, &acceptors->all[i], LAST_MAX);
	return true;
}

uint64_t acceptors_nearest(const struct acceptors *acceptors)
{
	if (!acceptors->watching)
		return acceptors->resume_ms;
	if (!acceptors->draining)
		return CLOCK_NEVER;
	return acceptors->ran_empty ? acceptors->settle_ms : 0;
}
