#include "service/tls_random.h"

#include <linux/audit.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp/filter.h"
#include "tests/unit/unit.h"

#define REQUESTS 1000 /* OpenSSL asks the kernel again after 256 of them */

static void no_number_and_no_time_is_too_much_for_the_seed(void **state)
{
	unsigned requests = 1;
	time_t seconds = 1;
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_uint(OSSL_DRBG_PARAM_RESEED_REQUESTS, &requests),
		OSSL_PARAM_construct_time_t(OSSL_DRBG_PARAM_RESEED_TIME_INTERVAL, &seconds),
		OSSL_PARAM_construct_end(),
	};

	(void)state;
	assert_int_equal(tls_random_settle(), 0);
	assert_int_equal(EVP_RAND_CTX_get_params(RAND_get0_primary(NULL), parameters), 1);
	assert_int_equal(requests, 0);
	assert_int_equal(seconds, 0);
}

/* A strict worker is killed if it asks the kernel. */
static int draw(void)
{
	const struct filter_plan plan = {.role = CALLS_MODULE, .build = true};
	unsigned char bytes[32];
	char reason[256];
	struct text why = TEXT_OVER(reason);
	int listener_fd = -1, drawn = 0;

	if (tls_random_settle() != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0 ||
		filter_load(&plan, &listener_fd, &why) != 0)
		return 0;
	(void)close(listener_fd); /* then what is refused fails with ENOSYS */
	while (drawn < REQUESTS && EVP_RAND_generate(RAND_get0_primary(NULL), bytes, sizeof(bytes),
					   0, 0, NULL, 0) == 1)
		drawn++;
	return drawn == REQUESTS && RAND_bytes(bytes, sizeof(bytes)) == 1 &&
	       RAND_priv_bytes(bytes, sizeof(bytes)) == 1;
}

static void a_worker_that_is_locked_in_never_asks_the_kernel(void **state)
{
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(draw() ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_number_and_no_time_is_too_much_for_the_seed),
		cmocka_unit_test(a_worker_that_is_locked_in_never_asks_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
