/*
 * outsider - serves on the sockets that it was handed (sd_listen_fds(3)), written as its author
 * would who knows nothing of narwhal, one connection after the other. An answer says what it was
 * started with. Words, in any order:
 *
 *	notify		says READY=1 (sd_notify(3)) before it serves
 *	child		has a child say so, and serves itself
 *	when=FILE	waits until FILE is there first
 *	beat		says WATCHDOG=1 once, and never again
 *	deaf		ignores SIGTERM
 *	signals		tells on standard error of each SIGALRM and SIGRTMIN+3
 *	borrowed	its LISTEN_PID is a parent's, and was taken away
 *	unlinger	leaves a child in its group that serves nothing and lives on
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST 3

static volatile sig_atomic_t leaving;
static int blocking;
static int words_count;
static char **words;

static bool has(const char *word)
{
	for (int i = 1; i < words_count; i++) {
		if (strcmp(words[i], word) == 0)
			return true;
	}
	return false;
}

static void leave(int number)
{
	(void)number;
	leaving = 1;
}

static void tell(int number, siginfo_t *info, void *unused)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "got number=%d value=%d\n", number,
		info->si_code == SI_QUEUE ? info->si_value.sival_int : -1);

	(void)unused;
	(void)!write(STDERR_FILENO, line, (size_t)n);
}

static void notify(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = name != NULL ? strlen(name) : 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (size == 0 || size >= sizeof(address.sun_path) || fd < 0)
		exit(10);
	memcpy(address.sun_path, name, size);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	if (sendto(fd, state, strlen(state), 0, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) < 0)
		exit(11);
	(void)close(fd);
}

static void notify_by_child(void)
{
	if (fork() == 0) {
		notify("READY=1\nSTATUS=a child says so");
		(void)signal(SIGTERM, SIG_DFL);
		for (;;) /* who is gone cannot be told from a stranger */
			(void)pause();
	}
}

static void wait_for(const char *file)
{
	while (access(file, F_OK) != 0)
		(void)usleep(10000);
}

static void prepare(void)
{
	for (int i = 1; i < words_count; i++) {
		if (strncmp(words[i], "when=", 5) == 0)
			wait_for(words[i] + 5);
	}
	if (has("unlinger") && fork() == 0) {
		(void)signal(SIGTERM, SIG_DFL);
		for (;;)
			(void)pause();
	}
	if (has("notify"))
		notify("READY=1");
	if (has("child"))
		notify_by_child();
	if (has("beat"))
		notify("WATCHDOG=1");
}

static void handle_signals(void)
{
	const struct sigaction term = {.sa_handler = has("deaf") ? SIG_IGN : leave};
	const struct sigaction told = {.sa_sigaction = tell, .sa_flags = SA_SIGINFO | SA_RESTART};

	sigset_t mask;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &mask, NULL); /* but while it waits: see serve_one() */
	(void)sigaction(SIGTERM, &term, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (!has("signals"))
		return;
	(void)sigaction(SIGALRM, &told, NULL);
	(void)sigaction(SIGRTMIN + 3, &told, NULL);
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? value : "-";
}

static int count_open(void)
{
	int count = 0;

	for (int fd = 0; fd < 64; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void answer(int fd)
{
	char request[4096], body[2048], head[128];
	int n, size = snprintf(body, sizeof(body),
		       "pid=%d\nmine=%d\nblocking=%d\nfds=%s\nnames=%s\nuid=%d\nwatchdog=%s\nown=%"
		       "d\nopen=%d\n",
		       (int)getpid(), atoi(variable("LISTEN_PID")) == getpid(), blocking,
		       variable("LISTEN_FDS"), variable("LISTEN_FDNAMES"), (int)getuid(),
		       variable("WATCHDOG_USEC"), atoi(variable("WATCHDOG_PID")) == getpid(),
		       count_open());

	for (int i = 1; i < words_count; i++)
		size += snprintf(body + size, sizeof(body) - (size_t)size, "word=%s\n", words[i]);
	n = snprintf(head, sizeof(head),
		"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", size);
	if (read(fd, request, sizeof(request)) > 0) {
		(void)!write(fd, head, (size_t)n);
		(void)!write(fd, body, (size_t)size);
	}
}

/* One more connection: the first of the sockets that has one. */
static void serve_one(int count)
{
	struct pollfd sockets[16];
	sigset_t none;
	int fd;

	(void)sigemptyset(&none);

	for (int i = 0; i < count; i++)
		sockets[i] = (struct pollfd){.fd = FIRST + i, .events = POLLIN};
	if (ppoll(sockets, (nfds_t)count, NULL, &none) < 0)
		return;
	for (int i = 0; i < count; i++) {
		fd = sockets[i].revents != 0 ? accept(FIRST + i, NULL, NULL) : -1;
		if (fd < 0) /* another worker was quicker */
			continue;
		answer(fd);
		(void)close(fd);
	}
}

int main(int argc, char **argv)
{
	int count = atoi(variable("LISTEN_FDS"));

	words_count = argc;
	words = argv;
	if (count < 1 || count > 16 ||
		(atoi(variable("LISTEN_PID")) != getpid() && !has("borrowed")))
		return 9;
	blocking = (fcntl(FIRST, F_GETFL) & O_NONBLOCK) == 0;
	for (int i = 0; i < count; i++)
		(void)fcntl(FIRST + i, F_SETFL, fcntl(FIRST + i, F_GETFL) | O_NONBLOCK);
	handle_signals();
	prepare();
	while (!leaving)
		serve_one(count);
	return 0;
}
