/* What a worker remembers of paths, at times that the test makes up; the files are real. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "service/apps/store.h"

struct world {
	char root[64];
	struct settings settings;
	struct store store;
	uint64_t now_ms;
};

/* Of 2001, so that it is settled but for its change, which is now. */
static void make_file(const char *name, size_t size)
{
	static const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	FD_SCOPED fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(futimens(fd, times), 0);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	strcpy(world->root, "/tmp/narwhal-store-XXXXXX");
	assert_non_null(mkdtemp(world->root));
	assert_int_equal(chdir(world->root), 0);
	assert_int_equal(settings_init(&world->settings), 0);
	world->now_ms = 1000000;
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	char command[128];

	settings_free(&world->settings);
	(void)snprintf(command, sizeof(command), "rm -rf %s", world->root);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of our own making
	free(world);
	return 0;
}

static void open_store(struct world *world)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	assert_int_equal(store_open(&world->store, ".", &world->settings, &why), 0);
}

static struct entry *find(struct world *world, const char *target)
{
	struct entry *entry = store_find(&world->store, target, strlen(target), world->now_ms);

	assert_non_null(entry);
	return entry;
}

static const struct form *form_of(struct world *world, const char *target)
{
	const struct form *form;
	struct entry *entry = find(world, target);

	assert_int_equal(entry->sight.kind, SIGHT_FILE);
	assert_int_equal(store_form(&world->store, entry, ENCODING_identity, &form), 0);
	return form;
}

static unsigned descriptors(void)
{
	DIR *stream = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(stream);
	while (readdir(stream) != NULL)
		count++;
	(void)closedir(stream);
	return count;
}

static void nothing_is_looked_at_before_its_time(void **state)
{
	struct world *world = *state;
	const struct entry *entry;

	make_file("a", 5);
	open_store(world);
	entry = find(world, "/a");
	assert_int_equal(unlink("a"), 0);
	world->now_ms += world->settings.open_file_cache_valid - 1;
	assert_ptr_equal(find(world, "/a"), entry);
	store_close(&world->store);
}

static void at_its_time_it_is(void **state)
{
	struct world *world = *state;

	make_file("a", 5);
	open_store(world);
	assert_int_equal(find(world, "/a")->sight.kind, SIGHT_FILE);
	assert_int_equal(find(world, "/b")->sight.status, 404);
	assert_int_equal(rename("a", "b"), 0);
	world->now_ms += world->settings.open_file_cache_valid;
	assert_int_equal(find(world, "/a")->sight.status, 404);
	assert_int_equal(find(world, "/b")->sight.kind, SIGHT_FILE);
	store_close(&world->store);
}

/* A form of a version that is gone is not handed out, and the next look finds the new one. */
static void a_file_that_changes_before_it_is_opened_is_found_again(void **state)
{
	struct world *world = *state;
	const struct form *form;
	struct entry *entry;

	make_file("a", 5);
	open_store(world);
	entry = find(world, "/a");
	make_file("a", 6);
	assert_int_equal(store_form(&world->store, entry, ENCODING_identity, &form), -ESTALE);
	assert_int_equal(form_of(world, "/a")->size, 6);
	store_close(&world->store);
}

static void small_files_lie_in_memory_and_large_ones_are_open(void **state)
{
	struct world *world = *state;
	unsigned before;

	make_file("small", 64 * 1024);
	make_file("large", 64 * 1024 + 1);
	open_store(world);
	before = descriptors();
	assert_non_null(form_of(world, "/small")->file->bytes);
	assert_int_equal(descriptors(), before);
	assert_int_equal(world->store.memory, 64 * 1024);
	assert_null(form_of(world, "/large")->file->bytes);
	assert_int_equal(descriptors(), before + 1);
	assert_int_equal(world->store.open, 1);
	store_close(&world->store);
	assert_int_equal(world->store.open + world->store.memory, 0);
}

static void where_tls_is_spoken_larger_ones_lie_in_memory(void **state)
{
	struct world *world = *state;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	assert_int_equal(setting_read(&settings_table[SETTING_ID_bind_tls], "127.0.0.1:0", false,
				 &world->settings, &why),
		0);
	make_file("small", 128 * 1024);
	make_file("large", 128 * 1024 + 1);
	open_store(world);
	assert_non_null(form_of(world, "/small")->file->bytes);
	assert_null(form_of(world, "/large")->file->bytes);
	store_close(&world->store);
}

static void memory_is_bounded_and_what_was_used_stays(void **state)
{
	struct world *world = *state;
	const struct form *used;
	char name[16];

	world->settings.open_file_cache_bytes = 10000;
	open_store(world);
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "/f%u", i);
		make_file(name + 1, 2000);
		(void)form_of(world, name);
		used = form_of(world, "/f0");
		assert_in_range(world->store.memory, 2000, 10000);
	}
	assert_ptr_equal(form_of(world, "/f0"), used);
	/* What can never fit is open instead. */
	make_file("wide", 10001);
	assert_null(form_of(world, "/wide")->file->bytes);
	store_close(&world->store);
}

static void what_clients_still_read_counts_although_it_is_forgotten(void **state)
{
	struct world *world = *state;
	const struct entry *entry;
	struct file *sent;

	world->settings.open_file_cache_bytes = 10000;
	open_store(world);
	make_file("a", 6000);
	sent = file_hold(form_of(world, "/a")->file);
	make_file("a", 6001);
	world->now_ms += world->settings.open_file_cache_valid;
	assert_null(form_of(world, "/a")->file->bytes); /* the old one is in memory still */
	assert_int_equal(world->store.memory, 6000);
	file_release(&sent);
	assert_int_equal(world->store.memory, 0);
	make_file("b", 6000);
	sent = file_hold(form_of(world, "/b")->file);
	entry = find(world, "/b");
	make_file("c", 6000);
	assert_null(form_of(world, "/c")->file->bytes);
	assert_ptr_equal(find(world, "/b"), entry); /* to forget it would give nothing back */
	file_release(&sent);
	make_file("d", 6000);
	assert_non_null(form_of(world, "/d")->file->bytes);
	assert_int_equal(world->store.memory, 6000);
	store_close(&world->store);
}

static void open_files_are_bounded(void **state)
{
	struct world *world = *state;
	unsigned before;
	char name[16];

	world->settings.open_file_cache = 8;
	world->settings.open_file_cache_bytes = 0;
	open_store(world);
	before = descriptors();
	for (unsigned i = 0; i < 50; i++) {
		(void)snprintf(name, sizeof(name), "/f%u", i);
		make_file(name + 1, 1);
		(void)form_of(world, name);
		assert_in_range(descriptors(), before, before + 8);
	}
	store_close(&world->store);
	assert_int_equal(descriptors(), before - 1); /* the root */
}

static void what_is_too_long_to_remember_is_found_each_time(void **state)
{
	struct world *world = *state;
	char target[2000] = "/";

	make_file("a", 3);
	open_store(world);
	while (strlen(target) < sizeof(target) - 8)
		strcat(target, "././");
	strcat(target, "a");
	for (int i = 0; i < 3; i++)
		assert_int_equal(form_of(world, target)->size, 3);
	assert_int_equal(world->store.cache.shelves[CACHE_FOUND].count, 0);
	store_close(&world->store);
}

static void all_spellings_of_a_path_are_one_entry(void **state)
{
	static const char *const spellings[] = {"/a", "/%61", "//a", "/./a", "/x/../a",
		"/%2e//%61"};
	struct world *world = *state;
	const struct cache_shelf *shelf = &world->store.cache.shelves[CACHE_FOUND];
	const struct entry *entry;

	make_file("a", 1);
	make_file("b c", 2);
	open_store(world);
	entry = find(world, "/a");
	for (size_t i = 0; i < COUNT_OF(spellings); i++)
		assert_ptr_equal(find(world, spellings[i]), entry);
	assert_int_equal(shelf->count, 1);
	entry = find(world, "/b%20c");
	assert_ptr_equal(find(world, "/%62%20c"), entry);
	world->now_ms += world->settings.open_file_cache_valid;
	assert_int_equal(form_of(world, "/b%20c")->size, 2);
	assert_int_equal(shelf->count, 2);
	assert_int_equal(find(world, "/%2f")->sight.status, 404);
	assert_int_equal(find(world, "/%zz")->sight.status, 400);
	assert_int_equal(find(world, "")->sight.status, 404);
	assert_ptr_equal(find(world, ""), find(world, "/."));
	store_close(&world->store);
}

/* "/%2561" is the file "%61", and "/%61" the file "a". */
static void a_name_that_looks_like_an_escape_is_found_each_time(void **state)
{
	struct world *world = *state;

	make_file("%61", 1);
	make_file("a", 2);
	open_store(world);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(form_of(world, "/%2561")->size, 1);
		assert_int_equal(form_of(world, "/%61")->size, 2);
	}
	assert_int_equal(world->store.cache.shelves[CACHE_FOUND].count, 1);
	store_close(&world->store);
}

static void a_gzip_is_kept_as_long_as_its_text_is_the_same(void **state)
{
	struct world *world = *state;
	struct version version;
	const struct form *form;
	struct entry *entry;
	char *bytes = strdup("gzip");
	struct file *made = file_in_memory(&bytes, 4);

	make_file("a.txt", 3000);
	open_store(world);
	entry = find(world, "/a.txt");
	version = entry->sight.versions[ENCODING_identity];
	assert_true(store_varies(entry));
	assert_int_equal(store_makes(entry), 1U << ENCODING_gzip);
	assert_int_equal(store_form(&world->store, entry, ENCODING_gzip, &form), 0);
	assert_null(form->file);
	assert_true(form->weak);
	assert_ptr_equal(store_known(&world->store, "/a.txt", 6, &version), entry);
	store_keep_gzip(&world->store, entry, made);
	assert_int_equal(store_form(&world->store, entry, ENCODING_gzip, &form), 0);
	assert_ptr_equal(form->file, made);
	assert_int_equal(world->store.memory, 4);
	version.size++;
	assert_null(store_known(&world->store, "/a.txt", 6, &version));
	assert_null(store_known(&world->store, "/b.txt", 6, &version));
	make_file("a.txt", 3001);
	world->now_ms += world->settings.open_file_cache_valid;
	assert_int_equal(store_form(&world->store, find(world, "/a.txt"), ENCODING_gzip, &form), 0);
	assert_null(form->file);
	assert_int_equal(world->store.memory, 4); /* as long as somebody has it */
	file_release(&made);
	assert_int_equal(world->store.memory, 0);
	store_close(&world->store);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_looked_at_before_its_time, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(at_its_time_it_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_file_that_changes_before_it_is_opened_is_found_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(where_tls_is_spoken_larger_ones_lie_in_memory,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(small_files_lie_in_memory_and_large_ones_are_open,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(memory_is_bounded_and_what_was_used_stays, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			what_clients_still_read_counts_although_it_is_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(open_files_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_too_long_to_remember_is_found_each_time,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_spellings_of_a_path_are_one_entry, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(a_name_that_looks_like_an_escape_is_found_each_time,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_gzip_is_kept_as_long_as_its_text_is_the_same,
			set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
