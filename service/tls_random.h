/*
 * tls_random.h - OpenSSL's random numbers, seeded once and for all: a strict worker has no
 * getrandom(2), and gets through thirty system calls without one.
 */
#ifndef SERVICE_TLS_RANDOM_H
#define SERVICE_TLS_RANDOM_H

#include "base/attr.h"

/* Before the first random number. 0, or -ENOMEM. */
MUST_USE int tls_random_settle(void);

#endif
