#include "service/octet.h"

/* The rules as the RFCs write them; the compiler works them out for each of the 256 octets. */
#define DIGIT(c) ((c) >= '0' && (c) <= '9')
#define ALPHA(c) (((c) >= 'a' && (c) <= 'z') || ((c) >= 'A' && (c) <= 'Z'))
#define BLANK(c) ((c) == ' ' || (c) == '\t')
#define VCHAR(c) ((c) > 0x20 && (c) < 0x7f)
#define MARK(c)                                                                               \
	((c) == '!' || (c) == '#' || (c) == '$' || (c) == '%' || (c) == '&' || (c) == '\'' || \
		(c) == '*' || (c) == '+' || (c) == '-' || (c) == '.' || (c) == '^' ||         \
		(c) == '_' || (c) == '`' || (c) == '|' || (c) == '~')
#define TOKEN(c) (DIGIT(c) || ALPHA(c) || MARK(c))
#define UNRESERVED(c) (DIGIT(c) || ALPHA(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~')
#define SUB_DELIM(c)                                                                          \
	((c) == '!' || (c) == '$' || (c) == '&' || (c) == '\'' || (c) == '(' || (c) == ')' || \
		(c) == '*' || (c) == '+' || (c) == ',' || (c) == ';' || (c) == '=')

#define CLASSES(c)                                                                           \
	((TOKEN(c) ? OCTET_TOKEN : 0) | (TOKEN(c) && (c) != '_' ? OCTET_NAME : 0) |          \
		(BLANK(c) || VCHAR(c) || (c) >= 0x80 ? OCTET_TEXT : 0) |                     \
		(BLANK(c) ? OCTET_BLANK : 0) | (VCHAR(c) && (c) != '#' ? OCTET_TARGET : 0) | \
		(VCHAR(c) && (c) != '#' && (c) != '?' ? OCTET_PATH : 0) |                    \
		(UNRESERVED(c) || SUB_DELIM(c) ? OCTET_HOST : 0) | (DIGIT(c) ? OCTET_DIGIT : 0))

#define FOUR(c) CLASSES(c), CLASSES((c) + 1), CLASSES((c) + 2), CLASSES((c) + 3)
#define SIXTEEN(c) FOUR(c), FOUR((c) + 4), FOUR((c) + 8), FOUR((c) + 12)
#define SIXTY_FOUR(c) SIXTEEN(c), SIXTEEN((c) + 16), SIXTEEN((c) + 32), SIXTEEN((c) + 48)

const uint8_t octet_classes[256] = {SIXTY_FOUR(0), SIXTY_FOUR(64), SIXTY_FOUR(128),
	SIXTY_FOUR(192)};
