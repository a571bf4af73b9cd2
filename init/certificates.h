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

/*
 * Opens what certfile, keyfile, certdir and ca_certs name. 0 with *fd of the bundle, or -1 without
 * bind_tls; or -errno with `why`, which names the setting and the file.
 */
MUST_USE int certificates_open(const struct settings *settings, int *fd, struct text *why);
/*
 * Whether two bundles hold the same, but for when they were made; -1 is none, and like no other.
 * Compared where they lie.
 */
bool certificates_same(int one, int other);

#endif
