#include "init/lesson.h"

#include <errno.h>
#include <stdlib.h>

#include "seccomp/calls.h"

/* Names separated by commas, and a comment for each call that cannot be named, or should not. */
static void add_call(int number, struct text *names, FILE *out)
{
	char bytes[64];
	struct text name = TEXT_OVER(bytes);

	calls_add_name(calls_arch(), number, &name);
	if (name.used == 0) {
		(void)fprintf(out, "# number %d, which has no name here\n", number);
		return;
	}
	if (calls_danger(bytes) != NULL)
		(void)fprintf(out, "# mind: %s %s\n", bytes, calls_danger(bytes));
	text_printf(names, "%s%s", names->used != 0 ? "," : "", bytes);
}

/* Whether there is one: then no list of names is the answer. */
static bool print_forbidden(const struct violations *violations, FILE *out)
{
	char bytes[64];
	bool is_any = false;

	for (int number = 0; number < VIOLATIONS_NUMBERS; number++) {
		struct text name = TEXT_OVER(bytes);

		if (!violations_has_forbidden(violations, number))
			continue;
		calls_add_name(calls_arch(), number, &name);
		(void)fprintf(out, "# no name gives a strict worker what it asked of %s\n", bytes);
		is_any = true;
	}
	if (is_any)
		(void)fputs("# then fewer calls are refused: learn once more, with this\n"
			    "sandbox = app\n",
			out);
	return is_any;
}

/* What is to be named: all that was called; with sandbox = app, what that does not have at all. */
static bool is_to_be_named(const struct violations *violations, int number, bool is_app)
{
	return violations_has(violations, number) &&
	       (!is_app || calls_verdict(CALLS_APP, calls_arch(), number) == CALLS_REFUSED);
}

int lesson_print(const struct violations *violations, FILE *out)
{
	static const size_t size = VIOLATIONS_NUMBERS * (size_t)64;
	struct text names = {.bytes = calloc(1, size), .size = size};
	bool is_app, is_any;

	if (names.bytes == NULL)
		return -ENOMEM;
	is_any = is_app = print_forbidden(violations, out);
	for (int number = 0; number < VIOLATIONS_NUMBERS; number++) {
		if (!is_to_be_named(violations, number, is_app))
			continue;
		is_any = true;
		add_call(number, &names, out);
	}
	if (!is_any)
		(void)fputs("# nothing that was called is refused: there is nothing to allow\n",
			out);
	else if (names.used != 0)
		(void)fprintf(out, "sandbox_allow = %s\n", names.bytes);
	free(names.bytes);
	return fflush(out) == 0 && ferror(out) == 0 ? 0 : -EIO;
}
