#include "seccomp/calls.h"

#include <linux/audit.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	uint32_t arch;
	const char *name;
} arches[] = {
	{AUDIT_ARCH_X86_64, "x86_64"},
	{AUDIT_ARCH_I386, "i386"},
	{AUDIT_ARCH_AARCH64, "aarch64"},
	{AUDIT_ARCH_ARM, "arm"},
};

bool call_name(uint32_t arch, int number, char name[CALL_NAME_MAX])
{
	char *found = seccomp_syscall_resolve_num_arch(arch, number);
	bool is_known = found != NULL && strlen(found) < CALL_NAME_MAX;

	strcpy(name, is_known ? found : "unknown");
	free(found);
	return is_known;
}

const char *call_arch_name(uint32_t arch)
{
	for (size_t i = 0; i < COUNT_OF(arches); i++) {
		if (arches[i].arch == arch)
			return arches[i].name;
	}
	return "other";
}
