/*
 * witness - a program under init mode that tells what becomes of it; and what sends it things.
 *
 *	witness signals			blocks all, says "ready", then each signal that comes:
 *					number, code, value, sender; SIGQUIT ends it
 *	witness queue PID NUMBER COUNT	queues a signal COUNT times, with the values 0, 1, 2, ...
 *	witness orphans COUNT		leaves COUNT orphans that end at once, and ends when all of
 *them are reaped by its parent witness stamp			writes the monotonic time in ns,
 *first thing
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ORPHANS_AT_ONCE 100

static int tell_signals(char **words)
{
	sigset_t all;
	siginfo_t info;

	(void)words;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)printf("ready pid=%d\n", (int)getpid());
	do {
		if (sigwaitinfo(&all, &info) < 0)
			continue;
		(void)printf("got number=%d code=%d value=%d sender=%d\n", info.si_signo,
			info.si_code, info.si_code < 0 ? info.si_value.sival_int : -1,
			(int)info.si_pid);
	} while (info.si_signo != SIGQUIT);
	return 0;
}

static int queue_signals(char **words)
{
	int pid = atoi(words[0]), number = atoi(words[1]), count = atoi(words[2]);

	for (int i = 0; i < count; i++) {
		union sigval value = {.sival_int = i};

		while (sigqueue(pid, number, value) != 0) {
			if (errno != EAGAIN)
				return 1;
			(void)usleep(1000); /* the queue is full: RLIMIT_SIGPENDING */
		}
	}
	return 0;
}

/* Of our parent, as proc(5) lists them: ourselves, and who is not reaped yet. */
static bool is_only_child(void)
{
	char name[64], bytes[64] = "";
	FILE *children;

	(void)snprintf(name, sizeof(name), "/proc/%d/task/%d/children", (int)getppid(),
		(int)getppid());
	children = fopen(name, "re");
	if (children == NULL)
		return true;
	(void)!fread(bytes, 1, sizeof(bytes) - 1, children);
	(void)fclose(children);
	return strtol(bytes, NULL, 10) == getpid() && strchr(bytes, ' ') == strrchr(bytes, ' ');
}

/* A process with so many children, which do not outlive it: they are orphans when it ends. */
static int leave_some(int count)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid < 0 || waitpid(pid, NULL, 0) != pid;
	for (int i = 0; i < count; i++) {
		if (fork() == 0)
			break;
	}
	_exit(0);
}

static int leave_orphans(char **words)
{
	int count = atoi(words[0]);

	for (int left = count; left > 0; left -= ORPHANS_AT_ONCE) {
		if (leave_some(left < ORPHANS_AT_ONCE ? left : ORPHANS_AT_ONCE) != 0)
			return 1;
	}
	while (!is_only_child())
		(void)usleep(1000);
	return 0;
}

static int stamp(char **words)
{
	struct timespec now;

	(void)words;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return printf("%lld\n", (long long)now.tv_sec * 1000000000 + now.tv_nsec) < 0;
}

static const struct {
	const char *word;
	int words; /* behind it */
	int (*act)(char **words);
} acts[] = {
	{"signals", 0, tell_signals},
	{"queue", 3, queue_signals},
	{"orphans", 1, leave_orphans},
	{"stamp", 0, stamp},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (strcmp(acts[i].word, argv[1]) == 0 && argc == 2 + acts[i].words)
			return acts[i].act(argv + 2);
	}
	(void)fprintf(stderr, "witness: see the head of witness.c\n");
	return 64;
}
