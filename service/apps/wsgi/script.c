#include "service/apps/wsgi/script.h"

/* The files themselves, at build time: no string of C is as readable. */
__asm__(".pushsection .rodata\n"
	".globl script_text\n"
	".hidden script_text\n"
	"script_text:\n"
	".incbin \"service/apps/wsgi/narwhal.py\"\n"
	".byte 0\n"
	".globl script_hooks\n"
	".hidden script_hooks\n"
	"script_hooks:\n"
	".incbin \"service/apps/wsgi/hooks.py\"\n"
	".byte 0\n"
	".popsection\n");
