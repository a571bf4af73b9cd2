#include "seccomp/readback.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"

#define STATUS_PATH "/proc/self/status"
#define STATUS_PIECE ((size_t)4096) /* it has about 1.5 KB */
#define COUNT UINT_MAX

enum as { SAME, MOST };

static const struct row {
	const char *line;
	unsigned column;
	unsigned base;
	enum as as;
	const char *words;
} rows[READBACK_FIELDS] = {
#define READBACK(name, line, column, base, as, words) {line, column, base, as, words},
#include "seccomp/readback.def"
#undef READBACK
};

void readback_want(struct readback *readback, enum readback_field what, uint64_t value)
{
	readback->known[what] = true;
	readback->value[what] = value;
}

static void add_value(struct text *why, const struct row *row, uint64_t value)
{
	if (row->base == 16)
		text_printf(why, "0x%" PRIx64, value);
	else
		text_add_uint(why, value);
}

static bool fits(const struct row *row, uint64_t wanted, uint64_t found)
{
	return wanted == found || (row->as == MOST && found < wanted);
}

int readback_compare(const struct readback *wanted, const struct readback *found, struct text *why)
{
	for (size_t i = 0; i < READBACK_FIELDS; i++) {
		if (!wanted->known[i] || !found->known[i] ||
			fits(&rows[i], wanted->value[i], found->value[i]))
			continue;
		text_printf(why, "read back: %s: wanted ", rows[i].words);
		add_value(why, &rows[i], wanted->value[i]);
		text_add(why, ", the kernel says ");
		add_value(why, &rows[i], found->value[i]);
		return -EPERM;
	}
	return 0;
}

/* The status, as text. */

static unsigned digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (unsigned)(at - digits) : UINT_MAX;
}

/* Moves *at over a number in digits of `base`, up to `end`: false if there is none, or too large.
 */
static bool take_number(const char **at, const char *end, unsigned base, uint64_t *value)
{
	const char *begin = *at;

	*value = 0;
	for (; *at < end && digit_of(**at) < base; (*at)++) {
		if (__builtin_mul_overflow(*value, base, value) ||
			__builtin_add_overflow(*value, digit_of(**at), value))
			return false;
	}
	return *at > begin;
}

static void skip_blanks(const char **at, const char *end)
{
	while (*at < end && (**at == ' ' || **at == '\t'))
		(*at)++;
}

/* Of the numbers from `at` to `end` what the row is about; false if they are not numbers alone. */
static bool read_row(const struct row *row, const char *at, const char *end, uint64_t *value)
{
	unsigned count = 0;
	uint64_t number;

	for (skip_blanks(&at, end); at < end; skip_blanks(&at, end)) {
		if (!take_number(&at, end, row->base, &number))
			return false;
		if (count++ == row->column)
			*value = number;
	}
	if (row->column == COUNT)
		*value = count;
	return row->column == COUNT || count > row->column;
}

static bool is_line_of(const struct row *row, const char *line, const char *colon)
{
	size_t size = strlen(row->line);

	return size != 0 && size == (size_t)(colon - line) && memcmp(line, row->line, size) == 0;
}

static bool parse_line(const char *line, const char *end, struct readback *found)
{
	const char *colon = memchr(line, ':', (size_t)(end - line));

	for (size_t i = 0; colon != NULL && i < READBACK_FIELDS; i++) {
		uint64_t value = 0;

		if (!is_line_of(&rows[i], line, colon))
			continue;
		if (found->known[i] || !read_row(&rows[i], colon + 1, end, &value))
			return false;
		readback_want(found, (enum readback_field)i, value);
	}
	return true;
}

int readback_parse(const char *bytes, size_t size, struct readback *found, struct text *why)
{
	const char *line = bytes, *stop = bytes + size;

	while (line < stop) {
		const char *end = memchr(line, '\n', (size_t)(stop - line));

		if (end == NULL || !parse_line(line, end, found)) {
			size_t shown = (size_t)((end != NULL ? end : stop) - line);

			text_add(why, STATUS_PATH " has a line \"");
			text_add_escaped(why, line, shown < 60 ? shown : 60, false);
			text_add(why, end != NULL ? "\"" : "\" without an end");
			return -EINVAL;
		}
		line = end + 1;
	}
	return 0;
}

/* The calls. */

static void ask_ids(struct readback *found)
{
	uid_t uid[3];
	gid_t gid[3];
	bool has_uids = getresuid(&uid[0], &uid[1], &uid[2]) == 0;
	bool has_gids = getresgid(&gid[0], &gid[1], &gid[2]) == 0;
	int groups = getgroups(0, NULL);

	for (size_t i = 0; has_uids && i < COUNT_OF(uid); i++)
		readback_want(found, (enum readback_field)(READBACK_UID_REAL + i), uid[i]);
	for (size_t i = 0; has_gids && i < COUNT_OF(gid); i++)
		readback_want(found, (enum readback_field)(READBACK_GID_REAL + i), gid[i]);
	if (groups >= 0)
		readback_want(found, READBACK_GROUPS, (uint64_t)groups);
}

static void ask_capabilities(struct readback *found)
{
	static const struct {
		enum readback_field what;
		cap_flag_t flag;
	} sets[] = {
		{READBACK_INHERITABLE, CAP_INHERITABLE},
		{READBACK_PERMITTED, CAP_PERMITTED},
		{READBACK_EFFECTIVE, CAP_EFFECTIVE},
	};
	uint64_t bits[COUNT_OF(sets)] = {0}, bounding = 0, ambient = 0;
	cap_t all = cap_get_proc();

	for (cap_value_t i = 0; all != NULL && i < cap_max_bits(); i++) {
		for (size_t set = 0; set < COUNT_OF(sets); set++) {
			cap_flag_value_t value = CAP_CLEAR;

			(void)cap_get_flag(all, i, sets[set].flag, &value);
			bits[set] |= (uint64_t)(value == CAP_SET) << i;
		}
		bounding |= (uint64_t)(cap_get_bound(i) == CAP_SET) << i;
		ambient |= (uint64_t)(cap_get_ambient(i) == CAP_SET) << i;
	}
	if (all == NULL)
		return;
	(void)cap_free(all);
	for (size_t set = 0; set < COUNT_OF(sets); set++)
		readback_want(found, sets[set].what, bits[set]);
	readback_want(found, READBACK_BOUNDING, bounding);
	readback_want(found, READBACK_AMBIENT, ambient);
}

static void ask_flags(struct readback *found)
{
	static const struct {
		enum readback_field what;
		int option;
	} flags[] = {
		{READBACK_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS},
		{READBACK_SECCOMP, PR_GET_SECCOMP},
		{READBACK_SECURE_BITS, PR_GET_SECUREBITS},
		{READBACK_DUMPABLE, PR_GET_DUMPABLE},
	};

	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		int value = prctl(flags[i].option, 0L, 0L, 0L, 0L);

		if (value >= 0)
			readback_want(found, flags[i].what, (uint64_t)value);
	}
}

static void ask_limits(struct readback *found)
{
	static const struct {
		enum readback_field what;
		int resource;
	} limits[] = {
		{READBACK_LIMIT_NOFILE, RLIMIT_NOFILE},
		{READBACK_LIMIT_CORE, RLIMIT_CORE},
		{READBACK_LIMIT_NPROC, RLIMIT_NPROC},
		{READBACK_LIMIT_AS, RLIMIT_AS},
	};

	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		struct rlimit limit;

		/* The one that counts: up to the hard one a process may raise the other itself. */
		if (getrlimit((__rlimit_resource_t)limits[i].resource, &limit) == 0)
			readback_want(found, limits[i].what, limit.rlim_max);
	}
}

void readback_ask(struct readback *found)
{
	ask_ids(found);
	ask_capabilities(found);
	ask_flags(found);
	ask_limits(found);
}

/* The file. */

int readback_open(void)
{
	int fd = open(STATUS_PATH, O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

/* What has been read and is not parsed yet. No heap: an app may have used up all that it may. */
struct reader {
	char bytes[STATUS_PIECE];
	size_t used;
	bool is_inside; /* of a line that is longer than all of this */
};

/* Every line that is complete; what is left of the next one moves to the front. */
static int take_lines(struct reader *reader, struct readback *found, struct text *why)
{
	char *end = memrchr(reader->bytes, '\n', reader->used);
	const char *begin = reader->bytes;
	int error = 0;

	if (end == NULL) {
		reader->is_inside = reader->is_inside || reader->used == sizeof(reader->bytes);
		reader->used = reader->is_inside ? 0 : reader->used;
		return 0;
	}
	end++;
	if (reader->is_inside)
		begin = (const char *)memchr(begin, '\n', reader->used) + 1;
	error = readback_parse(begin, (size_t)(end - begin), found, why);
	reader->used -= (size_t)(end - reader->bytes);
	memmove(reader->bytes, end, reader->used);
	reader->is_inside = false;
	return error;
}

int readback_read(int fd, struct readback *found, struct text *why)
{
	struct reader reader = {.used = 0};
	off_t at = 0;
	ssize_t n = 1;
	int error = 0;

	while (error == 0 && n > 0) {
		n = pread(fd, reader.bytes + reader.used, sizeof(reader.bytes) - reader.used, at);
		if (n < 0)
			return -errno;
		at += n;
		reader.used += (size_t)n;
		error = take_lines(&reader, found, why);
	}
	return error == 0 ? readback_parse(reader.bytes, reader.used, found, why) : error;
}
