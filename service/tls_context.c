#include "service/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#include "service/tls_pem.h"

#define DEFAULT_SUITES                                                                \
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:" \
	"ECDHE+AESGCM:ECDHE+CHACHA20"
#define SUITE_MAX 128

/* What connections ask for. */

static int choose_protocol(UNUSED SSL *ssl, const unsigned char **chosen, unsigned char *size,
	const unsigned char *offered, unsigned offered_size, UNUSED void *state)
{
	static const unsigned char spoken[] = "\x08http/1.1\x08http/1.0";
	unsigned char *found;

	/* RFC 7301 section 3.2: with none in common the handshake ends. */
	if (SSL_select_next_proto(&found, size, spoken, sizeof(spoken) - 1, offered,
		    offered_size) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*chosen = found;
	return SSL_TLSEXT_ERR_OK;
}

static int choose_certificate(SSL *ssl, UNUSED int *alert, void *state)
{
	const struct tls *tls = state;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	size_t found = name != NULL ? tls_names_find(&tls->names, name) : TLS_NAMES_NONE;

	if (found == TLS_NAMES_NONE)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_set_SSL_CTX(ssl, tls->certificates[found].context) != NULL
		       ? SSL_TLSEXT_ERR_OK
		       : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int staple(SSL *ssl, void *state)
{
	const struct tls_certificate *certificate = state;
	unsigned char *copy =
		time(NULL) < certificate->staple_until
			? OPENSSL_memdup(certificate->staple, certificate->staple_size)
			: NULL;

	if (copy == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	(void)SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)certificate->staple_size);
	return SSL_TLSEXT_ERR_OK;
}

/* What one of them is made with. */

/* Each by itself: of a list OpenSSL passes over what it does not know. */
static int check_suite(SSL_CTX *context, const char *name, bool modern)
{
	STACK_OF(SSL_CIPHER) * all;
	bool found = false;

	if (!modern)
		return SSL_CTX_set_cipher_list(context, name) == 1 ? 0 : -EINVAL;
	if (SSL_CTX_set_ciphersuites(context, name) != 1)
		return -EINVAL;
	all = SSL_CTX_get_ciphers(context);
	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++)
		found |= strcmp(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i)), name) == 0;
	return found ? 0 : -EINVAL;
}

/* Whether one of TLS 1.2 is among them whose key exchange takes a signature alone. */
static bool is_signed(SSL_CTX *context)
{
	const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(context);

	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
		int exchange = SSL_CIPHER_get_kx_nid(sk_SSL_CIPHER_value(all, i));

		if (exchange != NID_kx_rsa && exchange != NID_kx_any)
			return true;
	}
	return false;
}

/* 0, or -EINVAL with `why`. Who has no key can decrypt nothing with it. */
static int judge_suite(SSL_CTX *context, const char *name, const struct settings *settings,
	struct text *why)
{
	bool is_modern = strncmp(name, "TLS_", 4) == 0;
	const char *wrong = NULL;

	if (check_suite(context, name, is_modern) != 0)
		wrong = "is no suite that OpenSSL knows";
	else if (settings->tls_key_isolation != 0 && !is_modern && !is_signed(context))
		wrong = "needs the private key itself: allowed are suites with ECDHE, or"
			" tls_key_isolation = off";
	if (wrong == NULL)
		return 0;
	text_printf(why, "ciphers: %s: %s", name, wrong);
	ERR_clear_error();
	return -EINVAL;
}

static void add_suite(struct text *list, const char *name)
{
	text_add(list, list->used != 0 ? ":" : "");
	text_add(list, name);
}

/* In one list, and TLS 1.3's are known by how their names begin: to OpenSSL they are two. */
static int use_suites(SSL_CTX *context, const struct settings *settings, struct text *why)
{
	const char *suites = settings->ciphers != NULL ? settings->ciphers : DEFAULT_SUITES;
	char old_bytes[4096], modern_bytes[1024], name[SUITE_MAX];
	struct text old = TEXT_OVER(old_bytes), modern = TEXT_OVER(modern_bytes);

	for (size_t size; *suites != '\0'; suites += size + (suites[size] == ':')) {
		bool is_modern = strncmp(suites, "TLS_", 4) == 0;

		size = strcspn(suites, ":");
		if (size == 0 || size >= sizeof(name))
			return tls_refuse(why, "ciphers", "has an item that is no name of a suite");
		memcpy(name, suites, size);
		name[size] = '\0';
		if (judge_suite(context, name, settings, why) != 0)
			return -EINVAL;
		add_suite(is_modern ? &modern : &old, name);
	}
	/* Of a name for many, like HIGH, the others are left. */
	if (settings->tls_key_isolation != 0 && old.used != 0)
		add_suite(&old, "!kRSA");
	if (modern.used == 0 && SSL_CTX_get_min_proto_version(context) == TLS1_3_VERSION)
		return tls_refuse(why, "ciphers", "names no suite of TLS 1.3, and tls_min is 1.3");
	/* A version without a suite is not spoken: so it shall be, if none is named. */
	if (SSL_CTX_set_ciphersuites(context, modern_bytes) != 1 ||
		(old.used != 0 && SSL_CTX_set_cipher_list(context, old_bytes) != 1) || old.cut ||
		modern.cut)
		return tls_refuse(why, "ciphers", "is no list of suites that fit together");
	if (old.used == 0)
		(void)SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	if (modern.used == 0)
		(void)SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	return 0;
}

static int use_curves(SSL_CTX *context, const char *curves, struct text *why)
{
	/* A copy, as OpenSSL's macro casts const away, of which clang complains. */
	char list[1024];
	struct text text = TEXT_OVER(list);

	text_add(&text, curves);
	if (!text.cut && SSL_CTX_set1_groups_list(context, list) == 1)
		return 0;
	return tls_refuse(why, "tls_curves",
		"is no list of groups that OpenSSL knows, as in X25519:P-256");
}

static void ask_for_certificates(const struct tls_rules *rules, SSL_CTX *context)
{
	static const int modes[] = {
		SSL_VERIFY_NONE,
		SSL_VERIFY_PEER,
		SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	};
	int mode = modes[rules->settings->cert_reqs];

	SSL_CTX_set_verify(context, mode, NULL);
	if (mode == SSL_VERIFY_NONE)
		return;
	(void)SSL_CTX_set1_verify_cert_store(context, rules->authorities);
	SSL_CTX_set_client_CA_list(context, SSL_dup_CA_list(rules->authority_names));
}

static void set_rules(struct tls *tls, const struct tls_rules *rules, SSL_CTX *context)
{
	(void)SSL_CTX_set_min_proto_version(context,
		rules->settings->tls_min == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
	/* Who ends without a word has ended: HTTP knows by itself whether something is missing. */
	(void)SSL_CTX_set_options(context,
		SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
			SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (tls->kernel)
		(void)SSL_CTX_set_options(context, SSL_OP_ENABLE_KTLS);
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	(void)SSL_CTX_set_tlsext_servername_callback(context, choose_certificate);
	(void)SSL_CTX_set_tlsext_servername_arg(context, tls);
	ask_for_certificates(rules, context);
}

int tls_context_new(struct tls *tls, const struct tls_rules *rules, SSL_CTX **made,
	struct text *why)
{
	const struct settings *settings = rules->settings;
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	int error;

	if (context == NULL)
		return -ENOMEM;
	set_rules(tls, rules, context);
	error = use_suites(context, settings, why);
	if (error == 0)
		error = tls_tickets_use(&tls->tickets, context, settings,
			rules->authorities_digest);
	if (error == 0 && settings->tls_curves != NULL)
		error = use_curves(context, settings->tls_curves, why);
	if (error == 0)
		*made = context;
	else
		SSL_CTX_free(context);
	return error;
}

void tls_context_staple(struct tls_certificate *certificate)
{
	(void)SSL_CTX_set_tlsext_status_cb(certificate->context, staple);
	(void)SSL_CTX_set_tlsext_status_arg(certificate->context, certificate);
}
