/* RFC 9110 section 13: who gets the file, who 304, who 412. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "service/apps/conditional.h"

#define ETAG "\"18f-2a\""
#define OLDER "Sun, 06 Nov 1994 08:49:36 GMT"
#define SAME "Sun, 06 Nov 1994 08:49:37 GMT"
#define NEWER "Sun, 06 Nov 1994 08:49:38 GMT"

#define SEND CONDITIONAL_SEND
#define NOT_MODIFIED CONDITIONAL_NOT_MODIFIED
#define FAILED CONDITIONAL_FAILED

#define LINES 3

struct row {
	enum conditional_outcome outcome;
	const char *lines[LINES][2];
};

static enum conditional_outcome decide(const char *const lines[LINES][2])
{
	struct conditional conditional = {
		.etag = ETAG,
		.etag_size = sizeof(ETAG) - 1,
		.modified = 784111777,
	};

	for (size_t i = 0; i < LINES && lines[i][0] != NULL; i++) {
		/* A copy of exact size: reading past the end is seen by the sanitizer. */
		size_t size = strlen(lines[i][1]);
		char *exact = test_malloc(size + 1);

		memcpy(exact, lines[i][1], size);
		exact[size] = '"';
		conditional_add(&conditional, lines[i][0], strlen(lines[i][0]), exact, size);
		test_free(exact);
	}
	return conditional_decide(&conditional);
}

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum conditional_outcome outcome = decide(rows[i].lines);

		if (outcome != rows[i].outcome)
			fail_msg("row %zu (%s: %s) gave %d", i, rows[i].lines[0][0],
				rows[i].lines[0][1], (int)outcome);
	}
}

static void without_a_condition_the_file_is_sent(void **state)
{
	static const struct row rows[] = {
		{SEND, {{NULL, NULL}}},
		{SEND, {{"Host", "example"}, {"Accept", "*"}}},
		{SEND, {{"If", ETAG}, {"If-", ETAG}, {"", "*"}}},
		{SEND, {{"If-Range", ETAG}, {"If-None-Matches", ETAG}, {"If-Matcg", "\"x\""}}},
		{SEND, {{"If_None_Match", ETAG}}},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void if_none_match_compares_weakly(void **state)
{
	static const struct row rows[] = {
		{NOT_MODIFIED, {{"If-None-Match", ETAG}}},
		{NOT_MODIFIED, {{"if-none-match", ETAG}}},
		{NOT_MODIFIED, {{"IF-NONE-MATCH", ETAG}}},
		{NOT_MODIFIED, {{"If-None-Match", "W/" ETAG}}},
		{NOT_MODIFIED, {{"If-None-Match", "*"}}},
		{SEND, {{"If-None-Match", "\"18f-2b\""}}},
		{SEND, {{"If-None-Match", "\"18F-2A\""}}},
		{SEND, {{"If-None-Match", "\"\""}}},
		{SEND, {{"If-None-Match", "\"*\""}}},
		{SEND, {{"If-None-Match", "w/" ETAG}}},
		{SEND, {{"If-None-Match", ""}}},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void a_list_matches_with_any_of_its_members(void **state)
{
	static const struct row rows[] = {
		{NOT_MODIFIED, {{"If-None-Match", "\"a\", " ETAG}}},
		{NOT_MODIFIED, {{"If-None-Match", ETAG ",\"a\""}}},
		{NOT_MODIFIED, {{"If-None-Match", "\"a\",\"b\"," ETAG ",\"c\""}}},
		{NOT_MODIFIED, {{"If-None-Match", "W/\"a\" , W/" ETAG}}},
		{NOT_MODIFIED, {{"If-None-Match", ", ,\t,, " ETAG " ,"}}},
		{NOT_MODIFIED, {{"If-None-Match", "\"a,b\", " ETAG}}},
		{NOT_MODIFIED, {{"If-None-Match", "\"\", " ETAG}}},
		{SEND, {{"If-None-Match", "\"a\", \"b\""}}},
		/* A quote inside a quoted member would be the start of a forged one. */
		{SEND, {{"If-None-Match", "\"a" ETAG}}},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void a_malformed_list_ends_where_it_is_malformed(void **state)
{
	static const struct row rows[] = {
		{SEND, {{"If-None-Match", "18f-2a"}}},
		{SEND, {{"If-None-Match", "\"18f-2a"}}},
		{SEND, {{"If-None-Match", "18f-2a\""}}},
		{SEND, {{"If-None-Match", "\""}}},
		{SEND, {{"If-None-Match", "W/"}}},
		{SEND, {{"If-None-Match", "W"}}},
		{SEND, {{"If-None-Match", "x, " ETAG}}},
		{SEND, {{"If-None-Match", "*, " ETAG}}},
		{SEND, {{"If-None-Match", ETAG "x"}}},
		{SEND, {{"If-None-Match", ETAG ETAG}}},
		{NOT_MODIFIED, {{"If-None-Match", ETAG ", x"}}},
		{FAILED, {{"If-Match", "18f-2a"}}},
		{FAILED, {{"If-Match", ""}}},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void several_lines_are_one_list(void **state)
{
	static const struct row rows[] = {
		{NOT_MODIFIED, {{"If-None-Match", "\"a\""}, {"If-None-Match", ETAG}}},
		{NOT_MODIFIED, {{"If-None-Match", ETAG}, {"If-None-Match", "\"a\""}}},
		{NOT_MODIFIED,
			{{"If-None-Match", "\"a\""}, {"Host", "x"}, {"if-none-match", "W/" ETAG}}},
		{SEND, {{"If-None-Match", "\"a\""}, {"If-None-Match", "\"b\""}}},
		{SEND, {{"If-Match", "\"a\""}, {"If-Match", ETAG}}},
		{FAILED, {{"If-Match", "\"a\""}, {"If-Match", "\"b\""}}},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void if_match_compares_strongly(void **state)
{
	static const struct row rows[] = {
		{SEND, {{"If-Match", ETAG}}},
		{SEND, {{"If-Match", "*"}}},
		{SEND, {{"If-Match", "\"a\", " ETAG}}},
		{FAILED, {{"If-Match", "W/" ETAG}}},
		{FAILED, {{"If-Match", "\"a\""}}},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void if_modified_since_compares_by_the_second(void **state)
{
	static const struct row rows[] = {
		{SEND, {{"If-Modified-Since", OLDER}}},
		{NOT_MODIFIED, {{"If-Modified-Since", SAME}}},
		{NOT_MODIFIED, {{"If-Modified-Since", NEWER}}},
		{NOT_MODIFIED, {{"If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT"}}},
		{NOT_MODIFIED, {{"If-Modified-Since", "Sun Nov  6 08:49:37 1994"}}},
		{SEND, {{"If-Modified-Since", "Sun Nov  6 08:49:36 1994"}}},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void if_unmodified_since_fails_what_is_newer(void **state)
{
	static const struct row rows[] = {
		{FAILED, {{"If-Unmodified-Since", OLDER}}},
		{SEND, {{"If-Unmodified-Since", SAME}}},
		{SEND, {{"If-Unmodified-Since", NEWER}}},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void what_is_no_single_date_is_ignored(void **state)
{
	static const struct row rows[] = {
		{SEND, {{"If-Modified-Since", "yesterday"}}},
		{SEND, {{"If-Modified-Since", ""}}},
		{SEND, {{"If-Modified-Since", SAME ", " SAME}}},
		{SEND, {{"If-Modified-Since", SAME}, {"If-Modified-Since", SAME}}},
		{SEND, {{"If-Modified-Since", "x"}, {"If-Modified-Since", SAME}}},
		{SEND, {{"If-Unmodified-Since", "yesterday"}}},
		{SEND, {{"If-Unmodified-Since", OLDER}, {"If-Unmodified-Since", OLDER}}},
		{SEND, {{"If-Unmodified-Since", "0"}}},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

/* Section 13.2.2, step by step. */
static void the_precedence_is_that_of_the_rfc(void **state)
{
	static const struct row rows[] = {
		/* 1 before 2: with If-Match, If-Unmodified-Since is not looked at. */
		{SEND, {{"If-Match", ETAG}, {"If-Unmodified-Since", OLDER}}},
		{SEND, {{"If-Unmodified-Since", OLDER}, {"If-Match", "*"}}},
		{FAILED, {{"If-Match", "\"a\""}, {"If-Unmodified-Since", NEWER}}},
		/* 1 and 2 before 3 and 4: a 412 wins over a 304. */
		{FAILED, {{"If-Match", "\"a\""}, {"If-None-Match", ETAG}}},
		{FAILED, {{"If-None-Match", ETAG}, {"If-Match", "\"a\""}}},
		{FAILED, {{"If-Unmodified-Since", OLDER}, {"If-None-Match", ETAG}}},
		{FAILED, {{"If-Unmodified-Since", OLDER}, {"If-Modified-Since", NEWER}}},
		/* After 1 or 2 were true, 3 and 4 still count. */
		{NOT_MODIFIED, {{"If-Match", ETAG}, {"If-None-Match", ETAG}}},
		{NOT_MODIFIED, {{"If-Unmodified-Since", SAME}, {"If-None-Match", "*"}}},
		{NOT_MODIFIED, {{"If-Match", "*"}, {"If-Modified-Since", SAME}}},
		{SEND, {{"If-Match", ETAG}, {"If-None-Match", "\"a\""}}},
		/* 3 before 4: with If-None-Match, If-Modified-Since is not looked at. */
		{SEND, {{"If-None-Match", "\"a\""}, {"If-Modified-Since", NEWER}}},
		{SEND, {{"If-Modified-Since", NEWER}, {"If-None-Match", "\"a\""}}},
		{NOT_MODIFIED, {{"If-None-Match", ETAG}, {"If-Modified-Since", OLDER}}},
		/* What is no date is as if it were not there. */
		{NOT_MODIFIED, {{"If-Unmodified-Since", "x"}, {"If-Modified-Since", SAME}}},
		/* All at once. */
		{SEND, {{"If-Match", ETAG}, {"If-None-Match", "\"a\""},
			       {"If-Modified-Since", SAME}}},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_condition_the_file_is_sent),
		cmocka_unit_test(if_none_match_compares_weakly),
		cmocka_unit_test(a_list_matches_with_any_of_its_members),
		cmocka_unit_test(a_malformed_list_ends_where_it_is_malformed),
		cmocka_unit_test(several_lines_are_one_list),
		cmocka_unit_test(if_match_compares_strongly),
		cmocka_unit_test(if_modified_since_compares_by_the_second),
		cmocka_unit_test(if_unmodified_since_fails_what_is_newer),
		cmocka_unit_test(what_is_no_single_date_is_ignored),
		cmocka_unit_test(the_precedence_is_that_of_the_rfc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
