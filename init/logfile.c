#include "init/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/fd.h"

#define MODE 0640

int logfile_open(const char *path, struct text *why)
{
	FD_SCOPED fd =
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, MODE);
	int error = fd >= 0 ? fd_place(fd, STDERR_FILENO) : -errno;

	if (error != 0)
		text_printf(why, "errorlog: %s: %s", path, strerror(-error));
	return error;
}

void logfile_reopen(struct arbiter *a)
{
	const char *path = a->current->config.settings.errorlog;
	char bytes[512];
	struct text why = TEXT_OVER(bytes);
	unsigned told = 0;

	if (path != NULL && logfile_open(path, &why) != 0) {
		log_error(&a->log, "log_not_reopened", log_string("reason", bytes));
		return;
	}
	for (unsigned i = 0; path != NULL && i < ARBITER_SLOTS; i++) {
		const struct child *child = &a->children[i];

		if (child->page != NULL && child->watch.fd >= 0)
			told += channel_send_fd(child->watch.fd, MESSAGE_REOPEN, STDERR_FILENO) ==
				0;
	}
	log_info(&a->log, "log_reopened", log_string("file", path), log_uint("workers", told));
}
