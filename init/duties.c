#include "init/duties.h"

#include <sys/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seccomp/capability.h"

/* By default; net.ipv4.ip_unprivileged_port_start may be lower, and then nothing is needed. */
#define PORT_UNPRIVILEGED 1024

static const struct {
	int capability;
	const char *setting;
	const char *what;
} rows[] = {
#define DUTY(capability, setting, due, what) {CAP_##capability, setting, what},
#include "init/duties.def"
#undef DUTY
};

static bool is_foreign(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && status.st_uid != geteuid() &&
	       (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)); /* as log_descriptor() */
}

static bool has_port(const struct duties_question *q)
{
	bool has = false;

	for (size_t i = 0; i < q->addresses->count; i++) {
		enum address_kind kind = q->addresses->item[i].kind;

		has = has || kind == ADDRESS_INET || kind == ADDRESS_INET6;
	}
	return has;
}

static bool has_low_port(const struct address_list *addresses)
{
	bool has = false;

	for (size_t i = 0; i < addresses->count; i++) {
		unsigned port = address_port(&addresses->item[i]);

		has = has || (port != 0 && port < PORT_UNPRIVILEGED);
	}
	return has;
}

static bool has_socket_file(const struct address_list *addresses)
{
	bool has = false;

	for (size_t i = 0; i < addresses->count; i++) {
		const struct address *address = &addresses->item[i];

		has = has || (address->kind == ADDRESS_UNIX && address_path(address) != NULL);
	}
	return has;
}

struct duties_question duties_question(const struct config *config,
	const struct address_list *addresses)
{
	char bytes[512];
	struct text why = TEXT_OVER(bytes);
	struct address_list metrics;

	/* What is no address is told of by who opens it. */
	if (address_parse_setting("", config->settings.metrics_bind, &metrics, &why) != 0)
		metrics.count = 0;
	return (struct duties_question){.settings = &config->settings,
		.addresses = addresses,
		.is_root = geteuid() == 0,
		.has_low_metrics = has_low_port(&metrics),
		.has_metrics_file = has_socket_file(&metrics),
		.has_file = config->file != NULL,
		.has_foreign_output = is_foreign(STDOUT_FILENO) || is_foreign(STDERR_FILENO)};
}

static bool has_hook(const struct duties_question *q)
{
	const char *const programs[] = {
#define HOOK(name, setting, fatal, when) q->settings->setting,
#include "init/hooks.def"
#undef HOOK
		q->settings->hooks_dir,
	};
	bool has = false;

	for (size_t i = 0; i < COUNT_OF(programs); i++)
		has = has || programs[i] != NULL;
	return has;
}

static void ask(const struct duties_question *q, bool due[static COUNT_OF(rows)])
{
	const struct settings *s = q->settings;
	size_t i = 0;

#define DUTY(capability, setting, when, what) due[i++] = (when);
#include "init/duties.def"
#undef DUTY
}

uint64_t duties_capabilities(const struct duties_question *question)
{
	bool due[COUNT_OF(rows)];
	uint64_t mask = 0;

	ask(question, due);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		mask |= due[i] ? CAPABILITY_OF(rows[i].capability) : 0;
	return mask;
}

int duties_read_kept(const struct settings *settings, uint64_t *kept, struct text *why)
{
	char bytes[256];
	struct text reason = TEXT_OVER(bytes);
	int error = capability_read(settings->keep_capabilities, kept, &reason);

	if (error != 0)
		text_printf(why, "keep_capabilities: %s", bytes);
	return error;
}

void duties_warn(const struct duties_question *question, uint64_t lacking, struct log *log)
{
	bool due[COUNT_OF(rows)];

	ask(question, due);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char bytes[32];
		struct text name = TEXT_OVER(bytes);

		if (!due[i] || (lacking & CAPABILITY_OF(rows[i].capability)) == 0)
			continue;
		capability_add_name(rows[i].capability, &name);
		log_warning(log, "capability_lacking", log_string("name", bytes),
			log_string("setting", rows[i].setting), log_string("for", rows[i].what),
			log_string("reason", "was not needed at the start: restart to have it"));
	}
}
