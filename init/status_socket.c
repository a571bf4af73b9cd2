#include "init/status_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "init/arbiter.h"

#define BACKLOG 16
#define WINDOW_MS 100
#define ANSWERS_MAX 32 /* in each window */
#define REOPEN_MS 1000

socklen_t status_socket_name(pid_t pid, struct sockaddr_un *name)
{
	struct stat space;
	struct text text;

	*name = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (stat("/proc/self/ns/pid", &space) != 0)
		space.st_ino = 0; /* no /proc: for whoever asks, there is none either */
	text = (struct text){.bytes = name->sun_path + 1, .size = sizeof(name->sun_path) - 1};
	text_printf(&text, "narwhal-status-%llu-%d", (unsigned long long)space.st_ino, (int)pid);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + text.used);
}

void status_socket_init(struct status_socket *s)
{
	*s = (struct status_socket){.watch = {.fd = -1}, .due_ms = CLOCK_NEVER};
}

/* Whom the report is for: NULL, or why not. */
static const char *refuse(int fd)
{
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid == 0)
		return "refused: you are in a pid namespace that narwhal does not see\n";
	if (peer.uid == 0 || peer.uid == geteuid())
		return NULL;
	return "refused: it is for root and for narwhal's own user\n";
}

/* Into a buffer that is empty: what does not fit is cut, and whoever reads it can tell. */
static void tell(int fd, const char *bytes, size_t size)
{
	(void)!send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* As each text is cut at its own end, the NULs are there. */
static void tell_all(const struct arbiter *a, int fd)
{
	char *bytes = malloc(STATUS_SIZE_MAX);
	struct text text = {.bytes = bytes, .size = STATUS_TEXT_MAX}, json;

	if (bytes == NULL) {
		static const char none[] = "no memory for a report\n";

		tell(fd, none, sizeof(none) - 1);
		return;
	}
	bytes[0] = '\0';
	status_text(a, getpid(), &text);
	json = (struct text){.bytes = bytes + text.used + 1, .size = STATUS_JSON_MAX};
	status_json(a, getpid(), &json);
	tell(fd, bytes, text.used + 1 + json.used + 1);
	free(bytes); /* asked seldom, it keeps nothing */
}

/* One who connected: 0, or -errno: -EAGAIN when there is nobody. */
static int answer(const struct arbiter *a)
{
	FD_SCOPED fd = accept4(a->status.watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	const char *refusal;

	if (fd < 0)
		return -errno;
	refusal = refuse(fd);
	if (refusal != NULL)
		tell(fd, refusal, strlen(refusal));
	else
		tell_all(a, fd);
	return 0;
}

static void read_knocks(struct watch *watch, uint32_t events)
{
	(void)events;
	status_socket_wake(CONTAINER_OF(watch, struct arbiter, status.watch));
}

/*
 * By edges, so that who waits in a pause wakes nobody. Init mode has no epoll: there it is SIGCHLD,
 * which is looked at anyway, means nothing to an older image that finds it pending, and is never
 * the program's.
 */
static int watch_it(struct arbiter *a)
{
	int fd = a->status.watch.fd;

	a->status.watch.ready = read_knocks;
	if (a->program == NULL)
		return loop_add(&a->loop, &a->status.watch, EPOLLIN | EPOLLET);
	if (fcntl(fd, F_SETOWN, getpid()) != 0 || fcntl(fd, F_SETSIG, SIGCHLD) != 0 ||
		fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC) != 0)
		return -errno;
	return 0;
}

static int open_it(struct arbiter *a)
{
	struct sockaddr_un name;
	socklen_t size = status_socket_name(getpid(), &name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	a->status.watch.fd = fd;
	if (fd < 0 || bind(fd, (const struct sockaddr *)&name, size) != 0 ||
		listen(fd, BACKLOG) != 0)
		return -errno;
	return watch_it(a);
}

static void say_missed(struct arbiter *a, int error)
{
	bool is_taken = error == -EADDRINUSE;

	log_warning(&a->log, "status_refused", log_errno("error", error),
		log_string("reason", is_taken ? "another process has the name of narwhal's socket"
					      : "no socket for it"));
}

void status_socket_open(struct arbiter *a)
{
	int error = open_it(a);

	if (error == 0) {
		a->status.misses = 0;
		a->status.due_ms = a->now_ms;
		return;
	}
	fd_close(&a->status.watch.fd);
	a->status.due_ms = a->now_ms + REOPEN_MS;
	if (++a->status.misses == 2)
		say_missed(a, error);
}

void status_socket_close(struct arbiter *a)
{
	fd_close(&a->status.watch.fd);
	a->status.due_ms = CLOCK_NEVER;
}

void status_socket_wake(struct arbiter *a)
{
	if (a->status.due_ms == CLOCK_NEVER)
		a->status.due_ms = a->now_ms;
}

/* Whoever floods it, or an arbiter without a descriptor to spare, has to wait for the next window.
 */
static void answer_all(struct arbiter *a)
{
	struct status_socket *s = &a->status;
	int error = 0;

	if (s->window_ms + WINDOW_MS <= a->now_ms) {
		s->window_ms = a->now_ms;
		s->answers = 0;
	}
	while (s->answers < ANSWERS_MAX && error == 0) {
		error = answer(a);
		s->answers += error == 0;
	}
	if (error != -EAGAIN)
		s->due_ms = s->window_ms + WINDOW_MS;
}

void status_socket_turn(struct arbiter *a)
{
	if (a->status.due_ms > a->now_ms)
		return;
	a->status.due_ms = CLOCK_NEVER;
	if (a->status.watch.fd < 0)
		status_socket_open(a);
	else
		answer_all(a);
}

uint64_t status_socket_deadline(const struct arbiter *a)
{
	return a->status.due_ms;
}
