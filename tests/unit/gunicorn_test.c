/* Gunicorn's names: each row of the table leads somewhere, and flags, files and variables obey it.
 */
#include "tests/unit/start.h"

static void every_row_leads_to_something_that_is_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < GUNICORN_ROWS; i++) {
		const struct gunicorn *row = &gunicorn_table[i];
		const struct setting *to = setting_named(row->to, strlen(row->to));
		bool names_one = row->fate == GUNICORN_SETTING || row->fate == GUNICORN_PROGRAM ||
				 row->fate == GUNICORN_PYTHON;

		if (names_one != (to != NULL))
			fail_msg("%s leads to \"%s\"", row->name, row->to);
		if (row->value == GUNICORN_MAY_VALUE && (to == NULL || to->type != SETTING_CHOICE ||
								strstr(to->looks, "auto") == NULL))
			fail_msg("%s has no auto", row->name);
		if (row->fate == GUNICORN_NOTHING && row->remark[0] == '\0')
			fail_msg("%s does not say why", row->name);
	}
}

/* Theirs, and what narwhal makes of the same flag by itself. */
static void no_flag_of_gunicorns_means_something_else_here(void **state)
{
	(void)state;
	for (size_t i = 0; i < GUNICORN_ROWS; i++) {
		const struct gunicorn *row = &gunicorn_table[i];
		size_t size = strcspn(row->flags, "|");
		const struct setting *ours = setting_named(row->flags, size);

		if (size > 0 && ours != NULL && ours != gunicorn_setting(row))
			fail_msg("--%s is taken", row->flags);
		for (size_t j = 0; row->flag != '\0' && j < SETTINGS; j++) {
			if (settings_table[j].flag == row->flag &&
				&settings_table[j] != gunicorn_setting(row))
				fail_msg("-%c is taken", row->flag);
		}
		assert_ptr_equal(gunicorn_named(row->name), row);
		if (size > 0)
			assert_ptr_equal(gunicorn_of_flag(row->flags, size), row);
	}
	assert_null(gunicorn_named("wokers"));
	assert_null(gunicorn_of_flag("", 0));
	assert_null(gunicorn_of_flag("log-fil", 7));
	assert_null(gunicorn_of_short_flag('\0'));
	assert_string_equal(gunicorn_of_flag("limit-request-field-size", 24)->name,
		"limit_request_field_size");
	assert_string_equal(gunicorn_of_flag("log-file", 8)->name, "errorlog");
	assert_string_equal(gunicorn_of_short_flag('k')->name, "worker_class");
}

static void their_flags_are_read(void **state)
{
	struct config config;

	(void)state;
	must_read(&config,
		&(struct start){.words = WORDS("-b=:9000", "-w=3", "-nshop", "-e", "A=1",
					"--env=B=2", "--keep-alive", "5", "--access-logfile", "-",
					"--log-file", "-", "--log-level", "CRITICAL", "--pid", "/p",
					"--preload", "--proxy-allow-from=10.0.0.1", "--cert-reqs",
					"2", "app:app", "--limit-request-field_size", "100")});
	assert_string_equal(config.warnings, "");
	assert_string_equal(config.app, "app:app");
	assert_string_equal(config.settings.bind, ":9000");
	assert_int_equal(config.settings.workers, 3);
	assert_string_equal(config.settings.proc_name, "shop");
	assert_string_equal(config.settings.raw_env, "A=1,B=2");
	assert_int_equal(config.settings.keepalive, 5000);
	assert_string_equal(config.settings.accesslog, "-");
	assert_null(config.settings.errorlog);
	assert_int_equal(config.settings.loglevel, 3);
	assert_string_equal(config.settings.pidfile, "/p");
	assert_true(config.settings.preload_app);
	assert_string_equal(config.settings.proxy_allow_ips, "10.0.0.1");
	assert_int_equal(config.settings.cert_reqs, 2);
	assert_int_equal(config.settings.limit_request_field_size, 100);
	config_free(&config);
}

static void a_flag_that_may_stand_alone_leaves_the_app_alone(void **state)
{
	static const struct {
		const char *words[5];
		uint64_t proxy_protocol;
	} cases[] = {
		{{"narwhal", "--proxy-protocol", "app:app"}, 3},
		{{"narwhal", "--proxy-protocol", "v2", "app:app"}, 2},
		{{"narwhal", "--proxy-protocol=off", "app:app"}, 0},
		{{"narwhal", "--proxy-protocol=true", "app:app"}, 3},
		{{"narwhal", "app:app", "--proxy-protocol"}, 3},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct config config;

		must_read(&config, &(struct start){.words = cases[i].words});
		assert_int_equal(config.settings.proxy_protocol, cases[i].proxy_protocol);
		assert_string_equal(config.app, "app:app");
		config_free(&config);
	}
}

static void what_has_no_meaning_is_said_once(void **state)
{
	struct config config;

	(void)state;
	must_read(&config, &(struct start){.words = WORDS("-D", "--daemon", "-D", "app:app")});
	assert_string_equal(config.warnings,
		"-D: daemon of Gunicorn has no meaning here: narwhal stays in the foreground, for "
		"the container's engine or the service manager\n");
	config_free(&config);
	must_read(&config, &(struct start){.words = WORDS("app:app"),
				   .environment = {"GUNICORN_CMD_ARGS=--worker-tmp-dir=/dev/shm"},
				   .file = "workers = 2\nworker_tmp_dir = /tmp\nspew = true\n"});
	assert_string_equal(config.warnings,
		"narwhal.conf:2: worker_tmp_dir of Gunicorn has no meaning here: a "
		"heartbeat is in shared memory, and no file\n"
		"narwhal.conf:3: spew of Gunicorn has no meaning here: no line of Python is "
		"run by the server; `loglevel = debug` tells most\n");
	config_free(&config);
	assert_words_refused(WORDS("--daemon=1", "app"), "--daemon: takes no value");
	assert_words_refused(WORDS("app", "-k"), "-k: needs a value: VALUE");
	assert_words_refused(WORDS("--header-map", "dangerous", "app"),
		"--header-map: \"dangerous\" is unknown: allowed are drop, refuse");
}

static void their_variable_stands_between_the_file_and_ours(void **state)
{
	struct config config;
	struct start start = {.words = WORDS("app"),
		.environment = {"GUNICORN_CMD_ARGS=-w 4 --threads '5' -t 7",
			"NARWHAL_CMD_ARGS=--threads 6"},
		.file = "workers = 2\ntimeout = 3\n"};

	(void)state;
	must_read(&config, &start);
	assert_int_equal(config.settings.workers, 4);
	assert_int_equal(config.settings.threads, 6);
	assert_int_equal(config.settings.timeout, 7000);
	assert_origin(&config, SETTING_ID_timeout, "GUNICORN_CMD_ARGS");
	config_free(&config);
	start.environment[0] = "GUNICORN_CMD_ARGS=-w 0";
	assert_refused(&start,
		"GUNICORN_CMD_ARGS: --workers: \"0\" is out of range: allowed are auto, 1 to 512");
	start.environment[0] = "GUNICORN_CMD_ARGS=--wokers 1";
	assert_refused(&start,
		"GUNICORN_CMD_ARGS: --wokers: unknown setting; nearest is --workers");
	start.environment[0] = "GUNICORN_CMD_ARGS='";
	assert_refused(&start, "GUNICORN_CMD_ARGS: ends inside a quote, or with a backslash");
}

/* It may be Gunicorn. */
static void behind_two_dashes_their_variable_is_the_programs_own(void **state)
{
	struct start start = {.words = WORDS("--bind", ":1", "--", "gunicorn"),
		.environment = {"GUNICORN_CMD_ARGS=--wokers -D -w 4 '"}};
	struct config config;

	(void)state;
	must_read(&config, &start);
	assert_int_equal(config.settings.workers, 1);
	config_free(&config);
	start = (struct start){.words = NONE,
		.environment = {"GUNICORN_CMD_ARGS=-w 4"},
		.file = "app = -- gunicorn\nbind = :1\n"};
	must_read(&config, &start);
	assert_int_equal(config.settings.workers, 1);
	config_free(&config);
}

/* A probe beside `narwhal -- gunicorn` has that variable, too, and knows nothing of the dashes. */
static void a_verb_that_only_asks_does_not_judge_it(void **state)
{
	static const char *const wrong[] = {"GUNICORN_CMD_ARGS=--work 4", "GUNICORN_CMD_ARGS='",
		"GUNICORN_CMD_ARGS=-w many", "GUNICORN_CMD_ARGS=-c",
		"GUNICORN_CMD_ARGS=-c gunicorn.conf.py"};
	static const char *const asking[] = {"ready", "alive", "status", "upgrade", "commit",
		"rollback"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong) * COUNT_OF(asking); i++) {
		struct start start = {.words = WORDS(asking[i / COUNT_OF(wrong)]),
			.environment = {wrong[i % COUNT_OF(wrong)]}};
		struct config config;

		must_read(&config, &start);
		config_free(&config);
		start.words = WORDS("--print-config", "app");
		assert_int_equal(read_start(&config, &start), -EINVAL);
	}
	assert_refused(&(struct start){.words = WORDS("ready"),
			       .environment = {"NARWHAL_CMD_ARGS=--work 4"}},
		"NARWHAL_CMD_ARGS: --work: unknown setting; narwhal --help tells all");
}

static void their_names_stand_in_a_file(void **state)
{
	struct config config;

	(void)state;
	must_read(&config, &(struct start){.words = NONE,
				   .file = "wsgi_app = shop.wsgi\n"
					   "[arbiter]\nreload_extra_files = /a\n"
					   "[tls]\ncert_reqs = 1\n"});
	assert_string_equal(config.app, "shop.wsgi");
	assert_string_equal(config.settings.reload_extra_file, "/a");
	assert_int_equal(config.settings.cert_reqs, 1);
	config_free(&config);
	assert_file_refused("print_config = true\n",
		"narwhal.conf:1: print_config: unknown setting; narwhal --help tells all");
	assert_file_refused("worker_abort = f\n",
		"narwhal.conf:1: worker_abort: is a function of Python: allowed is gunicorn_conf, "
		"the file that it stands in");
}

static void a_config_file_of_theirs_is_refused_with_the_way_out(void **state)
{
	(void)state;
	assert_words_refused(WORDS("-c", "etc/gunicorn.conf.py", "app"),
		"etc/gunicorn.conf.py: is a config file of Gunicorn's, which is Python: narwhal "
		"import-gunicorn etc/gunicorn.conf.py makes one for narwhal of it");
	assert_words_refused(WORDS("-c", "python:shop.conf", "app"),
		"python:shop.conf: is a config file of Gunicorn's, which is Python: narwhal "
		"import-gunicorn FILE makes one for narwhal of it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_leads_to_something_that_is_there),
		cmocka_unit_test(no_flag_of_gunicorns_means_something_else_here),
		cmocka_unit_test(their_flags_are_read),
		cmocka_unit_test(a_flag_that_may_stand_alone_leaves_the_app_alone),
		cmocka_unit_test(what_has_no_meaning_is_said_once),
		cmocka_unit_test(their_variable_stands_between_the_file_and_ours),
		cmocka_unit_test(behind_two_dashes_their_variable_is_the_programs_own),
		cmocka_unit_test(a_verb_that_only_asks_does_not_judge_it),
		cmocka_unit_test(their_names_stand_in_a_file),
		cmocka_unit_test(a_config_file_of_theirs_is_refused_with_the_way_out),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
