/*
 * path_watch.h - inotify(7) for what a path leads to, through every symbolic link on the way.
 *
 * Directories are watched, not files: a file that is replaced is another one. Those are the
 * directory that a path ends in, those in which a link stands that it goes by (Kubernetes swaps
 * ..data, certbot the links in live/), and if something is missing, the one where it must appear.
 * What has changed is not told, and need not be: whoever is woken looks anew, and watches anew.
 */
#ifndef INIT_PATH_WATCH_H
#define INIT_PATH_WATCH_H

#include "base/attr.h"

/* Watches for `path` by an inotify descriptor. 0, also for what is not there, or -errno. */
MUST_USE int path_watch_add(int fd, const char *path);
/* The same for a directory, and for what it holds, two levels deep, but for names with a dot first.
 */
MUST_USE int path_watch_add_tree(int fd, const char *directory);

#endif
