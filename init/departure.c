#include "init/departure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "init/heirloom.h"
#include "init/preload.h"

int departure_freeze(struct arbiter *a, uint64_t version, struct text *why)
{
	struct text text = {.bytes = malloc(HEIRLOOM_SIZE_MAX), .size = HEIRLOOM_SIZE_MAX};
	int fd = -ENOMEM;

	preload_take_back(a);
	if (text.bytes != NULL) {
		heirloom_freeze(a, version, &text);
		fd = text.cut ? -E2BIG : fd_sealed("narwhal-heirloom", text.bytes, text.used);
	}
	free(text.bytes);
	if (fd < 0)
		text_printf(why, "the heirloom: %s", strerror(-fd));
	return fd;
}

static void inherit(int *fd, void *context)
{
	int *error = context;

	if (*fd >= 0 && *error == 0)
		*error = fd_inherit(*fd);
}

/* The heirloom stands behind both images: where to go, and where to come back to. */
static int hand_on(struct arbiter *a, uint64_t version, int heirloom_fd)
{
	int places[] = {a->upgrade.own.fd + 1, a->upgrade.other.fd + 1};
	int error = 0;

	for (size_t i = 0; error == 0 && i < COUNT_OF(places); i++) {
		error = fd_replace(places[i], heirloom_fd);
		inherit(&places[i], &error);
	}
	heirloom_each_fd(a, version, inherit, &error);
	return error;
}

void departure_exec(struct arbiter *a, uint64_t version, struct text *why)
{
	FD_SCOPED heirloom_fd = -1;
	int error;

	a->upgrade.frozen_ms = clock_ms();
	heirloom_fd = departure_freeze(a, version, why);
	if (heirloom_fd < 0)
		return;
	error = hand_on(a, version, heirloom_fd);
	if (error == 0) {
		descriptors_give_back(&a->descriptors);
		(void)execveat(a->upgrade.other.fd, "", a->input->argv, a->input->envp,
			AT_EMPTY_PATH);
		error = -errno;
		descriptors_raise(&a->descriptors);
	}
	fd_disinherit_from(STDERR_FILENO + 1);
	text_printf(why, "exec: %s: %s", a->upgrade.other.path, strerror(-error));
}
