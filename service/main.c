/* narwhal-worker: what its heritage says that it is for. Started by narwhal alone. */
#include <stdio.h>
#include <unistd.h>

#include "service/boot.h"
#include "service/exporter.h"
#include "service/keyholder.h"
#include "service/program.h"
#include "service/zygote.h"

static enum exits serve(struct worker *worker, enum boot_kind kind)
{
	enum exits status = boot_run(worker, kind);

	if (status == EXIT_OK)
		worker_run(worker);
	return status;
}

static enum exits be_worker(const struct heritage *heritage)
{
	struct worker worker;
	enum exits status;

	boot_begin(&worker, heritage);
	status = serve(&worker, program_is_app(&worker) ? BOOT_PROGRAM : BOOT_ALONE);
	worker_close(&worker);
	return status;
}

/*
 * And each of its children comes by here, to be a worker. What a zygote has is theirs, too: it ends
 * without giving that back, which would only copy it, and without what an app does at a worker's
 * end.
 */
static enum exits be_zygote(const struct heritage *heritage)
{
	struct worker worker;
	enum exits status;

	boot_begin(&worker, heritage);
	status = boot_run(&worker, BOOT_ZYGOTE);
	if (status == EXIT_OK && !zygote_run(&worker))
		_exit(EXIT_OK);
	if (status == EXIT_OK)
		status = serve(&worker, BOOT_FORKED);
	worker_close(&worker);
	return status;
}

static enum exits be_exporter(const struct heritage *heritage)
{
	struct heritage adapted = *heritage;
	struct worker worker;
	enum exits status;

	exporter_adapt(&adapted.settings);
	boot_begin(&worker, &adapted);
	status = serve(&worker, BOOT_EXPORTER);
	worker_close(&worker);
	return status;
}

static enum exits (*const be[PROCESS_ROLES])(const struct heritage *heritage) = {
	[PROCESS_WORKER] = be_worker,
	[PROCESS_KEYHOLDER] = keyholder_run,
	[PROCESS_ZYGOTE] = be_zygote,
	[PROCESS_EXPORTER] = be_exporter,
};

int main(void)
{
	char bytes[512];
	struct text why = TEXT_OVER(bytes);
	struct heritage heritage;

	if (heritage_receive(&heritage, &why) == 0)
		return (int)be[heritage.role](&heritage);
	/* No channel to tell it on: somebody has started this by hand. */
	(void)fprintf(stderr, "narwhal-worker: is started by narwhal alone: %s\n", bytes);
	return EXIT_BOOT;
}
