#include "service/tls_inquiry.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "service/tls_facts.h"

/* Text of them all, one behind the other, and where each of them ends. */
struct inquiry {
	BIO *text;
	bool known[NARWHAL_TLS_FACTS];
	size_t end[NARWHAL_TLS_FACTS];
};

/* What was written since is that fact. */
static void end_fact(struct inquiry *inquiry, enum narwhal_tls_fact fact)
{
	inquiry->known[fact] = true;
	inquiry->end[fact] = BIO_ctrl_pending(inquiry->text);
}

static void add_string(struct inquiry *inquiry, enum narwhal_tls_fact fact, const char *string)
{
	if (string == NULL)
		return;
	(void)BIO_puts(inquiry->text, string);
	end_fact(inquiry, fact);
}

static void add_octets(struct inquiry *inquiry, enum narwhal_tls_fact fact,
	const unsigned char *octets, size_t size)
{
	for (size_t i = 0; i < size; i++)
		(void)BIO_printf(inquiry->text, "%02x", octets[i]);
	end_fact(inquiry, fact);
}

static void add_name(struct inquiry *inquiry, enum narwhal_tls_fact fact, const X509_NAME *name)
{
	/* RFC 2253, but UTF-8 as it is: whoever writes it escapes it as he needs. */
	(void)X509_NAME_print_ex(inquiry->text, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
	end_fact(inquiry, fact);
}

static void add_client(struct inquiry *inquiry, X509 *client)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(client);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	add_name(inquiry, NARWHAL_TLS_CLIENT_SUBJECT, X509_get_subject_name(client));
	add_name(inquiry, NARWHAL_TLS_CLIENT_ISSUER, X509_get_issuer_name(client));
	add_octets(inquiry, NARWHAL_TLS_CLIENT_SERIAL, ASN1_STRING_get0_data(serial),
		(size_t)ASN1_STRING_length(serial));
	if (X509_digest(client, EVP_sha256(), digest, &size) == 1)
		add_octets(inquiry, NARWHAL_TLS_CLIENT_FINGERPRINT, digest, size);
	if (PEM_write_bio_X509(inquiry->text, client) == 1)
		end_fact(inquiry, NARWHAL_TLS_CLIENT_CERTIFICATE);
}

static void ask(struct inquiry *inquiry, SSL *ssl)
{
	X509 *client = SSL_get0_peer_certificate(ssl);

	add_string(inquiry, NARWHAL_TLS_VERSION, SSL_get_version(ssl));
	add_string(inquiry, NARWHAL_TLS_CIPHER, SSL_get_cipher_name(ssl));
	add_string(inquiry, NARWHAL_TLS_SERVER_NAME,
		SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
	if (client != NULL && SSL_get_verify_result(ssl) == X509_V_OK)
		add_client(inquiry, client);
}

static struct tls_facts *write_down(const struct inquiry *inquiry)
{
	char *text;
	long size = BIO_get_mem_data(inquiry->text, &text);
	struct tls_facts *facts = malloc(sizeof(*facts) + (size_t)size);
	size_t at = 0;

	if (facts == NULL)
		return NULL;
	*facts = (struct tls_facts){.uses = 1};
	memcpy(facts->bytes, text, (size_t)size);
	for (size_t i = 0; i < NARWHAL_TLS_FACTS; i++) {
		if (!inquiry->known[i])
			continue;
		facts->fact[i] = (struct narwhal_bytes){facts->bytes + at, inquiry->end[i] - at};
		at = inquiry->end[i];
	}
	return facts;
}

struct tls_facts *tls_inquiry(SSL *ssl)
{
	struct inquiry inquiry = {.text = BIO_new(BIO_s_mem())};
	struct tls_facts *facts;

	if (inquiry.text == NULL)
		return NULL;
	ask(&inquiry, ssl);
	facts = write_down(&inquiry);
	BIO_free(inquiry.text);
	return facts;
}
