/*
 * accept.h - what is taken from one listener: how many connections at once, who has to go for them,
 * and what becomes of those for which there is no room.
 *
 * When listeners are watched at all is acceptors.h's to say.
 */
#ifndef SERVICE_ACCEPT_H
#define SERVICE_ACCEPT_H

#include "service/acceptors.h"

/* Connections that one wake-up may take before others have their turn. */
#define ACCEPT_BURST_MAX 16
/* Without descriptors or memory: not too soon, for nobody says when there are some again. */
#define ACCEPT_PAUSE_MS 200

/* Takes what waits, up to `most`, and may leave some of it to other workers. */
void accept_waiting(struct worker *worker, struct acceptor *acceptor, unsigned most);

#endif
