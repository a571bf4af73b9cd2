#include "init/tickets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define RETRY_MS 60000

bool tickets_wanted(const struct settings *settings)
{
	return settings->bind_tls != NULL && settings->tls_tickets;
}

void tickets_init(struct tickets *tickets)
{
	*tickets = (struct tickets){.fd = -1, .reader_fd = -1};
}

/* Neither swapped out, nor dumped, nor in a child before its exec. */
static int hide(void *memory, size_t size)
{
	if (mlock(memory, size) != 0 || madvise(memory, size, MADV_DONTDUMP) != 0 ||
		madvise(memory, size, MADV_DONTFORK) != 0)
		return -errno;
	return 0;
}

static int map(struct tickets *tickets)
{
	void *memory = mmap(NULL, sizeof(*tickets->keys), PROT_READ | PROT_WRITE, MAP_SHARED,
		tickets->fd, 0);

	if (memory == MAP_FAILED)
		return -errno;
	tickets->keys = memory;
	return hide(memory, sizeof(*tickets->keys));
}

/*
 * A mapping of this one can never become writable (mprotect(2): EACCES), and by its mode nobody
 * else opens the file once more. F_SEAL_FUTURE_WRITE would bind the next image, too.
 */
static int open_reader(struct tickets *tickets)
{
	char path[32];

	if (fchmod(tickets->fd, S_IRUSR) != 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", tickets->fd);
	tickets->reader_fd = open(path, O_RDONLY | O_CLOEXEC);
	return tickets->reader_fd >= 0 ? 0 : -errno;
}

/* At once or not at all: a kernel that has just started may have no random bytes yet. */
static int make_key(struct tickets *tickets, uint64_t now_ms)
{
	struct ticket_key key = {.made_ms = now_ms};
	unsigned char bytes[sizeof(key.name) + sizeof(key.cipher) + sizeof(key.mac)];
	ssize_t n = getrandom(bytes, sizeof(bytes), GRND_NONBLOCK);

	if (n != (ssize_t)sizeof(bytes))
		return n < 0 ? -errno : -EAGAIN;
	memcpy(key.name, bytes, sizeof(key.name));
	memcpy(key.cipher, bytes + sizeof(key.name), sizeof(key.cipher));
	memcpy(key.mac, bytes + sizeof(key.name) + sizeof(key.cipher), sizeof(key.mac));
	ticket_keys_rotate(tickets->keys, &key);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(&key, sizeof(key));
	return 0;
}

static int make(struct tickets *tickets, uint64_t now_ms)
{
	int error;

	tickets->fd = fd_shared("narwhal-tickets", sizeof(*tickets->keys));
	if (tickets->fd < 0)
		return tickets->fd;
	error = open_reader(tickets);
	if (error == 0)
		error = map(tickets);
	return error == 0 ? make_key(tickets, now_ms) : error;
}

void tickets_open(struct tickets *tickets, const struct settings *settings, uint64_t now_ms,
	struct log *log)
{
	int error;

	if (tickets->keys != NULL || !tickets_wanted(settings))
		return;
	tickets->rotation_ms = settings->tls_ticket_rotation;
	error = make(tickets, now_ms);
	if (error == 0)
		return;
	tickets_close(tickets);
	log_warning(log, "tickets_refused", log_errno("error", error));
}

/* Of that size, which is sealed: it can be mapped without fear that anybody cuts it. */
static int check(int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return -errno;
	return status.st_size == sizeof(struct ticket_keys) ? 0 : -EINVAL;
}

void tickets_adopt(struct tickets *tickets, struct log *log)
{
	int error;

	if (tickets->fd < 0)
		return;
	error = check(tickets->fd);
	if (error == 0)
		error = open_reader(tickets);
	if (error == 0)
		error = map(tickets);
	if (error == 0)
		return;
	tickets_close(tickets);
	log_warning(log, "tickets_refused", log_errno("error", error));
}

void tickets_use(struct tickets *tickets, const struct settings *settings)
{
	if (tickets_wanted(settings))
		tickets->rotation_ms = settings->tls_ticket_rotation;
	else
		tickets_close(tickets);
}

void tickets_close(struct tickets *tickets)
{
	if (tickets->keys != NULL) {
		explicit_bzero(tickets->keys, sizeof(*tickets->keys));
		(void)munmap(tickets->keys, sizeof(*tickets->keys));
	}
	fd_close(&tickets->fd);
	fd_close(&tickets->reader_fd);
	tickets_init(tickets);
}

uint64_t tickets_deadline(const struct tickets *tickets)
{
	uint64_t due_ms;

	if (tickets->keys == NULL)
		return CLOCK_NEVER;
	due_ms = tickets->keys->ring.key[0].made_ms + tickets->rotation_ms;
	return due_ms > tickets->retry_ms ? due_ms : tickets->retry_ms;
}

void tickets_turn(struct tickets *tickets, uint64_t now_ms, struct log *log)
{
	int error;

	if (tickets_deadline(tickets) > now_ms)
		return;
	error = make_key(tickets, now_ms);
	if (error == 0) {
		log_debug(log, "ticket_key_rotated", log_uint("next_ms", tickets->rotation_ms));
		return;
	}
	tickets->retry_ms = now_ms + RETRY_MS;
	log_warning(log, "ticket_key_refused", log_errno("error", error));
}
