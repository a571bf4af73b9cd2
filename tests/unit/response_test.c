#include "service/stamp.h"
#include "service/response.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/statuses.h"

#define STAMP "Server: narwhal\r\nDate: Fri, 20 Nov 2026 11:50:00 GMT\r\n"

struct fixture {
	struct narwhal_response response;
	struct response_frame frame;
	struct buffer output;
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){
		.frame = {.stamp = {STAMP_STATUS STAMP, sizeof(STAMP_STATUS STAMP) - 1}},
	};
	response_reset(&f.response);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	response_free(&f->response);
	buffer_free(&f->output);
	return 0;
}

static void assert_head(struct fixture *f, const char *expected)
{
	f->output.used = 0;
	assert_int_equal(response_write_head(&f->response, &f->frame, &f->output), 0);
	assert_int_equal(buffer_add(&f->output, "", 1), 0);
	assert_string_equal(f->output.bytes, expected);
}

static void an_empty_response_is_complete(void **state)
{
	struct fixture *f = *state;

	assert_head(f, "HTTP/1.1 200 OK\r\n" STAMP "Content-Length: 0\r\n\r\n");
	assert_false(response_sends_body(&f->response, &f->frame));
}

static void fields_and_length_are_written_in_order(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(narwhal_response_status(&f->response, 201), 0);
	assert_int_equal(narwhal_response_field(&f->response, "Location", "/a"), 0);
	assert_int_equal(narwhal_response_field(&f->response, "X-Empty", ""), 0);
	assert_int_equal(narwhal_response_body(&f->response, "hello", 5), 0);
	assert_int_equal(narwhal_response_body(&f->response, " world", 6), 0);
	assert_head(f, "HTTP/1.1 201 Created\r\n" STAMP
		       "Location: /a\r\nX-Empty: \r\nContent-Length: 11\r\n\r\n");
	assert_true(response_sends_body(&f->response, &f->frame));
}

static void the_head_of_an_answer_to_head_has_the_length_of_the_body(void **state)
{
	struct fixture *f = *state;

	f->frame.head_only = true;
	assert_int_equal(narwhal_response_body(&f->response, "hello", 5), 0);
	assert_head(f, "HTTP/1.1 200 OK\r\n" STAMP "Content-Length: 5\r\n\r\n");
	assert_false(response_sends_body(&f->response, &f->frame));
}

static void what_has_no_body_has_no_length(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(narwhal_response_body(&f->response, "hello", 5), 0);
	assert_int_equal(narwhal_response_status(&f->response, 204), 0);
	assert_head(f, "HTTP/1.1 204 No Content\r\n" STAMP "\r\n");
	assert_false(response_sends_body(&f->response, &f->frame));
	assert_int_equal(narwhal_response_status(&f->response, 304), 0);
	assert_head(f, "HTTP/1.1 304 Not Modified\r\n" STAMP "\r\n");
	assert_false(response_sends_body(&f->response, &f->frame));
	assert_int_equal(narwhal_response_status(&f->response, 205), 0);
	assert_head(f, "HTTP/1.1 205 Reset Content\r\n" STAMP "Content-Length: 0\r\n\r\n");
	assert_false(response_sends_body(&f->response, &f->frame));
}

static void the_connection_is_mentioned_only_when_it_must_be(void **state)
{
	struct fixture *f = *state;

	f->frame.close = true;
	f->frame.old = true;
	assert_head(f,
		"HTTP/1.1 200 OK\r\n" STAMP "Content-Length: 0\r\nConnection: close\r\n\r\n");
	f->frame.close = false;
	assert_head(f,
		"HTTP/1.1 200 OK\r\n" STAMP "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n");
}

static void a_status_without_a_phrase_keeps_its_space(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(narwhal_response_status(&f->response, 299), 0);
	assert_head(f, "HTTP/1.1 299 \r\n" STAMP "Content-Length: 0\r\n\r\n");
}

static void a_status_outside_200_to_599_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(narwhal_response_status(&f->response, 199), -EINVAL);
	assert_int_equal(narwhal_response_status(&f->response, 600), -EINVAL);
	assert_int_equal(f->response.error, -EINVAL);
	assert_int_equal(f->response.status, 200);
}

static void a_value_cannot_forge_a_line(void **state)
{
	static const char *const bad[] = {"a\r\nB: c", "a\n", "\r", "a\x01", "a\x7f"};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(narwhal_response_field(&f->response, "A", bad[i]), -EINVAL);
	assert_int_equal(f->response.fields.used, 0);
	assert_int_equal(narwhal_response_field(&f->response, "A", "a\tb \xe4"), 0);
}

static void a_name_must_be_a_token(void **state)
{
	static const char *const bad[] = {"", "A B", "A:", "A\r\nB", "\xe4", "(A)"};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(narwhal_response_field(&f->response, bad[i], "x"), -EINVAL);
	assert_int_equal(narwhal_response_field(&f->response, "x-!#$%&'*+-.^_`|~09", "x"), 0);
}

static void the_fields_of_the_server_are_refused_in_any_case(void **state)
{
	static const char *const names[] = {
#define RESERVED(name) name,
#include "service/reserved.def"
#undef RESERVED
		"connection",
		"CONTENT-LENGTH",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT_OF(names); i++)
		assert_int_equal(narwhal_response_field(&f->response, names[i], "x"), -EINVAL);
	assert_int_equal(narwhal_response_field(&f->response, "Connections", "x"), 0);
}

static void an_error_page_replaces_everything(void **state)
{
	struct fixture *f = *state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct file *file = file_new(&fd);

	assert_int_equal(fd, -1);
	assert_int_equal(narwhal_response_field(&f->response, "X", "y"), 0);
	assert_int_equal(narwhal_response_field(&f->response, "X", "\n"), -EINVAL);
	response_file(&f->response, file, 0, 100);
	file_release(&file);
	fd = f->response.file->fd;
	response_refuse(&f->response, 400, "a bare CR in a field line");
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(f->response.error, 0);
	assert_int_equal(f->response.status, 400);
	assert_memory_equal(f->response.body.bytes, "400 Bad Request: a bare CR in a field line\n",
		f->response.body.used);
	assert_head(f, "HTTP/1.1 400 Bad Request\r\n" STAMP
		       "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 43\r\n\r\n");
	response_error(&f->response, 404);
	assert_int_equal(f->response.body.used, sizeof("404 Not Found\n") - 1);
}

static void the_length_of_a_file_is_its_size(void **state)
{
	struct fixture *f = *state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct file *file = file_new(&fd);

	response_file(&f->response, file, 0, UINT64_C(18446744073709551614));
	file_release(&file);
	assert_head(f, "HTTP/1.1 200 OK\r\n" STAMP "Content-Length: 18446744073709551614\r\n\r\n");
}

static void a_reset_leaves_nothing_of_the_last_response(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(narwhal_response_status(&f->response, 500), 0);
	assert_int_equal(narwhal_response_field(&f->response, "X", "y"), 0);
	assert_int_equal(narwhal_response_body(&f->response, "hello", 5), 0);
	assert_int_equal(narwhal_response_status(&f->response, 1), -EINVAL);
	response_reset(&f->response);
	assert_int_equal(f->response.error, 0);
	assert_head(f, "HTTP/1.1 200 OK\r\n" STAMP "Content-Length: 0\r\n\r\n");
}

static void every_status_of_the_table_has_its_line(void **state)
{
	(void)state;
#define STATUS(code, phrase)                                                              \
	assert_string_equal(status_phrase(code), phrase);                                 \
	assert_string_equal(status_line(code).data, "HTTP/1.1 " #code " " phrase "\r\n"); \
	assert_int_equal(status_line(code).size, strlen(status_line(code).data));
#include "service/statuses.def"
#undef STATUS
	assert_int_equal(status_line(299).size, 0);
	assert_string_equal(status_phrase(299), "");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(an_empty_response_is_complete),
		T(fields_and_length_are_written_in_order),
		T(the_head_of_an_answer_to_head_has_the_length_of_the_body),
		T(what_has_no_body_has_no_length),
		T(the_connection_is_mentioned_only_when_it_must_be),
		T(a_status_without_a_phrase_keeps_its_space),
		T(a_status_outside_200_to_599_is_refused),
		T(a_value_cannot_forge_a_line),
		T(a_name_must_be_a_token),
		T(the_fields_of_the_server_are_refused_in_any_case),
		T(an_error_page_replaces_everything),
		T(the_length_of_a_file_is_its_size),
		T(a_reset_leaves_nothing_of_the_last_response),
		T(every_status_of_the_table_has_its_line),
	};
#undef T

	return cmocka_run_group_tests_name("response", tests, NULL, NULL);
}
