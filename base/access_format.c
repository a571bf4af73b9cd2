#include "base/access_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct atom {
	const char *name;
	enum access_kind kind;
	size_t most;
} atoms[] = {
#define ATOM(id, name, kind, most, meaning) [ACCESS_##id] = {name, ACCESS_##kind, most},
#include "base/access_atoms.def"
#undef ATOM
};

static const struct {
	const char *name, *format;
	bool json;
} known[] = {
	{"common", "%(h)s %(l)s %(u)s %(t)s \"%(r)s\" %(s)s %(b)s", false},
	{"combined", "%(h)s %(l)s %(u)s %(t)s \"%(r)s\" %(s)s %(b)s \"%(f)s\" \"%(a)s\"", false},
	{"json",
		"{\"time\":%(time)s,\"client\":%(h)s,\"user\":%(u)s,\"method\":%(m)s,"
		"\"scheme\":%(scheme)s,\"host\":%(host)s,\"path\":%(U)s,\"query\":%(q)s,"
		"\"protocol\":%(H)s,\"status\":%(s)s,\"bytes\":%(B)s,\"duration_us\":%(D)s,"
		"\"referer\":%(f)s,\"user_agent\":%(a)s,"
		"\"request_id\":%(request_id)s,\"trace_id\":%(trace_id)s}",
		true},
};

/*
 * The variables of %({name}e)s that tell of the request and not of the environment: those of CGI
 * (RFC 3875 section 4.1) and WSGI, in any case.
 */
static const struct {
	const char *name;
	enum access_atom atom;
} variables[] = {
	{"PATH_INFO", ACCESS_PATH},
	{"QUERY_STRING", ACCESS_QUERY},
	{"RAW_URI", ACCESS_TARGET},
	{"REMOTE_ADDR", ACCESS_CLIENT},
	{"REMOTE_USER", ACCESS_USER},
	{"REQUEST_METHOD", ACCESS_METHOD},
	{"REQUEST_URI", ACCESS_TARGET},
	{"SERVER_PROTOCOL", ACCESS_PROTOCOL},
	{"wsgi.url_scheme", ACCESS_SCHEME},
};

_Static_assert(ACCESS_ATOMS <= 64, "a set of them is a word");

/* A format while it is read. `text` is a copy of it, in which names get a NUL behind them. */
struct reading {
	struct access_format *format;
	char *text;
	size_t at;
	size_t lead, literals; /* bytes of all literals, before the last one and with it */
	struct text *why;
};

static int refuse(const struct reading *reading, const char *what)
{
	struct text *why = reading->why;

	text_printf(why,
		"%s at byte %zu: allowed are common, combined, json, or text with %%%% and ", what,
		reading->at + 1);
	for (size_t i = 0; i < COUNT_OF(atoms); i++) {
		text_add(why, "%(");
		text_add(why, atoms[i].name);
		text_add(why, ")s, ");
	}
	text_add(why, "%({FIELD}i)s, %({FIELD}o)s, %({VARIABLE}e)s");
	return -EINVAL;
}

#define QUOTES_SIZE 2u
/* What an unbounded atom takes at the least: "..." with quotation marks, or null. */
#define CUT_SIZE (3 + QUOTES_SIZE)

static void add_part(struct reading *reading, enum access_atom atom, const char *text, size_t size)
{
	struct access_format *format = reading->format;
	struct access_part *part = &format->parts[format->count++];

	*part = (struct access_part){
		.atom = atom,
		.kind = ACCESS_TEXT,
		.size = (uint16_t)size,
		.text = text,
		.lead_size = (uint16_t)(reading->literals - reading->lead),
		.lead = format->literals + reading->lead,
	};
	reading->lead = reading->literals;
	if (atom < COUNT_OF(atoms)) {
		part->kind = atoms[atom].kind;
		part->most = (uint16_t)atoms[atom].most;
	}
	format->said |= (uint64_t)1 << (unsigned)atom;
	if (part->kind == ACCESS_LATE) {
		if (format->late < ACCESS_LATE_MAX)
			format->late_atom[format->late] = atom;
		format->late++;
	}
	if (atom == ACCESS_LITERAL)
		part->kind = ACCESS_ITSELF;
	else
		format->fixed += part->most != 0 ? part->most + QUOTES_SIZE : CUT_SIZE;
}

/* Two literals in a row are one. */
static void add_literal(struct reading *reading, const char *text, size_t size)
{
	memcpy(reading->format->literals + reading->literals, text, size);
	reading->literals += size;
	reading->format->fixed += size;
}

/* "%%", or all that stands up to the next "%". */
static int read_literal(struct reading *reading)
{
	char *text = reading->text + reading->at;
	size_t size = text[0] == '%' ? 1 : strcspn(text, "%");

	for (size_t i = 0; i < size; i++) {
		reading->at += i != 0;
		if ((unsigned char)text[i] < ' ' || text[i] == '\x7f')
			return refuse(reading, "has a control character");
	}
	reading->at++;
	reading->at += text[0] == '%';
	add_literal(reading, text, size);
	return 0;
}

static void add_none(struct reading *reading)
{
	if (reading->format->json)
		add_literal(reading, "null", 4);
	else
		add_literal(reading, "-", 1);
}

static int read_atom(struct reading *reading, size_t size)
{
	const char *name = reading->text + reading->at + 2;

	for (size_t i = 0; i < COUNT_OF(atoms); i++) {
		if (strlen(atoms[i].name) != size || memcmp(atoms[i].name, name, size) != 0)
			continue;
		if (atoms[i].kind == ACCESS_NONE)
			add_none(reading);
		else
			add_part(reading, (enum access_atom)i, "", 0);
		return 0;
	}
	return refuse(reading, "has an unknown atom");
}

/* HTTP_X_Y is the field X-Y (RFC 3875 section 4.1.18). */
static void add_variable(struct reading *reading, char *name, size_t size)
{
	for (size_t i = 0; i < COUNT_OF(variables); i++) {
		if (strcasecmp(variables[i].name, name) == 0) {
			add_part(reading, variables[i].atom, "", 0);
			return;
		}
	}
	if (size <= 5 || strncasecmp(name, "HTTP_", 5) != 0) {
		add_part(reading, ACCESS_ENVIRONMENT, name, size);
		return;
	}
	for (size_t i = 5; i < size; i++) {
		if (name[i] == '_')
			name[i] = '-';
	}
	add_part(reading, ACCESS_FIELD, name + 5, size - 5);
}

/* "{name}i", of `size` bytes. */
static int read_named(struct reading *reading, size_t size)
{
	char *name = reading->text + reading->at + 3;
	char letter;

	if (size < 4 || name[size - 3] != '}' || !text_is_token(name, size - 3))
		return refuse(reading, "has a name in braces that is none");
	letter = name[size - 2];
	if (letter != 'i' && letter != 'o' && letter != 'e')
		return refuse(reading, "has an unknown atom");
	name[size - 3] = '\0';
	if (letter == 'e')
		add_variable(reading, name, size - 3);
	else
		add_part(reading, letter == 'i' ? ACCESS_FIELD : ACCESS_ANSWER_FIELD, name,
			size - 3);
	return 0;
}

static int read_part(struct reading *reading)
{
	const char *text = reading->text + reading->at;
	const char *end;
	size_t size;
	int error;

	if (text[0] != '%' || text[1] == '%')
		return read_literal(reading);
	end = text[1] == '(' ? strchr(text, ')') : NULL;
	if (end == NULL || end[1] != 's')
		return refuse(reading, "has a % that begins neither %% nor %(...)s");
	size = (size_t)(end - text) - 2;
	error = text[2] == '{' ? read_named(reading, size) : read_atom(reading, size);
	reading->at += size + sizeof("%()s") - 1;
	return error;
}

static int read_parts(struct reading *reading)
{
	const struct access_format *format = reading->format;

	while (reading->text[reading->at] != '\0') {
		int error = read_part(reading);

		if (error != 0)
			return error;
	}
	if (reading->literals != reading->lead)
		add_part(reading, ACCESS_LITERAL, "", 0);
	if (format->fixed <= ACCESS_FIXED_MAX && format->late <= ACCESS_LATE_MAX)
		return 0;
	text_printf(reading->why,
		"makes lines of %zu bytes before the first field is in them, with %zu atoms for "
		"the "
		"answer's end: allowed are %d and %d",
		format->fixed, format->late, ACCESS_FIXED_MAX, ACCESS_LATE_MAX);
	return -EINVAL;
}

/* The names that stand for a format. */
static const char *look_up(const char *text, bool *json)
{
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		if (strcmp(known[i].name, text) == 0) {
			*json = known[i].json;
			return known[i].format;
		}
	}
	return text;
}

int access_format_read(const char *text, struct access_format *format, struct text *why)
{
	struct reading reading = {.format = format, .why = why};
	size_t size;
	char *copy;
	int error = -ENOMEM;

	*format = (struct access_format){0};
	text = look_up(text, &format->json);
	size = strlen(text);
	copy = strdup(text);
	format->literals = calloc(1, 2 * size + ACCESS_SLACK);
	format->parts = calloc(size + 1, sizeof(*format->parts)); /* a part has a byte at least */
	reading.text = copy;
	if (copy != NULL && format->literals != NULL && format->parts != NULL)
		error = size <= ACCESS_FIXED_MAX ? read_parts(&reading)
						 : refuse(&reading, "is too long");
	if (error != 0) {
		free(copy);
		access_format_free(format);
		return error;
	}
	format->text = copy;
	return 0;
}

void access_format_free(struct access_format *format)
{
	free(format->text);
	free(format->literals);
	free(format->parts);
	*format = (struct access_format){0};
}

int access_format_check(const char *text, struct text *why)
{
	struct access_format format;
	int error = access_format_read(text, &format, why);

	if (error == 0)
		access_format_free(&format);
	return error;
}
