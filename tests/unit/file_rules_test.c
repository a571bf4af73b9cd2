/* The grammar of cache_control, error_page, index and fallback, and what they say of a file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file_rules.h"

/* NULL when the value is good; else the reason. */
static const char *reason(enum setting_id id, const char *value)
{
	static char bytes[512];
	const struct setting *row = &settings_table[id];
	struct text why = TEXT_OVER(bytes);
	struct settings settings;
	enum setting_id fault;
	int error;

	assert_int_equal(settings_init(&settings), 0);
	assert_int_equal(setting_read(row, value, false, &settings, &why), 0);
	error = file_rules_check(&settings, &fault, &why);
	settings_free(&settings);
	if (error == 0)
		return NULL;
	assert_int_equal(error, -EINVAL);
	assert_int_equal(fault, id);
	assert_false(why.cut);
	return bytes;
}

static void check(enum setting_id id, const char *const *values, size_t n, bool good)
{
	for (size_t i = 0; i < n; i++) {
		if ((reason(id, values[i]) == NULL) != good)
			fail_msg("%s: \"%s\" is judged wrongly", settings_table[id].name,
				values[i]);
	}
}

static void the_defaults_are_good(void **state)
{
	(void)state;
	assert_null(reason(SETTING_ID_cache_control, ""));
}

static void rules_of_cache_control_are_checked(void **state)
{
	static const char *const good[] = {"*.css:max-age=3600", "*.css:no-cache,*:no-store",
		"/assets/*:public max-age=31536000 immutable", "a:b:no-cache", "*: private ",
		"[a-c]*.js:s-maxage=1", "index.html:must-revalidate  no-transform"};
	static const char *const bad[] = {"*.css", "*.css:", ":no-cache",
		"*: ", "*:max-age=", "*:=1", "*:a=b=c", "*:private=\"x\"", "*:a;b", "*:a\tb",
		"*:\x80", "*:a\nb", "*:no-cache,x"};

	(void)state;
	check(SETTING_ID_cache_control, good, COUNT_OF(good), true);
	check(SETTING_ID_cache_control, bad, COUNT_OF(bad), false);
	assert_non_null(strstr(reason(SETTING_ID_cache_control, "*:no-cache,x"),
		"\"x\" is not GLOB:DIRECTIVES: allowed are"));
}

static void rules_of_error_page_are_checked(void **state)
{
	static const char *const good[] = {"404:/404.html", "4xx:/a,5xx:/b", "50x:/x:y", "4x4:/"};
	static const char *const bad[] = {"404", "404:", "404:404.html", "200:/x", "304:/x",
		"x04:/x", "4040:/x", "40:/x", "4 4:/x", "600:/x", "4XX:/x", ":/x"};

	(void)state;
	check(SETTING_ID_error_page, good, COUNT_OF(good), true);
	check(SETTING_ID_error_page, bad, COUNT_OF(bad), false);
}

static void names_and_paths_are_checked(void **state)
{
	static const char *const good_index[] = {"", "index.html", "a, b,c"};
	static const char *const bad_index[] = {"a/b", "/a", ".hidden", "..", "a,.b"};
	static const char *const good_fallback[] = {"", "/index.html", "/a,b"};
	static const char *const bad_fallback[] = {"index.html", " /x", "./x"};

	(void)state;
	check(SETTING_ID_index, good_index, COUNT_OF(good_index), true);
	check(SETTING_ID_index, bad_index, COUNT_OF(bad_index), false);
	check(SETTING_ID_fallback, good_fallback, COUNT_OF(good_fallback), true);
	check(SETTING_ID_fallback, bad_fallback, COUNT_OF(bad_fallback), false);
}

static void the_first_rule_that_fits_says_how_long_to_keep(void **state)
{
	static const char rules[] = "/assets/*:public max-age=31536000 immutable,*.css:max-age=60,"
				    "/exact:no-store,*.[jt]s:max-age=1,?.html:max-age=2,"
				    "we*rd.txt:  no-cache   private ";
	static const struct {
		const char *path, *value;
	} rows[] = {
		{"/assets/app.js", "public, max-age=31536000, immutable"},
		{"/assets/deep/er/a.css", "public, max-age=31536000, immutable"},
		{"/a.css", "max-age=60"},
		{"/deep/a.css", "max-age=60"},
		{"/.css", "max-age=60"},
		{"/exact", "no-store"},
		{"/sub/exact", ""},
		{"/a.ts", "max-age=1"},
		{"/a.xs", ""},
		{"/a.html", "max-age=2"},
		{"/ab.html", ""},
		{"/A.CSS", ""},
		{"/we:rd.txt", "no-cache, private"},
		{"/", ""},
		{"/assets", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char bytes[128];
		struct text value = TEXT_OVER(bytes);

		file_rules_cache_control(rules, rows[i].path, &value);
		assert_string_equal(bytes, rows[i].value);
		value.used = 0;
		file_rules_cache_control(NULL, rows[i].path, &value);
		assert_int_equal(value.used, 0);
	}
}

static void the_first_page_that_fits_a_status_is_sent(void **state)
{
	static const char rules[] = "404:/404.html,50x:/sorry.html,4xx:/other.html,500:/never";
	static const struct {
		unsigned status;
		const char *page;
	} rows[] = {
		{404, "/404.html"},
		{403, "/other.html"},
		{499, "/other.html"},
		{500, "/sorry.html"},
		{503, "/sorry.html"},
		{510, NULL},
		{200, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		size_t size;
		const char *page = file_rules_error_page(rules, rows[i].status, &size);

		assert_true((page == NULL) == (rows[i].page == NULL));
		if (page != NULL) {
			assert_int_equal(size, strlen(rows[i].page));
			assert_memory_equal(page, rows[i].page, size);
		}
		assert_null(file_rules_error_page(NULL, rows[i].status, &size));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults_are_good),
		cmocka_unit_test(rules_of_cache_control_are_checked),
		cmocka_unit_test(rules_of_error_page_are_checked),
		cmocka_unit_test(names_and_paths_are_checked),
		cmocka_unit_test(the_first_rule_that_fits_says_how_long_to_keep),
		cmocka_unit_test(the_first_page_that_fits_a_status_is_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
