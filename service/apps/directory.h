/*
 * directory.h - answers with the list of what a directory has: what the app would serve of it.
 */
#ifndef SERVICE_APPS_DIRECTORY_H
#define SERVICE_APPS_DIRECTORY_H

#include "base/attr.h"
#include "service/apps/path.h"
#include "service/apps/root.h"
#include "service/response.h"

/* `path` is "" or ends with a slash; its room is used. 0 or -errno, and nothing was added then. */
MUST_USE int directory_send(const struct root *root, struct path *path,
	struct narwhal_response *response);

#endif
