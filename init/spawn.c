#include "init/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/exits.h"
#include "base/fd.h"
#include "base/heritage.h"
#include "init/attendant.h"
#include "init/gossip.h"
#include "init/herald.h"
#include "init/inherit.h"
#include "init/logfile.h"
#include "init/noticeboard.h"
#include "init/outsider.h"
#include "init/raw_env.h"
#include "init/sentry.h"
#include "init/preload.h"
#include "init/signals.h"
#include "init/warden.h"
#include "seccomp/filter.h"

/* What a worker is born with. The arbiter keeps one end of the channel and the page's memory. */
struct birth {
	int own_fd;
	int channel_fd;
	int page_fd;   /* the child's, once it has the page */
	int access_fd; /* -1: none */
	int heritage_fd;
	struct page *page;
};

#define NOTHING_YET ((struct birth){-1, -1, -1, -1, -1, NULL})

const struct generation *spawn_generation(const struct arbiter *a, unsigned slot)
{
	uint64_t number = a->roster.slots[slot].generation;

	return a->candidate->number == number ? a->candidate : a->current;
}

/* Whether who is born there serves clients; else it has no listener, access log or tickets. */
static bool is_servant(const struct arbiter *a, unsigned slot)
{
	return attendant_share(a->roster.slots[slot].role) == ATTENDANT_SERVICE;
}

/* As a heritage has it: 0 is none. */
static int named_fd(int fd)
{
	return fd > 0 ? fd : 0;
}

static int certificates_fd(const struct arbiter *a, unsigned slot)
{
	bool has_them = attendant_share(a->roster.slots[slot].role) >= ATTENDANT_KEYS;

	return has_them ? named_fd(spawn_generation(a, slot)->certificates.fd) : 0;
}

/* No other process ever has the keys. */
static int keys_fd(const struct arbiter *a, unsigned slot)
{
	bool holds_them = a->roster.slots[slot].role == PROCESS_KEYHOLDER;

	return holds_them ? named_fd(spawn_generation(a, slot)->certificates.keys_fd) : 0;
}

/* A worker of a release that knows of no such descriptor would not start with it. */
static int tickets_fd(const struct arbiter *a, unsigned slot)
{
	const struct generation *generation = spawn_generation(a, slot);

	return is_servant(a, slot) && generation->tickets ? named_fd(a->tickets.reader_fd) : 0;
}

static void hand_listeners(const struct listener_set *listeners, struct heritage *heritage)
{
	heritage->listeners = listeners->count;
	for (size_t i = 0; i < listeners->count; i++) {
		heritage->listener_fd[i] = listeners->item[i].fd;
		heritage->listener_tls[i] = listeners->item[i].tls;
	}
}

/* A worker alone becomes the program. */
static bool is_outsider(const struct arbiter *a, unsigned slot)
{
	return is_servant(a, slot) && outsider_is_wished(spawn_generation(a, slot));
}

static void add_app(const struct arbiter *a, unsigned slot, struct text *app)
{
	const struct generation *generation = spawn_generation(a, slot);

	if (is_outsider(a, slot))
		outsider_add_app(generation, slot, app);
	else
		text_add(app, generation->config.app != NULL ? generation->config.app : "");
}

/* All but the app. */
static struct heritage heritage_of(const struct arbiter *a, unsigned slot,
	const struct birth *birth)
{
	const struct generation *generation = spawn_generation(a, slot);
	enum attendant_share share = attendant_share(a->roster.slots[slot].role);
	struct heritage heritage = {
		.role = a->roster.slots[slot].role,
		.slot = slot,
		.generation = generation->number,
		.channel_fd = birth->channel_fd,
		.page_fd = birth->page_fd,
		.drop = generation->users.drop,
		.uid = generation->users.uid,
		.gid = generation->users.gid,
		.access_fd = named_fd(birth->access_fd),
		.certificates_fd = certificates_fd(a, slot),
		.keys_fd = keys_fd(a, slot),
		.tickets_fd = tickets_fd(a, slot),
		.settings = generation->config.settings,
	};

	if (share >= ATTENDANT_METRICS)
		hand_listeners(share == ATTENDANT_METRICS ? &generation->metrics
							  : &generation->listeners,
			&heritage);
	return heritage;
}

static int make_heritage(struct arbiter *a, unsigned slot, struct birth *birth)
{
	struct text text = {.bytes = a->heritage, .size = HERITAGE_SIZE_MAX / 2};
	struct text app = {.bytes = a->heritage + text.size, .size = text.size};
	struct heritage heritage = heritage_of(a, slot, birth);

	add_app(a, slot, &app);
	heritage.app = app.bytes;
	heritage_write(&heritage, &text);
	if (text.cut || app.cut)
		return -E2BIG;
	birth->heritage_fd = fd_sealed("narwhal-heritage", text.bytes, text.used);
	return birth->heritage_fd < 0 ? birth->heritage_fd : 0;
}

static int make_page(struct birth *birth)
{
	void *memory;

	birth->page_fd = fd_shared("narwhal-page", PAGE_FILE_SIZE);
	if (birth->page_fd < 0)
		return birth->page_fd;
	memory = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, birth->page_fd,
		0);
	if (memory == MAP_FAILED) {
		int error = -errno;

		fd_close(&birth->page_fd);
		return error;
	}
	birth->page = memory;
	return 0;
}

/* A worker without its access log is better than none. */
static void open_access(struct arbiter *a, unsigned slot, struct birth *birth)
{
	char bytes[512];
	struct text why = TEXT_OVER(bytes);

	birth->access_fd = logfile_open_access(&spawn_generation(a, slot)->config.settings, &why);
	if (why.used != 0)
		log_error(&a->log, "access_log_refused", log_string("reason", bytes));
}

static int prepare(struct arbiter *a, unsigned slot, struct birth *birth)
{
	int error = channel_pair(&birth->own_fd, &birth->channel_fd);

	if (error == 0)
		error = make_page(birth);
	if (error == 0 && is_outsider(a, slot))
		error = noticeboard_open(a);
	if (is_servant(a, slot))
		open_access(a, slot, birth);
	if (error == 0)
		error = make_heritage(a, slot, birth);
	return error;
}

static int inherit(const char *name, int fd, void *context)
{
	(void)name;
	(void)context;
	return fd_inherit(fd);
}

/* Everything that the next image shall have, and an empty standard input. */
static int hand_down(const struct arbiter *a, unsigned slot, const struct birth *birth)
{
	const struct heritage heritage = heritage_of(a, slot, birth);
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int error = null_fd >= 0 ? fd_place(null_fd, STDIN_FILENO) : 0; /* no /dev: keep ours */

	/* What our own parent left open may be root's, and a worker is nobody. */
	fd_disinherit_from(STDERR_FILENO + 1);
	if (error == 0)
		error = fd_inherit(birth->channel_fd);
	if (error == 0)
		error = fd_inherit(birth->heritage_fd);
	return error == 0 ? heritage_each_fd(&heritage, inherit, NULL) : error;
}

static int set_environment(const struct arbiter *a, unsigned slot, const struct birth *birth)
{
	char number[16];
	struct text text = TEXT_OVER(number);
	int error = raw_env_set(spawn_generation(a, slot)->config.settings.raw_env);

	if (error != 0)
		return error;
	text_add_int(&text, birth->heritage_fd);
	if (setenv(HERITAGE_ENVIRONMENT, number, 1) != 0)
		return -errno;
	inherit_clear_environment();
	return is_outsider(a, slot) ? outsider_set_environment(a, spawn_generation(a, slot)) : 0;
}

/* Of a child's own memory: it may write there. */
static char *title_of(const struct generation *generation)
{
	const char *name = generation->config.settings.proc_name;

	if (name == NULL)
		name = generation->config.app;
	return name != NULL ? strdup(name) : NULL;
}

/* In the child: becomes the worker's image, or says on the channel why not. */
NORETURN static void be_worker(const struct arbiter *a, unsigned slot, const struct birth *birth)
{
	char name[] = "narwhal-worker", slot_text[32], generation_text[48], why_bytes[256];
	char *argv[] = {name, slot_text, generation_text, NULL, NULL};
	struct text text = TEXT_OVER(slot_text), why = TEXT_OVER(why_bytes);
	const struct generation *generation = spawn_generation(a, slot);
	int error = hand_down(a, slot, birth);

	argv[3] = title_of(generation);
	if (slot < a->roster.size)
		text_printf(&text, "slot=%u", slot);
	else
		/* As wide as the slots of those that it forks, see service/forked.c. */
		text_printf(&text, "%-9s", process_role_name(a->roster.slots[slot].role));
	text = TEXT_OVER(generation_text);
	text_printf(&text, "generation=%llu", (unsigned long long)generation->number);
	if (error == 0)
		error = set_environment(a, slot, birth);
	if (error == 0) {
		signals_restore();
		descriptors_give_back(&a->descriptors);
		(void)execveat(generation->image_fd, "", argv, environ, AT_EMPTY_PATH);
		error = -errno;
	}
	text_printf(&why, "the worker's program cannot be started: %s", strerror(-error));
	(void)!channel_send(birth->channel_fd, MESSAGE_BOOT_FAILED, why.bytes, why.used);
	_exit(EXIT_BOOT);
}

/* From here on the child owns the channel and the page; spawn_forget() gives them back. */
static int take_over(struct arbiter *a, unsigned slot, struct birth *birth)
{
	const struct settings *s = &spawn_generation(a, slot)->config.settings;
	struct child *child = &a->children[slot];

	*child = (struct child){
		.watch = {.fd = birth->own_fd, .ready = gossip_read},
		.arbiter = a,
		.slot = slot,
		.page = birth->page,
		.page_fd = birth->page_fd,
		.timeout_ms = s->timeout,
		.look_ms = CLOCK_NEVER,
		.notifier = {.fd = -1},
		.logs_only = s->sandbox_mode == SANDBOX_LOG,
		.outsider = is_outsider(a, slot),
		.group = s->signal_group,
		.ready_by = s->exec_ready,
	};
	birth->own_fd = -1;
	birth->page = NULL;
	return loop_add(&a->loop, &child->watch, EPOLLIN);
}

static void let_go(struct birth *birth)
{
	fd_close(&birth->own_fd);
	fd_close(&birth->channel_fd);
	fd_close(&birth->access_fd);
	fd_close(&birth->heritage_fd);
	if (birth->page == NULL)
		return;
	(void)munmap(birth->page, sizeof(*birth->page));
	fd_close(&birth->page_fd);
}

static int refuse(struct arbiter *a, unsigned slot, int error)
{
	spawn_forget(&a->children[slot]);
	log_warning(&a->log, "spawn_refused", arbiter_who(a, slot), log_errno("error", error));
	return error;
}

static int order_worker(struct arbiter *a, unsigned slot, int zygote)
{
	struct birth birth = NOTHING_YET;
	struct child *child = &a->children[slot];
	int error = channel_pair(&birth.own_fd, &birth.channel_fd);

	if (error == 0)
		error = make_page(&birth);
	if (error == 0)
		error = take_over(a, slot, &birth);
	if (error == 0)
		error = channel_want_pid(child->watch.fd, true);
	if (error == 0) {
		herald_forking(a, slot);
		child->unborn = true;
		error = preload_order(a, zygote, birth.channel_fd);
	}
	let_go(&birth);
	return error == 0 ? 0 : refuse(a, slot, error);
}

int spawn_endow(struct arbiter *a, unsigned slot)
{
	const struct child *child = &a->children[slot];
	struct birth birth = NOTHING_YET;
	struct heritage heritage;
	char bytes[24];
	struct text number = TEXT_OVER(bytes);
	int error;

	text_add_uint(&number, slot);
	open_access(a, slot, &birth);
	birth.page_fd = child->page_fd;
	heritage = heritage_of(a, slot, &birth);
	error = heritage_give(&heritage, child->watch.fd);
	fd_close(&birth.access_fd);
	return error == 0 ? channel_send(child->watch.fd, MESSAGE_GO, number.bytes, number.used)
			  : error;
}

static int fork_worker(struct arbiter *a, unsigned slot)
{
	struct birth birth = NOTHING_YET;
	int error = prepare(a, slot, &birth);
	pid_t pid = -1;

	if (error == 0)
		error = take_over(a, slot, &birth);
	if (error == 0) {
		if (slot < a->roster.size)
			herald_forking(a, slot);
		pid = fork();
		error = pid < 0 ? -errno : 0;
	}
	if (pid == 0)
		be_worker(a, slot, &birth);
	let_go(&birth);
	if (error != 0)
		return refuse(a, slot, error);
	a->roster.slots[slot].pid = pid;
	oom_look(&a->oom, a->now_ms);
	if (slot < a->roster.size)
		herald_forked(a, slot);
	log_debug(&a->log, "worker_spawned", arbiter_who(a, slot), log_int("pid", pid));
	return 0;
}

int spawn_worker(struct arbiter *a, unsigned slot)
{
	const struct slot *who = &a->roster.slots[slot];
	int zygote = who->role == PROCESS_WORKER
			     ? attendant_find(&a->roster, who->generation, PROCESS_ZYGOTE)
			     : -1;

	return zygote >= 0 ? order_worker(a, slot, zygote) : fork_worker(a, slot);
}

void spawn_hang_up(struct child *child)
{
	if (child->watch.fd < 0)
		return;
	loop_drop(&child->arbiter->loop, &child->watch);
	fd_close(&child->watch.fd);
}

void spawn_forget(struct child *child)
{
	if (child->arbiter == NULL)
		return;
	spawn_hang_up(child);
	warden_drop(child);
	sentry_end(child);
	if (child->page != NULL)
		(void)munmap(child->page, sizeof(*child->page));
	fd_close(&child->page_fd);
	*child = (struct child){.watch = {.fd = -1},
		.page_fd = -1,
		.look_ms = CLOCK_NEVER,
		.notifier = {.fd = -1}};
}
