#include <errno.h>
#include <string.h>

#include "init/config_reading.h"

const char *config_variable(char **envp, const char *name)
{
	size_t size = strlen(name);

	for (; *envp != NULL; envp++) {
		if (strncmp(*envp, name, size) == 0 && (*envp)[size] == '=')
			return (*envp)[size + 1] != '\0' ? *envp + size + 1 : NULL;
	}
	return NULL;
}

static int read_port(struct config_reading *reading, struct config_origin origin, const char *value)
{
	char bytes[32];
	struct text address = TEXT_OVER(bytes);
	uint64_t port;

	if (text_to_uint(value, strlen(value), 65535, &port) != 0 || port == 0) {
		text_add(reading->why, "PORT: bind: \"");
		text_add_escaped(reading->why, value, strlen(value), false);
		text_add(reading->why, "\" is not a port: allowed are 1 to 65535");
		return -EINVAL;
	}
	text_printf(&address, "0.0.0.0:%u", (unsigned)port);
	return config_set(reading, origin, &settings_table[SETTING_ID_bind], bytes);
}

static int read_platform(struct config_reading *reading, const char *name, enum setting_id id)
{
	const struct config_origin origin = {.source = CONFIG_PLATFORM};
	const char *value = config_variable(reading->input->envp, name);

	if (value == NULL)
		return 0;
	if (id == SETTING_ID_bind)
		return read_port(reading, origin, value);
	return config_set(reading, origin, &settings_table[id], value);
}

int config_read_platform(struct config_reading *reading)
{
	static const struct {
		const char *name;
		enum setting_id id;
	} variables[] = {
#define PLATFORM(variable, setting) {#variable, SETTING_ID_##setting},
#include "init/platform.def"
#undef PLATFORM
	};
	int error = 0;

	for (size_t i = 0; error == 0 && i < COUNT_OF(variables); i++)
		error = read_platform(reading, variables[i].name, variables[i].id);
	return error;
}

static bool ends_with(const char *name, size_t size, const char *end)
{
	size_t n = strlen(end);

	return size >= n && memcmp(name + size - n, end, n) == 0;
}

/* _PORT_8080_TCP, alone or with _PROTO, _PORT, _ADDR behind. */
static bool has_numbered_port(const char *name, size_t size)
{
	static const char *const protocols[] = {"_TCP", "_UDP", "_SCTP"};
	const char *at = name;

	while ((at = strstr(at, "_PORT_")) != NULL && at < name + size) {
		size_t digits;

		at += strlen("_PORT_");
		digits = strspn(at, "0123456789");
		for (size_t i = 0; digits > 0 && i < COUNT_OF(protocols); i++) {
			if (strncmp(at + digits, protocols[i], strlen(protocols[i])) == 0)
				return true;
		}
	}
	return false;
}

/*
 * Kubernetes tells every container of every service in its namespace: one named "narwhal" (or
 * "narwhal-…") makes NARWHAL_SERVICE_HOST, NARWHAL_PORT=tcp://10.0.0.1:80, and so on.
 */
static bool is_of_a_service(const char *name, size_t size, const char *value)
{
	return ends_with(name, size, "_SERVICE_HOST") || ends_with(name, size, "_SERVICE_PORT") ||
	       memmem(name, size, "_SERVICE_PORT_", strlen("_SERVICE_PORT_")) != NULL ||
	       (ends_with(name, size, "_PORT") && strstr(value, "://") != NULL) ||
	       has_numbered_port(name, size);
}

/* NARWHAL_X_... is for whoever wants to hand something to an app under our name. */
static const char *const known[] = {"CONFIG", "CMD_ARGS", "HERITAGE"};

static bool is_known(const char *name, size_t size)
{
	char bytes[64];
	struct text text = TEXT_OVER(bytes);

	if (size >= 2 && memcmp(name, "X_", 2) == 0)
		return true;
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		if (strlen(known[i]) == size && memcmp(known[i], name, size) == 0)
			return true;
	}
	for (size_t i = 0; i < SETTINGS; i++) {
		text.used = 0;
		config_add_name(&text, CONFIG_ENVIRONMENT, settings_table[i].name);
		if (text.used == strlen(CONFIG_PREFIX) + size &&
			memcmp(bytes + strlen(CONFIG_PREFIX), name, size) == 0)
			return true;
	}
	return false;
}

/* Not an error: the variable may be anybody's. */
static void warn_of_unknown(const char *entry, struct text *text)
{
	const char *name = entry + strlen(CONFIG_PREFIX);
	size_t size = strcspn(name, "=");

	if (name[size] == '\0' || is_known(name, size) ||
		is_of_a_service(entry, strlen(CONFIG_PREFIX) + size, name + size))
		return;
	text_add_escaped(text, entry, strlen(CONFIG_PREFIX) + size, false);
	text_add(text, ": ");
	config_add_unknown(text, CONFIG_ENVIRONMENT, name, size);
	text_add_char(text, '\n');
}

int config_read_environment(struct config_reading *reading)
{
	const struct config_origin origin = {.source = CONFIG_ENVIRONMENT};
	struct text warnings = config_warnings(reading->config);
	int error = 0;

	for (size_t i = 0; error == 0 && i < SETTINGS; i++) {
		char bytes[64];
		struct text name = TEXT_OVER(bytes);
		const char *value;

		config_add_name(&name, CONFIG_ENVIRONMENT, settings_table[i].name);
		value = config_variable(reading->input->envp, bytes);
		if (value != NULL)
			error = config_set(reading, origin, &settings_table[i], value);
	}
	for (char **entry = reading->input->envp; *entry != NULL; entry++) {
		if (strncmp(*entry, CONFIG_PREFIX, strlen(CONFIG_PREFIX)) == 0)
			warn_of_unknown(*entry, &warnings);
	}
	return error;
}
