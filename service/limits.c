#include "service/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"

#define SCORE_PATH "/proc/self/oom_score_adj"
#define SCORE_MAX 1000

enum zero { KEPT, ZERO };

static const struct limit {
	const char *setting;
	uint64_t value; /* where it stands in the settings */
	__rlimit_resource_t resource;
	enum readback_field field;
	enum zero zero;
} rows[] = {
#define LIMIT(setting, resource, zero)                                    \
	{#setting, offsetof(struct settings, setting), RLIMIT_##resource, \
		READBACK_LIMIT_##resource, zero},
#include "service/limits.def"
#undef LIMIT
};

static uint64_t value_of(const struct limit *row, const struct settings *settings)
{
	uint64_t value;

	memcpy(&value, (const char *)settings + row->value, sizeof(value));
	return value;
}

static int refuse(const struct limit *row, uint64_t value, int error, struct text *why)
{
	struct rlimit now = {0};

	(void)getrlimit(row->resource, &now);
	text_printf(why, "%s: %" PRIu64 ": %s", row->setting, value, strerror(-error));
	if (error == -EPERM)
		text_printf(why,
			": above the hard limit %" PRIu64
			", which only CAP_SYS_RESOURCE or who started us can raise",
			(uint64_t)now.rlim_max);
	return error;
}

static int apply(const struct limit *row, uint64_t value, struct readback *wanted, struct text *why)
{
	const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};

	if (value == 0 && row->zero == KEPT)
		return 0;
	if (setrlimit(row->resource, &limit) != 0)
		return refuse(row, value, -errno, why);
	readback_want(wanted, row->field, value);
	return 0;
}

/* As many descriptors as the connections may need, where the limit leaves the choice to us. */
static int raise_files(const struct settings *settings)
{
	rlim_t want = settings_files(settings);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return -errno;
	if (settings->limit_nofile != 0 || limit.rlim_cur >= want)
		return 0;
	limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
	/* With fewer, accept4(2) says EMFILE one day, and the acceptor knows what to do then. */
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : -errno;
}

int limits_apply(const struct settings *settings, struct readback *wanted, struct text *why)
{
	int error = raise_files(settings);

	for (size_t i = 0; error == 0 && i < COUNT_OF(rows); i++)
		error = apply(&rows[i], value_of(&rows[i], settings), wanted, why);
	return error;
}

/* Ours is who started us's, as every child's is (proc(5)). */
static int raise_score(uint64_t by)
{
	FD_SCOPED fd = open(SCORE_PATH, O_RDWR | O_CLOEXEC);
	char bytes[16];
	struct text text;
	int score;
	ssize_t n = fd >= 0 ? read(fd, bytes, sizeof(bytes) - 1) : -1;

	if (n <= 0)
		return n < 0 ? -errno : -EIO;
	bytes[n] = '\0';
	score = atoi(bytes) + (int)by;
	text = TEXT_OVER(bytes);
	text_add_int(&text, score < SCORE_MAX ? score : SCORE_MAX);
	return pwrite(fd, text.bytes, text.used, 0) == (ssize_t)text.used ? 0 : -errno;
}

void limits_offer(const struct settings *settings, struct log *log)
{
	int error = settings->oom_score_adjust != 0 ? raise_score(settings->oom_score_adjust) : 0;

	if (error != 0)
		log_warning(log, "oom_score_refused", log_string("file", SCORE_PATH),
			log_errno("error", error));
}

int limits_hide(const struct settings *settings, struct readback *wanted)
{
	bool dumpable = settings->limit_core != 0;

	if (prctl(PR_SET_DUMPABLE, (long)dumpable, 0L, 0L, 0L) != 0)
		return -errno;
	if (!dumpable)
		readback_want(wanted, READBACK_DUMPABLE, 0);
	return 0;
}
