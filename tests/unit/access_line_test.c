/* Lines of the access log. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/access_line.h"
#include "service/octet.h"

static const struct request_limits limits = {
	.line = 8192,
	.fields = 16,
	.field_size = 8192,
	.head = 32768,
	.body = 0,
};

#define HEAD                                                \
	"GET /a%20b?x=1 HTTP/1.1\r\n"                       \
	"Host: example.com:8080\r\n"                        \
	"User-Agent: curl/7.88 \"x\"\r\n"                   \
	"Referer: http://example.com/\r\n"                  \
	"Authorization: Basic ZnLDpWQ6c2VjcmV0OnRvbw==\r\n" \
	"X-Odd: a\tb\\c\xc3\xa9\r\n\r\n"

static const char answer_head[] =
	"HTTP/1.1 200 OK\r\nServer: narwhal\r\nContent-Type: text/html\r\n"
	"Content-Length: 5\r\n\r\n";

static const struct access_scene scene = {
	.times =
		{
			.wall_ms = 1000,
			.began_ms = 5000,
			.clf = "[20/Nov/2026:11:50:00 +0000]",
			.iso = "2026-11-20T11:50:00.000Z",
		},
	.now_ms = 5007,
	.pid = {"<17>", 4},
	.generation = {"3", 1},
};

#define SENT 5

/* A line of `format` for a request, which may be none, whose answer was to have `guess` bytes. */
static size_t make_line_of(const char *format_text, const char *head, uint64_t guess,
	char line[ACCESS_LINE_MAX])
{
	const struct peer peer = {.v4 = {.sin_family = AF_INET,
					  .sin_port = htons(4711),
					  .sin_addr = {htonl(0xc0000201)}}};
	const struct access_end end = {.bytes = SENT, .duration_us = 1234567};
	struct access_draft *draft = malloc(sizeof(*draft) + ACCESS_LINE_MAX + ACCESS_SLACK);
	struct request *request = malloc(request_size(&limits));
	struct access_scene own_scene = scene;
	struct origin origin = {
		.told = true,
		.identity = {.known = true},
		.forwarded = {.scheme = "https"},
	};
	const struct narwhal_request view = {
		.head = request,
		.bytes = head,
		.peer = &peer,
		.origin = &origin,
	};
	const struct access_facts facts = {
		.request = &view,
		.scene = &own_scene,
		.status = 200,
		.head = {answer_head, sizeof(answer_head) - 1},
	};
	struct access_format format;
	char bytes[2048];
	struct text why = TEXT_OVER(bytes);
	size_t size;

	assert_true(draft != NULL && request != NULL);
	memcpy(origin.identity.made, "0123456789abcdef0123456789abcdef", TRACE_ID_SIZE);
	request_reset(request);
	(void)request_parse(request, &limits, head, strlen(head));
	assert_int_equal(access_format_read(format_text, &format, &why), 0);
	access_line_draft(&format, &facts, guess, draft);
	assert_in_range(draft->size, 0, ACCESS_LINE_MAX - 1);
	size = access_line_end(&format, draft, &end, line);
	assert_in_range(size, 1, ACCESS_LINE_MAX);
	assert_int_equal(line[size - 1], '\n');
	assert_null(memchr(line, '\n', size - 1));
	line[size - 1] = '\0';
	access_format_free(&format);
	free(request);
	free(draft);
	return size - 1;
}

static size_t make_line(const char *format_text, const char *head, char line[ACCESS_LINE_MAX])
{
	return make_line_of(format_text, head, SENT, line);
}

static const struct {
	const char *format, *line;
} atom_cases[] = {
	{"%(h)s", "192.0.2.1"},
	{"%(l)s", "-"},
	{"%(u)s", "fr\\xC3\\xA5d"},
	{"%(t)s", "[20/Nov/2026:11:50:00 +0000]"},
	{"%(r)s", "GET /a%20b?x=1 HTTP/1.1"},
	{"%(m)s", "GET"},
	{"%(U)s", "/a%20b"},
	{"%(q)s", "x=1"},
	{"%(H)s", "HTTP/1.1"},
	{"%(s)s", "200"},
	{"%(B)s", "5"},
	{"%(b)s", "5"},
	{"%(f)s", "http://example.com/"},
	{"%(a)s", "curl/7.88 \\x22x\\x22"},
	{"%(T)s", "1"},
	{"%(M)s", "1234"},
	{"%(D)s", "1234567"},
	{"%(L)s", "1.234567"},
	{"%(p)s", "<17>"},
	{"%(generation)s", "3"},
	{"%(time)s", "2026-11-20T11:50:00.007Z"},
	{"%(peer)s", "192.0.2.1:4711"},
	{"%(scheme)s", "https"},
	{"%(host)s", "example.com:8080"},
	{"%(target)s", "/a%20b?x=1"},
	{"%(request_id)s", "0123456789abcdef0123456789abcdef"},
	{"%(trace_id)s", "-"},
	{"%({x-odd}i)s", "a\\x09b\\x5Cc\\xC3\\xA9"},
	{"%({X-None}i)s", "-"},
	{"%({content-type}o)s", "text/html"},
	{"%({Content-Length}o)s", "5"},
	{"%({Content}o)s", "-"},
	{"%({HTTP_HOST}e)s", "example.com:8080"},
	{"%({REQUEST_METHOD}e)s", "GET"},
	{"%({PATH_INFO}e)s %({QUERY_STRING}e)s", "/a%20b x=1"},
	{"a %% b", "a % b"},
	{"", ""},
	{"%(B)s%(D)s x%(b)s", "51234567 x5"},
};

static void every_atom_says_what_it_means(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(atom_cases); i++) {
		char line[ACCESS_LINE_MAX + 1];

		make_line(atom_cases[i].format, HEAD, line);
		assert_string_equal(line, atom_cases[i].line);
	}
}

static void known_formats_give_known_lines(void **state)
{
	char line[ACCESS_LINE_MAX + 1];

	(void)state;
	make_line("common", HEAD, line);
	assert_string_equal(line, "192.0.2.1 - fr\\xC3\\xA5d [20/Nov/2026:11:50:00 +0000] "
				  "\"GET /a%20b?x=1 HTTP/1.1\" 200 5");
	make_line("combined", HEAD, line);
	assert_string_equal(line, "192.0.2.1 - fr\\xC3\\xA5d [20/Nov/2026:11:50:00 +0000] "
				  "\"GET /a%20b?x=1 HTTP/1.1\" 200 5 \"http://example.com/\" "
				  "\"curl/7.88 \\x22x\\x22\"");
	make_line("json", HEAD, line);
	assert_string_equal(line,
		"{\"time\":\"2026-11-20T11:50:00.007Z\",\"client\":\"192.0.2.1\","
		"\"user\":\"fr\\u00c3\\u00a5d\",\"method\":\"GET\",\"scheme\":\"https\","
		"\"host\":\"example.com:8080\",\"path\":\"/a%20b\",\"query\":\"x=1\","
		"\"protocol\":\"HTTP/1.1\",\"status\":200,\"bytes\":5,\"duration_us\":1234567,"
		"\"referer\":\"http://example.com/\",\"user_agent\":\"curl/7.88 \\\"x\\\"\","
		"\"request_id\":\"0123456789abcdef0123456789abcdef\",\"trace_id\":null}");
}

static void a_line_says_what_was_sent_whatever_was_expected(void **state)
{
	static const char *const formats[] = {"combined", "json", "%(B)s%(b)s",
		"%(b)s %(D)s %(B)s"};
	static const uint64_t guesses[] = {0, 1, SENT - 1, SENT + 100, UINT64_MAX - 1, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		char expected[ACCESS_LINE_MAX + 1], line[ACCESS_LINE_MAX + 1];

		make_line_of(formats[i], HEAD, SENT, expected);
		for (size_t j = 0; j < COUNT_OF(guesses); j++) {
			make_line_of(formats[i], HEAD, guesses[j], line);
			assert_string_equal(line, expected);
		}
	}
}

static void of_a_request_that_was_not_understood_the_rest_is_unknown(void **state)
{
	static const struct {
		const char *head, *line;
	} cases[] = {
		{"\x01", "- - - - - -"},
		{"GET", "- - - - - -"},
		{"GET /a b", "- GET /a - - -"},
		{"GET /a?b HTTP/1.1\r\nHost: x\r\nA : b\r\n",
			"GET /a?b HTTP/1.1 GET /a?b /a b HTTP/1.1"},
		{"GET http://:x/ HTTP/1.1\r\n",
			"GET http://:x/ HTTP/1.1 GET http://:x/ - - HTTP/1.1"},
		{"", "- - - - - -"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char line[ACCESS_LINE_MAX + 1];

		make_line("%(r)s %(m)s %(target)s %(U)s %(q)s %(H)s", cases[i].head, line);
		assert_string_equal(line, cases[i].line);
	}
}

static void what_is_too_long_is_cut_and_the_line_is_whole(void **state)
{
	static const char *const formats[] = {"combined", "json", "%({user-agent}i)s!",
		"%(r)s %({user-agent}i)s %(r)s!"};
	char *head = malloc(20000);
	char line[ACCESS_LINE_MAX + 1];

	(void)state;
	assert_non_null(head);
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		for (int quotes = 0; quotes < 2; quotes++) {
			char path[5000], agent[8000];
			size_t size;

			memset(path, 'p', sizeof(path));
			memset(agent, quotes ? '"' : 'a', sizeof(agent));
			(void)sprintf(head,
				"GET /%.*s HTTP/1.1\r\nHost: x\r\nUser-Agent: %.*s\r\n\r\n",
				(int)sizeof(path), path, (int)sizeof(agent), agent);
			size = make_line(formats[i], head, line);
			assert_in_range(size, ACCESS_LINE_MAX - 400, ACCESS_LINE_MAX - 1);
			assert_non_null(strstr(line, "..."));
			assert_non_null(strchr("\"}!", line[size - 1]));
		}
	}
	make_line("json", head, line);
	assert_non_null(strstr(line,
		"...\",\"request_id\":\"0123456789abcdef0123456789abcdef\",\"trace_id\":null}"));
	free(head);
}

/* Each byte alone, and among plain ones at every place of eight. */
static void every_byte_is_written_in_printable_ascii(void **state)
{
	(void)state;
	for (unsigned c = 0x20; c < 0x100; c++) {
		for (size_t at = 0; at < 12; at++) {
			char head[128], line[ACCESS_LINE_MAX + 1], value[] = "xabcdefghijkl";
			bool plain = c < 0x7f && c != '"' && c != '\\';

			if (c == 0x7f)
				continue;
			value[at + 1] = (char)c;
			(void)sprintf(head, "GET / HTTP/1.1\r\nHost: x\r\nA: %sx\r\n\r\n", value);
			make_line("%({a}i)s", head, line);
			for (const char *byte = line; *byte != '\0'; byte++)
				assert_in_range(*byte, 0x20, 0x7e);
			assert_int_equal(strlen(line), plain ? 14 : 17);
			make_line("json", head, line);
			for (const char *byte = line; *byte != '\0'; byte++)
				assert_in_range(*byte, 0x20, 0x7e);
		}
	}
}

static void a_user_name_is_that_of_basic_authentication_alone(void **state)
{
	static const struct {
		const char *value, *user;
	} cases[] = {
		{"Basic YTpi", "a"},
		{"basic YTpi", "a"},
		{"Basic OmI=", "-"},
		{"Basic", "-"},
		{"Basic ", "-"},
		{"Basic !", "-"},
		{"Basic YQ==", "a"},
		{"Basic YSBiOmM=", "a b"},
		{"Bearer YTpi", "-"},
		{"Basic IgoJ", "\\x22\\x0A\\x09"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char head[256], line[ACCESS_LINE_MAX + 1];

		(void)sprintf(head, "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n",
			cases[i].value);
		make_line("%(u)s", head, line);
		assert_string_equal(line, cases[i].user);
	}
}

static void the_time_is_that_of_the_present_second(void **state)
{
	struct access_times now = {0};

	(void)state;
	access_times_at(&now, 1000000);
	assert_in_range(now.until_ms, 1000001, 1001000);
	assert_int_equal(now.wall_ms % 1000, 0);
	assert_int_equal(strlen(now.clf), sizeof(now.clf) - 1);
	assert_int_equal(strlen(now.iso), sizeof(now.iso) - 1);
	now.clf[0] = '!';
	access_times_at(&now, now.until_ms - 1);
	assert_int_equal(now.clf[0], '!');
	access_times_at(&now, now.until_ms);
	assert_int_equal(now.clf[0], '[');
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_atom_says_what_it_means),
		cmocka_unit_test(known_formats_give_known_lines),
		cmocka_unit_test(a_line_says_what_was_sent_whatever_was_expected),
		cmocka_unit_test(of_a_request_that_was_not_understood_the_rest_is_unknown),
		cmocka_unit_test(what_is_too_long_is_cut_and_the_line_is_whole),
		cmocka_unit_test(every_byte_is_written_in_printable_ascii),
		cmocka_unit_test(a_user_name_is_that_of_basic_authentication_alone),
		cmocka_unit_test(the_time_is_that_of_the_present_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
