/*
 * tls_check.h - whether a certificate, its chain and its staple are what clients will take: said at
 * boot, when a generation that serves is still there, and not by clients' refusals.
 *
 * Whom a client trusts is nobody's business here. OpenSSL's, inside.
 */
#ifndef SERVICE_TLS_CHECK_H
#define SERVICE_TLS_CHECK_H

#include <openssl/ssl.h>
#include <time.h>

#include "base/attr.h"
#include "base/log.h"
#include "base/text.h"

/* Seconds since 1970; 0: it is no time. */
time_t tls_check_time(const ASN1_TIME *text);
/*
 * The first certificate is valid at that time, and each is signed by the one behind it (RFC 5246
 * section 7.4.2). 0, or -EINVAL with `why`.
 */
MUST_USE int tls_check_chain(const STACK_OF(X509) * chain, const char *name, time_t at,
	struct text *why);
/* If TLS 1.2 is spoken, a suite of it fits the certificate's key. 0, or -EINVAL with `why`. */
MUST_USE int tls_check_suites(SSL_CTX *context, const char *name, struct text *why);
/* A warning if one of them expires soon. */
void tls_check_age(const STACK_OF(X509) * chain, const char *name, time_t now, struct log *log);
/* Until when an OCSP response (DER) may be stapled; 0, with a warning: not at all. */
time_t tls_check_staple(const char *bytes, size_t size, const char *name, time_t now,
	struct log *log);

#endif
