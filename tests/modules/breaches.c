/*
 * breaches.c - makes system calls that a sandbox refuses, as the path says, and that no sanitizer
 * makes: those are allowed in its builds. For tests only.
 */
#include "module.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void ask_getsid(void)
{
	(void)syscall(SYS_getsid, 1L, 2L, 3L);
}

static void ask_getpgid(void)
{
	(void)syscall(SYS_getpgid, 0L);
}

static void ask_often(void)
{
	for (int i = 0; i < 1000; i++) {
		ask_getsid();
		ask_getpgid();
	}
}

/* What it would leave behind, if it were executed; the working directory is the test's. */
static void make_directory(void)
{
	(void)mkdir("made", 0777);
}

static void *be_thread(void *context)
{
	ask_getsid();
	return context;
}

static void ask_in_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, be_thread, NULL) == 0)
		(void)pthread_join(thread, NULL);
}

static void *leave_thread(void *context)
{
	pthread_exit(context);
}

/* Its stack goes back, and the C library opens another one for its end. */
static void end_a_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, leave_thread, NULL) == 0)
		(void)pthread_join(thread, NULL);
}

static void ask_for_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)syscall(SYS_mprotect, page, 4096L, (long)(PROT_READ | PROT_EXEC));
}

/* Larger than a huge page, and from the heap. */
static void grow_heap(void)
{
	static void *kept;

	kept = malloc((size_t)3 << 20);
	if (kept != NULL)
		memset(kept, 1, (size_t)3 << 20);
}

static void ask_in_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)syscall(SYS_mount, 0L, 0L, 0L, 0L, 0L);
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
}

static void ask_exec(void)
{
	(void)syscall(SYS_execve, 0L, 0L, 0L);
}

/* No call of any kernel. */
static void ask_nonsense(void)
{
	(void)syscall(900);
}

static const struct {
	const char *path;
	void (*act)(void);
} acts[] = {
	{"/getsid", ask_getsid},
	{"/often", ask_often},
	{"/mkdir", make_directory},
	{"/thread", ask_in_thread},
	{"/child", ask_in_child},
	{"/exec", ask_exec},
	{"/nonsense", ask_nonsense},
	{"/code", ask_for_code},
	{"/end-of-thread", end_a_thread},
	{"/heap", grow_heap},
	{"/abort", abort},
};

/* With the option always=yes it does so in each request. */
static int load(struct narwhal_host *host, void **state)
{
	*state = narwhal_option(host, "always") != NULL ? host : NULL;
	return 0;
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct narwhal_bytes path = narwhal_request_path(request);

	if (state != NULL)
		ask_getsid();
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (is(path, acts[i].path))
			acts[i].act();
	}
	say(response, "survived\n");
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "breaches",
	.load = load,
	.handle = handle,
};
