#include "init/survey_look.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/kernel_tls.h"
#include "base/text.h"
#include "init/address.h"
#include "init/arbiter.h"
#include "init/capacity.h"
#include "init/cgroup.h"
#include "init/check.h"
#include "init/duties.h"
#include "init/inherit.h"
#include "init/oom.h"
#include "init/opening.h"
#include "init/users.h"
#include "seccomp/capability.h"
#include "seccomp/filter.h"
#include "seccomp/landlock.h"

#define FREE_PORT 1024 /* where ip_unprivileged_port_start does not say otherwise */

static void look_at_settings(const struct config *config, struct survey_facts *f)
{
	struct text why = TEXT_OVER(f->settings_why);
	int error = check_config(config, &why);

	/* What follows looks at relative names from where the service would. */
	if (error == 0)
		error = opening_directory(&config->settings, &why);
	if (error != 0 && why.used == 0)
		text_add(&why, strerror(-error));
}

/* The effective ones: who is not root has none, whatever the bounding set allows. */
static uint64_t capabilities(void)
{
	cap_t all = cap_get_proc();
	uint64_t mask = 0;

	for (cap_value_t i = 0; all != NULL && i < cap_max_bits(); i++) {
		cap_flag_value_t value = CAP_CLEAR;

		if (cap_get_flag(all, i, CAP_EFFECTIVE, &value) == 0 && value == CAP_SET)
			mask |= CAPABILITY_OF(i);
	}
	(void)cap_free(all);
	return mask;
}

static void look_at_privileges(const struct settings *s, struct survey_facts *f)
{
	struct users_question question = users_question(s);
	char bytes[SURVEY_WHY];
	struct text why = TEXT_OVER(bytes);
	struct users users;

	f->pid = getpid();
	f->uid = geteuid();
	f->worker_uid = users_resolve(&question, &users, &why) == 0 ? users.uid : f->uid;
	f->held = capabilities();
	f->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1;
}

/* The number in a file of one line; or `otherwise`. */
static uint64_t read_number(const char *path, uint64_t otherwise)
{
	FD_SCOPED fd = open(path, O_RDONLY | O_CLOEXEC);
	char bytes[32];
	ssize_t n = fd >= 0 ? read(fd, bytes, sizeof(bytes) - 1) : -1;
	uint64_t number;

	bytes[n > 0 ? n : 0] = '\0';
	return text_to_uint(bytes, strcspn(bytes, "\n"), UINT64_MAX - 1, &number) == 0 ? number
										       : otherwise;
}

static void look_at_network(const struct config *config, struct survey_facts *f)
{
	const struct settings *s = &config->settings;
	struct duties_question question;
	char bytes[SURVEY_WHY];
	struct text why = TEXT_OVER(bytes);
	struct address_list addresses;

	f->free_port =
		(unsigned)read_number("/proc/sys/net/ipv4/ip_unprivileged_port_start", FREE_PORT);
	f->backlog = read_number("/proc/sys/net/core/somaxconn", SURVEY_NONE);
	f->backlog_wanted = s->backlog;
	if (inherit_addresses(NULL, s, s->bind_tls == NULL, &addresses, &why) != 0)
		return;
	question = duties_question(config, &addresses);
	f->duties = duties_capabilities(&question);
	for (size_t i = 0; i < addresses.count; i++) {
		unsigned port = address_port(&addresses.item[i]);

		if (port != 0 && (f->port == 0 || port < f->port))
			f->port = port;
	}
}

/* What is open is closed with this process, which is about to end. */
static int tell(long outcome)
{
	return outcome >= 0 ? 0 : -errno;
}

static int ask_seccomp(uint32_t action)
{
	return tell(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U, &action));
}

static void look_at_kernel(const struct settings *s, struct survey_facts *f)
{
	FD_SCOPED memory_fd = memfd_create("narwhal-check", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	FD_SCOPED pid_fd = -1;

	f->memfd_error = tell(memory_fd);
	pid_fd = pidfd_open(getpid(), 0);
	f->pidfd_error = tell(pid_fd);
	f->seccomp_error = ask_seccomp(SECCOMP_RET_KILL_PROCESS);
	f->notify_error = ask_seccomp(SECCOMP_RET_USER_NOTIF);
	/* 2 within a filter that allows to ask; one that does not kills nobody for asking. */
	f->filtered = prctl(PR_GET_SECCOMP, 0L, 0L, 0L, 0L) == 2;
	f->filters = s->sandbox != SANDBOX_OFF;
	f->landlock = landlock_abi();
	f->landlock_choice = s->landlock;
	f->ktls = s->ktls && s->bind_tls != NULL;
	f->ktls_error = f->ktls ? kernel_tls_probe() : 0;
	f->proc_error = tell(access("/proc/self/status", R_OK));
}

/* A file that can be written, or made in its directory. */
static bool may_write(const char *path)
{
	char bytes[PATH_MAX];
	struct text directory = TEXT_OVER(bytes);
	const char *slash = strrchr(path, '/');
	struct stat status;

	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
		return true; /* a device or a FIFO: who opens it says what is wrong with it */
	if (slash == NULL)
		text_add(&directory, ".");
	else
		text_add_bytes(&directory, path, slash != path ? (size_t)(slash - path) : 1);
	return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 ||
	       (errno == ENOENT && access(bytes, W_OK | X_OK) == 0);
}

/* when_ready may be a program instead. */
static bool is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

static void look_at_files(const struct settings *s, struct survey_facts *f)
{
	const char *const paths[] = {
		s->when_ready != NULL && !is_program(s->when_ready) ? s->when_ready : NULL,
		s->pidfile,
		s->errorlog,
		s->accesslog != NULL && strcmp(s->accesslog, "-") != 0 ? s->accesslog : NULL,
	};
	struct text unwritable = TEXT_OVER(f->unwritable);
	struct statvfs status;

	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		if (paths[i] != NULL && unwritable.used == 0 && !may_write(paths[i]))
			text_printf(&unwritable, "%s: %s", paths[i], strerror(errno));
	}
	f->read_only = statvfs("/", &status) == 0 && (status.f_flag & ST_RDONLY) != 0;
}

/* One line is the head of that table. */
static bool has_swap(void)
{
	FD_SCOPED fd = open("/proc/swaps", O_RDONLY | O_CLOEXEC);
	char bytes[1024];
	ssize_t n = fd >= 0 ? read(fd, bytes, sizeof(bytes)) : 0;
	const char *end = n > 0 ? memchr(bytes, '\n', (size_t)n) : NULL;

	return end != NULL && end + 1 < bytes + n;
}

static void look_at_limits(const struct settings *s, struct survey_facts *f)
{
	struct capacity_facts capacity = {.most = ARBITER_WORKERS_MAX};
	struct rlimit files = {.rlim_max = RLIM_INFINITY};
	struct cgroup cgroup;
	struct oom oom;

	cgroup_find(&cgroup, "");
	capacity_read(&capacity, "");
	(void)getrlimit(RLIMIT_NOFILE, &files);
	f->cpus = capacity.cpus;
	f->quota = capacity.quota;
	f->memory = capacity.memory;
	f->workers = s->workers != 0 ? s->workers : capacity_decide(&capacity).workers;
	f->memory_wanted = f->workers * CAPACITY_WORKER_BYTES;
	f->processes = cgroup_process_limit(&cgroup);
	f->files = files.rlim_max;
	f->files_wanted = s->limit_nofile != 0 ? s->limit_nofile : settings_files(s);
	f->swaps = has_swap();
	oom_open(&oom, "");
	f->counts_oom = oom.fd >= 0;
	oom_close(&oom);
}

void survey_look(const struct config *config, struct survey_facts *facts)
{
	const struct settings *s = &config->settings;

	*facts = (struct survey_facts){0};
	look_at_settings(config, facts);
	look_at_privileges(s, facts);
	look_at_network(config, facts);
	look_at_kernel(s, facts);
	look_at_files(s, facts);
	look_at_limits(s, facts);
}
