#include "tests/unit/unit.h"

#include <string.h>

#include "init/request.h"
#include "init/upgrade.h"

static const struct step {
	enum upgrade_state in;
	enum upgrade_event on;
	enum upgrade_state next;
	const char *line;
} steps[] = {
#define UPGRADE_STEP(in, on, becomes, line) \
	{UPGRADE_##in, UPGRADE_EVENT_##on, UPGRADE_##becomes, line},
#include "init/upgrade_steps.def"
#undef UPGRADE_STEP
};

static const char *const events[] = {
#define UPGRADE_EVENT(name, meaning) [UPGRADE_EVENT_##name] = #name,
#include "init/upgrade_events.def"
#undef UPGRADE_EVENT
};

static const struct step *find(enum upgrade_state in, enum upgrade_event on)
{
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		if (steps[i].in == in && steps[i].on == on)
			return &steps[i];
	}
	return NULL;
}

static void every_state_has_a_name(void **state)
{
	(void)state;
#define UPGRADE_STATE(name, meaning) assert_string_equal(upgrade_state_name(UPGRADE_##name), #name);
#include "init/upgrade_states.def"
#undef UPGRADE_STATE
}

static void every_event_happens_somewhere(void **state)
{
	(void)state;
	for (size_t event = 0; event < COUNT_OF(events); event++) {
		size_t n = 0;

		for (size_t i = 0; i < COUNT_OF(steps); i++)
			n += steps[i].on == event;
		if (n == 0)
			fail_msg("%s happens nowhere", events[event]);
	}
}

static void the_end_of_the_service_ends_every_upgrade(void **state)
{
	(void)state;
	for (enum upgrade_state at = 0; at < UPGRADES; at++) {
		const struct step *step = find(at, UPGRADE_EVENT_ENDING);

		/* LEAVING is no state to wait in. */
		if (at != UPGRADE_NONE && at != UPGRADE_LEAVING)
			assert_int_equal(step->next, UPGRADE_NONE);
		else
			assert_null(step);
	}
}

static void whoever_waits_for_something_waits_for_a_time(void **state)
{
	static const enum upgrade_state waiting[] = {UPGRADE_TRIAL, UPGRADE_PREPARING,
		UPGRADE_ARRIVED, UPGRADE_HELD, UPGRADE_RETURNING};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(waiting); i++)
		assert_non_null(find(waiting[i], UPGRADE_EVENT_OVERDUE));
}

/* Up to the exec there is nothing to go back from; behind it, there is nothing but going back. */
static void what_fails_behind_the_exec_returns(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		bool fails = steps[i].on == UPGRADE_EVENT_FAILED ||
			     steps[i].on == UPGRADE_EVENT_RECALLED;
		bool behind = steps[i].in == UPGRADE_ARRIVED || steps[i].in == UPGRADE_HELD;

		if (fails)
			assert_int_equal(steps[i].next, behind ? UPGRADE_RETURNING : UPGRADE_NONE);
	}
}

static void no_request_has_the_number_of_another(void **state)
{
	static const unsigned numbers[] = {
#define REQUEST(name, number, meaning) REQUEST_##name,
#include "init/requests.def"
#undef REQUEST
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		assert_int_equal(numbers[i], i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_has_a_name),
		cmocka_unit_test(every_event_happens_somewhere),
		cmocka_unit_test(the_end_of_the_service_ends_every_upgrade),
		cmocka_unit_test(whoever_waits_for_something_waits_for_a_time),
		cmocka_unit_test(what_fails_behind_the_exec_returns),
		cmocka_unit_test(no_request_has_the_number_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
