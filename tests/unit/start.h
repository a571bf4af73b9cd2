/*
 * start.h - one start of narwhal, for units: its words, its environment, its config file, and what
 * config_read() makes of them.
 */
#ifndef TESTS_UNIT_START_H
#define TESTS_UNIT_START_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/config_reading.h"
#include "tests/unit/unit.h"

#define WORDS(...) ((const char *const[]){"narwhal" __VA_OPT__(, ) __VA_ARGS__, NULL})
#define NONE WORDS()

/* One start of narwhal: its words, its environment, and what stands in narwhal.conf. */
struct start {
	const char *const *words;
	const char *environment[8];
	const char *file; /* NULL: there is none */
	size_t file_size; /* 0: as long as the string */
};

static char directory[32];

static inline int set_up(void **state)
{
	(void)state;
	(void)memcpy(directory, "/tmp/start_test.XXXXXX", sizeof("/tmp/start_test.XXXXXX"));
	return mkdtemp(directory) != NULL ? 0 : -1;
}

static inline int tear_down(void **state)
{
	(void)state;
	return rmdir(directory);
}

static inline void write_file(int directory_fd, const struct start *start)
{
	size_t size = start->file_size != 0 ? start->file_size : strlen(start->file);
	FD_SCOPED fd = openat(directory_fd, "narwhal.conf",
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, start->file, size), size);
}

static char said[1024];

static inline int read_start(struct config *config, const struct start *start)
{
	FD_SCOPED directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct text why = TEXT_OVER(said);
	struct config_input input = {.argv = (char **)(uintptr_t)start->words,
		.envp = (char **)(uintptr_t)start->environment,
		.directory_fd = directory_fd};
	int error;

	while (start->words[input.argc] != NULL)
		input.argc++;
	if (start->file != NULL)
		write_file(directory_fd, start);
	error = config_read(config, &input, &why);
	if (start->file != NULL)
		assert_int_equal(unlinkat(directory_fd, "narwhal.conf", 0), 0);
	return error;
}

static inline void must_read(struct config *config, const struct start *start)
{
	int error = read_start(config, start);

	assert_string_equal(said, "");
	assert_int_equal(error, 0);
}

static inline void assert_refused(const struct start *start, const char *reason)
{
	struct config config;

	assert_int_equal(read_start(&config, start), -EINVAL);
	assert_string_equal(said, reason);
}

static inline void assert_words_refused(const char *const *words, const char *reason)
{
	assert_refused(&(struct start){.words = words}, reason);
}

static inline void assert_file_refused(const char *file, const char *reason)
{
	assert_refused(&(struct start){.words = WORDS("app"), .file = file}, reason);
}

static inline void assert_origin(const struct config *config, enum setting_id id,
	const char *origin)
{
	char bytes[64];
	struct text text = TEXT_OVER(bytes);

	config_add_origin(config, id, &text);
	assert_string_equal(bytes, origin);
}

#endif
