#include "init/certificates.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bundle.h"
#include "base/clock.h"
#include "base/fd.h"

/* Of one file: a chain of certificates has a few KiB, a system's list of authorities 200. */
#define FILE_MAX (1 << 20)

struct collector {
	int fd; /* what is written next goes there: one of those */
	struct certificates files;
	size_t size;
	size_t pairs;
	const char *setting; /* that names the file in hand */
	struct text *why;
};

static int refuse(struct collector *all, const char *path, const char *reason, int error)
{
	text_printf(all->why, "%s: %s: %s", all->setting, path, reason);
	return error;
}

static int write_text(struct collector *all, const struct text *text)
{
	ssize_t n = write(all->fd, text->bytes, text->used);

	all->size += text->used;
	return n == (ssize_t)text->used ? 0 : n < 0 ? -errno : -EIO;
}

/* Not by way of our own memory. */
static int copy_bytes(struct collector *all, int fd, size_t size)
{
	all->size += size;
	while (size > 0) {
		ssize_t n = sendfile(all->fd, fd, NULL, size);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		size -= (size_t)n;
	}
	return 0;
}

static int copy_file(struct collector *all, enum bundle_kind kind, const char *path, int fd)
{
	char bytes[BUNDLE_LINE_MAX], end[] = "\n";
	struct text line = TEXT_OVER(bytes), newline = {.bytes = end, .size = 2, .used = 1};
	struct stat status;
	int error;

	if (fstat(fd, &status) != 0)
		return refuse(all, path, strerror(errno), -errno);
	if (!S_ISREG(status.st_mode))
		return refuse(all, path, "is no regular file", -EINVAL);
	if (status.st_size == 0 || status.st_size > FILE_MAX ||
		all->size + (size_t)status.st_size + sizeof(bytes) > BUNDLE_SIZE_MAX)
		return refuse(all, path,
			status.st_size == 0 ? "is empty"
					    : "is too large: allowed are 1m each, 16m in all",
			-EINVAL);
	bundle_add_line(&line, kind, path, (size_t)status.st_size);
	error = write_text(all, &line);
	if (error == 0)
		error = copy_bytes(all, fd, (size_t)status.st_size);
	if (error == 0)
		error = write_text(all, &newline);
	return error == 0 ? 0 : refuse(all, path, strerror(-error), error);
}

static int open_quickly(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static int add_file(struct collector *all, enum bundle_kind kind, const char *path)
{
	FD_SCOPED fd = open_quickly(path);

	return fd < 0 ? refuse(all, path, strerror(errno), -errno) : copy_file(all, kind, path, fd);
}

/* What stands beside the certificate is stapled to it; there need not be any. */
static int add_staple(struct collector *all, const char *certificate)
{
	char path[PATH_MAX + sizeof(".ocsp")];
	FD_SCOPED fd = -1;

	(void)snprintf(path, sizeof(path), "%s.ocsp", certificate);
	fd = open_quickly(path);
	if (fd < 0)
		return errno == ENOENT ? 0 : refuse(all, path, strerror(errno), -errno);
	return copy_file(all, BUNDLE_STAPLE, path, fd);
}

/* A worker finds an empty one where the key holder has it. */
static int add_key(struct collector *all, const char *path)
{
	char bytes[BUNDLE_LINE_MAX];
	struct text line = TEXT_OVER(bytes);
	int error;

	if (all->files.keys_fd < 0)
		return add_file(all, BUNDLE_KEY, path);
	bundle_add_line(&line, BUNDLE_KEY, path, 0);
	text_add_char(&line, '\n');
	error = write_text(all, &line);
	all->fd = all->files.keys_fd;
	if (error == 0)
		error = add_file(all, BUNDLE_KEY, path);
	all->fd = all->files.fd;
	return error;
}

static int add_pair(struct collector *all, const char *certificate, const char *key)
{
	const char *setting = all->setting;
	int error = add_file(all, BUNDLE_CERTIFICATE, certificate);

	if (strcmp(setting, "certfile") == 0)
		all->setting = "keyfile";
	if (error == 0)
		error = add_key(all, key);
	all->setting = setting;
	all->pairs++;
	return error == 0 ? add_staple(all, certificate) : error;
}

/* The next path of a list, with a NUL behind it. 1, 0 at the end, or -ENAMETOOLONG. */
static int next_path(const char **list, char path[PATH_MAX])
{
	size_t size;
	const char *item = setting_item(list, &size);

	if (item == NULL)
		return 0;
	if (size >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path, item, size);
	path[size] = '\0';
	return 1;
}

static int add_lists(struct collector *all, const struct settings *settings)
{
	const char *certificates = settings->certfile, *keys = settings->keyfile;
	char certificate[PATH_MAX], key[PATH_MAX];

	for (;;) {
		int one = next_path(&certificates, certificate), other = next_path(&keys, key);
		int error;

		if (one == 0 && other == 0)
			return 0;
		if (one < 0 || other < 0) {
			text_add(all->why, "certfile, keyfile: a path is too long");
			return -ENAMETOOLONG;
		}
		if (one != other) {
			text_printf(all->why,
				"%s has more files than %s: each certificate has its"
				" key, in the same order",
				one > other ? "certfile" : "keyfile",
				one > other ? "keyfile" : "certfile");
			return -EINVAL;
		}
		error = add_pair(all, certificate, key);
		if (error != 0)
			return error;
	}
}

/* What a folder of one certificate has in it. */
static const struct {
	const char *certificate, *key;
} in_folder[] = {
	{"fullchain.pem", "privkey.pem"}, /* as certbot writes them */
	{"tls.crt", "tls.key"},		  /* a Kubernetes secret */
};

/* DIR/NAME.crt or DIR/NAME.pem, with DIR/NAME.key. */
static const char *const suffixes[] = {".crt", ".pem"};

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static int add_folder(struct collector *all, const char *folder)
{
	char certificate[PATH_MAX], key[PATH_MAX];

	for (size_t i = 0; i < COUNT_OF(in_folder); i++) {
		int n = snprintf(certificate, PATH_MAX, "%s/%s", folder, in_folder[i].certificate);

		if (n >= PATH_MAX || !is_there(certificate))
			continue;
		n = snprintf(key, PATH_MAX, "%s/%s", folder, in_folder[i].key);
		return n < PATH_MAX ? add_pair(all, certificate, key) : -ENAMETOOLONG;
	}
	return 0;
}

/* A certificate without a key is somebody else's: an authority's, perhaps. */
static int add_named(struct collector *all, const char *path)
{
	size_t size = strlen(path);
	char key[PATH_MAX];

	for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
		size_t stem = size - strlen(suffixes[i]);

		if (size <= strlen(suffixes[i]) || strcmp(path + stem, suffixes[i]) != 0)
			continue;
		(void)snprintf(key, sizeof(key), "%.*s.key", (int)stem, path);
		return is_there(key) ? add_pair(all, path, key) : 0;
	}
	return 0;
}

static int add_entry(struct collector *all, const char *directory, const char *name)
{
	char path[PATH_MAX];
	struct stat status;

	if (name[0] == '.')
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= PATH_MAX)
		return refuse(all, directory, "a path in it is too long", -ENAMETOOLONG);
	if (stat(path, &status) != 0)
		return refuse(all, path, strerror(errno), -errno);
	return S_ISDIR(status.st_mode) ? add_folder(all, path) : add_named(all, path);
}

/* In the order of their names, so that the first certificate is the same one each time. */
static int add_directory(struct collector *all, const char *directory)
{
	struct dirent **entries;
	size_t before = all->pairs;
	int error = 0, count = scandir(directory, &entries, NULL, alphasort);

	if (count < 0)
		return refuse(all, directory, strerror(errno), -errno);
	for (int i = 0; i < count; i++) {
		if (error == 0)
			error = add_entry(all, directory, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (error == 0 && all->pairs == before)
		return refuse(all, directory,
			"has no certificate with its key: NAME.crt and NAME.key, or NAME/tls.crt"
			" and NAME/tls.key, or NAME/fullchain.pem and NAME/privkey.pem",
			-ENOENT);
	return error;
}

static int add_time(struct collector *all)
{
	char number[32], bytes[BUNDLE_LINE_MAX];
	struct text digits = TEXT_OVER(number), line = TEXT_OVER(bytes);

	text_add_uint(&digits, (uint64_t)clock_wall_ms() / 1000);
	bundle_add_line(&line, BUNDLE_MADE, "", digits.used);
	text_add(&line, number);
	text_add_char(&line, '\n');
	return write_text(all, &line);
}

static int add_times(struct collector *all)
{
	int error = add_time(all);

	if (error != 0 || all->files.keys_fd < 0)
		return error;
	all->fd = all->files.keys_fd;
	error = add_time(all);
	all->fd = all->files.fd;
	return error;
}

static int add_all(struct collector *all, const struct settings *settings)
{
	int error = add_times(all);

	all->setting = "ca_certs";
	if (error == 0 && settings->ca_certs != NULL)
		error = add_file(all, BUNDLE_AUTHORITIES, settings->ca_certs);
	all->setting = "certfile";
	if (error == 0)
		error = add_lists(all, settings);
	all->setting = "certdir";
	if (error == 0 && settings->certdir != NULL)
		error = add_directory(all, settings->certdir);
	if (error == 0 && all->pairs == 0) {
		text_add(all->why, "bind_tls: needs a certificate: certfile and keyfile, or"
				   " certdir");
		error = -EINVAL;
	}
	if (error == 0 && all->files.keys_fd >= 0)
		error = fd_seal(all->files.keys_fd);
	return error == 0 ? fd_seal(all->fd) : error;
}

static int make_file(const char *name, int *fd)
{
	*fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return *fd >= 0 ? 0 : -errno;
}

static int make_files(const struct settings *settings, struct certificates *files)
{
	int error = make_file("narwhal-certificates", &files->fd);

	if (error == 0 && settings->tls_key_isolation != 0)
		error = make_file("narwhal-keys", &files->keys_fd);
	return error;
}

/* Who has given a certificate believes that he serves TLS. */
static int check_unused(const struct settings *settings, struct text *why)
{
	const char *name = settings->certfile != NULL  ? "certfile"
			   : settings->certdir != NULL ? "certdir"
						       : NULL;

	if (name == NULL)
		return 0;
	text_printf(why, "%s: is of no use without bind_tls, the addresses that speak TLS", name);
	return -EINVAL;
}

int certificates_open(const struct settings *settings, struct certificates *certificates,
	struct text *why)
{
	struct collector all = {.why = why, .files = {-1, -1}};
	int error;

	*certificates = all.files;
	if (settings->bind_tls == NULL)
		return check_unused(settings, why);
	if (settings->cert_reqs != 0 && settings->ca_certs == NULL) {
		text_add(why, "cert_reqs: needs ca_certs, the authorities to check by");
		return -EINVAL;
	}
	error = make_files(settings, &all.files);
	all.fd = all.files.fd;
	if (error == 0)
		error = add_all(&all, settings);
	if (error != 0) {
		certificates_close(&all.files);
		if (why->used == 0)
			text_printf(why, "bind_tls: %s", strerror(-error));
		return error;
	}
	*certificates = all.files;
	return 0;
}

/* Sealed: nobody cuts it meanwhile. */
static const char *map_bundle(int fd, size_t *size)
{
	struct stat status;
	void *bytes;

	if (fd < 0 || fstat(fd, &status) != 0 || status.st_size <= 0)
		return NULL;
	*size = (size_t)status.st_size;
	bytes = mmap(NULL, *size, PROT_READ, MAP_SHARED, fd, 0);
	return bytes != MAP_FAILED ? bytes : NULL;
}

static void unmap_bundle(const char *bytes, size_t size)
{
	if (bytes != NULL)
		(void)munmap((void *)(uintptr_t)bytes, size);
}

static bool is_same(int one, int other)
{
	size_t one_size = 0, other_size = 0;
	const char *a = map_bundle(one, &one_size), *b = map_bundle(other, &other_size);
	bool same = a != NULL && b != NULL && bundle_same(a, one_size, b, other_size);

	unmap_bundle(a, one_size);
	unmap_bundle(b, other_size);
	return same;
}

bool certificates_same(const struct certificates *one, const struct certificates *other)
{
	bool none = one->keys_fd < 0 && other->keys_fd < 0;

	return is_same(one->fd, other->fd) && (none || is_same(one->keys_fd, other->keys_fd));
}

void certificates_close(struct certificates *certificates)
{
	fd_close(&certificates->fd);
	fd_close(&certificates->keys_fd);
}
