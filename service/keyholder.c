#include "service/keyholder.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/channel.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/loop.h"
#include "seccomp/filter.h"
#include "seccomp/landlock.h"
#include "service/birth.h"
#include "service/keyholder_desk.h"
#include "service/limits.h"

struct keyholder {
	struct heritage heritage;
	struct log log;
	struct loop loop;
	struct watch channel;
	struct page *page;
	struct keyholder_keys keys;
	struct keyholder_desk desk;
	struct readback wanted; /* what the kernel must say of us */
	int status_fd;		/* where it says so, until READY; else -1 */
	bool alone;		/* nobody speaks to us on the channel any more */
	bool leaving;		/* or what nobody can understand */
};

/* The arbiter. */

static void reopen_log(struct keyholder *holder, const struct message *message)
{
	if (message->fd >= 0)
		(void)!fd_place(message->fd, holder->log.fd);
}

static void channel_ready(struct watch *watch, uint32_t events)
{
	struct keyholder *holder = CONTAINER_OF(watch, struct keyholder, channel);
	struct message message;
	int outcome;

	(void)events;
	/* Without a number free for its descriptor, a line is lost, and its worker asks for
	 * another. */
	while ((outcome = channel_receive(watch->fd, CHANNEL_ARBITER, &message)) == 1 ||
		outcome == -EMFILE) {
		if (outcome == -EMFILE)
			continue;
		if (message.type == MESSAGE_REOPEN)
			reopen_log(holder, &message);
		else if (message.type == MESSAGE_GIVE)
			keyholder_desk_admit(&holder->desk, &message.fd, message.payload);
		fd_close(&message.fd);
	}
	if (outcome == 0)
		return;
	loop_drop(&holder->loop, watch);
	holder->alone = outcome == -EPIPE;
	holder->leaving = !holder->alone;
}

/*
 * If the arbiter is gone, so are we (birth_tie()). If it has become an image that knows no
 * attendants, its workers need us until the last of them has finished.
 */
static bool is_done(const struct keyholder *holder)
{
	return holder->leaving || (holder->alone && holder->desk.first == NULL);
}

/* From exec to READY. */

static int tie_to_parent(struct keyholder *holder, struct text *why)
{
	return birth_tie(&holder->heritage, why);
}

static int leave_group(struct keyholder *holder, struct text *why)
{
	(void)holder;
	(void)why;
	return birth_leave_group("narwhal-keys");
}

static int map_page(struct keyholder *holder, struct text *why)
{
	int error = birth_map_page(&holder->heritage, &holder->page, why);

	fd_close(&holder->heritage.page_fd);
	return error;
}

/* SIGQUIT ends us; the others are for those who have something to finish, and need us for it. */
static int ignore_signals(struct keyholder *holder, struct text *why)
{
	static const int others[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGPIPE};

	(void)holder;
	(void)why;
	for (size_t i = 0; i < COUNT_OF(others); i++)
		(void)signal(others[i], SIG_IGN);
	return 0;
}

static int limit_resources(struct keyholder *holder, struct text *why)
{
	return limits_apply(&holder->heritage.settings, &holder->wanted, why);
}

static int drop_privileges(struct keyholder *holder, struct text *why)
{
	return birth_drop_privileges(&holder->heritage, &holder->wanted, why);
}

/* Whatever limit_core allows the workers: of keys there is no dump, and no debugger sees them. */
static int hide_memory(struct keyholder *holder, struct text *why)
{
	struct settings settings = {.limit_core = 0};

	(void)why;
	(void)holder;
	return limits_hide(&settings, &holder->wanted);
}

static int open_keys(struct keyholder *holder, struct text *why)
{
	struct heritage *heritage = &holder->heritage;

	return keyholder_keys_open(&holder->keys, &heritage->certificates_fd, &heritage->keys_fd,
		why);
}

static int open_loop(struct keyholder *holder, struct text *why)
{
	int error = loop_open(&holder->loop);

	(void)why;
	holder->channel = (struct watch){.fd = holder->heritage.channel_fd, .ready = channel_ready};
	if (error == 0)
		error = loop_add(&holder->loop, &holder->channel, EPOLLIN);
	keyholder_desk_open(&holder->desk, &holder->keys, &holder->loop, &holder->log,
		holder->heritage.channel_fd);
	return error;
}

static int ask_kernel(struct keyholder *holder, struct text *why)
{
	return birth_ask_kernel(&holder->wanted, &holder->status_fd, why);
}

/* No file and no port is left to it. */
static int confine(struct keyholder *holder, struct text *why)
{
	uint64_t choice = holder->heritage.settings.landlock;
	struct landlock landlock;
	int abi = choice != LANDLOCK_OFF ? landlock_abi() : -1;
	int error = abi >= 0 ? landlock_open(&landlock, abi, false) : abi;

	if (choice == LANDLOCK_OFF)
		return 0;
	if (error == 0) {
		error = landlock_enforce(&landlock);
		landlock_close(&landlock);
		return error;
	}
	if (choice != LANDLOCK_REQUIRE)
		return 0; /* the arbiter has said so, once for all */
	text_printf(why, "landlock = require: %s", landlock_remedy(error));
	return error;
}

static int enter_sandbox(struct keyholder *holder, struct text *why)
{
	const struct settings *settings = &holder->heritage.settings;
	const struct filter_plan plan = {
		.role = CALLS_KEYHOLDER,
		.build = true,
		.log = settings->sandbox_mode == SANDBOX_LOG,
	};
	FD_SCOPED listener_fd = -1;
	int error;

	if (settings->sandbox == SANDBOX_OFF)
		return 0;
	error = filter_load(&plan, &listener_fd, why);
	readback_want(&holder->wanted, READBACK_SECCOMP, SECCOMP_MODE_FILTER);
	holder->wanted.value[READBACK_FILTERS]++; /* if somebody told how many there were */
	if (error != 0 || listener_fd < 0)
		return error;
	return channel_send_fd(holder->heritage.channel_fd, MESSAGE_CONFINED, listener_fd);
}

static int read_back(struct keyholder *holder, struct text *why)
{
	return birth_read_back(&holder->wanted, &holder->status_fd, why);
}

static int say_ready(struct keyholder *holder, struct text *why)
{
	(void)why;
	return channel_send(holder->heritage.channel_fd, MESSAGE_READY, NULL, 0);
}

static const struct {
	const char *name;
	int (*run)(struct keyholder *holder, struct text *why);
	enum exits status;
} steps[] = {
	{"parent-death signal", tie_to_parent, EXIT_BOOT},
	{"process group", leave_group, EXIT_BOOT},
	{"shared page", map_page, EXIT_BOOT},
	{"signals", ignore_signals, EXIT_BOOT},
	{"limits", limit_resources, EXIT_BOOT},
	{"privileges", drop_privileges, EXIT_BOOT},
	/* Again: the kernel forgot it when the ids changed (prctl(2)). */
	{"parent-death signal", tie_to_parent, EXIT_BOOT},
	{"dumpable flag", hide_memory, EXIT_BOOT},
	{"keyfile", open_keys, EXIT_USAGE},
	{"event loop", open_loop, EXIT_BOOT},
	{"what the kernel says", ask_kernel, EXIT_BOOT},
	{"landlock", confine, EXIT_BOOT},
	{"sandbox", enter_sandbox, EXIT_BOOT},
	{"/proc/self/status", read_back, EXIT_BOOT},
	{"channel", say_ready, EXIT_BOOT},
};

static enum exits run_steps(struct keyholder *holder)
{
	char bytes[CHANNEL_PAYLOAD_MAX];
	struct text why = TEXT_OVER(bytes);

	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		int error = steps[i].run(holder, &why);

		if (error == 0)
			continue;
		if (why.used == 0)
			text_printf(&why, "%s: %s", steps[i].name, strerror(-error));
		(void)!channel_send(holder->heritage.channel_fd,
			steps[i].status == EXIT_USAGE ? MESSAGE_SETTING_FAILED
						      : MESSAGE_BOOT_FAILED,
			why.bytes, why.used);
		return steps[i].status;
	}
	return EXIT_OK;
}

static void close_all(struct keyholder *holder)
{
	keyholder_desk_close(&holder->desk);
	keyholder_keys_close(&holder->keys);
	loop_close(&holder->loop);
	fd_close(&holder->status_fd);
	heritage_free(&holder->heritage);
}

enum exits keyholder_run(const struct heritage *heritage)
{
	struct keyholder holder = {
		.heritage = *heritage,
		.log = {.fd = log_descriptor(STDERR_FILENO),
			.level = (enum log_level)heritage->settings.loglevel,
			.json = heritage->settings.log_format == 1},
		.loop = {.epoll_fd = -1},
		.status_fd = -1,
	};
	enum exits status = run_steps(&holder);

	while (status == EXIT_OK && !is_done(&holder)) {
		(void)loop_wait(&holder.loop, -1);
		loop_dispatch(&holder.loop);
	}
	close_all(&holder);
	return status;
}
