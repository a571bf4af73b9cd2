/*
 * calls.h - which system calls a role may make: the tables, and names and numbers of calls.
 *
 * Decides nothing at run time: filter.h makes the kernel's filter of it, others print it or name a
 * call by it. Numbers are those of one architecture, an AUDIT_ARCH_* value, and come from
 * libseccomp: so a table can be read for aarch64 on x86_64. Makes no system call.
 */
#ifndef SECCOMP_CALLS_H
#define SECCOMP_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/text.h"

/* What a process is for. Each has a table; strict ones are made of strict.def and a few rows. */
enum calls_role {
	CALLS_FILES,  /* a worker that serves a directory */
	CALLS_WALK,   /* the same, where openat2(2) is not to be had */
	CALLS_MODULE, /* a worker that runs a C module */
	CALLS_APP,    /* anything else: Python, programs */
	CALLS_KEYHOLDER,
	CALLS_EXPORTER,
	CALLS_CONTAINER, /* all that is beside workers: for profiles, no filter is made of it */
	CALLS_ROLES
};

#define CALLS_TESTS 2
#define CALLS_ARGUMENTS 6
/* A test's value that stands for the id of the process that is locked in. */
#define CALLS_OWN_PID UINT64_MAX

/* An answer: nothing is done, and who asked is told that it was. */
#define CALLS_IGNORED (-1)

/* A condition on the nth argument: (argument & mask) == value. */
struct calls_test {
	unsigned nth;
	uint64_t mask; /* 0: there is no such test */
	uint64_t value;
};

/* A row of a table. Several with a name are its cases: any of them is enough. */
struct calls_row {
	const char *name;
	const char *why;
	int answer; /* 0: allowed; else it fails with this errno value, or is CALLS_IGNORED */
	struct calls_test tests[CALLS_TESTS]; /* all must hold; none: whatever the arguments */
	const char *when;		      /* the same in the table's words; NULL: always */
};

/* What is returned in place of an answered call: an errno value, or 0. */
static inline unsigned calls_answer_errno(int answer)
{
	return answer == CALLS_IGNORED ? 0 : (unsigned)answer;
}

/* The role's rows, in the order in which they were written. */
const struct calls_row *calls_of(enum calls_role role, size_t *count);
/* "files", "module", "app" and so on. */
const char *calls_role_name(enum calls_role role) PURE;
/* What a strict role is given of a call that is asked for by name; of one without a row, all. */
const struct calls_row *calls_asked(size_t *count);
/*
 * Whether that name, asked for, gives a strict role the call with these arguments, of a process
 * with that id.
 */
bool calls_gives(const char *name, const uint64_t argument[CALLS_ARGUMENTS], pid_t pid) PURE;
/* What a strict role has besides where the kernel writes TLS for it: ktls.def. */
const struct calls_row *calls_of_ktls(size_t *count);
/* What the build itself needs in every role: sanitizer.def, or nothing. */
const struct calls_row *calls_of_build(size_t *count);
/* Why nobody should want that call; NULL: it is no danger in itself. */
const char *calls_danger(const char *name) PURE;
/* Walks the names of danger.def; NULL behind the last. */
const char *calls_danger_name(size_t i) PURE;

enum calls_verdict {
	CALLS_REFUSED,
	CALLS_ALLOWED,
	CALLS_CONDITIONAL,
	CALLS_ANSWERED, /* fails with an error, and nothing else happens */
};
/* What becomes of a call with that number in that role, with nothing asked for beside. */
enum calls_verdict calls_verdict(enum calls_role role, uint32_t arch, int number);

/* Of the machine that this runs on. */
uint32_t calls_arch(void);
/*
 * The number: -ENOENT if no architecture has a call of that name, -ENOSYS if only others have it.
 * A call of instead.def has the number of the one that stands in for it.
 */
int calls_number(uint32_t arch, const char *name);
/* Adds the name; nothing where the number is unknown. */
void calls_add_name(uint32_t arch, int number, struct text *text);
/* The highest number with a name: what is above is newer than we are. */
int calls_newest(uint32_t arch);

#define CALLS_NAME 64
/* Walks the names of a LIST, as setting_item() does; false when there is none left. */
bool calls_item(const char **list, char name[CALLS_NAME]);
bool calls_lists(const char *list, const char *name);
/*
 * Whether all names of a LIST are known; else -EINVAL, and `why` has the first that is not, and the
 * nearest that is.
 */
MUST_USE int calls_check(const char *list, struct text *why);

#endif
