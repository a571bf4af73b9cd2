/*
 * answer.h - the answer to a request for a file that is there: which of its forms, and how much of
 * it; and what is sent in place of one.
 */
#ifndef SERVICE_APPS_ANSWER_H
#define SERVICE_APPS_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "narwhal/service.h"
#include "service/apps/store.h"
#include "service/apps/wish.h"

/* What all requests share. */
struct served {
	struct store store;
	unsigned gzips;	   /* streams at work */
	uint64_t boundary; /* of the next multipart body */
};

/* One request at work. */
struct answer {
	struct served *served;
	const struct narwhal_request *request;
	struct narwhal_response *response;
	struct wish wish;
	struct entry *entry; /* what was found for it; valid until something else is */
	bool by_accept;	     /* who wants another type gets another answer */
};

/* As store_find(). */
struct entry *answer_find(const struct answer *answer, struct narwhal_bytes target);
/* Sends the entry, which must be a file's. 0, or -errno with nothing sent; as store_form(). */
MUST_USE int answer_file(struct answer *answer);
/* An error: the page that the setting error_page has for it, or a few words. */
void answer_refuse(const struct answer *answer, unsigned status);

#endif
