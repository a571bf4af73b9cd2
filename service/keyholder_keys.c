#include "service/keyholder_keys.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "service/tls_pem.h"
#include "service/tls_random.h"

/* Bytes of locked memory, where OpenSSL keeps the numbers of a key; and the least piece of it. */
#define LOCKED ((size_t)256 * 1024)
#define LOCKED_PIECE 32

struct reading {
	struct keyholder_keys *keys;
	STACK_OF(X509) * certificates; /* whose keys these are, in their order */
	STACK_OF(OPENSSL_STRING) * names;
	struct text *why;
};

static int take_certificate(void *context, const struct bundle_item *item)
{
	struct reading *reading = context;
	STACK_OF(X509) * chain;
	X509 *own;
	char *name;

	if (item->kind != BUNDLE_CERTIFICATE)
		return 0;
	chain = tls_pem_chain(item);
	own = sk_X509_shift(chain);
	sk_X509_pop_free(chain, X509_free);
	if (own == NULL)
		return tls_refuse(reading->why, item->name, "holds no certificate in PEM");
	if (sk_X509_push(reading->certificates, own) == 0) {
		X509_free(own);
		return -ENOMEM;
	}
	name = OPENSSL_strdup(item->name);
	return name != NULL && sk_OPENSSL_STRING_push(reading->names, name) != 0 ? 0 : -ENOMEM;
}

static int add_key(struct keyholder_keys *keys, EVP_PKEY *key)
{
	struct keyholder_key *all = realloc(keys->all, (keys->count + 1) * sizeof(*all));

	if (all == NULL)
		return -ENOMEM;
	keys->all = all;
	all[keys->count++] = (struct keyholder_key){
		.facts = {.kind = tls_pem_kind(key), .bits = EVP_PKEY_get_bits(key)},
		.key = key,
	};
	return 0;
}

static int take_key(void *context, const struct bundle_item *item)
{
	struct reading *reading = context;
	int at = (int)reading->keys->count;
	EVP_PKEY *key, *public;
	int error;

	if (item->kind != BUNDLE_KEY)
		return 0;
	if (at >= sk_X509_num(reading->certificates))
		return -EINVAL;
	key = tls_pem_key(item, reading->why);
	if (key == NULL)
		return -EINVAL;
	public = X509_get0_pubkey(sk_X509_value(reading->certificates, at));
	error = tls_pem_fits(key, item, public, sk_OPENSSL_STRING_value(reading->names, at),
		reading->why);
	if (error == 0 && tls_pem_kind(key) == NULL)
		error = tls_refuse(reading->why, item->name,
			"the key is of no kind for tls_key_isolation: allowed are RSA, EC and"
			" Ed25519");
	if (error == 0 && EVP_PKEY_get_size(key) > SIGNING_SIGNATURE_MAX)
		error = tls_refuse(reading->why, item->name,
			"the key is too large: allowed are 8192 bits");
	if (error == 0)
		error = add_key(reading->keys, key);
	if (error != 0)
		EVP_PKEY_free(key);
	return error;
}

/* As the worker does it: by no file of the machine's. */
static int begin_openssl(void)
{
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
					OPENSSL_INIT_NO_ATEXIT,
		    NULL) != 1)
		return -ENOMEM;
	/* Where memory may not be locked, it is as other memory is. */
	(void)CRYPTO_secure_malloc_init(LOCKED, LOCKED_PIECE);
	return tls_random_settle();
}

static void free_name(OPENSSL_STRING name)
{
	OPENSSL_free(name);
}

int keyholder_keys_open(struct keyholder_keys *keys, int *certificates_fd, int *keys_fd,
	struct text *why)
{
	struct reading reading = {
		.keys = keys,
		.certificates = sk_X509_new_null(),
		.names = sk_OPENSSL_STRING_new_null(),
		.why = why,
	};
	int error =
		reading.certificates != NULL && reading.names != NULL ? begin_openssl() : -ENOMEM;

	if (error == 0)
		error = tls_pem_each(*certificates_fd, take_certificate, &reading);
	if (error == 0)
		error = tls_pem_each(*keys_fd, take_key, &reading);
	fd_close(certificates_fd);
	fd_close(keys_fd);
	sk_X509_pop_free(reading.certificates, X509_free);
	sk_OPENSSL_STRING_pop_free(reading.names, free_name);
	return error;
}

static void put_away(struct keyholder_pen *pen)
{
	EVP_MD_free(pen->hash);
	EVP_PKEY_CTX_free(pen->context);
	*pen = (struct keyholder_pen){0};
}

void keyholder_keys_close(struct keyholder_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		put_away(&keys->all[i].pen);
		EVP_PKEY_free(keys->all[i].key);
	}
	free(keys->all);
	*keys = (struct keyholder_keys){0};
}

/* RFC 8446 section 4.2.3: the salt of RSASSA-PSS is as long as the hash. */
static int use_pss(EVP_PKEY_CTX *context)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static bool take_up(struct keyholder_pen *pen, EVP_PKEY *key, const struct signing_scheme *scheme)
{
	pen->hash = EVP_MD_fetch(NULL, scheme->hash, NULL);
	pen->context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (pen->hash == NULL || pen->context == NULL || EVP_PKEY_sign_init(pen->context) != 1 ||
		(scheme->pss && !use_pss(pen->context)) ||
		EVP_PKEY_CTX_set_signature_md(pen->context, pen->hash) != 1)
		return false;
	pen->scheme = scheme;
	return true;
}

static bool sign_hash(struct keyholder_key *key, const struct signing_question *question,
	unsigned char *bytes, size_t *size)
{
	struct keyholder_pen *pen = &key->pen;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned digest_size;

	if (pen->scheme != question->scheme) {
		put_away(pen);
		if (!take_up(pen, key->key, question->scheme)) {
			put_away(pen);
			return false;
		}
	}
	return EVP_Digest(question->message, question->size, digest, &digest_size, pen->hash,
		       NULL) == 1 &&
	       EVP_PKEY_sign(pen->context, bytes, size, digest, digest_size) == 1;
}

/* By a scheme that has its hash within, as Ed25519 does. */
static bool sign_whole(const struct keyholder_key *key, const struct signing_question *question,
	unsigned char *bytes, size_t *size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool is_signed =
		context != NULL &&
		EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key->key, NULL) == 1 &&
		EVP_DigestSign(context, bytes, size, question->message, question->size) == 1;

	EVP_MD_CTX_free(context);
	return is_signed;
}

size_t keyholder_keys_sign(struct keyholder_key *key, const struct signing_question *question,
	unsigned char bytes[SIGNING_SIGNATURE_MAX])
{
	size_t size = SIGNING_SIGNATURE_MAX;
	bool is_signed = question->scheme->hash != NULL ? sign_hash(key, question, bytes, &size)
							: sign_whole(key, question, bytes, &size);

	ERR_clear_error();
	return is_signed ? size : 0;
}
