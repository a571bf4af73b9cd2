#include "init/printed.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define READS_MAX 32 /* at once: whoever has the other end may write on while it is read */

void printed_init(struct printed *p)
{
	*p = (struct printed){.watch = {.fd = -1}};
}

/* Ours alone does not wait: the child's is as standard output is anywhere. */
int printed_open(struct printed *p, int *child_fd)
{
	int ends[2];

	printed_init(p);
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	p->watch.fd = ends[0];
	*child_fd = ends[1];
	return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? 0 : -errno;
}

static void keep(struct printed *p, const char *bytes, size_t size)
{
	size_t room = sizeof(p->tail) - 1;
	size_t taken = size < room ? size : room;
	size_t kept = p->used < room - taken ? p->used : room - taken;

	memmove(p->tail, p->tail + p->used - kept, kept);
	memcpy(p->tail + kept, bytes + size - taken, taken);
	p->used = kept + taken;
	p->tail[p->used] = '\0';
	p->size += size;
}

static void stop_watching(struct printed *p)
{
	if (p->loop != NULL)
		loop_drop(p->loop, &p->watch);
	p->loop = NULL;
}

void printed_read(struct printed *p)
{
	char bytes[4096];

	for (int i = 0; p->watch.fd >= 0 && i < READS_MAX && !printed_is_flood(p); i++) {
		ssize_t n = read(p->watch.fd, bytes, sizeof(bytes));

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) { /* nobody has the other end any more */
			stop_watching(p);
			return;
		}
		keep(p, bytes, (size_t)n);
	}
	if (printed_is_flood(p))
		stop_watching(p);
}

static void on_ready(struct watch *watch, uint32_t events)
{
	(void)events;
	printed_read(CONTAINER_OF(watch, struct printed, watch));
}

int printed_watch(struct printed *p, struct loop *loop)
{
	int error;

	p->watch.ready = on_ready;
	error = loop_add(loop, &p->watch, EPOLLIN);
	p->loop = error == 0 ? loop : NULL;
	return error;
}

bool printed_is_flood(const struct printed *p)
{
	return p->size >= PRINTED_MAX;
}

void printed_close(struct printed *p)
{
	stop_watching(p);
	fd_close(&p->watch.fd);
	printed_init(p);
}
