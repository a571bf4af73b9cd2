/*
 * request.h - what `narwhal upgrade`, `narwhal commit` and `narwhal rollback` ask of the arbiter:
 * SIGUSR2 with a number. So whoever may send it a signal may ask, and nobody else. An image's path
 * is no number: see errand.h.
 */
#ifndef INIT_REQUEST_H
#define INIT_REQUEST_H

#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/text.h"

struct arbiter;
struct settings;

enum request {
#define REQUEST(name, number, meaning) REQUEST_##name = number,
#include "init/requests.def"
#undef REQUEST
};

/* What a SIGUSR2 with that si_code and si_ptr asks; -1: narwhal has not sent it. */
int request_read(int code, uint64_t value) PURE;
/* One that is not narwhal's own is REQUEST_UPGRADE. */
void request_carry_out(struct arbiter *arbiter, int request, uint64_t value);

/* The arbiter that the settings mean: by its pidfile, or else PID 1. The pid, or -errno with `why`.
 */
MUST_USE pid_t request_find(const struct settings *settings, struct text *why);
/* The arbiter with that pid, in decimal. The same. */
MUST_USE pid_t request_find_pid(const char *word, struct text *why);
/* 0, or -errno with `why`. */
MUST_USE int request_send(pid_t pid, enum request request, struct text *why);
/* REQUEST_IMAGE or REQUEST_HOLD_IMAGE, and waits until the arbiter knows the path. */
MUST_USE int request_send_image(pid_t pid, enum request request, const char *image,
	struct text *why);

#endif
