#include "init/succession.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exits.h"
#include "base/fd.h"
#include "init/adoption.h"
#include "init/heirloom.h"
#include "init/net.h"
#include "init/opening.h"
#include "init/program.h"
#include "init/rehearsal.h"
#include "init/upgrade.h"

#define BY_DESCRIPTOR "/dev/fd/"
#define THAW_SECONDS 5 /* PID 1 does nothing else in that time */

struct succession {
	int image_fd;
	struct config_input *input;
	const struct descriptors *descriptors; /* the arbiter's */
	const char *bytes;		       /* the heirloom */
	size_t size;
	struct net net;
	void *net_memory;
};

int succession_find(void)
{
	static const size_t skip = sizeof(BY_DESCRIPTOR) - 1;
	const char *called = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	uint64_t fd;

	if (called == NULL || strncmp(called, BY_DESCRIPTOR, skip) != 0 ||
		text_to_uint(called + skip, strlen(called + skip), INT32_MAX - 1, &fd) != 0 ||
		!fd_is_sealed((int)fd + 1))
		return -1;
	return (int)fd;
}

/* Sealed, it can be mapped without fear that anybody changes or cuts it. */
static int map_heirloom(struct succession *s)
{
	struct stat status;
	void *bytes;

	if (fstat(s->image_fd + 1, &status) != 0)
		return -errno;
	if (status.st_size <= 0 || (size_t)status.st_size > HEIRLOOM_SIZE_MAX)
		return -EINVAL;
	s->size = (size_t)status.st_size;
	bytes = mmap(NULL, s->size, PROT_READ, MAP_PRIVATE, s->image_fd + 1, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	s->bytes = bytes;
	return 0;
}

/* First of all, and without asking for memory: whatever comes behind it can go wrong. */
static int find_way_back(struct succession *s, struct text *why)
{
	struct heirloom_head head = {.back_fd = -1};
	char first[64];
	ssize_t n = pread(s->image_fd + 1, first, sizeof(first), 0);
	int error = n >= 0 ? heirloom_read_head(first, (size_t)n, &head, why) : -errno;

	if (error != 0)
		return error;
	s->net = (struct net){head.back_fd, s->input->argv, s->input->envp, s->descriptors};
	if (head.back_fd < 0)
		return 0;
	s->net_memory = aligned_alloc(4096, NET_SIZE);
	if (s->net_memory == NULL)
		return -ENOMEM;
	net_spread(&s->net, s->net_memory, THAW_SECONDS);
	return 0;
}

static int thaw(struct succession *s, struct arbiter *a, struct text *why)
{
	int error = map_heirloom(s);

	if (error == 0)
		error = opening_prepare(a, why);
	if (error == 0)
		error = heirloom_thaw(a, s->bytes, s->size, why);
	if (s->bytes != NULL)
		(void)munmap((void *)(uintptr_t)s->bytes, s->size);
	if (error != 0 && why->used == 0)
		text_add(why, strerror(-error));
	return error;
}

/* Whoever froze it, froze it as what runs in its place: now it is the other one. */
static void change_places(struct arbiter *a)
{
	struct image_hold own = a->upgrade.other;

	a->upgrade.other = a->upgrade.own;
	a->upgrade.own = own;
}

/* The heirloom has done its work. */
static void free_places(struct arbiter *a)
{
	(void)!fd_replace(a->upgrade.own.fd + 1, a->upgrade.own.fd);
	(void)!fd_replace(a->upgrade.other.fd + 1, a->upgrade.other.fd);
}

/*
 * Arrived in a new image; or back in the old one, because the new one could not thaw (then what is
 * here is what it left itself), or because it gave up.
 */
static void take_place(struct succession *s, struct arbiter *a)
{
	bool was_sent = s->image_fd == a->upgrade.other.fd;
	bool leaving = a->upgrade.state == UPGRADE_LEAVING;
	char reason[sizeof(a->upgrade.reason)];

	memcpy(reason, a->upgrade.reason, sizeof(reason));
	if (was_sent)
		change_places(a);
	image_name_own(&a->upgrade.own);
	free_places(a);
	log_info(&a->log, "thawed", log_string("version", NARWHAL_VERSION),
		log_uint("ms", clock_ms() - a->upgrade.frozen_ms));
	a->current->foreign = was_sent == leaving;
	if (was_sent)
		(void)upgrade_step(a, UPGRADE_EVENT_PASSED, leaving ? NULL : reason);
	else
		(void)upgrade_step(a, UPGRADE_EVENT_FAILED, "the other image could not thaw");
}

static int adopt(struct succession *s, struct arbiter *a, struct text *why)
{
	int error;

	if (s->image_fd == s->net.back_fd)
		adoption_trim(a); /* nobody else is there to give up for */
	if (a->program == NULL)
		descriptors_raise(&a->descriptors);
	error = adoption_run(a, why);
	if (error != 0)
		return error;
	(void)prctl(PR_SET_NAME, a->upgrade.process_name, 0L, 0L, 0L);
	net_remove();
	free(s->net_memory);
	/* From here on nobody else gets what is the arbiter's. */
	fd_disinherit_from(STDERR_FILENO + 1);
	return 0;
}

/* Nothing has changed yet, so the one before can go on. */
NORETURN static void give_up(const struct succession *s, const char *reason)
{
	(void)fprintf(stderr, "narwhal: upgrade: %s\n", reason);
	if (s->net.back_fd < 0)
		_exit(EXIT_BOOT);
	net_return(&s->net);
}

static int rehearse(struct succession *s, struct arbiter *a)
{
	a->current->foreign = true;
	fd_disinherit_from(STDERR_FILENO + 1);
	return rehearsal_run(a, s->input);
}

/*
 * A rehearsal frees and closes nothing: the pidfile and all else that was thawed is of the image
 * that runs. So it ends by _exit(2), behind which no sanitizer looks for leaks. What bears a
 * program is no leak, either, as long as this frame stands: hence exit(3), not a return.
 */
int succession_run(int image_fd, struct config_input *input)
{
	struct arbiter a = {.input = input};
	struct succession s = {
		.image_fd = image_fd,
		.input = input,
		.descriptors = &a.descriptors,
		.net = {.back_fd = -1},
	};
	struct program program;
	char bytes[1024];
	struct text why = TEXT_OVER(bytes);

	program_init(&program, &a);
	if (find_way_back(&s, &why) != 0 || thaw(&s, &a, &why) != 0)
		give_up(&s, bytes);
	input->directory_fd = a.start_fd >= 0 ? a.start_fd : AT_FDCWD;
	if (a.upgrade.state == UPGRADE_TRIAL)
		_exit(rehearse(&s, &a));
	if (adopt(&s, &a, &why) != 0)
		give_up(&s, bytes);
	take_place(&s, &a);
	if (a.program != NULL)
		exit(program_live(a.program));
	return arbiter_live(&a);
}
