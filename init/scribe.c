#include "init/scribe.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "init/arbiter.h"
#include "init/readiness.h"

#define RETRY_MS 1000
#define PATIENCE_MS 5000
#define UNKNOWN UINT64_MAX /* no generation has that number: it is told anew */

static const char *path_of(const struct arbiter *a)
{
	return a->current->hooks->ready_file;
}

/* 0 or -errno. */
static int write_file(const char *path, const struct readiness *readiness)
{
	char bytes[512];
	struct text why = TEXT_OVER(bytes);

	return readiness->generation != 0 ? readiness_set(path, readiness, &why)
					  : readiness_clear(path, &why);
}

/* The first refusal is news, the next ones are not. */
static void finish(struct arbiter *a, int error)
{
	bool again = a->retry_ms != CLOCK_NEVER;
	char bytes[512];
	struct text why = TEXT_OVER(bytes);

	a->scribe.pid = 0;
	if (error == 0) {
		a->told = a->scribe.generation;
		a->retry_ms = CLOCK_NEVER;
		return;
	}
	readiness_refuse(path_of(a), error, &why);
	log_at(&a->log, again ? LOG_DEBUG : LOG_ERROR, "when_ready_failed",
		log_string("reason", bytes));
	a->retry_ms = a->now_ms + RETRY_MS;
}

/* Nothing of the arbiter's may stay open in a child that may hang for ever. */
NORETURN static void be_scribe(const char *path, const struct readiness *readiness)
{
	fd_close_strangers(STDERR_FILENO + 1, -1);
	_exit(-write_file(path, readiness));
}

static void begin(struct arbiter *a, uint64_t generation)
{
	struct readiness readiness = {
		.pid = getpid(),
		.generation = generation,
		.wall_ms = clock_wall_ms(),
	};
	pid_t pid = fork();

	if (pid == 0)
		be_scribe(path_of(a), &readiness);
	a->scribe = (struct scribe){
		.pid = pid > 0 ? pid : 0, /* never -1: it is somebody to kill(2) */
		.generation = generation,
		.deadline_ms = a->now_ms + PATIENCE_MS,
	};
	if (pid < 0)
		finish(a, write_file(path_of(a), &readiness));
}

/* SIGKILL ends it when the disk answers again, if not before: until then there is no other. */
static void give_up(struct arbiter *a)
{
	log_error(&a->log, "when_ready_failed", log_string("file", path_of(a)),
		log_string("reason", "its disk does not answer"), log_int("pid", a->scribe.pid));
	(void)kill(a->scribe.pid, SIGKILL);
	a->scribe.given_up = true;
	a->retry_ms = a->now_ms;
}

void scribe_turn(struct arbiter *a)
{
	uint64_t generation = a->ready ? a->wish.crew.generation : 0;
	bool again = a->retry_ms != CLOCK_NEVER;

	if (path_of(a) == NULL)
		return;
	if (a->scribe.pid != 0) {
		if (!a->scribe.given_up && a->scribe.deadline_ms <= a->now_ms)
			give_up(a);
		return;
	}
	if (generation == a->told)
		a->retry_ms = CLOCK_NEVER;
	else if (!again || a->retry_ms <= a->now_ms)
		begin(a, generation);
}

bool scribe_reap(struct arbiter *a, const siginfo_t *info)
{
	if (a->scribe.pid == 0 || info->si_pid != a->scribe.pid)
		return false;
	if (info->si_code != CLD_EXITED)
		a->told = UNKNOWN; /* it may have done it, and died then */
	finish(a, info->si_code == CLD_EXITED ? -info->si_status : -EINTR);
	return true;
}

void scribe_postpone(struct arbiter *a, uint64_t ms)
{
	a->scribe.deadline_ms += ms;
}

bool scribe_is_busy(const struct arbiter *a)
{
	return a->scribe.pid != 0 && !a->scribe.given_up;
}

uint64_t scribe_deadline(const struct arbiter *a)
{
	if (scribe_is_busy(a))
		return a->scribe.deadline_ms;
	return a->scribe.pid == 0 ? a->retry_ms : CLOCK_NEVER;
}
