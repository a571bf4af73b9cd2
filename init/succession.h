/*
 * succession.h - how narwhal begins when another image of it has exec'd it in its place.
 *
 * Nothing in argv or environment tells that, as these are the original ones. An exec by descriptor
 * has the kernel tell the descriptor's number (AT_EXECFN is "/dev/fd/N", execve(2)), and behind it,
 * at N + 1, stands the heirloom.
 *
 * Until the heirloom is thawed and all of it adopted, the way back is open: whatever goes wrong,
 * a crash too, execs the image that has frozen it, which thaws it itself. See net.h.
 */
#ifndef INIT_SUCCESSION_H
#define INIT_SUCCESSION_H

#include "base/attr.h"
#include "init/config.h"

/* The descriptor of the image that runs here, if it has a heirloom; or -1. */
MUST_USE int succession_find(void);
/* Lives on; the exit status. */
MUST_USE int succession_run(int image_fd, struct config_input *input);

#endif
