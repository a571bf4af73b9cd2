#include "unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "seccomp/profile.h"

static const char *const container_names[] = {
#define CALL(name, why) #name,
#define CALL_IF(name, when, why) #name,
#define ANSWER(name, error, why) #name,
#include "seccomp/container.def"
#undef CALL
#undef CALL_IF
#undef ANSWER
};

/* Owned by the caller. */
static char *written(enum profile_format format, enum calls_role role)
{
	char *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);

	assert_non_null(out);
	assert_int_equal(profile_write(out, format, role), 0);
	assert_int_equal(fclose(out), 0);
	return bytes;
}

static void every_call_of_the_container_is_in_every_profile(void **state)
{
	(void)state;
	for (unsigned role = 0; role < CALLS_ROLES; role++) {
		char *profile = written(PROFILE_OCI, role);

		for (size_t i = 0; i < COUNT_OF(container_names); i++) {
			char quoted[64];

			(void)snprintf(quoted, sizeof(quoted), "\"%s\"", container_names[i]);
			assert_non_null(strstr(profile, quoted));
		}
		free(profile);
	}
}

/* What workers need is a part of what a container needs, unless they run programs. */
static void a_strict_worker_adds_nothing(void **state)
{
	static const enum calls_role strict[] = {CALLS_FILES, CALLS_WALK, CALLS_MODULE,
		CALLS_KEYHOLDER, CALLS_EXPORTER};
	char *container = written(PROFILE_SPO, CALLS_CONTAINER);
	char *app = written(PROFILE_SPO, CALLS_APP);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(strict); i++) {
		char *profile = written(PROFILE_SPO, strict[i]);

		assert_string_equal(profile, container);
		free(profile);
	}
	assert_true(strlen(app) > strlen(container));
	free(container);
	free(app);
}

static void a_format_has_its_word(void **state)
{
	(void)state;
	assert_int_equal(profile_format_named("oci"), PROFILE_OCI);
	assert_int_equal(profile_format_named("spo"), PROFILE_SPO);
	assert_int_equal(profile_format_named(""), PROFILE_FORMATS);
	assert_int_equal(profile_format_named("OCI"), PROFILE_FORMATS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_of_the_container_is_in_every_profile),
		cmocka_unit_test(a_strict_worker_adds_nothing),
		cmocka_unit_test(a_format_has_its_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
