#include "tests/client/visitor.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

/* Before another try to connect. */
#define REFUSED_MS 5

static void ready(struct watch *watch, uint32_t events);

static void count(struct visitor *visitor, enum tally tally, uint64_t n)
{
	visitor->visit->tallies->of[tally] += n;
}

void visitor_init(struct visitor *visitor, struct visit *visit, bool once)
{
	*visitor = (struct visitor){
		.watch = {.fd = -1, .ready = ready},
		.visit = visit,
		.once = once,
		.answer = {.expected = visit->expected, .expected_size = visit->expected_size},
	};
}

bool visitor_is_out(const struct visitor *visitor)
{
	return visitor->answered < visitor->counted;
}

static void rest(struct visitor *visitor, uint64_t ms)
{
	visitor->step = VISITOR_RESTING;
	visitor->resume_ms = visitor->visit->now_ms + ms;
}

static void hang_up(struct visitor *visitor)
{
	loop_drop(visitor->visit->loop, &visitor->watch);
	fd_close(&visitor->watch.fd);
	answer_reset(&visitor->answer);
	visitor->written = 0;
	visitor->counted = 0;
	visitor->answered = 0;
	rest(visitor, 0);
}

static void refuse(struct visitor *visitor)
{
	count(visitor, TALLY_refused, 1);
	hang_up(visitor);
	rest(visitor, REFUSED_MS);
}

/* The connection is of no use any more; whatever is out on it has ended as `tally` says. */
static void fail(struct visitor *visitor, enum tally tally)
{
	count(visitor, tally, visitor->counted - visitor->answered);
	if (!visitor->once)
		count(visitor, TALLY_reconnects, 1);
	hang_up(visitor);
}

/* The server has ended it, in good order or not (`reset`). */
static void end(struct visitor *visitor, bool reset)
{
	enum tally tally = answer_has_begun(&visitor->answer) ? TALLY_cut : TALLY_closed;

	if (!visitor_is_out(visitor))
		count(visitor, TALLY_idle_closed, 1);
	fail(visitor, reset ? TALLY_reset : tally);
}

static int watch_for_room(struct visitor *visitor, bool room)
{
	uint32_t events = EPOLLIN | (room ? EPOLLOUT : 0);

	if (visitor->watched_for_room == room)
		return 0;
	visitor->watched_for_room = room;
	return loop_change(visitor->visit->loop, &visitor->watch, events);
}

/* Each request counts as sent with the first byte of it that is tried. */
static void count_sent(struct visitor *visitor)
{
	unsigned begun = 1 + (unsigned)(visitor->written / visitor->visit->request_size);

	if (begun > visitor->visit->pipeline)
		begun = visitor->visit->pipeline;
	if (begun > visitor->counted) {
		count(visitor, TALLY_sent, begun - visitor->counted);
		visitor->counted = begun;
	}
}

static void write_more(struct visitor *visitor)
{
	const struct visit *visit = visitor->visit;
	size_t all = visit->request_size * visit->pipeline;
	ssize_t n;

	count_sent(visitor);
	n = send(visitor->watch.fd, visit->requests + visitor->written, all - visitor->written,
		MSG_NOSIGNAL);
	/* An error here is told by read(2), too, behind an answer that may have come before. */
	if (n > 0) {
		visitor->written += (size_t)n;
		count_sent(visitor);
	}
	if (watch_for_room(visitor, visitor->written < all && (n >= 0 || errno == EAGAIN)) != 0)
		fail(visitor, TALLY_reset);
}

static void ask(struct visitor *visitor)
{
	visitor->step = VISITOR_ASKING;
	visitor->written = 0;
	visitor->counted = 0;
	visitor->answered = 0;
	write_more(visitor);
}

/* All of a batch are answered. */
static void go_on(struct visitor *visitor)
{
	if (visitor->visit->finishing) {
		hang_up(visitor);
		return;
	}
	visitor->counted = 0;
	visitor->answered = 0;
	if (visitor->visit->pause_ms != 0)
		rest(visitor, visitor->visit->pause_ms);
	else
		ask(visitor);
}

/* True when the connection is done with. */
static bool take_answer(struct visitor *visitor)
{
	const struct answer *answer = &visitor->answer;
	bool close = answer->close || visitor->once, out;

	visitor->answered++;
	count(visitor, answer->status == 200 ? TALLY_answered : TALLY_status, 1);
	count(visitor, TALLY_answered_close, answer->close && !visitor->once);
	answer_reset(&visitor->answer);
	out = visitor_is_out(visitor);
	if (close)
		fail(visitor, TALLY_resent);
	else if (!out)
		go_on(visitor);
	return close || !out;
}

static void take(struct visitor *visitor, const char *bytes, size_t size)
{
	size_t taken;

	while (size != 0) {
		switch (answer_feed(&visitor->answer, bytes, size, &taken)) {
		case ANSWER_MORE:
			return;
		case ANSWER_MALFORMED:
			fail(visitor, TALLY_malformed);
			return;
		case ANSWER_DONE:
			break;
		}
		bytes += taken;
		size -= taken;
		if (take_answer(visitor))
			return; /* nothing was out: what stands behind is nobody's */
	}
}

static void read_more(struct visitor *visitor)
{
	char bytes[65536];
	ssize_t n = read(visitor->watch.fd, bytes, sizeof(bytes));

	if (n > 0 && visitor_is_out(visitor))
		take(visitor, bytes, (size_t)n);
	else if (n >= 0)
		end(visitor, false);
	else if (errno != EAGAIN)
		end(visitor, true);
}

static void arrive(struct visitor *visitor)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(visitor->watch.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
		refuse(visitor);
		return;
	}
	count(visitor, TALLY_connected, 1);
	if (visitor->visit->finishing)
		hang_up(visitor);
	else
		ask(visitor);
}

static void ready(struct watch *watch, uint32_t events)
{
	struct visitor *visitor = CONTAINER_OF(watch, struct visitor, watch);

	if (visitor->step == VISITOR_CONNECTING) {
		arrive(visitor);
		return;
	}
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		read_more(visitor);
	if ((events & EPOLLOUT) != 0 && visitor->watched_for_room && visitor->watch.fd >= 0)
		write_more(visitor);
}

static void connect_anew(struct visitor *visitor)
{
	struct visit *visit = visitor->visit;
	const struct sockaddr *address = (const struct sockaddr *)&visit->address;
	int one = 1, outcome;

	visitor->watch.fd =
		socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (visitor->watch.fd < 0) {
		rest(visitor, REFUSED_MS);
		return;
	}
	if (address->sa_family != AF_UNIX)
		(void)setsockopt(visitor->watch.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	outcome = connect(visitor->watch.fd, address, visit->address_size);
	visitor->step = VISITOR_CONNECTING;
	visitor->watched_for_room = true;
	if ((outcome != 0 && errno != EINPROGRESS) ||
		loop_add(visit->loop, &visitor->watch, EPOLLIN | EPOLLOUT) != 0)
		refuse(visitor);
}

uint64_t visitor_tick(struct visitor *visitor)
{
	if (visitor->step != VISITOR_RESTING || visitor->visit->finishing)
		return CLOCK_NEVER;
	if (visitor->resume_ms > visitor->visit->now_ms)
		return visitor->resume_ms;
	if (visitor->watch.fd >= 0)
		ask(visitor);
	else
		connect_anew(visitor);
	return visitor->step == VISITOR_RESTING ? visitor->resume_ms : CLOCK_NEVER;
}

void visitor_end(struct visitor *visitor)
{
	count(visitor, TALLY_overdue, visitor->counted - visitor->answered);
	if (visitor->watch.fd >= 0)
		hang_up(visitor);
}
