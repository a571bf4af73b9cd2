/*
 * exporter.h - the process that serves the metrics page at the addresses of metrics_bind: a worker
 * with an app of its own, and with no app of the user's, no access log and no file.
 *
 * It knows nothing by itself but when certificates expire: it asks the arbiter, one question at a
 * time, and who asks meanwhile gets the same answer.
 */
#ifndef SERVICE_EXPORTER_H
#define SERVICE_EXPORTER_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/heritage.h"
#include "base/settings.h"
#include "base/text.h"
#include "service/app.h"

/* What of a service's settings is not for it: its clients are scrapers, and come directly. */
void exporter_adapt(struct settings *settings);
/*
 * The app; *app is ready as after app_load(). Borrows the channel, and takes certificates_fd: of
 * what is there nothing stays but names and dates. 0 or -errno.
 */
MUST_USE int exporter_open(struct app *app, struct heritage *heritage);
void exporter_close(struct app *app);
/* Whether it is that one. */
PURE bool exporter_is(const struct app *app);
/* The arbiter's answer; -1: it has none now. */
void exporter_answer(struct app *app, int page_fd);

#endif
