/*
 * without - runs a program in a world in which system calls are missing or forbidden, as under an
 * old kernel or a container's seccomp profile.
 *
 *	without NUMBER=ERRNO... -- PROGRAM ARGS		as in 444=38: the call fails with that errno
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MISSING_MAX 32

static struct sock_filter code[2 * MISSING_MAX + 2];
static unsigned short used;

static void add(struct sock_filter instruction)
{
	code[used++] = instruction;
}

static int forbid(const char *word)
{
	unsigned number, error;

	if (used + 3U > sizeof(code) / sizeof(code[0]) ||
		sscanf(word, "%u=%u", &number, &error) != 2)
		return -1;
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
		SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA)));
	return 0;
}

/* Whoever may, goes without no_new_privs: what runs inside shall set it by itself. */
static int install(void)
{
	struct sock_fprog program = {.len = used, .filter = code};

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &program) == 0)
		return 0;
	if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &program);
}

int main(int argc, char **argv)
{
	int i = 1;

	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		offsetof(struct seccomp_data, nr)));
	while (i < argc && strcmp(argv[i], "--") != 0) {
		if (forbid(argv[i++]) != 0)
			return 2;
	}
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	if (i + 1 >= argc || install() != 0) {
		perror("without");
		return 2;
	}
	(void)execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 127;
}
