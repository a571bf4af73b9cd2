/* What a config file of Gunicorn's was found to set, as a config file of narwhal's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init/gunicorn_import.h"
#include "tests/unit/start.h"

static char *written;

static int import(const char *findings)
{
	struct gunicorn_findings found;
	char *text = strdup(findings);
	size_t size = 0;
	FILE *out = open_memstream(&written, &size);
	int error = gunicorn_findings_read(text, &found);

	gunicorn_import_write(&found, "/srv/gunicorn.conf.py", out);
	assert_int_equal(fclose(out), 0);
	gunicorn_findings_free(&found);
	free(text);
	return error;
}

static void assert_written(const char *findings, const char *wanted)
{
	assert_int_equal(import(findings), 0);
	assert_string_equal(written, wanted);
	free(written);
}

static void values_stand_in_their_sections(void **state)
{
	(void)state;
	assert_written("text loglevel warning\n"
		       "text bind 0.0.0.0:80\n"
		       "text helper 4\n"
		       "text bind unix:/a b\n"
		       "text wsgi_app shop.wsgi:app\n"
		       "text errorlog -\n"
		       "text cert_reqs 2\n",
		"\napp = shop.wsgi:app\n"
		"\n[arbiter]\nbind = 0.0.0.0:80\nbind = unix:/a b\n"
		"\n[tls]\ncert_reqs = required\n"
		"\n[log]\nerrorlog =\nloglevel = warning\n");
}

static void what_was_worked_out_is_said_to_be(void **state)
{
	(void)state;
	assert_written("worked workers\ntext workers 5\n",
		"\n[arbiter]\n# worked out by the file, as it was here and then:\nworkers = 5\n");
	assert_written("worked workers\ntext workers many\n",
		"\n# Not carried over:\n#\n"
		"# workers = many: is not a number: allowed are auto, 1 to 512\n");
}

static void with_a_certificate_what_is_bound_speaks_tls(void **state)
{
	(void)state;
	assert_written("text bind :8443\ntext certfile /c\ntext keyfile /k\n",
		"\n[arbiter]\nbind_tls = :8443\n\n[tls]\ncertfile = /c\nkeyfile = /k\n");
	assert_written("text certfile /c\n",
		"\n[arbiter]\nbind_tls = 127.0.0.1:8000\n\n[tls]\ncertfile = /c\n");
}

static void hooks_are_named_where_they_belong(void **state)
{
	(void)state;
	assert_written("function on_exit\nfunction post_fork\nfunction worker_exit\n",
		"\n[hooks]\n"
		"# on_exit is a function of the file, and here a program (docs/HOOKS.md): run when "
		"no worker is\n"
		"# left; the arbiter waits for its end before it exits\n"
		"# on_exit = FILE\n"
		"\n[app]\n"
		"# post_fork, worker_exit: called in workers, from the file itself\n"
		"gunicorn_conf = /srv/gunicorn.conf.py\n");
}

static const struct {
	const char *findings, *reason;
} left_out[] = {
	{"text worker_class gevent\n",
		"worker_class = gevent: has no meaning here: workers are of one kind, and"},
	{"other logconfig_dict dict\n", "logconfig_dict: has no meaning here: the log is not"},
	{"other timeout object\n", "timeout: is no text, no number and no list of them"},
	{"text print_config true\n", "print_config = true: is asked for on the command line"},
	{"text raw_env A=1,2\n", "raw_env = A=1,2: has a comma, which stands between items here"},
	{"text raw_env A\n", "raw_env = A: \"A\" is no variable: allowed is NAME=VALUE"},
	{"text bind shop:80\n", "bind = shop:80: shop:80: a host name is not looked up here"},
	{"text chdir /a\ntext chdir /b\n", "chdir = /b: is one value here, and no list"},
	{"text chdir /a #b\n", "chdir = /a #b: is more than a line of a config file can hold"},
	{"text chdir /a\\nuser = root\n", "chdir = /a\\x0auser = root: is more than a line"},
};

static void what_cannot_be_carried_over_is_a_comment_that_says_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(left_out); i++) {
		struct config config;
		char *comment;

		assert_int_equal(import(left_out[i].findings), 0);
		comment = strstr(written, "\n# Not carried over:\n#\n# ");
		assert_non_null(comment);
		comment += strlen("\n# Not carried over:\n#\n# ");
		if (strncmp(comment, left_out[i].reason, strlen(left_out[i].reason)) != 0)
			assert_string_equal(comment, left_out[i].reason);
		must_read(&config, &(struct start){.words = WORDS("app"), .file = written});
		config_free(&config);
		free(written);
	}
	assert_written("text daemon false\n", "");
	assert_written("text sendfile false\n",
		"\n# Not carried over:\n#\n# sendfile = false: has no meaning here: sendfile(2) is "
		"used wherever a file is sent, by\n# `wsgi.file_wrapper`, too\n");
}

static void no_line_is_longer_than_the_reader_takes(void **state)
{
	char word[3000], bytes[4096];
	struct text findings = TEXT_OVER(bytes);
	struct config config;

	(void)state;
	(void)memset(word, 'x', sizeof(word));
	text_add(&findings, "text worker_class ");
	text_add_bytes(&findings, word, sizeof(word));
	text_add(&findings, "\ntext paste a b c\n");
	assert_int_equal(import(bytes), 0);
	must_read(&config, &(struct start){.words = WORDS("app"), .file = written});
	config_free(&config);
	free(written);
}

static void a_text_that_is_none_is_refused(void **state)
{
	static const char *const texts[] = {"text\n", "what bind :1\n", "text bind :1",
		"text bind \\x\n"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		assert_int_equal(import(texts[i]), -EINVAL);
		free(written);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_stand_in_their_sections),
		cmocka_unit_test(what_was_worked_out_is_said_to_be),
		cmocka_unit_test(with_a_certificate_what_is_bound_speaks_tls),
		cmocka_unit_test(hooks_are_named_where_they_belong),
		cmocka_unit_test(what_cannot_be_carried_over_is_a_comment_that_says_why),
		cmocka_unit_test(no_line_is_longer_than_the_reader_takes),
		cmocka_unit_test(a_text_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
