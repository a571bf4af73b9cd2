/* narwhal-worker: what its heritage says that it is for. Started by narwhal alone. */
#include <stdio.h>

#include "service/boot.h"
#include "service/keyholder.h"

static enum exits be_worker(const struct heritage *heritage)
{
	struct worker worker;
	enum exits status = boot_worker(&worker, heritage);

	if (status == EXIT_OK)
		worker_run(&worker);
	worker_close(&worker);
	return status;
}

static enum exits (*const be[PROCESS_ROLES])(const struct heritage *heritage) = {
	[PROCESS_WORKER] = be_worker,
	[PROCESS_KEYHOLDER] = keyholder_run,
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
