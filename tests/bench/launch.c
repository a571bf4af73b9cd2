/*
 * launch.c - a --worker-image that runs the real worker under valgrind's callgrind.
 *
 * A script would not do: an image is executed by descriptor, and its interpreter could not open a
 * descriptor that is close-on-exec (execveat(2)). The paths are built in by bench's Count.pm:
 * VALGRIND, WORKER, and OUTPUT, where the counts go.
 */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	(void)execl(VALGRIND, VALGRIND, "-q", "--tool=callgrind", "--vgdb=no",
		"--callgrind-out-file=" OUTPUT, WORKER, (char *)NULL);
	perror(VALGRIND);
	return 1;
}
