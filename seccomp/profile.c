#include "seccomp/profile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What the rows come to: by name, each call either whole, or by its cases, or with its answer. */
struct profile {
	const struct calls_row **calls; /* owned */
	size_t count;
};

static bool is_whole(const struct calls_row *call)
{
	return call->answer == 0 && call->tests[0].mask == 0;
}

/* Of one name: answers last, the rest by their tests. */
static int compare_cases(const struct calls_row *a, const struct calls_row *b)
{
	int order = (a->answer != 0) - (b->answer != 0);

	for (unsigned n = 0; order == 0 && n < CALLS_TESTS; n++) {
		const struct calls_test *x = &a->tests[n], *y = &b->tests[n];

		order = (x->nth > y->nth) - (x->nth < y->nth);
		if (order == 0)
			order = (x->mask > y->mask) - (x->mask < y->mask);
		if (order == 0)
			order = (x->value > y->value) - (x->value < y->value);
	}
	return order;
}

/* By name; whole calls before cases, cases before answers, so that the first of a name decides. */
static int compare_calls(const void *left, const void *right)
{
	const struct calls_row *a = *(const struct calls_row *const *)left;
	const struct calls_row *b = *(const struct calls_row *const *)right;
	int order = strcmp(a->name, b->name);

	if (order == 0)
		order = is_whole(b) - is_whole(a);
	return order != 0 ? order : compare_cases(a, b);
}

/* Whether the row before says as much already, of the same call. */
static bool is_covered(const struct calls_row *before, const struct calls_row *call)
{
	if (strcmp(before->name, call->name) != 0)
		return false;
	return is_whole(before) || call->answer != 0 || compare_cases(before, call) == 0;
}

static void merge(struct profile *profile)
{
	size_t kept = 0;

	qsort(profile->calls, profile->count, sizeof(struct calls_row *), compare_calls);
	for (size_t i = 0; i < profile->count; i++) {
		if (kept == 0 || !is_covered(profile->calls[kept - 1], profile->calls[i]))
			profile->calls[kept++] = profile->calls[i];
	}
	profile->count = kept;
}

static int collect(struct profile *profile, enum calls_role role)
{
	size_t count, more;
	const struct calls_row *container = calls_of(CALLS_CONTAINER, &count);
	const struct calls_row *own = calls_of(role, &more);

	profile->calls = calloc(count + more, sizeof(struct calls_row *));
	if (profile->calls == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		profile->calls[profile->count++] = &container[i];
	for (size_t i = 0; i < more; i++)
		profile->calls[profile->count++] = &own[i];
	merge(profile);
	return 0;
}

/* One test, as the runtime specification has it: for MASKED_EQ the mask comes first. */
struct argument {
	unsigned index;
	uint64_t value, value_two;
	const char *op;
};

static struct argument argument_of(const struct calls_test *test)
{
	/* A process's own id is another one in each. */
	MUST(test->value != CALLS_OWN_PID);
	if (test->mask == UINT64_MAX)
		return (struct argument){test->nth, test->value, 0, "SCMP_CMP_EQ"};
	return (struct argument){test->nth, test->mask, test->value, "SCMP_CMP_MASKED_EQ"};
}

static unsigned count_tests(const struct calls_row *call)
{
	unsigned count = 0;

	while (count < CALLS_TESTS && call->tests[count].mask != 0)
		count++;
	return count;
}

/* The next call behind `*i` that is allowed whole, or that is not; NULL: no more. */
static const struct calls_row *next(const struct profile *profile, size_t *i, bool whole)
{
	while (*i < profile->count) {
		const struct calls_row *call = profile->calls[(*i)++];

		if (is_whole(call) == whole)
			return call;
	}
	return NULL;
}

/* The runtime specification, config-linux.md: "architectures", as all engines read it. */
static const char oci_head[] =
	"{\n"
	"\t\"defaultAction\": \"SCMP_ACT_ERRNO\",\n"
	"\t\"architectures\": [\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_AARCH64\"],\n"
	"\t\"syscalls\": [\n"
	"\t\t{\n"
	"\t\t\t\"names\": [";

static void oci_name(FILE *out, const struct calls_row *call, bool first)
{
	(void)fprintf(out, "%s\n\t\t\t\t\"%s\"", first ? "" : ",", call->name);
}

static void oci_arguments(FILE *out, const struct calls_row *call)
{
	(void)fputs(",\n\t\t\t\"args\": [", out);
	for (unsigned n = 0; n < count_tests(call); n++) {
		struct argument argument = argument_of(&call->tests[n]);

		(void)fprintf(out,
			"%s\n\t\t\t\t{\"index\": %u, \"value\": %" PRIu64 ", \"valueTwo\": %" PRIu64
			", \"op\": \"%s\"}",
			n == 0 ? "" : ",", argument.index, argument.value, argument.value_two,
			argument.op);
	}
	(void)fputs("\n\t\t\t]", out);
}

static void oci_case(FILE *out, const struct calls_row *call)
{
	(void)fprintf(out,
		",\n\t\t{\n\t\t\t\"names\": [\"%s\"],\n\t\t\t\"action\": \"SCMP_ACT_%s\"",
		call->name, call->answer != 0 ? "ERRNO" : "ALLOW");
	if (call->answer != 0)
		(void)fprintf(out, ",\n\t\t\t\"errnoRet\": %u", calls_answer_errno(call->answer));
	else
		oci_arguments(out, call);
	(void)fputs("\n\t\t}", out);
}

static const char spo_head[] = "apiVersion: security-profiles-operator.x-k8s.io/v1beta1\n"
			       "kind: SeccompProfile\n"
			       "metadata:\n"
			       "  name: narwhal\n"
			       "spec:\n"
			       "  defaultAction: SCMP_ACT_ERRNO\n"
			       "  architectures:\n"
			       "  - SCMP_ARCH_X86_64\n"
			       "  - SCMP_ARCH_AARCH64\n"
			       "  syscalls:\n"
			       "  - action: SCMP_ACT_ALLOW\n"
			       "    names:\n";

static void spo_name(FILE *out, const struct calls_row *call, bool first)
{
	(void)first;
	(void)fprintf(out, "    - %s\n", call->name);
}

/*
 * What is to be answered is allowed: errnoRet is a string there, which engines do not read as a
 * number, and EPERM would stop a C library that falls back at ENOSYS alone.
 */
static void spo_case(FILE *out, const struct calls_row *call)
{
	(void)fprintf(out, "  - action: SCMP_ACT_ALLOW\n    names:\n    - %s\n", call->name);
	if (count_tests(call) != 0)
		(void)fputs("    args:\n", out);
	for (unsigned n = 0; n < count_tests(call); n++) {
		struct argument argument = argument_of(&call->tests[n]);

		(void)fprintf(out,
			"    - index: %u\n      value: %" PRIu64 "\n      valueTwo: %" PRIu64
			"\n      op: %s\n",
			argument.index, argument.value, argument.value_two, argument.op);
	}
}

static const struct {
	const char *word;
	const char *head; /* up to the first name */
	void (*name)(FILE *out, const struct calls_row *call, bool first);
	const char *named; /* behind the last name */
	void (*one_case)(FILE *out, const struct calls_row *call);
	const char *tail;
} formats[PROFILE_FORMATS] = {
	[PROFILE_OCI] = {"oci", oci_head, oci_name,
		"\n\t\t\t],\n\t\t\t\"action\": \"SCMP_ACT_ALLOW\"\n\t\t}", oci_case, "\n\t]\n}\n"},
	[PROFILE_SPO] = {"spo", spo_head, spo_name, "", spo_case, ""},
};

enum profile_format profile_format_named(const char *word)
{
	unsigned format = 0;

	while (format < PROFILE_FORMATS && strcmp(formats[format].word, word) != 0)
		format++;
	return format;
}

int profile_write(FILE *out, enum profile_format format, enum calls_role role)
{
	struct profile profile = {.count = 0};
	const struct calls_row *call;
	bool first = true;
	int error = collect(&profile, role);

	if (error != 0)
		return error;
	(void)fputs(formats[format].head, out);
	for (size_t i = 0; (call = next(&profile, &i, true)) != NULL; first = false)
		formats[format].name(out, call, first);
	(void)fputs(formats[format].named, out);
	for (size_t i = 0; (call = next(&profile, &i, false)) != NULL;)
		formats[format].one_case(out, call);
	(void)fputs(formats[format].tail, out);
	free(profile.calls);
	return 0;
}
