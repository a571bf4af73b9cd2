/*
 * keyholder_keys.h - the private keys of a generation, in memory that is locked and in no core
 * dump as far as the kernel allows; and what is signed with them. Has no opinion on what may be.
 */
#ifndef SERVICE_KEYHOLDER_KEYS_H
#define SERVICE_KEYHOLDER_KEYS_H

#include <openssl/evp.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/text.h"
#include "service/signing.h"

/* What signs by a scheme with a hash, kept for the next question: clients mostly agree on one. */
struct keyholder_pen {
	const struct signing_scheme *scheme; /* NULL: there is none yet */
	EVP_MD *hash;
	EVP_PKEY_CTX *context;
};

struct keyholder_key {
	struct signing_key facts;
	EVP_PKEY *key;
	struct keyholder_pen pen;
};

struct keyholder_keys {
	struct keyholder_key *all; /* in the order of the certificates */
	size_t count;
};

/*
 * Reads them, and takes both descriptors. 0, or -errno with `why`: as when a key is not that of its
 * certificate. keyholder_keys_close() is due in both cases.
 */
MUST_USE int keyholder_keys_open(struct keyholder_keys *keys, int *certificates_fd, int *keys_fd,
	struct text *why);
void keyholder_keys_close(struct keyholder_keys *keys);

/* The signature of what has been judged to be in order; its size, or 0. */
MUST_USE size_t keyholder_keys_sign(struct keyholder_key *key,
	const struct signing_question *question, unsigned char bytes[SIGNING_SIGNATURE_MAX]);

#endif
