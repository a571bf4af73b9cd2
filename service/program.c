#include "service/program.h"

#include <errno.h>
#include <stdlib.h>

#include "base/execute.h"
#include "base/fd.h"
#include "base/words.h"

#define FIRST_LISTENER 3 /* sd_listen_fds(3) */

bool program_is_app(const struct worker *worker)
{
	return words_are_program(worker->heritage.app);
}

int program_plan(struct worker *worker, struct text *why)
{
	(void)why;
	worker->app.role = CALLS_APP;
	return 0;
}

/* Out of the way first: one may stand where another one belongs. */
static int place_listeners(struct heritage *heritage)
{
	int count = (int)heritage->listeners, error = 0;

	for (int i = 0; error == 0 && i < count; i++) {
		heritage->listener_fd[i] =
			fd_duplicate_from(heritage->listener_fd[i], FIRST_LISTENER + count);
		error = heritage->listener_fd[i] < 0 ? heritage->listener_fd[i] : 0;
	}
	/* The channel may stand there, too, and it is still needed if this goes wrong. */
	if (error == 0 && heritage->channel_fd < FIRST_LISTENER + count)
		heritage->channel_fd =
			fd_duplicate_from(heritage->channel_fd, FIRST_LISTENER + count);
	for (int i = 0; error == 0 && i < count; i++)
		error = fd_place(heritage->listener_fd[i], FIRST_LISTENER + i);
	return error;
}

int program_execute(struct worker *worker, struct text *why)
{
	char **words;
	int error = words_of_program(worker->heritage.app, &words);

	if (error != 0)
		return error;
	error = place_listeners(&worker->heritage);
	if (error != 0) {
		free(words);
		return error;
	}
	error = execute_words(words);
	text_printf(why, "%.512s: %s", words[0], execute_reason(words[0], error));
	free(words);
	return error;
}
