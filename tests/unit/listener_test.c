#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/listener_set.h"

#define PATIENCE_MS 20000 /* how long an event that must come may take on a busy machine */
#define BACKLOG 64
#define ATTEMPTS 20 /* for a port that another process may take in between */

struct fixture {
	char directory[64];
	char path[96];
	char item[112]; /* unix:path */
	char why_bytes[512];
	struct text why;
	struct listener_set set;
	struct shelf shelf;
	struct inherited inherited;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	snprintf(f->directory, sizeof(f->directory), "/tmp/listener_test.XXXXXX");
	if (mkdtemp(f->directory) == NULL)
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/socket", f->directory);
	snprintf(f->item, sizeof(f->item), "unix:%s", f->path);
	f->why = TEXT_OVER(f->why_bytes);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int left;

	listener_set_close(&f->set);
	shelf_close(&f->shelf);
	(void)unlink(f->path);
	left = rmdir(f->directory); /* nothing else may have been left behind */
	free(f);
	return left;
}

static int open_list(struct fixture *f, struct listener_set *set, const char *list)
{
	struct listener_sources sources = {NULL, &f->shelf, &f->inherited, false};
	struct address_list addresses;

	f->why = TEXT_OVER(f->why_bytes);
	assert_int_equal(address_parse_list(list, &addresses, &f->why), 0);
	return listener_set_open(set, &addresses, BACKLOG, &sources, &f->why);
}

static void open_well(struct fixture *f, const char *list)
{
	if (open_list(f, &f->set, list) != 0)
		fail_msg("%s", f->why_bytes);
}

static bool open_six(struct fixture *f)
{
	int error = open_list(f, &f->set, "[::1]:0");

	if (error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT)
		return false; /* a machine without IPv6: nothing to see */
	assert_int_equal(error, 0);
	return true;
}

static int client(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Begins to connect. 0, -EINPROGRESS, or why not. */
static int reach(int fd, const struct address *address)
{
	const struct sockaddr *socket = (const struct sockaddr *)&address->socket;

	return connect(fd, socket, address->size) == 0 ? 0 : -errno;
}

static int reacher(const struct address *address)
{
	int fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = reach(fd, address);

	assert_true(error == 0 || error == -EINPROGRESS);
	return fd;
}

static bool comes(int fd, short events)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};

	return poll(&poll_fd, 1, PATIENCE_MS) == 1;
}

static int socket_error(int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
	return error;
}

/* How many segments the socket's filter has dropped so far. */
static unsigned drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t size = sizeof(info);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size), 0);
	return info[SK_MEMINFO_DROPS];
}

/* Waits until a segment was dropped; nothing tells of it, so it is asked for, with an end. */
static void wait_for_drop(int fd, unsigned before)
{
	for (int i = 0; i < PATIENCE_MS && drops(fd) == before; i++)
		(void)poll(NULL, 0, 1);
	assert_true(drops(fd) > before);
}

/* Accepts a connection that brings `letter`, and answers so that the client gets it back. */
static void expect_echo(int listener_fd, int client_fd, char letter)
{
	FD_SCOPED fd = -1;
	char byte = 0;

	assert_true(comes(listener_fd, POLLIN));
	fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, letter);
	assert_int_equal(write(fd, &byte, 1), 1);
	byte = 0;
	assert_true(comes(client_fd, POLLIN));
	assert_int_equal(read(client_fd, &byte, 1), 1);
	assert_int_equal(byte, letter);
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
	return value;
}

static void expect_ready_to_serve(int fd)
{
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	assert_int_equal(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
}

static void a_port_that_the_kernel_chose_is_told(void **state)
{
	struct fixture *f = *state;
	struct listener *listener = &f->set.item[0];
	FD_SCOPED fd = -1, accepted = -1;
	char expected[64];

	open_well(f, "127.0.0.1:0");
	assert_int_equal(f->set.count, 1);
	expect_ready_to_serve(listener->fd);
	assert_true(address_port(&listener->address) != 0);
	snprintf(expected, sizeof(expected), "127.0.0.1:%u", address_port(&listener->address));
	assert_string_equal(listener->address.text, expected);
	assert_false(listener_waiting(listener));
	fd = reacher(&listener->address);
	assert_true(comes(listener->fd, POLLIN));
	assert_true(listener_waiting(listener));
	accepted = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(option(accepted, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_false(listener_waiting(listener));
}

static void who_is_accepted_is_asked_for_a_sign_of_life(void **state)
{
	struct fixture *f = *state;
	struct listener *listener = &f->set.item[0];
	FD_SCOPED fd = -1, accepted = -1;

	open_well(f, "127.0.0.1:0");
	fd = reacher(&listener->address);
	assert_true(comes(listener->fd, POLLIN));
	accepted = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(option(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(accepted, IPPROTO_TCP, TCP_KEEPIDLE), 60);
	assert_int_equal(option(accepted, IPPROTO_TCP, TCP_KEEPINTVL), 15);
	assert_int_equal(option(accepted, IPPROTO_TCP, TCP_KEEPCNT), 4);
}

static unsigned free_port(struct fixture *f)
{
	unsigned port;

	open_well(f, ":0");
	port = address_port(&f->set.item[0].address);
	listener_set_close(&f->set);
	return port;
}

static void the_six_wildcard_serves_four_too_unless_the_list_names_it(void **state)
{
	struct fixture *f = *state;
	struct address four;
	char list[64];
	int error = -EADDRINUSE;
	FD_SCOPED fd = client();

	if (!open_six(f))
		return;
	listener_set_close(&f->set);
	open_well(f, "[::]:0");
	assert_int_equal(option(f->set.item[0].fd, IPPROTO_IPV6, IPV6_V6ONLY), 0);
	snprintf(list, sizeof(list), "127.0.0.1:%u", address_port(&f->set.item[0].address));
	assert_int_equal(address_parse(list, strlen(list), &four, &f->why), 0);
	(void)reach(fd, &four);
	assert_true(comes(f->set.item[0].fd, POLLIN));
	listener_set_close(&f->set);
	for (int i = 0; i < ATTEMPTS && error == -EADDRINUSE; i++) {
		unsigned port = free_port(f);

		snprintf(list, sizeof(list), "[::]:%u,127.0.0.1:%u", port, port);
		error = open_list(f, &f->set, list);
	}
	assert_int_equal(error, 0);
	assert_int_equal(option(f->set.item[0].fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
}

static void all_are_opened_or_none_and_nothing_is_left_behind(void **state)
{
	struct fixture *f = *state;
	struct listener_set second;
	char list[256];

	open_well(f, "127.0.0.1:0");
	snprintf(list, sizeof(list), "%s,%s", f->item, f->set.item[0].address.text);
	assert_int_equal(open_list(f, &second, list), -EADDRINUSE);
	assert_int_equal(second.count, 0);
	snprintf(list, sizeof(list), "%s: the address is in use", f->set.item[0].address.text);
	assert_string_equal(f->why_bytes, list);
	assert_int_equal(access(f->path, F_OK), -1);
}

static void what_this_machine_has_not_got_is_named(void **state)
{
	struct fixture *f = *state;
	char item[128];

	assert_int_equal(open_list(f, &f->set, "192.0.2.1:0"), -EADDRNOTAVAIL);
	assert_string_equal(f->why_bytes, "192.0.2.1:0: this machine has no such address");
	if (open_list(f, &f->set, "[fe80::1%no-such-one]:0") != -EAFNOSUPPORT)
		assert_non_null(strstr(f->why_bytes, "no such network interface"));
	snprintf(item, sizeof(item), "%s/no", f->item);
	assert_int_equal(open_list(f, &f->set, item), -ENOENT);
	assert_non_null(strstr(f->why_bytes, "the directory does not exist"));
}

static void a_socket_file_goes_with_its_listener(void **state)
{
	struct fixture *f = *state;
	mode_t before = umask(027);
	struct stat status;

	open_well(f, f->item);
	(void)umask(before);
	expect_ready_to_serve(f->set.item[0].fd);
	assert_string_equal(f->set.item[0].address.text, f->item);
	assert_int_equal(stat(f->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0750);
	listener_set_close(&f->set);
	assert_int_equal(access(f->path, F_OK), -1);
}

static void a_stale_socket_file_is_replaced(void **state)
{
	struct fixture *f = *state;
	FD_SCOPED fd = -1;

	open_well(f, f->item);
	fd_close(&f->set.item[0].fd); /* as if killed: the file stays */
	f->set.count = 0;
	assert_int_equal(access(f->path, F_OK), 0);
	open_well(f, f->item);
	fd = reacher(&f->set.item[0].address);
	assert_true(comes(f->set.item[0].fd, POLLIN));
}

static void a_living_socket_file_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct listener_set second;
	FD_SCOPED fd = -1;

	open_well(f, f->item);
	assert_int_equal(open_list(f, &second, f->item), -EADDRINUSE);
	assert_non_null(strstr(f->why_bytes, "a living process has this socket"));
	fd = reacher(&f->set.item[0].address);
	assert_true(comes(f->set.item[0].fd, POLLIN));
}

static void a_socket_file_with_a_full_queue_is_a_living_one(void **state)
{
	struct fixture *f = *state;
	struct listener_set second;
	int fds[BACKLOG + 8];
	size_t n = 0;
	int error = 0;

	open_well(f, f->item);
	while (error == 0 && n < COUNT_OF(fds)) {
		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		error = reach(fds[n++], &f->set.item[0].address);
	}
	assert_int_equal(error, -EAGAIN);
	assert_int_equal(open_list(f, &second, f->item), -EADDRINUSE);
	while (n > 0)
		fd_close(&fds[--n]);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
	struct fixture *f = *state;
	FD_SCOPED fd = open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(open_list(f, &f->set, f->item), -EEXIST);
	assert_non_null(strstr(f->why_bytes, "a file that is no socket stands there"));
	assert_int_equal(access(f->path, F_OK), 0);
}

static void a_socket_file_that_another_put_there_stays(void **state)
{
	struct fixture *f = *state;
	struct listener_set second;

	open_well(f, f->item);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(open_list(f, &second, f->item), 0);
	listener_set_close(&f->set);
	assert_int_equal(access(f->path, F_OK), 0);
	listener_set_close(&second);
	assert_int_equal(access(f->path, F_OK), -1);
}

static void expect_refused(struct fixture *f, int fd, int error, const char *sentence)
{
	char item[32];

	snprintf(item, sizeof(item), "fd://%d", fd);
	f->inherited = (struct inherited){.count = 1, .fd = {fd}};
	assert_int_equal(open_list(f, &f->set, item), error);
	assert_ptr_equal(strstr(f->why_bytes, item), f->why_bytes);
	if (strstr(f->why_bytes, sentence) == NULL)
		fail_msg("%s: expected \"%s\"", f->why_bytes, sentence);
}

static void an_inherited_descriptor_must_be_a_listening_stream_socket(void **state)
{
	struct fixture *f = *state;
	FD_SCOPED file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	FD_SCOPED datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	FD_SCOPED netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	FD_SCOPED idle = client();

	expect_refused(f, file, -ENOTSOCK, "this descriptor is no socket");
	expect_refused(f, datagram, -EINVAL, "this is no stream socket");
	expect_refused(f, netlink, -EINVAL, "neither IPv4, IPv6 nor unix");
	expect_refused(f, idle, -EINVAL, "this socket does not listen");
	assert_true(fcntl(idle, F_GETFD) >= 0);
}

static void a_socket_that_nobody_left_to_us_is_none_of_the_names(void **state)
{
	struct fixture *f = *state;
	struct listener_set second;
	char item[32];

	open_well(f, "127.0.0.1:0");
	snprintf(item, sizeof(item), "fd://%d", f->set.item[0].fd);
	assert_int_equal(open_list(f, &second, item), -EBADF);
	assert_non_null(strstr(f->why_bytes, "no such descriptor was inherited"));
	expect_ready_to_serve(f->set.item[0].fd);
}

static void an_inherited_listener_is_used_as_it_is_and_never_gated(void **state)
{
	struct fixture *f = *state;
	FD_SCOPED fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct listener *listener = &f->set.item[0];
	FD_SCOPED late = -1;
	char item[32];

	assert_int_equal(listen(fd, 8), 0);
	f->inherited = (struct inherited){.count = 1, .fd = {fd}};
	snprintf(item, sizeof(item), "fd://%d", fd);
	open_well(f, item);
	assert_true(listener->inherited);
	assert_int_equal(listener->address.kind, ADDRESS_INET);
	expect_ready_to_serve(listener->fd);
	assert_int_equal(listener_gate(listener), 0);
	assert_false(listener->gated);
	late = reacher(&listener->address);
	assert_true(comes(fd, POLLIN));
	listener_set_close(&f->set);
	assert_int_equal(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1); /* not ours to close */
}

static const char letters[] = "abcdefghij";
#define QUEUED (sizeof(letters) - 1)

static void expect_refused_late(const struct listener *listener)
{
	FD_SCOPED late = socket(listener->address.socket.ss_family,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = reach(late, &listener->address);

	if (error == -EINPROGRESS) {
		assert_true(comes(late, POLLOUT));
		error = -socket_error(late);
	}
	assert_int_equal(error, -ECONNREFUSED);
}

static void expect_gate(struct listener *listener)
{
	int early[QUEUED];

	for (size_t i = 0; i < QUEUED; i++) {
		early[i] = reacher(&listener->address);
		assert_true(comes(early[i], POLLOUT));
		assert_int_equal(write(early[i], &letters[i], 1), 1);
	}
	assert_int_equal(listener_gate(listener), 0);
	assert_int_equal(listener_gate(listener), 0);
	assert_true(listener->gated);
	expect_refused_late(listener);
	for (size_t i = 0; i < QUEUED; i++) {
		assert_true(listener_waiting(listener));
		expect_echo(listener->fd, early[i], letters[i]);
		fd_close(&early[i]);
	}
	assert_false(listener_waiting(listener));
	expect_refused_late(listener);
}

/* A client hears nothing that comes with a smaller hop limit (ip(7), ipv6(7)); 255 is nobody's. */
static void set_deaf(int fd, enum address_kind kind, int least)
{
	int level = kind == ADDRESS_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int name = kind == ADDRESS_INET ? IP_MINTTL : IPV6_MINHOPCOUNT;

	assert_int_equal(setsockopt(fd, level, name, &least, sizeof(least)), 0);
}

/* A client that does not hear the answer to its SYN; then the gate is shut; then it hears. */
static void expect_half_way(struct listener *listener)
{
	FD_SCOPED fd = socket(listener->address.socket.ss_family,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	set_deaf(fd, listener->address.kind, 255);
	assert_int_equal(reach(fd, &listener->address), -EINPROGRESS);
	wait_for_drop(fd, 0);
	assert_int_equal(listener_gate(listener), 0);
	assert_false(listener_waiting(listener));
	expect_refused_late(listener);
	set_deaf(fd, listener->address.kind, 0);
	assert_true(comes(fd, POLLOUT));
	assert_int_equal(socket_error(fd), 0);
	assert_int_equal(write(fd, "x", 1), 1);
	expect_echo(listener->fd, fd, 'x');
}

static void a_gate_keeps_what_is_queued_and_lets_nothing_new_in(void **state)
{
	struct fixture *f = *state;

	open_well(f, "127.0.0.1:0");
	expect_gate(&f->set.item[0]);
}

static void a_gate_works_the_same_for_six(void **state)
{
	struct fixture *f = *state;

	if (!open_six(f))
		return;
	expect_gate(&f->set.item[0]);
}

static void a_gate_of_the_six_wildcard_keeps_four_out_too(void **state)
{
	struct fixture *f = *state;
	struct listener four;
	char item[64];

	if (!open_six(f))
		return;
	listener_set_close(&f->set);
	open_well(f, "[::]:0");
	snprintf(item, sizeof(item), "127.0.0.1:%u", address_port(&f->set.item[0].address));
	assert_int_equal(address_parse(item, strlen(item), &four.address, &f->why), 0);
	assert_int_equal(listener_gate(&f->set.item[0]), 0);
	expect_refused_late(&four);
}

static void a_handshake_that_has_begun_gets_through_the_gate(void **state)
{
	struct fixture *f = *state;

	open_well(f, "127.0.0.1:0");
	expect_half_way(&f->set.item[0]);
}

static void a_handshake_that_has_begun_gets_through_the_gate_of_six(void **state)
{
	struct fixture *f = *state;

	if (!open_six(f))
		return;
	expect_half_way(&f->set.item[0]);
}

static void a_gated_socket_file_is_gone_and_its_queue_is_not(void **state)
{
	struct fixture *f = *state;
	struct listener *listener = &f->set.item[0];
	FD_SCOPED early = -1, late = -1;

	open_well(f, f->item);
	early = reacher(&listener->address);
	assert_int_equal(write(early, "x", 1), 1);
	assert_int_equal(listener_gate(listener), 0);
	assert_int_equal(listener_gate(listener), 0);
	assert_true(listener->gated);
	late = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(reach(late, &listener->address), -ENOENT);
	assert_true(listener_waiting(listener));
	expect_echo(listener->fd, early, 'x');
	assert_false(listener_waiting(listener));
}

/* One for TLS beside one without, written alike: each keeps the socket that it has. */
static void two_whose_ports_the_kernel_chose_are_not_mistaken_for_each_other(void **state)
{
	struct fixture *f = *state;
	struct listener_sources sources = {NULL, &f->shelf, &f->inherited, false};
	struct listener_set next;
	struct address_list addresses;

	assert_int_equal(address_parse_list("127.0.0.1:0", &addresses, &f->why), 0);
	addresses.item[addresses.count] = addresses.item[0];
	addresses.item[addresses.count++].tls = true;
	assert_int_equal(listener_set_open(&f->set, &addresses, BACKLOG, &sources, &f->why), 0);
	sources.before = &f->set;
	assert_int_equal(listener_set_open(&next, &addresses, BACKLOG, &sources, &f->why), 0);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(next.item[i].address.text, f->set.item[i].address.text);
	assert_string_not_equal(next.item[0].address.text, next.item[1].address.text);
	listener_set_close(&next);
	addresses.item[0] = addresses.item[1];
	addresses.count = 1;
	assert_int_equal(listener_set_open(&next, &addresses, BACKLOG, &sources, &f->why), 0);
	shelf_put(&f->shelf, &f->set, &next, 0, 1);
	assert_string_equal(next.item[0].address.text, f->set.item[1].address.text);
	assert_false(f->shelf.first->listener.tls);
	assert_null(f->shelf.first->next);
	listener_set_close(&next);
}

/* The list once more, sharing with f->set what it has; both are then open. */
static void open_next(struct fixture *f, struct listener_set *next, const char *list)
{
	struct listener_sources sources = {&f->set, &f->shelf, &f->inherited, false};
	struct address_list addresses;

	f->why = TEXT_OVER(f->why_bytes);
	assert_int_equal(address_parse_list(list, &addresses, &f->why), 0);
	assert_int_equal(listener_set_open(next, &addresses, BACKLOG, &sources, &f->why), 0);
}

static void a_shared_socket_keeps_its_queue_and_its_file_over_a_succession(void **state)
{
	struct fixture *f = *state;
	struct listener_set next;
	FD_SCOPED early = -1;

	open_well(f, f->item);
	early = reacher(&f->set.item[0].address);
	assert_int_equal(write(early, "x", 1), 1);
	open_next(f, &next, f->item);
	listener_set_succeed(&next, &f->set);
	listener_set_close(&f->set);
	assert_int_equal(access(f->path, F_OK), 0);
	expect_echo(next.item[0].fd, early, 'x');
	listener_set_close(&next);
	assert_int_equal(access(f->path, F_OK), -1);
}

static void a_set_that_does_not_succeed_takes_nothing_along(void **state)
{
	struct fixture *f = *state;
	struct listener_set next;
	FD_SCOPED late = -1;

	open_well(f, f->item);
	open_next(f, &next, f->item);
	listener_set_close(&next);
	assert_int_equal(access(f->path, F_OK), 0);
	late = reacher(&f->set.item[0].address);
	assert_int_equal(write(late, "x", 1), 1);
	expect_echo(f->set.item[0].fd, late, 'x');
}

static void what_only_the_old_set_has_is_gated(void **state)
{
	struct fixture *f = *state;
	struct listener_set next;
	char both[sizeof(f->item) + 16];
	FD_SCOPED late = -1;

	(void)snprintf(both, sizeof(both), "127.0.0.1:0,%s", f->item);
	open_well(f, both);
	open_next(f, &next, f->item);
	listener_set_succeed(&next, &f->set);
	shelf_put(&f->shelf, &f->set, &next, 0, 1);
	assert_true(f->shelf.first->listener.gated);
	assert_null(f->shelf.first->next);
	assert_false(f->set.item[1].gated);
	late = client();
	assert_int_not_equal(reach(late, &f->shelf.first->listener.address), 0);
	listener_set_close(&next);
}

/* Puts the whole set on the shelf, as given up by generation 1, with a client in its queue. */
static int shelve(struct fixture *f, const char *list)
{
	struct listener_set none = {0};
	int fd;

	open_well(f, list);
	fd = reacher(&f->set.item[0].address);
	assert_int_equal(write(fd, "x", 1), 1);
	shelf_put(&f->shelf, &f->set, &none, 0, 1);
	listener_set_close(&f->set);
	return fd;
}

static void who_wants_an_address_back_gets_the_socket_that_workers_still_hold(void **state)
{
	struct fixture *f = *state;
	FD_SCOPED early = shelve(f, "127.0.0.1:0"), late = -1;
	struct address address = f->shelf.first->listener.address;

	expect_refused_late(&f->shelf.first->listener);
	open_well(f, "127.0.0.1:0");
	assert_string_equal(f->set.item[0].address.text, address.text);
	assert_false(f->set.item[0].gated);
	expect_echo(f->set.item[0].fd, early, 'x');
	late = reacher(&address);
	assert_int_equal(write(late, "y", 1), 1);
	expect_echo(f->set.item[0].fd, late, 'y');
}

static void who_cannot_have_all_shuts_again_what_it_got_from_the_shelf(void **state)
{
	struct fixture *f = *state;
	FD_SCOPED early = shelve(f, "127.0.0.1:0");

	assert_true(early >= 0);
	assert_int_equal(open_list(f, &f->set, "127.0.0.1:0,unix:/nowhere/socket"), -ENOENT);
	expect_refused_late(&f->shelf.first->listener);
}

static void a_socket_file_is_made_anew_beside_the_one_on_the_shelf(void **state)
{
	struct fixture *f = *state;
	FD_SCOPED early = shelve(f, f->item), late = -1;

	open_well(f, f->item);
	expect_echo(f->shelf.first->listener.fd, early, 'x');
	late = reacher(&f->set.item[0].address);
	assert_int_equal(write(late, "y", 1), 1);
	expect_echo(f->set.item[0].fd, late, 'y');
	shelf_close(&f->shelf);
	assert_int_equal(access(f->path, F_OK), 0);
}

static void a_socket_that_was_shut_down_is_adopted_and_listens_again(void **state)
{
	struct fixture *f = *state;
	struct listener_set next;

	open_well(f, "127.0.0.1:0");
	assert_int_equal(shutdown(f->set.item[0].fd, SHUT_RD), 0);
	assert_int_equal(listener_adopt(&f->set.item[0]), 0);
	open_next(f, &next, "127.0.0.1:0");
	expect_ready_to_serve(next.item[0].fd);
	listener_set_close(&next);
}

static void what_cannot_be_adopted_is_let_go_and_the_rest_stays(void **state)
{
	struct fixture *f = *state;
	FD_SCOPED early = shelve(f, "127.0.0.1:0");

	assert_true(early >= 0);
	open_well(f, "127.0.0.1:0,127.0.0.2:0");
	fd_close(&f->set.item[0].fd);
	fd_close(&f->shelf.first->listener.fd);
	listener_set_trim(&f->set);
	shelf_trim(&f->shelf);
	assert_null(f->shelf.first);
	assert_int_equal(f->set.count, 1);
	assert_string_equal(f->set.item[0].asked, "127.0.0.2:0");
	expect_ready_to_serve(f->set.item[0].fd);
}

static void the_shelf_keeps_what_a_worker_of_those_generations_holds(void **state)
{
	struct fixture *f = *state;
	struct slot slots[2] = {{.state = STATE_DRAINING, .generation = 1},
		{.state = STATE_SERVING, .generation = 2}};
	struct roster roster = {.slots = slots, .size = COUNT_OF(slots)};
	FD_SCOPED early = shelve(f, "127.0.0.1:0");

	assert_true(early >= 0);
	assert_true(shelf_serves(&f->shelf, 1));
	assert_false(shelf_serves(&f->shelf, 2));
	shelf_clear(&f->shelf, &roster);
	assert_non_null(f->shelf.first);
	slots[0].state = STATE_VACANT;
	shelf_clear(&f->shelf, &roster);
	assert_null(f->shelf.first);
	assert_false(shelf_serves(&f->shelf, 1));
}

static void an_abstract_name_cannot_be_gated_and_says_so(void **state)
{
	struct fixture *f = *state;
	struct listener *listener = &f->set.item[0];
	char item[128];

	snprintf(item, sizeof(item), "unix:@%s", f->path);
	open_well(f, item);
	assert_string_equal(listener->address.text, item);
	assert_int_equal(listener_gate(listener), 0);
	assert_false(listener->gated);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_port_that_the_kernel_chose_is_told),
		TEST(who_is_accepted_is_asked_for_a_sign_of_life),
		TEST(the_six_wildcard_serves_four_too_unless_the_list_names_it),
		TEST(all_are_opened_or_none_and_nothing_is_left_behind),
		TEST(what_this_machine_has_not_got_is_named),
		TEST(a_socket_file_goes_with_its_listener),
		TEST(a_stale_socket_file_is_replaced),
		TEST(a_living_socket_file_is_left_alone),
		TEST(a_socket_file_with_a_full_queue_is_a_living_one),
		TEST(a_file_that_is_no_socket_is_left_alone),
		TEST(a_socket_file_that_another_put_there_stays),
		TEST(an_inherited_descriptor_must_be_a_listening_stream_socket),
		TEST(a_socket_that_nobody_left_to_us_is_none_of_the_names),
		TEST(an_inherited_listener_is_used_as_it_is_and_never_gated),
		TEST(a_gate_keeps_what_is_queued_and_lets_nothing_new_in),
		TEST(a_gate_works_the_same_for_six),
		TEST(a_gate_of_the_six_wildcard_keeps_four_out_too),
		TEST(a_handshake_that_has_begun_gets_through_the_gate),
		TEST(a_handshake_that_has_begun_gets_through_the_gate_of_six),
		TEST(a_gated_socket_file_is_gone_and_its_queue_is_not),
		TEST(two_whose_ports_the_kernel_chose_are_not_mistaken_for_each_other),
		TEST(a_shared_socket_keeps_its_queue_and_its_file_over_a_succession),
		TEST(a_set_that_does_not_succeed_takes_nothing_along),
		TEST(what_only_the_old_set_has_is_gated),
		TEST(who_wants_an_address_back_gets_the_socket_that_workers_still_hold),
		TEST(who_cannot_have_all_shuts_again_what_it_got_from_the_shelf),
		TEST(a_socket_file_is_made_anew_beside_the_one_on_the_shelf),
		TEST(a_socket_that_was_shut_down_is_adopted_and_listens_again),
		TEST(what_cannot_be_adopted_is_let_go_and_the_rest_stays),
		TEST(the_shelf_keeps_what_a_worker_of_those_generations_holds),
		TEST(an_abstract_name_cannot_be_gated_and_says_so),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
