#include "service/tls_names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

static void add(struct tls_names *names, const char *name, size_t certificate)
{
	assert_int_equal(tls_names_add(names, name, strlen(name), certificate), 0);
}

static void a_name_finds_its_certificate(void **state)
{
	struct tls_names names = {0};
	static const struct {
		const char *name;
		size_t certificate;
	} rows[] = {
		{"example.com", 0},
		{"EXAMPLE.com", 0},
		{"example.com.", 0},
		{"www.example.com", 1},
		{"api.example.com", 2}, /* its own name before the pattern */
		{"a.b.example.com", TLS_NAMES_NONE},
		{".example.com", TLS_NAMES_NONE},
		{"*.example.com", TLS_NAMES_NONE},
		{"example.org", TLS_NAMES_NONE},
		{"com", TLS_NAMES_NONE},
		{"", TLS_NAMES_NONE},
		{".", TLS_NAMES_NONE},
		{"exa mple.com", TLS_NAMES_NONE},
		{"\xff", TLS_NAMES_NONE},
	};

	(void)state;
	add(&names, "Example.COM", 0);
	add(&names, "*.example.com", 1);
	add(&names, "api.example.com", 2);
	add(&names, "example.com", 3); /* the first one has it */
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(tls_names_find(&names, rows[i].name), rows[i].certificate);
	tls_names_free(&names);
}

static void what_is_no_name_is_refused(void **state)
{
	struct tls_names names = {0};
	char text[TLS_NAME_MAX + 1];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(tls_names_add(&names, "", 0, 0), -EINVAL);
	assert_int_equal(tls_names_add(&names, "a\0b", 3, 0), -EINVAL);
	assert_int_equal(tls_names_add(&names, text, sizeof(text), 0), -EINVAL);
	assert_int_equal(tls_names_add(&names, text, sizeof(text) - 1, 0), 0);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(tls_names_find(&names, text), 0);
	assert_int_equal(names.count, 1);
	tls_names_free(&names);
}

static void of_many_names_each_is_found(void **state)
{
	struct tls_names names = {0};
	char text[32];

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "%zu.test", i * 7919 % 1000);
		add(&names, text, i * 7919 % 1000);
	}
	for (size_t i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "%zu.test", i);
		assert_int_equal(tls_names_find(&names, text), i);
	}
	tls_names_free(&names);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_finds_its_certificate),
		cmocka_unit_test(what_is_no_name_is_refused),
		cmocka_unit_test(of_many_names_each_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
