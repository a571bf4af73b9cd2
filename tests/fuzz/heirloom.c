/*
 * The heirloom: any lines are thawed, or refused with a reason; and what was thawed is frozen as a
 * text that thaws to the same. The bytes are all but the last line, the sum, which is made here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init/heirloom_table.h"
#include "init/opening.h"
#include "init/program.h"
#include "tests/fuzz/lib/fuzz.h"

#define SUM_MAX 32

static void forget_fd(int *fd, void *context)
{
	(void)context;
	*fd = -1;
}

/* An arbiter, and a program of init mode that it may come to bear. */
struct thawed {
	struct arbiter arbiter;
	struct program program;
};

/* Its descriptors are numbers that the bytes made up. */
static void let_go(struct arbiter *a)
{
	heirloom_each_fd(a, HEIRLOOM_VERSION, forget_fd, NULL);
	opening_close(a);
	free(CONTAINER_OF(a, struct thawed, arbiter));
}

static struct arbiter *thaw(const char *bytes, size_t size, int *error)
{
	struct thawed *thawed = calloc(1, sizeof(*thawed));
	struct arbiter *a = thawed != NULL ? &thawed->arbiter : NULL;
	char said[1024];
	struct text why = TEXT_OVER(said);

	MUST(a != NULL && opening_prepare(a, &why) == 0);
	program_init(&thawed->program, a);
	*error = heirloom_thaw(a, bytes, size, &why);
	MUST((*error == 0) == (why.used == 0) || *error == -ENOMEM);
	return a;
}

static struct text freeze(struct arbiter *a)
{
	struct text text = {.bytes = malloc(HEIRLOOM_SIZE_MAX), .size = HEIRLOOM_SIZE_MAX};

	MUST(text.bytes != NULL);
	heirloom_freeze(a, HEIRLOOM_VERSION, &text);
	MUST(!text.cut);
	return text;
}

static void check_thawed(struct arbiter *a)
{
	struct text first = freeze(a), second;
	int error;
	struct arbiter *again = thaw(first.bytes, first.used, &error);

	MUST(error == 0);
	second = freeze(again);
	MUST(second.used == first.used && memcmp(first.bytes, second.bytes, first.used) == 0);
	let_go(again);
	free(first.bytes);
	free(second.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = malloc(size + SUM_MAX);
	struct arbiter *a;
	int error;

	MUST(bytes != NULL);
	memcpy(bytes, data, size);
	size += (size_t)snprintf(bytes + size, SUM_MAX, HEIRLOOM_SUM "%llu\n",
		(unsigned long long)heirloom_sum(bytes, size));
	a = thaw(bytes, size, &error);
	if (error == 0)
		check_thawed(a);
	let_go(a);
	free(bytes);
	return 0;
}
