/*
 * The server's side of TLS: bytes at random, before a handshake, in it, and behind it. Nothing is
 * read before the handshake is over; nothing is left over for the next client; what a sound client
 * sends and is sent arrives as it was, however it is cut. The first byte chooses what the others
 * are.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "service/tls_context.h"
#include "service/tls_facts.h"
#include "service/tls_wire.h"
#include "service/transport_tls.h"
#include "tests/fuzz/lib/fuzz.h"

#define WIRE_MAX ((size_t)1 << 20)

enum kind {
	RAW,	   /* a client that knows nothing of TLS */
	MUTATED,   /* one whose handshake is damaged */
	BEHIND,	   /* one that goes mad when the handshake is over */
	SOUND,	   /* one that sends these bytes */
	SOUND_OLD, /* by TLS 1.2 */
	KINDS
};

/* Made once: their making is no part of what is tried. */
struct world {
	struct tls tls;
	SSL_CTX *client;
};

struct trial {
	struct world *world;
	uint64_t seed;
	enum kind kind;
	const uint8_t *bytes;
	size_t size;
	int fd; /* the client's end */
	struct transport transport;
	SSL *ssl; /* the client */
	BIO *in, *out;
	size_t damage; /* so many bytes of the client's are left until one is changed */
	char *got;     /* by the server */
	size_t got_size;
	bool dead;
};

static const unsigned char key_bytes[32] = "no secret: a key for this test!";

static EVP_PKEY *new_key(void)
{
	EVP_PKEY *key =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key_bytes, sizeof(key_bytes));

	MUST(key != NULL);
	return key;
}

static X509 *new_certificate(EVP_PKEY *key)
{
	X509 *certificate = X509_new();

	MUST(certificate != NULL && X509_set_pubkey(certificate, key) == 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	(void)X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	MUST(X509_sign(certificate, key, NULL) != 0);
	return certificate;
}

/* Numbers that come again with the same input: OpenSSL's own generator for tests. */
static void settle_random(EVP_RAND_CTX *generator, uint64_t seed)
{
	static unsigned char entropy[1 << 16];
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_octet_string(OSSL_RAND_PARAM_TEST_ENTROPY, entropy,
			sizeof(entropy)),
		OSSL_PARAM_construct_end(),
	};

	for (size_t i = 0; i < sizeof(entropy); i++)
		entropy[i] = (unsigned char)(fuzz_random(&seed) >> 24);
	MUST(generator != NULL && EVP_RAND_CTX_set_params(generator, parameters) == 1);
}

static SSL_CTX *new_client(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	MUST(context != NULL);
	return context;
}

static void make_world(struct world *world)
{
	static struct settings settings;
	const struct tls_rules rules = {.settings = &settings};
	char why_bytes[256];
	struct text why = TEXT_OVER(why_bytes);
	SSL_CTX *context;
	EVP_PKEY *key;
	X509 *certificate;

	MUST(RAND_set_DRBG_type(NULL, "TEST-RAND", NULL, NULL, NULL) == 1);
	settle_random(RAND_get0_public(NULL), 1);
	settle_random(RAND_get0_private(NULL), 2);
	MUST(settings_init(&settings) == 0);
	key = new_key();
	certificate = new_certificate(key);
	MUST(tls_context_new(&world->tls, &rules, &context, &why) == 0);
	MUST(SSL_CTX_use_cert_and_key(context, certificate, key, NULL, 1) == 1);
	X509_free(certificate);
	EVP_PKEY_free(key);
	world->tls.certificates = calloc(1, sizeof(*world->tls.certificates));
	MUST(world->tls.certificates != NULL);
	world->tls.certificates[0].context = context;
	world->tls.count = 1;
	world->tls.method = tls_wire_method();
	world->tls.plain = malloc(TLS_PLAIN);
	MUST(world->tls.method != NULL && world->tls.plain != NULL);
	world->client = new_client();
}

static size_t some(struct trial *trial, size_t most)
{
	return most < 2 ? most : 1 + (size_t)(fuzz_random(&trial->seed) % most);
}

/* The server's side. */

static void check_read(const struct trial *trial, ssize_t n, size_t size, bool greeted)
{
	const struct transport *transport = &trial->transport;

	MUST(n <= (ssize_t)size);
	MUST(n <= 0 || greeted || !transport->greeting);
	MUST(transport->greeting || n == TRANSPORT_TLS_PLAIN || transport->facts != NULL || n < 0);
	MUST((n == TRANSPORT_TLS_PLAIN) == (transport->kind == &transport_plain));
	MUST(trial->world->tls.wire.used == 0);
}

/* As a connection does: until there is no more. */
static void serve(struct trial *trial)
{
	struct transport *transport = &trial->transport;
	char bytes[512];
	ssize_t n;

	if (trial->dead)
		return;
	do {
		size_t size = some(trial, sizeof(bytes));
		bool greeted = !transport->greeting;

		n = transport_read(transport, bytes, size);
		check_read(trial, n, size, greeted);
		if (n > 0) {
			MUST(trial->got_size + (size_t)n <= WIRE_MAX);
			memcpy(trial->got + trial->got_size, bytes, (size_t)n);
			trial->got_size += (size_t)n;
		}
	} while (n > 0 || (n == -EAGAIN && transport->more));
	trial->dead = n != -EAGAIN;
}

/* The client's side. */

static void deliver(struct trial *trial, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	while (size != 0 && !trial->dead) {
		size_t n = some(trial, size);

		if (send(trial->fd, at, n, MSG_NOSIGNAL) != (ssize_t)n)
			return;
		at += n;
		size -= n;
		serve(trial);
	}
}

/* The bytes behind the first two, over the client's own at the place which those two name. */
static void damage(struct trial *trial, char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (trial->damage != 0)
			trial->damage--;
		else if (trial->size != 0) {
			bytes[i] = (char)*trial->bytes++;
			trial->size--;
		}
	}
}

static void exchange(struct trial *trial)
{
	char *bytes;
	char answer[4096];
	long size = BIO_get_mem_data(trial->out, &bytes);
	char *copy = fuzz_copy(bytes, (size_t)size);
	ssize_t n;

	(void)BIO_reset(trial->out);
	if (trial->kind == MUTATED)
		damage(trial, copy, (size_t)size);
	deliver(trial, copy, (size_t)size);
	free(copy);
	while ((n = recv(trial->fd, answer, sizeof(answer), 0)) > 0)
		MUST(BIO_write(trial->in, answer, (int)n) == n);
}

static void shake_hands(struct trial *trial)
{
	for (int i = 0; i < 6; i++) {
		(void)SSL_do_handshake(trial->ssl);
		ERR_clear_error();
		exchange(trial);
	}
	MUST(trial->kind == MUTATED || SSL_is_init_finished(trial->ssl));
	MUST(trial->kind == MUTATED || !trial->transport.greeting);
}

static void send_soundly(struct trial *trial)
{
	for (size_t at = 0, n; at < trial->size; at += n) {
		n = some(trial, trial->size - at);
		MUST(SSL_write(trial->ssl, trial->bytes + at, (int)n) == (int)n);
		exchange(trial);
	}
	MUST(!trial->dead && trial->got_size == trial->size);
	MUST(memcmp(trial->got, trial->bytes, trial->size) == 0);
}

/* What came goes back. */
static void answer_soundly(struct trial *trial)
{
	struct outgoing outgoing = {0};
	char *back = malloc(trial->size + 1);
	uint64_t sent;
	int n = 0;

	MUST(back != NULL && buffer_add(&outgoing.body, trial->got, trial->got_size) == 0);
	MUST(transport_write(&trial->transport, &outgoing, &sent) == TRANSPORT_SENT);
	MUST(sent == trial->size && outgoing_is_empty(&outgoing));
	transport_finish(&trial->transport);
	exchange(trial);
	for (size_t at = 0; at < trial->size; at += (size_t)n) {
		n = SSL_read(trial->ssl, back + at, (int)(trial->size - at));
		MUST(n > 0);
	}
	MUST(memcmp(back, trial->bytes, trial->size) == 0);
	MUST(SSL_read(trial->ssl, back, 1) <= 0);
	MUST(SSL_get_shutdown(trial->ssl) == SSL_RECEIVED_SHUTDOWN);
	free(back);
	outgoing_free(&outgoing);
}

static void play(struct trial *trial)
{
	if (trial->kind == RAW) {
		deliver(trial, trial->bytes, trial->size);
		(void)shutdown(trial->fd, SHUT_WR);
		serve(trial);
		MUST(trial->dead && trial->got_size == 0);
		return;
	}
	shake_hands(trial);
	if (trial->kind == BEHIND)
		deliver(trial, trial->bytes, trial->size);
	if (trial->kind < SOUND)
		return;
	send_soundly(trial);
	answer_soundly(trial);
}

static void open_trial(struct trial *trial, int *server)
{
	/* Of a client that knows nothing of TLS, some have come before, as with the PROXY protocol.
	 */
	size_t early = trial->kind == RAW ? fuzz_random(&trial->seed) % (trial->size + 1) : 0;
	int ends[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	*server = ends[0];
	trial->fd = ends[1];
	trial->transport = (struct transport){.kind = &transport_plain, .fd = *server};
	MUST(transport_tls_start(&trial->transport, &trial->world->tls,
		     (struct narwhal_bytes){(const char *)trial->bytes, early}) == 0);
	trial->bytes += early;
	trial->size -= early;
	trial->got = malloc(WIRE_MAX);
	trial->ssl = SSL_new(trial->world->client);
	trial->in = BIO_new(BIO_s_mem());
	trial->out = BIO_new(BIO_s_mem());
	MUST(trial->got != NULL && trial->ssl != NULL && trial->in != NULL && trial->out != NULL);
	(void)BIO_set_mem_eof_return(trial->in, -1);
	SSL_set_bio(trial->ssl, trial->in, trial->out);
	SSL_set_connect_state(trial->ssl);
	if (trial->kind == SOUND_OLD)
		MUST(SSL_set_max_proto_version(trial->ssl, TLS1_2_VERSION) == 1);
}

static void close_trial(struct trial *trial, int *server)
{
	transport_close(&trial->transport);
	MUST(trial->world->tls.wire.used == 0 && trial->transport.facts == NULL);
	SSL_free(trial->ssl);
	ERR_clear_error();
	free(trial->got);
	fd_close(server);
	fd_close(&trial->fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;
	struct trial trial = {.world = &world, .seed = fuzz_seed(data, size)};
	int server;

	if (size < 3)
		return 0;
	if (world.client == NULL)
		make_world(&world);
	settle_random(RAND_get0_public(NULL), trial.seed);
	settle_random(RAND_get0_private(NULL), trial.seed + 1);
	trial.kind = data[0] % KINDS;
	trial.bytes = data + 1;
	trial.size = size - 1;
	if (trial.kind == MUTATED) {
		trial.damage = (size_t)data[1] << 8 | data[2];
		trial.bytes += 2;
		trial.size -= 2;
	}
	open_trial(&trial, &server);
	play(&trial);
	close_trial(&trial, &server);
	return 0;
}
