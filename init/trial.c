#include "init/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/exits.h"
#include "base/fd.h"
#include "init/departure.h"
#include "init/heirloom.h"

#define WORDS_MAX 16 /* that are read of it */

/* What the child is born with. */
struct birth {
	int report_fd, printed_fd, heirloom_fd;
};

static int hand_down(const struct arbiter *a, const struct birth *birth)
{
	const int *image_fd = &a->upgrade.other.fd;
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int error = null_fd >= 0 ? fd_place(null_fd, STDIN_FILENO) : 0; /* no /dev: keep ours */

	fd_disinherit_from(STDERR_FILENO + 1);
	if (error == 0)
		error = fd_place(birth->printed_fd, STDOUT_FILENO);
	if (error == 0)
		error = fd_place(birth->printed_fd, STDERR_FILENO);
	if (error == 0)
		error = fd_replace(*image_fd + 1, birth->heirloom_fd);
	if (error == 0)
		error = fd_inherit(*image_fd + 1);
	if (error == 0)
		error = fd_inherit(*image_fd);
	if (error == 0)
		error = fd_inherit(birth->report_fd);
	if (error == 0 && a->start_fd >= 0)
		error = fd_inherit(a->start_fd);
	return error;
}

/* Begins as the real one will: every signal blocked, the same argv and environment. */
NORETURN static void be_trial(const struct arbiter *a, const struct birth *birth)
{
	char bytes[TRIAL_WORD_MAX];
	struct text word = TEXT_OVER(bytes);
	int error;

	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L);
	error = hand_down(a, birth);
	if (error == 0) {
		descriptors_give_back(&a->descriptors);
		(void)execveat(a->upgrade.other.fd, "", a->input->argv, a->input->envp,
			AT_EMPTY_PATH);
		error = -errno;
	}
	text_printf(&word, "cannot be executed: %s", strerror(-error));
	(void)!write(birth->report_fd, word.bytes, word.used);
	_exit(EXIT_BOOT);
}

static int open_lines(struct arbiter *a, struct birth *birth)
{
	int error = channel_pair(&a->upgrade.report_fd, &birth->report_fd);

	return error == 0 ? printed_open(&a->upgrade.printed, &birth->printed_fd) : error;
}

/* In the copy, the line to report on is the child's end. */
static int freeze_copy(struct arbiter *a, struct birth *birth, struct text *why)
{
	int own_fd = a->upgrade.report_fd;

	a->upgrade.reads = HEIRLOOM_VERSION;
	a->upgrade.report_fd = birth->report_fd;
	birth->heirloom_fd = departure_freeze(a, HEIRLOOM_VERSION, why);
	a->upgrade.report_fd = own_fd;
	return birth->heirloom_fd < 0 ? birth->heirloom_fd : 0;
}

static int fork_trial(struct arbiter *a, const struct birth *birth)
{
	pid_t pid = fork();

	if (pid == 0)
		be_trial(a, birth);
	if (pid < 0)
		return -errno;
	(void)setpgid(pid, pid); /* here too: whoever is first, its group can be ended */
	a->upgrade.trial = pid;
	return 0;
}

int trial_begin(struct arbiter *a, struct text *why)
{
	struct birth birth = {-1, -1, -1};
	int error = open_lines(a, &birth);

	if (error == 0)
		error = freeze_copy(a, &birth, why);
	if (error == 0)
		error = fork_trial(a, &birth);
	if (error == 0 &&
		a->program == NULL) /* init mode has no loop, and its trial prints little */
		error = printed_watch(&a->upgrade.printed, &a->loop);
	if (error != 0 && why->used == 0)
		text_printf(why, "no process for the trial: %s", strerror(-error));
	fd_close(&birth.report_fd);
	fd_close(&birth.printed_fd);
	fd_close(&birth.heirloom_fd);
	return error;
}

/* The last one that there is. */
static void read_word(const struct arbiter *a, char word[static TRIAL_WORD_MAX])
{
	word[0] = '\0';
	for (int i = 0; i < WORDS_MAX; i++) {
		char bytes[TRIAL_WORD_MAX];
		ssize_t n = read(a->upgrade.report_fd, bytes, sizeof(bytes) - 1);

		if (n <= 0)
			return;
		memcpy(word, bytes, (size_t)n);
		word[n] = '\0';
	}
}

bool trial_judge(struct arbiter *a, const char *end, struct text *reason)
{
	const char *printed = a->upgrade.printed.tail;
	char word[TRIAL_WORD_MAX];

	read_word(a, word);
	printed_read(&a->upgrade.printed);
	if (strncmp(word, TRIAL_PASSED, sizeof(TRIAL_PASSED) - 1) == 0 && end == NULL)
		return true;
	text_add(reason, "the trial: ");
	text_add(reason, word[0] != '\0' ? word : "it did not answer as a narwhal does");
	if (end != NULL)
		text_printf(reason, "; %s", end);
	if (printed[0] != '\0')
		text_printf(reason, "; it printed: %s", printed);
	return false;
}

static const char *name_end(const siginfo_t *info, char *bytes, size_t size)
{
	const char *name = sigabbrev_np(info->si_status);

	if (info->si_code == CLD_EXITED && info->si_status == EXIT_OK)
		return NULL;
	if (info->si_code == CLD_EXITED)
		(void)snprintf(bytes, size, "exit status %d", info->si_status);
	else
		(void)snprintf(bytes, size, "SIG%s", name != NULL ? name : "RT");
	return bytes;
}

bool trial_reap(struct arbiter *a, const siginfo_t *info)
{
	char end[32], bytes[sizeof(a->upgrade.reason)];
	struct text reason = TEXT_OVER(bytes);
	bool passed;

	if (a->upgrade.trial == 0 || info->si_pid != a->upgrade.trial)
		return false;
	a->upgrade.trial = 0;
	(void)kill(-info->si_pid, SIGKILL); /* what it left running was a trial, too */
	passed = trial_judge(a, name_end(info, end, sizeof(end)), &reason);
	trial_end(a);
	(void)upgrade_step(a, passed ? UPGRADE_EVENT_PASSED : UPGRADE_EVENT_FAILED,
		passed ? NULL : bytes);
	return true;
}

void trial_kill(const struct arbiter *a)
{
	if (a->upgrade.trial == 0)
		return;
	(void)kill(-a->upgrade.trial, SIGKILL);
	(void)kill(a->upgrade.trial, SIGKILL);
}

void trial_end(struct arbiter *a)
{
	struct upgrade *u = &a->upgrade;

	trial_kill(a);
	u->trial = 0;
	fd_close(&u->report_fd);
	printed_close(&u->printed);
}
