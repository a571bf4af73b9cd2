/*
 * program.h - init mode: `narwhal -- PROGRAM WORDS` with no bind supervises one program, as tini,
 * dumb-init and catatonit do. docs/INIT.md says what is promised.
 *
 * One process, one wait: sigtimedwait(2) on everything. No epoll, no service, no worker. An upgrade
 * in place is upgrade.h's, as a service has it: it is borne by an arbiter that does nothing else.
 */
#ifndef INIT_PROGRAM_H
#define INIT_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/text.h"
#include "init/config.h"
#include "init/forward.h"
#include "init/mapping.h"
#include "init/signals.h"
#include "init/terminal.h"

struct arbiter;

enum program_stage {
	PROGRAM_RUNS,
	PROGRAM_SWEPT, /* it has ended; the others have got SIGTERM */
	PROGRAM_KILLED,
	PROGRAM_OVER,
};

struct program {
	struct arbiter *bearer; /* of the log, the settings and an upgrade */
	struct exit_mapping exits;
	struct forward forward;
	struct terminal terminal;
	bool given;	   /* the terminal was ours, and is the program's */
	bool stop_wished;  /* somebody sent us a stop for it: nobody but SIGCONT undoes that */
	bool stopped;	   /* with all of its group, by the terminal */
	int death_signal;  /* 0: none */
	uint64_t sweep_ms; /* the setting */
	enum program_stage stage;
	uint64_t deadline_ms; /* of the stage */
	int status;	      /* to exit with */
};

/* A program, and nobody gave a bind: PORT does not count, it is the program's own. */
bool program_is_wished(const struct config *config) PURE;
/* What can be known without starting anything: 0, or -EINVAL with `why`. */
MUST_USE int program_check(const struct config *config, struct text *why);
/* What the bearer's settings say becomes the program's. 0, or -EINVAL with `why`. */
MUST_USE int program_obey(struct program *program, struct text *why);

/* Runs it to its end. The exit status; nothing is started if a setting is wrong. */
MUST_USE int program_run(const struct config *config, const struct config_input *input,
	const struct signals_found *found);

/* Nobody's yet: to be thawed into. */
void program_init(struct program *program, struct arbiter *bearer);
/* One that was thawed has all again that the kernel did not keep. 0, or -errno with `why`. */
MUST_USE int program_adopt(struct program *program, struct text *why);
/* To the end of one that runs. The exit status. */
MUST_USE int program_live(struct program *program);

#endif
