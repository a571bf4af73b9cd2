/* exits.h - what an exit status means; one row each in exits.def. */
#ifndef BASE_EXITS_H
#define BASE_EXITS_H

enum exits {
#define EXIT(name, status, meaning) EXIT_##name = (status),
#include "base/exits.def"
#undef EXIT
};

#endif
