/* What stands before the first request: a header where one is due, and nothing where not. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/attr.h"
#include "service/preface.h"

#define V1 "PROXY TCP4 192.0.2.1 198.51.100.2 7 8\r\n"

static void a_header_is_due_from_the_trusted_alone(void **state)
{
	(void)state;
	assert_int_equal(preface_of(PROXY_PROTOCOL_OFF, true), PREFACE_NONE);
	assert_int_equal(preface_of(PROXY_PROTOCOL_OFF, false), PREFACE_NONE);
	assert_int_equal(preface_of(PROXY_PROTOCOL_AUTO, true), PREFACE_DUE);
	assert_int_equal(preface_of(PROXY_PROTOCOL_V1, false), PREFACE_FORBIDDEN);
}

static void each_beginning_has_its_outcome(void **state)
{
	static const struct {
		enum preface preface;
		enum proxy_protocol wanted;
		const char *bytes;
		enum preface_outcome outcome;
		size_t size;
		const char *peer;
	} cases[] = {
		{PREFACE_DUE, PROXY_PROTOCOL_V1, V1 "GET", PREFACE_READ, sizeof(V1) - 1,
			"192.0.2.1:7"},
		{PREFACE_DUE, PROXY_PROTOCOL_AUTO, "PROXY UNKNOWN\r\n", PREFACE_READ, 15, "unix:"},
		{PREFACE_DUE, PROXY_PROTOCOL_V1, "PROXY T", PREFACE_MORE, 0, "unix:"},
		{PREFACE_DUE, PROXY_PROTOCOL_V1, "GET / ", PREFACE_REFUSED, 0, "unix:"},
		{PREFACE_DUE, PROXY_PROTOCOL_V2, V1, PREFACE_REFUSED, 0, "unix:"},
		{PREFACE_DUE, PROXY_PROTOCOL_V1, "PROXY TCP4 x\r\n", PREFACE_REFUSED, 0, "unix:"},
		{PREFACE_FORBIDDEN, PROXY_PROTOCOL_V1, "GET / ", PREFACE_READ, 0, "unix:"},
		{PREFACE_FORBIDDEN, PROXY_PROTOCOL_V1, "P", PREFACE_MORE, 0, "unix:"},
		{PREFACE_FORBIDDEN, PROXY_PROTOCOL_V1, "PR", PREFACE_MORE, 0, "unix:"},
		{PREFACE_FORBIDDEN, PROXY_PROTOCOL_V1, "PUT / ", PREFACE_READ, 0, "unix:"},
		{PREFACE_FORBIDDEN, PROXY_PROTOCOL_V1, "\r\n", PREFACE_MORE, 0, "unix:"},
		{PREFACE_FORBIDDEN, PROXY_PROTOCOL_V1, "\r\nGET", PREFACE_READ, 0, "unix:"},
		{PREFACE_FORBIDDEN, PROXY_PROTOCOL_V2, V1, PREFACE_REFUSED, 0, "unix:"},
		{PREFACE_FORBIDDEN, PROXY_PROTOCOL_V1, "PROXY ", PREFACE_REFUSED, 0, "unix:"},
		{PREFACE_FORBIDDEN, PROXY_PROTOCOL_V1, "PROXY / HTTP/1.1\r\n", PREFACE_REFUSED, 0,
			"unix:"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct peer peer = {.any = {.sa_family = AF_UNIX}};
		struct preface_result result;
		char text[PEER_TEXT_MAX];

		assert_int_equal(preface_read(cases[i].preface, cases[i].wanted,
					 (struct narwhal_bytes){cases[i].bytes,
						 strlen(cases[i].bytes)},
					 &peer, &result),
			cases[i].outcome);
		assert_int_equal(result.size, cases[i].size);
		assert_int_equal(result.reason != NULL, cases[i].outcome == PREFACE_REFUSED);
		assert_string_equal(peer_print(&peer, text), cases[i].peer);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_due_from_the_trusted_alone),
		cmocka_unit_test(each_beginning_has_its_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
