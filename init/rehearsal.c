#include "init/rehearsal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exits.h"
#include "base/fd.h"
#include "base/heritage.h"
#include "init/certificates.h"
#include "init/check.h"
#include "init/gossip.h"
#include "init/heirloom.h"
#include "init/opening.h"
#include "init/outsider.h"
#include "init/program.h"
#include "init/reap.h"
#include "init/reload.h"
#include "init/trial.h"

struct rehearsal {
	const struct arbiter *thawed;
	const struct config_input *input;
	struct arbiter stage; /* on which one worker plays */
	uint64_t patience_ms; /* for each of its steps; 0: somebody else is patient for us */
};

static void report(const struct rehearsal *r, const char *word, const char *more)
{
	char bytes[TRIAL_WORD_MAX];
	struct text text = TEXT_OVER(bytes);

	text_add(&text, word);
	text_add(&text, more);
	(void)!write(r->thawed->upgrade.report_fd, text.bytes, text.used);
}

/* If this goes wrong later, the image that runs now must be able to read what this one writes. */
static int check_way_back(struct rehearsal *r, struct text *why)
{
	uint64_t reads = r->thawed->upgrade.reads;

	if (reads >= HEIRLOOM_OLDEST)
		return 0;
	text_printf(why,
		"the image that runs reads heirlooms up to version %llu, this one writes %d to %d",
		(unsigned long long)reads, HEIRLOOM_OLDEST, HEIRLOOM_VERSION);
	return -EINVAL;
}

static int read_config(struct rehearsal *r, struct text *why)
{
	struct config *config = &r->stage.current->config;
	int error = config_read(config, r->input, why);

	if (error != 0)
		return error;
	r->stage.current->number = 1;
	if (config->app == NULL) {
		text_add(why, "there is no app to serve any more");
		return -EINVAL;
	}
	error = reload_check(r->thawed->current, &config->settings, why);
	return error == 0 ? check_config(config, why) : error;
}

/* The kernel chooses an abstract name (unix(7): autobind). */
static int open_listener(struct rehearsal *r, struct text *why)
{
	static const struct sockaddr_un any = {.sun_family = AF_UNIX};
	struct listener_set *set = &r->stage.current->listeners;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)why;
	if (fd < 0)
		return -errno;
	set->item[0] = (struct listener){.address = {.kind = ADDRESS_UNIX}, .fd = fd};
	set->count = 1;
	if (bind(fd, (const struct sockaddr *)&any, sizeof(any.sun_family)) != 0 ||
		listen(fd, 1) != 0)
		return -errno;
	return 0;
}

static int set_stage(struct rehearsal *r, struct text *why)
{
	struct generation *generation = r->stage.current;
	const struct settings *s = &generation->config.settings;
	struct users_question question = users_question(s);
	int error = users_resolve(&question, &generation->users, why);

	r->stage.log = (struct log){.fd = STDERR_FILENO, .level = LOG_INFO};
	r->stage.roster.limits.boot_timeout = s->boot_timeout;
	if (error == 0)
		error = image_open(s->worker_image, &generation->image_fd, why);
	if (error == 0)
		error = certificates_open(s, &generation->certificates, why);
	if (error == 0)
		error = open_listener(r, why);
	return error == 0 ? loop_open(&r->stage.loop) : error;
}

/* Of a step that begins now. */
static uint64_t step_deadline(const struct rehearsal *r)
{
	return r->patience_ms != 0 ? clock_ms() + r->patience_ms : CLOCK_NEVER;
}

/* Its death is seen by its channel, too. */
static int start_worker(struct rehearsal *r, struct text *why)
{
	const struct slot *slot = &r->stage.roster.slots[0];
	uint64_t until_ms = step_deadline(r);

	roster_assign(&r->stage.roster, 0, 1, PROCESS_WORKER);
	arbiter_step(&r->stage, 0, EVENT_SPAWNED);
	while (slot->state == STATE_BOOTING && clock_ms() < until_ms) {
		(void)loop_wait(&r->stage.loop, clock_timeout(until_ms, clock_ms()));
		loop_dispatch(&r->stage.loop);
		reap_all(&r->stage);
	}
	if (slot->state == STATE_SERVING)
		return 0;
	if (slot->state == STATE_BOOTING) {
		text_add(why, "the worker is not ready within boot_timeout");
		return -ETIMEDOUT;
	}
	text_add(why, "the worker cannot serve: ");
	text_add(why,
		r->stage.last_cause[0] != '\0' ? r->stage.last_cause : "it ended without a word");
	return -ECHILD;
}

static int connect_worker(const struct rehearsal *r)
{
	struct sockaddr_un address;
	socklen_t size = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (getsockname(r->stage.current->listeners.item[0].fd, (struct sockaddr *)&address,
		    &size) != 0 ||
		connect(fd, (const struct sockaddr *)&address, size) != 0)
		error = -errno;
	if (error == 0)
		return fd;
	fd_close(&fd);
	return error;
}

/* As a proxy would for itself: without it the request would be refused before the app sees it. */
static int introduce(const struct rehearsal *r, int fd)
{
	static const char version1[] = "PROXY UNKNOWN\r\n";
	static const char version2[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0"; /* LOCAL; its NUL counts */
	static const struct {
		const char *bytes;
		size_t size;
	} prefaces[] = {
		/* by the choices of proxy_protocol */
		{"", 0},
		{version1, sizeof(version1) - 1},
		{version2, sizeof(version2)},
		{version1, sizeof(version1) - 1},
	};
	uint64_t choice = r->stage.current->config.settings.proxy_protocol;
	size_t size = prefaces[choice].size;

	return send(fd, prefaces[choice].bytes, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -EPIPE;
}

/*
 * The first bytes of the answer, or 0 when none will come; meanwhile the worker may ask what its
 * filter refuses, as it does of the arbiter that it will have.
 */
static ssize_t hear(struct rehearsal *r, int fd, char *bytes, size_t size)
{
	const struct slot *slot = &r->stage.roster.slots[0];
	struct pollfd both[] = {
		{.fd = fd, .events = POLLIN},
		{.fd = r->stage.loop.epoll_fd, .events = POLLIN},
	};
	uint64_t until_ms = step_deadline(r);

	while (both[0].revents == 0 && roster_is_serving(slot) && clock_ms() < until_ms) {
		(void)poll(both, COUNT_OF(both), clock_timeout(until_ms, clock_ms()));
		(void)loop_wait(&r->stage.loop, 0);
		loop_dispatch(&r->stage.loop);
	}
	if (both[0].revents == 0)
		return 0;
	return recv(fd, bytes, size, MSG_WAITALL);
}

/* Any status will do: an app may have nothing at "/". That it answers is what counts. */
static int ask(struct rehearsal *r, struct text *why)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: narwhal\r\n"
				      "User-Agent: narwhal-trial\r\nConnection: close\r\n\r\n";
	static const char answer[] = "HTTP/1.1 ";
	char bytes[sizeof(answer) - 1];
	const struct timeval patience = {.tv_sec = (time_t)(r->patience_ms / 1000) + 1};
	FD_SCOPED fd = connect_worker(r);
	ssize_t n;

	if (fd < 0)
		return fd;
	if (r->patience_ms != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (introduce(r, fd) != 0 || send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) !=
					     (ssize_t)sizeof(request) - 1)
		return -EPIPE;
	n = hear(r, fd, bytes, sizeof(bytes));
	if (n == (ssize_t)sizeof(bytes) && memcmp(bytes, answer, sizeof(bytes)) == 0)
		return 0;
	text_add(why, "the worker did not answer a request");
	return -EPROTO;
}

/* In init mode they stay what they were set to at the start. */
static int read_program_settings(struct rehearsal *r, struct text *why)
{
	return program_obey(r->thawed->program, why);
}

struct step {
	const char *name;
	int (*run)(struct rehearsal *r, struct text *why);
	bool plays; /* the app is started */
};

static const struct step program_steps[] = {
	{"the way back", check_way_back, false},
	{"the settings", read_program_settings, false},
};

static const struct step steps[] = {
	{"the way back", check_way_back, false},
	{"the config", read_config, false},
	{"its stage", set_stage, false},
	{"a worker", start_worker, true},
	{"a request", ask, true},
};

/* A program that serves is not started only to be killed. */
static bool is_played(const struct rehearsal *r)
{
	return !outsider_is_wished(r->stage.current);
}

static int run_steps(struct rehearsal *r, struct text *why)
{
	bool is_service = r->thawed->program == NULL;
	const struct step *step = is_service ? steps : program_steps;
	const struct step *end = step + (is_service ? COUNT_OF(steps) : COUNT_OF(program_steps));
	int error = opening_prepare(&r->stage, why);

	for (; error == 0 && step < end; step++) {
		if (step->plays && !is_played(r))
			continue;
		report(r, "at ", step->name);
		error = step->run(r, why);
	}
	if (error != 0 && why->used == 0)
		text_add(why, strerror(-error));
	return error;
}

static int (*const trying[])(struct rehearsal *r, struct text *why) = {
	set_stage,
	start_worker,
	ask,
};

/* The worker must not speak of an arbiter that is gone. */
static void clear_stage(struct rehearsal *r)
{
	pid_t pid = r->stage.roster.slots[0].pid;

	if (pid > 0 && kill(pid, SIGKILL) == 0)
		(void)waitpid(pid, NULL, 0);
	r->stage.current->config = (struct config){0};
	opening_close(&r->stage);
}

int rehearsal_try(const struct config *config, struct text *why)
{
	struct rehearsal r = {.patience_ms = config->settings.boot_timeout};
	int error = opening_prepare(&r.stage, why);

	if (error != 0)
		return error;
	r.stage.current->config = *config; /* lent to it */
	r.stage.current->number = 1;
	for (size_t i = 0; error == 0 && i < COUNT_OF(trying); i++)
		error = trying[i](&r, why);
	if (error != 0 && why->used == 0)
		text_add(why, strerror(-error));
	clear_stage(&r);
	return error;
}

int rehearsal_run(const struct arbiter *thawed, const struct config_input *input)
{
	struct rehearsal r = {.thawed = thawed, .input = input};
	char bytes[TRIAL_WORD_MAX];
	struct text why = TEXT_OVER(bytes);
	int error = run_steps(&r, &why);

	report(&r, error == 0 ? TRIAL_PASSED : "", error == 0 ? NARWHAL_VERSION : bytes);
	return error == 0 ? EXIT_OK : EXIT_BOOT; /* its worker dies with it */
}
