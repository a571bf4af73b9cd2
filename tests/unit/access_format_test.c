/* What a line of the access log may be made of. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "base/access_format.h"

static int read_format(const char *text, struct access_format *format, char why_bytes[2048])
{
	struct text why = {.bytes = why_bytes, .size = 2048};

	why_bytes[0] = '\0';
	return access_format_read(text, format, &why);
}

struct expected {
	enum access_atom atom;
	const char *lead, *text;
};

static void parts_are(const char *text, const struct expected *expected, size_t count)
{
	struct access_format format;
	char why[2048];

	assert_int_equal(read_format(text, &format, why), 0);
	assert_int_equal(format.count, count);
	for (size_t i = 0; i < count; i++) {
		const struct access_part *part = &format.parts[i];

		assert_int_equal(part->atom, expected[i].atom);
		assert_int_equal(part->size, strlen(expected[i].text));
		assert_memory_equal(part->text, expected[i].text, part->size);
		assert_int_equal(part->lead_size, strlen(expected[i].lead));
		assert_memory_equal(part->lead, expected[i].lead, part->lead_size);
	}
	access_format_free(&format);
}

static void a_format_is_text_and_atoms_in_their_order(void **state)
{
	static const struct expected parts[] = {
		{ACCESS_CLIENT, "", ""},
		{ACCESS_STATUS, " - ", ""},
		{ACCESS_REQUEST_ID, "% -%", ""},
		{ACCESS_LITERAL, "-!", ""},
	};

	(void)state;
	parts_are("%(h)s - %(s)s%% %(l)s%%%(request_id)s%(l)s!", parts, COUNT_OF(parts));
	parts_are("", NULL, 0);
}

static void names_in_braces_are_fields_and_variables(void **state)
{
	static const struct expected parts[] = {
		{ACCESS_FIELD, "", "X-Forwarded-For"},
		{ACCESS_ANSWER_FIELD, "", "Content-Type"},
		{ACCESS_FIELD, "", "USER-AGENT"},
		{ACCESS_ENVIRONMENT, "", "HOSTNAME"},
		{ACCESS_CLIENT, "", ""},
		{ACCESS_SCHEME, "", ""},
	};

	(void)state;
	parts_are("%({X-Forwarded-For}i)s%({Content-Type}o)s%({HTTP_USER_AGENT}e)s%({HOSTNAME}e)s"
		  "%({remote_addr}e)s%({wsgi.url_scheme}e)s",
		parts, COUNT_OF(parts));
}

static void every_atom_of_the_table_can_be_said(void **state)
{
	static const char *const names[] = {
#define ATOM(id, name, kind, most, meaning) name,
#include "base/access_atoms.def"
#undef ATOM
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct access_format format;
		char text[64] = "%(", why[2048];

		strcat(strcat(text, names[i]), ")s");
		assert_int_equal(read_format(text, &format, why), 0);
		assert_int_equal(format.count, 1);
		assert_int_equal(format.parts[0].atom, i == ACCESS_IDENT ? ACCESS_LITERAL : i);
		assert_true(access_format_says(&format, format.parts[0].atom));
		assert_false(access_format_says(&format, ACCESS_FIELD));
		/* null, where a value is not known, must fit into what is kept for it. */
		if (format.parts[0].kind <= ACCESS_PLAIN)
			assert_true(format.fixed >= 4);
		access_format_free(&format);
	}
}

static void known_names_are_formats(void **state)
{
	static const char *const names[] = {"common", "combined", "json"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct access_format format;
		char why[2048];

		assert_int_equal(read_format(names[i], &format, why), 0);
		assert_true(format.count >= 6);
		assert_int_equal(format.json, strcmp(names[i], "json") == 0);
		access_format_free(&format);
	}
}

static void what_is_wrong_is_said_with_its_place_and_what_is_allowed(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{"%(x)s", "has an unknown atom at byte 1: "},
		{"%(h)s %(hh)s", "has an unknown atom at byte 7: "},
		{"%()s", "has an unknown atom at byte 1: "},
		{"%h", "has a % that begins neither %% nor %(...)s at byte 1: "},
		{"%(h)s %", "has a % that begins neither %% nor %(...)s at byte 7: "},
		{"%(h)", "has a % that begins neither %% nor %(...)s at byte 1: "},
		{"%(h)d", "has a % that begins neither %% nor %(...)s at byte 1: "},
		{"%(h", "has a % that begins neither %% nor %(...)s at byte 1: "},
		{"%>s", "has a % that begins neither %% nor %(...)s at byte 1: "},
		{"%({a}x)s", "has an unknown atom at byte 1: "},
		{"%({}i)s", "has a name in braces that is none at byte 1: "},
		{"%({a b}i)s", "has a name in braces that is none at byte 1: "},
		{"%({a:}i)s", "has a name in braces that is none at byte 1: "},
		{"%({a}i", "has a % that begins neither %% nor %(...)s at byte 1: "},
		{"%({a)s", "has a name in braces that is none at byte 1: "},
		{"%({)s", "has a name in braces that is none at byte 1: "},
		{"%({a}ii)s", "has a name in braces that is none at byte 1: "},
		{"a\nb", "has a control character at byte 2: "},
		{"%(h)s\x7f", "has a control character at byte 6: "},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct access_format format;
		char bytes[2048];
		struct text why = TEXT_OVER(bytes);

		assert_int_equal(read_format(cases[i].text, &format, bytes), -EINVAL);
		assert_int_equal(strncmp(bytes, cases[i].said, strlen(cases[i].said)), 0);
		assert_non_null(strstr(bytes, "%({FIELD}i)s"));
		assert_non_null(strstr(bytes, "%(request_id)s"));
		assert_null(format.parts);
		assert_int_equal(access_format_check(cases[i].text, &why), -EINVAL);
	}
}

static void a_line_has_room_for_what_is_in_it(void **state)
{
	struct access_format format;
	char text[4096], why[2048];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[ACCESS_FIXED_MAX] = '\0';
	assert_int_equal(read_format(text, &format, why), 0);
	access_format_free(&format);
	strcpy(text + ACCESS_FIXED_MAX - 5, "%(u)s");
	assert_int_equal(read_format(text, &format, why), 0);
	access_format_free(&format);
	strcpy(text + ACCESS_FIXED_MAX - 5, "%(h)s");
	assert_int_equal(read_format(text, &format, why), -EINVAL);
	memset(text, 'x', sizeof(text));
	text[ACCESS_FIXED_MAX + 1] = '\0';
	assert_int_equal(read_format(text, &format, why), -EINVAL);
	text[0] = '\0';
	for (size_t i = 0; i < ACCESS_LATE_MAX; i++)
		strcat(text, "%(B)s");
	assert_int_equal(read_format(text, &format, why), 0);
	assert_int_equal(format.late, ACCESS_LATE_MAX);
	access_format_free(&format);
	strcat(text, "%(D)s");
	assert_int_equal(read_format(text, &format, why), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_format_is_text_and_atoms_in_their_order),
		cmocka_unit_test(names_in_braces_are_fields_and_variables),
		cmocka_unit_test(every_atom_of_the_table_can_be_said),
		cmocka_unit_test(known_names_are_formats),
		cmocka_unit_test(what_is_wrong_is_said_with_its_place_and_what_is_allowed),
		cmocka_unit_test(a_line_has_room_for_what_is_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
