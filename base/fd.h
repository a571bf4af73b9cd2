/*
 * fd.h - the one place that closes, duplicates and hands on descriptors.
 *
 * Everywhere else: `int fd` is borrowed, `int *fd` is taken and left -1; every descriptor is born
 * close-on-exec, and fd_inherit() in a child is the only way across exec.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Closes *fd unless it is -1, and leaves -1. */
void fd_close(int *fd);
#define FD_SCOPED CLEANUP(fd_close) int

/* In a child before exec: `fd` stays open in the next image, at the same number. */
MUST_USE int fd_inherit(int fd);
/* After exec: an inherited descriptor goes no further. */
MUST_USE int fd_disinherit(int fd);
/* Another descriptor of the same file, from 3 on. The fd, or -errno. */
MUST_USE int fd_duplicate(int fd);
/* The same, from `least` on. */
MUST_USE int fd_duplicate_from(int fd, int least);
/* In a child before exec: nothing from `first` on stays open in the next image. */
void fd_disinherit_from(int first);
/* Makes `at` another name of `fd`, open across exec. */
MUST_USE int fd_place(int fd, int at);
/* Two more descriptors of the same file, side by side, from 3 on: the lower one, or -errno. */
MUST_USE int fd_duplicate_pair(int fd);
/* Makes `at` another descriptor of the same file, close-on-exec, whatever it was before. */
MUST_USE int fd_replace(int at, int fd);
/* A sealed, anonymous file that holds `bytes`: nobody can change it any more. -errno, or the fd. */
MUST_USE int fd_sealed(const char *name, const void *bytes, size_t size);
/* The same of an anonymous file that was made with MFD_ALLOW_SEALING, as it is now. */
MUST_USE int fd_seal(int fd);
/* Whether it is such a file. */
bool fd_is_sealed(int fd);
/* An anonymous file of `size` zero bytes, for shared memory; its size is sealed. */
MUST_USE int fd_shared(const char *name, size_t size);
/* Closes every descriptor from `first` on, whoever left it to us; but not `but` (-1: none). */
void fd_close_strangers(int first, int but);
/* Sees to it that 0, 1 and 2 are open, on /dev/null if need be, so that no other file lands there.
 */
MUST_USE int fd_standard(void);

#endif
