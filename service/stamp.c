#include "service/stamp.h"

void stamp_tell_generation(struct stamp *stamp, uint64_t generation)
{
	struct text text = TEXT_OVER(stamp->more);

	text_printf(&text, "Server-Timing: generation;desc=\"%llu\", version;desc=\"%s\"\r\n",
		(unsigned long long)generation, NARWHAL_VERSION);
	MUST(!text.cut);
	stamp->until_ms = 0;
}

struct narwhal_bytes stamp_at(struct stamp *stamp, uint64_t now_ms)
{
	if (now_ms >= stamp->until_ms) {
		struct text text = TEXT_OVER(stamp->bytes);
		int64_t wall_ms = clock_wall_ms();

		text_add(&text, STAMP_STATUS STAMP_SERVER);
		clock_add_http_date(&text, wall_ms / 1000);
		text_add(&text, "\r\n");
		text_add(&text, stamp->more);
		stamp->size = text.used;
		stamp->until_ms = now_ms + 1000 - (uint64_t)(wall_ms % 1000);
	}
	return (struct narwhal_bytes){stamp->bytes, stamp->size};
}
