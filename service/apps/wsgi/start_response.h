/*
 * start_response.h - what an app says of its response's head: status and fields, checked when they
 * are said (PEP 3333), and written straight into the response.
 *
 * Hop-by-hop fields are refused: how a message ends and what becomes of the connection is the
 * server's. Date and Server are the server's, too, and left out. Sends nothing.
 */
#ifndef SERVICE_APPS_WSGI_START_RESPONSE_H
#define SERVICE_APPS_WSGI_START_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "narwhal/response.h"
#include "service/apps/wsgi/python.h"

/* The head of one response. */
struct started {
	bool said;	 /* by now */
	bool sent;	 /* a part of the body is there: it cannot be taken back */
	uint64_t length; /* as the app gave it; NARWHAL_UNKNOWN */
};

/* start_response(status, fields, exc_info): 0, or -1 with an error set. */
MUST_USE int start_response(const struct python *python, struct started *started,
	struct narwhal_response *response, struct object *arguments);

#endif
