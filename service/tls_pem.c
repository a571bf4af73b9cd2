#include "service/tls_pem.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *tls_reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text != NULL ? text : "no memory";
}

int tls_refuse(struct text *why, const char *what, const char *wrong)
{
	text_printf(why, "%s: %s", what, wrong);
	ERR_clear_error();
	return -EINVAL;
}

STACK_OF(X509) * tls_pem_chain(const struct bundle_item *item)
{
	BIO *bytes = BIO_new_mem_buf(item->bytes, (int)item->size);
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509 *one;

	ERR_clear_error();
	while (bytes != NULL && chain != NULL &&
		(one = PEM_read_bio_X509(bytes, NULL, NULL, NULL)) != NULL) {
		if (sk_X509_push(chain, one) == 0)
			X509_free(one);
	}
	BIO_free(bytes);
	return chain;
}

/* Ends with "no start line" behind the last one. */
bool tls_pem_ended(void)
{
	unsigned long error = ERR_peek_last_error();

	return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/* Nobody is there to be asked. */
static int refuse_password(UNUSED char *buffer, UNUSED int size, UNUSED int writing, void *asked)
{
	*(bool *)asked = true;
	return -1;
}

EVP_PKEY *tls_pem_key(const struct bundle_item *item, struct text *why)
{
	BIO *bytes = BIO_new_mem_buf(item->bytes, (int)item->size);
	bool asked = false;
	EVP_PKEY *key = bytes != NULL
				? PEM_read_bio_PrivateKey(bytes, NULL, refuse_password, &asked)
				: NULL;

	BIO_free(bytes);
	if (key == NULL)
		(void)tls_refuse(why, item->name,
			asked ? "the key is protected by a password: give it without one"
			      : "holds no private key in PEM");
	return key;
}

const char *tls_pem_kind(const EVP_PKEY *key)
{
	static const char *const kinds[] = {"RSA", "EC", "ED25519"};

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (EVP_PKEY_is_a(key, kinds[i]) == 1)
			return kinds[i];
	}
	return NULL;
}

int tls_pem_fits(const EVP_PKEY *key, const struct bundle_item *item, const EVP_PKEY *public,
	const char *certificate, struct text *why)
{
	if (public != NULL && EVP_PKEY_eq(public, key) == 1)
		return 0;
	text_printf(why, "%s: the key is not that of the certificate %s", item->name, certificate);
	ERR_clear_error();
	return -EINVAL;
}

static int take_items(char *bytes, size_t size,
	int (*take)(void *context, const struct bundle_item *item), void *context)
{
	struct bundle_item item;
	int outcome, error = 0;

	while (error == 0 && (outcome = bundle_next(&bytes, &size, &item)) != 0)
		error = outcome > 0 ? take(context, &item) : outcome;
	return error;
}

int tls_pem_each(int fd, int (*take)(void *context, const struct bundle_item *item), void *context)
{
	struct stat status;
	char *bytes;
	size_t size;
	int error = -EIO;

	if (fstat(fd, &status) != 0)
		return -errno;
	size = (size_t)status.st_size;
	bytes = malloc(size + 1);
	if (bytes == NULL)
		return -ENOMEM;
	if (pread(fd, bytes, size, 0) == (ssize_t)size)
		error = take_items(bytes, size, take, context);
	OPENSSL_cleanse(bytes, size);
	free(bytes);
	return error;
}
