#include "service/tls_random.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

/*
 * The one generator that asks the kernel shall never do so again by itself; the two that answer go
 * on being seeded from it. One seed is good for 2^48 answers (NIST SP 800-90A, table 3), and who
 * could read the state of a generator reads the keys beside it.
 */
static int keep_seed(EVP_RAND_CTX *primary)
{
	unsigned requests = 0; /* 0: no number is too many, */
	time_t seconds = 0;    /* and no time too long */
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_uint(OSSL_DRBG_PARAM_RESEED_REQUESTS, &requests),
		OSSL_PARAM_construct_time_t(OSSL_DRBG_PARAM_RESEED_TIME_INTERVAL, &seconds),
		OSSL_PARAM_construct_end(),
	};

	return primary != NULL && EVP_RAND_CTX_set_params(primary, parameters) == 1 ? 0 : -ENOMEM;
}

int tls_random_settle(void)
{
	unsigned char byte;
	int error = keep_seed(RAND_get0_primary(NULL));

	/* Both are made when they are first asked. */
	if (error == 0 && (RAND_bytes(&byte, 1) != 1 || RAND_priv_bytes(&byte, 1) != 1))
		error = -ENOMEM;
	return error;
}
