/*
 * tls.h - a worker's certificates, and by what rules it speaks TLS: made at boot, the same for
 * every connection. Certificates and keys come with the heritage, as bytes: no file is opened.
 *
 * OpenSSL is seen in transport_tls.c and the tls_*.c alone.
 */
#ifndef SERVICE_TLS_H
#define SERVICE_TLS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/heritage.h"
#include "base/log.h"
#include "base/page.h"
#include "base/text.h"

struct loop;
struct tls;
struct transport;

/*
 * Takes certificates_fd (base/bundle.h) and tickets_fd (base/ticket_keys.h). 0, or -errno with
 * `why`, which names the file and what is wrong with it. What was good when the bundle was made
 * stays good: a worker that is born later has to serve, too. What is good for now alone is
 * warned of in the log.
 */
MUST_USE int tls_open(struct tls **tls, struct heritage *heritage, struct log *log,
	struct text *why);
/* Handshakes are counted there from now on; the page is borrowed. */
void tls_count(struct tls *tls, struct page *page);
/* Whether the kernel may write records for it; *tls may be NULL. */
bool tls_uses_kernel(const struct tls *tls);
/*
 * The line to the key holder, watched by that loop from now on; takes *fd. `resume` goes on with a
 * handshake that has stood still. *tls may be NULL, and closes it.
 */
void tls_connect(struct tls *tls, struct loop *loop, int *fd,
	void (*resume)(struct transport *transport));
/* Whether the arbiter is to be told that this line is gone; *tls may be NULL. */
bool tls_lacks_line(const struct tls *tls);
void tls_told(struct tls *tls);
/* A descriptor came, and there was no number for it: whether it may have been that line's. */
bool tls_misses_line(struct tls *tls);
/* CLOCK_NEVER, or when tls_tick() is due; *tls may be NULL for both. */
uint64_t tls_nearest(const struct tls *tls);
void tls_tick(struct tls *tls, uint64_t now_ms);
/* In a child of the worker's: closes the line, and nothing else happens to it; *tls may be NULL. */
void tls_disown(struct tls *tls);
/* *tls may be NULL. */
void tls_close(struct tls **tls);

#endif
