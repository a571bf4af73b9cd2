/* The app that serves a directory, on a real one; only the request is made up. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "service/apps/files.h"
#include "service/response.h"

/* A request as files.c sees it: what the accessors give. */
struct narwhal_request {
	const char *method, *path, *query;
	const char *field[2][2];
};

static struct narwhal_bytes bytes_of(const char *string)
{
	return (struct narwhal_bytes){.data = string, .size = string != NULL ? strlen(string) : 0};
}

struct narwhal_bytes narwhal_request_method(const struct narwhal_request *request)
{
	return bytes_of(request->method);
}

struct narwhal_bytes narwhal_request_path(const struct narwhal_request *request)
{
	return bytes_of(request->path);
}

struct narwhal_bytes narwhal_request_query(const struct narwhal_request *request)
{
	return bytes_of(request->query);
}

struct narwhal_bytes narwhal_request_field(const struct narwhal_request *request, const char *name)
{
	for (size_t i = 0; i < 2; i++) {
		const char *const *field = request->field[i];

		if (field[0] != NULL && strcasecmp(field[0], name) == 0)
			return bytes_of(field[1]);
	}
	return bytes_of(NULL);
}

int narwhal_request_discard(struct narwhal_request *request)
{
	(void)request;
	return 0;
}

/* service/view.h, where the request is another one. */
uint64_t view_now_ms(const struct narwhal_request *request);

uint64_t view_now_ms(const struct narwhal_request *request)
{
	(void)request;
	return 1000000;
}

int narwhal_request_field_at(const struct narwhal_request *request, size_t index,
	struct narwhal_bytes *name, struct narwhal_bytes *value)
{
	if (index >= 2 || request->field[index][0] == NULL)
		return 0;
	*name = bytes_of(request->field[index][0]);
	*value = bytes_of(request->field[index][1]);
	return 1;
}

/* The directory, the app over it, and its last answer. */
struct world {
	char directory[64]; /* holds "root" and, outside of it, "outside.txt" */
	struct settings settings;
	void *files;
	struct narwhal_response response;
};

static void make_file(const char *name, const char *content, mode_t mode)
{
	FD_SCOPED fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(fchmod(fd, mode), 0);
}

static void make_socket(const char *name)
{
	FD_SCOPED fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void make_links(void)
{
	assert_int_equal(symlink("a.txt", "link_beside"), 0);
	assert_int_equal(symlink("../a.txt", "sub/link_up"), 0);
	assert_int_equal(symlink("sub", "link_sub"), 0);
	assert_int_equal(symlink("../outside.txt", "link_out"), 0);
	assert_int_equal(symlink("/etc/passwd", "link_absolute"), 0);
	assert_int_equal(symlink("..", "link_parent"), 0);
	assert_int_equal(symlink("/proc/self/root", "link_magic"), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
}

static void make_root(void)
{
	static const char *const directories[] = {"root", "root/sub", "root/empty",
		"root/.well-known", "root/.git", "root/we ird", "root/folly",
		"root/folly/index.html"};

	for (size_t i = 0; i < COUNT_OF(directories); i++)
		assert_int_equal(mkdir(directories[i], 0755), 0);
	make_file("outside.txt", "secret", 0644);
	assert_int_equal(chdir("root"), 0);
	make_file("index.html", "<!doctype html>", 0644);
	make_file("a.txt", "hello", 0644);
	make_file("zero", "", 0644);
	make_file("locked.txt", "x", 0);
	make_file("sub/index.html", "sub", 0644);
	make_file("sub/deep.css", "b{}", 0644);
	make_file("we ird/100%.txt", "w", 0644);
	make_file(".well-known/token", "t", 0644);
	make_file(".git/config", "secret", 0644);
	make_file("back\\slash", "b", 0644);
	assert_int_equal(mkfifo("fifo", 0644), 0);
	make_socket("socket");
	make_links();
	assert_int_equal(chdir(".."), 0);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	assert_non_null(world);
	strcpy(world->directory, "/tmp/narwhal-files-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	assert_int_equal(chmod(world->directory, 0755), 0);
	assert_int_equal(chdir(world->directory), 0);
	make_root();
	assert_int_equal(settings_init(&world->settings), 0);
	world->settings.open_file_cache_valid = 0;
	assert_int_equal(files_open("root", &world->settings, &world->files, &why), 0);
	response_reset(&world->response);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	char command[128];

	response_free(&world->response);
	files_module.worker_exit(world->files);
	settings_free(&world->settings);
	(void)snprintf(command, sizeof(command), "rm -rf %s", world->directory);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of our own making
	free(world);
	return 0;
}

static unsigned ask(struct world *world, const struct narwhal_request *request)
{
	response_drop(&world->response);
	response_reset(&world->response);
	files_module.handle(world->files, request, &world->response);
	assert_int_equal(world->response.error, 0);
	return world->response.status;
}

static unsigned get(struct world *world, const char *path)
{
	return ask(world, &(struct narwhal_request){.method = "GET", .path = path});
}

/* A field's value, in memory that the next call reuses; NULL without the field. */
static const char *field(struct world *world, const char *name)
{
	static char value[1024];
	const struct buffer *fields = &world->response.fields;
	char all[2048] = "\r\n", key[64];
	char *start, *end;

	assert_true(fields->used < sizeof(all) - 3);
	if (fields->used != 0)
		memcpy(all + 2, fields->bytes, fields->used);
	(void)snprintf(key, sizeof(key), "\r\n%s: ", name);
	start = strstr(all, key);
	if (start == NULL)
		return NULL;
	start += strlen(key);
	end = strstr(start, "\r\n");
	assert_non_null(end);
	(void)snprintf(value, sizeof(value), "%.*s", (int)(end - start), start);
	return value;
}

static void assert_sent(struct world *world, const char *path, const char *content)
{
	char bytes[64];
	ssize_t n;

	assert_int_equal(get(world, path), 200);
	assert_non_null(world->response.file);
	assert_int_equal(world->response.file_offset, 0);
	assert_int_equal(world->response.file_size, strlen(content));
	n = file_read(world->response.file, bytes, sizeof(bytes), 0);
	assert_int_equal(n, strlen(content));
	assert_memory_equal(bytes, content, strlen(content));
}

static void a_regular_file_is_sent_with_its_type_and_validators(void **state)
{
	struct world *world = *state;

	assert_sent(world, "/a.txt", "hello");
	assert_string_equal(field(world, "Content-Type"), "text/plain; charset=utf-8");
	assert_int_equal(strlen(field(world, "Last-Modified")), 29);
	assert_int_equal(field(world, "ETag")[0], '"');
	assert_sent(world, "/sub/deep.css", "b{}");
	assert_sent(world, "//sub/./deep.css", "b{}");
	assert_sent(world, "/we%20ird/100%25.txt", "w");
	assert_sent(world, "/zero", "");
	assert_string_equal(field(world, "Content-Type"), "application/octet-stream");
	assert_sent(world, "/.well-known/token", "t");
}

static void a_directory_is_its_index_or_not_there(void **state)
{
	struct world *world = *state;

	assert_sent(world, "/", "<!doctype html>");
	assert_sent(world, "", "<!doctype html>");
	assert_string_equal(field(world, "Content-Type"), "text/html; charset=utf-8");
	assert_sent(world, "/sub/", "sub");
	assert_sent(world, "/sub/..", "<!doctype html>");
	assert_int_equal(get(world, "/empty/"), 404);
	/* Not to itself with one more slash, for ever. */
	assert_int_equal(get(world, "/folly/"), 404);
	assert_int_equal(get(world, "/folly"), 301);
	assert_int_equal(get(world, "/folly/index.html"), 301);
	assert_int_equal(get(world, "/a.txt/"), 404);
	assert_int_equal(get(world, "/nowhere/"), 404);
}

static void a_directory_without_its_slash_is_redirected_to_itself(void **state)
{
	static const struct {
		const char *path, *query, *location;
	} rows[] = {
		{"/sub", NULL, "/sub/"},
		{"/sub", "", "/sub/"},
		{"/sub", "a=b&c=//d", "/sub/?a=b&c=//d"},
		{"/we%20ird", NULL, "/we%20ird/"},
		{"//sub", NULL, "/sub/"},
		{"////sub", "x", "/sub/?x"},
		{"/.//sub", NULL, "/.//sub/"},
		{"/.well-known", NULL, "/.well-known/"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct narwhal_request request = {.method = "GET",
			.path = rows[i].path,
			.query = rows[i].query};

		assert_int_equal(ask(world, &request), 301);
		assert_string_equal(field(world, "Location"), rows[i].location);
		assert_null(world->response.file);
	}
}

static void what_is_not_served_is_not_there(void **state)
{
	static const char *const paths[] = {"/nowhere", "/a.txt/x", "/.git/config", "/.git", "/..",
		"/../outside.txt", "/%2e%2e/outside.txt", "/..%2foutside.txt", "/back\\slash",
		"/back%5cslash", "/loop", "/dangling", "/sub/nowhere/x"};
	struct world *world = *state;
	char path[PATH_MAX + 16];

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		if (get(world, paths[i]) != 404)
			fail_msg("%s: %u", paths[i], world->response.status);
		assert_null(world->response.file);
	}
	/* Longer than a name, longer than a path, and no room for the index. */
	for (size_t size = 0; size < sizeof(path) - 1; size += size < 300 ? 100 : 1) {
		memset(path, 'a', size);
		path[size] = '\0';
		path[0] = '/';
		if (size > 1)
			assert_int_equal(get(world, path), 404);
		if (size > 2) {
			path[size - 1] = '/';
			assert_int_equal(get(world, path), 404);
		}
	}
}

static void a_malformed_path_is_a_bad_request(void **state)
{
	assert_int_equal(get(*state, "/%00"), 400);
	assert_int_equal(get(*state, "/a.txt%00.html"), 400);
	assert_int_equal(get(*state, "/%zz"), 400);
	assert_int_equal(get(*state, "a.txt"), 400);
}

static void only_regular_files_are_served_and_a_fifo_never_hangs(void **state)
{
	(void)alarm(5);
	assert_int_equal(get(*state, "/fifo"), 404);
	assert_int_equal(get(*state, "/socket"), 404);
	(void)alarm(0);
}

static void a_link_that_leads_out_is_not_there(void **state)
{
	static const char *const paths[] = {"/link_out", "/link_absolute", "/link_parent",
		"/link_parent/", "/link_parent/outside.txt", "/link_parent/root/a.txt",
		"/link_magic", "/link_magic/etc/passwd", "/link_magic/"};

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		if (get(*state, paths[i]) != 404)
			fail_msg("%s was not a 404", paths[i]);
	}
}

static void a_link_that_stays_inside_is_followed(void **state)
{
	assert_sent(*state, "/link_beside", "hello");
	assert_sent(*state, "/sub/link_up", "hello");
	assert_sent(*state, "/link_sub/deep.css", "b{}");
	assert_int_equal(get(*state, "/link_sub"), 301);
}

static void head_is_as_get_and_options_tells_the_methods(void **state)
{
	struct world *world = *state;
	struct narwhal_request request = {.method = "HEAD", .path = "/a.txt"};

	assert_int_equal(ask(world, &request), 200);
	assert_int_equal(world->response.file_size, 5);
	request.method = "OPTIONS";
	assert_int_equal(ask(world, &request), 204);
	assert_string_equal(field(world, "Allow"), "GET, HEAD, OPTIONS");
	request.path = "*";
	assert_int_equal(ask(world, &request), 204);
}

static void other_methods_are_not_allowed(void **state)
{
	static const char *const methods[] = {"POST", "PUT", "DELETE", "TRACE", "get", "GETS", "G",
		"", "OPTION", "OPTIONSS"};
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		struct narwhal_request request = {.method = methods[i], .path = "/a.txt"};

		assert_int_equal(ask(world, &request), 405);
		assert_string_equal(field(world, "Allow"), "GET, HEAD, OPTIONS");
	}
}

static void the_validators_of_an_answer_make_a_304(void **state)
{
	struct world *world = *state;
	struct narwhal_request request = {.method = "GET", .path = "/a.txt"};
	char etag[80], date[40], list[128];

	assert_int_equal(ask(world, &request), 200);
	strcpy(etag, field(world, "ETag"));
	strcpy(date, field(world, "Last-Modified"));

	request.field[0][0] = "If-Modified-Since";
	request.field[0][1] = date;
	assert_int_equal(ask(world, &request), 304);
	assert_string_equal(field(world, "Last-Modified"), date);
	assert_string_equal(field(world, "ETag"), etag);
	assert_null(field(world, "Content-Type"));
	assert_null(world->response.file);

	(void)snprintf(list, sizeof(list), "\"x\", W/%s", etag);
	request.field[0][0] = "Host";
	request.field[1][0] = "if-none-match";
	request.field[1][1] = list;
	assert_int_equal(ask(world, &request), 304);
	request.field[1][1] = "\"x\"";
	assert_int_equal(ask(world, &request), 200);
	request.field[1][0] = "If-Match";
	assert_int_equal(ask(world, &request), 412);
	assert_null(field(world, "ETag"));
}

/* RFC 9110 section 13.2.1. */
static void what_is_no_200_is_weighed_by_no_condition(void **state)
{
	struct narwhal_request request = {.method = "GET",
		.path = "/nowhere",
		.field = {{"If-None-Match", "*"}}};

	assert_int_equal(ask(*state, &request), 404);
	request.path = "/sub";
	assert_int_equal(ask(*state, &request), 301);
	request.method = "OPTIONS";
	request.field[0][0] = "If-Match";
	request.field[0][1] = "\"x\"";
	assert_int_equal(ask(*state, &request), 204);
}

static void a_changed_file_has_another_tag(void **state)
{
	struct world *world = *state;
	char before[80];
	struct timespec times[2] = {{.tv_sec = 1000000000, .tv_nsec = 1}, {.tv_sec = 1000000000}};

	times[1].tv_nsec = 1;
	assert_int_equal(utimensat(AT_FDCWD, "root/a.txt", times, 0), 0);
	assert_int_equal(get(world, "/a.txt"), 200);
	assert_string_equal(field(world, "Last-Modified"), "Sun, 09 Sep 2001 01:46:40 GMT");
	strcpy(before, field(world, "ETag"));
	assert_int_equal(strncmp(before, "\"de0b6b3a7640001-5-", 19), 0);

	/* By a nanosecond. */
	times[1].tv_nsec = 2;
	assert_int_equal(utimensat(AT_FDCWD, "root/a.txt", times, 0), 0);
	assert_int_equal(get(world, "/a.txt"), 200);
	assert_string_not_equal(field(world, "ETag"), before);

	/* Another file of the same time and size in its place. */
	make_file("root/b.txt", "hello", 0644);
	times[1].tv_nsec = 1;
	assert_int_equal(utimensat(AT_FDCWD, "root/b.txt", times, 0), 0);
	assert_int_equal(rename("root/b.txt", "root/a.txt"), 0);
	assert_int_equal(get(world, "/a.txt"), 200);
	assert_string_not_equal(field(world, "ETag"), before);
	assert_string_equal(field(world, "Last-Modified"), "Sun, 09 Sep 2001 01:46:40 GMT");
}

/* More files than labels are kept for, of one time and one size. */
static void every_file_has_its_own_tag(void **state)
{
	static const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	struct stat status;
	char name[32], end[32];

	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof(name), "root/empty/%u", i);
		make_file(name, "same", 0644);
		assert_int_equal(utimensat(AT_FDCWD, name, times, 0), 0);
	}
	for (unsigned i = 0; i < 400; i++) {
		(void)snprintf(name, sizeof(name), "root/empty/%u", i % 200);
		assert_int_equal(stat(name, &status), 0);
		assert_int_equal(get(*state, name + 4), 200);
		(void)snprintf(end, sizeof(end), "-4-%lx\"", (unsigned long)status.st_ino);
		assert_non_null(strstr(field(*state, "ETag"), end));
	}
}

/* RFC 9110 section 8.8.2.1. */
static void a_file_from_the_future_is_of_now(void **state)
{
	static const struct timespec future[2] = {{.tv_sec = 4102444800}, {.tv_sec = 4102444800}};
	static const struct timespec past[2] = {{.tv_sec = -86400}, {.tv_sec = -86400}};

	assert_int_equal(utimensat(AT_FDCWD, "root/a.txt", future, 0), 0);
	assert_int_equal(get(*state, "/a.txt"), 200);
	assert_null(strstr(field(*state, "Last-Modified"), " 2100 "));
	assert_int_equal(utimensat(AT_FDCWD, "root/a.txt", past, 0), 0);
	assert_int_equal(get(*state, "/a.txt"), 200);
	assert_string_equal(field(*state, "Last-Modified"), "Thu, 01 Jan 1970 00:00:00 GMT");
}

static void without_a_descriptor_left_what_is_not_known_is_a_503(void **state)
{
	struct rlimit limit, none;

	assert_int_equal(get(*state, "/a.txt"), 200);
	(void)unlink("root/empty/new");
	make_file("root/empty/new", "new", 0644);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(get(*state, "/a.txt"), 200);
	assert_int_equal(get(*state, "/empty/new"), 503);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(get(*state, "/empty/new"), 200);
	assert_int_equal(unlink("root/empty/new"), 0);
}

/* The file that nobody may read, asked for by a user who is not root. */
static void a_file_without_permission_is_forbidden(void **state)
{
	pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
			_exit(2);
		_exit(get(*state, "/locked.txt") == 403 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void no_descriptor_is_left_behind(void **state)
{
	static const char *const paths[] = {"/a.txt", "/sub", "/fifo", "/nowhere", "/sub/deep.css",
		"/empty/", "/link_out", "/.well-known/token", "/sub/x/y"};
	int lowest, before, again;

	(void)get(*state, "/nowhere"); /* gives the last test's file back */
	lowest = before = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(lowest >= 0);
	fd_close(&lowest);
	for (size_t i = 0; i < 20 * COUNT_OF(paths); i++)
		(void)get(*state, paths[i % COUNT_OF(paths)]);
	(void)get(*state, "/nowhere");
	again = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(again, before);
	fd_close(&again);
}

static void what_is_no_directory_is_refused_with_its_name(void **state)
{
	const struct world *world = *state;
	static const struct {
		const char *root;
		int error;
		const char *reason;
	} rows[] = {
		{"root/nowhere", -ENOENT, "\"root/nowhere\": No such file"},
		{"root/a.txt", -ENOTDIR, "\"root/a.txt\": Not a directory"},
		{"", -ENOENT, "\"\": No such file"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char bytes[256];
		struct text why = TEXT_OVER(bytes);
		void *files = NULL;

		assert_int_equal(files_open(rows[i].root, &world->settings, &files, &why),
			rows[i].error);
		assert_non_null(strstr(bytes, rows[i].reason));
		assert_null(files);
	}
}

/* As old container runtimes do: openat2(2) gives EPERM from here on, for the rest of the run. */
static void a_profile_that_refuses_openat2_is_noticed_at_start(void **state)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = COUNT_OF(code), .filter = code};
	struct world *world = *state;
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
	assert_int_equal(syscall(SYS_openat2, -1, "", NULL, 0), -1);
	assert_int_equal(errno, EPERM);
	response_drop(&world->response);
	files_module.worker_exit(world->files);
	assert_int_equal(files_open("root", &world->settings, &world->files, &why), 0);
}

static void without_openat2_no_link_is_followed(void **state)
{
	static const char *const paths[] = {"/link_beside", "/sub/link_up", "/link_sub",
		"/link_sub/", "/link_sub/deep.css"};

	for (size_t i = 0; i < COUNT_OF(paths); i++)
		assert_int_equal(get(*state, paths[i]), 404);
}

#define EITHER_WAY                                                                       \
	cmocka_unit_test(a_regular_file_is_sent_with_its_type_and_validators),           \
		cmocka_unit_test(a_directory_is_its_index_or_not_there),                 \
		cmocka_unit_test(a_directory_without_its_slash_is_redirected_to_itself), \
		cmocka_unit_test(what_is_not_served_is_not_there),                       \
		cmocka_unit_test(only_regular_files_are_served_and_a_fifo_never_hangs),  \
		cmocka_unit_test(a_link_that_leads_out_is_not_there),                    \
		cmocka_unit_test(without_a_descriptor_left_what_is_not_known_is_a_503),  \
		cmocka_unit_test(a_file_without_permission_is_forbidden),                \
		cmocka_unit_test(no_descriptor_is_left_behind)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		EITHER_WAY,
		cmocka_unit_test(a_malformed_path_is_a_bad_request),
		cmocka_unit_test(a_link_that_stays_inside_is_followed),
		cmocka_unit_test(head_is_as_get_and_options_tells_the_methods),
		cmocka_unit_test(other_methods_are_not_allowed),
		cmocka_unit_test(the_validators_of_an_answer_make_a_304),
		cmocka_unit_test(what_is_no_200_is_weighed_by_no_condition),
		cmocka_unit_test(what_is_no_directory_is_refused_with_its_name),
		cmocka_unit_test(a_changed_file_has_another_tag),
		cmocka_unit_test(every_file_has_its_own_tag),
		cmocka_unit_test(a_file_from_the_future_is_of_now),
		cmocka_unit_test(a_profile_that_refuses_openat2_is_noticed_at_start),
		EITHER_WAY,
		cmocka_unit_test(without_openat2_no_link_is_followed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
