#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARNING] = "warning",
	[LOG_ERROR] = "error",
};

struct log_field log_errno(const char *name, int error)
{
	const char *symbol = strerrorname_np(abs(error));

	return log_string(name, symbol != NULL ? symbol : "unknown");
}

/* Text that needs no quotes in `name=value`: not empty, no space, nothing to escape. */
static bool is_plain(const char *string)
{
	size_t n = 0;

	for (; string[n] != '\0'; n++) {
		if (string[n] <= ' ' || string[n] > '~' || strchr("\"\\=", string[n]) != NULL)
			return false;
	}
	return n > 0;
}

static void add_string(struct text *line, const char *string, bool json)
{
	bool quoted = json || !is_plain(string);

	if (quoted)
		text_add_char(line, '"');
	text_add_escaped(line, string, strlen(string), json);
	if (quoted)
		text_add_char(line, '"');
}

static void add_field(struct text *line, const struct log_field *field, bool json)
{
	text_add(line, json ? ",\"" : " ");
	text_add(line, field->name);
	text_add(line, json ? "\":" : "=");
	if (field->kind == LOG_FIELD_STRING)
		add_string(line, field->string != NULL ? field->string : "-", json);
	else if (field->kind == LOG_FIELD_INT)
		text_add_int(line, (int64_t)field->number);
	else
		text_add_uint(line, field->number);
}

static void add_head(struct text *line, enum log_level level, const char *event, bool json)
{
	text_add(line, json ? "{\"time\":\"" : "");
	clock_add_rfc3339(line, clock_wall_ms());
	text_add(line, json ? "\",\"level\":\"" : " ");
	text_add(line, level_names[level]);
	text_add(line, json ? "\",\"event\":\"" : " ");
	text_add(line, event);
	text_add(line, json ? "\"" : "");
}

int log_descriptor(int fd)
{
	char bytes[40];
	struct text path = TEXT_OVER(bytes);
	struct stat status;
	int own;

	if (fstat(fd, &status) != 0 || (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode)))
		return fd;
	text_printf(&path, "/proc/self/fd/%d", fd);
	own = open(bytes, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return own >= 0 ? own : fd;
}

static bool is_regular(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/*
 * A write will not wait: there is room. Where no descriptor is allowed at all (RLIMIT_NOFILE is 0),
 * poll(2) does not tell; then it is known only of one that does not block.
 */
static bool has_room(int fd)
{
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	int n = poll(&room, 1, 0);

	if (n < 0 && errno == EINVAL)
		return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
	return n == 1 && (room.revents & POLLOUT) != 0;
}

/*
 * Without waiting, whatever the descriptor is and however others opened it: RWF_NOWAIT makes this
 * one write non-blocking (pipes, sockets and most files since Linux 5.x and 6.x). Where the file
 * does not know it, ask poll(2) first: a pipe that is writable takes PIPE_BUF bytes, and a
 * terminal is log_descriptor()'s business. EAGAIN of a regular file means only that its block is
 * not in memory.
 */
ssize_t log_write_now(int fd, const char *bytes, size_t size)
{
	struct iovec all = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	ssize_t n = pwritev2(fd, &all, 1, -1, RWF_NOWAIT);

	if (n >= 0)
		return n;
	if (errno == EPIPE || (errno == EAGAIN && !is_regular(fd)))
		return -errno;
	if (!has_room(fd))
		return -EAGAIN;
	n = write(fd, bytes, size);
	return n >= 0 ? n : -errno;
}

static bool write_line(struct log *log, enum log_level level, const char *event,
	const struct log_field *fields)
{
	static const char cut_mark[] = "...";
	char bytes[LOG_LINE_MAX];
	/* Room is kept for the end: a line that was cut is still closed. */
	struct text line = {.bytes = bytes, .size = sizeof(bytes) - sizeof("...\"}\n")};

	bytes[0] = '\0';
	add_head(&line, level, event, log->json);
	for (; fields->kind != LOG_FIELD_END && !line.cut; fields++) {
		struct text before = line;

		add_field(&line, fields, log->json);
		if (line.cut && log->json)
			line = before; /* half a member would be no JSON: leave it out whole */
	}
	line.size = sizeof(bytes);
	if (line.cut && !log->json)
		text_add(&line, cut_mark);
	text_add(&line, log->json ? "}\n" : "\n");
	return log_write_now(log->fd, line.bytes, line.used) == (ssize_t)line.used;
}

void log_write(struct log *log, enum log_level level, const char *event,
	const struct log_field *fields)
{
	if (level < log->level)
		return;
	if (log->dropped != 0) {
		const struct log_field told[] = {log_uint("lines", log->dropped),
			{.kind = LOG_FIELD_END}};

		if (!write_line(log, LOG_WARNING, "log_dropped", told)) {
			log->dropped++;
			return;
		}
		log->told += log->dropped;
		log->dropped = 0;
	}
	if (!write_line(log, level, event, fields))
		log->dropped++;
}
