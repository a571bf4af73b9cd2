/*
 * tls_provider.h - private keys for OpenSSL that are not here: a provider of its own
 * (provider(7)), whose keys know their public half, and whose signatures are made by the key
 * holder. The handshake that needs one is put aside meanwhile (ASYNC_start_job(3)).
 */
#ifndef SERVICE_TLS_PROVIDER_H
#define SERVICE_TLS_PROVIDER_H

#include <openssl/evp.h>

#include "base/attr.h"
#include "service/signer.h"

/* For the whole process, before the first key. 0, or -ENOMEM. */
MUST_USE int tls_provider_load(void);
/* The key of that public half, by its number; NULL: of no kind that can be asked for. */
EVP_PKEY *tls_provider_key(struct signer *signer, unsigned number, const EVP_PKEY *public);

#endif
