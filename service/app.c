#include "service/app.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/apps/files.h"
#include "service/apps/wsgi/wsgi.h"

static int load_files(struct app *app, const char *root, struct narwhal_host *host,
	struct text *why)
{
	int error = files_open(root, host->settings, &app->state, why);

	app->module = &files_module;
	if (error == 0)
		app->role = files_walks(app->state) ? CALLS_WALK : CALLS_FILES;
	return error;
}

static int load_wsgi(struct app *app, const char *name, struct narwhal_host *host, struct text *why)
{
	int error = wsgi_open(name, host, &app->state, why);

	app->module = &wsgi_module;
	app->role = CALLS_APP;
	if (error == 0)
		app->needs = wsgi_needs(app->state);
	return error;
}

static int check_calls(const struct app *app, const char *path, struct text *why)
{
	char bytes[256];
	struct text reason = TEXT_OVER(bytes);
	int error = calls_check(app->needs.calls, &reason);

	if (error != 0)
		text_printf(why, "app \"%s\": narwhal_module.calls: %s", path, bytes);
	return error;
}

static int load_module(struct app *app, const char *path, struct narwhal_host *host,
	struct text *why)
{
	int error = module_open(path, &app->module, why);

	if (error != 0)
		return error;
	app->role = CALLS_MODULE;
	app->needs = module_needs(app->module);
	error = check_calls(app, path, why);
	if (error != 0 || app->module->load == NULL)
		return error;
	error = app->module->load(host, &app->state);
	if (error == 0)
		return 0;
	text_printf(why, "app \"%s\": load() of module %s returned %d instead of 0", path,
		app->module->name, error);
	return -ECANCELED;
}

static bool looks_like_module(const char *name)
{
	size_t size = strlen(name);

	return strchr(name, '/') != NULL || (size > 3 && strcmp(name + size - 3, ".so") == 0);
}

static int load(struct app *app, const char *name, struct narwhal_host *host, struct text *why)
{
	struct stat status;
	int error = stat(name, &status) == 0 ? 0 : -errno;

	*app = (struct app){0};
	if (error == 0 && S_ISDIR(status.st_mode))
		return load_files(app, name, host, why);
	if (error != 0 && wsgi_is_name(name))
		return load_wsgi(app, name, host, why);
	if (!looks_like_module(name)) {
		text_printf(why,
			"app \"%s\": allowed are a directory of files (./public), a C module "
			"(./hello.so) and a WSGI app (package.module:app)",
			name);
		return -EINVAL;
	}
	if (error == 0)
		return load_module(app, name, host, why);
	text_printf(why,
		"app \"%s\": %s; allowed are a directory and a C module that uid %u may read", name,
		strerror(-error), (unsigned)geteuid());
	return error;
}

int app_load(struct app *app, const char *name, struct narwhal_host *host, struct text *why)
{
	int error = load(app, name, host, why);

	if (error == 0)
		app->forks = module_forks(app->module);
	return error;
}

int app_start(struct app *app, struct text *why)
{
	int error;

	if (app->module == &wsgi_module)
		return wsgi_start(app->state, why);
	error = app->module->worker_init != NULL ? app->module->worker_init(app->state) : 0;

	if (error == 0)
		return 0;
	text_printf(why, "worker_init() of module %s returned %d instead of 0", app->module->name,
		error);
	return -ECANCELED;
}

int app_confine(struct app *app, struct narwhal_host *host)
{
	return app->module == &files_module ? files_confine(app->state, &host->outgrown) : -1;
}

void app_stop(struct app *app)
{
	if (app->module->worker_exit != NULL)
		app->module->worker_exit(app->state);
}
