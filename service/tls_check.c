#include "service/tls_check.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdint.h>

#include "service/tls_pem.h"

#define SECONDS_PER_DAY 86400
#define SOON_DAYS 14

static int check_dates(const X509 *certificate, const char *name, time_t at, struct text *why)
{
	if (X509_cmp_time(X509_get0_notAfter(certificate), &at) < 0)
		return tls_refuse(why, name, "the certificate has expired");
	if (X509_cmp_time(X509_get0_notBefore(certificate), &at) > 0)
		return tls_refuse(why, name, "the certificate is not valid yet");
	return 0;
}

static bool is_signed_by(X509 *certificate, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return X509_check_issued(issuer, certificate) == X509_V_OK && key != NULL &&
	       X509_verify(certificate, key) == 1;
}

int tls_check_chain(const STACK_OF(X509) * chain, const char *name, time_t at, struct text *why)
{
	int error = check_dates(sk_X509_value(chain, 0), name, at, why);

	for (int i = 1; error == 0 && i < sk_X509_num(chain); i++) {
		if (is_signed_by(sk_X509_value(chain, i - 1), sk_X509_value(chain, i)))
			continue;
		text_printf(why,
			"%s: certificate %d in it is not signed by number %d: allowed is the"
			" server's own, and behind each the one that has signed it",
			name, i, i + 1);
		ERR_clear_error();
		error = -EINVAL;
	}
	return error;
}

/* What the certificate's key can do in TLS 1.2. */
static int authentication_of(const X509 *certificate)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);
	int kind = key != NULL ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;

	return kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS ? NID_auth_rsa : NID_auth_ecdsa;
}

int tls_check_suites(SSL_CTX *context, const char *name, struct text *why)
{
	const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(context);
	int wanted = authentication_of(SSL_CTX_get0_certificate(context));

	if (SSL_CTX_get_min_proto_version(context) == TLS1_3_VERSION)
		return 0;
	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		if (SSL_CIPHER_get_auth_nid(sk_SSL_CIPHER_value(all, i)) == wanted)
			return 0;
	}
	text_printf(why,
		"ciphers: no suite of TLS 1.2 is for the key of %s: allowed are those with %s in"
		" their name, or tls_min = 1.3",
		name, wanted == NID_auth_rsa ? "RSA" : "ECDSA");
	return -EINVAL;
}

/* Of the one that expires first: a client wants them all. */
static int days_left(const STACK_OF(X509) * chain, time_t now)
{
	int least = INT32_MAX;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		ASN1_TIME *from = ASN1_TIME_set(NULL, now);
		int days = 0, seconds = 0;

		if (ASN1_TIME_diff(&days, &seconds, from,
			    X509_get0_notAfter(sk_X509_value(chain, i))) == 1 &&
			days < least)
			least = days;
		ASN1_TIME_free(from);
	}
	return least;
}

void tls_check_age(const STACK_OF(X509) * chain, const char *name, time_t now, struct log *log)
{
	int days = days_left(chain, now);

	if (days < SOON_DAYS)
		log_warning(log, "certificate_expires", log_string("file", name),
			log_int("days", days));
}

time_t tls_check_time(const ASN1_TIME *text)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;
	bool known = text != NULL && ASN1_TIME_diff(&days, &seconds, epoch, text) == 1;

	ASN1_TIME_free(epoch);
	return known ? (time_t)days * SECONDS_PER_DAY + seconds : 0;
}

/* As the authority's response tells it; without an end (RFC 6960 section 4.2.2.1) it has none. */
static time_t read_staple(const char *bytes, size_t size, const char **wrong)
{
	const unsigned char *at = (const unsigned char *)bytes;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)size);
	OCSP_BASICRESP *basic = response != NULL ? OCSP_response_get1_basic(response) : NULL;
	OCSP_SINGLERESP *single = basic != NULL ? OCSP_resp_get0(basic, 0) : NULL;
	ASN1_GENERALIZEDTIME *next = NULL;
	time_t until = 0;

	if (single == NULL) {
		*wrong = "is no OCSP response in DER";
	} else {
		(void)OCSP_single_get0_status(single, NULL, NULL, NULL, &next);
		until = next != NULL ? tls_check_time(next) : INT32_MAX;
	}
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	return until;
}

time_t tls_check_staple(const char *bytes, size_t size, const char *name, time_t now,
	struct log *log)
{
	const char *wrong = "its nextUpdate is past";
	time_t until = read_staple(bytes, size, &wrong);

	if (until > now)
		return until;
	log_warning(log, "staple_refused", log_string("file", name), log_string("reason", wrong));
	return 0;
}
