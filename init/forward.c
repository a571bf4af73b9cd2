#include "init/forward.h"

#include <errno.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define RETRY_MS 10
#define WHOLE_GROUP 4U /* PIDFD_SIGNAL_PROCESS_GROUP, of Linux 6.9; older ones: EINVAL */

static int send_plainly(const struct forward *forward, int number)
{
	return kill(forward->group ? -forward->pid : forward->pid, number) == 0 ? 0 : -errno;
}

static int queue_to_group(const struct forward *forward, const siginfo_t *info)
{
	FD_SCOPED pid_fd = pidfd_open(forward->pid, 0);
	long error;

	if (pid_fd < 0)
		return -errno;
	error = syscall(SYS_pidfd_send_signal, pid_fd, info->si_signo, info, WHOLE_GROUP);
	return error == 0 ? 0 : -errno;
}

static int queue_to_one(const struct forward *forward, const siginfo_t *info)
{
	long error = syscall(SYS_rt_sigqueueinfo, forward->pid, info->si_signo, info);

	return error == 0 ? 0 : -errno;
}

/* With value and sender. Where the kernel forbids or does not know that, plainly. */
static int send_queued(const struct forward *forward, const siginfo_t *info)
{
	int error = forward->group ? queue_to_group(forward, info) : queue_to_one(forward, info);

	if (error == 0 || error == -EAGAIN || error == -ESRCH)
		return error;
	return send_plainly(forward, info->si_signo);
}

static bool is_real_time(int number)
{
	return number >= SIGRTMIN && number <= SIGRTMAX;
}

/* Only negative codes may be sent on as they are (rt_sigqueueinfo(2)): so kill(2) turns SI_QUEUE.
 */
static int send_again(struct forward *forward, const siginfo_t *info)
{
	siginfo_t copy = *info;

	if (copy.si_code >= 0) {
		bool by_somebody = copy.si_code == SI_USER;

		copy.si_pid = by_somebody ? info->si_pid : 0;
		copy.si_uid = by_somebody ? info->si_uid : 0;
		copy.si_value.sival_ptr = NULL;
		copy.si_code = SI_QUEUE;
	}
	return send_queued(forward, &copy);
}

static void hold(struct forward *forward, const siginfo_t *info)
{
	MUST(forward->held < FORWARD_HELD_MAX);
	forward->ring[(forward->first + forward->held) % FORWARD_HELD_MAX] = *info;
	forward->held++;
}

void forward_retry(struct forward *forward)
{
	while (forward->held > 0) {
		const siginfo_t *oldest = &forward->ring[forward->first];

		if (forward->pid >= 0 && send_again(forward, oldest) == -EAGAIN)
			break;
		forward->first = (forward->first + 1) % FORWARD_HELD_MAX;
		forward->held--;
	}
	forward->retry_ms = forward->held > 0 ? clock_ms() + RETRY_MS : CLOCK_NEVER;
}

bool forward_is_full(const struct forward *forward)
{
	return forward->held == FORWARD_HELD_MAX;
}

int forward_signal(struct forward *forward, const siginfo_t *info)
{
	siginfo_t copy = *info;
	int number = forward->rewrites.to[info->si_signo];

	if (number == 0 || forward->pid < 0)
		return 0;
	if ((!is_real_time(number) && info->si_code >= 0) || forward_is_full(forward)) {
		(void)!send_plainly(forward, number); /* gone: its end is being reported */
		return number;
	}
	copy.si_signo = number;
	hold(forward, &copy);
	forward_retry(forward);
	return number;
}
