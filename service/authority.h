/*
 * authority.h - whether bytes are uri-host [ ":" port ], of a Host field or of an absolute target.
 *
 * RFC 3986 section 3.2.2: a reg-name, an IPv4 address or an IPv6 address in brackets, not empty.
 * Refused on purpose: userinfo (RFC 9110 section 4.2.4), zone identifiers, IPvFuture, and ports
 * that TCP does not have.
 */
#ifndef SERVICE_AUTHORITY_H
#define SERVICE_AUTHORITY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

bool authority_valid(const char *bytes, size_t size) PURE;

#endif
