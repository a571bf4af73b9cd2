/* Forwarded and X-Forwarded-*: every case of forwarded_cases.def, and every mutation of it. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "service/forwarded.h"

static const struct request_limits limits = {
	.line = 64,
	.fields = 16,
	.field_size = 1024,
	.head = 4096,
	.body = 0,
};

static const struct row {
	const char *rule; /* or NULL: a case */
	const char *lines;
	bool refused;
	const char *client, *scheme, *host;
} rows[] = {
#define RULE(where, what) {.rule = where ": " what},
#define TOLD(text, who, how, where) \
	{.lines = (text), .client = (who), .scheme = (how), .host = (where)},
#define REFUSED(text) {.lines = (text), .refused = true},
#include "tests/unit/forwarded_cases.def"
#undef REFUSED
#undef TOLD
#undef RULE
};

struct reading {
	struct request *request;
	struct cidr_list trusted;
	struct forwarded forwarded;
	char *head; /* of its exact size */
	const char *reason;
};

/* False when it is no request at all. */
static bool read_lines(struct reading *reading, const char *lines)
{
	char head[2048];
	struct text text = TEXT_OVER(head);

	text_add(&text, "GET / HTTP/1.1\r\nHost: x\r\n");
	text_add(&text, lines);
	text_add(&text, "\r\n");
	assert_false(text.cut);
	free(reading->head);
	reading->head = malloc(text.used);
	assert_non_null(reading->head);
	memcpy(reading->head, head, text.used);
	request_reset(reading->request);
	if (request_parse(reading->request, &limits, reading->head, text.used) != REQUEST_COMPLETE)
		return false;
	reading->reason = forwarded_read(reading->request, reading->head, &reading->trusted,
		&reading->forwarded);
	return true;
}

static void reading_open(struct reading *reading)
{
	char bytes[128];
	struct text why = TEXT_OVER(bytes);

	*reading = (struct reading){.request = malloc(request_size(&limits))};
	assert_non_null(reading->request);
	assert_int_equal(cidr_list_read("127.0.0.1,10.0.0.0/8,2001:db8:1::/48", &reading->trusted,
				 &why),
		0);
}

static void reading_close(struct reading *reading)
{
	cidr_list_free(&reading->trusted);
	free(reading->request);
	free(reading->head);
}

static void check(const struct row *row, const struct reading *reading)
{
	const struct forwarded *told = &reading->forwarded;
	char peer[PEER_TEXT_MAX], host[256] = "-";

	if (told->host.size != 0) {
		memcpy(host, reading->head + told->host.at, told->host.size);
		host[told->host.size] = '\0';
	}
	if ((reading->reason != NULL) != row->refused)
		print_error("%s: %s\n", row->lines, reading->reason != NULL ? reading->reason : "");
	assert_int_equal(reading->reason != NULL, row->refused);
	if (row->refused)
		return;
	assert_string_equal(told->has_client ? peer_print(&told->client, peer) : "-", row->client);
	assert_string_equal(told->scheme != NULL ? told->scheme : "-", row->scheme);
	assert_string_equal(host, row->host);
}

static void every_case_tells_what_its_row_says(void **state)
{
	struct reading reading;

	(void)state;
	reading_open(&reading);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].rule != NULL)
			continue;
		assert_true(read_lines(&reading, rows[i].lines));
		check(&rows[i], &reading);
	}
	reading_close(&reading);
}

static void whatever_is_told_could_have_been_sent(void **state)
{
	struct reading reading;
	unsigned seed = 1;

	(void)state;
	reading_open(&reading);
	for (unsigned round = 0; round < 300; round++) {
		for (size_t i = 0; i < COUNT_OF(rows); i++) {
			char lines[512] = "";
			size_t size;

			strcat(lines, rows[i].rule == NULL ? rows[i].lines : "");
			size = strlen(lines);
			if (size == 0)
				continue;
			lines[(size_t)rand_r(&seed) % size] ^= (char)(1u << rand_r(&seed) % 7);
			if (!read_lines(&reading, lines) || reading.reason != NULL ||
				!reading.forwarded.has_client)
				continue;
			assert_true(reading.forwarded.client.any.sa_family == AF_INET ||
				    reading.forwarded.client.any.sa_family == AF_INET6);
		}
	}
	reading_close(&reading);
}

static void with_everybody_trusted_the_client_is_the_first_address(void **state)
{
	char bytes[128], peer[PEER_TEXT_MAX];
	struct text why = TEXT_OVER(bytes);
	struct reading reading;

	(void)state;
	reading_open(&reading);
	cidr_list_free(&reading.trusted);
	assert_int_equal(cidr_list_read("*", &reading.trusted, &why), 0);
	assert_true(read_lines(&reading, "X-Forwarded-For: 192.0.2.1, 203.0.113.9\r\n"));
	assert_string_equal(peer_print(&reading.forwarded.client, peer), "192.0.2.1");
	reading_close(&reading);
}

static void trust_is_by_address_and_for_every_unix_socket(void **state)
{
	struct peer peer = {.v4 = {.sin_family = AF_INET}};
	struct reading reading;

	(void)state;
	reading_open(&reading);
	peer.v4.sin_addr.s_addr = htonl(0x0a010203);
	assert_true(forwarded_trusts(&reading.trusted, &peer));
	peer.v4.sin_addr.s_addr = htonl(0x0b010203);
	assert_false(forwarded_trusts(&reading.trusted, &peer));
	peer = (struct peer){.v6 = {.sin6_family = AF_INET6}};
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:1::9", &peer.v6.sin6_addr), 1);
	assert_true(forwarded_trusts(&reading.trusted, &peer));
	assert_int_equal(inet_pton(AF_INET6, "2001:db8:2::9", &peer.v6.sin6_addr), 1);
	assert_false(forwarded_trusts(&reading.trusted, &peer));
	peer = (struct peer){.any = {.sa_family = AF_UNIX}};
	assert_true(forwarded_trusts(&reading.trusted, &peer));
	reading_close(&reading);
}

static void the_fields_that_are_read_are_known_by_name(void **state)
{
	static const char *const told[] = {"Forwarded: for=a\r\n", "X-Forwarded-For: a\r\n",
		"A: b\r\nx-forwarded-HOST: a\r\n", "X-FORWARDED-PROTO: http\r\n"};
	static const char *const others[] = {"", "X-Forwarded: a\r\n", "X-Forwarded-Port: 1\r\n",
		"Forwardee: for=a\r\n", "X-Forwarded-Hosts: a\r\n", "Transfer-Encodinh: a\r\n",
		"A-name-that-is-longer-than-all-of-them: a\r\n"};
	struct reading reading;

	(void)state;
	reading_open(&reading);
	for (size_t i = 0; i < COUNT_OF(told); i++) {
		assert_true(read_lines(&reading, told[i]));
		assert_true(forwarded_is_told(reading.request, reading.head));
	}
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		assert_true(read_lines(&reading, others[i]));
		assert_false(forwarded_is_told(reading.request, reading.head));
	}
	reading_close(&reading);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_tells_what_its_row_says),
		cmocka_unit_test(whatever_is_told_could_have_been_sent),
		cmocka_unit_test(with_everybody_trusted_the_client_is_the_first_address),
		cmocka_unit_test(trust_is_by_address_and_for_every_unix_socket),
		cmocka_unit_test(the_fields_that_are_read_are_known_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
