#include "init/duties.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "seccomp/capability.h"
#include "tests/unit/unit.h"

/* Of one that is root and listens there, with settings that want nothing. */
static uint64_t kept_for(const char *bind, struct settings *settings)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	struct address_list addresses;
	const struct duties_question question = {
		.settings = settings,
		.addresses = &addresses,
		.is_root = true,
	};

	assert_int_equal(address_parse_list(bind, &addresses, &why), 0);
	return duties_capabilities(&question);
}

#define ROOTS                                                                                 \
	(CAPABILITY_OF(CAP_SETUID) | CAPABILITY_OF(CAP_SETGID) | CAPABILITY_OF(CAP_SETPCAP) | \
		CAPABILITY_OF(CAP_KILL))

static void an_address_wants_what_it_is(void **state)
{
	static const struct {
		const char *bind;
		uint64_t beside;
	} cases[] = {
		{"127.0.0.1:0", CAPABILITY_OF(CAP_NET_RAW)},
		{"127.0.0.1:1024", CAPABILITY_OF(CAP_NET_RAW)},
		{"[::1]:1023", CAPABILITY_OF(CAP_NET_RAW) | CAPABILITY_OF(CAP_NET_BIND_SERVICE)},
		{"unix:@name", 0},
		{"unix:/run/x", CAPABILITY_OF(CAP_DAC_OVERRIDE)},
		{"fd://3", 0},
	};
	struct settings settings = {0};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(kept_for(cases[i].bind, &settings), ROOTS | cases[i].beside);
}

static void a_setting_wants_what_it_does(void **state)
{
	char path[] = "/x";
	struct settings settings = {.pidfile = path, .limit_as = 1};

	(void)state;
	assert_int_equal(kept_for("fd://3", &settings),
		ROOTS | CAPABILITY_OF(CAP_DAC_OVERRIDE) | CAPABILITY_OF(CAP_SYS_RESOURCE));
}

static void metrics_have_duties_of_their_own(void **state)
{
	char low[] = "127.0.0.1:9090,[::]:91", file[] = "unix:/run/metrics", port[] = ":9090",
	     none[] = "nonsense";
	struct address_list addresses = {0};
	struct config config = {0};
	struct duties_question question;

	(void)state;
	config.settings.metrics_bind = low;
	question = duties_question(&config, &addresses);
	assert_true(question.has_low_metrics && !question.has_metrics_file);
	assert_true((duties_capabilities(&question) & CAPABILITY_OF(CAP_NET_BIND_SERVICE)) != 0);
	config.settings.metrics_bind = file;
	question = duties_question(&config, &addresses);
	assert_true(!question.has_low_metrics && question.has_metrics_file);
	assert_true((duties_capabilities(&question) & CAPABILITY_OF(CAP_DAC_OVERRIDE)) != 0);
	config.settings.metrics_bind = port;
	question = duties_question(&config, &addresses);
	assert_true(!question.has_low_metrics && !question.has_metrics_file);
	config.settings.metrics_bind = none;
	question = duties_question(&config, &addresses);
	assert_true(!question.has_low_metrics && !question.has_metrics_file);
}

static void a_hook_of_another_user_can_be_executed(void **state)
{
	char path[] = "/x";
	struct settings one = {.on_drain = path}, all = {.hooks_dir = path};

	(void)state;
	assert_int_equal(kept_for("fd://3", &one), ROOTS | CAPABILITY_OF(CAP_DAC_OVERRIDE));
	assert_int_equal(kept_for("fd://3", &all), ROOTS | CAPABILITY_OF(CAP_DAC_OVERRIDE));
}

static void certificates_of_another_user_can_be_read_again(void **state)
{
	char path[] = "/x";
	struct settings cases[] = {{.certfile = path}, {.certdir = path}, {.ca_certs = path}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(kept_for("fd://3", &cases[i]),
			ROOTS | CAPABILITY_OF(CAP_DAC_READ_SEARCH));
}

static void who_is_not_root_makes_no_user(void **state)
{
	struct settings settings = {0};
	struct address_list addresses = {0};
	const struct duties_question question = {.settings = &settings, .addresses = &addresses};

	(void)state;
	assert_int_equal(duties_capabilities(&question), CAPABILITY_OF(CAP_KILL));
}

static void capabilities_are_read_in_every_spelling(void **state)
{
	struct settings settings = {.keep_capabilities = "net_raw, CAP_CHOWN,Cap_Sys_Time"};
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	uint64_t mask = 0;

	(void)state;
	assert_int_equal(duties_read_kept(&settings, &mask, &why), 0);
	assert_int_equal(mask, CAPABILITY_OF(CAP_NET_RAW) | CAPABILITY_OF(CAP_CHOWN) |
				       CAPABILITY_OF(CAP_SYS_TIME));
	settings.keep_capabilities = "all";
	assert_int_equal(duties_read_kept(&settings, &mask, &why), 0);
	assert_int_equal(mask, CAPABILITY_ALL);
	settings.keep_capabilities = NULL;
	mask = 0;
	assert_int_equal(duties_read_kept(&settings, &mask, &why), 0);
	assert_int_equal(mask, 0);
}

static void what_is_no_capability_is_refused(void **state)
{
	static const char *const bad[] = {"cap_", "cap_cap_chown", "chown chown", "77", "all,no",
		"nothing_that_is_as_long_as_this_name_can_be_one_of_the_names_of_capabilities"};
	char bytes[256];
	uint64_t mask = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct text why = TEXT_OVER(bytes);
		const struct settings settings = {.keep_capabilities = bad[i]};

		assert_int_equal(duties_read_kept(&settings, &mask, &why), -EINVAL);
		assert_non_null(strstr(bytes, "keep_capabilities: \""));
		assert_non_null(strstr(bytes, "\" is no capability: allowed are"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_wants_what_it_is),
		cmocka_unit_test(a_setting_wants_what_it_does),
		cmocka_unit_test(metrics_have_duties_of_their_own),
		cmocka_unit_test(a_hook_of_another_user_can_be_executed),
		cmocka_unit_test(certificates_of_another_user_can_be_read_again),
		cmocka_unit_test(who_is_not_root_makes_no_user),
		cmocka_unit_test(capabilities_are_read_in_every_spelling),
		cmocka_unit_test(what_is_no_capability_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
