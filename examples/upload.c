/*
 * upload.c - takes bodies of any size, and answers with their size and SHA-256. Nothing of a body
 * is kept: it is hashed as it comes, so that a large one costs no more memory than a small one.
 *
 *	cc -shared -fPIC -o upload.so upload.c -lcrypto
 *	narwhal --limit-request-body 1t ./upload.so
 *	curl -T large.iso http://127.0.0.1:8000/large.iso
 */
#include <narwhal/service.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct upload {
	EVP_MD_CTX *sum;
	unsigned long long size;
};

static void end(void *state)
{
	struct upload *upload = state;

	EVP_MD_CTX_free(upload->sum);
	free(upload);
}

static enum narwhal_outcome take(void *state, struct narwhal_bytes piece)
{
	struct upload *upload = state;

	upload->size += piece.size;
	return EVP_DigestUpdate(upload->sum, piece.data, piece.size) == 1 ? NARWHAL_MORE
									  : NARWHAL_FAILED;
}

static void done(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct upload *upload = state;
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	char text[2 * EVP_MAX_MD_SIZE + 32];
	int used = 0;

	(void)request;
	if (EVP_DigestFinal_ex(upload->sum, sum, &size) != 1) {
		(void)narwhal_response_status(response, 500);
		return;
	}
	for (unsigned i = 0; i < size; i++)
		used += snprintf(text + used, 3, "%02x", sum[i]);
	used += snprintf(text + used, 32, " %llu\n", upload->size);
	(void)narwhal_response_field(response, "Content-Type", "text/plain");
	(void)narwhal_response_body(response, text, (size_t)used);
}

static const struct narwhal_receiver receiver = {.take = take, .done = done, .end = end};

static enum narwhal_outcome begin(void *state, struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct upload *upload = calloc(1, sizeof(*upload));

	(void)state;
	(void)response;
	if (upload == NULL)
		return NARWHAL_FAILED;
	upload->sum = EVP_MD_CTX_new();
	if (upload->sum == NULL || EVP_DigestInit_ex(upload->sum, EVP_sha256(), NULL) != 1) {
		end(upload);
		return NARWHAL_FAILED;
	}
	return narwhal_request_receive(request, &receiver, upload) == 0 ? NARWHAL_MORE
									: NARWHAL_FAILED;
}

/* Without a body there is nothing to sum up. */
static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	static const char help[] = "PUT or POST something\n";

	(void)state;
	(void)request;
	(void)narwhal_response_status(response, 400);
	(void)narwhal_response_body(response, help, sizeof(help) - 1);
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "upload",
	.begin = begin,
	.handle = handle,
};
