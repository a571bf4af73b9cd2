#include "init/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "init/inherit.h"
#include "init/signals.h"

#define HURRY_MS 1000 /* between SIGTERM and SIGKILL */
#define RETRY_MS 1000 /* when no process could be had */
#define EXIT_NO_EXEC 127

int hooks_open(struct hooks *h, struct log *log, const struct descriptors *descriptors,
	struct text *why)
{
	void *memory = mmap(NULL, HOOKS_AT_ONCE * sizeof(*h->errors), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	*h = (struct hooks){
		.log = log,
		.descriptors = descriptors,
		.runs = calloc(HOOKS_AT_ONCE, sizeof(*h->runs)),
		.queue = calloc(HOOKS_WAITING, sizeof(*h->queue)),
		.errors = memory != MAP_FAILED ? memory : NULL,
	};
	if (h->runs != NULL && h->queue != NULL && h->errors != NULL)
		return 0;
	text_add(why, "no memory for the hooks");
	return -ENOMEM;
}

void hooks_close(struct hooks *h)
{
	for (size_t i = 0; h->runs != NULL && i < HOOKS_AT_ONCE; i++)
		hook_book_release(h->runs[i].book);
	for (; h->waiting > 0; h->waiting--)
		hook_book_release(h->queue[(h->first + h->waiting - 1) % HOOKS_WAITING].book);
	hook_book_release(h->book);
	free(h->runs);
	free(h->queue);
	if (h->errors != NULL)
		(void)munmap(h->errors, HOOKS_AT_ONCE * sizeof(*h->errors));
	*h = (struct hooks){0};
}

void hooks_use(struct hooks *h, struct hook_book *book)
{
	struct hook_book *before = h->book;

	h->book = hook_book_keep(book);
	hook_book_release(before);
	if (book != NULL && book != before && book->left_out[0] != '\0')
		log_warning(h->log, "hooks_left_out", log_string("files", book->left_out),
			log_string("reason", "not executable"));
}

static void add_name(struct text *facts, const char *name)
{
	text_add(facts, "NARWHAL_");
	for (; *name != '\0'; name++)
		text_add_char(facts, (char)(*name >= 'a' && *name <= 'z' ? *name - 32 : *name));
	text_add_char(facts, '=');
}

static void add_fact(struct text *facts, const struct log_field *fact)
{
	if (fact->kind == LOG_FIELD_STRING && fact->string == NULL)
		return;
	add_name(facts, fact->name);
	if (fact->kind == LOG_FIELD_STRING)
		text_add(facts, fact->string);
	else if (fact->kind == LOG_FIELD_INT)
		text_add_int(facts, (int64_t)fact->number);
	else
		text_add_uint(facts, fact->number);
	text_add_char(facts, '\n');
}

static void write_facts(struct hook_run *run, const struct log_field *facts)
{
	const struct log_field name = log_string("hook", hook_name(run->hook));
	struct text text = TEXT_OVER(run->facts);

	add_fact(&text, &name);
	for (; facts->kind != LOG_FIELD_END; facts++)
		add_fact(&text, facts);
	MUST(!text.cut);
}

/* In the child. */
static int set_environment(struct hook_run *run)
{
	char *next = run->facts;

	inherit_clear_environment();
	while (*next != '\0') {
		char *entry = strsep(&next, "\n");

		if (putenv(entry) != 0)
			return -errno;
	}
	return 0;
}

/* An empty standard input, the arbiter's standard error as output too, and nothing else. */
static int hand_down(void)
{
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int error = null_fd >= 0 ? fd_place(null_fd, STDIN_FILENO) : 0; /* no /dev: keep ours */

	if (error == 0)
		error = fd_place(STDERR_FILENO, STDOUT_FILENO);
	if (error == 0)
		error = fd_place(STDERR_FILENO, STDERR_FILENO);
	fd_disinherit_from(STDERR_FILENO + 1);
	return error;
}

/* In the child: becomes the hook, or leaves in `error` why not. */
NORETURN static void be_hook(const struct hooks *h, struct hook_run *run, int *error)
{
	char *path = run->book->file[run->file].path;
	char *argv[] = {path, NULL};

	(void)setsid(); /* its group can be ended as one; no terminal of ours is its own */
	/* The arbiter's umask is for sockets, and often 0: nobody else shall write a hook's files.
	 */
	(void)umask(umask(0) | S_IWGRP | S_IWOTH);
	*error = hand_down();
	if (*error == 0)
		*error = set_environment(run);
	if (*error == 0) {
		signals_restore();
		descriptors_give_back(h->descriptors);
		(void)execv(path, argv);
		*error = -errno;
	}
	_exit(EXIT_NO_EXEC);
}

static void log_failure(struct hooks *h, const struct hook_run *run, const struct log_field *how,
	uint64_t now_ms)
{
	enum log_level level = hook_is_fatal(run->hook) ? LOG_ERROR : LOG_WARNING;

	h->failures[run->hook]++;
	log_at(h->log, level, "hook_failed", log_string("hook", hook_name(run->hook)),
		log_string("file", run->book->file[run->file].path), log_int("pid", run->pid),
		log_uint("ms", now_ms - run->begun_ms), how[0], how[1]);
}

static void free_place(struct hook_run *run)
{
	hook_book_release(run->book);
	run->book = NULL;
	run->pid = 0;
}

/* Forks the file that is next, or asks for another try. */
static void launch(struct hooks *h, struct hook_run *run, uint64_t now_ms)
{
	int *error = &h->errors[run - h->runs];

	*error = 0;
	run->cause[0] = '\0';
	run->killed = false;
	run->pid = fork();
	if (run->pid == 0)
		be_hook(h, run, error);
	if (run->pid > 0) {
		run->deadline_ms = now_ms + run->book->timeout_ms;
		log_debug(h->log, "hook_started", log_string("hook", hook_name(run->hook)),
			log_string("file", run->book->file[run->file].path),
			log_int("pid", run->pid));
		return;
	}
	*error = -errno;
	run->pid = 0;
	run->deadline_ms = now_ms + RETRY_MS;
}

static void take_from_queue(struct hooks *h, struct hook_run *run, uint64_t now_ms)
{
	if (h->waiting == 0)
		return;
	*run = h->queue[h->first];
	h->first = (h->first + 1) % HOOKS_WAITING;
	h->waiting--;
	run->begun_ms = now_ms;
	launch(h, run, now_ms);
}

/* This file has ended; the occasion's next one has its turn, or else who waits for the place. */
static void go_on(struct hooks *h, struct hook_run *run, bool failed, uint64_t now_ms)
{
	run->file = hook_book_next(run->book, run->hook, run->file + 1);
	run->begun_ms = now_ms;
	if (run->file < run->book->count && !h->ended && !(failed && hook_is_fatal(run->hook))) {
		launch(h, run, now_ms);
		return;
	}
	free_place(run);
	take_from_queue(h, run, now_ms);
}

static struct hook_run *find_place(struct hooks *h)
{
	for (size_t i = 0; i < HOOKS_AT_ONCE; i++) {
		if (h->runs[i].book == NULL)
			return &h->runs[i];
	}
	return NULL;
}

void hooks_fire(struct hooks *h, enum hook hook, const struct log_field *facts, uint64_t now_ms)
{
	size_t file = h->book != NULL ? hook_book_next(h->book, hook, 0) : 0;
	struct hook_run *place, *run;

	if (h->ended || h->book == NULL || file == h->book->count)
		return;
	if (h->waiting == HOOKS_WAITING) {
		h->failures[hook]++;
		log_warning(h->log, "hook_dropped", log_string("hook", hook_name(hook)),
			log_uint("running", HOOKS_AT_ONCE), log_uint("waiting", h->waiting));
		return;
	}
	place = find_place(h);
	run = place != NULL ? place : &h->queue[(h->first + h->waiting++) % HOOKS_WAITING];
	run->book = hook_book_keep(h->book);
	run->hook = hook;
	run->file = file;
	run->pid = 0;
	run->begun_ms = now_ms;
	write_facts(run, facts);
	if (place != NULL)
		launch(h, run, now_ms);
}

static void signal_run(const struct hook_run *run, int number)
{
	/* The group, once the child has made it. */
	if (kill(-run->pid, number) != 0)
		(void)kill(run->pid, number);
}

static void set_cause(struct hook_run *run, const char *cause)
{
	struct text text = TEXT_OVER(run->cause);

	text_add(&text, cause);
}

static void end_run(struct hook_run *run, const char *cause, uint64_t now_ms)
{
	set_cause(run, cause);
	run->deadline_ms = now_ms + HURRY_MS;
	signal_run(run, SIGTERM);
}

static void overdue(struct hooks *h, struct hook_run *run, uint64_t now_ms)
{
	const struct log_field how[] = {log_string("cause", "fork"),
		log_errno("error", h->errors[run - h->runs])};

	if (run->pid == 0 && now_ms - run->begun_ms < run->book->timeout_ms) {
		launch(h, run, now_ms);
	} else if (run->pid == 0) {
		log_failure(h, run, how, now_ms);
		go_on(h, run, true, now_ms);
	} else if (run->cause[0] == '\0') {
		end_run(run, "timeout", now_ms);
	} else {
		run->killed = true;
		run->deadline_ms = CLOCK_NEVER;
		signal_run(run, SIGKILL);
	}
}

void hooks_turn(struct hooks *h, uint64_t now_ms)
{
	for (size_t i = 0; h->runs != NULL && i < HOOKS_AT_ONCE; i++) {
		if (h->runs[i].book != NULL && h->runs[i].deadline_ms <= now_ms)
			overdue(h, &h->runs[i], now_ms);
	}
}

uint64_t hooks_deadline(const struct hooks *h)
{
	uint64_t nearest = CLOCK_NEVER;

	for (size_t i = 0; h->runs != NULL && i < HOOKS_AT_ONCE; i++) {
		if (h->runs[i].book != NULL && h->runs[i].deadline_ms < nearest)
			nearest = h->runs[i].deadline_ms;
	}
	return nearest;
}

/* False: it ended well. */
static bool log_end(struct hooks *h, const struct hook_run *run, const siginfo_t *info,
	uint64_t now_ms)
{
	char bytes[32];
	struct text name = TEXT_OVER(bytes);
	int error = h->errors[run - h->runs];
	bool exited = info->si_code == CLD_EXITED;
	const char *abbreviation = exited ? NULL : sigabbrev_np(info->si_status);
	struct log_field how[2];

	text_printf(&name, "SIG%s", abbreviation != NULL ? abbreviation : "RT");
	how[0] = log_string("cause", run->cause[0] != '\0' ? run->cause
				     : error != 0	   ? "exec"
				     : exited		   ? "exit"
							   : "signal");
	how[1] = exited && error != 0 ? log_errno("error", error)
		 : exited	      ? log_int("status", info->si_status)
				      : log_string("signal", bytes);
	if (run->cause[0] != '\0' || !exited || info->si_status != 0) {
		log_failure(h, run, how, now_ms);
		return true;
	}
	log_debug(h->log, "hook_done", log_string("hook", hook_name(run->hook)),
		log_string("file", run->book->file[run->file].path), log_int("pid", run->pid),
		log_uint("ms", now_ms - run->begun_ms));
	return false;
}

bool hooks_reap(struct hooks *h, const siginfo_t *info, const char *cause, uint64_t now_ms)
{
	for (size_t i = 0; h->runs != NULL && i < HOOKS_AT_ONCE; i++) {
		struct hook_run *run = &h->runs[i];
		bool failed;

		if (run->book == NULL || run->pid != info->si_pid)
			continue;
		/* What is left of a group that we ended gets no second chance. */
		if (run->cause[0] != '\0')
			(void)kill(-run->pid, SIGKILL);
		else if (cause != NULL)
			set_cause(run, cause);
		failed = log_end(h, run, info, now_ms);
		go_on(h, run, failed, now_ms);
		return true;
	}
	return false;
}

size_t hooks_count(const struct hooks *h, enum hook hook)
{
	size_t count = 0;

	for (size_t i = 0; h->runs != NULL && i < HOOKS_AT_ONCE; i++) {
		const struct hook_run *run = &h->runs[i];

		count += run->book != NULL && (hook == HOOKS || run->hook == hook);
	}
	for (size_t i = 0; i < h->waiting; i++) {
		const struct hook_run *run = &h->queue[(h->first + i) % HOOKS_WAITING];

		count += hook == HOOKS || run->hook == hook;
	}
	return count;
}

void hooks_end(struct hooks *h, uint64_t now_ms)
{
	size_t count = hooks_count(h, HOOKS);

	if (h->ended)
		return;
	h->ended = true;
	if (count > 0)
		log_warning(h->log, "hooks_ended", log_uint("running", count - h->waiting),
			log_uint("waiting", h->waiting));
	for (; h->waiting > 0; h->waiting--) {
		hook_book_release(h->queue[h->first].book);
		h->first = (h->first + 1) % HOOKS_WAITING;
	}
	for (size_t i = 0; h->runs != NULL && i < HOOKS_AT_ONCE; i++) {
		struct hook_run *run = &h->runs[i];

		if (run->book != NULL && run->pid == 0)
			free_place(run);
		else if (run->book != NULL && run->cause[0] == '\0')
			end_run(run, "service_ends", now_ms);
	}
}
