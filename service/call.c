#include "service/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/connection.h"
#include "service/exchange.h"
#include "service/note.h"
#include "service/tls_facts.h"

struct call *call_new(struct exchange *exchange)
{
	struct call *call = malloc(offsetof(struct call, head) + request_size(&exchange->limits));

	if (call == NULL)
		return NULL;
	/* Nothing of its head: whoever reads one begins with request_reset(). */
	memset(call, 0, offsetof(struct call, head));
	call->exchange = exchange;
	call->peer_text = TEXT_OVER(call->peer_bytes);
	call->local_text = TEXT_OVER(call->local_bytes);
	call->request.head = &call->head;
	call->request.origin = &call->origin;
	call->origin.rules = exchange->rules;
	call->request.peer_text = &call->peer_text;
	call->request.local_text = &call->local_text;
	return call;
}

const char *call_show(struct call *call)
{
	struct narwhal_request *request = &call->request;

	request->body = (struct narwhal_bytes){request->bytes + call->head.head_size,
		intake_kept(&call->intake)};
	call->peer_text.used = 0;
	call->local_text.used = 0;
	call->unread = false;
	response_reset(&call->response);
	return origin_read(request);
}

static void link_kept(struct call *call, struct call_links *all)
{
	call->links = (struct call_links){.previous = all->previous, .next = all};
	all->previous->next = &call->links;
	all->previous = &call->links;
}

static void unlink_kept(struct call *call)
{
	struct call_links *links = &call->links;

	if (links->next == NULL)
		return;
	links->previous->next = links->next;
	links->next->previous = links->previous;
}

void call_end_receiver(struct call *call)
{
	const struct narwhal_receiver *receiver = call->receiver;

	call->receiver = NULL;
	if (receiver != NULL && receiver->end != NULL)
		receiver->end(call->receiver_state);
}

void call_free(struct call **call)
{
	struct call *freed = *call;

	if (freed == NULL)
		return;
	*call = NULL;
	freed->step = CALL_ANSWERED; /* whoever is ended here has nothing left to finish */
	call_end_receiver(freed);
	unlink_kept(freed);
	response_free(&freed->response);
	tls_facts_release(&freed->peer.tls);
	free(freed->bytes);
	free(freed);
}

void call_attach(struct call *call, struct connection *connection)
{
	call->exchange->kept = NULL;
	call->in_use = false;
	call->connection = connection;
	connection->call = call;
}

void call_tell_gone(struct call *call)
{
	void (*gone)(void *state) = call->gone;

	call->gone = NULL;
	if (gone != NULL && call->step == CALL_DEFERRED)
		gone(call->gone_state); /* which may answer */
}

void call_abandon(struct call **call)
{
	struct call *abandoned = *call;

	if (abandoned == NULL)
		return;
	note_gone(abandoned->exchange, abandoned);
	if (abandoned->step != CALL_DEFERRED) {
		call_free(call);
		return;
	}
	*call = NULL;
	abandoned->connection = NULL;
	abandoned->in_use = true;
	response_drop(&abandoned->response); /* as long as there is an app that can end a source */
	call_tell_gone(abandoned);
	abandoned->in_use = false;
	if (abandoned->step == CALL_ANSWERED)
		call_free(&abandoned);
}

/* Nothing has changed when there is no memory for it. */
static int keep(struct call *call)
{
	struct exchange *exchange = call->exchange;
	struct narwhal_request *request = &call->request;
	size_t size = call->head.head_size + request->body.size;
	struct call *spare;

	if (call->step != CALL_AT_HAND)
		return 0;
	spare = call_new(exchange);
	call->bytes = malloc(size);
	if (spare == NULL || call->bytes == NULL) {
		call_free(&spare);
		free(call->bytes);
		call->bytes = NULL;
		return -ENOMEM;
	}
	(void)memcpy(call->bytes, request->bytes, size);
	request->bytes = call->bytes;
	request->body.data = call->bytes + call->head.head_size;
	call->peer = *request->peer;
	call->peer.tls = tls_facts_hold(call->peer.tls);
	request->peer = &call->peer;
	exchange->call = spare;
	exchange->kept = call;
	call->in_use = true;
	link_kept(call, &exchange->all_kept);
	return 0;
}

/* What the app decides happens in this turn or, while connections have theirs, in the next. */
static void go_on(struct call *call)
{
	if (call->connection != NULL && call->connection->step == CONNECTION_WAITING)
		connection_wait(call->connection, DEADLINE_NEXT);
}

EXPORT int narwhal_response_defer(struct narwhal_response *response, void (*gone)(void *state),
	void *state)
{
	struct call *call = CONTAINER_OF(response, struct call, response);
	int error = call->exchange->handling == call ? keep(call) : -EINVAL;

	if (error != 0)
		return error;
	call->step = CALL_DEFERRED;
	call->gone = gone;
	call->gone_state = state;
	return 0;
}

EXPORT void narwhal_response_finish(struct narwhal_response *response)
{
	struct call *call = CONTAINER_OF(response, struct call, response);

	if (call->step != CALL_DEFERRED)
		return;
	call->step = CALL_ANSWERED;
	if (call->connection == NULL && !call->in_use)
		call_free(&call);
	else
		go_on(call);
}

EXPORT int narwhal_request_receive(struct narwhal_request *request,
	const struct narwhal_receiver *receiver, void *state)
{
	struct call *call = CONTAINER_OF(request, struct call, request);
	bool may = call->exchange->beginning == call && call->receiver == NULL;
	int error = may ? keep(call) : -EINVAL;

	if (error == 0) {
		call->step = CALL_RECEIVING;
		call->receiver = receiver;
		call->receiver_state = state;
	} else if (receiver->end != NULL) {
		receiver->end(state);
	}
	return error;
}

/* The client's socket, or -1 when it is gone. */
static int socket_of(const struct call *call)
{
	if (call->step == CALL_AT_HAND || call == call->exchange->kept)
		return call->exchange->fd;
	return call->connection != NULL ? call->connection->watch.fd : -1;
}

EXPORT struct narwhal_bytes narwhal_request_local(const struct narwhal_request *request)
{
	struct text *text = request->local_text;

	if (text->used == 0)
		local_write(socket_of(CONTAINER_OF(text, struct call, local_text)), text);
	return (struct narwhal_bytes){text->bytes, text->used};
}

EXPORT int narwhal_request_discard(struct narwhal_request *request)
{
	struct call *call = CONTAINER_OF(request, struct call, request);

	if (call->exchange->beginning != call || call->step != CALL_AT_HAND)
		return -EINVAL;
	call->intake.discards = true;
	return 0;
}

EXPORT void narwhal_request_resume(struct narwhal_request *request)
{
	struct call *call = CONTAINER_OF(request, struct call, request);

	if (call->step != CALL_PAUSED)
		return;
	call->step = CALL_RECEIVING;
	go_on(call);
}
