/* script.h - narwhal.py, as a part of the program. */
#ifndef SERVICE_APPS_WSGI_SCRIPT_H
#define SERVICE_APPS_WSGI_SCRIPT_H

/* Its text, NUL-terminated. */
extern const char script_text[];

#endif
