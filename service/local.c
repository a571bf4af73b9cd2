#include "service/local.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "service/peer.h"

/* An abstract name begins with a NUL, and ends where the address does: unix(7). */
static void write_unix(const struct sockaddr_un *address, size_t size, struct text *text)
{
	const char *path = address->sun_path;

	text_add(text, "unix:");
	if (size == 0)
		return;
	if (path[0] != '\0') {
		text_add_bytes(text, path, strnlen(path, size));
		return;
	}
	text_add_char(text, '@');
	text_add_bytes(text, path + 1, size - 1);
}

void local_write(int fd, struct text *text)
{
	union {
		struct peer peer;
		struct sockaddr_un un;
	} address = {.un = {.sun_family = AF_UNSPEC}};
	socklen_t size = sizeof(address);

	if (getsockname(fd, &address.peer.any, &size) != 0)
		return;
	if (address.peer.any.sa_family == AF_UNIX)
		write_unix(&address.un, size - offsetof(struct sockaddr_un, sun_path), text);
	else
		peer_write(&address.peer, text);
}
