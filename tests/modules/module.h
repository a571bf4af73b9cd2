/* module.h - what the tests' modules have in common. */
#ifndef TESTS_MODULES_MODULE_H
#define TESTS_MODULES_MODULE_H

#include <narwhal/service.h>

#include <string.h>

static inline int is(struct narwhal_bytes bytes, const char *text)
{
	return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static inline void say(struct narwhal_response *response, const char *text)
{
	(void)narwhal_response_body(response, text, strlen(text));
}

/* For a module that is about something else: an empty 200 to everything. */
static inline void answer_nothing(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	(void)state;
	(void)request;
	(void)response;
}

#endif
