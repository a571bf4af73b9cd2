/*
 * tls_hello.h - how large a ClientHello says it is, before it is there: OpenSSL makes room for all
 * that is declared, 128 KiB, as soon as nine bytes have come.
 *
 * Follows records and messages only so far as to find the first bytes of each hello. What else may
 * be wrong with one is not decided here.
 */
#ifndef SERVICE_TLS_HELLO_H
#define SERVICE_TLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Those of browsers have 2 KiB, with keys that withstand quantum computers. */
#define TLS_HELLO_MAX ((size_t)16 * 1024)

/* {0} before the client's first byte. */
struct tls_hello {
	unsigned char record[5], message[4]; /* heads, as far as they are there */
	unsigned char record_filled, message_filled;
	bool over; /* no hello can follow in plain text */
	unsigned record_left, message_left;
};

/* The next bytes of the client's: whether they declare a hello that is too large. */
MUST_USE bool tls_hello_exceeds(struct tls_hello *hello, const char *bytes, size_t size);

#endif
