#include "init/descriptors.h"

void descriptors_raise(struct descriptors *descriptors)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	descriptors->original = limit;
	limit.rlim_cur = limit.rlim_max;
	descriptors->raised = setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

void descriptors_give_back(const struct descriptors *descriptors)
{
	if (descriptors->raised)
		(void)setrlimit(RLIMIT_NOFILE, &descriptors->original);
}
