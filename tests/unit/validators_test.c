/* RFC 9110 section 8.8: what tells one version of a file from another. */
#include "tests/unit/unit.h"

#include <string.h>

#include "service/apps/validators.h"

#define NOW 784111800

static const struct version version = {
	.device = 1,
	.inode = 0xabc,
	.size = 0x2a,
	.modified = {.tv_sec = 784111777, .tv_nsec = 5},
	.changed = {.tv_sec = 784111777, .tv_nsec = 6},
};

static void a_version_is_another_if_anything_of_it_is(void **state)
{
	struct version others[] = {version, version, version, version, version, version, version};

	(void)state;
	assert_true(version_same(&version, &others[0]));
	others[0].device++;
	others[1].inode++;
	others[2].size++;
	others[3].modified.tv_sec++;
	others[4].modified.tv_nsec++;
	others[5].changed.tv_sec++;
	others[6].changed.tv_nsec++;
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_false(version_same(&version, &others[i]));
}

static void it_is_what_stat_says(void **state)
{
	const struct stat status = {
		.st_dev = version.device,
		.st_ino = version.inode,
		.st_size = version.size,
		.st_mtim = version.modified,
		.st_ctim = version.changed,
	};
	struct version read;

	(void)state;
	version_read(&read, &status);
	assert_true(version_same(&read, &version));
}

static void a_tag_says_time_size_inode_and_what_was_made_of_it(void **state)
{
	struct version longest;
	struct validators validators;

	(void)state;
	validators_write(&validators, &version, "", NOW);
	assert_string_equal(validators.etag, "\"ae1b981bc490a05-2a-abc\"");
	assert_int_equal(validators.etag_size, strlen(validators.etag));
	assert_string_equal(validators.date, "Sun, 06 Nov 1994 08:49:37 GMT");
	validators_write(&validators, &version, "gzip", NOW);
	assert_string_equal(validators.etag, "\"ae1b981bc490a05-2a-abc-gzip\"");
	memset(&longest, 0xff, sizeof(longest));
	validators_write(&validators, &longest, "gzip", NOW);
	assert_int_equal(strlen(validators.etag), validators.etag_size);
	assert_true(validators.etag_size < sizeof(validators.etag));
}

static void each_part_of_a_version_changes_its_tag(void **state)
{
	struct version others[] = {version, version, version, version};
	struct validators own, other;

	(void)state;
	others[0].inode++;
	others[1].size++;
	others[2].modified.tv_sec++;
	others[3].modified.tv_nsec++;
	validators_write(&own, &version, "", NOW);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		validators_write(&other, &others[i], "", NOW);
		assert_string_not_equal(own.etag, other.etag);
	}
}

/* Section 8.8.2.1 and, for `settled`, 8.8.2.2. */
static const struct {
	int64_t modified, changed, now;
	int64_t said;
	bool settled;
} time_cases[] = {
	{NOW - 100, NOW - 100, NOW, NOW - 100, true},
	{NOW - 2, NOW - 2, NOW, NOW - 2, true},
	{NOW - 1, NOW - 1, NOW, NOW - 1, false},
	{NOW, NOW, NOW, NOW, false},
	{NOW - 1, NOW - 100, NOW, NOW - 1, false},
	{NOW - 100, NOW - 1, NOW, NOW - 100, false}, /* its time was set back */
	{NOW + 100, NOW - 100, NOW, NOW, false},     /* never later than Date */
	{-5, NOW - 100, NOW, 0, true},
};

static void a_time_is_never_later_than_now_and_stands_when_it_is_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(time_cases); i++) {
		struct version other = version;
		struct validators validators;

		other.modified.tv_sec = time_cases[i].modified;
		other.changed.tv_sec = time_cases[i].changed;
		validators_write(&validators, &other, "", time_cases[i].now);
		assert_int_equal(validators.modified, time_cases[i].said);
		assert_int_equal(validators.settled, time_cases[i].settled);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_version_is_another_if_anything_of_it_is),
		cmocka_unit_test(it_is_what_stat_says),
		cmocka_unit_test(a_tag_says_time_size_inode_and_what_was_made_of_it),
		cmocka_unit_test(each_part_of_a_version_changes_its_tag),
		cmocka_unit_test(a_time_is_never_later_than_now_and_stands_when_it_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
