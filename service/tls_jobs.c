#include "service/tls_jobs.h"

#include <errno.h>
#include <openssl/async.h>

#include "service/signing.h"

static int stand_still(UNUSED void *nothing)
{
	return ASYNC_pause_job();
}

/* Begins on a stack, or comes back to it. */
static int visit(ASYNC_JOB **job, ASYNC_WAIT_CTX *wait)
{
	int status;

	return ASYNC_start_job(job, wait, &status, stand_still, NULL, 0);
}

int tls_jobs_open(void)
{
	ASYNC_JOB *jobs[SIGNING_OPEN_MAX] = {NULL};
	ASYNC_WAIT_CTX *wait = ASYNC_WAIT_CTX_new();
	int error = wait != NULL ? 0 : -ENOMEM;

	if (ASYNC_is_capable() != 1)
		error = -ENOSYS;
	if (error == 0 && ASYNC_init_thread(SIGNING_OPEN_MAX, SIGNING_OPEN_MAX) != 1)
		error = -ENOMEM;
	for (size_t i = 0; error == 0 && i < SIGNING_OPEN_MAX; i++)
		error = visit(&jobs[i], wait) == ASYNC_PAUSE ? 0 : -ENOMEM;
	for (size_t i = 0; i < SIGNING_OPEN_MAX; i++) {
		if (jobs[i] != NULL && visit(&jobs[i], wait) != ASYNC_FINISH)
			error = -ENOMEM;
	}
	ASYNC_WAIT_CTX_free(wait);
	return error;
}
