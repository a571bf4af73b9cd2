/*
 * certificates.h - the files of TLS, read once for a generation: a worker that is born later has
 * the same ones, whatever has become of them on the disk, and needs no right to read them.
 *
 * They go from file to sealed memory within the kernel: no byte of a key is ever in the arbiter's
 * own memory, and none is looked at. Whether they are any good is the worker's to find out.
 */
#ifndef INIT_CERTIFICATES_H
#define INIT_CERTIFICATES_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/settings.h"
#include "base/text.h"

/* Bundles (base/bundle.h); -1: there is none. */
struct certificates {
	int fd;	     /* for workers; with tls_key_isolation each key in it is empty */
	int keys_fd; /* with it, all keys in the order of their certificates, for the key holder */
};

/*
 * Opens what certfile, keyfile, certdir and ca_certs name. 0, and without bind_tls there are none;
 * or -errno with `why`, which names the setting and the file.
 */
MUST_USE int certificates_open(const struct settings *settings, struct certificates *certificates,
	struct text *why);
void certificates_close(struct certificates *certificates);
/*
 * Whether both hold the same, but for when they were made; who has none is like nobody else.
 * Compared where they lie.
 */
bool certificates_same(const struct certificates *one, const struct certificates *other);

#endif
