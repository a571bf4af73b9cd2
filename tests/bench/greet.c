/*
 * greet.c - clients of TLS 1.3 for the bench: handshakes one after the other, or many that stay.
 *
 *	greet PORT full SECONDS	     a new connection, handshake and request each time
 *	greet PORT resumed SECONDS   likewise, by the ticket of the one before
 *	greet PORT hold COUNT	     so many connections with one request each, until stdin ends
 *
 * Prints wrk's figures as load.lua does; for hold, "held" when all are there. A resumption that the
 * server refuses counts as an error. No certificate is checked: that is not the server's work.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS 8
#define TIMES 100000 /* of one client: more are not kept */

static const char request[] = "GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
static const char stay[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";

struct tally {
	uint32_t count, failed, full;
	uint64_t bytes;
	uint32_t us[TIMES];
};

struct greeter {
	SSL_CTX *context;
	SSL_SESSION *session;
	uint16_t port;
	bool resumes;
	struct tally *tally;
};

static uint64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct greeter *greeter = SSL_get_app_data(ssl);

	SSL_SESSION_free(greeter->session);
	greeter->session = session;
	return 1;
}

static SSL_CTX *new_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL)
		exit(1);
	(void)SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_session_cache_mode(context,
		SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, keep_session);
	return context;
}

static SSL *greet(struct greeter *greeter)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(greeter->port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *ssl = SSL_new(greeter->context);

	if (ssl == NULL || fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		exit(1);
	(void)SSL_set_fd(ssl, fd);
	SSL_set_app_data(ssl, greeter);
	if (greeter->resumes && greeter->session != NULL)
		(void)SSL_set_session(ssl, greeter->session);
	if (SSL_connect(ssl) != 1)
		greeter->tally->failed++;
	return ssl;
}

static void ask(struct greeter *greeter)
{
	bool has = greeter->session != NULL;
	SSL *ssl = greet(greeter);
	char answer[4096];
	int n;

	if (greeter->resumes && has && SSL_session_reused(ssl) != 1)
		greeter->tally->full++;
	(void)SSL_write(ssl, request, sizeof(request) - 1);
	while ((n = SSL_read(ssl, answer, sizeof(answer))) > 0)
		greeter->tally->bytes += (uint64_t)n;
	(void)SSL_shutdown(ssl);
	(void)close(SSL_get_fd(ssl));
	SSL_free(ssl);
}

static void ask_until(struct greeter *greeter, uint64_t end)
{
	struct tally *tally = greeter->tally;

	for (uint64_t start = now_us(), stop; start < end; start = stop) {
		ask(greeter);
		stop = now_us();
		if (tally->count < TIMES)
			tally->us[tally->count++] = (uint32_t)(stop - start);
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void report(struct tally *all, uint64_t us)
{
	uint32_t count = 0, failed = 0, full = 0;
	uint64_t bytes = 0;
	uint32_t *sorted = malloc(CLIENTS * sizeof(all->us));

	if (sorted == NULL)
		exit(1);
	for (size_t i = 0; i < CLIENTS; i++) {
		memcpy(sorted + count, all[i].us, all[i].count * sizeof(*sorted));
		count += all[i].count;
		failed += all[i].failed;
		full += all[i].full;
		bytes += all[i].bytes;
	}
	qsort(sorted, count, sizeof(*sorted), by_size);
	(void)printf("bench requests=%u us=%llu bytes=%llu p99_us=%u connect=%u read=0 write=0 "
		     "status=%u timeout=0\n",
		count, (unsigned long long)us, (unsigned long long)bytes,
		count != 0 ? sorted[(uint64_t)count * 99 / 100] : 0, failed, full);
	free(sorted);
}

static void run(struct greeter *greeter, uint64_t us)
{
	struct tally *all = mmap(NULL, CLIENTS * sizeof(*all), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t start = now_us();

	if (all == MAP_FAILED)
		exit(1);
	for (size_t i = 0; i < CLIENTS; i++) {
		greeter->tally = &all[i];
		if (fork() == 0) {
			ask_until(greeter, start + us);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		continue;
	report(all, now_us() - start);
}

static void hold(struct greeter *greeter, int count)
{
	static struct tally tally;
	char answer[4096];

	greeter->tally = &tally;
	for (int i = 0; i < count; i++) {
		SSL *ssl = greet(greeter);

		if (SSL_write(ssl, stay, sizeof(stay) - 1) <= 0 ||
			SSL_read(ssl, answer, sizeof(answer)) <= 0)
			exit(1);
	}
	(void)printf("held\n");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, answer, sizeof(answer)) > 0)
		continue;
}

int main(int argc, char **argv)
{
	struct greeter greeter = {.context = new_context()};
	int amount;

	if (argc != 4)
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	greeter.port = (uint16_t)strtoul(argv[1], NULL, 10);
	greeter.resumes = strcmp(argv[2], "resumed") == 0;
	amount = (int)strtoul(argv[3], NULL, 10);
	if (strcmp(argv[2], "hold") == 0)
		hold(&greeter, amount);
	else
		run(&greeter, (uint64_t)amount * 1000000);
	return 0;
}
