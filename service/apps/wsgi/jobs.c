#include "service/apps/wsgi/jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/apps/wsgi/task.h"
#include "service/view.h"

/* For the last close() of an app, in a worker that leaves: the arbiter waits twice as long. */
#define STOP_MS 500

/* A task, and how it goes between the worker's thread and the others. */
struct job {
	struct task task;
	struct jobs *jobs;
	struct job *next; /* in a list of spare ones */

	/* With threads: */
	enum task_work work;
	bool working;			   /* a thread has it */
	bool ended;			   /* meanwhile nobody wants the answer any more */
	struct narwhal_response *response; /* the request's own; the task builds another */
	struct narwhal_response built;
	struct narwhal_stream *stream;
	struct crew_work hired;
	char name[PAGE_REQUEST_MAX]; /* the request's method and target */
	struct narwhal_task done;
};

static enum narwhal_outcome pull(void *state, struct narwhal_stream *stream);
static void end(void *state);

static const struct narwhal_source source = {.pull = pull, .end = end};

static struct job *take_job(struct jobs *jobs)
{
	struct job *job = jobs->spare;

	if (job != NULL) {
		jobs->spare = job->next;
		return job;
	}
	job = calloc(1, sizeof(*job));
	if (job == NULL)
		return NULL;
	job->jobs = jobs;
	job->task.gateway = jobs->gateway;
	job->task.source = &source;
	return job;
}

static void spare_job(struct job *job)
{
	job->next = job->jobs->spare;
	job->jobs->spare = job;
}

static void work_now(struct job *job, enum task_work work)
{
	struct interpreter *interpreter = &job->jobs->gateway->interpreter;

	interpreter_enter(interpreter);
	job->task.spare_context = &job->jobs->contexts[0];
	task_do(&job->task, work);
	interpreter_leave(interpreter);
}

/* In a thread. */
static void run_hired(struct crew_work *hired)
{
	struct job *job = CONTAINER_OF(hired, struct job, hired);

	job->task.spare_context = &job->jobs->contexts[hired->member];
	task_do(&job->task, job->work);
}

static void post_hired(struct crew_work *hired)
{
	struct job *job = CONTAINER_OF(hired, struct job, hired);

	narwhal_post(job->jobs->host, &job->done);
}

/* For the arbiter, who aborts a worker in which one hangs. */
static void note_oldest(struct crew *crew, struct crew_work *oldest)
{
	struct page *page = CONTAINER_OF(crew, struct jobs, crew)->host->page;
	const struct job *job;

	atomic_store(&page->work_since_ms, oldest != NULL ? oldest->since_ms : 0);
	page->work_request[0] = '\0';
	if (oldest == NULL)
		return;
	job = CONTAINER_OF(oldest, struct job, hired);
	memcpy(page->work_request, job->name, sizeof(job->name));
}

static void work_later(struct job *job, enum task_work work)
{
	job->work = work;
	job->working = true;
	/* Behind the first work there are threads. */
	MUST(crew_add(&job->jobs->crew, &job->hired) == 0);
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
	task->sent += task->written.used + task->bytes.size;
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

	if (!job->task.fetched && job->jobs->in_line)
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
	} else if (job->jobs->in_line) {
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
	job->hired = (struct crew_work){.run = run_hired, .done = post_hired};
	page_copy_request(job->jobs->host->page, job->name);
	job->done.run = work_done;
	if (narwhal_response_defer(response, NULL, NULL) == 0) {
		if (crew_add(&job->jobs->crew, &job->hired) == 0)
			return;
		response_error(response, 503);
		narwhal_response_finish(response);
	} else {
		response_error(response, 503);
	}
	spool_free(&job->task.body);
	spare_job(job);
}

void jobs_call(struct jobs *jobs, const struct narwhal_request *request,
	struct narwhal_response *response, struct spool *body)
{
	struct job *job = take_job(jobs);

	if (job == NULL) {
		response_error(response, 503);
		spool_free(&body);
		return;
	}
	job->task.request = request;
	job->task.body = body;
	if (jobs->in_line)
		call_in_line(job, response);
	else
		call_in_thread(job, response);
}

int jobs_init(struct jobs *jobs, struct gateway *gateway, struct narwhal_host *host)
{
	const uint64_t threads = host->settings->threads;

	*jobs = (struct jobs){.gateway = gateway, .host = host, .in_line = threads == 1};
	crew_init(&jobs->crew, &gateway->interpreter, (unsigned)threads, note_oldest);
	jobs->contexts = calloc(1 + threads, sizeof(struct object *));
	return jobs->contexts != NULL ? 0 : -ENOMEM;
}

/* What ends in a thread comes back here, and may have its close() yet. */
bool jobs_stop(struct jobs *jobs)
{
	uint64_t until_ms = clock_ms() + STOP_MS;
	unsigned left;

	do
		left = crew_wait(&jobs->crew, until_ms);
	while (left == 0 && host_run_posted(jobs->host));
	crew_dismiss(&jobs->crew);
	/* Whoever was asked to leave at once does not wait for the app. */
	if (left != 0)
		log_warning(jobs->host->log, "app_abandoned", log_uint("threads", left));
	return left == 0;
}

void jobs_free(struct jobs *jobs)
{
	while (jobs->spare != NULL) {
		struct job *job = take_job(jobs);

		response_free(&job->built);
		free(job);
	}
	free(jobs->contexts);
}
