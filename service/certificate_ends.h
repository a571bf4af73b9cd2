/*
 * certificate_ends.h - when the certificates of a bundle expire, for the metrics page.
 */
#ifndef SERVICE_CERTIFICATE_ENDS_H
#define SERVICE_CERTIFICATE_ENDS_H

#include <stddef.h>
#include <time.h>

#include "base/attr.h"
#include "base/text.h"

struct certificate_end;

/* {0} has none. */
struct certificate_ends {
	struct certificate_end *all; /* owned */
	size_t count;
	size_t room; /* that certificate_ends_add() takes, at the most */
};

/* Takes *bundle_fd (base/bundle.h); of what is no certificate there is no end. 0 or -errno. */
MUST_USE int certificate_ends_read(struct certificate_ends *ends, int *bundle_fd);
/* The families of the page. */
void certificate_ends_add(const struct certificate_ends *ends, time_t now, struct text *text);
void certificate_ends_free(struct certificate_ends *ends);

#endif
