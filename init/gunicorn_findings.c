#include "init/gunicorn_findings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/line.h"
#include "init/address.h"
#include "init/config_reading.h"
#include "init/raw_env.h"

static const char *const kind_words[] = {
	[FINDING_TEXT] = "text",
	[FINDING_WORKED] = "worked",
	[FINDING_FUNCTION] = "function",
	[FINDING_OTHER] = "other",
};

static int read_kind(const char *word, enum gunicorn_finding_kind *kind)
{
	for (size_t i = 0; i < COUNT_OF(kind_words); i++) {
		if (strcmp(kind_words[i], word) != 0)
			continue;
		*kind = (enum gunicorn_finding_kind)i;
		return 0;
	}
	return -EINVAL;
}

/* "KIND NAME VALUE". A name that is none of Gunicorn's is the file's own, and passed over. */
static int read_finding(struct gunicorn_findings *findings, char *line)
{
	char *name = strchr(line, ' '), *value;
	const struct gunicorn *row;
	enum gunicorn_finding_kind kind;

	if (name == NULL)
		return -EINVAL;
	*name++ = '\0';
	value = strchr(name, ' ');
	if (value != NULL)
		*value++ = '\0';
	if (read_kind(line, &kind) != 0 || (value != NULL && line_unescape(value) != 0))
		return -EINVAL;
	row = gunicorn_named(name);
	if (row != NULL)
		findings->item[findings->count++] = (struct gunicorn_finding){.kind = kind,
			.row = row,
			.value = value != NULL ? value : ""};
	return 0;
}

static int read_lines(struct gunicorn_findings *findings, char *text)
{
	size_t lines = 1;
	int error = 0;

	for (const char *at = text; *at != '\0'; at++)
		lines += *at == '\n';
	findings->item = calloc(lines, sizeof(*findings->item));
	if (findings->item == NULL)
		return -ENOMEM;
	while (error == 0 && *text != '\0') {
		char *end = strchr(text, '\n');

		if (end == NULL)
			return -EINVAL;
		*end = '\0';
		error = read_finding(findings, text);
		text = end + 1;
	}
	return error;
}

static void note_tls(struct gunicorn_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		if (findings->item[i].kind == FINDING_TEXT &&
			findings->item[i].row == &gunicorn_table[GUNICORN_ROW_certfile])
			findings->tls = true;
	}
}

static const struct setting *setting_of(const struct gunicorn_findings *findings,
	const struct gunicorn *gunicorn)
{
	const struct setting *row = gunicorn_setting(gunicorn);

	return findings->tls && row == &settings_table[SETTING_ID_bind]
		       ? &settings_table[SETTING_ID_bind_tls]
		       : row;
}

static bool is_second(const struct gunicorn_findings *findings,
	const struct gunicorn_finding *finding)
{
	const struct gunicorn_finding *before = findings->item;

	while (before < finding && !(before->row == finding->row && before->kind == FINDING_TEXT))
		before++;
	return before < finding;
}

/* What setting_read() leaves to those who use the setting. */
static int check_item(const struct gunicorn_finding *finding, const char *value, struct text *why)
{
	const struct setting *row = finding->setting;
	struct address address;

	if (row->type == SETTING_LIST && strchr(value, ',') != NULL &&
		row != &settings_table[SETTING_ID_pythonpath]) {
		text_add(why, "has a comma, which stands between items here");
		return -EINVAL;
	}
	if (row == &settings_table[SETTING_ID_bind] || row == &settings_table[SETTING_ID_bind_tls])
		return address_parse(value, strlen(value), &address, why);
	if (row == &settings_table[SETTING_ID_raw_env])
		return raw_env_check(value, why);
	return 0;
}

/* -ENOMEM, or 0 with the reason in the finding. */
static int judge_value(const struct gunicorn_findings *findings, struct gunicorn_finding *finding,
	struct settings *scratch)
{
	const struct setting *row = finding->setting;
	struct text why = TEXT_OVER(finding->why);
	int error;

	finding->value = gunicorn_value(row, finding->value);
	if (!setting_is_list(row) && is_second(findings, finding)) {
		text_add(&why, "is one value here, and no list");
		return 0;
	}
	error = check_item(finding, finding->value, &why);
	if (error == 0)
		error = setting_read(row, finding->value, true, scratch, &why);
	if (error == 0 && !config_file_holds(row->name, finding->value, strlen(finding->value)))
		text_add(&why, "is more than a line of a config file can hold: a flag can");
	return error == -ENOMEM ? error : 0;
}

static int judge(const struct gunicorn_findings *findings, struct gunicorn_finding *finding,
	struct settings *scratch)
{
	const struct gunicorn *row = finding->row;
	struct text why = TEXT_OVER(finding->why);

	MUST(row != NULL);
	finding->setting = setting_of(findings, row);
	switch (row->fate) {
	case GUNICORN_SETTING:
		if (finding->kind == FINDING_TEXT)
			return judge_value(findings, finding, scratch);
		if (finding->kind != FINDING_WORKED)
			text_add(&why, "is no text, no number and no list of them");
		break;
	case GUNICORN_NOTHING:
		text_printf(&why, "has no meaning here: %s", row->remark);
		break;
	case GUNICORN_ASKED:
		text_add(&why, "is asked for on the command line");
		break;
	case GUNICORN_APP:
	case GUNICORN_PROGRAM:
	case GUNICORN_PYTHON:
		break;
	}
	return 0;
}

int gunicorn_findings_read(char *text, struct gunicorn_findings *findings)
{
	struct settings scratch;
	int error;

	*findings = (struct gunicorn_findings){0};
	error = settings_init(&scratch);
	if (error == 0)
		error = read_lines(findings, text);
	note_tls(findings);
	for (size_t i = 0; error == 0 && i < findings->count; i++)
		error = judge(findings, &findings->item[i], &scratch);
	settings_free(&scratch);
	return error;
}

void gunicorn_findings_free(struct gunicorn_findings *findings)
{
	free(findings->item);
	*findings = (struct gunicorn_findings){0};
}
