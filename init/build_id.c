#include "init/build_id.h"

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

#define OWNER "GNU"

static size_t padded(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

static void add_hex(struct text *text, const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		text_printf(text, "%02x", bytes[i]);
}

bool build_id_read(const void *notes, size_t size, struct text *text)
{
	const unsigned char *at = notes;
	ElfW(Nhdr) head;

	while (size >= sizeof(head)) {
		size_t whole;

		memcpy(&head, at, sizeof(head));
		whole = sizeof(head) + padded(head.n_namesz) + padded(head.n_descsz);
		if (whole > size)
			return false;
		if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == sizeof(OWNER) &&
			memcmp(at + sizeof(head), OWNER, sizeof(OWNER)) == 0) {
			add_hex(text, at + sizeof(head) + padded(head.n_namesz), head.n_descsz);
			return true;
		}
		at += whole;
		size -= whole;
	}
	return false;
}

/* The first object is the program itself, and then it is enough. */
static int look(struct dl_phdr_info *info, size_t size, void *text)
{
	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_NOTE &&
			build_id_read((const void *)(uintptr_t)(info->dlpi_addr + segment->p_vaddr),
				segment->p_memsz, text))
			break;
	}
	return 1;
}

void build_id_add(struct text *text)
{
	(void)dl_iterate_phdr(look, text);
}
