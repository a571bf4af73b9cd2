#include "init/heirloom_table.h"

#include <stdlib.h>

#include "init/attendant.h"

/* One finder for each record; `make`: it is being thawed. */

static void *at_program(struct arbiter *a, size_t index, bool make)
{
	(void)index;
	(void)make;
	return a->program;
}

/* From the oldest on. */
static void *at_held(struct arbiter *a, size_t index, bool make)
{
	struct forward *forward = a->program != NULL ? &a->program->forward : NULL;

	if (make && forward != NULL && index == forward->held)
		forward->held++;
	return forward != NULL && index < forward->held
		       ? &forward->ring[(forward->first + index) % FORWARD_HELD_MAX]
		       : NULL;
}

static void *at_arbiter(struct arbiter *a, size_t index, bool make)
{
	(void)index;
	(void)make;
	return a;
}

static void *at_wish(struct arbiter *a, size_t index, bool make)
{
	(void)index;
	(void)make;
	return &a->wish;
}

static void *at_herald(struct arbiter *a, size_t index, bool make)
{
	(void)index;
	(void)make;
	return &a->herald;
}

static void *at_upgrade(struct arbiter *a, size_t index, bool make)
{
	(void)index;
	(void)make;
	return &a->upgrade;
}

static void *at_death(struct arbiter *a, size_t index, bool make)
{
	return make || a->exits[index] != 0 ? &a->exits[index] : NULL;
}

static void *at_generation(struct arbiter *a, size_t index, bool make)
{
	(void)index;
	if (!make)
		return a->current;
	*a->current = (struct generation){.image_fd = -1, .certificates = {-1, -1}};
	return settings_init(&a->current->config.settings) == 0 ? a->current : NULL;
}

static void *at_tally(struct arbiter *a, size_t index, bool make)
{
	(void)index;
	(void)make;
	return &a->tally;
}

static void *at_answers(struct arbiter *a, size_t index, bool make)
{
	(void)make;
	return &a->tally.answers[index];
}

static void *at_durations(struct arbiter *a, size_t index, bool make)
{
	(void)make;
	return &a->tally.durations[index];
}

static void *at_handshakes(struct arbiter *a, size_t index, bool make)
{
	(void)make;
	return &a->tally.handshakes[index];
}

static void *at_app_counter(struct arbiter *a, size_t index, bool make)
{
	struct tally *tally = &a->tally;

	if (make && index == tally->counters)
		tally->counters++;
	return index < tally->counters ? &tally->counter[index] : NULL;
}

static void *at_item(struct listener_set *set, size_t index, bool make)
{
	if (make && index == set->count) {
		set->item[index] = (struct listener){.fd = -1};
		set->count++;
	}
	return index < set->count ? &set->item[index] : NULL;
}

static void *at_listener(struct arbiter *a, size_t index, bool make)
{
	return at_item(&a->current->listeners, index, make);
}

static void *at_metrics_listener(struct arbiter *a, size_t index, bool make)
{
	return at_item(&a->current->metrics, index, make);
}

static void *at_book(struct arbiter *a, size_t index, bool make)
{
	struct generation *generation = a->current;

	(void)index;
	if (make && generation->hooks == NULL)
		generation->hooks = hook_book_new();
	return generation->hooks;
}

static void *at_file(struct hook_book *book, size_t index, bool make)
{
	if (make && book != NULL && index == book->count)
		book->count++;
	return book != NULL && index < book->count ? &book->file[index] : NULL;
}

static void *at_hook(struct arbiter *a, size_t index, bool make)
{
	return at_file(a->current->hooks, index, make);
}

/* In the order of the shelf: who was put there last comes first. */
static void *at_shelved(struct arbiter *a, size_t index, bool make)
{
	struct shelved **at = &a->shelf.first;

	while (index > 0 && *at != NULL) {
		at = &(*at)->next;
		index--;
	}
	if (make && index == 0 && *at == NULL) {
		*at = calloc(1, sizeof(**at));
		if (*at != NULL)
			(*at)->listener.fd = -1;
	}
	return *at;
}

static void *at_inherited(struct arbiter *a, size_t index, bool make)
{
	struct inherited *inherited = &a->inherited;

	if (make && index == inherited->count)
		inherited->fd[inherited->count++] = -1;
	return index < inherited->count ? &inherited->fd[index] : NULL;
}

static void *at_slot(struct arbiter *a, size_t index, bool make)
{
	struct slot *slot = &a->roster.slots[index];

	return make || slot->state != STATE_VACANT || slot->backoff.due_ms != 0 ? slot : NULL;
}

static void *at_child(struct arbiter *a, size_t index, bool make)
{
	struct child *child = &a->children[index];

	if (make)
		*child = (struct child){.watch = {.fd = -1},
			.arbiter = a,
			.slot = (unsigned)index,
			.page_fd = -1,
			.notifier = {.fd = -1}};
	return child->arbiter != NULL ? child : NULL;
}

static void *at_attendant(struct arbiter *a, size_t index, bool make)
{
	return at_slot(a, ARBITER_SLOTS + index, make);
}

static void *at_servant(struct arbiter *a, size_t index, bool make)
{
	return at_child(a, ARBITER_SLOTS + index, make);
}

/* Those that run have places of their own; those that wait stand in a ring. */
static struct hook_run *find_run(struct hooks *hooks, size_t index)
{
	size_t behind = index - HOOKS_AT_ONCE;

	if (index < HOOKS_AT_ONCE)
		return &hooks->runs[index];
	return behind < hooks->waiting ? &hooks->queue[(hooks->first + behind) % HOOKS_WAITING]
				       : NULL;
}

static void *at_run(struct arbiter *a, size_t index, bool make)
{
	struct hooks *hooks = &a->herald.hooks;
	struct hook_run *run;

	if (make && index >= HOOKS_AT_ONCE && index - HOOKS_AT_ONCE == hooks->waiting)
		hooks->waiting++;
	run = find_run(hooks, index);
	if (make && run != NULL && run->book == NULL)
		run->book = hook_book_new();
	return run != NULL && run->book != NULL ? run : NULL;
}

static void *at_run_book(struct arbiter *a, size_t index, bool make)
{
	struct hook_run *run = find_run(&a->herald.hooks, index);

	(void)make;
	return run != NULL ? run->book : NULL;
}

/* Thawed, its book has only what it still has to do. */
static void *at_run_file(struct arbiter *a, size_t index, bool make)
{
	struct hook_run *run = find_run(&a->herald.hooks, index / HOOK_FILES_MAX);
	size_t file = index % HOOK_FILES_MAX;

	if (run == NULL || run->book == NULL)
		return NULL;
	for (size_t at = run->file; !make && at < run->book->count; at++) {
		if (run->book->file[at].hook == run->hook && file-- == 0)
			return &run->book->file[at];
	}
	return make ? at_file(run->book, file, true) : NULL;
}

static void *(*const places[HEIRLOOM_RECORDS])(struct arbiter *, size_t, bool) = {
#define RECORD(name, type, most, since, meaning) [HEIRLOOM_##name] = at_##name,
#define FIELD(record, name, kind, since, member)
#include "init/heirloom.def"
#undef RECORD
#undef FIELD
};

bool heirloom_has(const struct arbiter *a, enum heirloom_record record)
{
	static const bool in_init_mode[HEIRLOOM_RECORDS] = {
		[HEIRLOOM_program] = true,
		[HEIRLOOM_held] = true,
		[HEIRLOOM_upgrade] = true,
		[HEIRLOOM_generation] = true,
	};
	bool is_programs = record == HEIRLOOM_program || record == HEIRLOOM_held;

	return a->program != NULL ? in_init_mode[record] : !is_programs;
}

bool heirloom_is_known(const struct arbiter *a, uint64_t version, enum heirloom_record record,
	size_t index)
{
	bool is_attendant = record == HEIRLOOM_attendant || record == HEIRLOOM_servant;

	return !is_attendant ||
	       attendant_since(a->roster.slots[ARBITER_SLOTS + index].role) <= version;
}

void *heirloom_find(struct arbiter *a, enum heirloom_record record, size_t index)
{
	return heirloom_has(a, record) ? places[record](a, index, false) : NULL;
}

void *heirloom_make(struct arbiter *a, enum heirloom_record record, size_t index)
{
	return places[record](a, index, true);
}
