/*
 * signing.h - what a worker asks of the key holder, and what it may ask: messages that a TLS server
 * signs, and nothing else.
 *
 * Pure. A question has the whole message and not its digest, so that the key holder sees what it
 * signs: the input of a CertificateVerify (RFC 8446 section 4.4.3), or of a ServerKeyExchange with
 * ECDHE (RFC 8422 section 5.4). Who has taken a worker over can so make it speak TLS in the name of
 * the certificate while he is there, and take nothing along.
 *
 *	question  id 4, key 2, scheme 2, message     numbers as the machine has them: both are
 *	answer    id 4, signature; none: refused     processes of one image
 */
#ifndef SERVICE_SIGNING_H
#define SERVICE_SIGNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define SIGNING_HEAD 8
/* The longest input is that of a ServerKeyExchange with P-521: 2 * 32 + 4 + 133 bytes. */
#define SIGNING_MESSAGE_MAX 256
#define SIGNING_QUESTION_MAX (SIGNING_HEAD + SIGNING_MESSAGE_MAX)
/* Of RSA with 8192 bits. */
#define SIGNING_SIGNATURE_MAX 1024
#define SIGNING_ANSWER_HEAD 4
#define SIGNING_ANSWER_MAX (SIGNING_ANSWER_HEAD + SIGNING_SIGNATURE_MAX)
/* A worker has so many questions open at the most. */
#define SIGNING_OPEN_MAX 32

struct signing_scheme {
	uint16_t number;
	const char *kind; /* of its key */
	const char *hash; /* NULL: it has its own */
	bool pss;
	int curve_bits; /* 0: of any size */
	bool is_old;	/* TLS 1.2 alone */
};

struct signing_question {
	uint32_t id;
	uint16_t key; /* by the order of the certificates, from 0 */
	const struct signing_scheme *scheme;
	const unsigned char *message; /* borrowed */
	size_t size;
};

struct signing_answer {
	uint32_t id;
	const unsigned char *signature; /* borrowed */
	size_t size;			/* 0: refused */
};

/* What a key of the certificates is. */
struct signing_key {
	const char *kind;
	int bits;
};

/* NULL: there is no such scheme. `hash` may be NULL. */
PURE const struct signing_scheme *signing_scheme_of(const char *kind, const char *hash, bool pss);

/* The bytes of a question: their number, or 0 when the message is too long for one. */
MUST_USE size_t signing_ask(const struct signing_question *question,
	unsigned char bytes[SIGNING_QUESTION_MAX]);
/*
 * Takes it apart, and judges all but the key. NULL, or why it is none that a server in order
 * asks; static text.
 */
MUST_USE const char *signing_read(const unsigned char *bytes, size_t size,
	struct signing_question *question);
/* Whether that key signs that: NULL, or why not. */
MUST_USE const char *signing_judge(const struct signing_question *question,
	const struct signing_key *key);

/* The head of an answer; the signature comes behind it. */
void signing_answer_head(uint32_t id, unsigned char bytes[SIGNING_ANSWER_HEAD]);
/* False: it is none. */
MUST_USE bool signing_answer_read(const unsigned char *bytes, size_t size,
	struct signing_answer *answer);

#endif
