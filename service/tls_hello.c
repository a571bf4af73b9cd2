#include "service/tls_hello.h"

/* RFC 8446 sections 4 and 5.1. */
#define CHANGE_CIPHER_SPEC 20
#define HANDSHAKE 22
#define CLIENT_HELLO 1

/* Between two hellos there may be a change_cipher_spec (RFC 8446 section 5), and nothing else. */
static void take_record(struct tls_hello *hello)
{
	const unsigned char *head = hello->record;

	hello->record_left = (unsigned)head[3] << 8 | head[4];
	hello->over = head[0] != HANDSHAKE && head[0] != CHANGE_CIPHER_SPEC;
	if (hello->record_left == 0)
		hello->record_filled = 0;
}

static bool take_message(struct tls_hello *hello)
{
	const unsigned char *head = hello->message;

	hello->message_left = (unsigned)head[1] << 16 | (unsigned)head[2] << 8 | head[3];
	hello->message_filled = 0;
	hello->over = head[0] != CLIENT_HELLO;
	return !hello->over && hello->message_left > TLS_HELLO_MAX;
}

/* What lies within a message does not matter: so many bytes of it, of those that are there. */
static size_t skip(struct tls_hello *hello, size_t size)
{
	size_t n = hello->record_filled == sizeof(hello->record) ? hello->message_left : 0;

	if (hello->record[0] != HANDSHAKE)
		return 0;
	n = n < hello->record_left ? n : hello->record_left;
	n = n < size ? n : size;
	hello->message_left -= (unsigned)n;
	hello->record_left -= (unsigned)n;
	if (n != 0 && hello->record_left == 0)
		hello->record_filled = 0;
	return n;
}

/* A byte of a record: a message, and its head, too, may lie in more than one. */
static bool take_inner(struct tls_hello *hello, unsigned char byte)
{
	if (--hello->record_left == 0)
		hello->record_filled = 0;
	if (hello->record[0] != HANDSHAKE)
		return false;
	hello->message[hello->message_filled++] = byte;
	return hello->message_filled == sizeof(hello->message) && take_message(hello);
}

bool tls_hello_exceeds(struct tls_hello *hello, const char *bytes, size_t size)
{
	bool exceeds = false;

	for (size_t i = skip(hello, size); i < size && !hello->over && !exceeds;
		i += skip(hello, size - i)) {
		unsigned char byte = (unsigned char)bytes[i++];

		if (hello->record_filled == sizeof(hello->record)) {
			exceeds = take_inner(hello, byte);
			continue;
		}
		hello->record[hello->record_filled++] = byte;
		if (hello->record_filled == sizeof(hello->record))
			take_record(hello);
	}
	return exceeds;
}
