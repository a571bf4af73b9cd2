/*
 * status_ask.h - `narwhal status`: asks an arbiter how it is, see status_socket.h.
 *
 * It believes nothing before the kernel has said that it is the arbiter's pid that answers.
 */
#ifndef INIT_STATUS_ASK_H
#define INIT_STATUS_ASK_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/text.h"

/* Writes the report to `out`, as text or as JSON. 0, or -errno with `why`. */
MUST_USE int status_ask(pid_t pid, bool json, FILE *out, struct text *why);

#endif
