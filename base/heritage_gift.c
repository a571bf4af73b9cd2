#include <errno.h>
#include <string.h>

#include "base/channel.h"
#include "base/heritage.h"

/* By the names that they have in the text. 0: there is none. */
static const struct row {
	const char *name;
	size_t offset;
} rows[] = {
	{"page_fd", offsetof(struct heritage, page_fd)},
	{"access", offsetof(struct heritage, access_fd)},
	{"certificates", offsetof(struct heritage, certificates_fd)},
};

static const char *const listener_names[] = {"listener", "tls_listener"};

int heritage_give(const struct heritage *heritage, int channel_fd)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < COUNT_OF(rows); i++) {
		int fd = *(const int *)(const void *)((const char *)heritage + rows[i].offset);

		if (fd > 0)
			error = channel_give(channel_fd, rows[i].name, fd);
	}
	for (size_t i = 0; error == 0 && i < heritage->listeners; i++)
		error = channel_give(channel_fd, listener_names[heritage->listener_tls[i]],
			heritage->listener_fd[i]);
	return error;
}

static int take_listener(struct heritage *heritage, const char *name, int *fd)
{
	for (size_t i = 0; i < COUNT_OF(listener_names); i++) {
		if (strcmp(listener_names[i], name) != 0)
			continue;
		if (heritage->listeners == HERITAGE_LISTENERS)
			return -E2BIG;
		heritage->listener_tls[heritage->listeners] = i != 0;
		heritage->listener_fd[heritage->listeners++] = *fd;
		*fd = -1;
		return 0;
	}
	return -EINVAL;
}

int heritage_take(struct heritage *heritage, const char *name, int *fd)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int *at = (int *)(void *)((char *)heritage + rows[i].offset);

		if (strcmp(rows[i].name, name) != 0)
			continue;
		if (*at > 0)
			return -EEXIST;
		*at = *fd;
		*fd = -1;
		return 0;
	}
	return take_listener(heritage, name, fd);
}
