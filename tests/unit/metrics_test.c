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
	.tally = {.starts = 9,
		.reloads = {[TALLY_FAILED] = 1},
		.answers = {0, 7, 0, 2, 1},
		.durations = {[0] = 4, [2] = 3, [PAGE_LONGER] = 1},
		.durations_us = 12345678,
		.handshakes = {[PAGE_HANDSHAKE_RESUMED] = 6},
		.kernel_tls = 4,
		.counters = 1,
		.counter = {{"sold", 11}}},
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
		if (i != METRIC_CERTIFICATE_END &&
			i != METRIC_CERTIFICATE_DAYS) /* the exporter's */
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

static void what_workers_count_is_told(void **state)
{
	(void)state;
	assert_true(has("narwhal_requests_total{status=\"2xx\"} 7\n"));
	assert_true(has("narwhal_requests_total{status=\"5xx\"} 1\n"));
	assert_true(has("narwhal_tls_handshakes_total{outcome=\"resumed\"} 6\n"));
	assert_true(has("narwhal_tls_kernel_connections_total 4\n"));
	assert_true(has("narwhal_app_total{name=\"sold\"} 11\n"));
}

static void buckets_hold_what_is_in_smaller_ones_too(void **state)
{
	(void)state;
	assert_true(has("# TYPE narwhal_request_duration_seconds histogram\n"
			"narwhal_request_duration_seconds_bucket{le=\"0.001\"} 4\n"
			"narwhal_request_duration_seconds_bucket{le=\"0.005\"} 4\n"
			"narwhal_request_duration_seconds_bucket{le=\"0.01\"} 7\n"));
	assert_true(has("_bucket{le=\"10\"} 7\n"
			"narwhal_request_duration_seconds_bucket{le=\"+Inf\"} 8\n"
			"narwhal_request_duration_seconds_sum 12.345678\n"
			"narwhal_request_duration_seconds_count 8\n"));
}

/* By the table itself: its numbers grow, and each is in the bucket that bears its name. */
static void a_duration_is_in_the_first_bucket_that_holds_it(void **state)
{
	static const uint64_t bounds[] = {
#define DURATION(us, seconds) us,
#include "base/durations.def"
#undef DURATION
	};
	static struct page counted;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bounds); i++) {
		if (i > 0)
			assert_true(bounds[i] > bounds[i - 1]);
		page_count_duration(&counted, bounds[i]);
		page_count_duration(&counted, bounds[i] + 1);
		assert_int_equal(counted.durations[i], i == 0 ? 1 : 2);
	}
	assert_int_equal(counted.durations[PAGE_LONGER], 1);
}

static void pages_of_the_living_and_the_dead_are_one_sum(void **state)
{
	static struct page one, other;
	struct tally tally = {0};

	(void)state;
	page_count_answer(&one, 204);
	page_count_answer(&other, 599);
	page_count_answer(&other, 200);
	page_count_duration(&one, 1000);
	page_count_duration(&other, 1001);
	page_count_duration(&other, 10000001);
	one.accepted = 3;
	one.counters = other.counters = 2;
	memcpy(one.counter[0].name, "a", 2);
	memcpy(one.counter[1].name, "b", 2);
	memcpy(other.counter[0].name, "b", 2);
	memcpy(other.counter[1].name, "c", 2);
	one.counter[1].value = 10;
	other.counter[0].value = 5;
	tally_add_page(&tally, &one);
	tally_add_page(&tally, &other);
	assert_int_equal(tally.answers[1], 2);
	assert_int_equal(tally.answers[4], 1);
	assert_int_equal(tally.durations[PAGE_WITHIN_1000], 1);
	assert_int_equal(tally.durations[PAGE_WITHIN_5000], 1);
	assert_int_equal(tally.durations[PAGE_LONGER], 1);
	assert_int_equal(tally.durations_us, 10002002);
	assert_int_equal(tally.accepted, 3);
	assert_int_equal(tally.counters, 3);
	assert_string_equal(tally.counter[1].name, "b");
	assert_int_equal(tally.counter[1].value, 15);
}

/* A worker that is broken into writes there what it likes. */
static void a_page_of_nonsense_costs_no_more_than_its_own_numbers(void **state)
{
	static struct page wild;
	struct tally tally = {0};

	(void)state;
	memset(&wild, 'x', sizeof(wild));
	tally_add_page(&tally, &wild);
	assert_int_equal(tally.counters, 1);
	assert_int_equal(strlen(tally.counter[0].name), PAGE_COUNTER_NAME - 1);
	memcpy(wild.counter[0].name, "sneaky\"} 1\nfake 1\n", 19);
	memset(&tally, 0, sizeof(tally));
	tally_add_page(&tally, &wild);
	assert_int_equal(tally.counters, 1);
	assert_int_equal(tally.counter[0].name[0], 'x');
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < PAGE_COUNTERS; i++) {
			memset(wild.counter[i].name, 0, PAGE_COUNTER_NAME);
			wild.counter[i].name[0] = (char)('a' + i % 26);
			wild.counter[i].name[1] = (char)('a' + round);
			wild.counter[i].name[2] = (char)('a' + i / 26);
		}
		tally_add_page(&tally, &wild);
	}
	assert_int_equal(tally.counters, TALLY_APP_COUNTERS);
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
	assert_string_equal(bytes,
		"narwhal_build_info{version=\"a\\\"b\\\\c\\\\x0ad\\\\x80\\\\x7f\"} 1\n");
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
		cmocka_unit_test(what_workers_count_is_told),
		cmocka_unit_test(buckets_hold_what_is_in_smaller_ones_too),
		cmocka_unit_test(a_duration_is_in_the_first_bucket_that_holds_it),
		cmocka_unit_test(pages_of_the_living_and_the_dead_are_one_sum),
		cmocka_unit_test(a_page_of_nonsense_costs_no_more_than_its_own_numbers),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(a_label_is_escaped_whatever_it_is),
		cmocka_unit_test(a_page_that_finds_no_room_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
