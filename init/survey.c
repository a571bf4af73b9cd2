#include "init/survey.h"

#include <string.h>
#include <sys/capability.h>

#include "base/quantity.h"
#include "base/text.h"
#include "seccomp/capability.h"
#include "seccomp/landlock.h"

#define LANDLOCK_WHOLE 6 /* the first ABI that keeps all in that a worker should not reach */

/* Of each worker: itself, and its successor while a reload is under way. The rest: hooks. */
#define PROCESSES_EACH 2
#define PROCESSES_BESIDE 8

/* A finding while it is written. */
struct judgement {
	struct finding *finding;
	struct text found, wanted;
};

const struct survey_words survey_words[SURVEY_ROWS] = {
#define SURVEY(name, what, docker, kubernetes, otherwise) \
	[SURVEY_##name] = {what, docker, kubernetes, otherwise},
#include "init/survey.def"
#undef SURVEY
};

static void want(struct judgement *j, enum verdict verdict, const char *wanted)
{
	j->finding->verdict = verdict;
	text_add(&j->wanted, wanted);
}

/* "yes", or the verdict and what is wanted instead of "no". */
static void require(struct judgement *j, bool is_there, enum verdict otherwise, const char *wanted)
{
	text_add(&j->found, is_there ? "yes" : "no");
	if (!is_there)
		want(j, otherwise, wanted);
}

static void require_call(struct judgement *j, int error, enum verdict otherwise)
{
	text_add(&j->found, error == 0 ? "yes" : strerror(-error));
	if (error != 0)
		want(j, otherwise, "yes");
}

static void add_limit(struct text *text, uint64_t limit)
{
	if (limit == SURVEY_NONE)
		text_add(text, "none");
	else
		text_add_uint(text, limit);
}

static void judge_settings(const struct survey_facts *f, struct judgement *j)
{
	text_add(&j->found, f->settings_why[0] != '\0' ? f->settings_why : "good");
	if (f->settings_why[0] != '\0')
		want(j, VERDICT_MISSING, "good");
}

/* Another id is no fault: it becomes a subreaper, and gets orphans all the same. */
static void judge_pid(const struct survey_facts *f, struct judgement *j)
{
	text_add_int(&j->found, f->pid);
	if (f->pid != 1)
		text_add(&j->found, ", as a subreaper");
}

static void judge_proc(const struct survey_facts *f, struct judgement *j)
{
	text_add(&j->found, f->proc_error == 0 ? "readable" : strerror(-f->proc_error));
	if (f->proc_error != 0)
		want(j, VERDICT_ADVICE, "readable");
}

static bool has(const struct survey_facts *f, int capability)
{
	return (f->held & CAPABILITY_OF(capability)) != 0;
}

static bool changes_user(const struct survey_facts *f)
{
	return f->uid == 0 && f->worker_uid != 0;
}

static void judge_identity(const struct survey_facts *f, struct judgement *j)
{
	text_printf(&j->found, "uid %u", (unsigned)f->worker_uid);
	if (changes_user(f) && !(has(f, CAP_SETUID) && has(f, CAP_SETGID))) {
		text_printf(&j->found, ", and uid %u cannot become it", (unsigned)f->uid);
		want(j, VERDICT_MISSING, "CAP_SETUID, CAP_SETGID");
	} else if (f->worker_uid == 0) {
		want(j, VERDICT_ADVICE, "not root");
	}
}

static void judge_control(const struct survey_facts *f, struct judgement *j)
{
	require(j, !changes_user(f) || has(f, CAP_KILL), VERDICT_MISSING, "CAP_KILL");
}

/* What is not in the five sets cannot come back under no_new_privs: that one is the second lock. */
static void judge_bounds(const struct survey_facts *f, struct judgement *j)
{
	if (f->uid != 0) {
		text_add(&j->found, "not root's");
		return;
	}
	text_add(&j->found, has(f, CAP_SETPCAP) ? "workers empty it" : "stays as it is");
	if (!has(f, CAP_SETPCAP))
		want(j, VERDICT_ADVICE, "CAP_SETPCAP");
}

/* What cannot be done for want of them: docs/SANDBOX.md has the table. */
static void judge_duties(const struct survey_facts *f, struct judgement *j)
{
	uint64_t lacking = f->uid == 0 ? f->duties & ~f->held : 0;

	if (lacking == 0)
		text_add(&j->found, "all of it");
	for (int i = 0; i < 64; i++) {
		if ((lacking & CAPABILITY_OF(i)) == 0)
			continue;
		text_add(&j->found, j->found.used == 0 ? "lacks " : ", ");
		capability_add_name(i, &j->found);
	}
	if (lacking != 0)
		want(j, VERDICT_ADVICE, "them");
}

static void judge_ports(const struct survey_facts *f, struct judgement *j)
{
	bool is_free = f->port == 0 || f->port >= f->free_port || has(f, CAP_NET_BIND_SERVICE);

	if (f->port == 0)
		text_add(&j->found, "none");
	else
		text_printf(&j->found, "%u, %s", f->port,
			is_free ? "free to bind" : "for privileged programs alone");
	if (!is_free)
		want(j, VERDICT_MISSING, "CAP_NET_BIND_SERVICE");
}

static void judge_no_new(const struct survey_facts *f, struct judgement *j)
{
	text_add(&j->found, f->no_new_privs ? "set" : "set by workers for themselves");
	if (!f->no_new_privs)
		want(j, VERDICT_ADVICE, "set for all");
}

static void judge_seccomp(const struct survey_facts *f, struct judgement *j)
{
	require_call(j, f->seccomp_error, f->filters ? VERDICT_MISSING : VERDICT_ADVICE);
	if (f->filtered)
		text_add(&j->found, ", inside another filter");
}

static void judge_notify(const struct survey_facts *f, struct judgement *j)
{
	require_call(j, f->notify_error, VERDICT_ADVICE);
}

static void judge_landlock(const struct survey_facts *f, struct judgement *j)
{
	enum verdict verdict =
		f->landlock_choice == LANDLOCK_REQUIRE ? VERDICT_MISSING : VERDICT_ADVICE;

	if (f->landlock < 0)
		text_add(&j->found, strerror(-f->landlock));
	else
		text_printf(&j->found, "ABI %d", f->landlock);
	if (f->landlock_choice == LANDLOCK_OFF)
		text_add(&j->found, ", and not used");
	else if (f->landlock < 0)
		want(j, verdict, "ABI 6");
	else if (f->landlock < LANDLOCK_WHOLE)
		want(j, VERDICT_ADVICE, "ABI 6");
}

static void judge_ktls(const struct survey_facts *f, struct judgement *j)
{
	if (!f->ktls)
		text_add(&j->found, "not used");
	else
		require_call(j, f->ktls_error, VERDICT_ADVICE);
}

static void judge_read_only(const struct survey_facts *f, struct judgement *j)
{
	text_add(&j->found, f->read_only ? "read-only" : "writable");
	if (!f->read_only)
		want(j, VERDICT_ADVICE, "read-only");
}

static void judge_writable(const struct survey_facts *f, struct judgement *j)
{
	text_add(&j->found, f->unwritable[0] != '\0' ? f->unwritable : "yes");
	if (f->unwritable[0] != '\0')
		want(j, VERDICT_MISSING, "writable");
}

static void judge_memory(const struct survey_facts *f, struct judgement *j)
{
	if (f->memory == SURVEY_NONE)
		text_add(&j->found, "none");
	else
		quantity_add_size(f->memory, &j->found);
	if (f->memory != SURVEY_NONE && f->memory >= f->memory_wanted)
		return;
	want(j, VERDICT_ADVICE, "");
	quantity_add_size(f->memory_wanted, &j->wanted);
}

static void judge_cpus(const struct survey_facts *f, struct judgement *j)
{
	text_add_uint(&j->found, f->cpus);
	if (f->quota != SURVEY_NONE)
		text_printf(&j->found, ", of which %llu.%03llu",
			(unsigned long long)f->quota / 1000, (unsigned long long)f->quota % 1000);
}

static void judge_processes(const struct survey_facts *f, struct judgement *j)
{
	uint64_t wanted = f->workers * PROCESSES_EACH + PROCESSES_BESIDE;

	add_limit(&j->found, f->processes);
	if (f->processes != SURVEY_NONE && f->processes >= wanted)
		return;
	want(j, f->processes <= f->workers ? VERDICT_MISSING : VERDICT_ADVICE, "");
	text_add_uint(&j->wanted, wanted);
}

static void judge_files(const struct survey_facts *f, struct judgement *j)
{
	add_limit(&j->found, f->files);
	if (f->files >= f->files_wanted)
		return;
	want(j, VERDICT_ADVICE, "");
	text_add_uint(&j->wanted, f->files_wanted);
}

static void judge_backlog(const struct survey_facts *f, struct judgement *j)
{
	add_limit(&j->found, f->backlog);
	if (f->backlog >= f->backlog_wanted)
		return;
	want(j, VERDICT_ADVICE, "");
	text_add_uint(&j->wanted, f->backlog_wanted);
}

static void judge_memfd(const struct survey_facts *f, struct judgement *j)
{
	require_call(j, f->memfd_error, VERDICT_MISSING);
}

static void judge_pidfd(const struct survey_facts *f, struct judgement *j)
{
	require_call(j, f->pidfd_error, VERDICT_ADVICE);
}

static void judge_oom(const struct survey_facts *f, struct judgement *j)
{
	require(j, f->counts_oom, VERDICT_ADVICE, "to tell its kills from others");
}

static void judge_swap(const struct survey_facts *f, struct judgement *j)
{
	text_add(&j->found, f->swaps ? "on" : "off");
	if (f->swaps)
		want(j, VERDICT_ADVICE, "off");
}

static void judge_worker(const struct survey_facts *f, struct judgement *j)
{
	if (f->is_program && f->settings_why[0] == '\0') {
		text_add(&j->found, "a program that is there; not started");
		return;
	}
	if (!f->tried)
		text_add(&j->found, "not tried");
	else
		text_add(&j->found, f->worker_why[0] != '\0' ? f->worker_why : "answers a request");
	if (!f->tried || f->worker_why[0] != '\0')
		want(j, VERDICT_MISSING, "answers a request");
}

static void (*const judges[SURVEY_ROWS])(const struct survey_facts *, struct judgement *) = {
#define SURVEY(name, what, docker, kubernetes, otherwise) [SURVEY_##name] = judge_##name,
#include "init/survey.def"
#undef SURVEY
};

void survey_judge(const struct survey_facts *facts, enum survey_row row, struct finding *finding)
{
	struct judgement judgement = {.finding = finding};

	finding->verdict = VERDICT_OK;
	judgement.found = TEXT_OVER(finding->found);
	judgement.wanted = TEXT_OVER(finding->wanted);
	judges[row](facts, &judgement);
}
