#include "init/adoption.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "init/gossip.h"
#include "init/heirloom.h"
#include "init/herald.h"
#include "init/noticeboard.h"
#include "init/opening.h"
#include "init/program.h"
#include "init/reload.h"
#include "init/warden.h"

static void find_closed(int *fd, void *context)
{
	int *closed = context;

	if (*fd >= 0 && fcntl(*fd, F_GETFD) < 0)
		*closed = *fd;
}

static int check_descriptors(struct arbiter *a, struct text *why)
{
	int closed = -1;

	heirloom_each_fd(a, HEIRLOOM_VERSION, find_closed, &closed);
	if (closed < 0)
		return 0;
	text_printf(why, "descriptor %d was not handed on", closed);
	return -EBADF;
}

/* Standard error may be a file by the setting errorlog: it is the one still. */
static int adopt_log(struct arbiter *a, struct text *why)
{
	(void)why;
	a->log.fd = log_descriptor(STDERR_FILENO);
	return 0;
}

static int adopt_listener(struct listener *listener, struct text *why)
{
	int error = listener_adopt(listener);

	if (error != 0)
		text_printf(why, "%s: %s", listener->asked, strerror(-error));
	return error;
}

static int adopt_set(struct listener_set *set, struct text *why)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < set->count; i++)
		error = adopt_listener(&set->item[i], why);
	return error;
}

static int adopt_listeners(struct arbiter *a, struct text *why)
{
	int error = adopt_set(&a->current->listeners, why);

	if (error == 0)
		error = adopt_set(&a->current->metrics, why);
	for (struct shelved *at = a->shelf.first; error == 0 && at != NULL; at = at->next)
		error = adopt_listener(&at->listener, why);
	return error;
}

/*
 * A worker of an older release has a shorter one: of what its release did not know yet there are
 * zeros, up to the end of the last page of memory (mmap(2)).
 */
static bool is_page(const struct stat *status)
{
	off_t unit = (off_t)sysconf(_SC_PAGESIZE);

	return S_ISREG(status->st_mode) && status->st_size > 0 &&
	       (status->st_size + unit - 1) / unit * unit >= (off_t)sizeof(struct page);
}

static int map_page(struct child *child)
{
	struct stat status;
	void *memory;

	if (child->page != NULL || child->page_fd < 0)
		return 0;
	if (fstat(child->page_fd, &status) != 0)
		return -errno;
	if (!is_page(&status))
		return -EINVAL;
	memory = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, child->page_fd,
		0);
	if (memory == MAP_FAILED)
		return -errno;
	child->page = memory;
	return 0;
}

static int adopt_child(struct child *child)
{
	int error = map_page(child);

	if (error == 0)
		error = warden_watch(child);
	if (error != 0 || child->watch.fd < 0)
		return error;
	child->watch.ready = gossip_read;
	return loop_add(&child->arbiter->loop, &child->watch, EPOLLIN);
}

static int adopt_children(struct arbiter *a, struct text *why)
{
	for (unsigned i = 0; i < ARBITER_CHILDREN; i++) {
		int error = a->children[i].arbiter != NULL ? adopt_child(&a->children[i]) : 0;

		if (error == 0)
			continue;
		text_printf(why, "the worker in slot %u: %s", i, strerror(-error));
		return error;
	}
	return 0;
}

/* A kill that happened meanwhile is one more than was counted. */
static int adopt_oom(struct arbiter *a, struct text *why)
{
	struct oom_account account = a->oom.account;

	(void)why;
	oom_open(&a->oom, "");
	a->oom.account = account;
	return 0;
}

static int adopt_tickets(struct arbiter *a, struct text *why)
{
	(void)why;
	tickets_adopt(&a->tickets, &a->log);
	return 0;
}

static int adopt_noticeboard(struct arbiter *a, struct text *why)
{
	(void)why;
	return noticeboard_adopt(a);
}

/* The one before was closed by the exec. */
static int adopt_status(struct arbiter *a, struct text *why)
{
	(void)why;
	status_socket_open(a);
	return 0;
}

static int adopt_times(struct arbiter *a, struct text *why)
{
	(void)why;
	reload_apply(a);
	if (a->born_wall_ms == 0) /* by an image that did not note it */
		a->born_wall_ms = (uint64_t)clock_wall_ms() - (a->now_ms - a->born_ms);
	a->reap_ms = a->now_ms; /* whose SIGCHLD was read, and who was not reaped */
	return 0;
}

static int adopt_program(struct arbiter *a, struct text *why)
{
	return program_adopt(a->program, why);
}

static int (*const adoptions_of_program[])(struct arbiter *, struct text *) = {
	check_descriptors,
	adopt_program,
	adopt_status,
};

static int (*const adoptions[])(struct arbiter *, struct text *) = {
	check_descriptors,
	opening_hide,
	adopt_log,
	adopt_listeners,
	opening_loop,
	adopt_children,
	adopt_oom,
	herald_open,
	adopt_tickets,
	adopt_noticeboard,
	adopt_status,
	adopt_times,
};

static void lose_closed(int *fd, void *context)
{
	(void)context;
	if (*fd < 0 || fcntl(*fd, F_GETFD) >= 0)
		return;
	(void)fprintf(stderr, "narwhal: upgrade: descriptor %d is lost\n", *fd);
	*fd = -1;
}

/* Nobody could see it hang any more: another one takes over from it. */
static void replace_unseen(struct arbiter *a, unsigned index)
{
	const struct child *child = &a->children[index];

	if (child->page == NULL && !child->outsider)
		(void)roster_step(&a->roster, index, EVENT_SPENT, a->now_ms);
}

void adoption_trim(struct arbiter *a)
{
	heirloom_each_fd(a, HEIRLOOM_VERSION, lose_closed, NULL);
	listener_set_trim(&a->current->listeners);
	listener_set_trim(&a->current->metrics);
	shelf_trim(&a->shelf);
	for (unsigned i = 0; i < ARBITER_CHILDREN; i++) {
		struct child *child = &a->children[i];

		if (child->arbiter != NULL && map_page(child) != 0)
			fd_close(&child->page_fd);
		if (child->arbiter != NULL && i < a->roster.size)
			replace_unseen(a, i);
	}
}

int adoption_run(struct arbiter *a, struct text *why)
{
	bool is_service = a->program == NULL;
	size_t count = is_service ? COUNT_OF(adoptions) : COUNT_OF(adoptions_of_program);
	int error = 0;

	for (size_t i = 0; error == 0 && i < count; i++)
		error = (is_service ? adoptions : adoptions_of_program)[i](a, why);
	return error;
}
