/*
 * tls_pem.h - what is in a bundle (base/bundle.h), as OpenSSL's things: for the worker, who reads
 * certificates and, where keys are not isolated, keys, and for the key holder.
 */
#ifndef SERVICE_TLS_PEM_H
#define SERVICE_TLS_PEM_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/bundle.h"
#include "base/text.h"

/* The certificates of an item, its own first, as far as they can be read; NULL without memory. */
STACK_OF(X509) * tls_pem_chain(const struct bundle_item *item);
/* Whether what stopped the reading was its end, and no damage. */
bool tls_pem_ended(void);
/* NULL, with `why`. */
EVP_PKEY *tls_pem_key(const struct bundle_item *item, struct text *why);
/* As signing.h has it; NULL: it can sign nothing there. */
const char *tls_pem_kind(const EVP_PKEY *key);
/* 0, or -EINVAL with `why`, as the key of the item is not that of the certificate. */
MUST_USE int tls_pem_fits(const EVP_PKEY *key, const struct bundle_item *item,
	const EVP_PKEY *public, const char *certificate, struct text *why);
/* Each item in its turn, until one fails; of the bytes nothing stays. 0 or -errno. */
MUST_USE int tls_pem_each(int fd, int (*take)(void *context, const struct bundle_item *item),
	void *context);

/* OpenSSL's last word on what went wrong; static text. */
const char *tls_reason(void);
/* "what: wrong" for `why`, and OpenSSL's errors are forgotten: -EINVAL. */
int tls_refuse(struct text *why, const char *what, const char *wrong);

#endif
