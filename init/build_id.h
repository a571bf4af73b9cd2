/*
 * build_id.h - which build of narwhal this is: the linker's own number of it (ld(1), --build-id),
 * as `readelf -n` and `file` show it of a file. It is read from memory: no file is opened.
 */
#ifndef INIT_BUILD_ID_H
#define INIT_BUILD_ID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/text.h"

#define BUILD_ID_TEXT_SIZE 65 /* in hexadecimal, up to 32 bytes, and the NUL */

/* Of this process; nothing if the linker left none. */
void build_id_add(struct text *text);
/* The same of the notes of a segment PT_NOTE (elf(5)). False: there is none. Pure. */
bool build_id_read(const void *notes, size_t size, struct text *text);

#endif
