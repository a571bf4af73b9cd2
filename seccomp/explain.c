#include "seccomp/explain.h"

#include <stdbool.h>
#include <string.h>

/* Columns of the table that is printed. */
#define NAME_WIDTH 24
#define BECOMES_WIDTH 10
#define WHEN_WIDTH 46

static void print_row(FILE *out, const char *name, const char *becomes, const char *when,
	const char *why)
{
	(void)fprintf(out, "%-*s %-*s %-*s %s\n", NAME_WIDTH, name, BECOMES_WIDTH, becomes,
		WHEN_WIDTH, when, why);
}

static const char *becomes(const struct calls_row *call)
{
	if (call->answer == 0)
		return "allowed";
	return call->answer == CALLS_IGNORED ? "ignored" : strerrorname_np(call->answer);
}

static void print_call(FILE *out, const struct calls_row *call)
{
	print_row(out, call->name, becomes(call), call->when != NULL ? call->when : "always",
		call->why);
}

static bool is_named(const struct calls_row *call, const char *name)
{
	return name == NULL || strcmp(call->name, name) == 0;
}

/* The rows of that name, or all: whether there is one, and whether others of that name are refused.
 */
static bool print_calls(FILE *out, const struct calls_row *calls, size_t count, const char *name)
{
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		if (!is_named(&calls[i], name))
			continue;
		print_call(out, &calls[i]);
		found = true;
	}
	return found;
}

/* Of the role, and what workers of a strict one have with ktls = true. */
static bool print_rows(FILE *out, enum calls_role role, const char *name)
{
	size_t count;
	const struct calls_row *calls = calls_of(role, &count);
	bool found = print_calls(out, calls, count, name);

	if (role != CALLS_FILES && role != CALLS_WALK && role != CALLS_MODULE)
		return found;
	calls = calls_of_ktls(&count);
	return print_calls(out, calls, count, name) || found;
}

static bool is_conditional(const struct calls_row *calls, size_t count, const char *name)
{
	bool conditional = false;

	for (size_t i = 0; i < count; i++) {
		if (!is_named(&calls[i], name))
			continue;
		if (calls[i].tests[0].mask == 0)
			return false;
		conditional = true;
	}
	return conditional;
}

void explain_role(FILE *out, enum calls_role role)
{
	(void)fprintf(out,
		"role %s: what is in none of these rows is refused; a number that is newer than\n"
		"all that are known here fails with ENOSYS; a call of another architecture is "
		"fatal.\n\n",
		calls_role_name(role));
	print_row(out, "call", "becomes", "when", "why");
	(void)print_rows(out, role, NULL);
}

/* In a strict role a name gives only what asked.def has of it, if it has any: whether that is so.
 */
static bool print_asked(FILE *out, const char *name, bool conditional)
{
	size_t count;
	const struct calls_row *asked = calls_asked(&count);
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(asked[i].name, name) != 0)
			continue;
		if (!conditional && asked[i].answer == 0)
			(void)fprintf(out, "%-*s sandbox_allow = %s would allow it when %s\n",
				NAME_WIDTH, "", name, asked[i].when);
		found = true;
	}
	if (found)
		(void)fprintf(out, "%-*s no name allows more: that takes sandbox = app\n",
			NAME_WIDTH, "");
	return found;
}

static void print_remedy(FILE *out, enum calls_role role, const char *name, bool conditional)
{
	const char *danger = calls_danger(name);

	if (role == CALLS_CONTAINER || role == CALLS_KEYHOLDER || role == CALLS_EXPORTER)
		return;
	if (role != CALLS_APP && print_asked(out, name, conditional))
		return;
	(void)fprintf(out, "%-*s sandbox_allow = %s would allow it%s%s\n", NAME_WIDTH, "", name,
		danger != NULL ? ", but no service needs it: " : "", danger != NULL ? danger : "");
}

void explain_call(FILE *out, enum calls_role role, const char *name)
{
	size_t count;
	const struct calls_row *calls = calls_of(role, &count);
	bool found = print_rows(out, role, name);

	if (found && !is_conditional(calls, count, name))
		return;
	print_row(out, name, "refused", found ? "otherwise" : "always",
		found ? "no row allows more" : "no row names it");
	print_remedy(out, role, name, found);
}
