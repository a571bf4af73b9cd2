/*
 * visitor.h - one client: connects, asks, reads, and says what became of each of its requests.
 *
 * It never tries a request again silently: what was sent and got no whole answer is counted, also
 * where a keep-alive request crossed with the server's close on the way.
 */
#ifndef TESTS_CLIENT_VISITOR_H
#define TESTS_CLIENT_VISITOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "tests/client/answer.h"
#include "tests/client/tally.h"

/* What all visitors share. */
struct visit {
	struct loop *loop;
	struct tallies *tallies;
	struct sockaddr_storage address;
	socklen_t address_size;
	char *requests;	     /* `pipeline` requests, one behind the other */
	size_t request_size; /* of each */
	unsigned pipeline;
	const char *expected; /* answers' bodies, or NULL */
	size_t expected_size;
	uint64_t pause_ms; /* of a keep-alive client between answer and request */
	uint64_t now_ms;
	bool finishing; /* nobody asks again */
};

enum visitor_step {
	VISITOR_RESTING, /* does nothing until resume_ms */
	VISITOR_CONNECTING,
	VISITOR_ASKING, /* has requests out, or parts of them */
};

struct visitor {
	struct watch watch;
	struct visit *visit;
	enum visitor_step step;
	bool once; /* a connection for each request */
	bool watched_for_room;
	uint64_t resume_ms;
	size_t written;	  /* of visit->requests */
	unsigned counted; /* requests of them that are counted as sent */
	unsigned answered;
	struct answer answer;
};

/* In its place from now on; connects with the first visitor_tick(). */
void visitor_init(struct visitor *visitor, struct visit *visit, bool once);
/* When its time has come: goes on. CLOCK_NEVER or when that will be. */
uint64_t visitor_tick(struct visitor *visitor);
/* Whether requests of its are without an answer. */
bool visitor_is_out(const struct visitor *visitor) PURE;
/* Patience is over: counts what is still out, and hangs up. */
void visitor_end(struct visitor *visitor);

#endif
