#include "init/seccomp_command.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "seccomp/calls.h"
#include "seccomp/explain.h"
#include "seccomp/profile.h"

static const char usage[] =
	"narwhal seccomp explain [--role ROLE] [CALL...], narwhal seccomp export "
	"--format oci|spo [--role ROLE], or narwhal seccomp learn [FLAGS] APP";

/* What stands behind the word. */
struct request {
	enum calls_role role;
	enum profile_format format; /* PROFILE_FORMATS: not given */
	char **calls;		    /* up to a NULL */
};

static enum calls_role role_named(const char *name)
{
	unsigned role = 0;

	while (role < CALLS_ROLES && strcmp(calls_role_name(role), name) != 0)
		role++;
	return role;
}

static int take_role(struct request *request, const char *name, struct text *why)
{
	request->role = role_named(name);
	if (request->role != CALLS_ROLES)
		return 0;
	text_add(why, "seccomp: --role: allowed are");
	for (unsigned role = 0; role < CALLS_ROLES; role++)
		text_printf(why, "%s %s", role == 0 ? "" : ",", calls_role_name(role));
	return -EINVAL;
}

static int take_format(struct request *request, const char *word, struct text *why)
{
	request->format = profile_format_named(word);
	if (request->format != PROFILE_FORMATS)
		return 0;
	text_add(why, "seccomp: --format: allowed are oci, spo");
	return -EINVAL;
}

static int read_request(struct request *request, int argc, char **argv, struct text *why)
{
	static const struct option options[] = {
		{"role", required_argument, NULL, 'r'},
		{"format", required_argument, NULL, 'f'},
		{NULL, 0, NULL, 0},
	};
	int error = 0, option;

	opterr = 0;
	while (error == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'r')
			error = take_role(request, optarg, why);
		else if (option == 'f')
			error = take_format(request, optarg, why);
		else
			error = -EINVAL;
	}
	request->calls = argv + optind;
	if (error != 0 && why->used == 0)
		text_printf(why, "seccomp: a flag is unknown, or has no value: allowed is %s",
			usage);
	return error;
}

static int explain(const struct request *request, FILE *out, struct text *why)
{
	int error = 0;

	if (request->format != PROFILE_FORMATS) {
		text_printf(why, "seccomp explain: takes no --format: allowed is %s", usage);
		return -EINVAL;
	}
	for (char **call = request->calls; error == 0 && *call != NULL; call++)
		error = calls_check(*call, why);
	if (error != 0)
		return error;
	if (*request->calls == NULL)
		explain_role(out, request->role);
	for (char **call = request->calls; *call != NULL; call++)
		explain_call(out, request->role, *call);
	return 0;
}

static int export(const struct request *request, FILE *out, struct text *why)
{
	if (request->format == PROFILE_FORMATS || *request->calls != NULL) {
		text_printf(why, "seccomp export: %s: allowed is %s",
			*request->calls != NULL ? "takes no call" : "--format is missing", usage);
		return -EINVAL;
	}
	return profile_write(out, request->format, request->role);
}

static const struct {
	const char *word;
	int (*run)(const struct request *request, FILE *out, struct text *why);
} words[] = {
	{"explain", explain},
	{"export", export},
};

int seccomp_command_run(const struct config_input *input, FILE *out, struct text *why)
{
	struct request request = {.role = CALLS_MODULE, .format = PROFILE_FORMATS};
	const char *word =
		input->argc > 2 && strcmp(input->argv[1], "seccomp") == 0 ? input->argv[2] : "";
	int error;

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(words[i].word, word) != 0)
			continue;
		error = read_request(&request, input->argc - 2, input->argv + 2, why);
		if (error == 0)
			error = words[i].run(&request, out, why);
		if (error == 0 && (fflush(out) != 0 || ferror(out)))
			error = -EIO;
		if (error != 0 && why->used == 0)
			text_printf(why, "seccomp: %s", strerror(-error));
		return error;
	}
	if (*word == '\0')
		text_add(why, "seccomp: a word is missing");
	else
		text_printf(why, "seccomp: \"%s\" is unknown", word);
	text_printf(why, ": allowed is %s", usage);
	return -EINVAL;
}
