#include "service/forked.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/channel.h"
#include "base/fd.h"

/* The next message, however long it takes: whoever boots too long is ended from outside. */
static int wait_for_message(int fd, struct message *message)
{
	struct pollfd channel = {.fd = fd, .events = POLLIN};
	int outcome;

	while ((outcome = channel_receive(fd, CHANNEL_ARBITER, message)) == 0) {
		if (poll(&channel, 1, -1) < 0 && errno != EINTR)
			return -errno;
	}
	return outcome;
}

static int take(struct worker *worker, struct message *message, struct text *why)
{
	int error = message->fd >= 0
			    ? heritage_take(&worker->heritage, message->payload, &message->fd)
			    : -EBADMSG;

	if (error != 0)
		text_printf(why, "the arbiter gave a descriptor \"%s\" that cannot be taken: %s",
			message->payload, strerror(-error));
	return error;
}

/*
 * What ps(1) shows: of the arguments, which lie one behind the other (proc(5)), the first one was
 * the zygote's role, with blanks behind it for this.
 */
static void show_slot(uint64_t slot)
{
	char *at = program_invocation_name + strlen(program_invocation_name) + 1;
	size_t room = strlen(at);
	struct text title = {.bytes = at, .size = room + 1};

	memset(at, ' ', room);
	text_printf(&title, "slot=%llu", (unsigned long long)slot);
	if (title.used < room)
		at[title.used] = ' ';
}

static int settle(struct worker *worker, const struct message *message)
{
	if (text_to_uint(message->payload, message->size, UINT64_MAX, &worker->heritage.slot) != 0)
		return -EBADMSG;
	show_slot(worker->heritage.slot);
	if (worker->heritage.access_fd > 0)
		worker->access_fd = worker->heritage.access_fd;
	return 0;
}

int forked_await(struct worker *worker, struct text *why)
{
	int fd = worker->heritage.channel_fd;
	int error = channel_send(fd, MESSAGE_HELLO, NULL, 0);
	struct message message = {.type = MESSAGE_HELLO};

	while (error == 0 && message.type != MESSAGE_GO) {
		int outcome = wait_for_message(fd, &message);

		if (outcome < 0)
			return outcome;
		if (message.type == MESSAGE_GIVE)
			error = take(worker, &message, why);
		else if (message.type == MESSAGE_REOPEN)
			worker_reopen_log(worker, &message);
		fd_close(&message.fd);
	}
	return error == 0 ? settle(worker, &message) : error;
}
