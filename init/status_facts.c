#include "init/status_facts.h"

#include "init/program.h"

/* NULL: it depends. */
static const char *const phase_words[PHASES] = {
	[PHASE_SERVE] = NULL,
	[PHASE_REST] = "resting",
	[PHASE_LINGER] = "draining",
	[PHASE_DRAIN] = "draining",
	[PHASE_QUICK] = "stopping",
	[PHASE_SWEEP] = "stopping",
	[PHASE_KILL] = "stopping",
	[PHASE_GONE] = "stopping",
};

static const char *const upgrade_words[UPGRADES] = {
	[UPGRADE_NONE] = NULL,
	[UPGRADE_TRIAL] = "upgrading",
	[UPGRADE_PREPARING] = "upgrading",
	[UPGRADE_LEAVING] = "upgrading",
	[UPGRADE_ARRIVED] = "upgrading",
	[UPGRADE_HELD] = "on probation",
	[UPGRADE_RETURNING] = "rolling back",
};

const char *status_state(const struct arbiter *a)
{
	const struct upgrade *u = &a->upgrade;

	if (phase_words[a->wish.phase] != NULL)
		return phase_words[a->wish.phase];
	if (u->state == UPGRADE_HELD && u->hold)
		return "held";
	if (upgrade_words[u->state] != NULL)
		return upgrade_words[u->state];
	if (a->program != NULL)
		return a->program->stopped ? "stopped" : "running";
	if (a->ready_ms == 0)
		return "starting";
	if (a->wish.candidate.generation != 0)
		return "reloading";
	return a->ready ? "serving" : "not ready";
}

unsigned status_serving(const struct arbiter *a)
{
	return roster_count(&a->roster, STATE_SERVING) + roster_count(&a->roster, STATE_SPENT);
}

const struct image_hold *status_way_back(const struct arbiter *a)
{
	const struct upgrade *u = &a->upgrade;
	bool is_there = upgrade_holds(a) || u->state == UPGRADE_RETURNING;

	return is_there && u->other.fd >= 0 ? &u->other : NULL;
}

const char *status_failure(const struct arbiter *a)
{
	const struct upgrade *u = &a->upgrade;

	return u->state == UPGRADE_NONE && u->reason[0] != '\0' ? u->reason : NULL;
}

uint64_t status_age(const struct arbiter *a, uint64_t then_ms)
{
	return then_ms < a->now_ms ? a->now_ms - then_ms : 0;
}

static void read_page(const struct arbiter *a, const struct page *page, struct status_child *child)
{
	uint64_t since_ms = page_busy_since(page);

	child->has_page = true;
	child->connections = atomic_load_explicit(&page->connections, memory_order_relaxed);
	child->accepted = atomic_load_explicit(&page->accepted, memory_order_relaxed);
	child->requests = atomic_load_explicit(&page->requests, memory_order_relaxed);
	child->is_busy = since_ms != 0;
	child->busy_ms = child->is_busy ? status_age(a, since_ms) : 0;
	page_copy_oldest(page, child->request);
}

bool status_read_child(const struct arbiter *a, unsigned index, struct status_child *child)
{
	const struct slot *slot = &a->roster.slots[index];

	if (slot->state == STATE_VACANT)
		return false;
	*child = (struct status_child){
		.slot = index,
		.is_worker = index < a->roster.size,
		.role = process_role_name(slot->role),
		.pid = slot->pid,
		.generation = slot->generation,
		.state = roster_state_name(slot->state),
		.age_ms = status_age(a, slot->born_ms),
	};
	if (a->children[index].page != NULL)
		read_page(a, a->children[index].page, child);
	return true;
}
