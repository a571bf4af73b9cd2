/*
 * listener_set.h - the listeners of a generation, and those that an earlier one has given up.
 *
 * A listener that a new generation does not want is gated, and goes on the *shelf*: its workers
 * still empty its queue, and as long as one of them lives its address cannot be bound again. So who
 * wants that address back takes the socket from there.
 */
#ifndef INIT_LISTENER_SET_H
#define INIT_LISTENER_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/heritage.h"
#include "base/text.h"
#include "init/address.h"
#include "init/inherit.h"
#include "init/listener.h"
#include "init/roster.h"

struct listener_set {
	size_t count;
	struct listener item[HERITAGE_LISTENERS];
};

/* What was given up, for as long as a worker of generation `from` to `to` lives. */
struct shelved {
	struct listener listener; /* owned */
	uint64_t from, to;
	struct shelved *next;
};

struct shelf {
	struct shelved *first; /* NULL: nothing is on it */
};

/* Where a set gets what is open already. */
struct listener_sources {
	const struct listener_set *before; /* the generation that serves; or NULL */
	const struct shelf *shelf;
	const struct inherited *inherited; /* the only descriptors that fd://N may name */
	bool blocking;			   /* what is opened anew is for programs that expect it */
};

/*
 * Opens all of `addresses`, in that order, or none: on failure what was opened is closed and
 * unlinked again, the set is empty, and `why` names the address and the cause. 0 or -errno.
 *
 * An address that one of `sources` has is not opened again: both then hold the same socket.
 */
MUST_USE int listener_set_open(struct listener_set *set, const struct address_list *addresses,
	int backlog, const struct listener_sources *sources, struct text *why);
/* `set` takes over from `old`: the socket files of what they share are now its own. */
void listener_set_succeed(struct listener_set *set, struct listener_set *old);
void listener_set_close(struct listener_set *set);
/* After an exec: closes whatever cannot be adopted. */
void listener_set_trim(struct listener_set *set);

/*
 * Gates what `set` has and `kept` has not, and puts it on the shelf for the workers of generation
 * `from` to `to`. Without memory for that it stays in the set, to be closed with it.
 */
void shelf_put(struct shelf *shelf, struct listener_set *set, const struct listener_set *kept,
	uint64_t from, uint64_t to);
/* Whether workers of that generation have listeners that nobody empties but they. */
PURE bool shelf_serves(const struct shelf *shelf, uint64_t generation);
/* Whether connections wait there. */
MUST_USE bool shelf_is_waiting(const struct shelf *shelf, uint64_t generation);
/* As listener_set_trim(). */
void shelf_trim(struct shelf *shelf);
/* Closes what no worker holds any more. */
void shelf_clear(struct shelf *shelf, const struct roster *roster);
void shelf_close(struct shelf *shelf);

#endif
