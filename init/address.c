#include "init/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH_OFFSET offsetof(struct sockaddr_un, sun_path)
#define PORT_MAX 65535
#define HOST_MAX 80 /* [V6%SCOPE], with room to spare */

static int refuse(struct text *reason, const char *sentence)
{
	text_add(reason, sentence);
	return -EINVAL;
}

static void write_inet(struct text *text, const struct address *address)
{
	char host[INET_ADDRSTRLEN];
	struct sockaddr_in inet;

	memcpy(&inet, &address->socket, sizeof(inet));
	(void)inet_ntop(AF_INET, &inet.sin_addr, host, sizeof(host));
	text_printf(text, "%s:%u", host, ntohs(inet.sin_port));
}

static void write_inet6(struct text *text, const struct address *address)
{
	char host[INET6_ADDRSTRLEN];
	struct sockaddr_in6 inet6;

	memcpy(&inet6, &address->socket, sizeof(inet6));
	(void)inet_ntop(AF_INET6, &inet6.sin6_addr, host, sizeof(host));
	text_printf(text, "[%s", host);
	if (address->scope[0] != '\0')
		text_printf(text, "%%%s", address->scope);
	else if (inet6.sin6_scope_id != 0)
		text_printf(text, "%%%u", inet6.sin6_scope_id);
	text_printf(text, "]:%u", ntohs(inet6.sin6_port));
}

static void write_unix(struct text *text, const struct address *address)
{
	const char *path = address_path(address);
	struct sockaddr_un local;

	text_add(text, "unix:");
	if (path != NULL) {
		text_add(text, path);
		return;
	}
	memcpy(&local, &address->socket, sizeof(local));
	for (size_t i = 0; i + PATH_OFFSET < address->size; i++)
		text_add_char(text, local.sun_path[i] == '\0' ? '@' : local.sun_path[i]);
}

static void write_text(struct address *address)
{
	struct text text = TEXT_OVER(address->text);

	switch (address->kind) {
	case ADDRESS_INET:
		write_inet(&text, address);
		break;
	case ADDRESS_INET6:
		write_inet6(&text, address);
		break;
	case ADDRESS_UNIX:
		write_unix(&text, address);
		break;
	case ADDRESS_FD:
		text_printf(&text, "fd://%d", address->fd);
		break;
	}
}

static void set_inet(struct address *address, struct in_addr host, uint16_t port)
{
	struct sockaddr_in inet = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = host};

	address->kind = ADDRESS_INET;
	address->size = sizeof(inet);
	memcpy(&address->socket, &inet, sizeof(inet));
}

static void set_inet6(struct address *address, const struct sockaddr_in6 *inet6)
{
	address->kind = ADDRESS_INET6;
	address->size = sizeof(*inet6);
	memcpy(&address->socket, inet6, sizeof(*inet6));
}

static int read_unix(const char *name, size_t size, struct address *address, struct text *reason)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	bool abstract;

	if (size >= 2 && memcmp(name, "//", 2) == 0) { /* unix:///run/x, as Gunicorn reads it */
		name += 2;
		size -= 2;
	}
	abstract = size > 0 && name[0] == '@';
	if (size == 0 || (abstract && size == 1))
		return refuse(reason, "no path behind unix:");
	if (size >= sizeof(local.sun_path))
		return refuse(reason, "the path is too long for a socket: allowed are 107 bytes");
	memcpy(local.sun_path, name, size);
	if (abstract)
		local.sun_path[0] = '\0'; /* unix(7): its size says where the name ends */
	address->kind = ADDRESS_UNIX;
	address->size = (socklen_t)(PATH_OFFSET + size + (abstract ? 0 : 1));
	memcpy(&address->socket, &local, sizeof(local));
	return 0;
}

static int read_fd(const char *number, size_t size, struct address *address, struct text *reason)
{
	uint64_t fd;

	if (text_to_uint(number, size, INT_MAX, &fd) != 0 || fd <= STDERR_FILENO)
		return refuse(reason, "behind fd:// stands the number of an open listening socket,"
				      " 3 or more");
	address->kind = ADDRESS_FD;
	address->fd = (int)fd;
	return 0;
}

static int read_port(const char *port, size_t size, uint16_t *value, struct text *reason)
{
	uint64_t number;

	if (text_to_uint(port, size, PORT_MAX, &number) != 0)
		return refuse(reason,
			"the port is no number from 0 to 65535 (0: the kernel chooses)");
	*value = (uint16_t)number;
	return 0;
}

/* An interface's number is used as it is; its name waits for the listener, which may ask. */
static int read_scope(const char *scope, struct sockaddr_in6 *inet6, struct address *address,
	struct text *reason)
{
	size_t size = strlen(scope);
	uint64_t number;

	if (size == 0 || size >= sizeof(address->scope))
		return refuse(reason, "behind % stands the name of a network interface");
	if (text_to_uint(scope, size, UINT32_MAX, &number) == 0)
		inet6->sin6_scope_id = (uint32_t)number;
	else
		memcpy(address->scope, scope, size + 1);
	return 0;
}

static int read_host6(char *host, uint16_t port, struct address *address, struct text *reason)
{
	struct sockaddr_in6 inet6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	char *scope = strchr(host, '%');
	struct in_addr inet;

	if (scope != NULL)
		*scope++ = '\0';
	if (inet_pton(AF_INET6, host, &inet6.sin6_addr) != 1)
		return refuse(reason, "in the brackets stands no IPv6 address");
	if (IN6_IS_ADDR_V4MAPPED(&inet6.sin6_addr)) {
		memcpy(&inet, &inet6.sin6_addr.s6_addr[12], sizeof(inet));
		set_inet(address, inet, port);
		return 0;
	}
	if (scope != NULL && read_scope(scope, &inet6, address, reason) != 0)
		return -EINVAL;
	if (scope == NULL && IN6_IS_ADDR_LINKLOCAL(&inet6.sin6_addr))
		return refuse(reason, "a link-local address needs its interface, as in"
				      " [fe80::1%eth0]:8000");
	set_inet6(address, &inet6);
	return 0;
}

static int read_inet6(const char *item, size_t size, struct address *address, struct text *reason)
{
	const char *end = memchr(item, ']', size);
	char host[HOST_MAX] = "";
	size_t used;
	uint16_t port;

	if (end == NULL)
		return refuse(reason, "the closing bracket is missing, as in [::1]:8000");
	used = (size_t)(end - item) + 1; /* the brackets included */
	if (used == size || item[used] != ':')
		return refuse(reason, "the port is missing, as in [::1]:8000");
	if (used - 2 >= sizeof(host))
		return refuse(reason, "in the brackets stands no IPv6 address");
	if (read_port(item + used + 1, size - used - 1, &port, reason) != 0)
		return -EINVAL;
	memcpy(host, item + 1, used - 2);
	return read_host6(host, port, address, reason);
}

static int read_host4(const char *host, struct in_addr *inet, struct text *reason)
{
	if (host[0] == '\0')
		inet->s_addr = htonl(INADDR_ANY);
	else if (strcmp(host, "localhost") == 0)
		inet->s_addr = htonl(INADDR_LOOPBACK);
	else if (inet_pton(AF_INET, host, inet) == 1)
		return 0;
	else if (host[strspn(host, "0123456789.")] == '\0')
		return refuse(reason, "is no IPv4 address: that has four numbers from 0 to 255");
	else
		return refuse(reason, "a host name is not looked up here: give an address");
	return 0;
}

static int refuse_without_port(const char *item, size_t size, struct text *reason)
{
	uint64_t port;

	if (text_to_uint(item, size, PORT_MAX, &port) != 0)
		return refuse(reason, "the port is missing, as in 127.0.0.1:8000");
	text_printf(reason,
		"the address is missing: write 127.0.0.1:%u, or :%u for every IPv4"
		" address",
		(unsigned)port, (unsigned)port);
	return -EINVAL;
}

static int read_inet(const char *item, size_t size, struct address *address, struct text *reason)
{
	const char *colon = memrchr(item, ':', size);
	char host[HOST_MAX] = "";
	struct in_addr inet;
	size_t used;
	uint16_t port;

	if (size > 0 && item[0] == '[')
		return read_inet6(item, size, address, reason);
	if (colon == NULL)
		return refuse_without_port(item, size, reason);
	used = (size_t)(colon - item);
	if (memchr(item, ':', used) != NULL)
		return refuse(reason, "an IPv6 address stands in brackets, as in [::1]:8000");
	if (used >= sizeof(host))
		return refuse(reason, "a host name is not looked up here: give an address");
	memcpy(host, item, used);
	if (read_host4(host, &inet, reason) != 0 ||
		read_port(colon + 1, size - used - 1, &port, reason) != 0)
		return -EINVAL;
	set_inet(address, inet, port);
	return 0;
}

/* What begins an item that is no HOST:PORT. A row without a reader is refused. */
static const struct prefix {
	const char *name;
	int (*read)(const char *rest, size_t size, struct address *address, struct text *reason);
} prefixes[] = {
	{"unix:", read_unix},
	{"fd://", read_fd},
	{"http://", NULL},
	{"https://", NULL},
	{"tcp://", NULL},
};

static int read_item(const char *item, size_t size, struct address *address, struct text *reason)
{
	for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
		size_t skip = strlen(prefixes[i].name);

		if (size < skip || memcmp(item, prefixes[i].name, skip) != 0)
			continue;
		if (prefixes[i].read != NULL)
			return prefixes[i].read(item + skip, size - skip, address, reason);
		text_printf(reason, "write only what stands behind %s", prefixes[i].name);
		return -EINVAL;
	}
	return read_inet(item, size, address, reason);
}

int address_parse(const char *item, size_t size, struct address *address, struct text *why)
{
	char bytes[160];
	struct text reason = TEXT_OVER(bytes);
	int error = size > 0 ? 0 : refuse(&reason, "an address is empty");

	*address = (struct address){.fd = -1};
	if (error == 0)
		error = read_item(item, size, address, &reason);
	if (error == 0) {
		write_text(address);
		return 0;
	}
	text_add_bytes(why, item, size);
	text_add(why, size > 0 ? ": " : "");
	text_add(why, bytes);
	return error;
}

static int check_new(const struct address_list *addresses, const struct address *address,
	struct text *why)
{
	if (addresses->count == COUNT_OF(addresses->item)) {
		text_printf(why, "%s: one address too many: allowed are %zu", address->text,
			addresses->count);
		return -E2BIG;
	}
	for (size_t i = 0; i < addresses->count; i++) {
		if (strcmp(addresses->item[i].text, address->text) != 0)
			continue;
		text_printf(why, "%s: is named twice", address->text);
		return -EINVAL;
	}
	return 0;
}

static int add_item(struct address_list *addresses, const char *item, size_t size, struct text *why)
{
	struct address address;
	int error;

	for (; size > 0 && (item[0] == ' ' || item[0] == '\t'); size--)
		item++;
	while (size > 0 && (item[size - 1] == ' ' || item[size - 1] == '\t'))
		size--;
	error = address_parse(item, size, &address, why);
	if (error == 0)
		error = check_new(addresses, &address, why);
	if (error == 0)
		addresses->item[addresses->count++] = address;
	return error;
}

int address_parse_list(const char *list, struct address_list *addresses, struct text *why)
{
	addresses->count = 0;
	for (;;) {
		size_t size = strcspn(list, ",");
		int error = add_item(addresses, list, size, why);

		if (error != 0 || list[size] == '\0')
			return error;
		list += size + 1;
	}
}

int address_parse_setting(const char *name, const char *list, struct address_list *addresses,
	struct text *why)
{
	char bytes[512];
	struct text reason = TEXT_OVER(bytes);
	int error;

	addresses->count = 0;
	error = list != NULL ? address_parse_list(list, addresses, &reason) : 0;
	if (error != 0)
		text_printf(why, "%s: %s", name, bytes);
	return error;
}

int address_from_socket(struct address *address, const struct sockaddr_storage *socket,
	socklen_t size)
{
	*address = (struct address){.fd = -1, .size = size, .socket = *socket};
	switch (socket->ss_family) {
	case AF_INET:
		address->kind = ADDRESS_INET;
		break;
	case AF_INET6:
		address->kind = ADDRESS_INET6;
		break;
	case AF_UNIX:
		address->kind = ADDRESS_UNIX;
		break;
	default:
		return -EAFNOSUPPORT;
	}
	write_text(address);
	return 0;
}

unsigned address_port(const struct address *address)
{
	struct sockaddr_in inet;
	struct sockaddr_in6 inet6;

	memcpy(&inet, &address->socket, sizeof(inet));
	memcpy(&inet6, &address->socket, sizeof(inet6));
	if (address->kind == ADDRESS_INET)
		return ntohs(inet.sin_port);
	return address->kind == ADDRESS_INET6 ? ntohs(inet6.sin6_port) : 0;
}

const char *address_path(const struct address *address)
{
	const char *path = (const char *)&address->socket + PATH_OFFSET;

	if (address->kind != ADDRESS_UNIX || address->size <= PATH_OFFSET)
		return NULL;
	return path[0] != '\0' ? path : NULL;
}

bool address_is_any6(const struct address *address)
{
	struct sockaddr_in6 inet6;

	memcpy(&inet6, &address->socket, sizeof(inet6));
	return address->kind == ADDRESS_INET6 && IN6_IS_ADDR_UNSPECIFIED(&inet6.sin6_addr);
}
