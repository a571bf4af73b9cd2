/*
 * survey.h - what this container permits, held against what the settings ask for: one judgement for
 * each row of survey.def.
 *
 * Pure. The facts are survey_facts.h's; printing is survey_report.h's.
 */
#ifndef INIT_SURVEY_H
#define INIT_SURVEY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

enum survey_row {
#define SURVEY(name, what, docker, kubernetes, otherwise) SURVEY_##name,
#include "init/survey.def"
#undef SURVEY
	SURVEY_ROWS
};

struct survey_words {
	const char *what, *docker, *kubernetes, *otherwise;
};
extern const struct survey_words survey_words[SURVEY_ROWS];

#define SURVEY_NONE UINT64_MAX /* of a limit: there is none */
#define SURVEY_WHY 512

/* Errors are -errno, or 0; what is "for" something was asked of the settings. */
struct survey_facts {
	char settings_why[SURVEY_WHY]; /* "": they are good */
	char worker_why[SURVEY_WHY];   /* "": one has answered a request */
	bool tried;		       /* a worker was started */
	bool is_program;	       /* it would be a program behind --: none is started */

	pid_t pid;
	uid_t uid, worker_uid;
	uint64_t held, duties; /* capabilities: ours, and those that the arbiter's work wants */
	bool no_new_privs;
	unsigned port, free_port; /* the lowest that is wanted, or 0; the lowest that is for all */

	int proc_error, memfd_error, pidfd_error, seccomp_error, notify_error;
	bool filtered; /* a seccomp filter is around us */
	bool filters;  /* and workers shall have their own */
	int landlock;  /* the ABI, or -errno */
	uint64_t landlock_choice;
	bool ktls;
	int ktls_error;

	bool read_only;
	char unwritable[256]; /* a file of the settings that cannot be written, or "" */
	uint64_t memory, memory_wanted;
	uint64_t quota; /* thousandths of a CPU */
	uint64_t cpus, workers;
	uint64_t processes;
	uint64_t files, files_wanted;
	uint64_t backlog, backlog_wanted;
	bool counts_oom, swaps;
};

enum verdict {
	VERDICT_OK,
	VERDICT_ADVICE,	 /* it will serve; better or safer with what is wanted */
	VERDICT_MISSING, /* it will not start as the settings wish */
};

struct finding {
	enum verdict verdict;
	char found[SURVEY_WHY];
	char wanted[64]; /* "" when that is what was found */
};

void survey_judge(const struct survey_facts *facts, enum survey_row row, struct finding *finding);

#endif
