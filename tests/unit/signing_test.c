/* What the key holder is asked, and what it lets nobody ask. */
#include "tests/unit/unit.h"

#include <string.h>

#include "service/signing.h"

#define VERIFY_SIZE 130
#define EXCHANGE_SIZE (64 + 4 + 32)

static const struct signing_key p256 = {"EC", 256}, p384 = {"EC", 384}, rsa = {"RSA", 2048};

static size_t verify(unsigned char bytes[SIGNING_MESSAGE_MAX], size_t hash)
{
	memset(bytes, ' ', 64);
	memcpy(bytes + 64, "TLS 1.3, server CertificateVerify", 34);
	memset(bytes + 98, 0xab, hash);
	return 98 + hash;
}

/* With X25519, unless another group is put in. */
static size_t exchange(unsigned char bytes[SIGNING_MESSAGE_MAX], unsigned group, size_t point)
{
	memset(bytes, 0x17, SIGNING_MESSAGE_MAX);
	bytes[64] = 3;
	bytes[65] = 0;
	bytes[66] = (unsigned char)group;
	bytes[67] = (unsigned char)point;
	bytes[68] = 4;
	return 68 + point;
}

/* What becomes of that message: NULL, or why it is refused. */
static const char *asked(const struct signing_key *key, const struct signing_scheme *scheme,
	const unsigned char *message, size_t size)
{
	unsigned char bytes[SIGNING_QUESTION_MAX];
	struct signing_question question = {
		.id = 77,
		.key = 3,
		.scheme = scheme,
		.message = message,
		.size = size,
	};
	struct signing_question read;
	const char *reason;

	assert_non_null(scheme);
	assert_int_equal(signing_ask(&question, bytes), SIGNING_HEAD + size);
	reason = signing_read(bytes, SIGNING_HEAD + size, &read);
	assert_int_equal(read.id, 77);
	assert_int_equal(read.key, 3);
	assert_ptr_equal(read.scheme, scheme);
	assert_int_equal(read.size, size);
	assert_memory_equal(read.message, message, size);
	return reason != NULL ? reason : signing_judge(&read, key);
}

static void what_a_server_signs_is_let_through(void **state)
{
	static const struct {
		unsigned group;
		size_t point;
	} groups[] = {{23, 65}, {24, 97}, {25, 133}, {29, 32}, {30, 56}};
	const struct signing_scheme *ecdsa = signing_scheme_of("EC", "SHA256", false);
	const struct signing_scheme *pss = signing_scheme_of("RSA", "SHA512", true);
	const struct signing_scheme *old = signing_scheme_of("RSA", "SHA256", false);
	unsigned char message[SIGNING_MESSAGE_MAX];

	(void)state;
	assert_null(asked(&p256, ecdsa, message, verify(message, 32)));
	assert_null(asked(&p256, ecdsa, message, verify(message, 48)));
	assert_null(asked(&rsa, pss, message, verify(message, 32)));
	for (size_t i = 0; i < COUNT_OF(groups); i++) {
		size_t size = exchange(message, groups[i].group, groups[i].point);

		assert_null(asked(&rsa, old, message, size));
		assert_null(asked(&rsa, pss, message, size));
		/* TLS 1.2 ties no hash to a curve (RFC 5246 section 7.4.1.4.1). */
		assert_null(asked(&p384, ecdsa, message, size));
	}
}

static void a_changed_byte_of_what_is_fixed_is_refused(void **state)
{
	const struct signing_scheme *scheme = signing_scheme_of("EC", "SHA256", false);
	unsigned char message[SIGNING_MESSAGE_MAX];
	size_t size = verify(message, 32);

	(void)state;
	for (size_t i = 0; i < 98; i++) {
		message[i] ^= 1;
		assert_string_equal(asked(&p256, scheme, message, size),
			"a message that no TLS server signs");
		message[i] ^= 1;
	}
	size = exchange(message, 23, 65);
	for (size_t i = 64; i < 69; i++) {
		message[i] ^= 1;
		assert_string_equal(asked(&p256, scheme, message, size),
			"a message that no TLS server signs");
		message[i] ^= 1;
	}
}

static void every_other_length_is_refused(void **state)
{
	const struct signing_scheme *scheme = signing_scheme_of("EC", "SHA256", false);
	unsigned char message[SIGNING_MESSAGE_MAX];

	(void)state;
	for (size_t size = 0; size <= SIGNING_MESSAGE_MAX; size++) {
		(void)verify(message, SIGNING_MESSAGE_MAX - 98);
		if (size != 130 && size != 146)
			assert_non_null(asked(&p256, scheme, message, size));
		(void)exchange(message, 29, 32);
		if (size != EXCHANGE_SIZE)
			assert_non_null(asked(&p256, scheme, message, size));
	}
}

static void a_clients_certificate_verify_is_refused(void **state)
{
	const struct signing_scheme *scheme = signing_scheme_of("EC", "SHA256", false);
	unsigned char message[SIGNING_MESSAGE_MAX];
	size_t size = verify(message, 32);

	(void)state;
	memcpy(message + 64, "TLS 1.3, client CertificateVerify", 34);
	assert_non_null(asked(&p256, scheme, message, size));
}

static void a_scheme_is_of_its_kind_its_curve_and_its_version(void **state)
{
	const struct signing_scheme *ecdsa = signing_scheme_of("EC", "SHA256", false);
	const struct signing_scheme *old = signing_scheme_of("RSA", "SHA256", false);
	unsigned char message[SIGNING_MESSAGE_MAX];
	size_t size = verify(message, 32);

	(void)state;
	assert_string_equal(asked(&rsa, ecdsa, message, size), "a scheme for another kind of key");
	assert_string_equal(asked(&p384, ecdsa, message, size), "a scheme for another curve");
	assert_string_equal(asked(&rsa, old, message, size), "a scheme that TLS 1.3 does not have");
	assert_null(signing_scheme_of("EC", "SHA1", false));
	assert_null(signing_scheme_of("EC", "SHA256", true));
	assert_null(signing_scheme_of("EC", NULL, false));
	assert_non_null(signing_scheme_of("ED25519", NULL, false));
}

static void a_question_of_another_size_or_scheme_is_none(void **state)
{
	unsigned char bytes[SIGNING_QUESTION_MAX + 1] = {0};
	struct signing_question question;

	(void)state;
	for (size_t size = 0; size < SIGNING_HEAD; size++)
		assert_string_equal(signing_read(bytes, size, &question),
			"a question of a wrong size");
	assert_string_equal(signing_read(bytes, sizeof(bytes), &question),
		"a question of a wrong size");
	assert_string_equal(signing_read(bytes, SIGNING_HEAD + VERIFY_SIZE, &question),
		"an unknown scheme of signatures");
}

static void what_is_too_long_to_ask_is_not_asked(void **state)
{
	unsigned char message[SIGNING_MESSAGE_MAX + 1] = {0}, bytes[SIGNING_QUESTION_MAX];
	const struct signing_question question = {
		.scheme = signing_scheme_of("EC", "SHA256", false),
		.message = message,
		.size = sizeof(message),
	};

	(void)state;
	assert_int_equal(signing_ask(&question, bytes), 0);
}

static void an_answer_reads_back(void **state)
{
	unsigned char bytes[SIGNING_ANSWER_MAX + 1] = {0};
	struct signing_answer answer;

	(void)state;
	signing_answer_head(0xfedcba98, bytes);
	assert_true(signing_answer_read(bytes, 4, &answer));
	assert_int_equal(answer.id, 0xfedcba98);
	assert_int_equal(answer.size, 0);
	assert_true(signing_answer_read(bytes, SIGNING_ANSWER_MAX, &answer));
	assert_int_equal(answer.size, SIGNING_SIGNATURE_MAX);
	assert_ptr_equal(answer.signature, bytes + 4);
	assert_false(signing_answer_read(bytes, 3, &answer));
	assert_false(signing_answer_read(bytes, sizeof(bytes), &answer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_server_signs_is_let_through),
		cmocka_unit_test(a_changed_byte_of_what_is_fixed_is_refused),
		cmocka_unit_test(every_other_length_is_refused),
		cmocka_unit_test(a_clients_certificate_verify_is_refused),
		cmocka_unit_test(a_scheme_is_of_its_kind_its_curve_and_its_version),
		cmocka_unit_test(a_question_of_another_size_or_scheme_is_none),
		cmocka_unit_test(what_is_too_long_to_ask_is_not_asked),
		cmocka_unit_test(an_answer_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
