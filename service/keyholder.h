/*
 * keyholder.h - the process that holds a generation's private keys, so that none of its workers
 * does. It locks itself in before it says READY, and then answers on sockets alone.
 */
#ifndef SERVICE_KEYHOLDER_H
#define SERVICE_KEYHOLDER_H

#include "base/attr.h"
#include "base/exits.h"
#include "base/heritage.h"

/* From exec to its end; takes what it has inherited. The status to end with. */
MUST_USE enum exits keyholder_run(const struct heritage *heritage);

#endif
