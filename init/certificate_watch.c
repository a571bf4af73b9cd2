#include "init/certificate_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "init/arbiter.h"
#include "init/certificates.h"
#include "init/path_watch.h"
#include "init/reload.h"

/* A certificate and its key are often two steps. */
#define STILL_MS 250
#define LATEST_MS 2000

void certificate_watch_init(struct certificate_watch *watch)
{
	*watch = (struct certificate_watch){
		.watch = {.fd = -1},
		.due_ms = CLOCK_NEVER,
		.latest_ms = CLOCK_NEVER,
		.tried = {-1, -1},
	};
}

static void compare_soon(struct certificate_watch *watch, uint64_t now_ms)
{
	if (watch->latest_ms == CLOCK_NEVER)
		watch->latest_ms = now_ms + LATEST_MS;
	watch->due_ms = now_ms + STILL_MS;
	if (watch->due_ms > watch->latest_ms)
		watch->due_ms = watch->latest_ms;
}

/*
 * Which file it was does not matter: all are looked at. What one read leaves is the next turn's, or
 * who writes there without a pause would keep the arbiter from all else.
 */
static void hear_change(struct watch *watch, uint32_t events)
{
	struct arbiter *a = CONTAINER_OF(watch, struct arbiter, certificate_watch.watch);
	char bytes[4096];

	(void)events;
	(void)!read(watch->fd, bytes, sizeof(bytes));
	compare_soon(&a->certificate_watch, a->now_ms);
}

/* Its staple is another path, which may be a link of its own. */
static int add_file(int fd, const char *path)
{
	char staple[PATH_MAX];
	int error = path_watch_add(fd, path);

	if (error == 0 && snprintf(staple, sizeof(staple), "%s.ocsp", path) < PATH_MAX)
		error = path_watch_add(fd, staple);
	return error;
}

static int add_list(int fd, const char *list)
{
	char path[PATH_MAX];
	const char *item;
	size_t size;
	int error = 0;

	while (error == 0 && (item = setting_item(&list, &size)) != NULL) {
		if (size >= sizeof(path))
			return -ENAMETOOLONG;
		memcpy(path, item, size);
		path[size] = '\0';
		error = add_file(fd, path);
	}
	return error;
}

static int add_all(int fd, const struct settings *settings)
{
	int error = add_list(fd, settings->certfile);

	if (error == 0)
		error = add_list(fd, settings->keyfile);
	if (error == 0 && settings->ca_certs != NULL)
		error = path_watch_add(fd, settings->ca_certs);
	if (error == 0 && settings->certdir != NULL)
		error = path_watch_add_tree(fd, settings->certdir);
	return error;
}

static void unwatch(struct arbiter *a)
{
	struct watch *watch = &a->certificate_watch.watch;

	if (watch->fd >= 0)
		loop_drop(&a->loop, watch);
	fd_close(&watch->fd);
}

/* All anew each time, as what was watched may be gone, and be another directory by that name. */
static int watch_all(struct arbiter *a)
{
	struct watch *watch = &a->certificate_watch.watch;
	int error;

	unwatch(a);
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->fd < 0)
		return -errno;
	watch->ready = hear_change;
	error = loop_add(&a->loop, watch, EPOLLIN);
	if (error != 0) {
		fd_close(&watch->fd);
		return error;
	}
	return add_all(watch->fd, &a->current->config.settings);
}

/* What could not be watched in full is watched in part. */
static void arm(struct arbiter *a)
{
	int error = watch_all(a);

	if (error != 0)
		log_warning(&a->log, "certificate_watch_refused", log_errno("error", error));
}

void certificate_watch_use(struct arbiter *a)
{
	const struct settings *settings = &a->current->config.settings;

	if (settings->bind_tls == NULL || !settings->tls_watch) {
		certificate_watch_close(a);
		return;
	}
	arm(a);
	compare_soon(&a->certificate_watch, a->now_ms);
}

void certificate_watch_close(struct arbiter *a)
{
	unwatch(a);
	certificates_close(&a->certificate_watch.tried);
	certificate_watch_init(&a->certificate_watch);
}

/* What came to nothing is tried again behind something else that serves, and not before. */
static bool is_news(struct arbiter *a, const struct certificates *found)
{
	struct certificate_watch *watch = &a->certificate_watch;

	if (certificates_same(found, &a->current->certificates)) {
		certificates_close(&watch->tried);
		return false;
	}
	if (a->wish.candidate.generation != 0 &&
		certificates_same(found, &a->candidate->certificates))
		return false;
	return !certificates_same(found, &watch->tried);
}

static void take_up(struct arbiter *a)
{
	struct certificate_watch *watch = &a->certificate_watch;
	char bytes[1024];
	struct text why = TEXT_OVER(bytes);
	struct certificates found;

	if (certificates_open(&a->current->config.settings, &found, &why) != 0) {
		log_warning(&a->log, "certificates_refused", log_string("reason", bytes));
		return;
	}
	if (!is_news(a, &found)) {
		certificates_close(&found);
		log_debug(&a->log, "certificates_unchanged",
			log_uint("generation", a->current->number));
		return;
	}
	certificates_close(&watch->tried);
	watch->tried = found;
	log_info(&a->log, "certificates_changed", log_uint("generation", a->current->number));
	reload_begin(a);
}

/* Watched first, then read: a change in between wakes once more. */
void certificate_watch_turn(struct arbiter *a)
{
	struct certificate_watch *watch = &a->certificate_watch;

	if (certificate_watch_deadline(a) > a->now_ms)
		return;
	watch->due_ms = watch->latest_ms = CLOCK_NEVER;
	arm(a);
	take_up(a);
}

/* While an upgrade is under way, files have to wait, as the upgrade is a generation of its own. */
uint64_t certificate_watch_deadline(const struct arbiter *a)
{
	bool waits = a->upgrade.state != UPGRADE_NONE || wish_is_ending(&a->wish);

	return waits ? CLOCK_NEVER : a->certificate_watch.due_ms;
}
