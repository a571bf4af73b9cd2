#include "service/apps/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* As modules were built before there was that member and those behind it. */
#define SIZE_WITHOUT(member) offsetof(struct narwhal_module, member)

/* A member that a module may have been built without. */
#define MEMBER_OF(module, member) ((module)->size > SIZE_WITHOUT(member) ? (module)->member : NULL)

static bool is_size(size_t size)
{
	return size == sizeof(struct narwhal_module) || size == SIZE_WITHOUT(read_paths) ||
	       size == SIZE_WITHOUT(calls) || size == SIZE_WITHOUT(fork_prepare);
}

static int check(const char *path, const struct narwhal_module *module, struct text *why)
{
	if (module->abi != NARWHAL_ABI) {
		text_printf(why, "app \"%s\": built for ABI %u; this worker has ABI %u", path,
			module->abi, NARWHAL_ABI);
		return -EINVAL;
	}
	if (!is_size(module->size)) {
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

struct module_needs module_needs(const struct narwhal_module *module)
{
	return (struct module_needs){
		.calls = MEMBER_OF(module, calls),
		.read_paths = MEMBER_OF(module, read_paths),
		.write_paths = MEMBER_OF(module, write_paths),
		.connect_ports = MEMBER_OF(module, connect_ports),
	};
}

static void do_nothing(void *state)
{
	(void)state;
}

struct module_forks module_forks(const struct narwhal_module *module)
{
	const struct module_forks given = {
		.prepare = MEMBER_OF(module, fork_prepare),
		.parent = MEMBER_OF(module, fork_parent),
		.child = MEMBER_OF(module, fork_child),
	};

	return (struct module_forks){
		.prepare = given.prepare != NULL ? given.prepare : do_nothing,
		.parent = given.parent != NULL ? given.parent : do_nothing,
		.child = given.child != NULL ? given.child : do_nothing,
	};
}
