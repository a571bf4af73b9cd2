#include "init/scrape.h"

#include <errno.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/heritage.h"
#include "init/metrics_look.h"

int scrape_ask(struct child *child)
{
	struct arbiter *a = child->arbiter;

	if (a->roster.slots[child->slot].role != PROCESS_EXPORTER || child->asks)
		return -EPROTO;
	child->asks = true;
	return 0;
}

static bool somebody_asks(const struct arbiter *a)
{
	for (unsigned i = a->roster.size; i < roster_whole(&a->roster); i++) {
		if (a->children[i].asks)
			return true;
	}
	return false;
}

uint64_t scrape_deadline(const struct arbiter *a)
{
	return somebody_asks(a) ? a->scrape_ms : CLOCK_NEVER;
}

/* The page, as a sealed file; or -errno. */
static int write_page(struct arbiter *a)
{
	struct text text = {.bytes = a->heritage, .size = HERITAGE_SIZE_MAX};
	struct metrics metrics;

	metrics_look(a, &metrics);
	metrics_write(&metrics, &text);
	return text.cut ? -E2BIG : fd_sealed("narwhal-metrics", text.bytes, text.used);
}

/* Nothing is lost on one that does not read: it is gone, or has misbehaved. */
static void answer(struct child *child, int page_fd)
{
	child->asks = false;
	child->messages = 0;
	if (child->watch.fd < 0)
		return;
	(void)!(page_fd >= 0 ? channel_send_fd(child->watch.fd, MESSAGE_METRICS, page_fd)
			     : channel_send(child->watch.fd, MESSAGE_METRICS, NULL, 0));
}

void scrape_turn(struct arbiter *a)
{
	FD_SCOPED page_fd = -1;

	if (a->now_ms < a->scrape_ms || !somebody_asks(a))
		return;
	a->scrape_ms = a->now_ms + SCRAPE_PACE_MS;
	page_fd = write_page(a);
	if (page_fd < 0 && !a->scrape_refused) /* said once: whoever scrapes could fill the log */
		log_warning(&a->log, "metrics_refused", log_errno("error", page_fd));
	a->scrape_refused = page_fd < 0;
	for (unsigned i = a->roster.size; i < roster_whole(&a->roster); i++) {
		if (a->children[i].asks)
			answer(&a->children[i], page_fd);
	}
}
