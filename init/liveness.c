#include "init/liveness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define STATUS_SIZE 4096
#define STEP_MS 5

bool liveness_pending(const char *status, int number)
{
	static const char field[] = "\nShdPnd:";
	const char *at = strstr(status, field);

	return at != NULL && (strtoull(at + sizeof(field) - 1, NULL, 16) >> (number - 1) & 1) != 0;
}

static int read_status(pid_t pid, char bytes[static STATUS_SIZE])
{
	char path_bytes[48];
	struct text path = TEXT_OVER(path_bytes);
	ssize_t n;

	text_printf(&path, "/proc/%d/status", (int)pid);
	FD_SCOPED fd = open(path_bytes, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, bytes, STATUS_SIZE - 1);
	if (n < 0)
		return -errno;
	bytes[n] = '\0';
	return 0;
}

int liveness_check(pid_t pid, unsigned within_ms, struct text *why)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	char status[STATUS_SIZE];
	int error = kill(pid, SIGCHLD) == 0 ? 0 : -errno;

	for (unsigned ms = 0; error == 0 && ms <= within_ms; ms += STEP_MS) {
		error = read_status(pid, status);
		if (error == 0 && !liveness_pending(status, SIGCHLD))
			return 0;
		(void)nanosleep(&step, NULL);
	}
	if (error == 0)
		text_printf(why, "process %d has not looked at its signals for %u ms", (int)pid,
			within_ms);
	else
		text_printf(why, "process %d: %s", (int)pid, strerror(-error));
	return error != 0 ? error : -ETIMEDOUT;
}
