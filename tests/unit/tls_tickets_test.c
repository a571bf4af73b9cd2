/* Session tickets: whole handshakes in memory, while keys come and go. */
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "unit.h"

#include "service/tls_tickets.h"

struct server {
	struct ticket_keys keys;
	struct tls_tickets tickets;
	struct settings settings;
	unsigned char authorities[TLS_DIGEST_SIZE];
	bool is_yesterday;
	X509 *authority; /* that vouches for the client, who sends it along; or NULL */
	EVP_PKEY *key;
	X509 *certificate;
};

static void rotate(struct server *server)
{
	struct ticket_key key;

	assert_int_equal(RAND_bytes((unsigned char *)&key, sizeof(key)), 1);
	key.made_ms = 1;
	ticket_keys_rotate(&server->keys, &key);
}

static void set_name(X509_NAME *name, const char *text)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				 (const unsigned char *)text, -1, -1, 0),
		1);
}

/* Valid from now on, for so many seconds; by the authority of that name. */
static X509 *certify_by(const char *issuer, EVP_PKEY *key, const char *name, long seconds)
{
	X509 *certificate = X509_new();

	assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1), 1);
	set_name(X509_get_subject_name(certificate), name);
	set_name(X509_get_issuer_name(certificate), issuer);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -7200));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), seconds));
	assert_int_equal(X509_set_pubkey(certificate, key), 1);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	return certificate;
}

static X509 *certify(EVP_PKEY *key, long seconds)
{
	return certify_by("x", key, "x", seconds);
}

static struct server *open_server(void)
{
	struct server *server = calloc(1, sizeof(*server));

	assert_non_null(server);
	assert_int_equal(settings_init(&server->settings), 0);
	server->tickets.keys = &server->keys;
	server->tickets.cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	server->key = EVP_EC_gen("P-256");
	server->certificate = certify(server->key, 3600);
	rotate(server);
	return server;
}

static void close_server(struct server *server)
{
	X509_free(server->certificate);
	EVP_PKEY_free(server->key);
	EVP_CIPHER_free(server->tickets.cipher);
	settings_free(&server->settings);
	free(server);
}

/* What the client's certificate is worth is not the question here. */
static int believe(UNUSED int good, UNUSED X509_STORE_CTX *chain)
{
	return 1;
}

/* That this handshake in full was 23 hours ago. */
static int note_yesterday(SSL *ssl, UNUSED void *state)
{
	int64_t origin = time(NULL) - 23 * 3600;

	return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), &origin, sizeof(origin));
}

/* Another worker each time: of the first one nothing is left but the keys. */
static SSL *accept_with(const struct server *server)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	SSL *ssl;

	assert_int_equal(SSL_CTX_use_cert_and_key(context, server->certificate, server->key, NULL,
				 1),
		1);
	if (server->settings.cert_reqs != 0)
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, believe);
	assert_int_equal(tls_tickets_use(&server->tickets, context, &server->settings,
				 server->authorities),
		0);
	if (server->is_yesterday)
		SSL_CTX_set_session_ticket_cb(context, note_yesterday, NULL, NULL);
	ssl = SSL_new(context);
	SSL_CTX_free(context);
	SSL_set_accept_state(ssl);
	return ssl;
}

static void shake_hands(SSL *client, SSL *server)
{
	BIO *one, *other;
	char byte;

	assert_int_equal(BIO_new_bio_pair(&one, 0, &other, 0), 1);
	SSL_set_bio(client, one, one);
	SSL_set_bio(server, other, other);
	for (int i = 0; i < 4; i++) {
		(void)SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
	}
	assert_true(SSL_is_init_finished(client));
	assert_true(SSL_is_init_finished(server));
	/* The tickets of TLS 1.3 come behind the handshake. */
	assert_int_equal(SSL_write(server, "x", 1), 1);
	assert_int_equal(SSL_read(client, &byte, 1), 1);
}

/* Whether *session was resumed; it is the newest then. `mine`: the client's own certificate. */
static int visit(const struct server *server, int version, X509 *mine, SSL_SESSION **session)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *client, *other = accept_with(server);
	int resumed;

	assert_int_equal(SSL_CTX_set_max_proto_version(context, version), 1);
	if (mine != NULL)
		assert_int_equal(SSL_CTX_use_cert_and_key(context, mine, server->key, NULL, 1), 1);
	if (server->authority != NULL)
		assert_int_equal(SSL_CTX_add1_chain_cert(context, server->authority), 1);
	client = SSL_new(context);
	SSL_CTX_free(context);
	SSL_set_connect_state(client);
	if (*session != NULL)
		assert_int_equal(SSL_set_session(client, *session), 1);
	shake_hands(client, other);
	resumed = SSL_session_reused(client);
	SSL_SESSION_free(*session);
	*session = SSL_get1_session(client);
	/* An end without a word would spoil the session for the client. */
	SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(client);
	SSL_free(other);
	return resumed;
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* Of a session that is so many rotations old. */
static void assert_resumed_behind(int version, int rotations, int resumed)
{
	struct server *server = open_server();
	SSL_SESSION *session = NULL;

	assert_int_equal(visit(server, version, NULL, &session), 0);
	for (int i = 0; i < rotations; i++)
		rotate(server);
	assert_int_equal(visit(server, version, NULL, &session), resumed);
	assert_int_equal(visit(server, version, NULL, &session), 1);
	SSL_SESSION_free(session);
	close_server(server);
}

static void a_ticket_is_good_as_long_as_its_key_is_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		for (int rotations = 0; rotations < TICKET_KEYS; rotations++)
			assert_resumed_behind(versions[i], rotations, 1);
		assert_resumed_behind(versions[i], TICKET_KEYS, 0);
	}
}

/* Who comes with a ticket of before gets one of now, whose key is there for as long as any. */
static void who_comes_again_in_time_resumes_by_whatever_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		struct server *server = open_server();
		SSL_SESSION *session = NULL;

		assert_int_equal(visit(server, versions[i], NULL, &session), 0);
		for (int rotations = 0; rotations < 2 * TICKET_KEYS; rotations++) {
			rotate(server);
			assert_int_equal(visit(server, versions[i], NULL, &session), 1);
		}
		SSL_SESSION_free(session);
		close_server(server);
	}
}

/* Or one proof of who somebody is would be good for ever, as each ticket brings another one. */
static void all_that_resumes_ends_in_time_behind_the_handshake_in_full(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		struct server *server = open_server();
		SSL_SESSION *session = NULL;

		server->is_yesterday = true;
		assert_int_equal(visit(server, versions[i], NULL, &session), 0);
		server->is_yesterday = false;
		assert_int_equal(visit(server, versions[i], NULL, &session), 1);
		rotate(server); /* and a new ticket, in TLS 1.2 too */
		assert_int_equal(visit(server, versions[i], NULL, &session), 1);
		server->settings.tls_ticket_rotation = 11 * 3600 * 1000;
		assert_int_equal(visit(server, versions[i], NULL, &session), 0);
		assert_int_equal(visit(server, versions[i], NULL, &session), 1);
		SSL_SESSION_free(session);
		close_server(server);
	}
}

static void without_keys_handshakes_are_full_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		struct server *server = open_server();
		SSL_SESSION *session = NULL;

		assert_int_equal(visit(server, versions[i], NULL, &session), 0);
		memset(&server->keys, 0, sizeof(server->keys));
		assert_int_equal(visit(server, versions[i], NULL, &session), 0);
		assert_int_equal(visit(server, versions[i], NULL, &session), 0);
		SSL_SESSION_free(session);
		close_server(server);
	}
}

static void a_ticket_lives_as_long_as_its_key(void **state)
{
	struct server *server = open_server();
	SSL_SESSION *session = NULL;

	(void)state;
	server->settings.tls_ticket_rotation = 5000;
	assert_int_equal(visit(server, TLS1_3_VERSION, NULL, &session), 0);
	assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(session), TICKET_LIFETIME * 5);
	SSL_SESSION_free(session);
	close_server(server);
}

static void assert_bound(int version, const char *name, const char *value)
{
	struct server *server = open_server();
	SSL_SESSION *session = NULL;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	assert_int_equal(visit(server, version, NULL, &session), 0);
	assert_int_equal(setting_read(setting_named(name, strlen(name)), value, false,
				 &server->settings, &why),
		0);
	assert_int_equal(visit(server, version, NULL, &session), 0);
	assert_int_equal(visit(server, version, NULL, &session), 1);
	SSL_SESSION_free(session);
	close_server(server);
}

static void a_ticket_is_good_under_the_rules_of_its_session(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		assert_bound(versions[i], "cert_reqs", "optional");
		assert_bound(versions[i], "ciphers", "ECDHE+AESGCM");
		assert_bound(versions[i], "tls_min", "1.3");
	}
}

static void other_authorities_know_nobody(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		struct server *server = open_server();
		SSL_SESSION *session = NULL;

		server->settings.cert_reqs = 1;
		assert_int_equal(visit(server, versions[i], NULL, &session), 0);
		assert_int_equal(visit(server, versions[i], NULL, &session), 1);
		server->authorities[7] ^= 1;
		assert_int_equal(visit(server, versions[i], NULL, &session), 0);
		SSL_SESSION_free(session);
		close_server(server);
	}
}

static void a_client_resumes_no_longer_than_its_certificate_is_valid(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		struct server *server = open_server();
		X509 *good = certify(server->key, 3600), *expired = certify(server->key, -3600);
		SSL_SESSION *session = NULL;

		server->settings.cert_reqs = 1;
		assert_int_equal(visit(server, versions[i], good, &session), 0);
		assert_int_equal(visit(server, versions[i], good, &session), 1);
		SSL_SESSION_free(session);
		session = NULL;
		assert_int_equal(visit(server, versions[i], expired, &session), 0);
		assert_int_equal(visit(server, versions[i], expired, &session), 0);
		SSL_SESSION_free(session);
		X509_free(good);
		X509_free(expired);
		close_server(server);
	}
}

static void nor_any_longer_than_what_vouches_for_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		struct server *server = open_server();
		X509 *mine = certify_by("authority", server->key, "mine", 3600);
		SSL_SESSION *session = NULL;

		server->settings.cert_reqs = 1;
		server->authority = certify_by("authority", server->key, "authority", 3600);
		assert_int_equal(visit(server, versions[i], mine, &session), 0);
		assert_int_equal(visit(server, versions[i], mine, &session), 1);
		SSL_SESSION_free(session);
		session = NULL;
		X509_free(server->authority);
		server->authority = certify_by("authority", server->key, "authority", -3600);
		assert_int_equal(visit(server, versions[i], mine, &session), 0);
		assert_int_equal(visit(server, versions[i], mine, &session), 0);
		SSL_SESSION_free(session);
		X509_free(server->authority);
		X509_free(mine);
		close_server(server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ticket_is_good_as_long_as_its_key_is_there),
		cmocka_unit_test(who_comes_again_in_time_resumes_by_whatever_key),
		cmocka_unit_test(all_that_resumes_ends_in_time_behind_the_handshake_in_full),
		cmocka_unit_test(without_keys_handshakes_are_full_ones),
		cmocka_unit_test(a_ticket_lives_as_long_as_its_key),
		cmocka_unit_test(a_ticket_is_good_under_the_rules_of_its_session),
		cmocka_unit_test(other_authorities_know_nobody),
		cmocka_unit_test(a_client_resumes_no_longer_than_its_certificate_is_valid),
		cmocka_unit_test(nor_any_longer_than_what_vouches_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
