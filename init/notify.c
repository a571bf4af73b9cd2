#include "init/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"

#define RETRY_MS 250
#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

struct notify_question notify_question(void)
{
	return (struct notify_question){
		.socket = getenv("NOTIFY_SOCKET"),
		.watchdog_usec = getenv("WATCHDOG_USEC"),
		.watchdog_pid = getenv("WATCHDOG_PID"),
	};
}

static int refuse(struct text *why, const char *name, const char *value, const char *sentence)
{
	text_printf(why, "%s: \"", name);
	text_add_escaped(why, value, strlen(value), false);
	text_printf(why, "\" %s", sentence);
	return -EINVAL;
}

/* sd_notify(3): a path, or behind "@" a name of the abstract kind. */
static int read_socket(struct notify *notify, const char *socket, struct text *why)
{
	size_t size = strlen(socket);
	struct sockaddr_un *address = &notify->address;

	if ((socket[0] != '/' && socket[0] != '@') || size < 2)
		return refuse(why, "NOTIFY_SOCKET", socket, "is not a socket's path, and no @NAME");
	if (size >= sizeof(address->sun_path))
		return refuse(why, "NOTIFY_SOCKET", socket,
			"is too long for a socket: allowed are 107 bytes");
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, socket, size);
	notify->size = (socklen_t)(PATH_OFFSET + size + (socket[0] == '/'));
	if (socket[0] == '@')
		address->sun_path[0] = '\0'; /* unix(7): its size says where the name ends */
	return 0;
}

/* sd_watchdog_enabled(3): without a WATCHDOG_PID it is meant for us. */
static int read_watchdog(struct notify *notify, const struct notify_question *question, pid_t pid,
	struct text *why)
{
	const char *usec = question->watchdog_usec, *owner = question->watchdog_pid;
	uint64_t value, number;

	if (usec == NULL)
		return 0;
	if (owner != NULL && text_to_uint(owner, strlen(owner), INT32_MAX, &number) != 0)
		return refuse(why, "WATCHDOG_PID", owner, "is no pid");
	if (owner != NULL && (pid_t)number != pid)
		return 0;
	if (text_to_uint(usec, strlen(usec), UINT64_MAX, &value) != 0 || value == 0)
		return refuse(why, "WATCHDOG_USEC", usec, "is no number of microseconds above 0");
	notify->watchdog_ms = value / 2000 > 0 ? value / 2000 : 1;
	return 0;
}

int notify_open(struct notify *notify, const struct notify_question *question, pid_t pid,
	uint64_t now_ms, struct text *why)
{
	int error;

	*notify =
		(struct notify){.fd = -1, .retry_ms = CLOCK_NEVER, .watchdog_due_ms = CLOCK_NEVER};
	if (question->socket == NULL || question->socket[0] == '\0')
		return 0;
	error = read_socket(notify, question->socket, why);
	if (error != 0)
		return error;
	notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (notify->fd < 0) {
		error = -errno;
		text_printf(why, "NOTIFY_SOCKET: %s", strerrordesc_np(-error));
		return error;
	}
	error = read_watchdog(notify, question, pid, why);
	if (notify->watchdog_ms > 0)
		notify->watchdog_due_ms = now_ms;
	return error;
}

void notify_close(struct notify *notify)
{
	fd_close(&notify->fd);
}

bool notify_wanted(const struct notify *notify)
{
	return notify->fd >= 0;
}

static bool send_state(const struct notify *notify, const char *state)
{
	const struct sockaddr *address = (const struct sockaddr *)&notify->address;
	size_t size = strlen(state);

	return sendto(notify->fd, state, size, MSG_NOSIGNAL | MSG_DONTWAIT, address,
		       notify->size) == (ssize_t)size;
}

/* Whatever it is, a full queue or a manager that is just being replaced: it may pass. */
static void send_or_keep(struct notify *notify, uint64_t now_ms)
{
	notify->retry_ms = send_state(notify, notify->state) ? CLOCK_NEVER : now_ms + RETRY_MS;
}

void notify_tell(struct notify *notify, const char *state, uint64_t now_ms)
{
	struct text text = TEXT_OVER(notify->state);

	if (!notify_wanted(notify))
		return;
	text_add(&text, state);
	send_or_keep(notify, now_ms);
}

/*
 * The manager compares it with when it sent SIGHUP, so a time that is cut to milliseconds could
 * seem to come before. Taken when first told, as that is when the reload began.
 */
void notify_tell_reloading(struct notify *notify, const char *more, uint64_t now_ms)
{
	struct text text = TEXT_OVER(notify->state);
	struct timespec t;

	if (!notify_wanted(notify))
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	text_add(&text, "RELOADING=1\nMONOTONIC_USEC=");
	text_add_uint(&text, (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000);
	text_add_char(&text, '\n');
	text_add(&text, more);
	send_or_keep(notify, now_ms);
}

void notify_turn(struct notify *notify, uint64_t now_ms)
{
	if (!notify_wanted(notify))
		return;
	if (notify->retry_ms <= now_ms)
		send_or_keep(notify, now_ms);
	if (notify->watchdog_due_ms <= now_ms) {
		(void)send_state(notify, "WATCHDOG=1"); /* the next one is due soon enough */
		notify->watchdog_due_ms = now_ms + notify->watchdog_ms;
	}
}

uint64_t notify_deadline(const struct notify *notify)
{
	return notify->retry_ms < notify->watchdog_due_ms ? notify->retry_ms
							  : notify->watchdog_due_ms;
}
