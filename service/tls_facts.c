#include "service/tls_facts.h"

#include <stdlib.h>

struct tls_facts *tls_facts_hold(struct tls_facts *facts)
{
	if (facts != NULL)
		facts->uses++;
	return facts;
}

void tls_facts_release(struct tls_facts **facts)
{
	struct tls_facts *released = *facts;

	*facts = NULL;
	if (released != NULL && --released->uses == 0)
		free(released);
}
