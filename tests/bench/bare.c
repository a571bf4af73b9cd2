/*
 * bare.c - the limit of the socket interface: an epoll responder that gives one fixed answer.
 *
 *	bare PORT WORKERS FILE
 *
 * Answers FILE's bytes, held in memory, once for each end of a head; looks for nothing else but
 * "Connection: close". It refuses to be a server: no parsing, no time limit, no body, no error
 * answer, no log, and a head must come whole. WORKERS 0 means to serve in this process itself.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fd.h"

#define BATCH 16 /* answers that one write(2) can carry */
#define BACKLOG 2048
#define EVENTS 64

struct answer {
	char *bytes; /* BATCH copies, one behind the other */
	size_t size; /* of one */
};

struct answers {
	struct answer stay, leave;
};

struct client {
	int fd;
	const struct answer *answer;
	size_t owed;   /* bytes still to be written */
	size_t offset; /* where in one answer they start */
	bool leaving;
};

static void refuse(const char *what)
{
	perror(what);
	exit(1);
}

static void answer_make(struct answer *answer, const char *path, const char *field)
{
	FILE *file = fopen(path, "re");
	char head[256];
	struct stat status;
	int head_size;

	if (file == NULL || fstat(fileno(file), &status) != 0)
		refuse(path);
	head_size = snprintf(head, sizeof(head),
		"HTTP/1.1 200 OK\r\nServer: bare\r\nDate: Fri, 20 Nov 2026 11:50:00 GMT\r\n"
		"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %lld\r\n%s\r\n",
		(long long)status.st_size, field);
	answer->size = (size_t)head_size + (size_t)status.st_size;
	answer->bytes = malloc(answer->size * BATCH);
	if (answer->bytes == NULL)
		refuse("malloc");
	memcpy(answer->bytes, head, (size_t)head_size);
	if (fread(answer->bytes + head_size, 1, (size_t)status.st_size, file) !=
		(size_t)status.st_size)
		refuse(path);
	for (size_t i = 1; i < BATCH; i++)
		memcpy(answer->bytes + i * answer->size, answer->bytes, answer->size);
	(void)fclose(file);
}

static int listener_open(in_port_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
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

/* False when the client is gone, or has to go. */
static bool client_write(struct client *client)
{
	const struct answer *answer = client->answer;

	while (client->owed > 0) {
		size_t room = answer->size * BATCH - client->offset;
		ssize_t n = write(client->fd, answer->bytes + client->offset,
			client->owed < room ? client->owed : room);

		if (n < 0)
			return errno == EAGAIN;
		client->owed -= (size_t)n;
		client->offset = (client->offset + (size_t)n) % answer->size;
	}
	return !client->leaving;
}

static bool client_read(struct client *client, const struct answers *answers)
{
	static const char leave[] = "Connection: close";
	char bytes[16384];
	ssize_t n = read(client->fd, bytes, sizeof(bytes));

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	client->leaving = memmem(bytes, (size_t)n, leave, sizeof(leave) - 1) != NULL;
	client->answer = client->leaving ? &answers->leave : &answers->stay;
	client->owed += heads_in(bytes, (size_t)n) * client->answer->size;
	return client_write(client);
}

static void client_serve(struct client *client, const struct answers *answers, uint32_t events)
{
	bool stays = true;

	if (client->owed > 0)
		stays = client_write(client);
	if (stays && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		stays = client_read(client, answers);
	if (stays)
		return;
	fd_close(&client->fd);
	free(client);
}

/* Reads at once: what a client sent with its connection costs no turn of the loop. */
static void client_accept(int epoll_fd, int listener_fd, const struct answers *answers)
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
	if (!client_read(client, answers)) {
		fd_close(&client->fd);
		free(client);
	} else if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
		refuse("epoll_ctl");
	}
}

NORETURN static void serve(int listener_fd, const struct answers *answers)
{
	struct epoll_event events[EVENTS] = {{.events = EPOLLIN | EPOLLEXCLUSIVE}};
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener_fd, &events[0]) != 0)
		refuse("epoll");
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				client_accept(epoll_fd, listener_fd, answers);
			else
				client_serve(events[i].data.ptr, answers, events[i].events);
		}
	}
}

int main(int argc, char **argv)
{
	struct answers answers;
	int listener_fd, workers;

	if (argc != 4) {
		(void)fprintf(stderr, "usage: bare PORT WORKERS FILE\n");
		return 1;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	answer_make(&answers.stay, argv[3], "");
	answer_make(&answers.leave, argv[3], "Connection: close\r\n");
	listener_fd = listener_open((in_port_t)atoi(argv[1]));
	workers = atoi(argv[2]);
	if (workers == 0)
		serve(listener_fd, &answers);
	for (int i = 0; i < workers; i++) {
		if (fork() != 0)
			continue;
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		serve(listener_fd, &answers);
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
