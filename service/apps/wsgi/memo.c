#include "service/apps/wsgi/memo.h"

#include <string.h>

#include "base/text.h"
#include "service/field.h"

/* Both ends and the size tell names apart: most of them are shorter than both together. */
static size_t place_of(struct narwhal_bytes bytes)
{
	uint64_t first = 0, last = 0;
	size_t size = bytes.size < sizeof(first) ? bytes.size : sizeof(first);

	memcpy(&first, bytes.data, size);
	memcpy(&last, bytes.data + bytes.size - size, size);
	first = (first ^ (last << 7 | last >> 57)) + bytes.size;
	return (size_t)(first * 0x9e3779b97f4a7c15u >> 32) % MEMO_SIZE;
}

struct object *memo_get(struct memo *memo, struct narwhal_bytes bytes)
{
	const struct python *python = memo->python;
	struct memo_entry *entry;

	if (bytes.size > MEMO_BYTES)
		return memo->make(python, bytes);
	entry = &memo->entry[place_of(bytes)];
	if (entry->text == NULL || entry->size != bytes.size ||
		memcmp(entry->bytes, bytes.data, bytes.size) != 0) {
		struct object *made = memo->make(python, bytes);

		if (made == NULL)
			return NULL;
		python_drop(python, &entry->text);
		entry->text = made;
		entry->size = (uint8_t)bytes.size;
		memcpy(entry->bytes, bytes.data, bytes.size);
	}
	return python_hold(python, entry->text);
}

struct object *memo_text(const struct python *python, struct narwhal_bytes bytes)
{
	return python->PyUnicode_DecodeLatin1(bytes.data, (ssize_t)bytes.size, NULL);
}

struct object *memo_key(const struct python *python, struct narwhal_bytes bytes)
{
	/* As long as a field's name can be: limit_request_field_size. */
	char name[16384 + sizeof("HTTP_")];
	struct text text = TEXT_OVER(name);

	if (!field_is(bytes, "content-type") && !field_is(bytes, "content-length"))
		text_add(&text, "HTTP_");
	for (size_t i = 0; i < bytes.size; i++) {
		char c = bytes.data[i];

		if (c == '-')
			c = '_';
		else if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		text_add_char(&text, c);
	}
	/* cppcheck-suppress returnDanglingLifetime ; it is copied */
	return python->PyUnicode_InternFromString(name);
}
