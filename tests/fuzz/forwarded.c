/*
 * Forwarded and X-Forwarded-*: of any field lines, what is told could have been sent; a host is one
 * that a Host could be; and what a client forges does not change who it is.
 */
#include <stdlib.h>
#include <string.h>

#include "service/authority.h"
#include "service/forwarded.h"
#include "tests/fuzz/lib/fuzz.h"
#include "tests/fuzz/lib/head.h"

static const char begin[] = "GET / HTTP/1.1\r\nHost: x\r\n";
static const char forged[] = "X-Forwarded-For: 203.0.113.9, unknown, 10.9.9.9\r\n";

struct reading {
	struct request *request;
	char *head;
	struct forwarded forwarded;
	const char *reason;
};

/* A head with these lines in it, and `more` before them. False when it is none. */
static bool read_lines(struct reading *reading, const char *more, const uint8_t *data, size_t size)
{
	static const struct request_limits limits = {.line = 64,
		.fields = 64,
		.field_size = 8192,
		.head = 32768,
		.body = 0};
	struct text text;
	char bytes[16384];

	text = TEXT_OVER(bytes);
	text_add(&text, begin);
	text_add(&text, more);
	text_add_bytes(&text, (const char *)data, size);
	text_add(&text, "\r\n\r\n");
	*reading = (struct reading){.request = malloc(request_size(&limits))};
	MUST(reading->request != NULL);
	reading->head = fuzz_copy(bytes, text.used);
	request_reset(reading->request);
	return request_parse(reading->request, &limits, reading->head, text.used) ==
	       REQUEST_COMPLETE;
}

static void let_go(struct reading *reading)
{
	free(reading->request);
	free(reading->head);
}

static void check(const struct reading *reading)
{
	const struct forwarded *told = &reading->forwarded;

	if (reading->reason != NULL)
		return;
	MUST(!told->has_client || told->client.any.sa_family == AF_INET ||
		told->client.any.sa_family == AF_INET6);
	MUST(told->scheme == NULL || strncmp(told->scheme, "http", 4) == 0);
	MUST(told->host.size == 0 ||
		authority_valid(reading->head + told->host.at, told->host.size));
	if (told->has_client || told->scheme != NULL || told->host.size != 0)
		MUST(forwarded_is_told(reading->request, reading->head));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);
	struct reading plain, behind;
	struct cidr_list trusted;

	if (size > 8000 || cidr_list_read("10.0.0.0/8,::1", &trusted, &why) != 0)
		return 0;
	if (read_lines(&plain, "", data, size)) {
		plain.reason =
			forwarded_read(plain.request, plain.head, &trusted, &plain.forwarded);
		check(&plain);
		/* What a client puts before that has no effect but, perhaps, a refusal. */
		if (read_lines(&behind, forged, data, size)) {
			behind.reason = forwarded_read(behind.request, behind.head, &trusted,
				&behind.forwarded);
			if (plain.reason == NULL && plain.forwarded.has_client &&
				!forwarded_trusts(&trusted, &plain.forwarded.client))
				MUST(behind.reason != NULL ||
					memcmp(&behind.forwarded.client, &plain.forwarded.client,
						sizeof(struct sockaddr_in6)) == 0);
		}
		let_go(&behind);
	}
	let_go(&plain);
	cidr_list_free(&trusted);
	return 0;
}
