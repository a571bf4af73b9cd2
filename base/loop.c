#include "base/loop.h"

#include <errno.h>
#include <stddef.h>

#include "base/fd.h"

int loop_open(struct loop *loop)
{
	*loop = (struct loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	return loop->epoll_fd >= 0 ? 0 : -errno;
}

void loop_close(struct loop *loop)
{
	fd_close(&loop->epoll_fd);
}

static int control(struct loop *loop, int operation, struct watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data = {.ptr = watch}};

	return epoll_ctl(loop->epoll_fd, operation, watch->fd, &event) == 0 ? 0 : -errno;
}

int loop_add(struct loop *loop, struct watch *watch, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, watch, events);
}

int loop_change(struct loop *loop, struct watch *watch, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, watch, events);
}

void loop_drop(struct loop *loop, struct watch *watch)
{
	(void)control(loop, EPOLL_CTL_DEL, watch, 0);
	loop_forget(loop, watch);
}

void loop_forget(struct loop *loop, const struct watch *watch)
{
	for (int i = loop->batch_next; i < loop->batch_size; i++) {
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
	}
}

int loop_wait(struct loop *loop, int timeout_ms)
{
	int n = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, timeout_ms);

	loop->batch_next = 0;
	loop->batch_size = n < 0 ? 0 : n; /* EINTR: a turn without events */
	return loop->batch_size;
}

bool loop_tell(struct loop *loop)
{
	const struct epoll_event *event;
	struct watch *watch;

	if (loop->batch_next >= loop->batch_size)
		return false;
	event = &loop->batch[loop->batch_next++];
	watch = event->data.ptr;
	if (watch != NULL)
		watch->ready(watch, event->events);
	return true;
}

void loop_dispatch(struct loop *loop)
{
	while (loop_tell(loop))
		;
}
