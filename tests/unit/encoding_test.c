/* RFC 9110 sections 12.4.2, 12.5.1 and 12.5.3: who gets which coding, and who a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "service/apps/encoding.h"
#include "service/apps/weight.h"

#define BR (1U << ENCODING_br)
#define ZSTD (1U << ENCODING_zstd)
#define GZIP (1U << ENCODING_gzip)
#define IDENTITY (1U << ENCODING_identity)
#define ALL (BR | ZSTD | GZIP | IDENTITY)

static const char *name_of(enum encoding encoding)
{
	if (encoding == ENCODINGS)
		return "none";
	return encoding == ENCODING_identity ? "identity" : encoding_name(encoding);
}

struct row {
	unsigned there;
	const char *first, *second; /* lines; NULL: none */
	const char *chosen;
};

static void add(struct encoding_wish *wish, const char *value)
{
	size_t size = strlen(value);
	char *exact = test_malloc(size + 1);

	memcpy(exact, value, size);
	exact[size] = '0'; /* would be a digit more */
	encoding_add(wish, exact, size);
	test_free(exact);
}

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct encoding_wish wish = {0};
		const char *chosen;

		if (rows[i].first != NULL)
			add(&wish, rows[i].first);
		if (rows[i].second != NULL)
			add(&wish, rows[i].second);
		chosen = name_of(encoding_choose(&wish, rows[i].there));
		if (strcmp(chosen, rows[i].chosen) != 0)
			fail_msg("row %zu (%s) gave %s", i,
				rows[i].first != NULL ? rows[i].first : "nothing", chosen);
	}
}

static void who_says_nothing_gets_it_as_it_is(void **state)
{
	static const struct row rows[] = {
		{ALL, NULL, NULL, "identity"},
		{ALL, "", NULL, "identity"},
		{ALL, "identity", NULL, "identity"},
		{ALL, "deflate, compress", NULL, "identity"},
		{ALL, ", ,", NULL, "identity"},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void the_best_of_what_is_there_and_liked_is_sent(void **state)
{
	static const struct row rows[] = {
		{ALL, "gzip", NULL, "gzip"},
		{ALL, "GZIP", NULL, "gzip"},
		{ALL, "x-gzip", NULL, "gzip"},
		{ALL, "zstd", NULL, "zstd"},
		{ALL, "gzip, deflate, br, zstd", NULL, "br"},
		{IDENTITY | GZIP | ZSTD, "gzip, deflate, br, zstd", NULL, "zstd"},
		{IDENTITY | GZIP, "gzip, deflate, br, zstd", NULL, "gzip"},
		{IDENTITY, "gzip, deflate, br, zstd", NULL, "identity"},
		{ALL, "gzip", "br", "br"},
		{IDENTITY | BR, "gzip", NULL, "identity"},
		{ALL, "gzipp", NULL, "identity"},
		{ALL, "gzi", NULL, "identity"},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void quality_decides(void **state)
{
	static const struct row rows[] = {
		{ALL, "br;q=0.5, gzip;q=0.8", NULL, "gzip"},
		{ALL, "br;q=0.8, gzip;q=0.800", NULL, "br"},
		{ALL, "br;q=0.001, gzip;q=0.002", NULL, "gzip"},
		{ALL, "gzip;q=0.001", NULL, "gzip"},
		{ALL, "gzip;Q=1.000", NULL, "gzip"},
		{ALL, "gzip ; q=1", NULL, "gzip"},
		{ALL, "gzip\t;\tq=0.", NULL, "identity"},
		{ALL, "identity, gzip;q=0.9", NULL, "identity"},
		{ALL, "identity;q=0.5, gzip;q=0.9", NULL, "gzip"},
		{ALL, "gzip;q=0", NULL, "identity"},
		{ALL, "br;q=0, gzip;q=0.000", NULL, "identity"},
		/* The first of two for one coding counts. */
		{ALL, "gzip;q=0, gzip", NULL, "identity"},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void the_star_stands_for_what_is_not_named(void **state)
{
	static const struct row rows[] = {
		{ALL, "*", NULL, "br"},
		{IDENTITY, "*", NULL, "identity"},
		{ALL, "*;q=0.5, gzip", NULL, "gzip"},
		{ALL, "*;q=0, gzip", NULL, "gzip"},
		{ALL, "br;q=0, *", NULL, "zstd"},
		{IDENTITY, "*;q=0", NULL, "none"},
		{ALL, "*;q=0", NULL, "none"},
		{ALL, "*;q=0, identity", NULL, "identity"},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void identity_may_be_refused(void **state)
{
	static const struct row rows[] = {
		{ALL, "identity;q=0", NULL, "none"},
		{ALL, "identity;q=0, br", NULL, "br"},
		{IDENTITY, "identity;q=0, br", NULL, "none"},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void a_malformed_element_counts_as_not_there(void **state)
{
	static const struct row rows[] = {
		{ALL, "gzip;q=2", NULL, "identity"},
		{ALL, "gzip;q=1.001", NULL, "identity"},
		{ALL, "gzip;q=0.0001", NULL, "identity"},
		{ALL, "gzip;q=-1", NULL, "identity"},
		{ALL, "gzip;q=", NULL, "identity"},
		{ALL, "gzip;q=.5", NULL, "identity"},
		{ALL, "gzip;x=1", NULL, "identity"},
		{ALL, "gzip;", NULL, "identity"},
		{ALL, "gzip q=1", NULL, "identity"},
		{ALL, "gzip;q=1x", NULL, "identity"},
		{ALL, "gzip=1", NULL, "identity"},
		{ALL, ";q=1, br", NULL, "br"},
		{ALL, "identity;q=zero", NULL, "identity"},
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void a_page_is_for_who_would_have_one(void **state)
{
	static const struct {
		const char *accept;
		bool allowed;
	} rows[] = {
		{NULL, true},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true},
		{"*/*", true},
		{"text/*", true},
		{"Text/HTML ; q=0.1", true},
		{"application/json, text/html;level=1", true},
		{"", false},
		{"application/json", false},
		{"image/*", false},
		{"text/plain", false},
		{"*/*;q=0", false},
		{"text/html;q=0, */*", false},
		{"*/*, text/html;q=0", false},
		{"text/*;q=0, text/html", true},
		{"text/htmlx", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct narwhal_bytes accept = {rows[i].accept,
			rows[i].accept != NULL ? strlen(rows[i].accept) : 0};

		if (weight_allows_html(accept) != rows[i].allowed)
			fail_msg("\"%s\" is decided wrongly", rows[i].accept);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_says_nothing_gets_it_as_it_is),
		cmocka_unit_test(the_best_of_what_is_there_and_liked_is_sent),
		cmocka_unit_test(quality_decides),
		cmocka_unit_test(the_star_stands_for_what_is_not_named),
		cmocka_unit_test(identity_may_be_refused),
		cmocka_unit_test(a_malformed_element_counts_as_not_there),
		cmocka_unit_test(a_page_is_for_who_would_have_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
