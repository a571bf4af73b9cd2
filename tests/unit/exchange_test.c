#include "service/stamp.h"
#include "service/exchange.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"

#define STAMP "Date: now\r\n"
#define HEAD(length) "HTTP/1.1 200 OK\r\n" STAMP "Content-Length: " #length "\r\n"

static unsigned handled;

/* Answers with method, target, the field X and the body; "/file" with 100 bytes of a file. */
static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	const struct narwhal_bytes parts[] = {
		narwhal_request_method(request),
		narwhal_request_path(request),
		narwhal_request_query(request),
		narwhal_request_field(request, "x"),
		narwhal_request_body(request),
	};

	(void)state;
	handled++;
	if (parts[1].size == 5 && memcmp(parts[1].data, "/file", 5) == 0) {
		int fd = fd_shared("file", 50);
		struct file *file = file_new(&fd);

		assert_non_null(file);
		response_file(response, file, 0, parts[2].size == 0 ? 100 : 50);
		file_release(&file);
		return;
	}
	if (parts[1].size == 4 && memcmp(parts[1].data, "/bad", 4) == 0)
		(void)narwhal_response_field(response, "X", "a\r\nb");
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		(void)narwhal_response_body(response, parts[i].data, parts[i].size);
}

struct fixture {
	struct app app;
	struct page page;
	struct origin_rules rules;
	struct exchange exchange;
	struct peer peer;
};

static const struct narwhal_module module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "test",
	.handle = handle,
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){
		.app = {.module = &module},
		.exchange =
			{
				.limits = {.line = 200,
					.fields = 10,
					.field_size = 200,
					.head = 1000,
					.body = 500},
				.app = &f.app,
				.page = &f.page,
				.rules = &f.rules,
				.stamp = {STAMP_STATUS STAMP, sizeof(STAMP_STATUS STAMP) - 1},
			},
	};
	handled = 0;
	*state = &f;
	return exchange_open(&f.exchange);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	exchange_close(&f->exchange);
	return 0;
}

/*
 * Feeds `bytes` in pieces that end where `cuts` says, as a connection would: what is left of an
 * incomplete request is put aside.
 */
static enum exchange_outcome feed(struct fixture *f, const char *bytes, size_t size,
	size_t (*next_cut)(size_t at, size_t size))
{
	struct buffer input = {0};
	struct pending *pending = NULL;
	enum exchange_outcome outcome = EXCHANGE_INCOMPLETE;

	for (size_t at = 0; at < size && outcome <= EXCHANGE_ANSWERED;) {
		size_t cut = next_cut(at, size);

		assert_int_equal(buffer_add(&input, bytes + at, cut - at), 0);
		at = cut;
		do {
			struct window window = {input.bytes, input.used};
			size_t taken;

			exchange_begin(&f->exchange, &pending);
			outcome = exchange_next(&f->exchange, &f->peer, &window, &taken);
			input.used = window.size; /* decoding makes it less */
			buffer_consume(&input, taken);
		} while (outcome == EXCHANGE_ANSWERED && input.used != 0);
		if (outcome == EXCHANGE_INCOMPLETE)
			assert_int_equal(exchange_suspend(&f->exchange, &pending), 0);
		request_reset(&f->exchange.call->head); /* another connection's, by now */
	}
	free(pending);
	buffer_free(&input);
	return outcome;
}

static size_t all_at_once(size_t at, size_t size)
{
	(void)at;
	return size;
}

static size_t byte_by_byte(size_t at, size_t size)
{
	(void)size;
	return at + 1;
}

static size_t at_random(size_t at, size_t size)
{
	size_t cut = at + 1 + (size_t)random() % 40;

	return cut < size ? cut : size;
}

static void assert_output(struct fixture *f, const char *expected)
{
	struct buffer *output = &f->exchange.outgoing.bytes;

	assert_int_equal(output->used, strlen(expected));
	assert_memory_equal(output->bytes, expected, output->used);
	output->used = 0;
}

static enum exchange_outcome feed_text(struct fixture *f, const char *text)
{
	return feed(f, text, strlen(text), all_at_once);
}

static const char mixed[] = "GET /a?b HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n"
			    "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
			    "HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n"
			    "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
			    "2\r\nch\r\n4;e=f\r\nunks\r\n0\r\n\r\n"
			    "GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
			    "GET /z HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
/* clang-format off */
static const char mixed_answers[] =
	HEAD(7) "\r\nGET/aby"
	HEAD(10) "\r\nPOST/pbody"
	HEAD(6) "\r\n"
	HEAD(12) "\r\nPOST/cchunks"
	HEAD(5) "Connection: keep-alive\r\n\r\nGET/1"
	HEAD(5) "Connection: close\r\n\r\nGET/z";
/* clang-format on */

static void a_pipeline_is_answered_the_same_however_it_is_cut(void **state)
{
	struct fixture *f = *state;

	srandom(1);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(feed(f, mixed, sizeof(mixed) - 1,
					 i == 0	  ? all_at_once
					 : i == 1 ? byte_by_byte
						  : at_random),
			EXCHANGE_LAST);
		assert_output(f, mixed_answers);
	}
	assert_int_equal(f->page.requests, 300 * 6);
	assert_string_equal(f->page.request, "");
}

static void nothing_is_answered_after_the_last(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(feed_text(f, "GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n"),
		EXCHANGE_LAST);
	assert_int_equal(handled, 1);
}

static void a_worker_that_leaves_says_close(void **state)
{
	struct fixture *f = *state;

	f->exchange.closing = true;
	assert_int_equal(feed_text(f, "GET /z HTTP/1.1\r\nHost: h\r\n\r\n"), EXCHANGE_LAST);
	assert_output(f, HEAD(5) "Connection: close\r\n\r\nGET/z");
}

static void the_app_never_sees_a_request_that_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(feed_text(f, "GET / HTTP/1.1\r\n\r\n"), EXCHANGE_REFUSED);
	assert_int_equal(f->exchange.status, 400);
	assert_non_null(f->exchange.reason);
	assert_non_null(memmem(f->exchange.outgoing.bytes.bytes, f->exchange.outgoing.bytes.used,
		"no Host\n", 8));
	outgoing_free(&f->exchange.outgoing);
	/* RFC 9110 section 9.3.2: not even then has HEAD an answer with content. */
	assert_int_equal(feed_text(f, "HEAD / HTTP/1.1\r\n\r\n"), EXCHANGE_REFUSED);
	assert_null(memmem(f->exchange.outgoing.bytes.bytes, f->exchange.outgoing.bytes.used,
		"no Host\n", 8));
	assert_int_equal(feed_text(f, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 501\r\n\r\n"),
		EXCHANGE_REFUSED);
	assert_int_equal(f->exchange.status, 413);
	assert_int_equal(handled, 0);
}

static void a_chunked_body_above_the_limit_is_refused_while_it_comes(void **state)
{
	static const char head[] =
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
	struct fixture *f = *state;
	char bytes[700];
	int n = snprintf(bytes, sizeof(bytes), "%s%s", head, "1f5\r\n");

	assert_int_equal(feed(f, bytes, (size_t)n, byte_by_byte), EXCHANGE_REFUSED);
	assert_int_equal(f->exchange.status, 413);
	assert_int_equal(handled, 0);
}

static void only_a_client_that_waits_is_invited(void **state)
{
	static const char waits[] = "POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
				    "Content-Length: 1\r\n\r\n";
	struct fixture *f = *state;

	assert_int_equal(feed(f, waits, sizeof(waits) - 1, byte_by_byte), EXCHANGE_INCOMPLETE);
	assert_output(f, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_int_equal(feed_text(f, "POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
				      "Content-Length: 1\r\n\r\nx"),
		EXCHANGE_ANSWERED);
	assert_output(f, HEAD(7) "\r\nPOST/px");
}

static void an_invalid_field_of_the_app_becomes_a_500(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(feed_text(f, "GET /bad HTTP/1.1\r\nHost: h\r\n\r\n"), EXCHANGE_ANSWERED);
	assert_int_equal(f->exchange.failure, -EINVAL);
	assert_memory_equal(f->exchange.outgoing.bytes.bytes, "HTTP/1.1 500 ", 13);
}

static void a_file_that_became_shorter_is_a_500_and_not_half_an_answer(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(feed_text(f, "GET /file?whole HTTP/1.1\r\nHost: h\r\n\r\n"),
		EXCHANGE_ANSWERED);
	assert_memory_equal(f->exchange.outgoing.bytes.bytes, "HTTP/1.1 200 ", 13);
	f->exchange.outgoing.bytes.used = 0;
	assert_int_equal(feed_text(f, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n"), EXCHANGE_ANSWERED);
	assert_memory_equal(f->exchange.outgoing.bytes.bytes, "HTTP/1.1 500 ", 13);
}

static void a_request_that_waits_says_how_much_is_missing(void **state)
{
	static const char half[] = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc";
	struct fixture *f = *state;
	struct window window = {strdup(half), sizeof(half) - 1};
	struct pending *pending = NULL;
	size_t taken;

	exchange_begin(&f->exchange, &pending);
	assert_int_equal(exchange_next(&f->exchange, &f->peer, &window, &taken),
		EXCHANGE_INCOMPLETE);
	assert_int_equal(exchange_suspend(&f->exchange, &pending), 0);
	assert_int_equal(pending_missing(pending), 97);
	free(pending);
	free(window.bytes);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_pipeline_is_answered_the_same_however_it_is_cut),
		T(nothing_is_answered_after_the_last),
		T(a_worker_that_leaves_says_close),
		T(the_app_never_sees_a_request_that_is_refused),
		T(a_chunked_body_above_the_limit_is_refused_while_it_comes),
		T(only_a_client_that_waits_is_invited),
		T(an_invalid_field_of_the_app_becomes_a_500),
		T(a_file_that_became_shorter_is_a_500_and_not_half_an_answer),
		T(a_request_that_waits_says_how_much_is_missing),
	};
#undef T

	return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
