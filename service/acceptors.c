#include "service/acceptors.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "service/accept.h"
#include "service/shard.h"
#include "service/worker.h"

/* New ones that a turn of slow requests takes for each of them: who waits came before who asks
 * again. */
#define NEW_FOR_OLD 3
/* Handshakes in flight when the backlog is seen empty still arrive within this time. */
#define SETTLE_MS 50
/* By then the kernel has repeated its SYN-ACK, and TCP_DEFER_ACCEPT holds nobody back. */
#define SETTLE_DEFERRED_MS 1100
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

void acceptors_pause(struct worker *worker, uint64_t ms)
{
	unwatch_all(worker);
	worker->acceptors.resume_ms = ms == CLOCK_NEVER ? ms : worker->now_ms + ms;
}

void acceptors_rewatch(struct worker *worker, struct acceptor *acceptor)
{
	if (!worker->acceptors.watching || acceptor->kind == ACCEPTOR_OWN)
		return;
	loop_drop(&worker->loop, &acceptor->watch);
	if (watch_one(worker, acceptor) == 0)
		return;
	unwatch_all(worker);
	acceptors_pause(worker, ACCEPT_PAUSE_MS);
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
		acceptors_pause(worker, ACCEPT_PAUSE_MS);
}

static void acceptor_ready(struct watch *watch, uint32_t events)
{
	struct acceptor *acceptor = CONTAINER_OF(watch, struct acceptor, watch);

	(void)events;
	accept_waiting(acceptor->worker, acceptor, acceptor->burst);
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

	if (most > ACCEPT_BURST_MAX)
		most = ACCEPT_BURST_MAX;
	if (acceptors->resume_ms <= worker->exchange.began_ms)
		acceptors_resume(worker);
	acceptors->looking = true;
	for (size_t i = 0; acceptors->watching && i < acceptors->count; i++) {
		if (acceptors->all[i].kind != ACCEPTOR_FOREIGN)
			accept_waiting(worker, &acceptors->all[i], (unsigned)most);
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
			accept_waiting(worker, acceptor, ACCEPT_BURST_MAX);
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
		accept_waiting(worker, &acceptors->all[i], LAST_MAX);
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
