/*
 * survey_report.h - prints what survey.h judges: a table for people, and a line of JSON for each
 * row for machines (log_format = json). Decides nothing.
 */
#ifndef INIT_SURVEY_REPORT_H
#define INIT_SURVEY_REPORT_H

#include "base/attr.h"
#include "init/survey.h"

/* On the standard output. False: something is missing. */
MUST_USE bool survey_report(const struct survey_facts *facts, bool json);

#endif
