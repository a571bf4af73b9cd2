/*
 * rogue.c - a worker that was taken over, and misuses its line to the key holder. For tests only,
 * without the sandbox.
 *
 *	GET /ask	a question that no TLS server asks
 *	GET /hang-up	the line is broken off
 */
#include "module.h"

#include <sys/socket.h>

#define DESCRIPTORS 1024

/* Those that were there at the start are the arbiter's. */
static char is_known[DESCRIPTORS];

static int is_line(int fd)
{
	int type = 0;
	socklen_t size = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

static int worker_init(void *state)
{
	(void)state;
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		is_known[fd] = (char)is_line(fd);
	return 0;
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	int asks = is(narwhal_request_path(request), "/ask");
	int hangs_up = is(narwhal_request_path(request), "/hang-up");

	(void)state;
	say(response, "done");
	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		if (is_known[fd] || !is_line(fd))
			continue;
		if (asks)
			(void)!send(fd, "x", 1, MSG_NOSIGNAL);
		else if (hangs_up)
			(void)shutdown(fd, SHUT_RDWR);
	}
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "rogue",
	.worker_init = worker_init,
	.handle = handle,
};
