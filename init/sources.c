#include "init/sources.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/words.h"
#include "init/arbiter.h"
#include "init/reload.h"

#define SETTLE_MS 200  /* an editor, or a checkout, changes many files, one after the other */
#define LATEST_MS 5000 /* and whoever never ends is not waited for */
#define FOLDERS_MAX 1024
#define DEPTH_MAX 12
#define CHANGES (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE)

static bool ends_with(const char *name, const char *end)
{
	size_t size = strlen(name), end_size = strlen(end);

	return size >= end_size && strcmp(name + size - end_size, end) == 0;
}

bool sources_counts(const char *name)
{
	static const char *const leftovers[] = {"~", ".pyc", ".swp", ".swx", ".tmp", ".log"};

	if (name[0] == '.' || name[0] == '#' || name[0] == '\0' || !sources_enters(name))
		return false;
	for (size_t i = 0; i < COUNT_OF(leftovers); i++) {
		if (ends_with(name, leftovers[i]))
			return false;
	}
	return true;
}

bool sources_enters(const char *name)
{
	return name[0] != '.' && strcmp(name, "__pycache__") != 0 &&
	       strcmp(name, "node_modules") != 0;
}

/* What is watched. */

static void refuse(struct arbiter *a, const char *path, int error)
{
	log_warning(&a->log, "reload_unwatched", log_string("path", path),
		log_errno("error", error));
}

static bool watch_folder(struct arbiter *a, const char *path)
{
	struct sources *s = &a->sources;

	if (s->folders == FOLDERS_MAX) {
		if (!s->cut)
			refuse(a, path, E2BIG);
		s->cut = true;
		return false;
	}
	if (inotify_add_watch(s->watch.fd, path, CHANGES | IN_ONLYDIR) < 0) {
		refuse(a, path, errno);
		return false;
	}
	s->folders++;
	return true;
}

static void watch_below(struct arbiter *a, const char *path, unsigned depth)
{
	DIR *folder = watch_folder(a, path) && depth < DEPTH_MAX ? opendir(path) : NULL;
	struct dirent *entry;

	while (folder != NULL && !a->sources.cut && (entry = readdir(folder)) != NULL) {
		char bytes[PATH_MAX];
		struct text below = TEXT_OVER(bytes);

		if (entry->d_type != DT_DIR || !sources_enters(entry->d_name))
			continue;
		text_printf(&below, "%s/%s", path, entry->d_name);
		if (!below.cut)
			watch_below(a, bytes, depth + 1);
	}
	if (folder != NULL)
		(void)closedir(folder);
}

/* What is below the root is the whole system, with every file system that is mounted there. */
static bool is_root(const char *path)
{
	struct stat status, root;

	return stat(path, &status) == 0 && stat("/", &root) == 0 && status.st_dev == root.st_dev &&
	       status.st_ino == root.st_ino;
}

static void watch_tree(struct arbiter *a, const char *path)
{
	watch_below(a, path, is_root(path) ? DEPTH_MAX : 0);
}

/* The folder of a file, "." for a bare name. */
static void watch_beside(struct arbiter *a, const char *file)
{
	const char *slash = strrchr(file, '/');
	char bytes[PATH_MAX];
	struct text folder = TEXT_OVER(bytes);

	if (slash == NULL)
		text_add(&folder, ".");
	else
		text_add_bytes(&folder, file, slash != file ? (size_t)(slash - file) : 1);
	watch_tree(a, bytes);
}

static void watch_words(struct arbiter *a, const char *app)
{
	char **words;
	struct stat status;

	if (words_of_program(app, &words) != 0)
		return;
	for (char **word = words; *word != NULL; word++) {
		if (stat(*word, &status) == 0 && S_ISREG(status.st_mode))
			watch_beside(a, *word);
	}
	free(words);
}

/* A bare name, or one with a colon, is looked for as a Python module is. */
static void watch_modules(struct arbiter *a, const char *list)
{
	const char *item;
	size_t size;

	watch_tree(a, ".");
	while ((item = setting_item(&list, &size)) != NULL) {
		char bytes[PATH_MAX];
		struct text path = TEXT_OVER(bytes);

		text_add_bytes(&path, item, size);
		watch_tree(a, bytes);
	}
}

static void watch_app(struct arbiter *a)
{
	const struct config *config = &a->current->config;
	struct stat status;

	if (words_are_program(config->app))
		watch_words(a, config->app);
	else if (stat(config->app, &status) != 0)
		watch_modules(a, config->settings.pythonpath);
	else if (S_ISREG(status.st_mode))
		watch_beside(a, config->app);
}

static void watch_file(struct arbiter *a, const char *path)
{
	if (inotify_add_watch(a->sources.watch.fd, path,
		    IN_CLOSE_WRITE | IN_MOVE_SELF | IN_DELETE_SELF | IN_ATTRIB) < 0)
		refuse(a, path, errno);
}

static void watch_extra(struct arbiter *a, const char *list)
{
	const char *item;
	size_t size;

	while ((item = setting_item(&list, &size)) != NULL) {
		char bytes[PATH_MAX];
		struct text path = TEXT_OVER(bytes);

		text_add_bytes(&path, item, size);
		watch_file(a, bytes);
	}
}

/* What happens. */

/* A file that is watched by itself has no name here. */
static bool has_changed(const char *bytes, size_t size)
{
	bool changed = false;

	while (size >= sizeof(struct inotify_event)) {
		struct inotify_event event;

		memcpy(&event, bytes, sizeof(event));
		changed |= (event.mask & IN_IGNORED) == 0 &&
			   (event.len == 0 || sources_counts(bytes + sizeof(event)));
		bytes += sizeof(event) + event.len;
		size -= sizeof(event) + event.len;
	}
	return changed;
}

static void hear_changes(struct watch *watch, uint32_t events)
{
	struct arbiter *a = CONTAINER_OF(watch, struct arbiter, sources.watch);
	struct sources *s = &a->sources;
	char bytes[4096];
	ssize_t n = read(watch->fd, bytes, sizeof(bytes));

	(void)events;
	if (n <= 0 || !has_changed(bytes, (size_t)n))
		return;
	if (s->due_ms == CLOCK_NEVER)
		s->latest_ms = a->now_ms + LATEST_MS;
	s->due_ms = a->now_ms + SETTLE_MS < s->latest_ms ? a->now_ms + SETTLE_MS : s->latest_ms;
}

void sources_init(struct sources *sources)
{
	*sources = (struct sources){.watch = {.fd = -1}, .due_ms = CLOCK_NEVER};
}

void sources_close(struct arbiter *a)
{
	if (a->sources.watch.fd >= 0)
		loop_drop(&a->loop, &a->sources.watch);
	fd_close(&a->sources.watch.fd);
	sources_init(&a->sources);
}

void sources_use(struct arbiter *a)
{
	const struct settings *s = &a->current->config.settings;
	uint64_t due_ms = a->sources.due_ms, latest_ms = a->sources.latest_ms;
	int error;

	sources_close(a);
	if (!s->reload)
		return;
	a->sources.due_ms = due_ms;
	a->sources.latest_ms = latest_ms;
	a->sources.watch = (struct watch){
		.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
		.ready = hear_changes,
	};
	error = a->sources.watch.fd >= 0 ? loop_add(&a->loop, &a->sources.watch, EPOLLIN) : -errno;
	if (error != 0) {
		refuse(a, "inotify", error);
		return;
	}
	watch_app(a);
	watch_extra(a, s->reload_extra_file);
	if (s->gunicorn_conf != NULL)
		watch_file(a, s->gunicorn_conf);
}

void sources_turn(struct arbiter *a)
{
	if (a->sources.due_ms > a->now_ms)
		return;
	a->sources.due_ms = CLOCK_NEVER;
	log_info(&a->log, "sources_changed", log_uint("folders", a->sources.folders));
	if (!upgrade_keep(a))
		reload_begin(a);
}

uint64_t sources_deadline(const struct sources *sources)
{
	return sources->due_ms;
}
