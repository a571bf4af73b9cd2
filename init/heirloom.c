#include "init/heirloom.h"

#include "base/heritage.h"
#include "base/line.h"
#include "init/heirloom_table.h"

static void add_member(struct text *text, const struct field *field, const void *at)
{
	uint64_t number = 0;

	switch (field->kind) {
	case KIND_U64:
		number = *(const uint64_t *)at;
		break;
	case KIND_U32:
		number = *(const uint32_t *)at;
		break;
	case KIND_INT:
		number = (uint64_t) * (const int *)at;
		break;
	case KIND_BOOL:
		number = *(const bool *)at;
		break;
	case KIND_FD:
		if (*(const int *)at < 0) {
			text_add(text, "-\n");
			return;
		}
		number = (uint64_t) * (const int *)at;
		break;
	case KIND_TEXT:
		line_add_value(text, at);
		return;
	case KIND_STRING:
		line_add_value(text, *(const char *const *)at);
		return;
	case KIND_STATE:
	case KIND_ROLE:
	case KIND_CAUSE:
	case KIND_PHASE:
	case KIND_HOOK:
	case KIND_UPGRADE:
		line_add_value(text, heirloom_name(field->kind, *(const unsigned *)at));
		return;
	}
	text_add_uint(text, number);
	text_add_char(text, '\n');
}

/* A STRING that is NULL is left out. */
static bool is_left_out(const struct field *field, const void *at)
{
	return field->kind == KIND_STRING && *(const char *const *)at == NULL;
}

static void add_record(struct text *text, uint64_t version, enum heirloom_record record, void *base)
{
	for (size_t i = 0; i < heirloom_field_count; i++) {
		const struct field *field = &heirloom_fields[i];
		const void *at = (const char *)base + field->offset;

		if (field->record != record || field->since > version || is_left_out(field, at))
			continue;
		text_add(text, field->name);
		text_add_char(text, ' ');
		add_member(text, field, at);
	}
	if (record == HEIRLOOM_generation)
		heritage_add_settings(&((struct generation *)base)->config.settings, text);
}

/* Deaths are counted by name, since numbers change when a row is put between. */
static void add_index(struct text *text, enum heirloom_record record, size_t index)
{
	if (record == HEIRLOOM_death)
		text_add(text, heirloom_name(KIND_CAUSE, (unsigned)index));
	else
		text_add_uint(text, index);
}

static void add_head(struct text *text, uint64_t version, const struct upgrade *upgrade)
{
	text_add(text, HEIRLOOM_MAGIC " ");
	text_add_uint(text, version);
	if (upgrade->state == UPGRADE_TRIAL)
		text_add(text, " -\n");
	else
		text_printf(text, " %d\n", upgrade->own.fd);
}

void heirloom_freeze(struct arbiter *arbiter, uint64_t version, struct text *text)
{
	add_head(text, version, &arbiter->upgrade);
	for (enum heirloom_record record = 0; record < HEIRLOOM_RECORDS; record++) {
		const struct record *row = &heirloom_records[record];

		for (size_t i = 0; row->since <= version && i < row->most; i++) {
			void *base = heirloom_find(arbiter, record, i);

			if (base == NULL || !heirloom_is_known(arbiter, version, record, i))
				continue;
			text_printf(text, "[%s ", row->name);
			add_index(text, record, i);
			text_add(text, "]\n");
			add_record(text, version, record, base);
		}
	}
	text_printf(text, HEIRLOOM_SUM "%llu\n",
		(unsigned long long)heirloom_sum(text->bytes, text->used));
}

void heirloom_each_fd(struct arbiter *arbiter, uint64_t version,
	void (*visit)(int *fd, void *context), void *context)
{
	for (size_t f = 0; f < heirloom_field_count; f++) {
		const struct field *field = &heirloom_fields[f];

		if (field->kind != KIND_FD || field->since > version)
			continue;
		for (size_t i = 0; i < heirloom_records[field->record].most; i++) {
			char *base = heirloom_find(arbiter, field->record, i);

			if (base != NULL && heirloom_is_known(arbiter, version, field->record, i))
				visit((int *)(void *)(base + field->offset), context);
		}
	}
}
