/* Each row of the worker's tables does what it says: statuses, reserved fields, deadlines. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "service/deadlines.h"
#include "service/response.h"
#include "service/statuses.h"

static const struct {
	unsigned code;
	const char *phrase;
} statuses[] = {
#define STATUS(code, phrase) {code, phrase},
#include "service/statuses.def"
#undef STATUS
};

static const char *const reserved[] = {
#define RESERVED(name) name,
#include "service/reserved.def"
#undef RESERVED
};

static const char *const kinds[] = {
#define DEADLINE(name, meaning) #name,
#include "service/deadlines.def"
#undef DEADLINE
};

static void each_status_has_its_line_and_its_phrase(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		struct narwhal_bytes line = status_line(statuses[i].code);
		char wanted[100];
		int size = snprintf(wanted, sizeof(wanted), "HTTP/1.1 %u %s\r\n", statuses[i].code,
			statuses[i].phrase);

		assert_int_equal(line.size, size);
		assert_memory_equal(line.data, wanted, (size_t)size);
		assert_string_equal(status_phrase(statuses[i].code), statuses[i].phrase);
	}
	assert_int_equal(status_line(299).size, 0);
	assert_string_equal(status_phrase(299), "");
}

static void statuses_are_sorted_and_final(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		assert_in_range(statuses[i].code, 200, 599);
		if (i > 0)
			assert_true(statuses[i].code > statuses[i - 1].code);
	}
}

static void no_app_writes_a_reserved_field(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < COUNT_OF(reserved); i++) {
		struct narwhal_response response = {0};

		response_reset(&response);
		assert_int_equal(narwhal_response_field(&response, reserved[i], "x"), -EINVAL);
		assert_int_equal(response.fields.used, 0);
		response_free(&response);
	}
}

static void each_deadline_falls_due_after_its_own_time(void **unused)
{
	uint64_t after_ms[DEADLINES];
	struct deadlines deadlines;

	(void)unused;
	for (size_t i = 0; i < DEADLINES; i++)
		after_ms[i] = 10 * (i + 1);
	deadlines_init(&deadlines, after_ms);
	for (size_t i = 0; i < DEADLINES; i++) {
		struct deadline deadline = {0};
		uint64_t due = 1000 + after_ms[i];

		deadline_set(&deadlines, &deadline, (enum deadline_kind)i, 1000);
		assert_int_equal(deadlines_nearest(&deadlines), due);
		assert_null(deadlines_take_due(&deadlines, due - 1));
		if (i == DEADLINE_NEXT) { /* when that turn begins, the worker says */
			assert_null(deadlines_take_due(&deadlines, due));
			deadlines_move(&deadlines, DEADLINE_NEXT, DEADLINE_NOW, 1000);
		}
		if (deadlines_take_due(&deadlines, due) != &deadline)
			fail_msg("%s is not due", kinds[i]);
		assert_int_equal(deadlines_nearest(&deadlines), CLOCK_NEVER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_status_has_its_line_and_its_phrase),
		cmocka_unit_test(statuses_are_sorted_and_final),
		cmocka_unit_test(no_app_writes_a_reserved_field),
		cmocka_unit_test(each_deadline_falls_due_after_its_own_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
