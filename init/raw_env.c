#include "init/raw_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/settings.h"

int raw_env_check(const char *list, struct text *why)
{
	const char *item;
	size_t size;

	while ((item = setting_item(&list, &size)) != NULL) {
		const char *equals = memchr(item, '=', size);

		if (equals != NULL && equals != item)
			continue;
		text_add_char(why, '"');
		text_add_escaped(why, item, size, false);
		text_add(why, "\" is no variable: allowed is NAME=VALUE");
		return -EINVAL;
	}
	return 0;
}

static int set_item(const char *item, size_t size)
{
	char *name = strndup(item, size);
	char *value = name != NULL ? strchr(name, '=') : NULL;
	int error = value != NULL ? 0 : -ENOMEM;

	if (error == 0) {
		*value++ = '\0';
		error = setenv(name, value, 1) == 0 ? 0 : -errno;
	}
	free(name);
	return error;
}

int raw_env_set(const char *list)
{
	const char *item;
	size_t size;
	int error = 0;

	while (error == 0 && (item = setting_item(&list, &size)) != NULL)
		error = set_item(item, size);
	return error;
}
