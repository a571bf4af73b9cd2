#include "init/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/execute.h"
#include "base/fd.h"
#include "base/words.h"
#include "init/certificates.h"
#include "init/duties.h"
#include "init/hook_book.h"
#include "init/image.h"
#include "init/inherit.h"
#include "init/opening.h"
#include "init/users.h"
#include "seccomp/landlock.h"

static int check_ports(const char *list, struct text *why)
{
	const char *item;
	size_t size;
	uint16_t port;
	int error = 0;

	if (list != NULL && strcmp(list, "*") == 0)
		return 0;
	while (error == 0 && (item = setting_item(&list, &size)) != NULL)
		error = landlock_read_port(item, size, &port, why);
	return error;
}

int check_landlock(const struct settings *settings, struct text *why)
{
	int abi = settings->landlock == LANDLOCK_REQUIRE ? landlock_abi() : 0;

	if (abi >= 0)
		return check_ports(settings->landlock_connect, why);
	text_printf(why, "landlock = require: %s", landlock_remedy(abi));
	return abi;
}

/* The files that a start would need, and not what stands in them. */
static int check_files(const struct settings *s, struct text *why)
{
	struct hook_book *book = NULL;
	FD_SCOPED image_fd = -1;
	struct certificates certificates = {-1, -1};
	mode_t mode;
	int error = opening_umask(s, &mode, why);

	if (error == 0 && s->chdir != NULL && access(s->chdir, X_OK) != 0) {
		text_printf(why, "chdir: %s: %s", s->chdir, strerror(errno));
		error = -errno;
	}
	if (error == 0)
		error = image_open(s->worker_image, &image_fd, why);
	if (error == 0)
		error = certificates_open(s, &certificates, why);
	if (error == 0)
		error = hook_book_read(s, &book, why);
	if (error == 0)
		hook_book_release(book);
	certificates_close(&certificates);
	return error;
}

static int check_program(const char *app, struct text *why)
{
	char **words;
	int error = words_of_program(app, &words);

	if (error != 0) {
		text_printf(why,
			"app: \"%.200s\": no program stands behind --, or a quote does not end",
			app);
		return error;
	}
	error = execute_find(words[0]);
	if (error != 0)
		text_printf(why, "%.512s: %s", words[0], execute_reason(words[0], error));
	free(words);
	return error;
}

int check_config(const struct config *config, struct text *why)
{
	const struct settings *s = &config->settings;
	struct users_question question = users_question(s);
	struct address_list addresses, metrics;
	struct users users;
	uint64_t kept = 0;
	int error = users_resolve(&question, &users, why);

	if (error == 0)
		error = check_landlock(s, why);
	if (error == 0)
		error = duties_read_kept(s, &kept, why);
	if (error == 0)
		error = inherit_addresses(NULL, s,
			config->origin[SETTING_ID_bind].source != CONFIG_DEFAULT, &addresses, why);
	if (error == 0)
		error = inherit_metrics(s, &addresses, &metrics, why);
	if (error == 0 && words_are_program(config->app))
		error = check_program(config->app, why);
	return error == 0 ? check_files(s, why) : error;
}
