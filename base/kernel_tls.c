#include "base/kernel_tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/fd.h"

int kernel_tls_probe(void)
{
	static const char name[] = "tls";
	FD_SCOPED fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* A container may have no IPv4. */
	if (fd < 0 && errno == EAFNOSUPPORT)
		fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_TCP, TCP_ULP, name, sizeof(name)) == 0)
		return 0;
	/* It is found first, and then wants a connection (Linux 5.5; before, it said ENOTSUPP). */
	return errno == ENOTCONN ? 0 : -errno;
}

const char *kernel_tls_remedy(int error)
{
	switch (error) {
	case -ENOENT:
		return "the kernel's module is not loaded: modprobe tls, on the host; it takes a "
		       "kernel with CONFIG_TLS";
	case -ENOPROTOOPT:
	case -EOPNOTSUPP:
		return "the kernel knows no TCP_ULP: it takes Linux 5.5 with CONFIG_TLS";
	default:
		return "a seccomp profile around us forbids it: it must allow setsockopt";
	}
}
