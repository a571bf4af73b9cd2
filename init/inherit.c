#include "init/inherit.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/heritage.h"
#include "base/settings.h"

#define PREFIX "fd://"
#define LIST_SIZE (2 * HERITAGE_LISTENERS * ADDRESS_TEXT_SIZE)

struct inherit_question inherit_question(void)
{
	return (struct inherit_question){
		.pid = getenv("LISTEN_PID"),
		.fds = getenv("LISTEN_FDS"),
		.names = getenv("LISTEN_FDNAMES"),
	};
}

static int read_number(const char *name, const char *value, uint64_t most, uint64_t *number,
	struct text *why)
{
	if (text_to_uint(value, strlen(value), most, number) == 0)
		return 0;
	text_printf(why, "%s: \"", name);
	text_add_escaped(why, value, strlen(value), false);
	text_printf(why, "\" is not a number: allowed are 0 to %llu", (unsigned long long)most);
	return -EINVAL;
}

static size_t count_names(const char *names)
{
	size_t count = 1;

	for (; *names != '\0'; names++)
		count += *names == ':';
	return count;
}

int inherit_read(const struct inherit_question *question, pid_t pid, struct inherit *inherit,
	struct text *why)
{
	uint64_t owner, count;
	int error;

	*inherit = (struct inherit){0};
	if (question->pid == NULL || question->fds == NULL)
		return 0;
	error = read_number("LISTEN_PID", question->pid, INT32_MAX, &owner, why);
	if (error != 0 || (pid_t)owner != pid)
		return error;
	error = read_number("LISTEN_FDS", question->fds, HERITAGE_LISTENERS, &count, why);
	if (error != 0 || count == 0)
		return error;
	if (question->names != NULL && count_names(question->names) != count) {
		text_printf(why, "LISTEN_FDNAMES: holds %zu names for LISTEN_FDS=%zu",
			count_names(question->names), (size_t)count);
		return -EINVAL;
	}
	*inherit = (struct inherit){.count = (size_t)count, .names = question->names};
	return 0;
}

bool inherit_has(const struct inherited *inherited, int fd)
{
	for (size_t i = 0; i < inherited->count; i++) {
		if (inherited->fd[i] == fd)
			return true;
	}
	return false;
}

static void note(struct inherited *inherited, int fd)
{
	if (!inherit_has(inherited, fd))
		inherited->fd[inherited->count++] = fd;
}

int inherit_take(const struct inherit *inherit, const struct address_list *named,
	struct inherited *inherited, struct text *why)
{
	inherited->count = 0;
	for (size_t i = 0; i < inherit->count; i++) {
		int fd = INHERIT_FIRST + (int)i;
		struct stat status;

		/* One that was missing may have become a file that we opened meanwhile. */
		if (fstat(fd, &status) != 0 || !S_ISSOCK(status.st_mode) ||
			fd_disinherit(fd) != 0) {
			text_printf(why, "LISTEN_FDS=%zu: descriptor %d is no open socket",
				inherit->count, fd);
			return -ENOTSOCK;
		}
		note(inherited, fd);
	}
	for (size_t i = 0; named != NULL && i < named->count; i++) {
		if (named->item[i].kind == ADDRESS_FD && fd_disinherit(named->item[i].fd) == 0)
			note(inherited, named->item[i].fd);
	}
	return 0;
}

static void add_item(struct text *list, const char *item, size_t size)
{
	text_add(list, list->used > 0 ? "," : "");
	text_add_bytes(list, item, size);
}

static void add_fd(struct text *list, size_t index)
{
	text_printf(list, "%s" PREFIX "%zu", list->used > 0 ? "," : "", INHERIT_FIRST + index);
}

static bool is_name(const char *item, size_t size)
{
	static const size_t skip = sizeof(PREFIX) - 1;
	uint64_t number;

	return size > skip && memcmp(item, PREFIX, skip) == 0 &&
	       text_to_uint(item + skip, size - skip, UINT64_MAX, &number) == -EINVAL;
}

static int refuse_name(const struct inherit *inherit, const char *item, size_t size,
	struct text *why)
{
	text_add_escaped(why, item, size, false);
	text_add(why, ": no descriptor has that name: LISTEN_FDNAMES ");
	if (inherit->names == NULL) {
		text_add(why, "names none for this process");
	} else {
		text_add(why, "is ");
		text_add_escaped(why, inherit->names, strlen(inherit->names), false);
	}
	return -EINVAL;
}

static int add_named(const struct inherit *inherit, const char *item, size_t size,
	struct text *list, struct text *why)
{
	const char *name = item + sizeof(PREFIX) - 1, *at = inherit->names;
	size_t wanted = size - (sizeof(PREFIX) - 1), found = 0;

	for (size_t i = 0; at != NULL && i < inherit->count; i++) {
		size_t n = strcspn(at, ":");

		if (n == wanted && memcmp(at, name, n) == 0) {
			add_fd(list, i);
			found++;
		}
		at += n + (at[n] == ':');
	}
	return found > 0 ? 0 : refuse_name(inherit, item, size, why);
}

int inherit_rewrite(const struct inherit *inherit, const char *bind, bool given, struct text *list,
	struct text *why)
{
	bool all = !given && inherit != NULL && inherit->count > 0;
	const char *item;
	size_t size;
	int error = 0;

	for (size_t i = 0; all && i < inherit->count; i++)
		add_fd(list, i);
	while (!all && error == 0 && (item = setting_item(&bind, &size)) != NULL) {
		if (!is_name(item, size))
			add_item(list, item, size);
		else if (inherit != NULL)
			error = add_named(inherit, item, size, list, why);
	}
	if (error == 0 && list->cut) {
		text_add(why, "bind: is too long");
		error = -E2BIG;
	}
	return error;
}

static int read_list(const struct inherit *inherit, const char *bind, bool given,
	struct address_list *addresses, struct text *why)
{
	char bytes[LIST_SIZE];
	struct text list = TEXT_OVER(bytes);
	int error = inherit_rewrite(inherit, bind, given, &list, why);

	addresses->count = 0;
	if (error != 0 || (inherit == NULL && list.used == 0))
		return error;
	return address_parse_list(bytes, addresses, why);
}

/* Where clients of both would meet. Where the kernel chooses the port, each has its own. */
static bool is_same_place(const struct address *a, const struct address *b)
{
	bool is_chosen =
		(a->kind == ADDRESS_INET || a->kind == ADDRESS_INET6) && address_port(a) == 0;

	return !is_chosen && strcmp(a->text, b->text) == 0;
}

static bool is_among(const struct address_list *addresses, const struct address *address)
{
	for (size_t i = 0; i < addresses->count; i++) {
		if (is_same_place(&addresses->item[i], address))
			return true;
	}
	return false;
}

static int append_tls(struct address_list *addresses, const struct address *address,
	struct text *why)
{
	if (is_among(addresses, address)) {
		text_printf(why, "bind_tls: %s: is an address of bind, too", address->text);
		return -EINVAL;
	}
	if (addresses->count == COUNT_OF(addresses->item)) {
		text_printf(why, "bind_tls: %s: one address too many: allowed are %zu in all",
			address->text, addresses->count);
		return -E2BIG;
	}
	addresses->item[addresses->count] = *address;
	addresses->item[addresses->count++].tls = true;
	return 0;
}

int inherit_addresses(const struct inherit *inherit, const struct settings *settings, bool given,
	struct address_list *addresses, struct text *why)
{
	struct address_list secure = {0};
	int error = 0;

	addresses->count = 0;
	if (given || settings->bind_tls == NULL)
		error = read_list(inherit, settings->bind, given, addresses, why);
	if (error == 0 && settings->bind_tls != NULL)
		error = read_list(inherit, settings->bind_tls, true, &secure, why);
	for (size_t i = 0; error == 0 && i < secure.count; i++)
		error = append_tls(addresses, &secure.item[i], why);
	return error;
}

int inherit_metrics(const struct settings *settings, const struct address_list *service,
	struct address_list *addresses, struct text *why)
{
	int error = address_parse_setting("metrics_bind", settings->metrics_bind, addresses, why);

	for (size_t i = 0; error == 0 && i < addresses->count; i++) {
		if (!is_among(service, &addresses->item[i]))
			continue;
		text_printf(why, "metrics_bind: %s: is an address of the service, too",
			addresses->item[i].text);
		error = -EINVAL;
	}
	return error;
}

void inherit_clear_environment(void)
{
	static const char *const names[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
		"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		(void)unsetenv(names[i]);
}
