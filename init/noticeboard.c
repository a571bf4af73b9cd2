#include "init/noticeboard.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "init/lineage.h"
#include "init/notice.h"
#include "init/outsider.h"

#define NOTICES_AT_ONCE 16
#define NOTICES_MAX 64 /* in a window; who tells more waits for the next one */
#define WINDOW_MS 100
#define TELL_MS 60000	   /* between two lines about a flood */
#define GENERATIONS_MAX 32 /* of a family: more lie between nobody and its sender */

struct sent {
	char bytes[NOTICE_MAX];
	size_t size;
	pid_t pid; /* as the kernel says it; 0: of another pid namespace, or nothing was said */
	bool whole;
};

static pid_t sender_of(struct msghdr *all)
{
	struct ucred ucred = {0};

	for (struct cmsghdr *at = CMSG_FIRSTHDR(all); at != NULL; at = CMSG_NXTHDR(all, at)) {
		if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_CREDENTIALS)
			memcpy(&ucred, CMSG_DATA(at), sizeof(ucred));
	}
	return ucred.pid;
}

/* 1, 0 when there is none now, or -errno. Room for the credentials alone: no descriptor gets in. */
static int receive(int fd, struct sent *sent)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} room;
	struct iovec part = {.iov_base = sent->bytes, .iov_len = sizeof(sent->bytes)};
	struct msghdr all = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes),
	};
	ssize_t n = recvmsg(fd, &all, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	sent->size = (size_t)n;
	sent->whole = (all.msg_flags & MSG_TRUNC) == 0;
	sent->pid = sender_of(&all);
	return 1;
}

/* The worker whose process that is, or one below it; NULL: nobody's. */
static struct child *find_child(struct arbiter *a, pid_t pid)
{
	for (int i = 0; i < GENERATIONS_MAX && pid > 1; i++) {
		int slot = roster_find(&a->roster, pid);

		if (slot >= 0)
			return a->children[slot].outsider ? &a->children[slot] : NULL;
		pid = lineage_parent(pid);
	}
	return NULL;
}

static void hear(struct arbiter *a, const struct sent *sent)
{
	struct child *child = find_child(a, sent->pid);
	struct notice_found found;

	if (child == NULL || !sent->whole) {
		log_debug(&a->log, "notice_ignored", log_int("sender", sent->pid),
			log_string("reason", child == NULL ? "not from a worker" : "too long"));
		return;
	}
	notice_read(sent->bytes, sent->size, &found);
	outsider_hear(child, &found);
}

/* Until the window is over; the sender of the last one is named, who is most likely the one. */
static void pause_reading(struct arbiter *a, pid_t sender)
{
	struct notice_pace *pace = &a->notices;
	bool is_news = pace->told_ms == 0 || a->now_ms - pace->told_ms >= TELL_MS;

	if (loop_change(&a->loop, &a->noticeboard, 0) != 0)
		return;
	pace->resume_ms = pace->window_ms + WINDOW_MS;
	if (!is_news)
		return;
	pace->told_ms = a->now_ms;
	log_warning(&a->log, "notice_flood", log_int("sender", sender),
		log_uint("notices", pace->heard), log_uint("in_ms", WINDOW_MS));
}

static void read_notices(struct watch *watch, uint32_t events)
{
	struct arbiter *a = CONTAINER_OF(watch, struct arbiter, noticeboard);
	struct notice_pace *pace = &a->notices;
	struct sent sent = {0};

	(void)events;
	if (a->now_ms - pace->window_ms >= WINDOW_MS) {
		pace->window_ms = a->now_ms;
		pace->heard = 0;
	}
	for (int i = 0; i < NOTICES_AT_ONCE && receive(watch->fd, &sent) > 0; i++) {
		pace->heard++;
		hear(a, &sent);
	}
	if (pace->heard >= NOTICES_MAX)
		pause_reading(a, sent.pid);
}

void noticeboard_turn(struct arbiter *a)
{
	if (noticeboard_deadline(a) > a->now_ms)
		return;
	a->notices.resume_ms = 0;
	(void)!loop_change(&a->loop, &a->noticeboard, EPOLLIN); /* it was added: none is refused */
}

uint64_t noticeboard_deadline(const struct arbiter *a)
{
	return a->notices.resume_ms != 0 ? a->notices.resume_ms : CLOCK_NEVER;
}

static int bind_anywhere(int fd)
{
	static const struct sockaddr_un any = {.sun_family = AF_UNIX};
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
		bind(fd, (const struct sockaddr *)&any, sizeof(any.sun_family)) != 0)
		return -errno;
	channel_refuse_fds(fd);
	return 0;
}

int noticeboard_adopt(struct arbiter *a)
{
	if (a->noticeboard.fd < 0)
		return 0;
	a->noticeboard.ready = read_notices;
	return loop_add(&a->loop, &a->noticeboard, EPOLLIN);
}

int noticeboard_open(struct arbiter *a)
{
	int error = 0;

	if (a->noticeboard.fd >= 0)
		return 0;
	a->noticeboard.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->noticeboard.fd < 0)
		return -errno;
	error = bind_anywhere(a->noticeboard.fd);
	if (error == 0)
		error = noticeboard_adopt(a);
	if (error != 0)
		fd_close(&a->noticeboard.fd);
	return error;
}

int noticeboard_name(const struct arbiter *a, struct text *name)
{
	struct sockaddr_un address = {0};
	socklen_t size = sizeof(address);
	const size_t offset = offsetof(struct sockaddr_un, sun_path) + 1; /* behind the NUL */

	if (getsockname(a->noticeboard.fd, (struct sockaddr *)&address, &size) != 0)
		return -errno;
	if (size <= offset || address.sun_path[0] != '\0')
		return -EINVAL;
	text_add_char(name, '@');
	text_add_bytes(name, address.sun_path + 1, size - offset);
	return name->cut ? -E2BIG : 0;
}

void noticeboard_close(struct arbiter *a)
{
	fd_close(&a->noticeboard.fd);
}
