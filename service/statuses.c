#include "service/statuses.h"

struct narwhal_bytes status_line(unsigned status)
{
	switch (status) {
#define LINE(code, phrase) "HTTP/1.1 " #code " " phrase "\r\n"
#define STATUS(code, phrase) \
	case code:           \
		return (struct narwhal_bytes){LINE(code, phrase), sizeof(LINE(code, phrase)) - 1};
#include "service/statuses.def"
#undef STATUS
#undef LINE
	default:
		return (struct narwhal_bytes){"", 0};
	}
}

const char *status_phrase(unsigned status)
{
	switch (status) {
#define STATUS(code, phrase) \
	case code:           \
		return phrase;
#include "service/statuses.def"
#undef STATUS
	default:
		return "";
	}
}
