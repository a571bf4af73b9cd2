#include "service/overdue.h"

#include <errno.h>

#include "service/connection.h"
#include "service/delivery.h"
#include "service/dialogue.h"
#include "service/greeting.h"
#include "service/worker.h"

/*
 * When time is over: a worker that was busy is late itself, and what came meanwhile came in time.
 * Goes on, and says whether there was a request, or nothing can come any more.
 */
static bool catch_up(struct connection *connection)
{
	struct worker *worker = connection->worker;
	uint64_t before = worker->page->requests;

	connection->readable = true;
	connection_proceed(connection);
	return worker->page->requests != before || !connection_is_listening(connection);
}

void overdue_end_idle(struct connection *connection)
{
	/* A handshake that has just begun goes on. */
	if (!catch_up(connection) && connection->pending == NULL &&
		connection->deadline.kind != DEADLINE_HANDSHAKE)
		connection_end(connection);
}

static void end_handshake(struct connection *connection)
{
	if (catch_up(connection) || !connection->transport.greeting)
		return;
	greeting_break_off(connection, -ETIMEDOUT);
}

/* More bytes of the head win no time; the end of it does. */
static void end_head(struct connection *connection)
{
	if (!catch_up(connection) && connection->step == CONNECTION_HEAD)
		dialogue_refuse(connection, 408, "the head did not come in time");
}

static void end_body(struct connection *connection)
{
	if (transport_has_input(&connection->transport))
		(void)catch_up(connection);
	else
		dialogue_refuse(connection, 408, "the body did not go on in time");
}

void overdue_judge(struct connection *connection)
{
	switch (connection->deadline.kind) {
	case DEADLINE_NOW:
	case DEADLINE_NEXT:
		connection_proceed(connection);
		break;
	case DEADLINE_HANDSHAKE:
		end_handshake(connection);
		break;
	case DEADLINE_HEAD:
		end_head(connection);
		break;
	case DEADLINE_BODY:
		end_body(connection);
		break;
	case DEADLINE_IDLE:
	case DEADLINE_GRACE:
		overdue_end_idle(connection);
		break;
	case DEADLINE_WRITE:
		delivery_overdue(connection);
		break;
	case DEADLINE_LINGER:
	case DEADLINE_APP:
	case DEADLINES:
		connection_end(connection);
		break;
	}
}
