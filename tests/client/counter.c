/*
 * counter - clients that lose count of no request.
 *
 *	counter ADDRESS [--keepalive N] [--closing N] [--path PATH] [--body BYTES]
 *		[--pipeline N] [--pause MS] [--patience MS]
 *
 * N clients of each kind ask one request after the other: on one connection for as long as it
 * lasts, or on a connection for each. For each line on standard input it writes a line with all
 * counts so far; at its end, or on SIGTERM, it waits for the answers that are out, at most
 * --patience, and writes a last line. What the counts mean stands in tally.def. The exit status is
 * 0 if no request was lost, 1 if any was, 2 for wrong arguments.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "init/address.h"
#include "tests/client/visitor.h"

#define VISITORS_MAX 4096

enum option_id {
	OPTION_keepalive,
	OPTION_closing,
	OPTION_body,
	OPTION_pipeline,
	OPTION_pause,
	OPTION_patience,
	OPTIONS,
	OPTION_path = OPTIONS, /* the one that is no number */
};

struct counter {
	struct loop loop;
	struct watch input, signals;
	struct tallies tallies;
	struct visit visits[2]; /* of those that keep their connection, and of the others */
	struct visitor *visitors;
	unsigned long options[OPTIONS];
	const char *path;
	struct address address;
	uint64_t end_ms; /* of patience */
};

static size_t visitor_count(const struct counter *counter)
{
	return counter->options[OPTION_keepalive] + counter->options[OPTION_closing];
}

static void print(const struct counter *counter)
{
	static const char *const names[TALLIES] = {
#define TALLY(name, kind, meaning) #name,
#include "tests/client/tally.def"
#undef TALLY
	};

	for (size_t i = 0; i < TALLIES; i++)
		(void)printf("%s\"%s\":%llu", i == 0 ? "{" : ",", names[i],
			(unsigned long long)counter->tallies.of[i]);
	(void)printf("}\n");
	(void)fflush(stdout);
}

static uint64_t count_lost(const struct tallies *tallies)
{
#define COUNTS_LOST(name) +tallies->of[TALLY_##name]
#define COUNTS_OTHER(name)
#define TALLY(name, kind, meaning) COUNTS_##kind(name)
	return 0
#include "tests/client/tally.def"
		;
#undef TALLY
}

static void finish(struct counter *counter)
{
	if (counter->end_ms == CLOCK_NEVER)
		counter->end_ms = clock_ms() + counter->options[OPTION_patience];
	counter->visits[0].finishing = true;
	counter->visits[1].finishing = true;
}

static void input_ready(struct watch *watch, uint32_t events)
{
	struct counter *counter = CONTAINER_OF(watch, struct counter, input);
	char bytes[256];
	ssize_t n = read(watch->fd, bytes, sizeof(bytes));

	(void)events;
	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] == '\n')
			print(counter);
	}
	if (n > 0)
		return;
	loop_drop(&counter->loop, watch);
	finish(counter);
}

static void signals_ready(struct watch *watch, uint32_t events)
{
	(void)events;
	finish(CONTAINER_OF(watch, struct counter, signals));
}

/* `visit->pipeline` requests in a row; what a body holds is the same in each, and known. */
static int write_requests(const struct counter *counter, struct visit *visit, bool once)
{
	size_t body = counter->options[OPTION_body], head_max = strlen(counter->path) + 256, head;
	char *requests = malloc(visit->pipeline * (head_max + body));

	if (requests == NULL)
		return -ENOMEM;
	head = (size_t)snprintf(requests, head_max,
		"%s %s HTTP/1.1\r\nHost: counter\r\n%sContent-Length: %zu\r\n\r\n",
		body != 0 ? "POST" : "GET", counter->path, once ? "Connection: close\r\n" : "",
		body);
	for (size_t i = 0; i < body; i++)
		requests[head + i] = (char)('a' + i % 23);
	visit->requests = requests;
	visit->request_size = head + body;
	if (body != 0)
		visit->expected = requests + head;
	visit->expected_size = body;
	for (size_t i = 1; i < visit->pipeline; i++)
		memcpy(requests + i * visit->request_size, requests, visit->request_size);
	return 0;
}

static int open_visits(struct counter *counter)
{
	for (int once = 0; once <= 1; once++) {
		struct visit *visit = &counter->visits[once];

		*visit = (struct visit){
			.loop = &counter->loop,
			.tallies = &counter->tallies,
			.address = counter->address.socket,
			.address_size = counter->address.size,
			.pipeline = once ? 1 : (unsigned)counter->options[OPTION_pipeline],
			.pause_ms = counter->options[OPTION_pause],
		};
		if (write_requests(counter, visit, once) != 0)
			return -ENOMEM;
	}
	counter->visitors = calloc(visitor_count(counter), sizeof(*counter->visitors));
	if (counter->visitors == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < visitor_count(counter); i++) {
		bool once = i >= counter->options[OPTION_keepalive];

		visitor_init(&counter->visitors[i], &counter->visits[once], once);
	}
	return 0;
}

static int open_loop(struct counter *counter)
{
	sigset_t set;
	int error = loop_open(&counter->loop);

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	counter->input = (struct watch){.fd = STDIN_FILENO, .ready = input_ready};
	counter->signals = (struct watch){
		.fd = signalfd(-1, &set, SFD_CLOEXEC),
		.ready = signals_ready,
	};
	if (error == 0)
		error = loop_add(&counter->loop, &counter->input, EPOLLIN);
	if (error == 0)
		error = loop_add(&counter->loop, &counter->signals, EPOLLIN | EPOLLET);
	return error;
}

static int read_options(struct counter *counter, int argc, char **argv)
{
#define NUMBER(name)                                          \
	{                                                     \
#name, required_argument, NULL, OPTION_##name \
	}
	static const struct option known[] = {NUMBER(keepalive), NUMBER(closing), NUMBER(body),
		NUMBER(pipeline), NUMBER(pause), NUMBER(patience), NUMBER(path), {0}};
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	int id;

	while ((id = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (id == OPTION_path)
			counter->path = optarg;
		else if (id < OPTIONS)
			counter->options[id] = strtoul(optarg, NULL, 10);
		else
			return -EINVAL;
	}
	if (optind != argc - 1 || counter->options[OPTION_pipeline] == 0 ||
		visitor_count(counter) == 0 || visitor_count(counter) > VISITORS_MAX)
		return -EINVAL;
	return address_parse(argv[optind], strlen(argv[optind]), &counter->address, &why);
}

static uint64_t tick(struct counter *counter)
{
	uint64_t nearest = counter->end_ms;

	for (size_t i = 0; i < visitor_count(counter); i++) {
		uint64_t due = visitor_tick(&counter->visitors[i]);

		nearest = due < nearest ? due : nearest;
	}
	return nearest;
}

static bool is_done(const struct counter *counter)
{
	if (!counter->visits[0].finishing)
		return false;
	for (size_t i = 0; i < visitor_count(counter); i++) {
		if (visitor_is_out(&counter->visitors[i]))
			return counter->visits[0].now_ms >= counter->end_ms;
	}
	return true;
}

static void run(struct counter *counter)
{
	while (!is_done(counter)) {
		uint64_t due = tick(counter);

		(void)loop_wait(&counter->loop, clock_timeout(due, clock_ms()));
		counter->visits[0].now_ms = counter->visits[1].now_ms = clock_ms();
		loop_dispatch(&counter->loop);
	}
	for (size_t i = 0; i < visitor_count(counter); i++)
		visitor_end(&counter->visitors[i]);
}

int main(int argc, char **argv)
{
	struct counter counter = {
		.options = {[OPTION_pipeline] = 1, [OPTION_patience] = 20000},
		.path = "/",
		.end_ms = CLOCK_NEVER,
	};
	int status = 2;

	if (read_options(&counter, argc, argv) != 0) {
		(void)fprintf(stderr, "counter: see the head of tests/client/counter.c\n");
		return status;
	}
	if (open_loop(&counter) == 0 && open_visits(&counter) == 0) {
		run(&counter);
		print(&counter);
		status = count_lost(&counter.tallies) != 0;
	} else {
		(void)fprintf(stderr, "counter: no memory, or no descriptors\n");
	}
	free(counter.visits[0].requests);
	free(counter.visits[1].requests);
	free(counter.visitors);
	loop_close(&counter.loop);
	return status;
}
