/* script.h - narwhal.py and hooks.py, as a part of the program. */
#ifndef SERVICE_APPS_WSGI_SCRIPT_H
#define SERVICE_APPS_WSGI_SCRIPT_H

/* Their texts, NUL-terminated. */
extern const char script_text[];
extern const char script_hooks[];

#endif
