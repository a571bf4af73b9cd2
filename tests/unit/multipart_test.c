/* RFC 9110 section 14.6: several ranges as one body. */
#include "tests/unit/unit.h"

#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "service/apps/multipart.h"
#include "service/outgoing.h"
#include "service/stream.h"

#define TYPE "Content-Type: text/plain\r\n"
#define BOUNDARY "00000000000000000042"

static void the_value_of_content_range(void **state)
{
	static const struct {
		struct range range;
		uint64_t length;
		const char *text;
	} cases[] = {
		{{0, 0}, 1, "bytes 0-0/1"},
		{{0, 99}, 1000, "bytes 0-99/1000"},
		{{5, 9}, 10, "bytes 5-9/10"},
		{{UINT64_MAX - 2, UINT64_MAX - 1}, UINT64_MAX,
			"bytes 18446744073709551613-18446744073709551614/18446744073709551615"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char bytes[128];
		struct text text = TEXT_OVER(bytes);

		multipart_add_range(&text, &cases[i].range, cases[i].length);
		assert_string_equal(bytes, cases[i].text);
	}
}

static struct multipart make(size_t count)
{
	struct multipart multipart = {
		.ranges.count = count,
		.length = 1000,
		.boundary = 42,
		.type = {TYPE, sizeof(TYPE) - 1},
	};

	for (size_t i = 0; i < count; i++)
		multipart.ranges.parts[i] = (struct range){10 * i, 10 * i + 2};
	return multipart;
}

static void each_part_has_a_head_and_the_last_one_an_end(void **state)
{
	static const char *const heads[] = {
		"\r\n--" BOUNDARY "\r\n" TYPE "Content-Range: bytes 0-2/1000\r\n\r\n",
		"\r\n--" BOUNDARY "\r\n" TYPE "Content-Range: bytes 10-12/1000\r\n\r\n",
		"\r\n--" BOUNDARY "--\r\n",
	};
	const struct multipart multipart = make(2);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		char bytes[256];
		struct text text = TEXT_OVER(bytes);

		multipart_add_head(&multipart, i, &text);
		assert_string_equal(bytes, heads[i]);
	}
}

/* All that a response sends, as delivery.c would: the file's parts where they belong. */
static void pull_all(struct narwhal_response *response, struct buffer *body)
{
	struct outgoing out = {.stream = response->stream};
	enum stream_outcome outcome;

	response->stream = NULL;
	do {
		outcome = stream_fill(&out);
		assert_int_not_equal(outcome, STREAM_FAILED);
		assert_int_equal(buffer_add(body, out.bytes.bytes, out.bytes.used), 0);
		out.bytes.used = 0;
		if (out.file_left != 0) {
			size_t size = (size_t)out.file_left;

			assert_int_equal(buffer_reserve(body, size), 0);
			assert_int_equal(file_read(out.file, body->bytes + body->used, size,
						 (uint64_t)out.file_at),
				(ssize_t)size);
			body->used += size;
			out.file_left = 0;
		}
	} while (outcome == STREAM_MORE);
	outgoing_free(&out);
}

static void as_many_bytes_are_sent_as_were_announced(void **state)
{
	(void)state;
	for (size_t count = 2; count <= RANGE_MAX; count++) {
		const struct multipart multipart = make(count);
		char content[1000];
		struct narwhal_response response = {0};
		struct buffer body = {0};
		struct file *file;
		int fd;

		for (size_t i = 0; i < sizeof(content); i++)
			content[i] = (char)('a' + i % 26);
		fd = fd_shared("file", sizeof(content));
		assert_int_equal(pwrite(fd, content, sizeof(content), 0), sizeof(content));
		file = file_new(&fd);
		assert_non_null(file);
		response_reset(&response);
		multipart_send(&response, &multipart, file);
		file_release(&file);
		assert_int_equal(response.error, 0);
		assert_int_equal(response_size(&response), multipart_size(&multipart));
		assert_non_null(memmem(response.fields.bytes, response.fields.used,
			"multipart/byteranges; boundary=" BOUNDARY,
			sizeof("multipart/byteranges; boundary=" BOUNDARY) - 1));
		pull_all(&response, &body);
		assert_int_equal(body.used, multipart_size(&multipart));
		for (size_t i = 0; i < count; i++)
			assert_non_null(memmem(body.bytes, body.used,
				content + multipart.ranges.parts[i].first, 3));
		response_free(&response);
		buffer_free(&body);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_value_of_content_range),
		cmocka_unit_test(each_part_has_a_head_and_the_last_one_an_end),
		cmocka_unit_test(as_many_bytes_are_sent_as_were_announced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
