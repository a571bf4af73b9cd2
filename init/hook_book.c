#include "init/hook_book.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *name;
	size_t offset; /* of the setting, in struct settings */
	bool fatal;
} hooks[HOOKS] = {
#define HOOK(name, setting, fatal, when) \
	[HOOK_##name] = {#setting, offsetof(struct settings, setting), fatal},
#include "init/hooks.def"
#undef HOOK
};

const char *hook_name(enum hook hook)
{
	return hooks[hook].name;
}

bool hook_is_fatal(enum hook hook)
{
	return hooks[hook].fatal;
}

static const char *setting_of(const struct settings *settings, enum hook hook)
{
	const char *field = (const char *)settings + hooks[hook].offset;

	return *(const char *const *)(const void *)field;
}

static int add_file(struct hook_book *book, enum hook hook, const char *path, struct text *why)
{
	char *copy;

	if (book->count == HOOK_FILES_MAX) {
		text_printf(why, "%s: one hook too many: allowed are %d", path, HOOK_FILES_MAX);
		return -E2BIG;
	}
	copy = strdup(path);
	if (copy == NULL)
		return -ENOMEM;
	book->file[book->count++] = (struct hook_file){.hook = hook, .path = copy};
	return 0;
}

static bool is_program(const char *path, struct stat *status)
{
	return stat(path, status) == 0 && S_ISREG(status->st_mode) &&
	       faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

static int add_when_ready(struct hook_book *book, const char *path, struct text *why)
{
	struct stat status;
	bool foreign;

	if (!is_program(path, &status)) {
		book->ready_file = strdup(path);
		return book->ready_file != NULL ? 0 : -ENOMEM;
	}
	foreign = status.st_uid != 0 && status.st_uid != geteuid();
	if (!foreign && (status.st_mode & S_IWOTH) == 0)
		return add_file(book, HOOK_WHEN_READY, path, why);
	text_printf(why, "when_ready: %s: is a program that is ", path);
	if (foreign)
		text_printf(why, "user %u's: a hook there must be root's, or user %u's",
			(unsigned)status.st_uid, (unsigned)geteuid());
	else
		text_add(why, "writable by everybody, and not run for that");
	return -EPERM;
}

/* NAME, or NAME. and anything: two programs of two packages need two names. */
static bool is_of(const char *file, enum hook hook)
{
	size_t size = strlen(hooks[hook].name);

	return strncmp(file, hooks[hook].name, size) == 0 &&
	       (file[size] == '\0' || file[size] == '.');
}

static int add_entry(struct hook_book *book, const char *path, enum hook hook, struct text *why)
{
	size_t used = strlen(book->left_out);
	struct text left_out = {book->left_out, sizeof(book->left_out), used, false};
	struct stat status;

	if (is_program(path, &status))
		return add_file(book, hook, path, why);
	text_printf(&left_out, "%s%s", used > 0 ? " " : "", path);
	return 0;
}

static int add_entries(struct hook_book *book, const char *directory, const char *name,
	struct text *why)
{
	char bytes[PATH_MAX];
	struct text path = TEXT_OVER(bytes);
	int error = 0;

	text_printf(&path, "%s/%s", directory, name);
	for (enum hook hook = 0; error == 0 && hook < HOOKS; hook++) {
		if (!is_of(name, hook))
			continue;
		error = path.cut ? -ENAMETOOLONG : add_entry(book, bytes, hook, why);
	}
	return error;
}

/* alphasort(3) would order them by the locale: bytes are the same everywhere. */
static int compare_entries(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_directory(struct hook_book *book, const char *directory, struct text *why)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, NULL, compare_entries);
	int error = count < 0 ? -errno : 0;

	if (error != 0)
		text_printf(why, "hooks_dir: %s: %s", directory, strerrordesc_np(-error));
	for (int i = 0; i < count; i++) {
		if (error == 0)
			error = add_entries(book, directory, entries[i]->d_name, why);
		free(entries[i]);
	}
	free(entries);
	return error;
}

static int add_all(struct hook_book *book, const struct settings *settings, struct text *why)
{
	int error = 0;

	for (enum hook hook = 0; error == 0 && hook < HOOKS; hook++) {
		const char *path = setting_of(settings, hook);

		if (path != NULL && hook == HOOK_WHEN_READY)
			error = add_when_ready(book, path, why);
		else if (path != NULL)
			error = add_file(book, hook, path, why);
	}
	if (error == 0 && settings->hooks_dir != NULL)
		error = add_directory(book, settings->hooks_dir, why);
	return error;
}

struct hook_book *hook_book_new(void)
{
	struct hook_book *book = calloc(1, sizeof(*book));

	if (book != NULL)
		book->references = 1;
	return book;
}

int hook_book_read(const struct settings *settings, struct hook_book **book, struct text *why)
{
	struct hook_book *made = hook_book_new();
	int error = -ENOMEM;

	if (made != NULL) {
		made->timeout_ms = settings->hook_timeout;
		error = add_all(made, settings, why);
	}
	if (error == 0) {
		*book = made;
		return 0;
	}
	hook_book_release(made);
	if (error == -ENOMEM)
		text_add(why, "no memory for the hooks");
	return error;
}

struct hook_book *hook_book_keep(struct hook_book *book)
{
	if (book != NULL)
		book->references++;
	return book;
}

void hook_book_release(struct hook_book *book)
{
	if (book == NULL || --book->references > 0)
		return;
	for (size_t i = 0; i < book->count; i++)
		free(book->file[i].path);
	free(book->ready_file);
	free(book);
}

size_t hook_book_next(const struct hook_book *book, enum hook hook, size_t from)
{
	while (from < book->count && book->file[from].hook != hook)
		from++;
	return from;
}
