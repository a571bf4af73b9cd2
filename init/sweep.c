#include "init/sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Our children, as the kernel lists them (proc(5), Linux 3.5). Without /proc nobody is known, and
 * nobody is signalled.
 */
static void signal_children(int number)
{
	FILE *children;
	int pid;

	children = fopen("/proc/thread-self/children", "re");
	if (children == NULL)
		return;
	while (fscanf(children, "%d", &pid) == 1)
		(void)kill(pid, number);
	(void)fclose(children);
}

void sweep_signal(int number)
{
	if (getpid() == 1)
		(void)kill(-1, number); /* everybody in the namespace but ourselves */
	else
		signal_children(number);
}

bool sweep_is_done(void)
{
	siginfo_t info;

	if (getpid() == 1)
		return kill(-1, 0) != 0 && errno == ESRCH;
	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 &&
	       errno == ECHILD;
}
