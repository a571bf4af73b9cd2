/*
 * The fields by which a client chooses between the forms of a file, and the tables that a server is
 * given: Accept-Encoding, Accept, the conditions, mime.types, and the rules of the settings. What
 * is chosen is there and was not refused; a table answers with what stands in it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file_rules.h"
#include "service/apps/conditional.h"
#include "service/apps/encoding.h"
#include "service/apps/mime.h"
#include "service/apps/weight.h"
#include "tests/fuzz/lib/fuzz.h"

static void check_encoding(const char *value, size_t size)
{
	struct encoding_wish wish = {0};

	encoding_add(&wish, value, size);
	for (unsigned there = 0; there < 1U << ENCODINGS; there++) {
		enum encoding chosen = encoding_choose(&wish, there);

		MUST(chosen == ENCODINGS || (there & 1U << chosen) != 0);
		MUST(chosen == ENCODINGS || wish.quality[chosen] != WEIGHT_REFUSED);
		/* Nor does it depend on what else there is. */
		if (chosen != ENCODINGS)
			MUST(encoding_choose(&wish, 1U << chosen) == chosen);
	}
	(void)weight_allows_html((struct narwhal_bytes){value, size});
}

static void check_conditions(const char *value, size_t size)
{
	static const char *const names[] = {"If-Match", "If-None-Match", "If-Modified-Since",
		"If-Unmodified-Since", "If-Range"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct conditional conditional = {.etag = "\"a\"", .etag_size = 3, .settled = true};

		conditional_add(&conditional, names[i], strlen(names[i]), value, size);
		(void)conditional_decide(&conditional);
		/* A second field of that name has never more effect than none. */
		conditional_add(&conditional, "If-Range", 8, value, size);
		if (i == COUNT_OF(names) - 1)
			MUST(!conditional_has_range(&conditional));
	}
}

static void check_mime(const char *table, size_t size)
{
	struct mime mime;
	const char *type;

	if (mime_read(&mime, table, size) != 0)
		return;
	type = mime_type(&mime, "a.html", 6);
	MUST(strchr(type, '/') != NULL && strpbrk(type, "\r\n") == NULL);
	(void)mime_is_text(type);
	(void)mime_is_packed(type);
	(void)mime_type(&mime, table, size);
	mime_free(&mime);
}

/* What is not refused can be used, and makes no line of its own. */
static void check_rules(const char *bytes, size_t size)
{
	char *list = strndup(bytes, size), written[256], reason[256];
	struct settings settings = {.cache_control = list, .error_page = list};
	struct text value = TEXT_OVER(written), why = TEXT_OVER(reason);
	enum setting_id fault;
	size_t page;

	MUST(list != NULL);
	if (file_rules_check(&settings, &fault, &why) != 0 && fault == SETTING_ID_cache_control)
		settings.cache_control = NULL;
	file_rules_cache_control(settings.cache_control, "/assets/app.js", &value);
	MUST(strpbrk(written, "\r\n") == NULL);
	settings.cache_control = NULL;
	if (file_rules_check(&settings, &fault, &why) == 0) {
		const char *path = file_rules_error_page(list, 404, &page);

		MUST(path == NULL || (page > 0 && *path == '/'));
	}
	free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *value = fuzz_copy(data, size);

	check_encoding(value, size);
	check_conditions(value, size);
	check_mime(value, size);
	check_rules(value, size);
	free(value);
	return 0;
}
