#include "seccomp/capability.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>

#include "base/settings.h"
#include "seccomp/readback.h"

#define PREFIX "cap_"

uint64_t capability_bounds(void)
{
	uint64_t mask = 0;

	for (cap_value_t i = 0; i < cap_max_bits(); i++)
		mask |= cap_get_bound(i) == CAP_SET ? CAPABILITY_OF(i) : 0;
	return mask;
}

static int drop_bounds(uint64_t dropped)
{
	for (cap_value_t i = 0; i < cap_max_bits(); i++) {
		if ((dropped & CAPABILITY_OF(i)) != 0 && cap_drop_bound(i) != 0)
			return -errno;
	}
	return 0;
}

/* What leaves these leaves the ambient set, too (capabilities(7)). */
static int drop_sets(uint64_t kept)
{
	static const cap_flag_t flags[] = {CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE};
	cap_t all = cap_get_proc();
	int error = all != NULL ? 0 : -errno;

	for (cap_value_t i = 0; error == 0 && i < cap_max_bits(); i++) {
		for (size_t set = 0; error == 0 && set < COUNT_OF(flags); set++) {
			if ((kept & CAPABILITY_OF(i)) == 0 &&
				cap_set_flag(all, flags[set], 1, &i, CAP_CLEAR) != 0)
				error = -errno;
		}
	}
	if (error == 0 && cap_set_proc(all) != 0)
		error = -errno;
	(void)cap_free(all);
	return error;
}

static int refuse(const char *step, int error, struct text *why)
{
	text_printf(why, "giving up capabilities: %s: %s", step, strerror(-error));
	return error;
}

int capability_keep(uint64_t kept, struct text *why)
{
	struct readback before = {0}, wanted = {0}, after = {0};
	int error = 0;

	readback_ask(&before);
	for (int i = READBACK_INHERITABLE; i <= READBACK_AMBIENT; i++)
		readback_want(&wanted, (enum readback_field)i, before.value[i] & kept);
	/* First the bounds, as the capability for that may be one that goes. */
	if ((before.value[READBACK_EFFECTIVE] & CAPABILITY_OF(CAP_SETPCAP)) == 0)
		wanted.known[READBACK_BOUNDING] = false;
	else
		error = drop_bounds(before.value[READBACK_BOUNDING] & ~kept);
	if (error != 0)
		return refuse("bounding set", error, why);
	error = drop_sets(kept);
	if (error != 0)
		return refuse("capability sets", error, why);
	readback_ask(&after);
	return readback_compare(&wanted, &after, why);
}

/* "NET_RAW" and "cap_net_raw" alike. */
static int number_of(const char *item, size_t size)
{
	static const size_t prefix = sizeof(PREFIX) - 1;
	char name[64] = PREFIX;
	cap_value_t number;

	if (size > prefix && strncasecmp(item, PREFIX, prefix) == 0) {
		item += prefix;
		size -= prefix;
	}
	if (size >= sizeof(name) - prefix)
		return -EINVAL;
	for (size_t i = 0; i < size; i++) {
		if (!isalpha((unsigned char)item[i]) && item[i] != '_')
			return -EINVAL; /* cap_from_name(3) would stop there */
		name[prefix + i] = (char)tolower((unsigned char)item[i]);
	}
	return cap_from_name(name, &number) == 0 ? number : -EINVAL;
}

int capability_read(const char *list, uint64_t *mask, struct text *why)
{
	const char *item;
	size_t size;

	while ((item = setting_item(&list, &size)) != NULL) {
		bool is_all = size == 3 && strncasecmp(item, "all", size) == 0;
		int number = is_all ? 0 : number_of(item, size);

		if (number < 0) {
			text_add(why, "\"");
			text_add_escaped(why, item, size, false);
			text_add(why, "\" is no capability: allowed are \"all\", and names as in "
				      "capabilities(7)");
			return -EINVAL;
		}
		*mask |= is_all ? CAPABILITY_ALL : CAPABILITY_OF(number);
	}
	return 0;
}

void capability_add_name(int number, struct text *text)
{
	char *name = cap_to_name(number);

	for (const char *at = name; at != NULL && *at != '\0'; at++)
		text_add_char(text, (char)toupper((unsigned char)*at));
	(void)cap_free(name);
}
