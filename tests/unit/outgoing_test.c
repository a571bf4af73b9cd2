/* What a transport that has to have the bytes themselves takes of an answer. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/outgoing.h"

#define SIZE 100

struct world {
	struct outgoing out;
	struct file *file;
	char scratch[SIZE];
	const char *bytes;
};

static int begin(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	char *content = malloc(SIZE);

	assert_non_null(world);
	assert_non_null(content);
	for (int i = 0; i < SIZE; i++)
		content[i] = (char)i;
	world->file = file_in_memory(&content, SIZE);
	assert_non_null(world->file);
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	outgoing_free(&world->out);
	file_release(&world->file);
	free(world);
	return 0;
}

static ssize_t take(struct world *world, size_t size)
{
	return outgoing_take(&world->out, world->scratch, size, &world->bytes);
}

static void what_lies_in_memory_behind_the_head_is_not_copied(void **state)
{
	struct world *world = *state;

	assert_int_equal(buffer_add(&world->out.bytes, "head", 4), 0);
	outgoing_file(&world->out, world->file, 10, 80);
	assert_int_equal(take(world, 14), 14);
	assert_ptr_equal(world->bytes, world->scratch);
	assert_memory_equal(world->bytes, "head", 4);
	assert_memory_equal(world->bytes + 4, world->file->bytes + 10, 10);
	assert_int_equal(take(world, 50), 50);
	assert_ptr_equal(world->bytes, world->file->bytes + 20);
	assert_int_equal(take(world, 50), 20);
	assert_ptr_equal(world->bytes, world->file->bytes + 70);
	assert_true(outgoing_is_empty(&world->out));
	assert_int_equal(take(world, 50), 0);
}

static void a_file_that_is_shorter_than_was_said_is_an_error(void **state)
{
	struct world *world = *state;

	outgoing_file(&world->out, world->file, 90, 20);
	assert_int_equal(take(world, 50), 10);
	assert_int_equal(take(world, 50), -EIO);
}

static void all_that_is_there_counts(void **state)
{
	struct world *world = *state;

	assert_false(outgoing_exceeds(&world->out, 0));
	assert_int_equal(buffer_add(&world->out.bytes, "head", 4), 0);
	assert_int_equal(buffer_add(&world->out.body, "body", 4), 0);
	outgoing_file(&world->out, world->file, 0, 2);
	for (size_t size = 0; size < 20; size++)
		assert_int_equal(outgoing_exceeds(&world->out, size), size < 10);
	assert_int_equal(take(world, 5), 5);
	assert_true(outgoing_exceeds(&world->out, 4));
	assert_false(outgoing_exceeds(&world->out, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_lies_in_memory_behind_the_head_is_not_copied,
			begin, end),
		cmocka_unit_test_setup_teardown(a_file_that_is_shorter_than_was_said_is_an_error,
			begin, end),
		cmocka_unit_test_setup_teardown(all_that_is_there_counts, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
