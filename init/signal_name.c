#include "init/signal_name.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

/* Other names of signal(7), which sigabbrev_np(3) does not give. */
static const struct {
	const char *name;
	int number;
} aliases[] = {
	{"CLD", SIGCHLD},
	{"IO", SIGIO},
	{"IOT", SIGIOT},
};

static bool is_signal(int number)
{
	return (number >= 1 && number <= SIGSYS) || (number >= SIGRTMIN && number <= SIGRTMAX);
}

static bool is_same(const char *name, const char *bytes, size_t size)
{
	return strlen(name) == size && strncasecmp(name, bytes, size) == 0;
}

static int by_name(const char *bytes, size_t size)
{
	for (int number = 1; number <= SIGSYS; number++) {
		if (is_same(sigabbrev_np(number), bytes, size))
			return number;
	}
	for (size_t i = 0; i < COUNT_OF(aliases); i++) {
		if (is_same(aliases[i].name, bytes, size))
			return aliases[i].number;
	}
	return 0;
}

/* RTMIN, RTMIN+n, RTMAX, RTMAX-n. */
static int by_distance(const char *bytes, size_t size)
{
	bool from_most = size >= 5 && strncasecmp(bytes, "RTMAX", 5) == 0;
	uint64_t distance = 0;

	if (size < 5 || (!from_most && strncasecmp(bytes, "RTMIN", 5) != 0))
		return 0;
	if (size > 5 && (bytes[5] != (from_most ? '-' : '+') ||
				text_to_uint(bytes + 6, size - 6, SIGNAL_NUMBERS, &distance) != 0))
		return 0;
	return from_most ? SIGRTMAX - (int)distance : SIGRTMIN + (int)distance;
}

int signal_name_read(const char *bytes, size_t size, int *number)
{
	uint64_t value;
	int found;

	if (size > 3 && strncasecmp(bytes, "SIG", 3) == 0) {
		bytes += 3;
		size -= 3;
		found = by_name(bytes, size);
	} else {
		found = text_to_uint(bytes, size, SIGNAL_NUMBERS, &value) == 0
				? (int)value
				: by_name(bytes, size);
	}
	if (found == 0)
		found = by_distance(bytes, size);
	if (!is_signal(found))
		return -EINVAL;
	*number = found;
	return 0;
}

void signal_name_add(int number, struct text *text)
{
	const char *name = sigabbrev_np(number);

	if (name != NULL) {
		text_add(text, name);
	} else if (number >= SIGRTMIN && number <= SIGRTMAX) {
		text_add(text, "RTMIN+");
		text_add_int(text, number - SIGRTMIN);
	} else {
		text_add_int(text, number);
	}
}
