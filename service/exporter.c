#include "service/exporter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/clock.h"
#include "seccomp/filter.h"
#include "service/certificate_ends.h"

#define PAGE_MAX ((off_t)1 << 20)

/* Who waits for the answer. */
struct scrape {
	struct narwhal_response *response;
	struct scrape *next;
};

struct exporter {
	int channel_fd;
	struct certificate_ends ends;
	bool asked; /* the arbiter, who has not answered yet */
	struct scrape *waiting;
};

void exporter_adapt(struct settings *s)
{
	static const struct {
		enum setting_id setting;
		const char *value;
	} values[] = {
		{SETTING_ID_workers, "1"},
		{SETTING_ID_worker_connections, "64"},
		{SETTING_ID_max_requests, "0"},
		{SETTING_ID_limit_request_body, "0"},
		{SETTING_ID_idle_grace, "0"},
		{SETTING_ID_accesslog, ""},
		{SETTING_ID_generation_header, "off"},
		{SETTING_ID_proxy_protocol, "off"},
		{SETTING_ID_https_redirect, "0"},
		{SETTING_ID_hsts, "0"},
		{SETTING_ID_app_options, ""},
		{SETTING_ID_landlock_read, ""},
		{SETTING_ID_landlock_write, ""},
		{SETTING_ID_landlock_connect, ""},
		{SETTING_ID_sandbox_allow, ""},
	};
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	for (size_t i = 0; i < COUNT_OF(values); i++)
		MUST(setting_read(&settings_table[values[i].setting], values[i].value, false, s,
			     &why) == 0);
	if (s->sandbox == SANDBOX_APP)
		s->sandbox = SANDBOX_STRICT;
}

static void say(struct narwhal_response *response, unsigned status, const char *type,
	struct narwhal_bytes body)
{
	(void)narwhal_response_status(response, status);
	(void)narwhal_response_field(response, "Content-Type", type);
	(void)narwhal_response_body(response, body.data, body.size);
}

static void say_words(struct narwhal_response *response, unsigned status, const char *words)
{
	say(response, status, "text/plain", (struct narwhal_bytes){words, strlen(words)});
}

static void say_unavailable(struct narwhal_response *response)
{
	say_words(response, 503, "The metrics cannot be had now.\n");
}

static bool is(struct narwhal_bytes bytes, const char *word)
{
	return bytes.size == strlen(word) && memcmp(bytes.data, word, bytes.size) == 0;
}

/*
 * Without `page` there is nothing to tell. Who asks while this goes on, as a pipeline may, waits
 * for another answer.
 */
static void answer_all(struct exporter *exporter, const struct narwhal_bytes *page)
{
	struct scrape *first = exporter->waiting;

	exporter->asked = false;
	exporter->waiting = NULL;
	while (first != NULL) {
		struct scrape *scrape = first;

		first = scrape->next;
		if (page != NULL)
			say(scrape->response, 200, "text/plain; version=0.0.4; charset=utf-8",
				*page);
		else
			say_unavailable(scrape->response);
		narwhal_response_finish(scrape->response);
		free(scrape);
	}
}

static void ask(struct exporter *exporter, struct narwhal_response *response)
{
	struct scrape *scrape = malloc(sizeof(*scrape));

	if (scrape == NULL || narwhal_response_defer(response, NULL, NULL) != 0) {
		free(scrape);
		say_unavailable(response);
		return;
	}
	*scrape = (struct scrape){response, exporter->waiting};
	exporter->waiting = scrape;
	if (exporter->asked)
		return;
	exporter->asked = channel_send(exporter->channel_fd, MESSAGE_SCRAPE, NULL, 0) == 0;
	if (!exporter->asked)
		answer_all(exporter, NULL);
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	static const char home[] = "<!DOCTYPE html>\n<title>Narwhal</title>\n"
				   "<a href=\"/metrics\">Metrics</a>\n";
	struct narwhal_bytes method = narwhal_request_method(request);
	struct narwhal_bytes path = narwhal_request_path(request);

	if (!is(method, "GET") && !is(method, "HEAD")) {
		(void)narwhal_response_field(response, "Allow", "GET, HEAD");
		say_words(response, 405, "Allowed are GET and HEAD.\n");
	} else if (is(path, "/metrics")) {
		ask(state, response);
	} else if (is(path, "/")) {
		say(response, 200, "text/html", (struct narwhal_bytes){home, sizeof(home) - 1});
	} else {
		say_words(response, 404, "There is /metrics, and nothing else.\n");
	}
}

static const struct narwhal_module exporter_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "exporter",
	.handle = handle,
};

int exporter_open(struct app *app, struct heritage *heritage)
{
	struct exporter *exporter = malloc(sizeof(*exporter));
	int error = 0;

	if (exporter == NULL)
		return -ENOMEM;
	*exporter = (struct exporter){.channel_fd = heritage->channel_fd};
	if (heritage->certificates_fd > 0)
		error = certificate_ends_read(&exporter->ends, &heritage->certificates_fd);
	*app = (struct app){
		.module = &exporter_module,
		.state = exporter,
		.role = CALLS_EXPORTER,
		.forks = module_forks(&exporter_module),
	};
	return error;
}

bool exporter_is(const struct app *app)
{
	return app->module == &exporter_module;
}

/* Who still waits is gone: no connection is left. */
void exporter_close(struct app *app)
{
	struct exporter *exporter = exporter_is(app) ? app->state : NULL;

	while (exporter != NULL && exporter->waiting != NULL) {
		struct scrape *scrape = exporter->waiting;

		exporter->waiting = scrape->next;
		free(scrape);
	}
	if (exporter != NULL)
		certificate_ends_free(&exporter->ends);
	free(exporter);
}

/* What the arbiter tells, and behind it what it does not know. NULL: it cannot be had. */
static char *read_page(const struct exporter *exporter, int page_fd, struct text *page)
{
	struct stat status;
	size_t size;

	if (page_fd < 0 || fstat(page_fd, &status) != 0 || status.st_size > PAGE_MAX)
		return NULL;
	size = (size_t)status.st_size;
	*page = (struct text){.bytes = malloc(size + exporter->ends.room + 1),
		.size = size + exporter->ends.room + 1,
		.used = size};
	if (page->bytes != NULL && pread(page_fd, page->bytes, size, 0) == status.st_size) {
		certificate_ends_add(&exporter->ends, clock_wall_ms() / 1000, page);
		return page->bytes;
	}
	free(page->bytes);
	return NULL;
}

void exporter_answer(struct app *app, int page_fd)
{
	struct exporter *exporter = app->state;
	struct text text;
	char *bytes = read_page(exporter, page_fd, &text);
	const struct narwhal_bytes page = {bytes, bytes != NULL ? text.used : 0};

	answer_all(exporter, bytes != NULL ? &page : NULL);
	free(bytes);
}
