/*
 * reaches - tries what a confined worker may not, and answers with the errno's name, or "ok".
 *
 *	GET /read?/etc/passwd	also /list, /write, /make, /truncate, /remove, /execute, /ioctl
 *	GET /connect?8080	a TCP port of 127.0.0.1; also /bind
 *	GET /abstract?NAME	a unix socket's name in the abstract namespace
 *	GET /signal?1234	a pid, signal 0
 *	GET /zone?CET		whether that is the local time zone
 *
 * With the option threads=1 it has another thread from the start.
 */
#include "module.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

static int try_read(const char *path)
{
	return try_open(path, O_RDONLY);
}

static int try_list(const char *path)
{
	return try_open(path, O_RDONLY | O_DIRECTORY);
}

static int try_write(const char *path)
{
	return try_open(path, O_WRONLY);
}

static int try_make(const char *path)
{
	return try_open(path, O_WRONLY | O_CREAT | O_EXCL);
}

static int try_truncate(const char *path)
{
	return truncate(path, 0) == 0 ? 0 : errno;
}

static int try_remove(const char *path)
{
	return unlink(path) == 0 ? 0 : errno;
}

static int try_execute(const char *path)
{
	char name[] = "program";
	char *argv[] = {name, NULL};
	char *envp[] = {NULL};
	pid_t pid;
	int error = posix_spawn(&pid, path, NULL, NULL, argv, envp);

	if (error == 0)
		(void)waitpid(pid, NULL, 0);
	return error;
}

static int try_ioctl(const char *path)
{
	struct termios termios;
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;

	if (fd < 0)
		return ENOENT; /* EACCES is what is asked for */
	error = ioctl(fd, TCGETS, &termios) == 0 ? 0 : errno;
	(void)close(fd);
	return error;
}

static int try_port(const char *port, int (*act)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((in_port_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return errno;
	error = act(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
	(void)close(fd);
	return error;
}

static int try_connect(const char *port)
{
	return try_port(port, connect);
}

static int try_bind(const char *port)
{
	return try_port(port, bind);
}

static int try_abstract(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = strlen(name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0 || size >= sizeof(address.sun_path))
		return ENOENT;
	memcpy(address.sun_path + 1, name, size);
	error = connect(fd, (const struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + size)) == 0
			? 0
			: errno;
	(void)close(fd);
	return error;
}

static int try_signal(const char *pid)
{
	return kill((pid_t)atoi(pid), 0) == 0 ? 0 : errno;
}

/* Whether `zone` is the name of the local time zone. */
static int try_zone(const char *zone)
{
	char name[32];
	struct tm local;
	time_t now = 0;

	return strftime(name, sizeof(name), "%Z", localtime_r(&now, &local)) > 0 &&
			       strcmp(name, zone) == 0
		       ? 0
		       : ENOENT;
}

static const struct {
	const char *name;
	int (*run)(const char *what);
} attempts[] = {
	{"/read", try_read},
	{"/list", try_list},
	{"/write", try_write},
	{"/make", try_make},
	{"/truncate", try_truncate},
	{"/remove", try_remove},
	{"/execute", try_execute},
	{"/ioctl", try_ioctl},
	{"/connect", try_connect},
	{"/bind", try_bind},
	{"/abstract", try_abstract},
	{"/signal", try_signal},
	{"/zone", try_zone},
};

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct narwhal_bytes query = narwhal_request_query(request);
	char what[512];

	(void)state;
	if (query.size >= sizeof(what))
		return;
	memcpy(what, query.data, query.size);
	what[query.size] = '\0';
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		int error;

		if (!is(narwhal_request_path(request), attempts[i].name))
			continue;
		error = attempts[i].run(what);
		say(response, error == 0 ? "ok" : strerrorname_np(error));
	}
}

static void *wait_for_ever(void *state)
{
	for (;;)
		(void)pause();
	return state;
}

static int load(struct narwhal_host *host, void **state)
{
	static pthread_t thread;

	(void)state;
	return narwhal_option(host, "threads") != NULL
		       ? pthread_create(&thread, NULL, wait_for_ever, NULL)
		       : 0;
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "reaches",
	.load = load,
	.handle = handle,
#ifdef NEEDS
	NEEDS,
#endif
};
