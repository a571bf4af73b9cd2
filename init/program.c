#include "init/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exits.h"
#include "base/fd.h"
#include "base/log.h"
#include "init/arbiter.h"
#include "init/demise.h"
#include "init/inherit.h"
#include "init/launch.h"
#include "init/request.h"
#include "init/sweep.h"
#include "init/trial.h"

#define KILL_MS 1000 /* for those that SIGKILL ends late, or not: in a system call that hangs */

static void add_signal(struct program *p, const char *event, int from, int to)
{
	char from_bytes[16], to_bytes[16];
	struct text from_text = TEXT_OVER(from_bytes), to_text = TEXT_OVER(to_bytes);

	if (p->bearer->log.level > LOG_DEBUG)
		return;
	signal_name_add(from, &from_text);
	signal_name_add(to, &to_text);
	log_debug(&p->bearer->log, event, log_string("name", from_bytes),
		log_string("as", to_bytes), log_int("pid", p->forward.pid));
}

/* The stages of the end. */

static void end(struct program *p)
{
	p->stage = PROGRAM_OVER;
	p->deadline_ms = CLOCK_NEVER;
}

static void kill_others(struct program *p)
{
	p->stage = PROGRAM_KILLED;
	p->deadline_ms = clock_ms() + KILL_MS;
	sweep_signal(SIGKILL);
}

static void sweep_others(struct program *p)
{
	p->stage = PROGRAM_SWEPT;
	p->deadline_ms = clock_ms() + p->sweep_ms;
	sweep_signal(SIGTERM);
	sweep_signal(SIGCONT); /* one that is stopped ends only then */
}

static void look_at_end(struct program *p)
{
	if (p->stage == PROGRAM_RUNS || p->stage == PROGRAM_OVER)
		return;
	if (sweep_is_done())
		end(p);
	else if (p->stage == PROGRAM_KILLED)
		sweep_signal(SIGKILL); /* those who became ours by the deaths of others */
}

static void pass_deadline(struct program *p)
{
	if (p->stage == PROGRAM_SWEPT)
		kill_others(p);
	else
		end(p);
}

/* What children tell. */

static void end_program(struct program *p, const siginfo_t *info)
{
	int status = info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;

	log_debug(&p->bearer->log, "program_exit", log_int("pid", info->si_pid),
		log_string("cause", info->si_code == CLD_EXITED ? "exit" : "signal"),
		log_int("status", info->si_status));
	p->status = p->exits.to[status & 0xff];
	p->forward.pid = -1; /* from here on the number may be a stranger's */
	p->bearer->wish.phase = PHASE_GONE;
	if (p->given)
		terminal_take(&p->terminal, info->si_pid);
	if (p->sweep_ms > 0)
		sweep_others(p);
	else
		end(p);
}

/*
 * The terminal has stopped the program; we follow, as one job. If nobody could ever continue us
 * (docker run -it: there is no shell around PID 1), Ctrl-Z does nothing, as without us: the kernel
 * stops no group that nobody could continue (POSIX: an orphaned process group).
 */
static void follow_stop(struct program *p, int number)
{
	if (number == SIGSTOP && !p->stop_wished)
		return; /* sent to the program, not to us: somebody knows what they do */
	p->stopped = true;
	if (terminal_stop(p->given) || p->stop_wished || !p->given || number != SIGTSTP)
		return;
	p->stopped = false;
	(void)kill(-p->forward.pid, SIGCONT);
}

static void reap(struct program *p, const siginfo_t *unused)
{
	(void)unused;
	for (;;) {
		siginfo_t info = {0};

		/* __WALL: an orphan that was made by clone(2) with another exit signal, too. */
		if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG | __WALL) != 0 ||
			info.si_pid == 0)
			break;
		if (demise_is_trap(&info))
			continue;
		if (info.si_code != CLD_STOPPED && trial_reap(p->bearer, &info))
			continue;
		if (info.si_pid != p->forward.pid)
			log_debug(&p->bearer->log, "orphan_reaped", log_int("pid", info.si_pid),
				log_int("status", info.si_status));
		else if (info.si_code == CLD_STOPPED)
			follow_stop(p, info.si_status);
		else
			end_program(p, &info);
	}
	look_at_end(p);
}

/* Of a child, or of the status socket (status_socket.c). */
static void look_around(struct program *p, const siginfo_t *info)
{
	reap(p, info);
	status_socket_wake(p->bearer);
}

/* What others send. */

static void pass_on(struct program *p, const siginfo_t *info)
{
	int sent = forward_signal(&p->forward, info);

	add_signal(p, "signal_forwarded", info->si_signo, sent);
	if (info->si_code <= 0 &&
		(sent == SIGTSTP || sent == SIGTTIN || sent == SIGTTOU || sent == SIGSTOP))
		p->stop_wished = true;
}

/* A shell's fg puts us into the foreground first, and bg does not. */
static void resume(struct program *p, const siginfo_t *info)
{
	bool was_stopped = p->stopped;

	p->stop_wished = false;
	p->stopped = false;
	if (p->forward.pid < 0)
		return;
	if (terminal_is_ours(&p->terminal)) {
		p->given = true;
		terminal_give(&p->terminal, p->forward.pid);
	}
	if (was_stopped)
		(void)kill(-p->forward.pid, SIGCONT);
	else
		pass_on(p, info);
}

/* Asked to end while we wait for others to end: then they end now. */
static void hurry(struct program *p, const siginfo_t *info)
{
	if (p->stage == PROGRAM_SWEPT)
		kill_others(p);
	else
		pass_on(p, info);
}

/* SIGUSR2 is the program's, but not what `narwhal upgrade` sends. */
static void keep_request(struct program *p, const siginfo_t *info)
{
	uint64_t value = (uintptr_t)info->si_value.sival_ptr;
	int request = request_read(info->si_code, value);

	if (request >= 0)
		request_carry_out(p->bearer, request, value);
	else
		pass_on(p, info);
}

static const struct {
	int number;
	void (*act)(struct program *p, const siginfo_t *info);
} acts[] = {
	{SIGCHLD, look_around},
	{SIGCONT, resume},
	{SIGTERM, hurry},
	{SIGINT, hurry},
	{SIGUSR2, keep_request},
};

static void act(struct program *p, const siginfo_t *info)
{
	/* Our own doing, as SIGPIPE for a log line that nobody reads, is nobody's message. */
	if (info->si_code <= 0 && info->si_pid == getpid())
		return;
	for (size_t i = 0; i < COUNT_OF(acts); i++) {
		if (acts[i].number == info->si_signo) {
			acts[i].act(p, info);
			return;
		}
	}
	pass_on(p, info);
}

/* The loop. */

static uint64_t next_deadline(const struct program *p)
{
	const uint64_t deadlines[] = {p->deadline_ms, p->forward.retry_ms,
		upgrade_deadline(p->bearer), status_socket_deadline(p->bearer)};
	uint64_t next = CLOCK_NEVER;

	for (size_t i = 0; i < COUNT_OF(deadlines); i++)
		next = deadlines[i] < next ? deadlines[i] : next;
	return next;
}

static void wait_signal(struct program *p)
{
	int ms = clock_timeout(next_deadline(p), clock_ms());
	struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	siginfo_t info;
	sigset_t set;
	int number;

	memset(&set, 0xff, sizeof(set)); /* sigfillset(3) would leave out 32 and 33 */
	for (int n = SIGRTMIN; forward_is_full(&p->forward) && n <= SIGRTMAX; n++)
		(void)sigdelset(&set, n);
	/* EINTR: we were stopped and continued; EAGAIN: a deadline. */
	number = sigtimedwait(&set, &info, ms < 0 ? NULL : &timeout);
	p->bearer->now_ms = clock_ms();
	if (number > 0)
		act(p, &info);
}

int program_live(struct program *p)
{
	reap(p, NULL); /* the SIGCHLD may have been the image's before this one */
	while (p->stage != PROGRAM_OVER) {
		wait_signal(p);
		if (p->deadline_ms <= p->bearer->now_ms)
			pass_deadline(p);
		if (p->forward.retry_ms <= p->bearer->now_ms)
			forward_retry(&p->forward);
		upgrade_turn(p->bearer); /* it may exec: nothing that was read is left to be done */
		status_socket_turn(p->bearer);
	}
	terminal_close(&p->terminal);
	return p->status;
}

/* The beginning. */

void program_init(struct program *p, struct arbiter *bearer)
{
	*p = (struct program){
		.bearer = bearer,
		.forward = {.pid = -1, .retry_ms = CLOCK_NEVER},
		.terminal = {.fd = -1},
		.deadline_ms = CLOCK_NEVER,
	};
	bearer->program = p;
}

/* Tells the kernel who we are. What it refuses costs that one thing, and is told. */
static void settle(struct program *p)
{
	if (getpid() != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		log_warning(&p->bearer->log, "subreaper_refused", log_errno("error", errno));
	if (p->death_signal != 0 && prctl(PR_SET_PDEATHSIG, p->death_signal) != 0)
		log_warning(&p->bearer->log, "parent_death_signal_refused",
			log_errno("error", errno));
	terminal_open(&p->terminal);
	p->bearer->ready_ms = p->bearer->now_ms;
}

/* Whom the terminal was given to, the heirloom knows; and who died meanwhile, the kernel. */
int program_adopt(struct program *p, struct text *why)
{
	int error = program_obey(p, why);

	if (error != 0)
		return error;
	settle(p);
	p->forward.retry_ms = p->bearer->now_ms;
	return 0;
}

static int start(struct program *p, struct launch *launch, struct text *why)
{
	settle(p);
	p->given = terminal_is_ours(&p->terminal);
	launch->terminal = p->given ? &p->terminal : NULL;
	p->forward.pid = launch_program(launch);
	if (p->forward.pid >= 0) { /* which did not have to wait for this */
		status_socket_open(p->bearer);
		return 0;
	}
	text_printf(why, "no process for the program: %s", strerror(-p->forward.pid));
	return p->forward.pid;
}

/* Of an arbiter as much as bears an upgrade: see upgrade.h. `config` lends its settings. */
static struct arbiter *make_bearer(const struct config *config, const struct config_input *input)
{
	struct arbiter *bearer = calloc(1, sizeof(*bearer));

	if (bearer == NULL)
		return NULL;
	bearer->input = input;
	bearer->current = &bearer->made[0];
	bearer->current->number = 1;
	bearer->current->image_fd = -1;
	bearer->current->certificates = (struct certificates){-1, -1};
	bearer->current->config.settings = config->settings;
	bearer->loop.epoll_fd = bearer->start_fd = -1;
	bearer->now_ms = bearer->born_ms = clock_ms();
	status_socket_init(&bearer->status);
	upgrade_init(&bearer->upgrade);
	return bearer;
}

static void free_bearer(struct arbiter *bearer)
{
	if (bearer != NULL) {
		status_socket_close(bearer);
		upgrade_close(&bearer->upgrade);
	}
	free(bearer);
}

static int begin(struct program *p, const struct config *config, struct launch *launch,
	struct text *why)
{
	int error = program_check(config, why);

	if (error == 0)
		error = program_obey(p, why);
	if (error == 0)
		error = upgrade_open(p->bearer, why);
	return error == 0 ? start(p, launch, why) : error;
}

int program_run(const struct config *config, const struct config_input *input,
	const struct signals_found *found)
{
	struct inherit_question question = inherit_question();
	struct inherit inherit = {0};
	struct launch launch = {.argv = config->program, .signals = found};
	struct arbiter *bearer = make_bearer(config, input);
	struct program p;
	char bytes[1024] = "no memory";
	struct text why = TEXT_OVER(bytes);
	int error = bearer != NULL ? inherit_read(&question, getpid(), &inherit, &why) : -ENOMEM;
	int status = EXIT_USAGE;

	if (error == 0) { /* before anything of our own is opened */
		fd_close_strangers(INHERIT_FIRST + (int)inherit.count, input->directory_fd);
		launch.listeners = inherit.count;
		program_init(&p, bearer);
		error = begin(&p, config, &launch, &why);
	}
	if (error == 0)
		status = program_live(&p);
	else
		(void)fprintf(stderr, "narwhal: %s\n", bytes);
	free_bearer(bearer);
	return status;
}
