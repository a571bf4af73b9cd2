/*
 * status_report.h - what `narwhal status` prints: for people, and as one JSON object.
 *
 * Pure but for what status_facts.h reads. Bounded: where there is no room for all workers, the
 * report says how many it leaves out, and is whole otherwise.
 */
#ifndef INIT_STATUS_REPORT_H
#define INIT_STATUS_REPORT_H

#include <sys/types.h>

#include "base/text.h"

struct arbiter;

/* Together less than a unix socket takes at once, by default (net.core.wmem_default, 208 KiB). */
#define STATUS_TEXT_MAX ((size_t)64 * 1024)
#define STATUS_JSON_MAX ((size_t)136 * 1024)

/* So many bytes of a path or an app are shown. */
#define STATUS_NAME_MAX 1024

/* `pid` is the arbiter's. Each writes to the end of `text`, lines with their '\n'. */
void status_text(const struct arbiter *arbiter, pid_t pid, struct text *text);
void status_json(const struct arbiter *arbiter, pid_t pid, struct text *text);

#endif
