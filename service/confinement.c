#include "service/confinement.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "seccomp/landlock.h"
#include "service/birth.h"

static int refuse(struct text *why, int error)
{
	text_printf(why, "landlock = require: %s", landlock_remedy(error));
	return error;
}

static int allow_path(struct landlock *landlock, const char *path, enum landlock_grant grant)
{
	FD_SCOPED fd = open(path, O_PATH | O_CLOEXEC);

	return fd >= 0 ? landlock_allow(landlock, fd, grant) : -errno;
}

/* Of a setting, or of a member of the module's. */
struct wanted {
	const char *name;
	const char *list;
	enum landlock_grant grant;
};

static int allow_paths(struct landlock *landlock, const struct wanted *wanted, struct text *why)
{
	const char *list = wanted->list;
	const char *item;
	size_t size;
	int error = 0;

	while (error == 0 && (item = setting_item(&list, &size)) != NULL) {
		char path[PATH_MAX];
		struct text text = TEXT_OVER(path);

		text_add_bytes(&text, item, size);
		error = text.cut ? -ENAMETOOLONG : allow_path(landlock, path, wanted->grant);
		if (error != 0)
			text_printf(why,
				"%s: \"%.512s\": %s; allowed are files and directories that are "
				"there",
				wanted->name, path, strerror(-error));
	}
	return error;
}

static bool is_everywhere(const char *ports)
{
	return ports != NULL && strcmp(ports, "*") == 0;
}

static int allow_ports(struct landlock *landlock, const char *list, struct text *why)
{
	const char *item;
	size_t size;
	int error = 0;

	if (is_everywhere(list))
		return 0;
	while (error == 0 && (item = setting_item(&list, &size)) != NULL) {
		uint16_t port;

		error = landlock_read_port(item, size, &port, why);
		if (error == 0)
			error = landlock_allow_port(landlock, port);
	}
	return error;
}

static int allow(struct worker *worker, struct landlock *landlock, struct text *why)
{
	const struct settings *s = &worker->heritage.settings;
	const struct module_needs *needs = &worker->app.needs;
	const struct wanted paths[] = {
		{"landlock_read", s->landlock_read, LANDLOCK_READ},
		{"landlock_write", s->landlock_write, LANDLOCK_WRITE},
		{"narwhal_module.read_paths", needs->read_paths, LANDLOCK_READ},
		{"narwhal_module.write_paths", needs->write_paths, LANDLOCK_WRITE},
		{"python", needs->run_paths, LANDLOCK_RUN},
	};
	int root_fd = app_confine(&worker->app, &worker->host);
	int error = root_fd >= 0 ? landlock_allow(landlock, root_fd, LANDLOCK_READ) : 0;

	for (size_t i = 0; error == 0 && i < COUNT_OF(paths); i++)
		error = allow_paths(landlock, &paths[i], why);
	if (error == 0)
		error = allow_ports(landlock, s->landlock_connect, why);
	return error == 0 ? allow_ports(landlock, needs->connect_ports, why) : error;
}

/* What a module asks for is the operator's to know; what a kind of app has is in the manual. */
static void say_needs(struct worker *worker)
{
	const struct module_needs *needs = &worker->app.needs;
	const bool own = worker->app.role == CALLS_MODULE;

	if (needs->read_paths != NULL || needs->write_paths != NULL || needs->connect_ports != NULL)
		log_at(&worker->log, own ? LOG_INFO : LOG_DEBUG, "landlock_needs",
			log_string("app", worker->app.module->name),
			log_string("read", needs->read_paths),
			log_string("write", needs->write_paths),
			log_string("connect", needs->connect_ports));
}

static int refuse_threads(long threads, struct text *why)
{
	text_add(why, "landlock = require: ");
	if (threads < 0)
		text_add(why, "whether the app has begun threads cannot be told without /proc: "
			      "mount it, or set landlock = auto");
	else
		text_printf(why,
			"%ld threads of the app would be left out: it must begin them later, from "
			"a timer or with the first request",
			threads);
	return -EBUSY;
}

/* Landlock is a thread's: those that the app has begun by now stay as they are. */
static int mind_threads(struct worker *worker, struct text *why)
{
	long threads = birth_other_threads();

	if (threads == 0)
		return 0;
	if (worker->heritage.settings.landlock == LANDLOCK_REQUIRE)
		return refuse_threads(threads, why);
	if (threads < 0)
		return 0;
	log_warning(&worker->log, "landlock_partly", log_int("threads", threads),
		log_string("reason", "the app began them before it was loaded, and they stay free; "
				     "from a timer or with the first request they would not"));
	return 0;
}

static int enter(struct worker *worker, int abi, struct text *why)
{
	const struct settings *s = &worker->heritage.settings;
	struct landlock landlock;
	bool anywhere = is_everywhere(s->landlock_connect) ||
			is_everywhere(worker->app.needs.connect_ports);
	int error = landlock_open(&landlock, abi, anywhere);

	if (error != 0)
		return error;
	say_needs(worker);
	error = allow(worker, &landlock, why);
	if (error == 0)
		error = mind_threads(worker, why);
	if (error == 0)
		error = landlock_enforce(&landlock);
	landlock_close(&landlock);
	return error;
}

int confinement_enter(struct worker *worker, struct text *why)
{
	uint64_t choice = worker->heritage.settings.landlock;
	int abi, error;

	if (choice == LANDLOCK_OFF)
		return 0;
	abi = landlock_abi();
	error = abi >= 0 ? enter(worker, abi, why) : abi;
	if (abi >= 0 && error != -E2BIG) {
		if (error == 0)
			log_debug(&worker->log, "landlock", log_int("abi", abi));
		return error;
	}
	if (choice == LANDLOCK_REQUIRE)
		return refuse(why, error);
	/* The arbiter has said so, once for all. */
	log_debug(&worker->log, "landlock_missing", log_errno("error", error));
	return 0;
}
