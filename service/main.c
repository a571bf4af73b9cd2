/* narwhal-worker: serves one app on listeners that it was handed. Started by narwhal alone. */
#include "service/boot.h"

int main(void)
{
	struct worker worker;
	enum exits status = boot_worker(&worker);

	if (status == EXIT_OK)
		worker_run(&worker);
	worker_close(&worker);
	return (int)status;
}
