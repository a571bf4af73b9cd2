/*
 * heritage.h - all that the arbiter hands a worker, or an attendant, across exec, and the only
 * thing.
 *
 * It is text in a sealed, anonymous file: one "name value" a line, settings behind "set". The
 * descriptors that it names are open in the worker at those numbers; the file's own number
 * stands in the environment as NARWHAL_HERITAGE. Pure but for heritage_receive().
 *
 * While an upgrade is under way, the arbiter may be younger than a worker's program: a setting that
 * this one does not know is passed over, and one that is missing has its default.
 */
#ifndef BASE_HERITAGE_H
#define BASE_HERITAGE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/roles.h"
#include "base/settings.h"
#include "base/text.h"

#define HERITAGE_ENVIRONMENT "NARWHAL_HERITAGE"
#define HERITAGE_LISTENERS 32
#define HERITAGE_SIZE_MAX (256 * 1024)

struct heritage {
	enum process_role role;
	uint64_t slot; /* of an attendant behind the workers' */
	uint64_t generation;
	int channel_fd; /* base/channel.h, the worker's end */
	int page_fd;	/* base/page.h, to be mapped shared */
	bool drop;	/* started as root: become uid and gid first */
	uid_t uid;
	gid_t gid;
	int access_fd;	     /* the file of the access log; 0: none */
	int certificates_fd; /* base/bundle.h; 0: none */
	int keys_fd; /* the same, of the key holder alone: the keys of those certificates; 0: none
		      */
	int tickets_fd; /* base/ticket_keys.h, to be mapped; 0: none */
	size_t listeners;
	int listener_fd[HERITAGE_LISTENERS];
	bool listener_tls[HERITAGE_LISTENERS]; /* who connects speaks TLS */
	char *app;			       /* the positional argument; owned */
	struct settings settings;
};

/* "set workers 2" and so on, for each; see base/line.h. */
void heritage_add_settings(const struct settings *settings, struct text *text);
/* Writes all of it. A text that is too small is `cut`. */
void heritage_write(const struct heritage *heritage, struct text *text);
/*
 * Reads it back: 0, -ENOMEM, or -EINVAL with `why`. On failure nothing is left to free; after
 * success heritage_free() is due.
 */
MUST_USE int heritage_read(struct heritage *heritage, const char *bytes, size_t size,
	struct text *why);
void heritage_free(struct heritage *heritage);

/* `visit` of each descriptor but the channel, by its name in the text, until one fails: -errno, or
 * 0.
 */
MUST_USE int heritage_each_fd(const struct heritage *heritage,
	int (*visit)(const char *name, int fd, void *context), void *context);
/* Takes *fd as the one of that name. 0; -EINVAL or -EEXIST if it cannot be. */
MUST_USE int heritage_take(struct heritage *heritage, const char *name, int *fd);

/*
 * In a worker: finds the file by the environment, reads it, closes it, and makes every descriptor
 * that it names close-on-exec again. Errors as heritage_read(), or another -errno.
 */
MUST_USE int heritage_receive(struct heritage *heritage, struct text *why);

/*
 * To a worker that a zygote has forked, and that has the zygote's heritage: lends it the
 * descriptors that are its own over its channel, for heritage_take(). Errors as channel_send().
 */
MUST_USE int heritage_give(const struct heritage *heritage, int channel_fd);

#endif
