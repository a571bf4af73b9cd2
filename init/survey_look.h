/*
 * survey_look.h - asks the kernel, the container and the settings for the facts of survey.h.
 * Nothing is bound, written or changed; but this process is then where `chdir` says.
 */
#ifndef INIT_SURVEY_LOOK_H
#define INIT_SURVEY_LOOK_H

#include "init/config.h"
#include "init/survey.h"

/* All but whether a worker answers. */
void survey_look(const struct config *config, struct survey_facts *facts);

#endif
