/*
 * kernel_tls.h - whether the kernel can make records of TLS (kTLS,
 * Documentation/networking/tls.rst), asked without a connection.
 */
#ifndef BASE_KERNEL_TLS_H
#define BASE_KERNEL_TLS_H

#include "base/attr.h"

/*
 * 0: it can; -ENOENT: its module is not there, and could not be loaded; or another -errno. Asked
 * by who has CAP_NET_ADMIN, the kernel loads the module; for nobody else it does.
 */
MUST_USE int kernel_tls_probe(void);
/* What to do about such an error, in words. */
const char *kernel_tls_remedy(int error) PURE;

#endif
