#include "init/request.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/arbiter.h"
#include "init/errand.h"
#include "seccomp/filter.h"

/* Above the numbers, so that a value that somebody else sends along is none of them. */
#define MARK 0x6e777200u
#define MASK 0xffffff00u

static void ask_upgrade(struct arbiter *a, uint64_t value)
{
	(void)value;
	upgrade_ask(a, false, NULL);
}

static void ask_hold(struct arbiter *a, uint64_t value)
{
	(void)value;
	upgrade_ask(a, true, NULL);
}

/*
 * Workers of our own user whose sandbox lets them send signals (before Linux 6.12 no Landlock keeps
 * those in) could ask for a program of their own, which nothing would confine.
 */
static enum errand_trust trust_of(const struct arbiter *a)
{
	return a->program == NULL && a->current->config.settings.sandbox == SANDBOX_APP
		       ? ERRAND_OF_ROOT
		       : ERRAND_OF_OUR_USER;
}

static void ask_of_image(struct arbiter *a, uint64_t value, bool hold)
{
	char path[ERRAND_MAX], bytes[256];
	struct text why = TEXT_OVER(bytes);

	if (errand_read((uint32_t)(value >> 32), trust_of(a), path, &why) == 0)
		upgrade_ask(a, hold, path);
	else
		log_warning(&a->log, "upgrade_refused", log_string("reason", bytes));
}

static void ask_image(struct arbiter *a, uint64_t value)
{
	ask_of_image(a, value, false);
}

static void ask_hold_image(struct arbiter *a, uint64_t value)
{
	ask_of_image(a, value, true);
}

static void ask_commit(struct arbiter *a, uint64_t value)
{
	(void)value;
	if (!upgrade_step(a, UPGRADE_EVENT_COMMITTED, NULL))
		log_warning(&a->log, "commit_refused", log_string("reason", "no upgrade is held"));
}

static void ask_rollback(struct arbiter *a, uint64_t value)
{
	(void)value;
	if (!upgrade_recall(a, "it was called back"))
		log_warning(&a->log, "rollback_refused",
			log_string("reason", "no upgrade is under way"));
}

static void (*const asked[])(struct arbiter *, uint64_t value) = {
	[REQUEST_UPGRADE] = ask_upgrade,
	[REQUEST_HOLD] = ask_hold,
	[REQUEST_COMMIT] = ask_commit,
	[REQUEST_ROLLBACK] = ask_rollback,
	[REQUEST_IMAGE] = ask_image,
	[REQUEST_HOLD_IMAGE] = ask_hold_image,
};

int request_read(int code, uint64_t value)
{
	uint32_t number = (uint32_t)value & ~MASK;

	if (code != SI_QUEUE || ((uint32_t)value & MASK) != MARK || number >= COUNT_OF(asked))
		return -1;
	return (int)number;
}

void request_carry_out(struct arbiter *a, int request, uint64_t value)
{
	asked[request >= 0 ? request : REQUEST_UPGRADE](a, value);
}

/* The first line of a small file. */
static int read_line(const char *path, char *bytes, size_t size)
{
	FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd >= 0 ? read(fd, bytes, size - 1) : -1;

	if (n < 0)
		return -errno;
	bytes[n] = '\0';
	bytes[strcspn(bytes, "\n")] = '\0';
	return 0;
}

static pid_t read_pidfile(const char *path, struct text *why)
{
	char bytes[32];
	int error = read_line(path, bytes, sizeof(bytes));
	uint64_t pid = 0;

	if (error == 0)
		error = text_to_uint(bytes, strlen(bytes), INT32_MAX, &pid);
	if (error == 0 && pid > 0)
		return (pid_t)pid;
	text_printf(why, "pidfile: %s: %s", path, error != 0 ? strerror(-error) : "holds no pid");
	return error != 0 ? error : -EINVAL;
}

/* Another program may do anything on SIGUSR2, or die of it. */
static pid_t recognize(pid_t pid, struct text *why)
{
	char name[32] = "", own[16] = "", path_bytes[48];
	struct text path = TEXT_OVER(path_bytes);

	(void)prctl(PR_GET_NAME, own, 0L, 0L, 0L);
	text_printf(&path, "/proc/%d/comm", (int)pid);
	if (read_line(path_bytes, name, sizeof(name)) == -ENOENT) {
		text_printf(why, "there is no process %d", (int)pid);
		return -ESRCH;
	}
	if (strcmp(name, own) == 0)
		return pid;
	text_printf(why, "process %d is no %s, but \"%s\": give --pidfile as the service has it",
		(int)pid, own, name);
	return -ESRCH;
}

pid_t request_find(const struct settings *settings, struct text *why)
{
	pid_t pid = settings->pidfile != NULL ? read_pidfile(settings->pidfile, why) : 1;

	return pid > 0 ? recognize(pid, why) : pid;
}

pid_t request_find_pid(const char *word, struct text *why)
{
	uint64_t pid = 0;

	if (text_to_uint(word, strlen(word), INT32_MAX, &pid) == 0 && pid > 0)
		return recognize((pid_t)pid, why);
	text_add_char(why, '"');
	text_add_escaped(why, word, strlen(word), false);
	text_add(why, "\" is no pid");
	return -EINVAL;
}

static int send_value(pid_t pid, uint64_t number, struct text *why)
{
	const union sigval value = {.sival_ptr = (void *)(uintptr_t)number};

	if (sigqueue(pid, SIGUSR2, value) == 0)
		return 0;
	text_printf(why, "SIGUSR2 to process %d: %s", (int)pid, strerror(errno));
	return -errno;
}

int request_send(pid_t pid, enum request request, struct text *why)
{
	return send_value(pid, MARK | request, why);
}

int request_send_image(pid_t pid, enum request request, const char *image, struct text *why)
{
	struct errand errand;
	int error = errand_leave(&errand, image, why);

	if (error == 0)
		error = send_value(pid, (uint64_t)errand.number << 32 | MARK | request, why);
	if (error == 0)
		error = errand_wait(&errand, why);
	errand_end(&errand);
	return error;
}
