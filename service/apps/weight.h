/*
 * weight.h - how much a client likes an element of an Accept field (RFC 9110 section 12.4.2). Pure.
 */
#ifndef SERVICE_APPS_WEIGHT_H
#define SERVICE_APPS_WEIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "narwhal/service.h"

/* Thousandths and one more, so that 0 can mean: not said, or not well. */
#define WEIGHT_REFUSED 1
#define WEIGHT_MAX 1001

/* What follows the name of an element: nothing, or ";q=0.5" with blanks around the semicolon. */
uint16_t weight_read(struct narwhal_bytes rest) PURE;

/* Whether a page may be sent: `accept` is the value of Accept, its data NULL where there is none.
 */
bool weight_allows_html(struct narwhal_bytes accept) PURE;

#endif
