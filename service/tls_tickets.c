#include "service/tls_tickets.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "service/tls_check.h"

/* What OpenSSL's callback answers: SSL_CTX_set_tlsext_ticket_key_evp_cb(3). */
enum answer {
	ANSWER_FAILED = -1,
	ANSWER_UNKNOWN = 0,
	ANSWER_GOOD = 1,
	ANSWER_RENEW = 2, /* good, and the client shall have a newer one */
};

/* What OpenSSL hands the callback, to be made ready. */
struct seal {
	unsigned char *name, *iv;
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
	bool making; /* a ticket, rather than opening one */
	bool once;   /* clients show each ticket once: TLS 1.3 (RFC 8446 appendix C.4) */
};

static int use_key(const struct tls_tickets *tickets, struct ticket_key *key,
	const struct seal *seal)
{
	char digest[] = "SHA256";
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	if (EVP_CipherInit_ex2(seal->cipher, tickets->cipher, key->cipher, seal->iv, seal->making,
		    NULL) != 1 ||
		EVP_MAC_CTX_set_params(seal->mac, parameters) != 1)
		return ANSWER_FAILED;
	return ANSWER_GOOD;
}

/*
 * In TLS 1.3 OpenSSL makes a broken message of a ticket for which there is no key. So if the keys
 * are gone, which they are when a reload turns tickets off, this one is made with a key that nobody
 * has: its client shakes hands in full.
 */
static int make_ticket(const struct tls_tickets *tickets, struct ticket_key *key,
	const struct seal *seal)
{
	if (key->made_ms == 0 && RAND_bytes((unsigned char *)key, sizeof(*key)) != 1)
		return ANSWER_FAILED;
	memcpy(seal->name, key->name, sizeof(key->name));
	if (RAND_bytes(seal->iv, EVP_CIPHER_get_iv_length(tickets->cipher)) != 1)
		return ANSWER_FAILED;
	return use_key(tickets, key, seal);
}

static int open_ticket(const struct tls_tickets *tickets, struct ticket_ring *ring,
	const struct seal *seal)
{
	for (size_t i = 0; i < TICKET_KEYS; i++) {
		struct ticket_key *key = &ring->key[i];

		if (key->made_ms == 0 || memcmp(key->name, seal->name, sizeof(key->name)) != 0)
			continue;
		if (use_key(tickets, key, seal) != ANSWER_GOOD)
			return ANSWER_FAILED;
		return i == 0 && !seal->once ? ANSWER_GOOD : ANSWER_RENEW;
	}
	return ANSWER_UNKNOWN;
}

static int choose_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, int making)
{
	const struct tls_tickets *tickets = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const struct seal seal = {name, iv, cipher, mac, making != 0,
		SSL_version(ssl) == TLS1_3_VERSION};
	struct ticket_ring ring;
	int answer;

	if (ticket_keys_read(tickets->keys, &ring) != 0)
		ring = (struct ticket_ring){0};
	answer = seal.making ? make_ticket(tickets, &ring.key[0], &seal)
			     : open_ticket(tickets, &ring, &seal);
	OPENSSL_cleanse(&ring, sizeof(ring));
	return answer;
}

/* A session. */

/*
 * What the handshake in full has proven, and until when: all that resumes from it has that in its
 * tickets. In TLS 1.3 each is a session of its own, as young as its own ticket. Of the client's
 * certificates a ticket has the first alone.
 */
struct proof {
	int64_t origin;
	int64_t until; /* the first of the client's certificates expires; INT64_MAX: it has none */
};

/* A release before this one said no more than when it was. */
#define PROOF_MIN sizeof(int64_t)

static bool read_proof(SSL_SESSION *session, struct proof *proof)
{
	void *bytes;
	size_t size;

	*proof = (struct proof){.until = INT64_MAX};
	if (SSL_SESSION_get0_ticket_appdata(session, &bytes, &size) != 1 ||
		(size != PROOF_MIN && size != sizeof(*proof)))
		return false;
	memcpy(proof, bytes, size);
	return true;
}

static int64_t first_end(const STACK_OF(X509) * chain)
{
	int64_t first = INT64_MAX;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		int64_t end = tls_check_time(X509_get0_notAfter(sk_X509_value(chain, i)));

		first = end < first ? end : first;
	}
	return first;
}

static int note_proof(SSL *ssl, UNUSED void *state)
{
	SSL_SESSION *session = SSL_get_session(ssl);
	struct proof proof;

	if (read_proof(session, &proof))
		return 1;
	proof.origin = time(NULL);
	proof.until = first_end(SSL_get0_verified_chain(ssl));
	return SSL_SESSION_set1_ticket_appdata(session, &proof, sizeof(proof));
}

/*
 * RFC 8446 section 4.6.1: there is a last ticket to what one handshake in full has proven. One
 * without a proof is of a release that did not say.
 */
static bool is_too_old(SSL *ssl, SSL_SESSION *session)
{
	int64_t now = time(NULL), most = SSL_CTX_get_timeout(SSL_get_SSL_CTX(ssl));
	struct proof proof;

	return read_proof(session, &proof) && (now - proof.origin > most || now > proof.until);
}

/* A certificate that has expired lets nobody in, by no way. */
static SSL_TICKET_RETURN judge_session(SSL *ssl, SSL_SESSION *session,
	UNUSED const unsigned char *name, UNUSED size_t name_size, SSL_TICKET_STATUS status,
	UNUSED void *state)
{
	const X509 *peer = session != NULL ? SSL_SESSION_get0_peer(session) : NULL;

	if ((session != NULL && is_too_old(ssl, session)) ||
		(peer != NULL && X509_cmp_current_time(X509_get0_notAfter(peer)) < 0))
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	if (status == SSL_TICKET_SUCCESS)
		return SSL_TICKET_RETURN_USE;
	return status == SSL_TICKET_SUCCESS_RENEW ? SSL_TICKET_RETURN_USE_RENEW
						  : SSL_TICKET_RETURN_IGNORE_RENEW;
}

/* The rules by which a session was made: OpenSSL resumes none whose context is another. */
static int set_context(SSL_CTX *context, const struct settings *settings,
	const unsigned char authorities[TLS_DIGEST_SIZE])
{
	static const enum setting_id rules[] = {
		SETTING_ID_tls_min,
		SETTING_ID_ciphers,
		SETTING_ID_cert_reqs,
	};
	unsigned char digest[TLS_DIGEST_SIZE];
	char bytes[8192];
	struct text text = TEXT_OVER(bytes);

	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		setting_write(&settings_table[rules[i]], settings, &text);
		text_add_char(&text, '\n');
	}
	for (size_t i = 0; i < TLS_DIGEST_SIZE; i++)
		text_printf(&text, "%02x", authorities[i]);
	if (text.cut || EVP_Digest(bytes, text.used, digest, NULL, EVP_sha256(), NULL) != 1)
		return -EINVAL;
	return SSL_CTX_set_session_id_context(context, digest, sizeof(digest)) == 1 ? 0 : -EINVAL;
}

int tls_tickets_use(const struct tls_tickets *tickets, SSL_CTX *context,
	const struct settings *settings, const unsigned char authorities[TLS_DIGEST_SIZE])
{
	/* A session that is kept here is of no use to the other workers. */
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_timeout(context,
		(long)(TICKET_LIFETIME * settings->tls_ticket_rotation / 1000));
	if (!settings->tls_tickets) {
		(void)SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
		(void)SSL_CTX_set_num_tickets(context, 0);
	}
	if (tickets->keys != NULL) {
		(void)SSL_CTX_set_app_data(context, (void *)(uintptr_t)tickets);
		(void)SSL_CTX_set_tlsext_ticket_key_evp_cb(context, choose_key);
	}
	(void)SSL_CTX_set_session_ticket_cb(context, note_proof, judge_session, NULL);
	return set_context(context, settings, authorities);
}

static int map_keys(struct tls_tickets *tickets, int fd, struct text *why)
{
	struct stat status;
	void *memory;

	if (fstat(fd, &status) != 0)
		return -errno;
	if (status.st_size != sizeof(*tickets->keys)) {
		text_add(why, "the ticket keys have another size: narwhal and narwhal-worker"
			      " differ");
		return -EINVAL;
	}
	memory = mmap(NULL, sizeof(*tickets->keys), PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	tickets->keys = memory;
	return madvise(memory, sizeof(*tickets->keys), MADV_DONTDUMP) == 0 ? 0 : -errno;
}

int tls_tickets_open(struct tls_tickets *tickets, int *fd, struct text *why)
{
	int error = *fd > 0 ? map_keys(tickets, *fd, why) : 0;

	if (*fd > 0)
		fd_close(fd);
	if (error != 0)
		return error;
	/* Looked for once, not for each ticket. */
	tickets->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	return tickets->cipher != NULL ? 0 : -ENOMEM;
}

void tls_tickets_close(struct tls_tickets *tickets)
{
	if (tickets->keys != NULL)
		(void)munmap((void *)(uintptr_t)tickets->keys, sizeof(*tickets->keys));
	EVP_CIPHER_free(tickets->cipher);
	*tickets = (struct tls_tickets){0};
}
