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

/* `path` NULL: beside narwhal itself, else where it was installed. 0, or -errno with `why`. */
MUST_USE int image_open(const char *path, int *fd, struct text *why);

#endif
