#include "init/status_ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "init/status_socket.h"

#define PATIENCE_MS 2000
#define UPGRADE_MS 500 /* so long an arbiter may be without its socket: between two images */
#define STEP_MS 10

/* What came, up to the end. */
struct answer {
	char *bytes; /* STATUS_SIZE_MAX */
	size_t size;
};

static int limit_waiting(int fd)
{
	static const struct timeval limit = {.tv_sec = PATIENCE_MS / 1000};

	/* SO_SNDTIMEO is connect(2)'s, too, where the backlog is full (unix(7)). */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0)
		return -errno;
	return 0;
}

static int refuse_peer(pid_t pid, const struct ucred *peer, struct text *why)
{
	text_printf(why, "process %d has narwhal's name for process %d, and is not believed",
		(int)peer->pid, (int)pid);
	return -EPERM;
}

static int connect_to(int fd, pid_t pid, struct text *why)
{
	struct sockaddr_un name;
	socklen_t size = status_socket_name(pid, &name);
	struct ucred peer = {0};
	socklen_t peer_size = sizeof(peer);

	if (fd < 0 || limit_waiting(fd) != 0 ||
		connect(fd, (const struct sockaddr *)&name, size) != 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) != 0)
		return -errno;
	return peer.pid == pid ? 0 : refuse_peer(pid, &peer, why);
}

static int receive(int fd, struct answer *answer)
{
	ssize_t n;

	answer->size = 0;
	do {
		n = recv(fd, answer->bytes + answer->size, STATUS_SIZE_MAX - answer->size, 0);
		answer->size += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	if (n < 0)
		return -errno;
	return answer->size > 0 ? 0 : -ECONNRESET;
}

static int try_once(pid_t pid, struct answer *answer, struct text *why)
{
	FD_SCOPED fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = connect_to(fd, pid, why);

	return error == 0 ? receive(fd, answer) : error;
}

/* Its socket is closed and opened anew when another image takes over. */
static int try_often(pid_t pid, struct answer *answer, struct text *why)
{
	static const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	uint64_t end_ms = clock_ms() + UPGRADE_MS;
	int error = try_once(pid, answer, why);

	while ((error == -ECONNREFUSED || error == -ECONNRESET) && clock_ms() < end_ms) {
		(void)nanosleep(&step, NULL);
		error = try_once(pid, answer, why);
	}
	if (error == -EAGAIN)
		text_printf(why, "process %d has not answered within %d ms", (int)pid, PATIENCE_MS);
	else if (error == -ECONNREFUSED)
		text_printf(why,
			"process %d has no socket for it: an older narwhal, or in its log "
			"is why",
			(int)pid);
	else if (error != 0 && why->used == 0)
		text_printf(why, "process %d: %s", (int)pid, strerror(-error));
	return error;
}

/* Two texts, each with its NUL; or a refusal, which has none. */
static int print(const struct answer *answer, bool json, FILE *out, struct text *why)
{
	const char *first = answer->bytes;
	const char *second = memchr(first, '\0', answer->size);
	const char *end = answer->bytes + answer->size;

	if (second == NULL) {
		text_add_escaped(why, first, strcspn(first, "\n"), false);
		return -EACCES;
	}
	second++;
	if (memchr(second, '\0', (size_t)(end - second)) != end - 1) {
		text_add(why, "the report was cut");
		return -EMSGSIZE;
	}
	(void)fputs(json ? second : first, out);
	return fflush(out) == 0 ? 0 : -errno;
}

int status_ask(pid_t pid, bool json, FILE *out, struct text *why)
{
	struct answer answer = {.bytes = calloc(1, STATUS_SIZE_MAX + 1)};
	int error = answer.bytes != NULL ? try_often(pid, &answer, why) : -ENOMEM;

	if (error == 0)
		error = print(&answer, json, out, why);
	if (error != 0 && why->used == 0)
		text_add(why, strerror(-error));
	free(answer.bytes);
	return error;
}
