#include "service/tls_provider.h"

#include <errno.h>
#include <openssl/async.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "service/tls_pem.h"

#define NAME "narwhal"
#define PROPERTIES "provider=" NAME
/* Parameters of ours, beside those of a public key. */
#define PARAM_SIGNER NAME "-signer"
#define PARAM_NUMBER NAME "-number"

/* Keys. */

struct remote_key {
	const char *kind;
	EVP_PKEY *public;
	struct signer *signer; /* NULL: there is nothing behind it, as when it is compared */
	unsigned number;
};

static struct remote_key *key_new(const char *kind)
{
	struct remote_key *key = calloc(1, sizeof(*key));

	if (key != NULL)
		key->kind = kind;
	return key;
}

static void *key_new_rsa(UNUSED void *provider)
{
	return key_new("RSA");
}

static void *key_new_ec(UNUSED void *provider)
{
	return key_new("EC");
}

static void *key_new_ed25519(UNUSED void *provider)
{
	return key_new("ED25519");
}

static void key_free(void *data)
{
	struct remote_key *key = data;

	EVP_PKEY_free(key->public);
	free(key);
}

/* It says that it has all: what is private is elsewhere. */
static int key_has(UNUSED const void *data, UNUSED int selection)
{
	return 1;
}

static int key_match(const void *one, const void *other, UNUSED int selection)
{
	const struct remote_key *a = one, *b = other;

	return EVP_PKEY_eq(a->public, b->public) == 1;
}

static EVP_PKEY *make_public(const char *kind, const OSSL_PARAM parameters[])
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, "provider=default");
	EVP_PKEY *public = NULL;

	if (context != NULL && EVP_PKEY_fromdata_init(context) == 1)
		(void)EVP_PKEY_fromdata(context, &public, EVP_PKEY_PUBLIC_KEY,
			(OSSL_PARAM *)(uintptr_t)parameters);
	EVP_PKEY_CTX_free(context);
	return public;
}

static int key_import(void *data, UNUSED int selection, const OSSL_PARAM parameters[])
{
	struct remote_key *key = data;
	const OSSL_PARAM *signer = OSSL_PARAM_locate_const(parameters, PARAM_SIGNER);
	const OSSL_PARAM *number = OSSL_PARAM_locate_const(parameters, PARAM_NUMBER);
	const void *pointer;
	size_t size;

	if (signer != NULL && number != NULL) {
		if (OSSL_PARAM_get_octet_string_ptr(signer, &pointer, &size) != 1 ||
			size != sizeof(pointer) || OSSL_PARAM_get_uint(number, &key->number) != 1)
			return 0;
		memcpy(&key->signer, pointer, size);
	}
	key->public = make_public(key->kind, parameters);
	return key->public != NULL;
}

static const OSSL_PARAM *key_import_types(UNUSED int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_END,
	};

	return types;
}

static int key_get_params(void *data, OSSL_PARAM parameters[])
{
	const struct remote_key *key = data;

	return EVP_PKEY_get_params(key->public, parameters);
}

static const OSSL_PARAM *key_gettable_params(UNUSED void *provider)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
		OSSL_PARAM_END,
	};

	return types;
}

static const char *key_operation_ec(UNUSED int operation)
{
	return "ECDSA";
}

#define FUNCTION(id, function)                   \
	{                                        \
		(id), (void (*)(void))(function) \
	}
#define KEY(create)                                                                          \
	FUNCTION(OSSL_FUNC_KEYMGMT_NEW, create), FUNCTION(OSSL_FUNC_KEYMGMT_FREE, key_free), \
		FUNCTION(OSSL_FUNC_KEYMGMT_HAS, key_has),                                    \
		FUNCTION(OSSL_FUNC_KEYMGMT_MATCH, key_match),                                \
		FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, key_import),                              \
		FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),                  \
		FUNCTION(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),                      \
		FUNCTION(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable_params)

static const OSSL_DISPATCH rsa_key[] = {KEY(key_new_rsa), {0, NULL}};
static const OSSL_DISPATCH ed25519_key[] = {KEY(key_new_ed25519), {0, NULL}};
static const OSSL_DISPATCH ec_key[] = {
	KEY(key_new_ec),
	FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, key_operation_ec),
	{0, NULL},
};

static const OSSL_ALGORITHM keys[] = {
	{"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, rsa_key, NULL},
	{"EC:id-ecPublicKey:1.2.840.10045.2.1", PROPERTIES, ec_key, NULL},
	{"ED25519:1.3.101.112", PROPERTIES, ed25519_key, NULL},
	{NULL, NULL, NULL, NULL},
};

/* Signatures. */

struct remote_signature {
	const struct remote_key *key;
	const char *hash; /* NULL: none */
	bool pss;
};

static void *signature_new(UNUSED void *provider, UNUSED const char *properties)
{
	return calloc(1, sizeof(struct remote_signature));
}

static void signature_free(void *data)
{
	free(data);
}

/* As OpenSSL tells it: a number, or one of two words. The salt is as long as the hash. */
static int signature_set_params(void *data, const OSSL_PARAM parameters[])
{
	struct remote_signature *signature = data;
	const OSSL_PARAM *padding =
		OSSL_PARAM_locate_const(parameters, OSSL_SIGNATURE_PARAM_PAD_MODE);
	int number = RSA_PKCS1_PADDING;

	if (padding == NULL)
		return 1;
	if (padding->data_type == OSSL_PARAM_UTF8_STRING)
		signature->pss = strcmp(padding->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
	else if (OSSL_PARAM_get_int(padding, &number) == 1)
		signature->pss = number == RSA_PKCS1_PSS_PADDING;
	return 1;
}

static const OSSL_PARAM *signature_settable_params(UNUSED void *data, UNUSED void *provider)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_END,
	};

	return types;
}

/* OpenSSL has two names for each hash; the table of schemes has the first. */
static const char *hash_named(const char *name)
{
	static const char *const names[][2] = {
		{"SHA256", "SHA2-256"},
		{"SHA384", "SHA2-384"},
		{"SHA512", "SHA2-512"},
	};

	for (size_t i = 0; name != NULL && i < COUNT_OF(names); i++) {
		if (strcmp(name, names[i][0]) == 0 || strcmp(name, names[i][1]) == 0)
			return names[i][0];
	}
	return name; /* NULL, too; of any other there is no scheme */
}

static int signature_begin(void *data, const char *hash, void *key, const OSSL_PARAM parameters[])
{
	struct remote_signature *signature = data;

	signature->key = key;
	signature->hash = hash != NULL && hash[0] != '\0' ? hash_named(hash) : NULL;
	return parameters == NULL || signature_set_params(signature, parameters) == 1;
}

/* The handshake stands still here until there is an answer; the worker does not. */
static size_t wait_for_answer(struct signer_request *request, unsigned char *bytes, size_t room)
{
	while (!request->is_answered) {
		if (ASYNC_pause_job() != 1)
			request->is_answered = true;
	}
	return signer_take(request, bytes, room);
}

/* Never but within a job: elsewhere it would have to wait. */
static int signature_make(void *data, unsigned char *bytes, size_t *size, size_t room,
	const unsigned char *message, size_t message_size)
{
	const struct remote_signature *signature = data;
	const struct remote_key *key = signature->key;
	struct signing_question question = {
		.key = (uint16_t)key->number,
		.scheme = signing_scheme_of(key->kind, signature->hash, signature->pss),
		.message = message,
		.size = message_size,
	};
	struct signer_request *request;

	*size = (size_t)EVP_PKEY_get_size(key->public);
	if (bytes == NULL)
		return 1;
	if (question.scheme == NULL || key->signer == NULL || ASYNC_get_current_job() == NULL)
		return 0;
	request = signer_ask(key->signer, &question);
	*size = request != NULL ? wait_for_answer(request, bytes, room) : 0;
	return *size != 0;
}

static const OSSL_DISPATCH any_signature[] = {
	FUNCTION(OSSL_FUNC_SIGNATURE_NEWCTX, signature_new),
	FUNCTION(OSSL_FUNC_SIGNATURE_FREECTX, signature_free),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signature_begin),
	FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signature_make),
	FUNCTION(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, signature_set_params),
	FUNCTION(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, signature_settable_params),
	{0, NULL},
};

static const OSSL_ALGORITHM signatures[] = {
	{"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, any_signature, NULL},
	{"ECDSA", PROPERTIES, any_signature, NULL},
	{"ED25519:1.3.101.112", PROPERTIES, any_signature, NULL},
	{NULL, NULL, NULL, NULL},
};

/* The provider. */

static const OSSL_ALGORITHM *query(UNUSED void *provider, int operation, int *no_cache)
{
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return keys;
	return operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int start(const OSSL_CORE_HANDLE *handle, UNUSED const OSSL_DISPATCH *in,
	const OSSL_DISPATCH **out, void **provider)
{
	static const OSSL_DISPATCH functions[] = {
		FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
		{0, NULL},
	};

	*provider = (void *)(uintptr_t)handle;
	*out = functions;
	return 1;
}

/* For all but these keys OpenSSL's own provider goes before. */
int tls_provider_load(void)
{
	bool loaded = OSSL_PROVIDER_load(NULL, "default") != NULL &&
		      OSSL_PROVIDER_add_builtin(NULL, NAME, start) == 1 &&
		      OSSL_PROVIDER_load(NULL, NAME) != NULL &&
		      EVP_set_default_properties(NULL, "?provider=default") == 1;

	return loaded ? 0 : -ENOMEM;
}

/* The public half as parameters, and ours behind them. */
static EVP_PKEY *import(const char *kind, OSSL_PARAM *parameters)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, PROPERTIES);
	EVP_PKEY *key = NULL;

	if (context != NULL && EVP_PKEY_fromdata_init(context) == 1)
		(void)EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
	EVP_PKEY_CTX_free(context);
	return key;
}

EVP_PKEY *tls_provider_key(struct signer *signer, unsigned number, const EVP_PKEY *public)
{
	const char *kind = tls_pem_kind(public);
	OSSL_PARAM *half = NULL, *whole = NULL;
	void *pointer = signer;
	OSSL_PARAM ours[] = {
		OSSL_PARAM_construct_octet_string(PARAM_SIGNER, &pointer, sizeof(pointer)),
		OSSL_PARAM_construct_uint(PARAM_NUMBER, &number),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key = NULL;

	if (kind != NULL && EVP_PKEY_todata(public, EVP_PKEY_PUBLIC_KEY, &half) == 1)
		whole = OSSL_PARAM_merge(half, ours);
	if (whole != NULL)
		key = import(kind, whole);
	OSSL_PARAM_free(whole);
	OSSL_PARAM_free(half);
	return key;
}
