/*
 * tls_jobs.h - stacks on which handshakes stand still while the key holder signs
 * (ASYNC_start_job(3)): as many as questions may be open, made at boot.
 *
 * To begin on a new stack takes rt_sigprocmask(2) (setcontext(3)), which a strict worker has not:
 * so each is begun on once, and from then on they are jumped between without any call.
 */
#ifndef SERVICE_TLS_JOBS_H
#define SERVICE_TLS_JOBS_H

#include "base/attr.h"

/* 0, -ENOSYS where this OpenSSL has none, or -ENOMEM. */
MUST_USE int tls_jobs_open(void);

#endif
