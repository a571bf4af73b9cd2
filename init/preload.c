#include "init/preload.h"

#include <errno.h>
#include <sys/wait.h>

#include "base/channel.h"
#include "init/attendant.h"
#include "init/herald.h"
#include "init/spawn.h"

int preload_order(struct arbiter *a, int zygote, int channel_fd)
{
	return channel_send_fd(a->children[zygote].watch.fd, MESSAGE_FORK, channel_fd);
}

/* One that is ours, alive or not buried yet, so that its pid is nobody else's. */
static bool is_our_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

/*
 * The generation that it was ordered for may be gone by now, as its order outlives a reload: it
 * would get the listeners and the settings of another one than its zygote has the app of.
 */
static bool has_generation(const struct arbiter *a, unsigned slot)
{
	return spawn_generation(a, slot)->number == a->roster.slots[slot].generation;
}

static int give_birth(struct child *child, pid_t pid)
{
	struct arbiter *a = child->arbiter;
	int error = channel_want_pid(child->watch.fd, false);

	child->unborn = false;
	a->roster.slots[child->slot].pid = pid;
	oom_look(&a->oom, a->now_ms);
	herald_forked(a, child->slot);
	log_debug(&a->log, "worker_spawned", log_uint("slot", child->slot), log_int("pid", pid));
	return error == 0 ? spawn_endow(a, child->slot) : error;
}

int preload_greet(struct child *child)
{
	struct arbiter *a = child->arbiter;
	pid_t pid = 0;
	int outcome = channel_greet(child->watch.fd, &pid);

	if (outcome <= 0)
		return outcome;
	if (roster_find(&a->roster, pid) >= 0)
		return -EBADMSG;
	if (!is_our_child(pid) || !has_generation(a, child->slot))
		return -EPIPE;
	outcome = give_birth(child, pid);
	if (outcome == 0)
		return 1;
	log_warning(&a->log, "spawn_refused", log_uint("slot", child->slot),
		log_errno("error", outcome));
	return -EPIPE; /* so that it leaves */
}

/* One that does not fork when it is told to is of no use; those that serve do not need it. */
static void blame_zygote(struct arbiter *a, const struct slot *slot)
{
	int zygote = attendant_find(&a->roster, slot->generation, PROCESS_ZYGOTE);

	if (zygote >= 0 && slot->cause == CAUSE_BOOT_TIMEOUT)
		arbiter_step(a, (unsigned)zygote, EVENT_HUNG);
}

void preload_give_up(struct arbiter *a, unsigned index)
{
	struct slot *slot = &a->roster.slots[index];

	log_at(&a->log, slot->cause == CAUSE_RETIRED ? LOG_DEBUG : LOG_WARNING, "worker_unborn",
		log_uint("slot", index), log_uint("generation", slot->generation),
		log_string("cause", roster_cause_name(slot->cause)));
	blame_zygote(a, slot);
	spawn_forget(&a->children[index]);
	arbiter_step(a, index, EVENT_EXITED);
	if (backoff_is_loop(&slot->backoff))
		arbiter_give_up_boot(a, index, "dies in every boot");
}

void preload_take_back(struct arbiter *a)
{
	for (unsigned i = 0; i < a->roster.size; i++) {
		if (a->children[i].unborn)
			arbiter_step(a, i, EVENT_RETIRED);
	}
}
