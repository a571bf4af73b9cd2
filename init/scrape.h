/*
 * scrape.h - answers exporters (service/exporter.h), which ask for the metrics page.
 *
 * Each has one question open at the most: who asks again misbehaves. However many ask, and how
 * often, the page is written no more than once in SCRAPE_PACE_MS, for all of them.
 */
#ifndef INIT_SCRAPE_H
#define INIT_SCRAPE_H

#include "base/attr.h"
#include "init/arbiter.h"

#define SCRAPE_PACE_MS 100

/* It will be answered. -EPROTO: it is none who may ask, or has asked already. */
MUST_USE int scrape_ask(struct child *child);
/* Answers who waits, when it is time. */
void scrape_turn(struct arbiter *arbiter);
/* CLOCK_NEVER: nobody waits. */
PURE uint64_t scrape_deadline(const struct arbiter *arbiter);

#endif
