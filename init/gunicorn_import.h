/*
 * gunicorn_import.h - what a config file of Gunicorn's sets, written as a config file of narwhal's.
 *
 * What cannot be carried over stands in it as a comment that says why: what is written is always a
 * file that narwhal takes.
 */
#ifndef INIT_GUNICORN_IMPORT_H
#define INIT_GUNICORN_IMPORT_H

#include <stdio.h>

#include "base/attr.h"
#include "base/settings.h"
#include "base/text.h"
#include "init/gunicorn_findings.h"

/* `narwhal import-gunicorn FILE`: 0, or -errno with `why`, and then nothing was written. */
MUST_USE int gunicorn_import(const struct settings *settings, const char *file, FILE *out,
	struct text *why);

/* The writing alone. `path` is where the file is, from / on: hooks of workers are called there. */
void gunicorn_import_write(const struct gunicorn_findings *findings, const char *path, FILE *out);

#endif
