#include "init/introduction.h"

#include "base/channel.h"
#include "base/clock.h"
#include "base/fd.h"

#define RETRY_MS 500
/* The digits of any pid. */
#define NAME_SIZE 16

static bool is_of(const struct slot *slot, const struct slot *keyholder)
{
	return slot->generation == keyholder->generation;
}

/* From READY on: one that a zygote has forked is given other things before. */
static bool is_there(const struct slot *slot)
{
	return roster_is_serving(slot) || slot->state == STATE_DRAINING;
}

/*
 * By the pid the key holder knows whom to complain of, and ends the line that one had before: the
 * worker has the new one by then.
 */
static int introduce(struct child *worker, struct child *keyholder)
{
	FD_SCOPED asks_fd = -1;
	FD_SCOPED answers_fd = -1;
	char name[NAME_SIZE];
	struct text text = TEXT_OVER(name);
	int error = channel_pair(&asks_fd, &answers_fd);

	text_add_int(&text, worker->arbiter->roster.slots[worker->slot].pid);
	if (error == 0)
		error = channel_give(worker->watch.fd, "keyholder", asks_fd);
	if (error == 0)
		error = channel_give(keyholder->watch.fd, name, answers_fd);
	return error;
}

static void try_again(struct arbiter *a, uint64_t at_ms)
{
	if (at_ms < a->introduce_ms)
		a->introduce_ms = at_ms;
}

static void introduce_one(struct arbiter *a, struct child *child, unsigned keyholder)
{
	if (child->introduce_ms > a->now_ms) {
		try_again(a, child->introduce_ms);
		return;
	}
	child->introduce_ms = a->now_ms + RETRY_MS;
	child->introduced = introduce(child, &a->children[keyholder]) == 0;
	if (child->introduced)
		child->messages = 0; /* to ask for a line is no offence, however often */
	else
		try_again(a, child->introduce_ms);
}

static void introduce_all(struct arbiter *a, unsigned keyholder)
{
	for (unsigned i = 0; i < a->roster.size; i++) {
		struct child *child = &a->children[i];

		if (is_of(&a->roster.slots[i], &a->roster.slots[keyholder]) &&
			is_there(&a->roster.slots[i]) && !child->introduced && child->watch.fd >= 0)
			introduce_one(a, child, keyholder);
	}
}

void introduction_turn(struct arbiter *a)
{
	a->introduce_ms = CLOCK_NEVER;
	for (unsigned i = a->roster.size; i < roster_whole(&a->roster); i++) {
		const struct slot *slot = &a->roster.slots[i];

		if (slot->state == STATE_SERVING && slot->role == PROCESS_KEYHOLDER &&
			a->children[i].watch.fd >= 0)
			introduce_all(a, i);
	}
}

void introduction_undo(struct child *worker)
{
	worker->introduced = false;
}

void introduction_forget(struct arbiter *a, unsigned index)
{
	const struct slot *slot = &a->roster.slots[index];

	for (unsigned i = 0; slot->role == PROCESS_KEYHOLDER && i < a->roster.size; i++) {
		if (is_of(&a->roster.slots[i], slot))
			a->children[i].introduced = false;
	}
}
