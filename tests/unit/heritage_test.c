#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/heritage.h"

#define SAMPLE_APP "./a dir\\n\nwith \\ and\r\t\x01\xff"

static char sample_app[] = SAMPLE_APP;

/* A heritage with something in every field, written to `text`. */
static void write_sample(struct text *text, int channel_fd, int page_fd, int listener_fd)
{
	struct heritage heritage = {.slot = 3,
		.generation = UINT64_MAX,
		.channel_fd = channel_fd,
		.page_fd = page_fd,
		.drop = true,
		.uid = 65534,
		.gid = UINT32_MAX - 1,
		.listeners = 2,
		.listener_fd = {listener_fd, listener_fd},
		.listener_tls = {false, true},
		.app = sample_app};

	assert_int_equal(settings_init(&heritage.settings), 0);
	heritage.settings.keepalive = 1234;
	free((void *)(uintptr_t)heritage.settings.chdir);
	heritage.settings.chdir = strdup("/\n\\n\\\\ x ");
	heritage_write(&heritage, text);
	assert_false(text->cut);
	settings_free(&heritage.settings);
}

static void assert_sample(const struct heritage *heritage)
{
	assert_int_equal(heritage->slot, 3);
	assert_int_equal(heritage->generation, UINT64_MAX);
	assert_true(heritage->drop);
	assert_int_equal(heritage->uid, 65534);
	assert_int_equal(heritage->gid, UINT32_MAX - 1);
	assert_int_equal(heritage->listeners, 2);
	assert_string_equal(heritage->app, SAMPLE_APP);
	assert_int_equal(heritage->settings.keepalive, 1234);
	assert_string_equal(heritage->settings.chdir, "/\n\\n\\\\ x ");
	assert_null(heritage->settings.user);
	assert_string_equal(heritage->settings.bind, "127.0.0.1:8000");
}

static void what_is_written_reads_back_the_same(void **state)
{
	static char bytes[HERITAGE_SIZE_MAX];
	struct text text = TEXT_OVER(bytes);
	char said[256];
	struct text why = TEXT_OVER(said);
	struct heritage heritage;

	(void)state;
	write_sample(&text, 7, 8, 9);
	assert_int_equal(heritage_read(&heritage, bytes, text.used, &why), 0);
	assert_sample(&heritage);
	assert_int_equal(heritage.channel_fd, 7);
	assert_int_equal(heritage.page_fd, 8);
	assert_int_equal(heritage.listener_fd[1], 9);
	assert_false(heritage.listener_tls[0]);
	assert_true(heritage.listener_tls[1]);
	heritage_free(&heritage);
}

static void every_byte_but_nul_survives_in_a_value(void **state)
{
	static char bytes[HERITAGE_SIZE_MAX];
	char app[256], said[256];
	struct text text = TEXT_OVER(bytes), why = TEXT_OVER(said);
	struct heritage heritage = {.app = app}, back;

	(void)state;
	for (int i = 0; i < 255; i++)
		app[i] = (char)(i + 1);
	app[255] = '\0';
	assert_int_equal(settings_init(&heritage.settings), 0);
	heritage_write(&heritage, &text);
	assert_int_equal(heritage_read(&back, bytes, text.used, &why), 0);
	assert_string_equal(back.app, app);
	heritage_free(&back);
	settings_free(&heritage.settings);
}

static void assert_refused(const char *bytes, size_t size, const char *reason)
{
	char said[256];
	struct text why = TEXT_OVER(said);
	struct heritage heritage;

	assert_int_equal(heritage_read(&heritage, bytes, size, &why), -EINVAL);
	assert_string_equal(said, reason);
}

/* The sample with the line that begins with `name` replaced by `line` (or left out, if ""). */
static void assert_line_refused(const char *name, const char *line, const char *reason)
{
	static char bytes[HERITAGE_SIZE_MAX], changed[HERITAGE_SIZE_MAX];
	struct text text = TEXT_OVER(bytes), other = TEXT_OVER(changed);
	char *at, *behind;

	write_sample(&text, 7, 8, 9);
	at = strstr(bytes, name);
	while (at != NULL && at != bytes && at[-1] != '\n')
		at = strstr(at + 1, name);
	assert_non_null(at);
	behind = strchr(at, '\n') + 1;
	text_add_bytes(&other, bytes, (size_t)(at - bytes));
	text_add(&other, line);
	text_add(&other, behind);
	assert_refused(changed, other.used, reason);
}

static void a_line_that_is_not_understood_is_refused(void **state)
{
	(void)state;
	assert_line_refused("slot ", "slots 3\n", "slots: is an unknown name");
	assert_line_refused("slot ", "slot\n", "slot: is a line without a value");
	assert_line_refused("slot ", "\n", ": is a line without a value");
	assert_line_refused("slot ", "slot -1\n", "slot: is not a number that it can be");
	assert_line_refused("slot ", "slot 3 \n", "slot: is not a number that it can be");
	assert_line_refused("drop ", "drop 2\n", "drop: is not a number that it can be");
	assert_line_refused("uid ", "uid 4294967295\n", "uid: is not a number that it can be");
	assert_line_refused("page_fd ", "page_fd 2147483648\n",
		"page_fd: is not a number that it can be");
	assert_line_refused("listener ", "listener x\n",
		"listener: is not the number of a descriptor");
	assert_line_refused("app ", "app a\\tb\n", "app: has an unknown escape");
	assert_line_refused("app ", "app a\\\n", "app: has an unknown escape");
	assert_line_refused("set workers ", "set workers\n",
		"workers: is a setting without its value");
	assert_line_refused("set workers ", "set workers 0\n",
		"workers: is out of range: allowed are auto, 1 to 512");
}

static void a_missing_line_is_named(void **state)
{
	(void)state;
	assert_line_refused("slot ", "", "slot: is missing");
	assert_line_refused("channel_fd ", "", "channel_fd: is missing");
	assert_line_refused("app ", "", "app: is missing");
}

static void a_setting_of_another_release_is_passed_over(void **state)
{
	static char bytes[HERITAGE_SIZE_MAX];
	char said[256];
	struct text text = TEXT_OVER(bytes), why = TEXT_OVER(said);
	struct heritage heritage;
	char *workers;

	(void)state;
	write_sample(&text, 7, 8, 9);
	workers = strstr(bytes, "set workers ");
	assert_non_null(workers);
	memcpy(workers, "set walrus_", strlen("set walrus_"));
	assert_int_equal(heritage_read(&heritage, bytes, text.used, &why), 0);
	assert_int_equal(heritage.settings.workers, 1);
	heritage_free(&heritage);
}

static void a_line_given_twice_is_refused(void **state)
{
	(void)state;
	assert_line_refused("slot ", "slot 1\nslot 1\n", "slot: is given twice");
	assert_line_refused("app ", "app a\napp a\n", "app: is given twice");
	assert_line_refused("set umask ", "set umask 0\nset umask 0\n", "umask: is given twice");
}

static void one_listener_too_many_is_refused(void **state)
{
	char lines[HERITAGE_LISTENERS * 16];
	struct text text = TEXT_OVER(lines);

	(void)state;
	for (int i = 0; i < HERITAGE_LISTENERS; i++)
		text_add(&text, "listener 9\n");
	assert_line_refused("listener ", lines, "tls_listener: there are too many");
}

static void a_text_that_was_cut_is_refused_at_every_length(void **state)
{
	static char bytes[HERITAGE_SIZE_MAX];
	struct text text = TEXT_OVER(bytes);
	struct heritage heritage;

	(void)state;
	write_sample(&text, 7, 8, 9);
	for (size_t size = 0; size < text.used; size++) {
		char said[256];
		struct text why = TEXT_OVER(said);

		assert_int_equal(heritage_read(&heritage, bytes, size, &why), -EINVAL);
		assert_true(why.used > 0);
	}
	bytes[10] = '\0';
	assert_refused(bytes, text.used, "heritage: has a NUL byte");
}

static int receive(struct heritage *heritage, int fd, char *said)
{
	struct text why = {.bytes = said, .size = 256};
	char number[16];
	struct text name = TEXT_OVER(number);

	said[0] = '\0';
	text_add_uint(&name, (uint64_t)fd);
	assert_int_equal(setenv(HERITAGE_ENVIRONMENT, number, 1), 0);
	return heritage_receive(heritage, &why);
}

static void a_worker_receives_its_heritage_once_and_hands_nothing_on(void **state)
{
	static char bytes[HERITAGE_SIZE_MAX];
	struct text text = TEXT_OVER(bytes);
	char said[256];
	struct heritage heritage;
	int pair[2], listener_fd, fd;

	(void)state;
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	listener_fd = fd_shared("listener", 1);
	/* As a worker finds them: open across exec. */
	assert_int_equal(fd_inherit(pair[0]) | fd_inherit(pair[1]) | fd_inherit(listener_fd), 0);
	write_sample(&text, pair[0], pair[1], listener_fd);
	fd = fd_sealed("heritage", bytes, text.used);
	assert_true(fd > 2);
	assert_int_equal(receive(&heritage, fd, said), 0);
	assert_sample(&heritage);
	assert_null(getenv(HERITAGE_ENVIRONMENT));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(fcntl(pair[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(pair[1], F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(listener_fd, F_GETFD), FD_CLOEXEC);
	heritage_free(&heritage);
	fd_close(&pair[0]);
	fd_close(&pair[1]);
	fd_close(&listener_fd);
}

static void a_heritage_that_is_not_there_is_told(void **state)
{
	static char bytes[HERITAGE_SIZE_MAX];
	struct text text = TEXT_OVER(bytes);
	char said[256];
	struct text why = TEXT_OVER(said);
	struct heritage heritage;
	int fd;

	(void)state;
	(void)unsetenv(HERITAGE_ENVIRONMENT);
	assert_int_equal(heritage_receive(&heritage, &why), -ENOENT);
	assert_string_equal(said,
		"NARWHAL_HERITAGE: is not set: narwhal starts its workers itself");
	assert_int_equal(receive(&heritage, 2, said), -EINVAL);
	assert_true(fcntl(2, F_GETFD) >= 0);
	assert_int_equal(receive(&heritage, 1000, said), -EBADF);
	write_sample(&text, 1000, 1001, 1002);
	fd = fd_sealed("heritage", bytes, text.used);
	assert_int_equal(receive(&heritage, fd, said), -EBADF);
	assert_string_equal(said, "NARWHAL_HERITAGE: names a descriptor that was not handed on");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_reads_back_the_same),
		cmocka_unit_test(every_byte_but_nul_survives_in_a_value),
		cmocka_unit_test(a_line_that_is_not_understood_is_refused),
		cmocka_unit_test(a_missing_line_is_named),
		cmocka_unit_test(a_setting_of_another_release_is_passed_over),
		cmocka_unit_test(a_line_given_twice_is_refused),
		cmocka_unit_test(one_listener_too_many_is_refused),
		cmocka_unit_test(a_text_that_was_cut_is_refused_at_every_length),
		cmocka_unit_test(a_worker_receives_its_heritage_once_and_hands_nothing_on),
		cmocka_unit_test(a_heritage_that_is_not_there_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
