/*
 * kv.c - a key-value store over a map that all workers share, and that outlives each of them.
 *
 *	narwhal --workers 4 --app-options map=/dev/shm/my-kv ./kv.so
 *
 *	PUT /KEY with a text as the body		201, 204 if it was there already
 *	GET /KEY					{"key":"KEY","value":"the text"}
 *	DELETE /KEY					204
 *	GET /						{"keys":["KEY",...]}
 *
 * The map is a file that each worker maps. Its lock is a robust one: when a worker dies inside, the
 * next one gets the lock with EOWNERDEAD. That is safe because a slot counts only when it is
 * complete: its state is written last, and taken away first.
 */
#include <narwhal/service.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS 1024
#define KEY_MAX 64
#define VALUE_MAX 952
#define MAGIC 0x316b766e /* and the format's version */

enum { EMPTY, FULL, DELETED };

struct slot {
	_Atomic unsigned state;
	unsigned short key_size, value_size;
	char key[KEY_MAX];
	char value[VALUE_MAX];
};

struct map {
	unsigned magic; /* written last when the map is made */
	pthread_mutex_t lock;
	struct slot slots[SLOTS];
};

struct kv {
	struct narwhal_host *host;
	struct narwhal_counter *recovered;
	struct map *map;
};

static int make_map(struct map *map)
{
	pthread_mutexattr_t attributes;
	int error = pthread_mutexattr_init(&attributes);

	if (error == 0)
		error = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	if (error == 0)
		error = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	if (error == 0)
		error = pthread_mutex_init(&map->lock, &attributes);
	if (error == 0)
		map->magic = MAGIC;
	return error;
}

/* Under flock(2), so that only the first worker makes the map. */
static struct map *open_map(int fd)
{
	struct map *map;
	struct stat status;

	if (flock(fd, LOCK_EX) != 0 || fstat(fd, &status) != 0)
		return NULL;
	if (status.st_size == 0 && ftruncate(fd, sizeof(*map)) != 0)
		return NULL;
	if (status.st_size != 0 && status.st_size != (off_t)sizeof(*map))
		return NULL;
	map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return NULL;
	if (map->magic != MAGIC && make_map(map) != 0)
		return NULL;
	return map;
}

static int load(struct narwhal_host *host, void **state)
{
	static struct kv kv;
	const char *path = narwhal_option(host, "map");
	int fd;

	kv.host = host;
	kv.recovered = narwhal_counter(host, "kv_locks_recovered");
	fd = open(path != NULL ? path : "/dev/shm/narwhal-kv", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0) {
		kv.map = open_map(fd);
		(void)flock(fd, LOCK_UN); /* the mapping would keep it, after close(2), too */
		(void)close(fd);
	}
	if (kv.map == NULL) {
		narwhal_log(host, NARWHAL_ERROR,
			"kv: the option map names no file to keep a map in");
		return -1;
	}
	*state = &kv;
	return 0;
}

static void lock(struct kv *kv)
{
	if (pthread_mutex_lock(&kv->map->lock) != EOWNERDEAD)
		return;
	narwhal_counter_add(kv->recovered, 1);
	(void)pthread_mutex_consistent(&kv->map->lock);
}

static void unlock(struct kv *kv)
{
	(void)pthread_mutex_unlock(&kv->map->lock);
}

static size_t hash(struct narwhal_bytes key)
{
	size_t h = 2166136261;

	for (size_t i = 0; i < key.size; i++)
		h = (h ^ (unsigned char)key.data[i]) * 16777619;
	return h;
}

/* The key's slot; or NULL, and *spare is where it may go, or NULL when the map is full. */
static struct slot *find(struct kv *kv, struct narwhal_bytes key, struct slot **spare)
{
	size_t first = hash(key);

	*spare = NULL;
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &kv->map->slots[(first + i) % SLOTS];

		if (slot->state != FULL && *spare == NULL)
			*spare = slot;
		if (slot->state == EMPTY)
			return NULL;
		if (slot->state == FULL && slot->key_size == key.size &&
			memcmp(slot->key, key.data, key.size) == 0)
			return slot;
	}
	return NULL;
}

static void fill(struct slot *slot, struct narwhal_bytes key, struct narwhal_bytes value)
{
	slot->state = DELETED;
	memcpy(slot->key, key.data, key.size);
	slot->key_size = (unsigned short)key.size;
	if (value.size != 0)
		memcpy(slot->value, value.data, value.size);
	slot->value_size = (unsigned short)value.size;
	slot->state = FULL;
}

static void put(struct kv *kv, struct narwhal_bytes key, struct narwhal_bytes value,
	struct narwhal_response *response)
{
	struct slot *slot, *spare;

	if (value.size > VALUE_MAX) {
		(void)narwhal_response_status(response, 413);
		return;
	}
	lock(kv);
	slot = find(kv, key, &spare);
	if (slot != NULL || spare != NULL)
		fill(slot != NULL ? slot : spare, key, value);
	unlock(kv);
	(void)narwhal_response_status(response, slot != NULL ? 204 : spare != NULL ? 201 : 507);
}

static void say(struct narwhal_response *response, const char *text)
{
	(void)narwhal_response_body(response, text, strlen(text));
}

/* A JSON string (RFC 8259 section 7). */
static void say_string(struct narwhal_response *response, const char *bytes, size_t size)
{
	say(response, "\"");
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)bytes[i];
		char escaped[8];

		if (c >= ' ' && c != '"' && c != '\\') {
			(void)narwhal_response_body(response, &bytes[i], 1);
			continue;
		}
		(void)snprintf(escaped, sizeof(escaped), "\\u%04x", c);
		say(response, escaped);
	}
	say(response, "\"");
}

static void get(struct kv *kv, struct narwhal_bytes key, struct narwhal_response *response)
{
	struct slot *slot, *spare;

	lock(kv);
	slot = find(kv, key, &spare);
	if (slot != NULL) {
		say(response, "{\"key\":");
		say_string(response, slot->key, slot->key_size);
		say(response, ",\"value\":");
		say_string(response, slot->value, slot->value_size);
		say(response, "}\n");
	}
	unlock(kv);
	if (slot == NULL)
		(void)narwhal_response_status(response, 404);
}

static void drop(struct kv *kv, struct narwhal_bytes key, struct narwhal_response *response)
{
	struct slot *slot, *spare;

	lock(kv);
	slot = find(kv, key, &spare);
	if (slot != NULL)
		slot->state = DELETED;
	unlock(kv);
	(void)narwhal_response_status(response, slot != NULL ? 204 : 404);
}

static void list(struct kv *kv, struct narwhal_response *response)
{
	const char *before = "";

	say(response, "{\"keys\":[");
	lock(kv);
	for (size_t i = 0; i < SLOTS; i++) {
		const struct slot *slot = &kv->map->slots[i];

		if (slot->state != FULL)
			continue;
		say(response, before);
		say_string(response, slot->key, slot->key_size);
		before = ",";
	}
	unlock(kv);
	say(response, "]}\n");
}

static int is(struct narwhal_bytes bytes, const char *text)
{
	return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

static void handle(void *state, const struct narwhal_request *request,
	struct narwhal_response *response)
{
	struct narwhal_bytes method = narwhal_request_method(request);
	struct narwhal_bytes path = narwhal_request_path(request);
	struct narwhal_bytes key = {path.data + 1, path.size - 1};
	int reads = is(method, "GET") || is(method, "HEAD");

	if (reads)
		(void)narwhal_response_field(response, "Content-Type", "application/json");
	if (reads && key.size == 0) {
		list(state, response);
	} else if (key.size == 0 || key.size > KEY_MAX || path.data[0] != '/') {
		(void)narwhal_response_status(response, 404);
	} else if (reads) {
		get(state, key, response);
	} else if (is(method, "PUT")) {
		put(state, key, narwhal_request_body(request), response);
	} else if (is(method, "DELETE")) {
		drop(state, key, response);
	} else {
		(void)narwhal_response_status(response, 405);
		(void)narwhal_response_field(response, "Allow", "GET, HEAD, PUT, DELETE");
	}
}

const struct narwhal_module narwhal_module = {
	.abi = NARWHAL_ABI,
	.size = sizeof(struct narwhal_module),
	.name = "kv",
	.load = load,
	.handle = handle,
};
