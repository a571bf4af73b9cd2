#include "service/apps/wsgi/wsgi.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/apps/wsgi/grants.h"
#include "service/apps/wsgi/jobs.h"
#include "service/view.h"

struct wsgi {
	struct gateway gateway;
	struct narwhal_host *host;
	struct jobs jobs;
	struct grants grants;
};

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct wsgi *wsgi = state;

	jobs_call(&wsgi->jobs, request, response, NULL);
}

/* A large body on its way. */
struct upload {
	struct wsgi *wsgi;
	struct spool *spool;
};

static enum narwhal_outcome take(void *state, struct narwhal_bytes piece)
{
	struct upload *upload = state;
	int error = spool_add(upload->spool, piece);

	if (error == 0)
		return NARWHAL_MORE;
	log_error(upload->wsgi->host->log, "upload_failed", log_errno("error", error));
	return NARWHAL_FAILED;
}

static void done(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct upload *upload = state;
	struct spool *spool = upload->spool;

	upload->spool = NULL;
	jobs_call(&upload->wsgi->jobs, request, response, spool);
}

static void end_upload(void *state)
{
	struct upload *upload = state;

	spool_free(&upload->spool);
	free(upload);
}

/* A small body is collected behind its head; one that may be large is taken as it comes. */
static enum narwhal_outcome begin(void *state, struct narwhal_request *request,
	struct narwhal_response *response)
{
	static const struct narwhal_receiver receiver = {
		.take = take,
		.done = done,
		.end = end_upload,
	};
	struct upload *upload;

	(void)response;
	if (request->head->framing == REQUEST_BODY_SIZED &&
		request->head->content_length <= SPOOL_MEMORY)
		return NARWHAL_MORE;
	upload = malloc(sizeof(*upload));
	if (upload == NULL)
		return NARWHAL_FAILED;
	*upload = (struct upload){.wsgi = state, .spool = spool_new()};
	if (upload->spool != NULL)
		return narwhal_request_receive(request, &receiver, upload) == 0 ? NARWHAL_MORE
										: NARWHAL_FAILED;
	free(upload);
	return NARWHAL_FAILED;
}

/* Those wait for the interpreter's lock, as long as the app keeps that. */
static void leave(struct wsgi *wsgi)
{
	struct gateway *gateway = &wsgi->gateway;

	if (!gateway->hooks.there)
		return;
	interpreter_enter(&gateway->interpreter);
	hooks_leave(&gateway->hooks);
	interpreter_leave(&gateway->interpreter);
}

static void worker_exit(void *state)
{
	struct wsgi *wsgi = state;

	bool all = jobs_stop(&wsgi->jobs);

	leave(wsgi);
	if (!all)
		return;
	interpreter_close(&wsgi->gateway.interpreter);
	/* Its threads may be on their way out still, and nobody waits for them. */
	if (wsgi->jobs.crew.begun)
		return;
	grants_close(&wsgi->grants);
	jobs_free(&wsgi->jobs);
	free(wsgi);
}

static void fork_prepare(void *state)
{
	struct wsgi *wsgi = state;

	interpreter_fork_prepare(&wsgi->gateway.interpreter);
}

static void fork_parent(void *state)
{
	struct wsgi *wsgi = state;

	interpreter_fork_parent(&wsgi->gateway.interpreter);
}

static void fork_child(void *state)
{
	struct wsgi *wsgi = state;

	const struct interpreter *interpreter = &wsgi->gateway.interpreter;
	int error = interpreter_move_stacks(interpreter, wsgi->host->heritage->page_fd);

	if (error != 0)
		log_warning(wsgi->host->log, "stacks_lost", log_errno("error", error));
	interpreter_fork_child(&wsgi->gateway.interpreter);
}

/* package.module and what follows a colon, or a dotted name: no path, and no library. */
bool wsgi_is_name(const char *name)
{
	size_t size = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789_.");

	if (size == 0 || isdigit((unsigned char)name[0]) || name[0] == '.')
		return false;
	if (name[size] == ':')
		return name[size + 1] != '\0';
	return name[size] == '\0' && strchr(name, '.') != NULL &&
	       (size < 3 || strcmp(name + size - 3, ".so") != 0);
}

int wsgi_open(const char *name, struct narwhal_host *host, void **state, struct text *why)
{
	struct wsgi *wsgi = calloc(1, sizeof(*wsgi));
	struct interpreter *interpreter;
	int error;

	if (wsgi == NULL)
		return -ENOMEM;
	*state = wsgi;
	interpreter = &wsgi->gateway.interpreter;
	wsgi->host = host;
	error = jobs_init(&wsgi->jobs, &wsgi->gateway, host);
	if (error == 0)
		error = gateway_open(&wsgi->gateway, name, host, why);
	if (error == 0)
		error = grants_open(&wsgi->grants, interpreter);
	if (error == 0)
		interpreter_leave(interpreter);
	return error;
}

int wsgi_start(void *state, struct text *why)
{
	struct wsgi *wsgi = state;
	struct gateway *gateway = &wsgi->gateway;
	int error;

	interpreter_enter(&gateway->interpreter);
	error = hooks_start(&gateway->hooks, &gateway->application, why);
	interpreter_leave(&gateway->interpreter);
	return error;
}

struct module_needs wsgi_needs(const void *state)
{
	const struct wsgi *wsgi = state;

	return (struct module_needs){
		.read_paths = wsgi->grants.read_paths.bytes,
		.write_paths = wsgi->grants.write_paths.bytes,
		.run_paths = wsgi->grants.run_paths.bytes,
		.connect_ports = "*",
	};
}

const struct narwhal_module wsgi_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "wsgi",
	.handle = handle,
	.begin = begin,
	.worker_exit = worker_exit,
	.fork_prepare = fork_prepare,
	.fork_parent = fork_parent,
	.fork_child = fork_child,
};
