/* narwhal: PID 1 of a container, and the arbiter of a pre-fork HTTP service. */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/exits.h"
#include "base/fd.h"
#include "init/command.h"
#include "init/config.h"
#include "init/signals.h"
#include "init/succession.h"
#include "init/termination.h"

/*
 * The settings cannot be read: so the environment alone says where the termination log is. Only as
 * PID 1, as a probe in the same container may be given wrong settings, too.
 */
static int refuse(const char *reason)
{
	const char *standard = settings_table[SETTING_ID_termination_log].standard;
	const char *path = getenv("NARWHAL_TERMINATION_LOG");

	(void)fprintf(stderr, "narwhal: %s\n", reason);
	if (getpid() == 1)
		termination_leave(path != NULL ? path : standard, reason);
	return EXIT_USAGE;
}

/*
 * Tables come from pages of their own, which cost nothing where nobody has written, and the heap
 * keeps nothing in reserve: in a top with room malloc(3) would clear a table by hand.
 */
static void spare_memory(void)
{
	(void)mallopt(M_TOP_PAD, 0);
	(void)mallopt(M_MMAP_THRESHOLD, 16 * 1024);
	(void)malloc_trim(0); /* the loader of a static program has filled it up before main() */
}

int main(int argc, char **argv)
{
	FD_SCOPED start_fd = -1;
	struct config_input input = {argc, argv, environ, AT_FDCWD};
	struct signals_found found;
	struct config config;
	char bytes[1024];
	struct text why = TEXT_OVER(bytes);
	int image_fd;

	signals_block(&found);
	spare_memory();
	if (fd_standard() != 0)
		return EXIT_USAGE;
	image_fd = succession_find();
	if (image_fd >= 0)
		return succession_run(image_fd, &input);
	/* A reload finds a relative config file where the start found it, whatever chdir did. */
	start_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (start_fd >= 0)
		input.directory_fd = start_fd;
	if (config_read(&config, &input, &why) != 0)
		return refuse(bytes);
	return command_run(&config, &input, &found);
}
