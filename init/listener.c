#include "init/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

/* Why the kernel refused, for people. `kind` ADDRESS_FD stands for every kind. */
static const struct refusal {
	int error;
	enum address_kind kind;
	const char *sentence;
} refusals[] = {
	{EADDRINUSE, ADDRESS_UNIX, "a living process has this socket"},
	{EADDRINUSE, ADDRESS_FD, "the address is in use"},
	{EADDRNOTAVAIL, ADDRESS_FD, "this machine has no such address"},
	{EAFNOSUPPORT, ADDRESS_FD, "this machine has no such kind of address"},
	{ENODEV, ADDRESS_FD, "this machine has no such network interface"},
	{EACCES, ADDRESS_UNIX, "no permission to make or reach a socket there"},
	{EACCES, ADDRESS_FD,
		"no permission: a port below net.ipv4.ip_unprivileged_port_start (1024) needs"
		" CAP_NET_BIND_SERVICE"},
	{EPERM, ADDRESS_FD, "no permission"},
	{ENOENT, ADDRESS_UNIX, "the directory does not exist"},
	{EROFS, ADDRESS_UNIX, "the file system is read-only"},
	{EEXIST, ADDRESS_UNIX, "a file that is no socket stands there, and is not replaced"},
};

static const char *refusal_sentence(enum address_kind kind, int error)
{
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		const struct refusal *row = &refusals[i];

		if (row->error == -error && (row->kind == kind || row->kind == ADDRESS_FD))
			return row->sentence;
	}
	return strerrordesc_np(-error);
}

static int set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

static int ask(int fd, int option)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -errno;
}

static int learn_address(struct listener *listener)
{
	struct sockaddr_storage socket = {0};
	socklen_t size = sizeof(socket);

	if (getsockname(listener->fd, (struct sockaddr *)&socket, &size) != 0)
		return -errno;
	return address_from_socket(&listener->address, &socket, size);
}

/* The socket file's inode, if that is what stands at `path`: 0, -EEXIST or another -errno. */
static int find_socket_file(const char *path, struct stat *status)
{
	if (lstat(path, status) != 0)
		return -errno;
	return S_ISSOCK(status->st_mode) ? 0 : -EEXIST;
}

/* Whether somebody is behind a socket file: -EADDRINUSE if so, 0 if not, or another -errno. */
static int probe(const struct address *address)
{
	FD_SCOPED fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address->socket, address->size) == 0)
		return -EADDRINUSE;
	if (errno == ECONNREFUSED || errno == ENOENT)
		return 0;
	/* Its queue is full, or it is a datagram socket: alive all the same. */
	return errno == EAGAIN || errno == EPROTOTYPE ? -EADDRINUSE : -errno;
}

static int unlink_same(const char *path, dev_t device, ino_t inode)
{
	struct stat now;

	if (find_socket_file(path, &now) != 0 || now.st_dev != device || now.st_ino != inode)
		return 0;
	return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

static int remove_stale(const struct address *address, const char *path)
{
	struct stat found;
	int error = find_socket_file(path, &found);

	if (error == 0)
		error = probe(address);
	if (error == 0)
		error = unlink_same(path, found.st_dev, found.st_ino);
	return error == -ENOENT ? 0 : error;
}

static int bind_address(const struct listener *listener, const struct address *address)
{
	const struct sockaddr *socket = (const struct sockaddr *)&address->socket;

	return bind(listener->fd, socket, address->size) == 0 ? 0 : -errno;
}

static int bind_unix(struct listener *listener, const struct address *address)
{
	const char *path = address_path(address);
	int error = bind_address(listener, address);
	struct stat made;

	if (path == NULL)
		return error;
	if (error == -EADDRINUSE) {
		error = remove_stale(address, path);
		if (error == 0)
			error = bind_address(listener, address);
	}
	if (error == 0)
		error = find_socket_file(path, &made);
	if (error != 0)
		return error;
	listener->linked = true;
	listener->device = made.st_dev;
	listener->inode = made.st_ino;
	return 0;
}

/*
 * Who vanishes without a word is known to be gone after two minutes, also while nothing is sent to
 * him. Accepted sockets inherit it (tcp(7)); where it cannot be had, one does without.
 */
static void keep_alive(int fd)
{
	(void)set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	(void)set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
	(void)set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
	(void)set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

static int bind_inet(struct listener *listener, const struct address *address)
{
	/* Connections of a predecessor that are in TIME_WAIT must not keep us from its port. */
	int error = set_option(listener->fd, SOL_SOCKET, SO_REUSEADDR, 1);

	/* Accepted sockets inherit it (tcp(7)): one system call less for each connection. */
	if (error == 0)
		error = set_option(listener->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	/*
	 * A connection is told of when its first bytes are there, so that a worker's first read
	 * finds them: a fifth of the cost of a connection less. Who says nothing for a second is
	 * accepted all the same (tcp_check_req() in the kernel: at the next SYN-ACK).
	 */
	if (error == 0)
		error = set_option(listener->fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
	keep_alive(listener->fd);
	if (error == 0 && address->shards > 1)
		error = set_option(listener->fd, SOL_SOCKET, SO_REUSEPORT, 1);
	return error == 0 ? bind_address(listener, address) : error;
}

/* Whether [::]:PORT must leave IPv4 to another address of the list. */
static bool is_only6(const struct address_list *addresses, const struct address *address)
{
	for (size_t i = 0; i < addresses->count; i++) {
		const struct address *other = &addresses->item[i];

		if (other->kind == ADDRESS_INET && address_port(other) != 0 &&
			address_port(other) == address_port(address))
			return true;
	}
	return false;
}

static int bind_inet6(struct listener *listener, const struct address *address, bool only6)
{
	struct address scoped = *address;
	struct sockaddr_in6 inet6;

	if (address->scope[0] != '\0') {
		memcpy(&inet6, &address->socket, sizeof(inet6));
		inet6.sin6_scope_id = if_nametoindex(address->scope);
		if (inet6.sin6_scope_id == 0)
			return -ENODEV;
		memcpy(&scoped.socket, &inet6, sizeof(inet6));
	}
	if (address_is_any6(address)) { /* said either way: net.ipv6.bindv6only may differ */
		int error = set_option(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, only6);

		if (error != 0)
			return error;
	}
	return bind_inet(listener, &scoped);
}

static int bind_any(struct listener *listener, const struct address *address,
	const struct address_list *addresses)
{
	if (address->kind == ADDRESS_UNIX)
		return bind_unix(listener, address);
	if (address->kind == ADDRESS_INET6)
		return bind_inet6(listener, address, is_only6(addresses, address));
	return bind_inet(listener, address);
}

static int open_own(struct listener *listener, const struct address *address,
	const struct address_list *addresses, int backlog)
{
	int error;

	listener->fd =
		socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return -errno;
	error = bind_any(listener, address, addresses);
	if (error == 0 && listen(listener->fd, backlog) != 0)
		error = -errno;
	return error == 0 ? learn_address(listener) : error;
}

static int check_inherited(int fd, struct text *why)
{
	int type = ask(fd, SO_TYPE);
	int domain = ask(fd, SO_DOMAIN);
	int error = -EINVAL;

	if (type == -ENOTSOCK)
		text_add(why, "this descriptor is no socket");
	else if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX)
		text_add(why, "this socket is neither IPv4, IPv6 nor unix");
	else if (type != SOCK_STREAM)
		text_add(why, "this is no stream socket (SOCK_STREAM)");
	else if (ask(fd, SO_ACCEPTCONN) != 1)
		text_add(why, "this socket does not listen: whoever opened it must call listen()");
	else
		error = 0;
	return error != 0 && type < 0 ? type : error;
}

/* Under another number: the one that it has stays inherit.h's. */
static int open_inherited(struct listener *listener, int inherited_fd)
{
	int fd = fd_duplicate(inherited_fd);
	int flags = fcntl(fd, F_GETFL);
	int error = fd < 0 ? fd : 0;

	listener->fd = fd;
	listener->inherited = true;
	if (error == 0 && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0))
		error = -errno;
	if (error == 0)
		error = learn_address(listener);
	if (error == 0 && listener->address.kind != ADDRESS_UNIX)
		error = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return error;
}

int listener_open(struct listener *listener, const struct address *address,
	const struct address_list *addresses, int backlog, struct text *why)
{
	char bytes[128];
	struct text reason = TEXT_OVER(bytes);
	int error = 0;

	*listener = (struct listener){.fd = -1, .address = *address};
	memcpy(listener->asked, address->text, sizeof(listener->asked));
	if (address->kind == ADDRESS_FD) {
		error = check_inherited(address->fd, &reason);
		if (error == 0)
			error = open_inherited(listener, address->fd);
	} else {
		error = open_own(listener, address, addresses, backlog);
	}
	if (error == 0)
		return 0;
	if (reason.used == 0)
		text_add(&reason, refusal_sentence(address->kind, error));
	text_printf(why, "%s: %s", address->text, bytes);
	listener_close(listener);
	return error;
}

/*
 * A listening socket that is bound to an interface gets no SYN from any other, and no interface
 * has this index: a new client is refused by the kernel. A handshake that has begun is no matter
 * of the interface any more; its socket is not bound to one. Needs Linux 5.7 and no privilege,
 * but for a socket that is bound already, as link-local addresses are: that needs CAP_NET_RAW.
 * (SO_ATTACH_FILTER would do, but newer kernels want CAP_NET_ADMIN for it on TCP: 6.18.44 does.)
 */
#define NO_INTERFACE INT_MAX
#define ANY_INTERFACE 0

static int gate_tcp(int fd)
{
	int error = set_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX, NO_INTERFACE);

	/* Who has connected and said nothing yet shall be accepted, too, and told to close. */
	return error == 0 ? set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 0) : error;
}

/* A link-local address is one interface's, and goes back to that. */
static int own_interface(const struct address *address)
{
	struct sockaddr_in6 inet6;

	if (address->kind != ADDRESS_INET6)
		return ANY_INTERFACE;
	memcpy(&inet6, &address->socket, sizeof(inet6));
	return (int)inet6.sin6_scope_id;
}

static int ungate_tcp(const struct listener *listener)
{
	int fd = listener->fd;
	int error = set_option(fd, SOL_SOCKET, SO_BINDTOIFINDEX, own_interface(&listener->address));

	return error == 0 ? set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1) : error;
}

static int unlink_own(struct listener *listener)
{
	const char *path = address_path(&listener->address);
	int error;

	if (!listener->linked || path == NULL) /* thawed, its address is not known yet */
		return 0;
	error = unlink_same(path, listener->device, listener->inode);
	if (error == 0)
		listener->linked = false;
	return error;
}

int listener_gate(struct listener *listener)
{
	int error;

	if (listener->gated || listener->inherited)
		return 0;
	if (listener->address.kind != ADDRESS_UNIX)
		error = gate_tcp(listener->fd);
	else if (listener->linked)
		error = unlink_own(listener);
	else
		return 0;
	listener->gated = error == 0;
	return error;
}

/* What is refused: a bound socket is let go of an interface for CAP_NET_RAW alone. */
static const char *share_refusal(const struct listener *listener, int error)
{
	return listener->gated && error == -EPERM ? "workers that drain still hold this socket, "
						    "and only CAP_NET_RAW opens it again"
						  : strerror(-error);
}

int listener_share(struct listener *listener, const struct listener *other, int backlog,
	struct text *why)
{
	int error = 0;

	*listener = *other;
	listener->linked = false;
	listener->fd = fd_duplicate(other->fd);
	if (listener->fd < 0)
		error = listener->fd;
	else if (!other->inherited && listen(listener->fd, backlog) != 0)
		error = -errno;
	if (error == 0 && listener->gated)
		error = ungate_tcp(listener);
	if (error == 0) {
		listener->gated = false;
		return 0;
	}
	text_printf(why, "%s: %s", other->asked, share_refusal(other, error));
	listener_close(listener);
	return error;
}

int listener_adopt(struct listener *listener)
{
	/* That it does not listen any more, as after a worker's shutdown(2), refuses no image: the
	 * reload that follows listens again, and the image to go back to would find the same. */
	return learn_address(listener);
}

bool listener_waiting(const struct listener *listener)
{
	struct pollfd poll_fd = {.fd = listener->fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLIN) != 0;
}

void listener_close(struct listener *listener)
{
	(void)unlink_own(listener); /* what cannot be unlinked is found stale at the next start */
	fd_close(&listener->fd);
}
