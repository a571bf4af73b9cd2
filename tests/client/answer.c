#include "tests/client/answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STATUS_AT (sizeof("HTTP/1.1 ") - 1)

/* The value of a field in a head that ends in NUL; NULL when there is none. */
static const char *find_field(const char *head, const char *name)
{
	size_t size = strlen(name);

	for (const char *line = head; (line = strstr(line, "\r\n")) != NULL;) {
		line += 2;
		if (strncasecmp(line, name, size) == 0 && line[size] == ':')
			return line + size + 1 + strspn(line + size + 1, " \t");
	}
	return NULL;
}

static bool parse_head(struct answer *answer)
{
	const char *length = find_field(answer->head, "Content-Length");
	const char *connection = find_field(answer->head, "Connection");

	if (strncmp(answer->head, "HTTP/1.", STATUS_AT - 2) != 0 || length == NULL)
		return false;
	answer->status = (unsigned)strtoul(answer->head + STATUS_AT, NULL, 10);
	answer->size = strtoull(length, NULL, 10);
	answer->close = connection != NULL && strncasecmp(connection, "close", 5) == 0;
	answer->has_head = true;
	return true;
}

/* A byte at a time: heads are short, and what stands behind one is not the head's. */
static enum answer_outcome feed_head(struct answer *answer, const char *bytes, size_t size,
	size_t *taken)
{
	while (*taken < size && !answer->has_head) {
		if (answer->head_used == sizeof(answer->head) - 1)
			return ANSWER_MALFORMED;
		answer->head[answer->head_used++] = bytes[(*taken)++];
		if (answer->head_used >= 4 &&
			memcmp(answer->head + answer->head_used - 4, "\r\n\r\n", 4) == 0 &&
			!parse_head(answer))
			return ANSWER_MALFORMED;
	}
	return ANSWER_MORE;
}

static bool is_expected(const struct answer *answer, const char *bytes, size_t size)
{
	if (answer->expected == NULL || answer->status != 200)
		return true;
	return answer->size == answer->expected_size &&
	       memcmp(answer->expected + answer->seen, bytes, size) == 0;
}

enum answer_outcome answer_feed(struct answer *answer, const char *bytes, size_t size,
	size_t *taken)
{
	size_t part;

	*taken = 0;
	if (feed_head(answer, bytes, size, taken) == ANSWER_MALFORMED)
		return ANSWER_MALFORMED;
	if (!answer->has_head)
		return ANSWER_MORE;
	part = size - *taken;
	if (part > answer->size - answer->seen)
		part = (size_t)(answer->size - answer->seen);
	if (!is_expected(answer, bytes + *taken, part))
		return ANSWER_MALFORMED;
	answer->seen += part;
	*taken += part;
	return answer->seen == answer->size ? ANSWER_DONE : ANSWER_MORE;
}

void answer_reset(struct answer *answer)
{
	answer->head_used = 0;
	memset(answer->head, 0, sizeof(answer->head));
	answer->has_head = false;
	answer->close = false;
	answer->status = 0;
	answer->size = 0;
	answer->seen = 0;
}

bool answer_has_begun(const struct answer *answer)
{
	return answer->head_used != 0;
}
