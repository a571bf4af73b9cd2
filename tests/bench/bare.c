/*
 * bare.c - the limit of the socket interface: an epoll responder that gives one fixed answer.
 *
 *	bare PORT WORKERS FILE BODY
 *
 * Answers FILE's bytes once for each end of a head: from memory, or, when they are many, with
 * sendfile(2). Looks for nothing else but "Connection: close". With BODY not 0, a body of so many
 * bytes follows each head, is read into one buffer that is soon warm, and forgotten.
 * It refuses to be a server: no parsing, no time limit, no error answer, no log, and a head must
 * come whole. WORKERS 0 means to serve in this process itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fd.h"

#define BATCH 16 /* answers that one write(2) can carry */
#define BACKLOG 2048
#define EVENTS 64
#define MEMORY_MAX ((size_t)64 * 1024) /* a larger file stays one: sendfile(2) wins */
#define SLICE ((size_t)512 * 1024)
#define SCRATCH ((size_t)256 * 1024)

struct answer {
	char *bytes;	/* BATCH copies, one behind the other; of a file's answer, the head */
	size_t size;	/* of one */
	size_t in_file; /* as many of them, at the end, are in the file */
};

struct bare {
	struct answer stay, leave;
	int file_fd;
	size_t body; /* bytes behind each head */
	char scratch[SCRATCH];
};

struct client {
	int fd;
	const struct answer *answer;
	size_t owed;	/* bytes still to be written */
	size_t offset;	/* where in one answer they start */
	size_t missing; /* bytes of a body that has begun */
	bool leaving;
};

static void refuse(const char *what)
{
	perror(what);
	exit(1);
}

static void answer_make(struct bare *bare, struct answer *answer, const char *field)
{
	char head[256];
	struct stat status;
	size_t head_size, file_size, copies;

	if (fstat(bare->file_fd, &status) != 0)
		refuse("fstat");
	file_size = (size_t)status.st_size;
	head_size = (size_t)snprintf(head, sizeof(head),
		"HTTP/1.1 200 OK\r\nServer: bare\r\nDate: Fri, 20 Nov 2026 11:50:00 GMT\r\n"
		"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n%s\r\n",
		file_size, field);
	answer->size = head_size + file_size;
	answer->in_file = file_size > MEMORY_MAX ? file_size : 0;
	copies = answer->in_file == 0 ? BATCH : 1;
	answer->bytes = malloc((answer->size - answer->in_file) * copies);
	if (answer->bytes == NULL)
		refuse("malloc");
	memcpy(answer->bytes, head, head_size);
	if (answer->in_file == 0 &&
		pread(bare->file_fd, answer->bytes + head_size, file_size, 0) != status.st_size)
		refuse("read");
	for (size_t i = 1; i < copies; i++)
		memcpy(answer->bytes + i * answer->size, answer->bytes, answer->size);
}

static int listener_open(in_port_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, wait_s = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
		/* Accepted when there is something to read: no turn of the loop for nothing. */
		setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &wait_s, sizeof(wait_s)) != 0 ||
		bind(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) != 0 ||
		listen(fd, BACKLOG) != 0)
		refuse("listen");
	return fd;
}

static size_t heads_in(const char *bytes, size_t size)
{
	const char *end = bytes + size;
	size_t heads = 0;

	while ((bytes = memmem(bytes, (size_t)(end - bytes), "\r\n\r\n", 4)) != NULL) {
		bytes += 4;
		heads++;
	}
	return heads;
}

/* As much of the answers as lies in one place. */
static ssize_t client_write_once(const struct bare *bare, const struct client *client)
{
	const struct answer *answer = client->answer;
	size_t head = answer->size - answer->in_file;
	off_t at = (off_t)(client->offset - head);
	size_t left = answer->size - client->offset;
	size_t room = answer->size * BATCH - client->offset;

	if (answer->in_file == 0)
		return write(client->fd, answer->bytes + client->offset,
			client->owed < room ? client->owed : room);
	if (client->offset < head)
		return send(client->fd, answer->bytes + client->offset, head - client->offset,
			MSG_MORE | MSG_NOSIGNAL);
	return sendfile(client->fd, bare->file_fd, &at, left < SLICE ? left : SLICE);
}

/* False when the client is gone, or has to go. */
static bool client_write(const struct bare *bare, struct client *client)
{
	while (client->owed > 0) {
		ssize_t n = client_write_once(bare, client);

		if (n < 0)
			return errno == EAGAIN;
		client->owed -= (size_t)n;
		client->offset = (client->offset + (size_t)n) % client->answer->size;
	}
	return !client->leaving || client->missing != 0;
}

/* How many requests these bytes complete. */
static size_t client_take(const struct bare *bare, struct client *client, size_t size)
{
	static const char leave[] = "Connection: close";
	const char *bytes = bare->scratch, *end;

	if (client->missing != 0) {
		client->missing -= size < client->missing ? size : client->missing;
		return client->missing == 0;
	}
	client->leaving = memmem(bytes, size, leave, sizeof(leave) - 1) != NULL;
	client->answer = client->leaving ? &bare->leave : &bare->stay;
	if (bare->body == 0)
		return heads_in(bytes, size);
	end = memmem(bytes, size, "\r\n\r\n", 4);
	if (end != NULL)
		client->missing = bare->body - (size - (size_t)(end + 4 - bytes));
	return end != NULL && client->missing == 0;
}

static bool client_read(struct bare *bare, struct client *client)
{
	size_t room = bare->body == 0 ? SCRATCH / 16 : SCRATCH;
	ssize_t n;

	do {
		n = read(client->fd, bare->scratch, room);
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		client->owed += client_take(bare, client, (size_t)n) * client->answer->size;
	} while ((size_t)n == room);
	return client_write(bare, client);
}

static void client_serve(struct bare *bare, struct client *client, uint32_t events)
{
	bool stays = true;

	if (client->owed > 0)
		stays = client_write(bare, client);
	if (stays && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		stays = client_read(bare, client);
	if (stays)
		return;
	fd_close(&client->fd);
	free(client);
}

/* Reads at once: what a client sent with its connection costs no turn of the loop. */
static void client_accept(struct bare *bare, int epoll_fd, int listener_fd)
{
	struct client *client;
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
	int fd = accept4(listener_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		refuse("calloc");
	client->fd = fd;
	event.data.ptr = client;
	if (!client_read(bare, client)) {
		fd_close(&client->fd);
		free(client);
	} else if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
		refuse("epoll_ctl");
	}
}

NORETURN static void serve(struct bare *bare, int listener_fd)
{
	struct epoll_event events[EVENTS] = {{.events = EPOLLIN | EPOLLEXCLUSIVE}};
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener_fd, &events[0]) != 0)
		refuse("epoll");
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				client_accept(bare, epoll_fd, listener_fd);
			else
				client_serve(bare, events[i].data.ptr, events[i].events);
		}
	}
}

int main(int argc, char **argv)
{
	struct bare bare = {.file_fd = -1};
	int listener_fd, workers;

	if (argc != 5) {
		(void)fprintf(stderr, "usage: bare PORT WORKERS FILE BODY\n");
		return 1;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	bare.body = (size_t)atoi(argv[4]);
	bare.file_fd = open(argv[3], O_RDONLY | O_CLOEXEC);
	answer_make(&bare, &bare.stay, "");
	answer_make(&bare, &bare.leave, "Connection: close\r\n");
	listener_fd = listener_open((in_port_t)atoi(argv[1]));
	workers = atoi(argv[2]);
	if (workers == 0)
		serve(&bare, listener_fd);
	for (int i = 0; i < workers; i++) {
		if (fork() != 0)
			continue;
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		serve(&bare, listener_fd);
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
