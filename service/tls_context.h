/* tls_context.h - what tls.c makes at boot and sessions are served with: OpenSSL's, inside. */
#ifndef SERVICE_TLS_CONTEXT_H
#define SERVICE_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "base/buffer.h"
#include "service/tls.h"
#include "service/tls_names.h"
#include "service/tls_tickets.h"

/* Plain bytes that become records at once, and are sent by one call: 8 full ones. */
#define TLS_PLAIN ((size_t)128 * 1024)

/* One certificate with its key: the client's server name chooses one. */
struct tls_certificate {
	SSL_CTX *context;
	unsigned char *staple; /* NULL: none */
	size_t staple_size;
	time_t staple_until;
};

struct signer;

struct tls {
	struct tls_certificate *certificates;
	size_t count;
	struct tls_names names;
	struct tls_tickets tickets;
	BIO_METHOD *method;    /* tls_wire_method() */
	bool kernel;	       /* may write the records: tls_kernel.h */
	struct signer *signer; /* where keys are isolated; else NULL */
	struct page *page;     /* where handshakes are counted, or NULL */

	/* Every connection's in its turn. */
	char *plain;	    /* TLS_PLAIN bytes */
	struct buffer wire; /* records on their way out */
};

/* By what rules a certificate serves; without authorities no client is asked for one. */
struct tls_rules {
	const struct settings *settings;
	X509_STORE *authorities;
	STACK_OF(X509_NAME) * authority_names;
	unsigned char authorities_digest[TLS_DIGEST_SIZE]; /* of their file */
};

/* 0, or -errno with `why`. */
MUST_USE int tls_context_new(struct tls *tls, const struct tls_rules *rules, SSL_CTX **made,
	struct text *why);
/* Its staple goes out to who asks; the certificate stays where it is from now on. */
void tls_context_staple(struct tls_certificate *certificate);

#endif
