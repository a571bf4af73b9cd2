/*
 * runs.c - an app that runs a program for each request: the options program and script, with its
 * output in the file of the option output. Answers with its wait status, as in "0". For tests only.
 */
#include "module.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

struct runs {
	const char *program, *script, *output;
};

static int run(const struct runs *runs)
{
	char program[256], script[256];
	char *argv[] = {program, script, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int status = -1;
	pid_t pid;

	(void)snprintf(program, sizeof(program), "%s", runs->program);
	(void)snprintf(script, sizeof(script), "%s", runs->script);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, runs->output,
		O_WRONLY | O_CREAT | O_APPEND, 0644);
	(void)posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
	/* The worker blocks SIGTERM, by which programs end their own children. */
	(void)sigemptyset(&none);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	if (posix_spawn(&pid, runs->program, &actions, &attributes, argv, environ) == 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return status;
}

static int load(struct narwhal_host *host, void **state)
{
	static struct runs runs;

	runs.program = narwhal_option(host, "program");
	runs.script = narwhal_option(host, "script");
	runs.output = narwhal_option(host, "output");
	*state = &runs;
	return runs.program != NULL && runs.script != NULL && runs.output != NULL ? 0 : -EINVAL;
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	char text[32];

	(void)request;
	(void)snprintf(text, sizeof(text), "%d", run(state));
	say(response, text);
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "runs",
	.load = load,
	.handle = handle,
};
