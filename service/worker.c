#include "service/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "service/connection.h"
#include "service/exporter.h"
#include "service/greeting.h"
#include "service/overdue.h"

#define LINGER_MS 2000
/* The arbiter looks for longer than that once it was told, so ACTIVE need not be said again. */
#define ANNOUNCE_MS 100

void worker_durations(const struct settings *settings, uint64_t after_ms[DEADLINES])
{
	after_ms[DEADLINE_NOW] = 0;
	after_ms[DEADLINE_NEXT] = 0;
	after_ms[DEADLINE_HANDSHAKE] = settings->tls_handshake_timeout;
	after_ms[DEADLINE_HEAD] = settings->head_timeout;
	after_ms[DEADLINE_BODY] = settings->body_timeout;
	after_ms[DEADLINE_IDLE] = settings->keepalive;
	after_ms[DEADLINE_GRACE] = settings->idle_grace;
	after_ms[DEADLINE_WRITE] = settings->write_timeout;
	after_ms[DEADLINE_LINGER] = LINGER_MS;
	after_ms[DEADLINE_APP] = CLOCK_NEVER;
}

void worker_retire(struct worker *worker, bool draining)
{
	if (worker->step >= WORKER_RETIRING || (draining && worker->step == WORKER_DRAINING))
		return;
	worker->exchange.closing = true;
	if (draining) {
		worker->step = WORKER_DRAINING;
		acceptors_drain(worker);
	} else {
		worker->step = WORKER_RETIRING;
		acceptors_close(worker);
	}
	deadlines_move(&worker->deadlines, DEADLINE_IDLE, DEADLINE_GRACE, worker->now_ms);
	/* Among these are connections that have not sent a byte yet: they are idle, too. */
	deadlines_move(&worker->deadlines, DEADLINE_HEAD, DEADLINE_NOW, worker->now_ms);
	deadlines_move(&worker->deadlines, DEADLINE_HANDSHAKE, DEADLINE_NOW, worker->now_ms);
	log_debug(&worker->log, draining ? "worker_draining" : "worker_retiring",
		log_uint("connections", worker->pool.used));
}

/* Standard error is for what an app executes, too; a descriptor of the log's own is not. */
static int place_log(int fd, int at)
{
	return at == STDERR_FILENO ? fd_place(fd, at) : fd_replace(at, fd);
}

void worker_reopen_log(struct worker *worker, const struct message *message)
{
	if (message->fd >= 0 && place_log(message->fd, worker->log.fd) == 0)
		log_debug(&worker->log, "log_reopened", log_uint("slot", worker->heritage.slot));
}

static void reopen_access_log(struct worker *worker, struct message *message)
{
	if (message->fd < 0 || worker->heritage.settings.accesslog == NULL)
		return;
	access_reopen(&worker->access, &message->fd);
	log_debug(&worker->log, "access_log_reopened", log_uint("slot", worker->heritage.slot));
}

static void hear(struct worker *worker, struct message *message)
{
	if (message->type == MESSAGE_REOPEN)
		worker_reopen_log(worker, message);
	else if (message->type == MESSAGE_REOPEN_ACCESS)
		reopen_access_log(worker, message);
	else if (message->type == MESSAGE_METRICS && exporter_is(&worker->app))
		exporter_answer(&worker->app, message->fd);
	else if (message->type == MESSAGE_GIVE)
		tls_connect(worker->tls, &worker->loop, &message->fd, greeting_resume);
	else
		worker_retire(worker, message->type == MESSAGE_DRAIN);
	fd_close(&message->fd);
}

void worker_channel_ready(struct watch *watch, uint32_t events)
{
	struct worker *worker = CONTAINER_OF(watch, struct worker, channel);
	struct message message;
	int outcome;

	(void)events;
	/* Without a number free for its descriptor, a new log is lost, or a line, and no more. */
	while ((outcome = channel_receive(watch->fd, CHANNEL_ARBITER, &message)) == 1 ||
		outcome == -EMFILE) {
		if (outcome == 1)
			hear(worker, &message);
		else if (!tls_misses_line(worker->tls))
			log_error(&worker->log, "log_not_reopened",
				log_uint("slot", worker->heritage.slot),
				log_errno("error", outcome));
	}
	if (outcome == 0)
		return;
	log_error(&worker->log, "arbiter_lost", log_errno("error", outcome));
	worker->step = WORKER_LEAVING;
}

void worker_signal_ready(struct watch *watch, uint32_t events)
{
	struct worker *worker = CONTAINER_OF(watch, struct worker, signals);
	struct signalfd_siginfo signal;

	(void)events;
	while (read(watch->fd, &signal, sizeof(signal)) == (ssize_t)sizeof(signal)) {
		switch (signal.ssi_signo) {
		case SIGTERM:
			worker_retire(worker, false);
			break;
		case SIGINT:
		case SIGQUIT:
			worker->host.at_once = true;
			worker->step = WORKER_LEAVING;
			break;
		default:
			/* USR1, too: the arbiter opens the log, and sends it: a worker may not. */
			log_debug(&worker->log, "signal_ignored",
				log_uint("signal", signal.ssi_signo));
			break;
		}
	}
}

/*
 * The arbiter does not look at an idle worker's page: the first busy turn that finds it not
 * looking calls it. Each side writes its own word and then reads the other's, both sequentially
 * consistent, so that at least one of them sees the other.
 */
static void begin_turn(struct worker *worker)
{
	struct page *page = worker->page;

	worker->now_ms = clock_ms();
	worker->exchange.stamp = stamp_at(&worker->stamp, worker->now_ms);
	if (UNLIKELY(worker->exchange.access != NULL))
		worker->exchange.turn_us = access_turn(&worker->access, worker->now_ms);
	if (UNLIKELY(worker->exchange.timed))
		worker->exchange.turn_us = clock_us();
	acceptors_begin(worker);
	(void)atomic_exchange(&page->busy_since_ms, worker->now_ms);
	if (LIKELY(atomic_load(&page->watched) != 0) ||
		worker->now_ms - worker->announced_ms < ANNOUNCE_MS)
		return;
	if (channel_send(worker->channel.fd, MESSAGE_ACTIVE, NULL, 0) == 0)
		worker->announced_ms = worker->now_ms;
}

/* Serves on meanwhile: the arbiter retires it when another one is ready. */
static void ask_for_successor(struct worker *worker)
{
	if (channel_send(worker->channel.fd, MESSAGE_SPENT, NULL, 0) != 0)
		return;
	worker->asked = true;
	if (worker->host.outgrown)
		log_info(&worker->log, "root_replaced", log_uint("slot", worker->heritage.slot),
			log_string("app", worker->heritage.app));
}

/* If it cannot be told now, the next turn does: who needs the line begins one. */
static void ask_for_line(struct worker *worker)
{
	if (channel_send(worker->channel.fd, MESSAGE_LINE_LOST, NULL, 0) == 0)
		tls_told(worker->tls);
}

/* It has served what it should, or what it is to serve by now is kept from it. */
static bool is_spent(const struct worker *worker)
{
	return atomic_load_explicit(&worker->page->requests, memory_order_relaxed) >=
		       worker->spent_after ||
	       worker->host.outgrown;
}

static void end_turn(struct worker *worker)
{
	struct page *page = worker->page;

	if (UNLIKELY(is_spent(worker)) && !worker->asked)
		ask_for_successor(worker);
	/* Who leaves asks for nothing: it may leave an image that is older than the question. */
	if (UNLIKELY(tls_lacks_line(worker->tls)) && worker->step < WORKER_RETIRING)
		ask_for_line(worker);

	atomic_store_explicit(&page->turns,
		atomic_load_explicit(&page->turns, memory_order_relaxed) + 1, memory_order_relaxed);
	atomic_store_explicit(&page->busy_since_ms, 0, memory_order_release);
}

static void expire(struct worker *worker)
{
	struct deadline *due;

	/* Those are due now; who yields again while this runs has to wait for the next turn. */
	deadlines_move(&worker->deadlines, DEADLINE_NEXT, DEADLINE_NOW, worker->now_ms);
	while ((due = deadlines_take_due(&worker->deadlines, worker->now_ms)) != NULL)
		overdue_judge(CONTAINER_OF(due, struct connection, deadline));
}

static uint64_t nearest(const struct worker *worker)
{
	uint64_t connections = deadlines_nearest(&worker->deadlines);
	uint64_t acceptors = acceptors_nearest(&worker->acceptors);
	uint64_t lines = access_nearest(&worker->access);
	uint64_t app = host_nearest(&worker->host);
	uint64_t keys = tls_nearest(worker->tls);
	uint64_t first = connections < acceptors ? connections : acceptors;
	uint64_t other = lines < app ? lines : app;

	other = other < keys ? other : keys;
	return first < other ? first : other;
}

static void turn(struct worker *worker)
{
	(void)loop_wait(&worker->loop, clock_timeout(nearest(worker), worker->now_ms));
	begin_turn(worker);
	while (loop_tell(&worker->loop))
		acceptors_look(worker);
	host_tick(&worker->host, worker->now_ms);
	tls_tick(worker->tls, worker->now_ms);
	expire(worker);
	if (acceptors_tick(worker) && worker->step == WORKER_DRAINING) {
		acceptors_close(worker);
		worker->step = WORKER_RETIRING;
	}
	if (worker->step == WORKER_RETIRING && worker->pool.used == 0)
		worker->step = WORKER_LEAVING;
	access_tick(&worker->access);
	end_turn(worker);
}

static struct deadline *any_deadline(struct worker *worker)
{
	struct deadline *first = NULL;

	for (size_t i = 0; i < DEADLINES && first == NULL; i++)
		first = deadlines_oldest(&worker->deadlines, (enum deadline_kind)i);
	return first;
}

/*
 * The app hears of each end, and may answer another connection's request then, which so moves to
 * another queue: the search begins anew each time.
 */
static void end_all(struct worker *worker)
{
	struct deadline *first;

	while ((first = any_deadline(worker)) != NULL)
		connection_end(CONTAINER_OF(first, struct connection, deadline));
}

void worker_run(struct worker *worker)
{
	while (worker->step != WORKER_LEAVING)
		turn(worker);
	acceptors_close(worker);
	end_all(worker); /* whoever is open waits for something; bodies in hand are the app's */
	app_stop(&worker->app);
	host_tell_counters(&worker->host);
}

void worker_disown(struct narwhal_host *host)
{
	struct worker *worker = CONTAINER_OF(host, struct worker, host);
	struct heritage *heritage = &worker->heritage;

	for (size_t i = 0; i < worker->pool.touched; i++)
		fd_close(&worker->pool.all[i].watch.fd);
	for (size_t i = 0; i < heritage->listeners; i++)
		fd_close(&heritage->listener_fd[i]);
	tls_disown(worker->tls);
	fd_close(&heritage->channel_fd);
	fd_close(&worker->signal_fd);
	fd_close(&worker->loop.epoll_fd);
	fd_close(&host->wake.fd);
}

void worker_close(struct worker *worker)
{
	pool_close(&worker->pool);
	exchange_close(&worker->exchange);
	exporter_close(&worker->app);
	origin_rules_close(&worker->rules);
	host_close(&worker->host);
	access_close(&worker->access); /* behind those whose answers it notes */
	fd_close(&worker->access_fd);
	free(worker->scratch);
	tls_close(&worker->tls);
	loop_close(&worker->loop);
	fd_close(&worker->signal_fd);
	fd_close(&worker->status_fd);
	heritage_free(&worker->heritage);
}
