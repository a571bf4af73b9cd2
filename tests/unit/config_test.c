#include "tests/unit/start.h"

#include "base/words.h"
#include "init/usage.h"
#include "seccomp/filter.h"

static void without_any_source_the_defaults_count(void **state)
{
	struct config config;

	(void)state;
	must_read(&config, &(struct start){.words = WORDS("./public")});
	assert_int_equal(config.verb, CONFIG_SERVE);
	assert_string_equal(config.app, "./public");
	assert_null(config.file);
	assert_null(config.program);
	assert_int_equal(config.settings.workers, 1);
	assert_string_equal(config.settings.bind, "127.0.0.1:8000");
	assert_origin(&config, SETTING_ID_bind, "default");
	assert_string_equal(config.warnings, "");
	config_free(&config);
}

static const struct {
	const char *origin;
	uint64_t workers;
} layers[] = {
	{"default", 1},
	{"WEB_CONCURRENCY", 2},
	{"NARWHAL_WORKERS", 3},
	{"narwhal.conf:2", 4},
	{"NARWHAL_CMD_ARGS", 5},
	{"--workers", 6},
};

static void a_higher_source_wins(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(layers); i++) {
		struct start start = {.words = i < 5 ? WORDS("app") : WORDS("-w6", "app"),
			.environment = {i < 1 ? NULL : "WEB_CONCURRENCY=2",
				i < 2 ? NULL : "NARWHAL_WORKERS=3",
				i < 4 ? NULL : "NARWHAL_CMD_ARGS=--workers '5'"},
			.file = i < 3 ? NULL : "[arbiter]\nworkers = 4\n"};
		struct config config;

		must_read(&config, &start);
		assert_int_equal(config.settings.workers, layers[i].workers);
		assert_origin(&config, SETTING_ID_workers, layers[i].origin);
		config_free(&config);
	}
}

static void a_list_grows_within_a_source_and_is_replaced_by_the_next(void **state)
{
	struct config config;
	struct start start = {.words = WORDS("app"),
		.environment = {"PORT=8080"},
		.file = "bind = a:1\nbind = b:2, c:3\n"};

	(void)state;
	must_read(&config, &start);
	assert_string_equal(config.settings.bind, "a:1,b:2,c:3");
	config_free(&config);
	start.words = WORDS("-b", "d:4", "--bind=e:5", "-bf:6", "app");
	must_read(&config, &start);
	assert_string_equal(config.settings.bind, "d:4,e:5,f:6");
	config_free(&config);
	start.words = WORDS("app");
	start.file = NULL;
	must_read(&config, &start);
	assert_string_equal(config.settings.bind, "0.0.0.0:8080");
	assert_origin(&config, SETTING_ID_bind, "PORT");
	config_free(&config);
}

static void flags_are_written_in_four_ways(void **state)
{
	struct config config;

	(void)state;
	must_read(&config, &(struct start){.words = WORDS("--graceful-timeout", "1.5", "./hello.so",
						   "--graceful_timeout=2m", "-t7", "-u", "-x",
						   "--pidfile=", "--chdir=--x", "--umask", "-")});
	assert_int_equal(config.settings.graceful_timeout, 120000);
	assert_int_equal(config.settings.timeout, 7000);
	assert_string_equal(config.settings.user, "-x");
	assert_null(config.settings.pidfile);
	assert_string_equal(config.settings.chdir, "--x");
	assert_string_equal(config.settings.umask, "-");
	assert_string_equal(config.app, "./hello.so");
	config_free(&config);
}

static void a_wrong_flag_is_named_with_the_nearest(void **state)
{
	(void)state;
	assert_words_refused(WORDS("--wokers", "4", "app"),
		"--wokers: unknown setting; nearest is --workers");
	assert_words_refused(WORDS("--gracefultimeout=4", "app"),
		"--gracefultimeout: unknown setting; nearest is --graceful-timeout");
	assert_words_refused(WORDS("--work=4", "app"),
		"--work: unknown setting; narwhal --help tells all");
	assert_words_refused(WORDS("--chek-config", "app"),
		"--chek-config: unknown setting; nearest is --check-config");
	assert_words_refused(WORDS("-x", "app"), "-x: unknown setting; narwhal --help tells all");
	assert_words_refused(WORDS("--no-workers", "app"),
		"--no-workers: unknown setting; nearest is --workers");
	assert_words_refused(WORDS("---workers=1", "app"),
		"---workers: unknown setting; nearest is --workers");
}

static void a_wrong_value_is_named_with_what_is_allowed(void **state)
{
	(void)state;
	assert_words_refused(WORDS("-w", "x4", "app"),
		"--workers: \"x4\" is not a number: allowed are auto, 1 to 512");
	assert_words_refused(WORDS("--loglevel=l\xffoud\n", "app"),
		"--loglevel: \"l\\xffoud\\x0a\" is unknown: "
		"allowed are debug, info, warning, error");
	assert_words_refused(WORDS("app", "--workers"), "--workers: needs a value: N|auto");
	assert_words_refused(WORDS("-p", "--workers", "2", "app"), "-p: needs a value: FILE");
	assert_words_refused(WORDS("app", "-c"), "-c: needs a value: FILE");
	assert_words_refused(WORDS("app", "--config="), "--config: needs a value: FILE");
	assert_words_refused(WORDS("app", "--check-config=1"), "--check-config: takes no value");
	assert_refused(&(struct start){.words = WORDS("app"), .environment = {"PORT=http"}},
		"PORT: bind: \"http\" is not a port: allowed are 1 to 65535");
	assert_refused(&(struct start){.words = WORDS("app"), .environment = {"WEB_CONCURRENCY=0"}},
		"WEB_CONCURRENCY: workers: \"0\" is out of range: allowed are auto, 1 to 512");
	assert_refused(&(struct start){.words = WORDS("app"),
			       .environment = {"FORWARDED_ALLOW_IPS=proxy"}},
		"FORWARDED_ALLOW_IPS: forwarded_allow_ips: \"proxy\" has the item \"proxy\": "
		"allowed "
		"are addresses, blocks without bits behind their prefix (as in 10.0.0.0/8, "
		"2001:db8::/32), and *");
	assert_words_refused(WORDS("--proxy-allow-ips=::1,10.0.0.1/8", "app"),
		"--proxy-allow-ips: \"::1,10.0.0.1/8\" has the item \"10.0.0.1/8\": allowed are "
		"addresses, blocks without bits behind their prefix (as in 10.0.0.0/8, "
		"2001:db8::/32), and *");
	assert_words_refused(WORDS("--request-id-header=X Id", "app"),
		"--request-id-header: \"X Id\" is not the name of a field: allowed are letters, "
		"digits and !#$%&'*+-.^_`|~");
	assert_refused(&(struct start){.words = WORDS("app"),
			       .environment = {"NARWHAL_TIMEOUT=soon"}},
		"NARWHAL_TIMEOUT: \"soon\" is not a duration (as in 30, 0.5, 500ms, 30s, 2m, 1h): "
		"allowed are 0s to 86400s");
}

static void one_app_or_one_program_is_asked_for(void **state)
{
	struct config config;

	(void)state;
	assert_words_refused(NONE, "no app is given: allowed are a directory, a C module "
				   "(as in ./hello.so), or a program behind --");
	assert_words_refused(WORDS("a", "b"),
		"app: \"b\" is a second app: allowed is one; the first is \"a\"");
	assert_words_refused(WORDS(""), "app: \"\" is not the name of an app");
	assert_words_refused(WORDS("a", "--"), "--: needs a program behind it");
	assert_words_refused(WORDS("a", "--", "b"),
		"both an app, \"a\", and a program behind --: allowed is one of them");
	must_read(&config, &(struct start){.words = WORDS("-w2", "--", "sh", "-c", "--workers"),
				   .file = "app = other\n"});
	assert_null(config.app);
	assert_int_equal(config.program_argc, 3);
	assert_string_equal(config.program[0], "sh");
	assert_string_equal(config.program[2], "--workers");
	assert_null(config.program[3]);
	config_free(&config);
}

static const struct {
	const char *word;
	enum config_verb verb;
} verbs[] = {
	{"ready", CONFIG_READY},
	{"check", CONFIG_CHECK},
	{"--check-config", CONFIG_CHECK_CONFIG},
	{"--print_config", CONFIG_PRINT},
	{"--help", CONFIG_HELP},
	{"-h", CONFIG_HELP},
	{"--version", CONFIG_VERSION},
	{"-v", CONFIG_VERSION},
};

static void a_verb_is_a_first_word_or_a_flag(void **state)
{
	struct config config;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		must_read(&config, &(struct start){.words = WORDS(verbs[i].word),
					   .file = "app = ./public\nwhen_ready = /r\n"});
		assert_int_equal(config.verb, verbs[i].verb);
		config_free(&config);
	}
	must_read(&config, &(struct start){.words = WORDS("./ready", "-w2")});
	assert_int_equal(config.verb, CONFIG_SERVE);
	assert_string_equal(config.app, "./ready");
	config_free(&config);
}

static void a_verb_may_be_of_two_words(void **state)
{
	struct config config;

	(void)state;
	must_read(&config, &(struct start){.words = WORDS("-w2", "seccomp", "learn", "./app")});
	assert_int_equal(config.verb, CONFIG_LEARN);
	assert_int_equal(config.settings.sandbox_mode, SANDBOX_LOG);
	assert_string_equal(config.app, "./app");
	config_free(&config);
	must_read(&config, &(struct start){.words = WORDS("learn")});
	assert_int_equal(config.verb, CONFIG_SERVE);
	assert_string_equal(config.app, "learn");
	config_free(&config);
}

/* It is a command line of narwhal's own, and no program. */
static void what_learn_has_behind_two_dashes_is_a_service(void **state)
{
	struct config config;

	(void)state;
	must_read(&config,
		&(struct start){.words = WORDS("seccomp", "learn", "--", "-w2", "./app")});
	assert_null(config.program);
	assert_int_equal(config.settings.workers, 2);
	assert_string_equal(config.app, "./app");
	config_free(&config);
}

static void help_answers_whatever_else_is_wrong(void **state)
{
	struct config config;

	(void)state;
	must_read(&config, &(struct start){.words = WORDS("--help", "--wokers"),
				   .environment = {"PORT=x", "NARWHAL_CMD_ARGS='"},
				   .file = "["});
	assert_int_equal(config.verb, CONFIG_HELP);
	config_free(&config);
}

static void the_environments_words_are_split_as_a_shell_splits(void **state)
{
	static const char text[] = " a  'b c'\"d\\\"e\\x\"\t'' \\ f\\\\ \"'\"\n'\\' '\\$\"'";
	static const char *const wanted[] = {"a", "b cd\"e\\x", "", " f\\", "'", "\\", "\\$\""};
	static const char *const wrong[] = {"'a", "\"a", "a\\", "\"a\\\"", "''\""};
	char **words;

	(void)state;
	assert_int_equal(words_split(text, &words), 0);
	for (size_t i = 0; i < COUNT_OF(wanted); i++)
		assert_string_equal(words[i], wanted[i]);
	assert_null(words[COUNT_OF(wanted)]);
	free(words);
	assert_int_equal(words_split("", &words), 0);
	assert_null(words[0]);
	free(words);
	assert_int_equal(words_split("a b c d e f", &words), 0);
	assert_string_equal(words[5], "f");
	free(words);
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_int_equal(words_split(wrong[i], &words), -EINVAL);
}

static void the_environments_words_may_name_the_app_but_ask_for_nothing(void **state)
{
	struct start start = {.words = NONE};
	struct config config;

	(void)state;
	start.environment[0] = "NARWHAL_CMD_ARGS=-w 3 './my app'";
	must_read(&config, &start);
	assert_string_equal(config.app, "./my app");
	config_free(&config);
	start.environment[0] = "NARWHAL_CMD_ARGS=--help";
	assert_refused(&start, "NARWHAL_CMD_ARGS: --help: is for the command line only");
	start.environment[0] = "NARWHAL_CMD_ARGS=-- sh";
	assert_refused(&start, "NARWHAL_CMD_ARGS: --: is for the command line only");
	start.environment[0] = "NARWHAL_CMD_ARGS=-w 'x";
	assert_refused(&start, "NARWHAL_CMD_ARGS: ends inside a quote, or with a backslash");
	start.environment[0] = "NARWHAL_CMD_ARGS=-w 0";
	assert_refused(&start,
		"NARWHAL_CMD_ARGS: --workers: \"0\" is out of range: allowed are auto, 1 to 512");
}

static void an_unknown_variable_is_a_warning(void **state)
{
	struct config config;

	(void)state;
	must_read(&config, &(struct start){.words = WORDS("app"),
				   .environment = {"NARWHAL_WOKERS=4", "NARWHAL_PORT=8080",
					   "NARWHAL_bind=x", "NARWHAL_TIMEOUT="}});
	assert_string_equal(config.warnings,
		"NARWHAL_WOKERS: unknown setting; nearest is NARWHAL_WORKERS\n"
		"NARWHAL_PORT: unknown setting; narwhal --help tells all\n"
		"NARWHAL_bind: unknown setting; nearest is NARWHAL_BIND\n");
	assert_int_equal(config.settings.workers, 1);
	assert_int_equal(config.settings.timeout, 30000);
	config_free(&config);
}

static void a_kubernetes_service_of_our_name_is_no_setting(void **state)
{
	struct config config;

	(void)state;
	must_read(&config,
		&(struct start){.words = WORDS("app"),
			.environment = {"NARWHAL_SERVICE_HOST=10.0.0.1",
				"NARWHAL_SERVICE_PORT_HTTP=80", "NARWHAL_PORT=tcp://10.0.0.1:80",
				"NARWHAL_PORT_8080_TCP_ADDR=10.0.0.1",
				"NARWHAL_WEB_PORT_53_UDP=udp://10.0.0.1:53", "NARWHAL_HERITAGE=5",
				"NARWHAL_X_MINE=1"}});
	assert_string_equal(config.warnings, "");
	config_free(&config);
}

static void a_file_is_read_with_its_sections(void **state)
{
	static const char file[] = "\xef\xbb\xbf# first\r\n"
				   "app = ./public\r\n"
				   "keepalive: 5\r\n"
				   "\r\n"
				   "[arbiter]  \r\n"
				   "min-ready=2\r\n"
				   "  ; between\r\n"
				   "pidfile = /a;b#c = d   \r\n"
				   "[log]\r\n"
				   "loglevel = debug";
	struct config config;

	(void)state;
	must_read(&config, &(struct start){.words = NONE, .file = file});
	assert_string_equal(config.app, "./public");
	assert_string_equal(config.file, "narwhal.conf");
	assert_int_equal(config.settings.keepalive, 5000);
	assert_int_equal(config.settings.min_ready, 2);
	assert_string_equal(config.settings.pidfile, "/a;b#c = d");
	assert_int_equal(config.settings.loglevel, 0);
	assert_origin(&config, SETTING_ID_loglevel, "narwhal.conf:10");
	config_free(&config);
}

static void what_is_wrong_in_a_file_is_named_with_its_line(void **state)
{
	(void)state;
	assert_file_refused("\n\nworkers = x4\n",
		"narwhal.conf:3: workers: \"x4\" is not a number: allowed are auto, 1 to 512");
	assert_file_refused("wokers = 4\n",
		"narwhal.conf:1: wokers: unknown setting; nearest is workers");
	assert_file_refused("ap = x\n", "narwhal.conf:1: ap: unknown setting; nearest is app");
	assert_file_refused("[http]\nworkers = 4\n",
		"narwhal.conf:2: workers: does not belong in [http]: allowed is [arbiter]");
	assert_file_refused("[http]\napp = x\n",
		"narwhal.conf:2: app: does not belong in [http]: allowed is [arbiter]");
	assert_file_refused("workers = 4\n#\n[arbiter]\nworkers = 4\n",
		"narwhal.conf:4: workers: given twice, first at line 1");
	assert_file_refused("app = 4\napp = 4\n",
		"narwhal.conf:2: app: given twice, first at line 1");
	assert_file_refused("workers 4\n",
		"narwhal.conf:1: is neither \"name = value\" nor [section]");
	assert_file_refused("= 4\n", "narwhal.conf:1: : unknown setting; narwhal --help tells all");
	assert_file_refused("[https]\n",
		"narwhal.conf:1: [https] is an unknown section: "
		"allowed are [arbiter], [lifecycle], [upgrade], [hooks], [app], [http], "
		"[files], [proxies], [tls], [privileges], [program], [exec], [log]");
	assert_file_refused("[",
		"narwhal.conf:1: [ is an unknown section: "
		"allowed are [arbiter], [lifecycle], [upgrade], [hooks], [app], [http], "
		"[files], [proxies], [tls], [privileges], [program], [exec], [log]");
}

static void no_value_of_a_file_is_cut_or_merged(void **state)
{
	char line[512];

	(void)state;
	assert_file_refused("bind = a:1\n  , b:2\n",
		"narwhal.conf:2: begins with a space: a value cannot go on over lines");
	assert_file_refused("bind = a:1 ; b:2\n",
		"narwhal.conf:1: has a comment behind it: a comment needs a line of its own");
	assert_file_refused("pidfile =\t#x\n",
		"narwhal.conf:1: has a comment behind it: a comment needs a line of its own");
	assert_file_refused("pidfile = a\rb\n", "narwhal.conf:1: has a control character");
	assert_refused(&(struct start){.words = WORDS("a"),
			       .file = "#\npidfile = a\0b\n",
			       .file_size = 16},
		"narwhal.conf:2: has a control character");
	(void)memset(line, 'x', sizeof(line));
	(void)memcpy(line, "pidfile = ", 10);
	line[198] = '\n';
	line[199] = '\0';
	assert_refused(&(struct start){.words = NONE, .file = line},
		"no app is given: allowed are a directory, a C module "
		"(as in ./hello.so), or a program behind --");
	line[198] = 'x';
	assert_file_refused(line, "narwhal.conf:1: is too long: allowed are 198 bytes a line");
	line[199] = '\n';
	line[200] = '\0';
	assert_file_refused(line, "narwhal.conf:1: is too long: allowed are 198 bytes a line");
}

static void a_file_that_was_named_must_be_there(void **state)
{
	struct start start = {.words = WORDS("-c", "missing.conf", "app")};
	struct config config;

	(void)state;
	assert_int_equal(read_start(&config, &start), -ENOENT);
	assert_string_equal(said,
		"missing.conf: cannot be opened: No such file or directory (from --config)");
	start.words = WORDS("app");
	start.environment[0] = "NARWHAL_CONFIG=missing.conf";
	assert_int_equal(read_start(&config, &start), -ENOENT);
	assert_string_equal(said,
		"missing.conf: cannot be opened: No such file or directory (from NARWHAL_CONFIG)");
	start.environment[1] = "NARWHAL_CMD_ARGS=--config=.";
	assert_int_equal(read_start(&config, &start), -EIO);
	assert_string_equal(said, ".: cannot be read: Is a directory");
	start.words = WORDS("app", "--config", "narwhal.conf");
	start.file = "workers = 7\n";
	must_read(&config, &start);
	assert_int_equal(config.settings.workers, 7);
	config_free(&config);
}

static void what_is_printed_reads_back_the_same(void **state)
{
	struct start start = {.words = WORDS("--print-config", "--bind=[::1]:80,unix:/a b",
				      "-t0.25", "--limit-request-head=3k", "./pub lic",
				      "--log-format=json", "-p/x;y#z=w", "--keepalive=90s")};
	struct config config, back;
	char *printed = NULL, again[8192] = {0};
	size_t size = 0;
	FILE *out = open_memstream(&printed, &size);

	(void)state;
	must_read(&config, &start);
	assert_int_equal(usage_config(&config, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(printed, "# --bind\nbind = [::1]:80\nbind = unix:/a b\n"));
	must_read(&back, &(struct start){.words = NONE, .file = printed});
	assert_string_equal(back.app, "./pub lic");
	for (size_t i = 0; i < SETTINGS; i++) {
		char one[256], two[256];
		struct text first = TEXT_OVER(one), second = TEXT_OVER(two);

		setting_write(&settings_table[i], &config.settings, &first);
		setting_write(&settings_table[i], &back.settings, &second);
		assert_string_equal(two, one);
	}
	out = fmemopen(again, sizeof(again), "w");
	assert_int_equal(usage_config(&back, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(again, "\nworkers = 1\n"));
	free(printed);
	config_free(&config);
	config_free(&back);
}

static void what_no_file_can_hold_is_printed_as_a_comment(void **state)
{
	static const char *const values[] = {" a", "a ", "a ;b", "a\t#b", ";a", "#a",
		"a\nworkers = 9", "\x7f"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		struct start start = {.words = WORDS("app", "--chdir", values[i])};
		struct config config, back;
		char *printed = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&printed, &size);

		must_read(&config, &start);
		assert_int_equal(usage_config(&config, out), 0);
		assert_int_equal(fclose(out), 0);
		must_read(&back, &(struct start){.words = NONE, .file = printed});
		assert_null(back.settings.chdir);
		assert_int_equal(back.settings.workers, 1);
		free(printed);
		config_free(&config);
		config_free(&back);
	}
}

static void help_names_every_setting_within_100_columns(void **state)
{
	char *printed = NULL, *line;
	size_t size = 0;
	FILE *out = open_memstream(&printed, &size);

	(void)state;
	assert_int_equal(usage_help(out), 0);
	assert_int_equal(fclose(out), 0);
	for (size_t i = 0; i < SETTINGS; i++) {
		char bytes[64];
		struct text text = TEXT_OVER(bytes);

		config_add_name(&text, CONFIG_COMMAND_LINE, settings_table[i].name);
		assert_non_null(strstr(printed, bytes));
		if (settings_table[i].type != SETTING_SWITCH) /* its flag alone says it */
			assert_non_null(strstr(printed, settings_table[i].looks));
	}
	for (line = printed; *line != '\0'; line = strchr(line, '\n') + 1)
		assert_true(strcspn(line, "\n") <= 100);
	free(printed);
}

static void what_cannot_be_printed_is_told(void **state)
{
	FILE *full = fopen("/dev/full", "we");

	(void)state;
	assert_non_null(full);
	assert_int_equal(usage_version(full), -ENOSPC);
	(void)fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_any_source_the_defaults_count),
		cmocka_unit_test(a_higher_source_wins),
		cmocka_unit_test(a_list_grows_within_a_source_and_is_replaced_by_the_next),
		cmocka_unit_test(flags_are_written_in_four_ways),
		cmocka_unit_test(a_wrong_flag_is_named_with_the_nearest),
		cmocka_unit_test(a_wrong_value_is_named_with_what_is_allowed),
		cmocka_unit_test(one_app_or_one_program_is_asked_for),
		cmocka_unit_test(a_verb_is_a_first_word_or_a_flag),
		cmocka_unit_test(a_verb_may_be_of_two_words),
		cmocka_unit_test(what_learn_has_behind_two_dashes_is_a_service),
		cmocka_unit_test(help_answers_whatever_else_is_wrong),
		cmocka_unit_test(the_environments_words_are_split_as_a_shell_splits),
		cmocka_unit_test(the_environments_words_may_name_the_app_but_ask_for_nothing),
		cmocka_unit_test(an_unknown_variable_is_a_warning),
		cmocka_unit_test(a_kubernetes_service_of_our_name_is_no_setting),
		cmocka_unit_test(a_file_is_read_with_its_sections),
		cmocka_unit_test(what_is_wrong_in_a_file_is_named_with_its_line),
		cmocka_unit_test(no_value_of_a_file_is_cut_or_merged),
		cmocka_unit_test(a_file_that_was_named_must_be_there),
		cmocka_unit_test(what_is_printed_reads_back_the_same),
		cmocka_unit_test(what_no_file_can_hold_is_printed_as_a_comment),
		cmocka_unit_test(help_names_every_setting_within_100_columns),
		cmocka_unit_test(what_cannot_be_printed_is_told),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
