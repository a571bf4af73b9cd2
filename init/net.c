#include "init/net.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "init/signals.h"

#define RETRY_NS 100000000

static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGALRM};

void net_return(const struct net *net)
{
	const struct timespec soon = {.tv_nsec = RETRY_NS};
	struct signals_found ignored;

	signals_block(&ignored);
	(void)alarm(0); /* it would survive the exec */
	if (net->descriptors != NULL)
		descriptors_give_back(net->descriptors);
	for (;;) {
		/* The one place where PID 1 sleeps: there is nothing else that it could do. Before
		 * the first time, too: an image that lacks memory to thaw goes back to itself. */
		(void)nanosleep(&soon, NULL);
		(void)execveat(net->back_fd, "", net->argv, net->envp, AT_EMPTY_PATH);
	}
}

/* Neither a fault nor abort(3): somebody sent it, and nothing is wrong here. */
static bool is_sent(const siginfo_t *info)
{
	return info->si_code <= 0 && info->si_pid != getpid();
}

/* It stays pending, for whom it was meant: the next turn of the loop, or the program of init mode.
 */
static void put_back(int number, siginfo_t *info, ucontext_t *where)
{
	(void)sigaddset(&where->uc_sigmask, number);
	(void)syscall(SYS_rt_sigqueueinfo, getpid(), number, info);
}

/* The net lies at the bottom of the stack that the handler runs on: no global is needed to find it.
 */
static void fall(int number, siginfo_t *info, void *context)
{
	ucontext_t *where = context;

	if (is_sent(info))
		put_back(number, info, where);
	else
		net_return(where->uc_stack.ss_sp);
}

void net_spread(const struct net *net, void *memory, unsigned seconds)
{
	const stack_t stack = {.ss_sp = memory, .ss_size = NET_SIZE};
	struct sigaction action = {.sa_sigaction = fall, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	sigset_t set;

	memcpy(memory, net, sizeof(*net));
	(void)sigaltstack(&stack, NULL);
	(void)sigfillset(&action.sa_mask);
	(void)sigemptyset(&set);
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		(void)sigaction(faults[i], &action, NULL);
		(void)sigaddset(&set, faults[i]);
	}
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL); /* blocked, a fault would kill */
	(void)alarm(seconds);
}

void net_remove(void)
{
	const stack_t none = {.ss_flags = SS_DISABLE};
	struct signals_found ignored;

	(void)alarm(0);
	signals_block(&ignored);
	for (size_t i = 0; i < COUNT_OF(faults); i++)
		(void)signal(faults[i], SIG_DFL);
	(void)sigaltstack(&none, NULL);
}
