#include "init/introduction.h"

#include "base/channel.h"
#include "base/clock.h"
#include "base/fd.h"

#define RETRY_MS 500

static bool is_of(const struct slot *slot, const struct slot *keyholder)
{
	return slot->generation == keyholder->generation;
}

/* From READY on: one that a zygote has forked is given other things before. */
static bool is_there(const struct slot *slot)
{
	return roster_is_serving(slot) || slot->state == STATE_DRAINING;
}

/* By the slot the key holder knows whom to complain of. */
static int introduce(struct child *worker, struct child *keyholder)
{
	FD_SCOPED asks_fd = -1;
	FD_SCOPED answers_fd = -1;
	char name[16];
	struct text text = TEXT_OVER(name);
	int error = channel_pair(&asks_fd, &answers_fd);

	text_add_uint(&text, worker->slot);
	if (error == 0)
		error = channel_give(keyholder->watch.fd, name, answers_fd);
	if (error == 0)
		error = channel_give(worker->watch.fd, "keyholder", asks_fd);
	return error;
}

static void introduce_all(struct arbiter *a, unsigned keyholder)
{
	for (unsigned i = 0; i < a->roster.size; i++) {
		struct child *child = &a->children[i];

		if (!is_of(&a->roster.slots[i], &a->roster.slots[keyholder]) ||
			!is_there(&a->roster.slots[i]) || child->introduced || child->watch.fd < 0)
			continue;
		child->introduced = introduce(child, &a->children[keyholder]) == 0;
		if (!child->introduced)
			a->introduce_ms = a->now_ms + RETRY_MS;
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

void introduction_forget(struct arbiter *a, unsigned index)
{
	const struct slot *slot = &a->roster.slots[index];

	for (unsigned i = 0; slot->role == PROCESS_KEYHOLDER && i < a->roster.size; i++) {
		if (is_of(&a->roster.slots[i], slot))
			a->children[i].introduced = false;
	}
}
