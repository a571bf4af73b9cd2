/*
 * outer - runs a program under a filter that somebody else has put around it, as an engine's
 *profile is.
 *
 *	outer ERRNO NUMBER... -- PROGRAM [WORDS]	these calls answer ERRNO
 *
 * NUMBER may be "seccomp": then it is seccomp(2) and what prctl(2) can do of it, so that it looks
 * as if the kernel had none, or as if filters were forbidden. ERRNO is a number, too.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROWS_MAX 64

struct filter {
	struct sock_filter rows[ROWS_MAX];
	unsigned short used;
};

static void add(struct filter *filter, struct sock_filter row)
{
	if (filter->used == ROWS_MAX)
		abort();
	filter->rows[filter->used++] = row;
}

static void load(struct filter *filter, size_t offset)
{
	add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* If what was loaded is `value`, the answer is `error`. */
static void refuse(struct filter *filter, uint32_t value, uint32_t error)
{
	add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
	add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
}

/* The number of the call is loaded before and behind it. */
static void refuse_seccomp(struct filter *filter, uint32_t error)
{
	refuse(filter, SYS_seccomp, error);
	add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 5));
	load(filter, offsetof(struct seccomp_data, args[0]));
	refuse(filter, PR_SET_SECCOMP, error);
	refuse(filter, PR_GET_SECCOMP, error);
	load(filter, offsetof(struct seccomp_data, nr));
}

int main(int argc, char **argv)
{
	struct filter filter = {.used = 0};
	struct sock_fprog program;
	uint32_t error = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	int at = 2;

	load(&filter, offsetof(struct seccomp_data, nr));
	for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
		if (strcmp(argv[at], "seccomp") == 0)
			refuse_seccomp(&filter, error);
		else
			refuse(&filter, (uint32_t)strtoul(argv[at], NULL, 10), error);
	}
	add(&filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	program = (struct sock_fprog){filter.used, filter.rows};
	if (at + 1 >= argc || prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0 ||
		prctl(PR_SET_SECCOMP, (long)SECCOMP_MODE_FILTER, &program) != 0)
		return 126;
	(void)execvp(argv[at + 1], argv + at + 1);
	return 127;
}
