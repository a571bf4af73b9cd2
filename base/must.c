#include "base/attr.h"

#include <stdio.h>
#include <stdlib.h>

NORETURN void must_fail(const char *condition, const char *file, int line)
{
	(void)fprintf(stderr, "narwhal: bug: %s:%d: %s\n", file, line, condition);
	abort();
}
