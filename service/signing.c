#include "service/signing.h"

#include <string.h>

#define OLD true
#define ANY false
#define PSS true
#define PLAIN false
#define NONE NULL
static const struct signing_scheme schemes[] = {
#define SCHEME(name, number, kind, hash, pss, curve_bits, is_old) \
	{(number), (kind), (hash), (pss), (curve_bits), (is_old)},
#include "service/signing.def"
#undef SCHEME
};

static bool is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

const struct signing_scheme *signing_scheme_of(const char *kind, const char *hash, bool pss)
{
	for (size_t i = 0; i < COUNT_OF(schemes); i++) {
		if (is_same(schemes[i].kind, kind) && is_same(schemes[i].hash, hash) &&
			schemes[i].pss == pss)
			return &schemes[i];
	}
	return NULL;
}

static const struct signing_scheme *scheme_numbered(uint16_t number)
{
	for (size_t i = 0; i < COUNT_OF(schemes); i++) {
		if (schemes[i].number == number)
			return &schemes[i];
	}
	return NULL;
}

/* What servers sign. */

#define PADDING 64 /* spaces; RFC 8446 section 4.4.3 */
#define RANDOM 32  /* RFC 5246 section 7.4.1.2 */

static const char context[] = "TLS 1.3, server CertificateVerify"; /* its NUL counts */

/* Behind it stands the hash of the handshake: SHA-256's or SHA-384's, as the cipher suites have. */
static bool is_certificate_verify(const unsigned char *message, size_t size)
{
	static const size_t head = PADDING + sizeof(context);

	if (size != head + 32 && size != head + 48)
		return false;
	for (size_t i = 0; i < PADDING; i++) {
		if (message[i] != ' ')
			return false;
	}
	return memcmp(message + PADDING, context, sizeof(context)) == 0;
}

/* Groups for key exchange (RFC 8422 section 5.1.1), and the length of a point of each. */
static const struct {
	uint16_t number;
	unsigned char size;
	bool is_uncompressed; /* and begins with 4 */
} groups[] = {
	{23, 65, true},	 /* secp256r1 */
	{24, 97, true},	 /* secp384r1 */
	{25, 133, true}, /* secp521r1 */
	{29, 32, false}, /* x25519 */
	{30, 56, false}, /* x448 */
};

#define NAMED_CURVE 3

static bool is_key_exchange(const unsigned char *message, size_t size)
{
	const unsigned char *parameters = message + (size_t)2 * RANDOM;

	if (size < (size_t)2 * RANDOM + 4 || parameters[0] != NAMED_CURVE)
		return false;
	for (size_t i = 0; i < COUNT_OF(groups); i++) {
		if (groups[i].number != (parameters[1] << 8 | parameters[2]))
			continue;
		return parameters[3] == groups[i].size &&
		       size == (size_t)2 * RANDOM + 4 + groups[i].size &&
		       (!groups[i].is_uncompressed || parameters[4] == 4);
	}
	return false;
}

/* Questions. */

static void put(unsigned char **at, const void *bytes, size_t size)
{
	memcpy(*at, bytes, size);
	*at += size;
}

static void take(const unsigned char **at, void *bytes, size_t size)
{
	memcpy(bytes, *at, size);
	*at += size;
}

size_t signing_ask(const struct signing_question *question,
	unsigned char bytes[SIGNING_QUESTION_MAX])
{
	unsigned char *at = bytes;

	if (question->size > SIGNING_MESSAGE_MAX)
		return 0;
	put(&at, &question->id, sizeof(question->id));
	put(&at, &question->key, sizeof(question->key));
	put(&at, &question->scheme->number, sizeof(question->scheme->number));
	put(&at, question->message, question->size);
	return SIGNING_HEAD + question->size;
}

const char *signing_read(const unsigned char *bytes, size_t size, struct signing_question *question)
{
	const unsigned char *at = bytes;
	uint16_t number;

	if (size < SIGNING_HEAD || size > SIGNING_QUESTION_MAX)
		return "a question of a wrong size";
	take(&at, &question->id, sizeof(question->id));
	take(&at, &question->key, sizeof(question->key));
	take(&at, &number, sizeof(number));
	question->scheme = scheme_numbered(number);
	question->message = at;
	question->size = size - SIGNING_HEAD;
	if (question->scheme == NULL)
		return "an unknown scheme of signatures";
	if (is_certificate_verify(question->message, question->size))
		return question->scheme->is_old ? "a scheme that TLS 1.3 does not have" : NULL;
	return is_key_exchange(question->message, question->size)
		       ? NULL
		       : "a message that no TLS server signs";
}

const char *signing_judge(const struct signing_question *question, const struct signing_key *key)
{
	const struct signing_scheme *scheme = question->scheme;
	bool is_modern = is_certificate_verify(question->message, question->size);

	if (strcmp(scheme->kind, key->kind) != 0)
		return "a scheme for another kind of key";
	if (is_modern && scheme->curve_bits != 0 && scheme->curve_bits != key->bits)
		return "a scheme for another curve";
	return NULL;
}

/* Answers. */

void signing_answer_head(uint32_t id, unsigned char bytes[SIGNING_ANSWER_HEAD])
{
	memcpy(bytes, &id, sizeof(id));
}

bool signing_answer_read(const unsigned char *bytes, size_t size, struct signing_answer *answer)
{
	if (size < sizeof(answer->id) || size > SIGNING_ANSWER_MAX)
		return false;
	memcpy(&answer->id, bytes, sizeof(answer->id));
	answer->signature = bytes + sizeof(answer->id);
	answer->size = size - sizeof(answer->id);
	return true;
}
