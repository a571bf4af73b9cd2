/* Whom the arbiter takes for the worker that it has ordered of a zygote. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/fd.h"
#include "init/gossip.h"
#include "init/opening.h"
#include "init/preload.h"

/* In slot 0 one of generation 1 that was ordered; the worker's end of its channel. */
static int order(struct arbiter *a)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	int worker_fd;

	*a = (struct arbiter){0};
	assert_int_equal(opening_prepare(a, &why), 0);
	assert_int_equal(loop_open(&a->loop), 0);
	a->log.fd = -1;
	a->current->number = 1;
	a->roster.slots[0].state = STATE_BOOTING;
	a->roster.slots[0].generation = 1;
	a->children[0] = (struct child){.watch = {.fd = -1, .ready = gossip_read},
		.arbiter = a,
		.page_fd = -1,
		.notifier = {.fd = -1},
		.unborn = true};
	assert_int_equal(channel_pair(&a->children[0].watch.fd, &worker_fd), 0);
	assert_int_equal(channel_want_pid(a->children[0].watch.fd, true), 0);
	assert_int_equal(loop_add(&a->loop, &a->children[0].watch, EPOLLIN), 0);
	return worker_fd;
}

static pid_t say_hello(int worker_fd)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(channel_send(worker_fd, MESSAGE_HELLO, NULL, 0) == 0 ? 0 : 1);
	assert_true(pid > 0);
	return pid;
}

static void end(struct arbiter *a, pid_t pid, int *worker_fd)
{
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	fd_close(worker_fd);
	fd_close(&a->children[0].watch.fd);
	a->current->number = 0;
	opening_close(a);
}

static void one_that_is_born_when_its_generation_is_gone_is_nobody(void **state)
{
	static struct arbiter a;
	int worker_fd = order(&a);
	struct child *child = &a.children[0];
	struct pollfd channel = {.fd = child->watch.fd, .events = POLLIN};
	pid_t pid = say_hello(worker_fd);

	(void)state;
	a.current->number = 2; /* another one was promoted meanwhile */
	assert_int_equal(poll(&channel, 1, -1), 1);
	assert_int_equal(preload_greet(child), -EPIPE);
	assert_true(child->unborn);
	assert_int_equal(a.roster.slots[0].pid, 0);
	end(&a, pid, &worker_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_born_when_its_generation_is_gone_is_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
