#include "service/apps/wsgi/wsgi.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/apps/wsgi/crew.h"
#include "service/apps/wsgi/grants.h"
#include "service/apps/wsgi/task.h"
#include "service/view.h"

struct wsgi {
	struct gateway gateway;
	struct narwhal_host *host;
	bool in_line; /* threads = 1 */
	struct crew crew;
	struct job *spare;
	struct grants grants;
};

/* A task, and how it goes between the worker's thread and the others. */
struct job {
	struct task task;
	struct wsgi *wsgi;
	struct job *next; /* in a list of spare ones */

	/* With threads: */
	enum task_work work;
	bool working;			   /* a thread has it */
	bool ended;			   /* meanwhile nobody wants the answer any more */
	struct narwhal_response *response; /* the request's own; the task builds another */
	struct narwhal_response built;
	struct narwhal_stream *stream;
	struct crew_work hired;
	struct narwhal_task done;
};

static enum narwhal_outcome pull(void *state, struct narwhal_stream *stream);
static void end(void *state);

static const struct narwhal_source source = {.pull = pull, .end = end};

static struct job *take_job(struct wsgi *wsgi)
{
	struct job *job = wsgi->spare;

	if (job != NULL) {
		wsgi->spare = job->next;
		return job;
	}
	job = calloc(1, sizeof(*job));
	if (job == NULL)
		return NULL;
	job->wsgi = wsgi;
	job->task.gateway = &wsgi->gateway;
	job->task.source = &source;
	return job;
}

static void spare_job(struct job *job)
{
	job->next = job->wsgi->spare;
	job->wsgi->spare = job;
}

static void work_now(struct job *job, enum task_work work)
{
	struct interpreter *interpreter = &job->wsgi->gateway.interpreter;

	interpreter_enter(interpreter);
	task_do(&job->task, work);
	interpreter_leave(interpreter);
}

/* In a thread. */
static void run_hired(struct crew_work *hired)
{
	struct job *job = CONTAINER_OF(hired, struct job, hired);

	task_do(&job->task, job->work);
	narwhal_post(job->wsgi->host, &job->done);
}

static void work_later(struct job *job, enum task_work work)
{
	job->work = work;
	job->working = true;
	/* Behind the first work there are threads. */
	MUST(crew_add(&job->wsgi->crew, &job->hired) == 0);
}

/* What the task has built becomes the response, and its memory the next one's. */
static void hand_over(struct job *job)
{
	struct narwhal_response before = *job->response;
	bool streams = job->task.streams;

	*job->response = job->built;
	job->built = before;
	narwhal_response_finish(job->response);
	if (!streams) /* else it belongs to whoever ends that */
		spare_job(job);
}

/* In the worker's thread again. */
static void work_done(struct narwhal_task *done)
{
	struct job *job = CONTAINER_OF(done, struct job, done);

	job->working = false;
	switch (job->work) {
	case TASK_CALL:
		hand_over(job);
		break;
	case TASK_NEXT:
		if (job->ended)
			work_later(job, TASK_CLOSE);
		else
			narwhal_stream_resume(job->stream);
		break;
	case TASK_CLOSE:
		spare_job(job);
		break;
	}
}

static enum narwhal_outcome hand_out(struct task *task, struct narwhal_stream *stream)
{
	task->fetched = false;
	(void)narwhal_stream_write(stream, task->written.bytes, task->written.used);
	task->written.used = 0;
	if (task->failed)
		return NARWHAL_FAILED;
	if (task->piece == NULL)
		return NARWHAL_DONE;
	return narwhal_stream_write(stream, task->bytes.data, task->bytes.size) == 0
		       ? NARWHAL_MORE
		       : NARWHAL_FAILED;
}

static enum narwhal_outcome pull(void *state, struct narwhal_stream *stream)
{
	struct job *job = CONTAINER_OF((struct task *)state, struct job, task);

	if (!job->task.fetched && job->wsgi->in_line)
		work_now(job, TASK_NEXT);
	if (job->task.fetched)
		return hand_out(&job->task, stream);
	job->stream = stream;
	work_later(job, TASK_NEXT);
	return NARWHAL_WAIT;
}

static void end(void *state)
{
	struct job *job = CONTAINER_OF((struct task *)state, struct job, task);

	if (!job->task.streams) /* it never began */
		return;
	job->task.streams = false;
	if (job->working) {
		job->ended = true;
	} else if (job->wsgi->in_line) {
		work_now(job, TASK_CLOSE);
		spare_job(job);
	} else {
		work_later(job, TASK_CLOSE);
	}
}

static void call_in_line(struct job *job, struct narwhal_response *response)
{
	job->task.response = response;
	work_now(job, TASK_CALL);
	if (!job->task.streams)
		spare_job(job);
}

static void call_in_thread(struct job *job, struct narwhal_response *response)
{
	/* What only this thread may find out, a thread then finds. */
	(void)narwhal_request_peer(job->task.request);
	if (narwhal_request_host(job->task.request).size == 0)
		(void)narwhal_request_local(job->task.request);
	response_reset(&job->built);
	job->response = response;
	job->task.response = &job->built;
	job->work = TASK_CALL;
	job->working = true;
	job->ended = false;
	job->hired = (struct crew_work){.run = run_hired};
	job->done.run = work_done;
	if (narwhal_response_defer(response, NULL, NULL) == 0) {
		if (crew_add(&job->wsgi->crew, &job->hired) == 0)
			return;
		response_error(response, 503);
		narwhal_response_finish(response);
	} else {
		response_error(response, 503);
	}
	spool_free(&job->task.body);
	spare_job(job);
}

/* Takes the body, if there is a large one. */
static void call(struct wsgi *wsgi, const struct narwhal_request *request,
	struct narwhal_response *response, struct spool *body)
{
	struct job *job = take_job(wsgi);

	if (job == NULL) {
		response_error(response, 503);
		spool_free(&body);
		return;
	}
	job->task.request = request;
	job->task.body = body;
	if (wsgi->in_line)
		call_in_line(job, response);
	else
		call_in_thread(job, response);
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	call(state, request, response, NULL);
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
	call(upload->wsgi, request, response, spool);
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

static void worker_exit(void *state)
{
	struct wsgi *wsgi = state;

	if (!crew_stop(&wsgi->crew)) {
		/* Whoever was asked to leave at once does not wait for the app. */
		log_warning(wsgi->host->log, "app_abandoned",
			log_uint("threads", wsgi->crew.at_work));
		return;
	}
	interpreter_close(&wsgi->gateway.interpreter);
	/* Its threads may be on their way out still, and nobody waits for them. */
	if (wsgi->crew.begun)
		return;
	grants_close(&wsgi->grants);
	while (wsgi->spare != NULL) {
		struct job *job = take_job(wsgi);

		response_free(&job->built);
		free(job);
	}
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
	const struct settings *settings = host->settings;
	struct wsgi *wsgi = calloc(1, sizeof(*wsgi));
	struct interpreter *interpreter;
	int error;

	if (wsgi == NULL)
		return -ENOMEM;
	*state = wsgi;
	interpreter = &wsgi->gateway.interpreter;
	wsgi->host = host;
	wsgi->in_line = settings->threads == 1;
	crew_init(&wsgi->crew, interpreter, (unsigned)settings->threads);
	error = gateway_open(&wsgi->gateway, name, settings, host->log, why);
	if (error == 0)
		error = grants_open(&wsgi->grants, interpreter);
	if (error == 0)
		interpreter_leave(interpreter);
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
