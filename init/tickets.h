/*
 * tickets.h - makes the keys of TLS session tickets, and new ones in time.
 *
 * They lie in one memory (base/ticket_keys.h), locked and in no core dump, which goes through
 * upgrades: so a session resumes at any worker, of any generation, of any image. A worker gets a
 * descriptor that cannot write. Without them TLS is what it was: tickets are then good at the
 * worker alone that has made them; nothing that fails here stops anybody.
 */
#ifndef INIT_TICKETS_H
#define INIT_TICKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/log.h"
#include "base/settings.h"
#include "base/ticket_keys.h"

struct tickets {
	int fd;			  /* the memory's, for the next image; -1: there is none */
	int reader_fd;		  /* the same to be read alone, for workers */
	struct ticket_keys *keys; /* NULL: none */
	uint64_t rotation_ms;
	uint64_t retry_ms; /* the kernel had no random bytes: not before this */
};

/* Whether workers with these settings take keys. */
bool tickets_wanted(const struct settings *settings) PURE;

void tickets_init(struct tickets *tickets);
/* Makes them, if these settings want them and there are none. */
void tickets_open(struct tickets *tickets, const struct settings *settings, uint64_t now_ms,
	struct log *log);
/* Those of the image before; if it had none, or they are damaged, there are none. */
void tickets_adopt(struct tickets *tickets, struct log *log);
/* From now on these settings say how often there is a new one. If they want none, all are wiped. */
void tickets_use(struct tickets *tickets, const struct settings *settings);
/* Wipes them: who still has the memory finds no key there. */
void tickets_close(struct tickets *tickets);

/* A new key, when it is due. */
void tickets_turn(struct tickets *tickets, uint64_t now_ms, struct log *log);
uint64_t tickets_deadline(const struct tickets *tickets) PURE;

#endif
