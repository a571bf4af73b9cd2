/* The metrics page, out of given numbers, and how a sample is written whatever its label is. */
#include "tests/unit/unit.h"

#include <string.h>

#include "init/metrics.h"

static char page[64 * 1024];

static const struct metrics some = {
	.version = "1.2.3",
	.start_us = 1795309634926000,
	.uptime_us = 1500000,
	.ready = 1,
	.generation = 3,
	.phase = PHASE_DRAIN,
	.wished = 4,
	.workers = {[STATE_SERVING] = 2, [STATE_DRAINING] = 1},
	.exits = {[CAUSE_OOM] = 5},
	.tally = {.starts = 9, .reloads = {[TALLY_FAILED] = 1}},
	.resident = METRICS_UNKNOWN,
	.virtual = 4096,
};

static const char *write_page(void)
{
	struct text text = TEXT_OVER(page);

	metrics_write(&some, &text);
	assert_false(text.cut);
	return page;
}

static void each_family_is_there(void **state)
{
	static const char *const names[METRICS] = {
#define METRIC(id, name, type, label, meaning) [METRIC_##id] = (name),
#include "base/metrics.def"
#undef METRIC
	};
	static const struct metrics nothing = {.version = ""};
	struct text text = TEXT_OVER(page);

	(void)state;
	metrics_write(&nothing, &text);
	for (size_t i = 0; i < METRICS; i++) {
		char bytes[128];
		struct text line = TEXT_OVER(bytes);

		text_printf(&line, "\n# TYPE %s ", names[i]);
		assert_non_null(strstr(page, bytes));
	}
}

static bool has(const char *lines)
{
	return strstr(write_page(), lines) != NULL;
}

static void a_family_has_its_meaning_its_type_and_its_samples(void **state)
{
	(void)state;
	assert_true(has("\n# TYPE narwhal_worker_starts_total counter\n"
			"narwhal_worker_starts_total 9\n# HELP "));
	assert_true(has("\n# TYPE narwhal_generation gauge\nnarwhal_generation 3\n"));
	assert_true(has("narwhal_build_info{version=\"1.2.3\"} 1\n"));
	assert_true(has("narwhal_workers{state=\"serving\"} 2\n"));
	assert_true(has("narwhal_workers{state=\"draining\"} 1\n"));
	assert_false(has("state=\"vacant\""));
	assert_true(has("narwhal_worker_exits_total{cause=\"oom\"} 5\n"));
	assert_false(has("cause=\"none\""));
	assert_true(has("narwhal_reloads_total{outcome=\"failed\"} 1\n"));
}

static void times_are_seconds(void **state)
{
	(void)state;
	assert_true(has("narwhal_start_time_seconds 1795309634.926000\n"));
	assert_true(has("narwhal_uptime_seconds 1.500000\n"));
}

static void of_the_phases_one_is_true(void **state)
{
	(void)state;
	assert_true(has("narwhal_phase{phase=\"serve\"} 0\n"));
	assert_true(has("narwhal_phase{phase=\"drain\"} 1\n"));
}

static void what_is_not_known_is_left_out(void **state)
{
	(void)state;
	assert_false(has("process_resident_memory_bytes"));
	assert_true(has("process_virtual_memory_bytes 4096\n"));
}

static void a_label_is_escaped_whatever_it_is(void **state)
{
	char bytes[256];
	struct text text = TEXT_OVER(bytes);

	(void)state;
	metric_add(&text, METRIC_BUILD, "a\"b\\c\nd\x80\x7f", 1);
	assert_string_equal(bytes, "narwhal_build_info{version=\"a\\\"b\\\\c_d__\"} 1\n");
}

static void a_page_that_finds_no_room_is_cut(void **state)
{
	char bytes[100];
	struct text text = TEXT_OVER(bytes);

	(void)state;
	metrics_write(&some, &text);
	assert_true(text.cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_family_has_its_meaning_its_type_and_its_samples),
		cmocka_unit_test(each_family_is_there),
		cmocka_unit_test(times_are_seconds),
		cmocka_unit_test(of_the_phases_one_is_true),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(a_label_is_escaped_whatever_it_is),
		cmocka_unit_test(a_page_that_finds_no_room_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
