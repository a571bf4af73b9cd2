#include "service/certificate_ends.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/metric.h"
#include "service/tls_check.h"
#include "service/tls_pem.h"

#define SECONDS_PER_DAY 86400
/* Of what stands around a name, twice; and of the lines in front. */
#define ROOM_EACH 256
#define ROOM_HEADS 1024

struct certificate_end {
	char *file;
	time_t at;
};

/* Of the one that expires first: a client wants them all. 0: there is none. */
static time_t first_end(const STACK_OF(X509) * chain)
{
	time_t first = 0;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		time_t end = tls_check_time(X509_get0_notAfter(sk_X509_value(chain, i)));

		if (first == 0 || end < first)
			first = end;
	}
	return first;
}

static int append(struct certificate_ends *ends, const char *file, time_t at)
{
	struct certificate_end *all = realloc(ends->all, (ends->count + 1) * sizeof(*all));

	if (all == NULL)
		return -ENOMEM;
	ends->all = all;
	all[ends->count] = (struct certificate_end){strdup(file), at};
	if (all[ends->count].file == NULL)
		return -ENOMEM;
	ends->count++;
	/* In two families, with each byte escaped. */
	ends->room += 2 * (METRIC_ESCAPED_MAX * strlen(file) + ROOM_EACH);
	return 0;
}

static bool is_told(const struct certificate_ends *ends, const char *file)
{
	for (size_t i = 0; i < ends->count; i++) {
		if (strcmp(ends->all[i].file, file) == 0)
			return true;
	}
	return false;
}

static int take(void *context, const struct bundle_item *item)
{
	struct certificate_ends *ends = context;
	STACK_OF(X509) * chain;
	time_t at;

	if (item->kind != BUNDLE_CERTIFICATE || is_told(ends, item->name))
		return 0;
	chain = tls_pem_chain(item);
	at = first_end(chain);
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
	return at != 0 ? append(ends, item->name, at) : 0;
}

/* By no file of the machine's, and with nothing to do at exit(3): the sandbox forbids that. */
static int begin_openssl(void)
{
	return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) == 1
		       ? 0
		       : -ENOMEM;
}

int certificate_ends_read(struct certificate_ends *ends, int *bundle_fd)
{
	int error = begin_openssl();

	if (error == 0)
		error = tls_pem_each(*bundle_fd, take, ends);
	fd_close(bundle_fd);
	if (ends->count != 0)
		ends->room += ROOM_HEADS;
	return error;
}

static int64_t days_until(time_t at, time_t now)
{
	int64_t seconds = at - now;

	return seconds >= 0 ? seconds / SECONDS_PER_DAY
			    : -((-seconds + SECONDS_PER_DAY - 1) / SECONDS_PER_DAY);
}

void certificate_ends_add(const struct certificate_ends *ends, time_t now, struct text *text)
{
	if (ends->count == 0)
		return;
	metric_begin(text, METRIC_CERTIFICATE_END);
	for (size_t i = 0; i < ends->count; i++)
		metric_add_signed(text, METRIC_CERTIFICATE_END, ends->all[i].file, ends->all[i].at);
	metric_begin(text, METRIC_CERTIFICATE_DAYS);
	for (size_t i = 0; i < ends->count; i++)
		metric_add_signed(text, METRIC_CERTIFICATE_DAYS, ends->all[i].file,
			days_until(ends->all[i].at, now));
}

void certificate_ends_free(struct certificate_ends *ends)
{
	for (size_t i = 0; i < ends->count; i++)
		free(ends->all[i].file);
	free(ends->all);
	*ends = (struct certificate_ends){0};
}
