#include "service/apps/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* As modules were built before there was the member `calls`. */
#define SIZE_WITHOUT_CALLS offsetof(struct narwhal_module, calls)

static int check(const char *path, const struct narwhal_module *module, struct text *why)
{
	if (module->abi != NARWHAL_ABI) {
		text_printf(why, "app \"%s\": built for ABI %u; this worker has ABI %u", path,
			module->abi, NARWHAL_ABI);
		return -EINVAL;
	}
	if (module->size != sizeof(struct narwhal_module) && module->size != SIZE_WITHOUT_CALLS) {
		text_printf(why, "app \"%s\": narwhal_module.size is %u, and must be %zu", path,
			module->size, sizeof(struct narwhal_module));
		return -EINVAL;
	}
	if (module->name == NULL || module->handle == NULL) {
		text_printf(why, "app \"%s\": narwhal_module has no %s", path,
			module->name == NULL ? "name" : "handle");
		return -EINVAL;
	}
	return 0;
}

int module_open(const char *path, const struct narwhal_module **module, struct text *why)
{
	/* Absolute: dlopen(3) would look up a bare name in the library path. */
	char *absolute = realpath(path, NULL);
	void *library;

	if (absolute == NULL) {
		text_printf(why, "app \"%s\": %s", path, strerror(errno));
		return -errno;
	}
	library = dlopen(absolute, RTLD_NOW | RTLD_LOCAL);
	free(absolute);
	if (library == NULL) {
		text_printf(why, "app \"%s\": %s", path, dlerror());
		return -ENOEXEC;
	}
	*module = dlsym(library, "narwhal_module");
	if (*module == NULL) {
		text_printf(why, "app \"%s\": no symbol narwhal_module: see narwhal/service.h",
			path);
		return -ENOEXEC;
	}
	return check(path, *module, why);
}

const char *module_calls(const struct narwhal_module *module)
{
	return module->size > SIZE_WITHOUT_CALLS ? module->calls : NULL;
}
