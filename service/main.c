/* narwhal-worker: serves one app on listeners that it was handed. Started by narwhal alone. */
#include "service/boot.h"

int main(void)
{
	struct worker worker;
	enum exits status = boot_worker(&worker);

	if (status != EXIT_OK)
		return (int)status;
	worker_run(&worker);
	return EXIT_OK;
}
