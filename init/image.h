/*
 * image.h - the worker's program: where it is, held by descriptor.
 *
 * By descriptor, so that a worker is the program of this start even after the file was replaced,
 * and so that no search path and no shell (execvp(3) falls back to one) has a say.
 */
#ifndef INIT_IMAGE_H
#define INIT_IMAGE_H

#include "base/attr.h"
#include "base/text.h"
#include "init/build_id.h"

/* `path` NULL: beside narwhal itself, else where it was installed. 0, or -errno with `why`. */
MUST_USE int image_open(const char *path, int *fd, struct text *why);

/*
 * A program of narwhal's. The number behind `fd` is held, too: at an exec the heirloom takes that
 * place, where the next image looks for it (see succession.h).
 */
struct image_hold {
	int fd;	    /* -1: there is none */
	char *path; /* where it was found; owned */
	/* Of one that runs, or has run here; "": not known. */
	char version[32];
	char build[BUILD_ID_TEXT_SIZE];
};

/* What runs here. 0, or -errno with `why`. */
MUST_USE int image_hold_own(struct image_hold *image, struct text *why);
/* What may run here next: a program that can be read and is no script. 0, or -errno with `why`. */
MUST_USE int image_hold_file(struct image_hold *image, const char *path, struct text *why);
/* What it is called that runs here, whatever stands at its path by now. */
void image_name_own(struct image_hold *image);
void image_let_go(struct image_hold *image);

#endif
