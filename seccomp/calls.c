#include "seccomp/calls.h"

#include <seccomp.h>
#include <stdlib.h>

void calls_add_name(uint32_t arch, int number, struct text *text)
{
	char *name = number >= 0 ? seccomp_syscall_resolve_num_arch(arch, number) : NULL;

	if (name != NULL)
		text_add(text, name);
	free(name);
}
