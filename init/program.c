#include "init/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exits.h"
#include "base/fd.h"
#include "base/log.h"
#include "init/forward.h"
#include "init/inherit.h"
#include "init/launch.h"
#include "init/mapping.h"
#include "init/request.h"
#include "init/sweep.h"
#include "init/terminal.h"

#define KILL_MS 1000 /* for those that SIGKILL ends late, or not: in a system call that hangs */

enum stage {
	STAGE_RUNS,  /* the program does */
	STAGE_SWEPT, /* the others have got SIGTERM */
	STAGE_KILLED,
	STAGE_OVER,
};

struct program {
	struct log log;
	struct exit_mapping exits;
	struct forward forward;
	struct terminal terminal;
	bool given;	   /* the terminal was ours, and is the program's */
	bool stop_wished;  /* somebody sent us a stop for it: nobody but SIGCONT undoes that */
	bool stopped;	   /* with all of its group, by the terminal */
	int death_signal;  /* 0: none */
	uint64_t sweep_ms; /* the setting */
	enum stage stage;
	uint64_t deadline_ms; /* of the stage */
	int status;	      /* to exit with */
};

static void add_signal(struct program *p, const char *event, int from, int to)
{
	char from_bytes[16], to_bytes[16];
	struct text from_text = TEXT_OVER(from_bytes), to_text = TEXT_OVER(to_bytes);

	if (p->log.level > LOG_DEBUG)
		return;
	signal_name_add(from, &from_text);
	signal_name_add(to, &to_text);
	log_debug(&p->log, event, log_string("name", from_bytes), log_string("as", to_bytes),
		log_int("pid", p->forward.pid));
}

/* The stages of the end. */

static void end(struct program *p)
{
	p->stage = STAGE_OVER;
	p->deadline_ms = CLOCK_NEVER;
}

static void kill_others(struct program *p)
{
	p->stage = STAGE_KILLED;
	p->deadline_ms = clock_ms() + KILL_MS;
	sweep_signal(SIGKILL);
}

static void sweep_others(struct program *p)
{
	p->stage = STAGE_SWEPT;
	p->deadline_ms = clock_ms() + p->sweep_ms;
	sweep_signal(SIGTERM);
	sweep_signal(SIGCONT); /* one that is stopped ends only then */
}

static void look_at_end(struct program *p)
{
	if (p->stage == STAGE_RUNS || p->stage == STAGE_OVER)
		return;
	if (sweep_is_done())
		end(p);
	else if (p->stage == STAGE_KILLED)
		sweep_signal(SIGKILL); /* those who became ours by the deaths of others */
}

static void pass_deadline(struct program *p)
{
	if (p->stage == STAGE_SWEPT)
		kill_others(p);
	else
		end(p);
}

/* What children tell. */

static void end_program(struct program *p, const siginfo_t *info)
{
	int status = info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;

	log_debug(&p->log, "program_exit", log_int("pid", info->si_pid),
		log_string("cause", info->si_code == CLD_EXITED ? "exit" : "signal"),
		log_int("status", info->si_status));
	p->status = p->exits.to[status & 0xff];
	p->forward.pid = -1; /* from here on the number may be a stranger's */
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
		if (info.si_pid != p->forward.pid)
			log_debug(&p->log, "orphan_reaped", log_int("pid", info.si_pid),
				log_int("status", info.si_status));
		else if (info.si_code == CLD_STOPPED)
			follow_stop(p, info.si_status);
		else
			end_program(p, &info);
	}
	look_at_end(p);
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
	if (p->stage == STAGE_SWEPT)
		kill_others(p);
	else
		pass_on(p, info);
}

/* SIGUSR2 is the program's, but not what `narwhal upgrade` sends. */
static void keep_request(struct program *p, const siginfo_t *info)
{
	if (request_read(info->si_code, info->si_value.sival_int) >= 0)
		log_warning(&p->log, "upgrade_refused",
			log_string("reason", "init mode knows no upgrade"));
	else
		pass_on(p, info);
}

static const struct {
	int number;
	void (*act)(struct program *p, const siginfo_t *info);
} acts[] = {
	{SIGCHLD, reap},
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

static void wait_signal(struct program *p)
{
	uint64_t retry_ms = p->forward.retry_ms;
	int ms = clock_timeout(p->deadline_ms < retry_ms ? p->deadline_ms : retry_ms, clock_ms());
	struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	siginfo_t info;
	sigset_t set;

	memset(&set, 0xff, sizeof(set)); /* sigfillset(3) would leave out 32 and 33 */
	for (int n = SIGRTMIN; forward_is_full(&p->forward) && n <= SIGRTMAX; n++)
		(void)sigdelset(&set, n);
	/* EINTR: we were stopped and continued; EAGAIN: a deadline. */
	if (sigtimedwait(&set, &info, ms < 0 ? NULL : &timeout) > 0)
		act(p, &info);
}

static void turn_loop(struct program *p)
{
	while (p->stage != STAGE_OVER) {
		wait_signal(p);
		if (p->deadline_ms != CLOCK_NEVER && p->deadline_ms <= clock_ms())
			pass_deadline(p);
		if (p->forward.retry_ms <= clock_ms())
			forward_retry(&p->forward);
	}
}

/* The beginning. */

static int read_death_signal(struct program *p, const char *name, struct text *why)
{
	if (name == NULL || signal_name_read(name, strlen(name), &p->death_signal) == 0)
		return 0;
	text_add(why, "parent_death_signal: \"");
	text_add_escaped(why, name, strlen(name), false);
	text_add(why, "\" is no signal: allowed are names and numbers, as in TERM or 15");
	return -EINVAL;
}

static int read_settings(struct program *p, const struct settings *s, struct text *why)
{
	int error = mapping_read_exits(s->map_exit, &p->exits, why);

	p->log = (struct log){
		.fd = log_descriptor(STDERR_FILENO),
		.level = (enum log_level)s->loglevel,
		.json = s->log_format == 1,
	};
	p->forward.group = s->signal_group;
	p->sweep_ms = s->sweep_timeout;
	if (error == 0)
		error = mapping_read_signals(s->rewrite_signal, &p->forward.rewrites, why);
	if (error == 0)
		error = read_death_signal(p, s->parent_death_signal, why);
	return error;
}

/* Tells the kernel who we are. What it refuses costs that one thing, and is told. */
static void settle(struct program *p)
{
	if (getpid() != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		log_warning(&p->log, "subreaper_refused", log_errno("error", errno));
	if (p->death_signal != 0 && prctl(PR_SET_PDEATHSIG, p->death_signal) != 0)
		log_warning(&p->log, "parent_death_signal_refused", log_errno("error", errno));
	terminal_open(&p->terminal);
	p->given = terminal_is_ours(&p->terminal);
}

static int start(struct program *p, const struct launch *launch, struct text *why)
{
	p->forward.pid = launch_program(launch);
	if (p->forward.pid >= 0)
		return 0;
	text_printf(why, "no process for the program: %s", strerror(-p->forward.pid));
	return p->forward.pid;
}

/* Settings that a program would have to obey: to pass over one in silence would be a lie. */
static const enum setting_id refused[] = {
	SETTING_ID_user,
	SETTING_ID_group,
	SETTING_ID_chdir,
	SETTING_ID_umask,
};

static int refuse_settings(const struct config *config, struct text *why)
{
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		if (config->origin[refused[i]].source == CONFIG_DEFAULT)
			continue;
		text_add(why, settings_table[refused[i]].name);
		text_add(why, " (from ");
		config_add_origin(config, refused[i], why);
		text_add(why, "): is for workers; a program behind -- keeps what narwhal was "
			      "started with");
		return -EINVAL;
	}
	return 0;
}

bool program_is_wished(const struct config *config)
{
	return config->program != NULL && config->origin[SETTING_ID_bind].source <= CONFIG_PLATFORM;
}

static int prepare(struct program *p, const struct config *config, struct text *why)
{
	int error = refuse_settings(config, why);

	*p = (struct program){
		.forward = {.pid = -1, .retry_ms = CLOCK_NEVER},
		.terminal = {.fd = -1},
		.deadline_ms = CLOCK_NEVER,
	};
	return error == 0 ? read_settings(p, &config->settings, why) : error;
}

int program_check(const struct config *config, struct text *why)
{
	struct program p;

	return prepare(&p, config, why);
}

int program_run(const struct config *config, const struct config_input *input,
	const struct signals_found *found)
{
	struct inherit_question question = inherit_question();
	struct inherit inherit = {0};
	struct launch launch = {.argv = config->program, .signals = found};
	struct program p;
	char bytes[1024];
	struct text why = TEXT_OVER(bytes);
	int error = inherit_read(&question, getpid(), &inherit, &why);

	if (error == 0) { /* before anything of our own is opened */
		fd_close_strangers(INHERIT_FIRST + (int)inherit.count, input->directory_fd);
		error = prepare(&p, config, &why);
	}
	if (error == 0) {
		settle(&p);
		launch.listeners = inherit.count;
		launch.terminal = p.given ? &p.terminal : NULL;
		error = start(&p, &launch, &why);
	}
	if (error != 0) {
		(void)fprintf(stderr, "narwhal: %s\n", bytes);
		return EXIT_USAGE;
	}
	turn_loop(&p);
	terminal_close(&p.terminal);
	return p.status;
}
