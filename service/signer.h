/*
 * signer.h - a worker's line to the key holder: questions go out, answers come back, and nobody
 * waits meanwhile but the handshake that asked.
 *
 * The arbiter gives the line, and another one when there is another key holder, or when this one is
 * lost, however that came: what was asked and not answered is asked again there. Without a line
 * questions wait for one, as long as whoever asked them does. Knows no OpenSSL.
 */
#ifndef SERVICE_SIGNER_H
#define SERVICE_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/loop.h"
#include "service/signing.h"

struct transport;

struct signer_request {
	bool is_taken, is_sent, is_answered;
	struct transport *transport; /* whose handshake goes on with the answer */
	uint32_t id;
	size_t question_size;
	unsigned char question[SIGNING_QUESTION_MAX];
	size_t size; /* of the signature; 0: refused, or given up */
	unsigned char signature[SIGNING_SIGNATURE_MAX];
};

/* A handshake that finds all requests taken; zeroed, it does not wait. */
struct signer_turn {
	struct signer_turn *next, **at;
	struct transport *transport;
};

struct signer {
	struct loop *loop;
	struct watch watch; /* the line; fd -1 when there is none */
	bool is_lost;	    /* and nobody was told yet that it is gone, or could not be taken */
	void (*resume)(struct transport *transport);
	struct transport *current; /* whose handshake runs now */
	uint32_t asked;		   /* questions so far */
	uint64_t retry_ms; /* when questions that found no room are sent again; CLOCK_NEVER: none
			      did */
	struct signer_turn *first, **last;
	struct signer_request requests[SIGNING_OPEN_MAX];
};

void signer_init(struct signer *signer);
void signer_close(struct signer *signer);
/*
 * From now on that is the line, watched by that loop; takes *fd. `resume` goes on with a handshake,
 * and may end its connection.
 */
void signer_use(struct signer *signer, struct loop *loop, int *fd,
	void (*resume)(struct transport *transport));

/* CLOCK_NEVER, or when signer_tick() is due, which goes on with what found no room. */
PURE uint64_t signer_nearest(const struct signer *signer);
void signer_tick(struct signer *signer, uint64_t now_ms);

/* Whether the arbiter is still to be told that the line is gone, which it may not know. */
PURE bool signer_is_lost(const struct signer *signer);
void signer_told(struct signer *signer);
/* A descriptor came, and there was no number for it: whether that may have been the next line. */
bool signer_miss(struct signer *signer);

/* For the handshake that runs now. NULL: too many are open, or it is no question. */
struct signer_request *signer_ask(struct signer *signer, const struct signing_question *question);
/* The signature's size, or 0; the request is free then. */
size_t signer_take(struct signer_request *request, unsigned char *signature, size_t room);
/* Who had asked does not want to know any more: an answer of nothing, for signer_take(). */
void signer_give_up(struct signer *signer, const struct transport *transport);

/* To be resumed when a request is free. An answer comes to each question, or another line. */
void signer_wait(struct signer *signer, struct signer_turn *turn, struct transport *transport);
void signer_leave(struct signer *signer, struct signer_turn *turn);

#endif
