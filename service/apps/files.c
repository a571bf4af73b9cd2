#include "service/apps/files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "service/apps/answer.h"
#include "service/apps/directory.h"
#include "service/apps/weight.h"
#include "service/response.h"

/* How often a file may be replaced by another one while we open it. */
#define FIND_TRIES 4

/* The longest target (limit_request_line), and two slashes and a NUL. */
#define LOCATION_MAX (16384 + 3)

/*
 * To the same path with a slash behind it, as it was sent: what is relative in the page then means
 * the right thing. But "//host/a" as a Location would be another host's "/a".
 */
static void redirect(const struct answer *answer)
{
	struct narwhal_bytes path = narwhal_request_path(answer->request);
	struct narwhal_bytes query = narwhal_request_query(answer->request);
	char bytes[LOCATION_MAX];
	struct text location = TEXT_OVER(bytes);

	while (path.size > 0 && *path.data == '/') {
		path.data++;
		path.size--;
	}
	text_add_char(&location, '/');
	text_add_bytes(&location, path.data, path.size);
	text_add_char(&location, '/');
	if (query.size != 0) {
		text_add_char(&location, '?');
		text_add_bytes(&location, query.data, query.size);
	}
	if (location.cut) {
		answer_refuse(answer, 414);
		return;
	}
	(void)narwhal_response_status(answer->response, 301);
	(void)narwhal_response_field(answer->response, "Location", bytes);
}

/* 0, or -ESTALE: it has got an index, or is gone. */
static int list(const struct answer *answer)
{
	struct store *store = &answer->served->store;
	struct entry *entry = answer->entry;
	struct sight sight;
	int error;

	/* For the directory's name: what was found may have been found long ago. */
	site_look(&store->site, entry->node.key, entry->node.key_size, &store->path, &sight);
	if (sight.kind != SIGHT_DIRECTORY) {
		entry->expires_ms = 0;
		return -ESTALE;
	}
	error = directory_send(&store->site.root, &store->path, answer->response);
	if (error != 0)
		answer_refuse(answer, site_status(error));
	return 0;
}

/* What has a name that is never served does not become a page either. */
static bool is_hidden(struct store *store, struct narwhal_bytes path)
{
	return path_resolve(&store->path, path.data, path.size) == PATH_HIDDEN;
}

/* A page, and not a part of one: "/users/7" is, "/app.js" is not. */
static bool looks_like_page(struct narwhal_bytes path)
{
	const char *slash = memrchr(path.data, '/', path.size);
	size_t before = slash != NULL ? (size_t)(slash - path.data) : 0;

	return memchr(path.data + before, '.', path.size - before) == NULL;
}

/* The application in the browser may know what to show for such a path: it depends on Accept. */
static bool may_fall_back(const struct answer *answer)
{
	struct store *store = &answer->served->store;
	struct narwhal_bytes path = narwhal_request_path(answer->request);

	return store->site.settings->fallback != NULL && answer->entry->sight.status == 404 &&
	       looks_like_page(path) && !is_hidden(store, path);
}

static int fall_back(struct answer *answer)
{
	const char *fallback = answer->served->store.site.settings->fallback;

	answer->entry = answer_find(answer, (struct narwhal_bytes){fallback, strlen(fallback)});
	if (answer->entry != NULL && answer->entry->sight.kind == SIGHT_FILE)
		return answer_file(answer);
	answer_refuse(answer, 404);
	return 0;
}

static int send_nothing(struct answer *answer)
{
	answer->by_accept = may_fall_back(answer);
	if (answer->by_accept &&
		weight_allows_html(narwhal_request_field(answer->request, "Accept")))
		return fall_back(answer);
	answer_refuse(answer, answer->entry->sight.status);
	return 0;
}

/* 0, or -ESTALE: what was found has just become something else. */
static int send_found(struct answer *answer)
{
	switch (answer->entry->sight.kind) {
	case SIGHT_FILE:
		return answer_file(answer);
	case SIGHT_UNSLASHED:
		redirect(answer);
		break;
	case SIGHT_DIRECTORY:
		return list(answer);
	case SIGHT_NOTHING:
		return send_nothing(answer);
	}
	return 0;
}

static void serve(struct served *served, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct narwhal_bytes target = narwhal_request_path(request);
	struct answer answer = {.served = served, .request = request, .response = response};
	int error = -ESTALE;

	wish_read(&answer.wish, request);
	for (int i = 0; i < FIND_TRIES && error == -ESTALE; i++) {
		answer.entry = answer_find(&answer, target);
		error = answer.entry != NULL ? send_found(&answer) : -ENOMEM;
	}
	if (UNLIKELY(error != 0)) {
		answer_refuse(&answer, site_status(error));
		if (response->status == 500)
			response->error = error; /* for a line in the log */
	}
	/* Beside Accept-Encoding, if the page varies by that, too: both lines count. */
	if (UNLIKELY(answer.by_accept))
		(void)narwhal_response_field(response, "Vary", "Accept");
}

static void tell_methods(struct served *served, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	(void)served;
	(void)request;
	(void)narwhal_response_status(response, 204);
	(void)narwhal_response_field(response, "Allow", "GET, HEAD, OPTIONS");
}

static const struct {
	char name[8];
	void (*handle)(struct served *served, const struct narwhal_request *request,
		struct narwhal_response *response);
} methods[] = {
	{"GET", serve},
	{"HEAD", serve}, /* the writer of the response leaves the body out */
	{"OPTIONS", tell_methods},
};

/* Else all of a body would be collected, up to limit_request_body, before it is of no use. */
static enum narwhal_outcome files_begin(void *state, struct narwhal_request *request,
	struct narwhal_response *response)
{
	(void)state;
	(void)response;
	return narwhal_request_discard(request) == 0 ? NARWHAL_MORE : NARWHAL_FAILED;
}

static void files_handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct narwhal_bytes method = narwhal_request_method(request);
	const struct answer answer = {.served = state, .request = request, .response = response};

	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		if (method.size == strnlen(methods[i].name, sizeof(methods[i].name)) &&
			memcmp(method.data, methods[i].name, method.size) == 0) {
			methods[i].handle(state, request, response);
			return;
		}
	}
	answer_refuse(&answer, 405);
	(void)narwhal_response_field(response, "Allow", "GET, HEAD, OPTIONS");
}

static void files_close(void *state)
{
	struct served *served = state;

	store_close(&served->store);
	free(served);
}

int files_open(const char *root, const struct settings *settings, void **state, struct text *why)
{
	struct served *served = calloc(1, sizeof(*served));
	int error;

	if (served == NULL)
		return -ENOMEM;
	/* A kernel that has no random bytes yet gives none: then it is easier to guess. */
	(void)!getrandom(&served->boundary, sizeof(served->boundary), GRND_NONBLOCK);
	error = store_open(&served->store, root, settings, why);
	if (error == 0)
		*state = served;
	else
		free(served);
	return error;
}

int files_confine(void *state, bool *outgrown)
{
	struct served *served = state;

	served->store.site.root.outgrown = outgrown;
	return served->store.site.root.fd;
}

bool files_walks(const void *state)
{
	const struct served *served = state;

	return !served->store.site.root.beneath;
}

const struct narwhal_module files_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "files",
	.begin = files_begin,
	.handle = files_handle,
	.worker_exit = files_close,
};
