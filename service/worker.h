/*
 * worker.h - all of a worker's world in one struct, and its loop.
 *
 * One process, one thread, one loop: nothing in it waits but loop_wait(). Boot is boot.h's; where
 * connections come from is acceptors.h's; what becomes of them is connection.h's.
 */
#ifndef SERVICE_WORKER_H
#define SERVICE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/channel.h"
#include "base/heritage.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/page.h"
#include "seccomp/readback.h"
#include "service/acceptors.h"
#include "service/access.h"
#include "service/app.h"
#include "service/deadlines.h"
#include "service/exchange.h"
#include "service/pool.h"
#include "service/stamp.h"
#include "service/tls.h"

#define WORKER_SCRATCH ((size_t)64 * 1024)

enum worker_step {
	WORKER_SERVING,
	WORKER_DRAINING, /* accepts until the backlog is empty */
	WORKER_RETIRING, /* accepts no more, finishes what it has */
	WORKER_LEAVING,	 /* ends with this turn */
};

struct worker {
	enum worker_step step;
	struct heritage heritage;
	struct log log;
	struct narwhal_host host;
	struct app app;
	struct page *page;
	struct loop loop;
	struct watch channel;
	struct watch signals;
	int signal_fd;
	struct readback wanted; /* what the kernel must say of us */
	int status_fd;		/* where it says so, until READY; else -1 */
	struct acceptors acceptors;
	struct pool pool;
	struct deadlines deadlines;
	struct origin_rules rules;
	struct exchange exchange;
	struct access access;
	int access_fd; /* until the access log takes it; else -1 */
	struct stamp stamp;
	struct tls *tls;       /* NULL: no listener speaks it */
	char *scratch;	       /* WORKER_SCRATCH bytes that every connection reads into */
	uint64_t now_ms;       /* monotonic, as of this turn */
	uint64_t announced_ms; /* when ACTIVE was sent last */
	uint64_t spent_after;  /* requests, until it asks for a successor; UINT64_MAX: never */
	bool asked;	       /* for one */
};

/* Serves until it is told to leave or has nothing left to do; then worker_exit() has run. */
void worker_run(struct worker *worker);
/*
 * In a child that the app has forked: closes listeners, connections and the lines to arbiter and
 * key holder, and nothing else happens to them. While a child has a client's socket, no close(2) of
 * the worker's ends the connection, nor takes it out of the worker's epoll set.
 */
void worker_disown(struct narwhal_host *host);
/* Gives everything back, also after a boot that failed: what is left then is a leak. */
void worker_close(struct worker *worker);
/* `draining`: the service ends, so take what waits in the backlog, too. */
void worker_retire(struct worker *worker, bool draining);
/* Writes to the file that comes with REOPEN from now on. */
void worker_reopen_log(struct worker *worker, const struct message *message);
/* What connections wait for, in the table's order; see deadlines.def. */
void worker_durations(const struct settings *settings, uint64_t after_ms[DEADLINES]);

void worker_channel_ready(struct watch *watch, uint32_t events);
void worker_signal_ready(struct watch *watch, uint32_t events);

#endif
