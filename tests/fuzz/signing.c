/*
 * What comes to the key holder: whatever the bytes are, what is let through is a message that a TLS
 * server signs, of one length and shape, and asks again as the same bytes; and an answer reads as
 * its parts.
 */
#include <stdlib.h>
#include <string.h>

#include "service/signing.h"
#include "tests/fuzz/lib/fuzz.h"

/* Written down apart from the module: RFC 8446 section 4.4.3, RFC 8422 section 5.4. */
static bool is_to_be_signed(const unsigned char *message, size_t size)
{
	static const char verify[] = "                                "
				     "                                "
				     "TLS 1.3, server CertificateVerify";

	if (size == sizeof(verify) + 32 || size == sizeof(verify) + 48)
		return memcmp(message, verify, sizeof(verify)) == 0;
	return size > 68 && message[64] == 3 && message[65] == 0 && size == 68U + message[67];
}

static void check_question(const struct signing_question *question, const unsigned char *bytes,
	size_t size)
{
	static const struct signing_key keys[] = {{"EC", 256}, {"RSA", 2048}, {"ED25519", 253}};
	unsigned char again[SIGNING_QUESTION_MAX];
	int signers = 0;

	MUST(is_to_be_signed(question->message, question->size));
	MUST(signing_ask(question, again) == size && memcmp(again, bytes, size) == 0);
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		signers += signing_judge(question, &keys[i]) == NULL;
	MUST(signers <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *bytes = (unsigned char *)fuzz_copy(data, size);
	struct signing_question question;
	struct signing_answer answer;

	if (signing_read(bytes, size, &question) == NULL)
		check_question(&question, bytes, size);
	if (signing_answer_read(bytes, size, &answer))
		MUST(answer.size + 4 == size && answer.size <= SIGNING_SIGNATURE_MAX);
	free(bytes);
	return 0;
}
