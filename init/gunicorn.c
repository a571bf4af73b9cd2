#include "init/gunicorn.h"

#include <string.h>
#include <strings.h>

const struct gunicorn gunicorn_table[GUNICORN_ROWS] = {
#define GUNICORN(name, flag, flags, value, fate, to, remark) \
	{#name, flag, flags, GUNICORN_##value, GUNICORN_##fate, to, remark},
#include "init/gunicorn.def"
#undef GUNICORN
};

const struct gunicorn *gunicorn_named(const char *name)
{
	for (size_t i = 0; i < GUNICORN_ROWS; i++) {
		if (strcmp(gunicorn_table[i].name, name) == 0)
			return &gunicorn_table[i];
	}
	return NULL;
}

static bool has_flag(const struct gunicorn *row, const char *name, size_t size)
{
	for (const char *at = row->flags; *at != '\0';) {
		size_t length = strcspn(at, "|");

		if (length == size && text_is_same_name(at, name, size))
			return true;
		at += length + (at[length] == '|');
	}
	return false;
}

const struct gunicorn *gunicorn_of_flag(const char *name, size_t size)
{
	for (size_t i = 0; i < GUNICORN_ROWS; i++) {
		if (size > 0 && has_flag(&gunicorn_table[i], name, size))
			return &gunicorn_table[i];
	}
	return NULL;
}

const struct gunicorn *gunicorn_of_short_flag(char flag)
{
	for (size_t i = 0; i < GUNICORN_ROWS; i++) {
		if (flag != '\0' && gunicorn_table[i].flag == flag)
			return &gunicorn_table[i];
	}
	return NULL;
}

const struct setting *gunicorn_setting(const struct gunicorn *row)
{
	return row->fate == GUNICORN_SETTING ? setting_named(row->to, strlen(row->to)) : NULL;
}

static const struct {
	enum setting_id id;
	const char *theirs, *ours;
} values[] = {
	{SETTING_ID_cert_reqs, "0", "none"}, /* numbers of Python's ssl.VerifyMode */
	{SETTING_ID_cert_reqs, "1", "optional"},
	{SETTING_ID_cert_reqs, "2", "required"},
	{SETTING_ID_errorlog, "-", ""},
	{SETTING_ID_loglevel, "debug", "debug"}, /* in any case, as an environment may have it */
	{SETTING_ID_loglevel, "info", "info"},
	{SETTING_ID_loglevel, "warning", "warning"},
	{SETTING_ID_loglevel, "error", "error"},
	{SETTING_ID_loglevel, "critical", "error"},
	{SETTING_ID_proxy_protocol, "true", "auto"}, /* it was a switch up to 24.0 */
	{SETTING_ID_proxy_protocol, "false", "off"},
};

const char *gunicorn_value(const struct setting *row, const char *value)
{
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		if (row == &settings_table[values[i].id] &&
			strcasecmp(values[i].theirs, value) == 0)
			return values[i].ours;
	}
	return value;
}
