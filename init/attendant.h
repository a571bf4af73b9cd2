/*
 * attendant.h - processes of a generation that serve nobody themselves, but that its workers need:
 * which there are stands in attendants.def. Pure; converge.h asks it first.
 *
 * An attendant has a slot of the roster, behind those of the workers, and lives by the same table:
 * spawned, BOOTING until it says READY, buried with its cause, born again after its backoff. It is
 * a program of the worker's image, which its heritage tells what it is for (base/roles.def).
 *
 * It comes with its generation, which is not ready before all of its attendants are. One that is
 * there for workers comes before them: a worker without it would accept clients that it cannot
 * serve yet, or never, if it fails to boot. It goes when its generation is wished for no more and
 * the last worker of it is buried: by SIGQUIT, as it has nothing to finish. One that is there for
 * the service goes as a worker does: when its generation has a successor, and at the end behind the
 * last worker of all. One that dies is replaced as long as its generation is the crew's or the
 * candidate's; of an older one there are no settings left to make another by, so those workers
 * finish without.
 *
 * It survives an upgrade in place with its workers. To an older image, which knows no attendants,
 * it is not handed on: its channel ends there, and so does it, with the last worker that needs it.
 */
#ifndef INIT_ATTENDANT_H
#define INIT_ATTENDANT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/settings.h"
#include "init/converge.h"

#define ATTENDANT_BIT(role) (1U << (role))

/* For whom a role is there. */
enum attendant_term {
	ATTENDANT_FOR_WORKERS, /* of its generation */
	ATTENDANT_FOR_SERVICE, /* as a whole */
};

/* What a role is handed beside its channel, its page and the settings. */
enum attendant_share {
	ATTENDANT_NOTHING,
	ATTENDANT_KEYS,	   /* certificates, and their keys */
	ATTENDANT_METRICS, /* certificates, and the listeners of metrics_bind */
	ATTENDANT_SERVICE, /* all that a worker gets */
};

/* Those that a generation of these settings needs, by their bits. */
PURE unsigned attendant_wanted(const struct settings *settings);
PURE enum attendant_share attendant_share(enum process_role role);
/* The first version of the heirloom whose readers know the role. */
PURE uint64_t attendant_since(enum process_role role);

/* The slot of the one of that role and generation that has said READY, and is there; or -1. */
PURE int attendant_find(const struct roster *roster, uint64_t generation, enum process_role role);
PURE bool attendant_all_serve(const struct roster *roster, const struct crew *crew);
/* No worker of it can be born now: one that is there for workers is not ready. */
PURE bool attendant_holds(const struct roster *roster, const struct crew *crew);

/* As converge_next() and converge_deadline(), of the attendants alone. */
MUST_USE bool attendant_next(const struct roster *roster, const struct wish *wish, uint64_t now_ms,
	struct order *order);
PURE uint64_t attendant_deadline(const struct roster *roster, const struct wish *wish,
	uint64_t now_ms);

#endif
