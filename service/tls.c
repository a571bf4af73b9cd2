#include "service/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/bundle.h"
#include "base/fd.h"
#include "base/kernel_tls.h"
#include "service/tls_check.h"
#include "service/tls_context.h"
#include "service/tls_isolation.h"
#include "service/tls_pem.h"
#include "service/tls_provider.h"
#include "service/tls_random.h"
#include "service/tls_wire.h"

/* For certificates that are read one after the other. */
struct reading {
	struct tls *tls;
	struct tls_rules rules;
	time_t made;		/* when the files were read: what was valid then is valid */
	STACK_OF(X509) * chain; /* of the certificate whose key comes next; its own first */
	const char *name;	/* of its file */
	struct text *why;
	struct log *log;
};

/* Its names. */

static int add_name(struct reading *reading, const ASN1_STRING *name)
{
	int error = tls_names_add(&reading->tls->names, (const char *)ASN1_STRING_get0_data(name),
		(size_t)ASN1_STRING_length(name), reading->tls->count);

	return error == -EINVAL ? 0 : error; /* one that no client can ask for */
}

/* The subject's name counts where no other is given (RFC 6125 section 6.4.4). */
static int add_common_name(struct reading *reading, const X509 *certificate)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at < 0)
		return 0;
	return add_name(reading, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

static int add_names(struct reading *reading, const X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int error = 0, count = 0;

	for (int i = 0; error == 0 && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_DNS)
			continue;
		error = add_name(reading, name->d.dNSName);
		count++;
	}
	GENERAL_NAMES_free(names);
	return error == 0 && count == 0 ? add_common_name(reading, certificate) : error;
}

/* The items of the bundle. */

static int take_made(struct reading *reading, const struct bundle_item *item)
{
	uint64_t seconds;

	if (text_to_uint(item->bytes, item->size, INT64_MAX, &seconds) != 0)
		return -EINVAL;
	reading->made = (time_t)seconds;
	return 0;
}

static int take_certificate(struct reading *reading, const struct bundle_item *item)
{
	sk_X509_pop_free(reading->chain, X509_free);
	reading->name = item->name;
	reading->chain = tls_pem_chain(item);
	if (reading->chain == NULL)
		return -ENOMEM;
	if (!tls_pem_ended())
		return tls_refuse(reading->why, item->name, tls_reason());
	ERR_clear_error();
	if (sk_X509_num(reading->chain) == 0)
		return tls_refuse(reading->why, item->name, "holds no certificate in PEM");
	tls_check_age(reading->chain, item->name, time(NULL), reading->log);
	return tls_check_chain(reading->chain, item->name, reading->made, reading->why);
}

static int use_pair(struct reading *reading, SSL_CTX *context, EVP_PKEY *key)
{
	X509 *leaf = sk_X509_shift(reading->chain);
	int used = SSL_CTX_use_cert_and_key(context, leaf, key, reading->chain, 1);

	if (used == 1)
		used = add_names(reading, leaf) == 0;
	X509_free(leaf);
	return used == 1 ? 0 : -EINVAL;
}

static int add_certificate(struct tls *tls, SSL_CTX *context)
{
	struct tls_certificate *all =
		realloc(tls->certificates, (tls->count + 1) * sizeof(*tls->certificates));

	if (all == NULL)
		return -ENOMEM;
	tls->certificates = all;
	all[tls->count++] = (struct tls_certificate){.context = context};
	return 0;
}

/* It is elsewhere, and known by the certificate's public half. */
static EVP_PKEY *remote_key(struct reading *reading)
{
	struct tls *tls = reading->tls;
	const EVP_PKEY *public = X509_get0_pubkey(sk_X509_value(reading->chain, 0));
	EVP_PKEY *key = NULL;

	if (tls_isolate(tls) == 0 && public != NULL)
		key = tls_provider_key(tls->signer, (unsigned)tls->count, public);
	if (key == NULL)
		(void)tls_refuse(reading->why, reading->name,
			"the key is of no kind for tls_key_isolation: allowed are RSA, EC and"
			" Ed25519");
	return key;
}

static EVP_PKEY *own_key(struct reading *reading, const struct bundle_item *item)
{
	EVP_PKEY *key = tls_pem_key(item, reading->why);

	if (key == NULL ||
		tls_pem_fits(key, item, X509_get0_pubkey(sk_X509_value(reading->chain, 0)),
			reading->name, reading->why) == 0)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static int take_key(struct reading *reading, const struct bundle_item *item)
{
	EVP_PKEY *key = item->size == 0 ? remote_key(reading) : own_key(reading, item);
	SSL_CTX *context = NULL;
	int error = key != NULL ? 0 : -EINVAL;

	if (error == 0)
		error = tls_context_new(reading->tls, &reading->rules, &context, reading->why);
	if (error == 0 && use_pair(reading, context, key) != 0)
		error = tls_refuse(reading->why, reading->name, tls_reason());
	if (error == 0)
		error = tls_check_suites(context, reading->name, reading->why);
	if (error == 0)
		error = add_certificate(reading->tls, context);
	if (error != 0)
		SSL_CTX_free(context);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return error;
}

static int take_staple(struct reading *reading, const struct bundle_item *item)
{
	struct tls_certificate *certificate = &reading->tls->certificates[reading->tls->count - 1];

	certificate->staple_until =
		tls_check_staple(item->bytes, item->size, item->name, time(NULL), reading->log);
	if (certificate->staple_until == 0)
		return 0;
	certificate->staple = OPENSSL_memdup(item->bytes, item->size);
	certificate->staple_size = item->size;
	return certificate->staple != NULL ? 0 : -ENOMEM;
}

static int add_authority(struct tls_rules *rules, X509 *authority)
{
	X509_NAME *name = X509_NAME_dup(X509_get_subject_name(authority));

	if (name != NULL && sk_X509_NAME_push(rules->authority_names, name) != 0)
		return X509_STORE_add_cert(rules->authorities, authority) == 1 ? 0 : -ENOMEM;
	X509_NAME_free(name);
	return -ENOMEM;
}

static int take_authorities(struct reading *reading, const struct bundle_item *item)
{
	STACK_OF(X509) *all = tls_pem_chain(item);
	int error = all != NULL ? 0 : -ENOMEM;

	reading->rules.authorities = X509_STORE_new();
	reading->rules.authority_names = sk_X509_NAME_new_null();
	if (reading->rules.authorities == NULL || reading->rules.authority_names == NULL)
		error = -ENOMEM;
	if (error == 0 && (!tls_pem_ended() || sk_X509_num(all) == 0))
		error = tls_refuse(reading->why, item->name, "holds no certificates in PEM");
	if (error == 0 && EVP_Digest(item->bytes, item->size, reading->rules.authorities_digest,
				  NULL, EVP_sha256(), NULL) != 1)
		error = -ENOMEM;
	for (int i = 0; error == 0 && i < sk_X509_num(all); i++)
		error = add_authority(&reading->rules, sk_X509_value(all, i));
	sk_X509_pop_free(all, X509_free);
	ERR_clear_error();
	return error;
}

static int (*const take[BUNDLE_KINDS])(struct reading *reading, const struct bundle_item *item) = {
	[BUNDLE_MADE] = take_made,
	[BUNDLE_AUTHORITIES] = take_authorities,
	[BUNDLE_CERTIFICATE] = take_certificate,
	[BUNDLE_KEY] = take_key,
	[BUNDLE_STAPLE] = take_staple,
};

static int take_item(void *reading, const struct bundle_item *item)
{
	return take[item->kind](reading, item);
}

static int read_bundle(struct reading *reading, int fd)
{
	int error = tls_pem_each(fd, take_item, reading);

	sk_X509_pop_free(reading->chain, X509_free);
	X509_STORE_free(reading->rules.authorities);
	sk_X509_NAME_pop_free(reading->rules.authority_names, X509_NAME_free);
	return error;
}

/* Not by a file of the machine's: the settings say what is spoken. */
static int begin_openssl(void)
{
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
				     OPENSSL_INIT_NO_ATEXIT,
		    NULL) != 1)
		return -ENOMEM;
	return tls_random_settle();
}

static int fill(struct tls *tls, struct heritage *heritage, struct log *log, struct text *why)
{
	struct reading reading = {.tls = tls,
		.rules = {.settings = &heritage->settings},
		.why = why,
		.log = log};
	int error = begin_openssl();

	tls->kernel = heritage->settings.ktls && kernel_tls_probe() == 0;
	tls->method = tls_wire_method();
	tls->plain = malloc(TLS_PLAIN);
	if (error == 0 && (tls->method == NULL || tls->plain == NULL))
		error = -ENOMEM;
	if (error == 0)
		error = tls_tickets_open(&tls->tickets, &heritage->tickets_fd, why);
	if (error == 0)
		error = read_bundle(&reading, heritage->certificates_fd);
	for (size_t i = 0; error == 0 && i < tls->count; i++) {
		if (tls->certificates[i].staple != NULL)
			tls_context_staple(&tls->certificates[i]);
	}
	return error;
}

int tls_open(struct tls **tls, struct heritage *heritage, struct log *log, struct text *why)
{
	int error = -ENOMEM;

	*tls = calloc(1, sizeof(**tls));
	if (*tls != NULL)
		error = fill(*tls, heritage, log, why);
	fd_close(&heritage->certificates_fd);
	if (error != 0)
		tls_close(tls);
	return error;
}

void tls_count(struct tls *tls, struct page *page)
{
	tls->page = page;
}

bool tls_uses_kernel(const struct tls *tls)
{
	return tls != NULL && tls->kernel;
}

void tls_close(struct tls **tls)
{
	struct tls *closed = *tls;

	*tls = NULL;
	if (closed == NULL)
		return;
	for (size_t i = 0; i < closed->count; i++) {
		SSL_CTX_free(closed->certificates[i].context);
		OPENSSL_free(closed->certificates[i].staple);
	}
	free(closed->certificates);
	tls_tickets_close(&closed->tickets);
	tls_isolation_close(closed);
	tls_names_free(&closed->names);
	BIO_meth_free(closed->method);
	free(closed->plain);
	buffer_free(&closed->wire);
	free(closed);
}
