/* What must hold for whole tables: no row twice, no row out of reach, no name that lies. */
#include "tests/unit/unit.h"

#include <ctype.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "base/attr.h"

struct step {
	const char *in, *on, *becomes;
};

static const struct step life[] = {
#define STEP(in, on, becomes, cause) {#in, #on, #becomes},
#include "init/steps.def"
#undef STEP
};

static const struct step chunked[] = {
#define STEP(in, on, becomes) {#in, #on, #becomes},
#include "service/chunked.def"
#undef STEP
};

struct row {
	const char *name, *other;
	int number;
};

static const struct row states[] = {
#define STATE(name, limit, meaning) {#name, meaning, 0},
#include "init/states.def"
#undef STATE
};

static const struct row events[] = {
#define EVENT(name, meaning) {#name, meaning, 0},
#include "init/events.def"
#undef EVENT
};

static const struct row causes[] = {
#define CAUSE(name, logged, meaning) {#name, logged, 0},
#include "init/causes.def"
#undef CAUSE
};

static const struct row exits[] = {
#define EXIT(name, status, meaning) {#name, meaning, status},
#include "base/exits.def"
#undef EXIT
};

static const struct row signals[] = {
#define SIGNAL(name, verb, meaning) {#name, meaning, SIG##name},
#include "init/signals.def"
#undef SIGNAL
};

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static void assert_each_once(const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (is(steps[i].in, steps[j].in) && is(steps[i].on, steps[j].on))
				fail_msg("%s on %s stands there twice", steps[i].in, steps[i].on);
		}
	}
}

static bool becomes_from_another(const struct step *steps, size_t count, const char *state)
{
	for (size_t i = 0; i < count; i++) {
		if (is(steps[i].becomes, state) && !is(steps[i].in, state))
			return true;
	}
	return false;
}

static void assert_reached(const struct step *steps, size_t count, const char *start,
	const char *state)
{
	if (!is(state, start) && !becomes_from_another(steps, count, state))
		fail_msg("nothing leads to %s", state);
}

static void assert_numbers_differ(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(rows[i].number, rows[j].number);
	}
}

static void every_step_of_a_worker_stands_there_once_and_is_reached(void **unused)
{
	(void)unused;
	assert_each_once(life, COUNT_OF(life));
	for (size_t i = 0; i < COUNT_OF(life); i++)
		assert_reached(life, COUNT_OF(life), "VACANT", life[i].in);
}

/* Behind a chunk's data, chunked.c goes to DATA_CR by itself. */
static void every_step_of_the_chunked_coding_stands_there_once_and_is_reached(void **unused)
{
	(void)unused;
	assert_each_once(chunked, COUNT_OF(chunked));
	for (size_t i = 0; i < COUNT_OF(chunked); i++) {
		if (!is(chunked[i].in, "DATA_CR"))
			assert_reached(chunked, COUNT_OF(chunked), "SIZE_FIRST", chunked[i].in);
	}
}

static void every_state_but_vacant_ends_when_its_process_is_reaped(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		size_t ends = 0;

		for (size_t j = 0; j < COUNT_OF(life); j++)
			ends += is(life[j].in, states[i].name) && is(life[j].on, "EXITED") &&
				is(life[j].becomes, "VACANT");
		if (ends != !is(states[i].name, "VACANT"))
			fail_msg("%s ends %zu times", states[i].name, ends);
	}
}

static void every_event_happens_in_some_state(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT_OF(events); i++) {
		bool known = false;

		for (size_t j = 0; j < COUNT_OF(life); j++)
			known = known || is(life[j].on, events[i].name);
		if (!known)
			fail_msg("%s happens nowhere", events[i].name);
	}
}

static void a_cause_is_logged_by_its_own_name(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT_OF(causes); i++) {
		assert_int_equal(strlen(causes[i].name), strlen(causes[i].other));
		for (size_t n = 0; causes[i].name[n] != '\0'; n++)
			assert_int_equal(tolower(causes[i].name[n]), causes[i].other[n]);
	}
}

/* From 126 on the shell speaks: not executable, not found, 128 + the number of a signal. */
static void exit_statuses_differ_and_are_not_the_shells(void **unused)
{
	(void)unused;
	assert_numbers_differ(exits, COUNT_OF(exits));
	for (size_t i = 0; i < COUNT_OF(exits); i++)
		assert_in_range(exits[i].number, 0, 125);
}

static void a_signal_has_one_verb_and_can_be_caught(void **unused)
{
	(void)unused;
	assert_numbers_differ(signals, COUNT_OF(signals));
	for (size_t i = 0; i < COUNT_OF(signals); i++) {
		assert_int_not_equal(signals[i].number, SIGKILL);
		assert_int_not_equal(signals[i].number, SIGSTOP);
	}
}

enum kind {
	WORD,
	FLAG,
};

static const struct verb {
	const char *name, *word;
	enum kind kind;
} verbs[] = {
#define VERB(name, word, flag, kind, help) {#name, word, kind},
#include "init/verbs.def"
#undef VERB
};

static void no_verb_has_the_word_of_another(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(verbs[i].name, verbs[j].name);
			assert_false(verbs[i].kind == verbs[j].kind &&
				     strcmp(verbs[i].word, verbs[j].word) == 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_of_a_worker_stands_there_once_and_is_reached),
		cmocka_unit_test(every_step_of_the_chunked_coding_stands_there_once_and_is_reached),
		cmocka_unit_test(every_state_but_vacant_ends_when_its_process_is_reaped),
		cmocka_unit_test(every_event_happens_in_some_state),
		cmocka_unit_test(a_cause_is_logged_by_its_own_name),
		cmocka_unit_test(exit_statuses_differ_and_are_not_the_shells),
		cmocka_unit_test(a_signal_has_one_verb_and_can_be_caught),
		cmocka_unit_test(no_verb_has_the_word_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
