/* What the key holder signs is what a client verifies, whichever scheme comes behind whichever. */
#include "tests/unit/unit.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "service/keyholder_keys.h"

static const unsigned char message[130] = "what is signed";

/* As a client does it, who knows the public half and the scheme. */
static bool verifies(const struct keyholder_key *key, const struct signing_scheme *scheme,
	const unsigned char *bytes, size_t size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *inner = NULL;
	bool good = EVP_DigestVerifyInit_ex(context, &inner, scheme->hash, NULL, NULL, key->key,
			    NULL) == 1;

	if (good && scheme->pss)
		good = EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST) == 1;
	good = good && EVP_DigestVerify(context, bytes, size, message, sizeof(message)) == 1;
	EVP_MD_CTX_free(context);
	return good;
}

static void assert_signs(struct keyholder_key *key, const char *kind, const char *hash, bool pss)
{
	unsigned char bytes[SIGNING_SIGNATURE_MAX];
	const struct signing_question question = {
		.scheme = signing_scheme_of(kind, hash, pss),
		.message = message,
		.size = sizeof(message),
	};
	size_t size;

	assert_non_null(question.scheme);
	size = keyholder_keys_sign(key, &question, bytes);
	assert_true(size > 0);
	assert_true(verifies(key, question.scheme, bytes, size));
}

static struct keyholder_keys one(EVP_PKEY *key)
{
	struct keyholder_keys keys = {.all = calloc(1, sizeof(*keys.all)), .count = 1};

	assert_non_null(keys.all);
	assert_non_null(key);
	keys.all[0].key = key;
	return keys;
}

static void a_signature_verifies_by_its_own_scheme(void **state)
{
	struct keyholder_keys keys = one(EVP_RSA_gen(2048));

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_signs(&keys.all[0], "RSA", "SHA256", true);
		assert_signs(&keys.all[0], "RSA", "SHA256", true);
		assert_signs(&keys.all[0], "RSA", "SHA256", false);
		assert_signs(&keys.all[0], "RSA", "SHA512", true);
		assert_signs(&keys.all[0], "RSA", "SHA384", false);
	}
	keyholder_keys_close(&keys);
	keys = one(EVP_EC_gen("P-384"));
	assert_signs(&keys.all[0], "EC", "SHA384", false);
	assert_signs(&keys.all[0], "EC", "SHA256", false); /* which TLS 1.2 lets a client want */
	assert_signs(&keys.all[0], "EC", "SHA384", false);
	keyholder_keys_close(&keys);
	keys = one(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	assert_signs(&keys.all[0], "ED25519", NULL, false);
	assert_signs(&keys.all[0], "ED25519", NULL, false);
	keyholder_keys_close(&keys);
}

static void what_a_key_cannot_do_gives_nothing_and_spoils_nothing(void **state)
{
	struct keyholder_keys keys = one(EVP_EC_gen("P-256"));
	unsigned char bytes[SIGNING_SIGNATURE_MAX];
	const struct signing_question question = {
		.scheme = signing_scheme_of("RSA", "SHA256", true),
		.message = message,
		.size = sizeof(message),
	};

	(void)state;
	assert_signs(&keys.all[0], "EC", "SHA256", false);
	assert_int_equal(keyholder_keys_sign(&keys.all[0], &question, bytes), 0);
	assert_signs(&keys.all[0], "EC", "SHA256", false);
	keyholder_keys_close(&keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_verifies_by_its_own_scheme),
		cmocka_unit_test(what_a_key_cannot_do_gives_nothing_and_spoils_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
