/* declares - reaches.c, which declares what it needs: a file, a directory, one port, and calls. */
#define NEEDS                                                                              \
	.read_paths = "/etc/passwd", .write_paths = "/dev/shm,/tmp", .connect_ports = "9", \
	.calls = "socket,connect"
#include "reaches.c"
