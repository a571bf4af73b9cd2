#include "seccomp/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/* On x86_64, numbers from here on are x32's. */
#define FOREIGN_NUMBERS 0x40000000u

struct building {
	const struct filter_plan *plan;
	uint32_t arch;
	scmp_filter_ctx context;
	const struct calls_row *extra; /* of the build */
	size_t extras;
};

static bool is_asked(const struct filter_plan *plan, const char *name)
{
	return calls_lists(plan->needs, name) || calls_lists(plan->allowed, name);
}

/* libseccomp takes the numbers of this machine, and finds those of the other by their names. */
static int own_number(const struct building *building, int number)
{
	char bytes[CALLS_NAME];
	struct text name = TEXT_OVER(bytes);

	calls_add_name(building->arch, number, &name);
	return seccomp_syscall_resolve_name(bytes);
}

static int add_row(const struct building *building, const struct calls_row *call)
{
	uint32_t action = call->answer != 0 ? SCMP_ACT_ERRNO(calls_answer_errno(call->answer))
					    : SCMP_ACT_ALLOW;
	struct scmp_arg_cmp tests[CALLS_TESTS];
	int number = calls_number(building->arch, call->name);
	unsigned n = 0;
	int error;

	if (number < 0)
		return number == -ENOSYS ? 0 : number;
	for (; n < CALLS_TESTS && call->tests[n].mask != 0; n++) {
		const struct calls_test *test = &call->tests[n];

		tests[n] = (struct scmp_arg_cmp){test->nth, SCMP_CMP_MASKED_EQ, test->mask,
			test->value != CALLS_OWN_PID ? test->value : (uint64_t)getpid()};
	}
	error = seccomp_rule_add_exact_array(building->context, action,
		own_number(building, number), n, tests);
	return error == -EEXIST ? 0 : error; /* asked for by the module and by the setting */
}

/* Whether the build asks for all of that call. */
static bool of_build(const struct building *building, const char *name)
{
	size_t i = 0;

	while (i < building->extras && strcmp(building->extra[i].name, name) != 0)
		i++;
	return i < building->extras;
}

static int add_build(const struct building *building)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < building->extras; i++)
		error = add_row(building, &building->extra[i]);
	return error;
}

/* What is asked for by name, or by the build, counts in place of the tables' own rows for it. */
static int add_rows(const struct building *building, const struct calls_row *calls, size_t count)
{
	const struct filter_plan *plan = building->plan;
	int error = 0;

	for (size_t i = 0; error == 0 && i < count; i++) {
		const char *name = calls[i].name;

		if (!of_build(building, name) && !is_asked(plan, name))
			error = add_row(building, &calls[i]);
	}
	return error;
}

static int add_tables(const struct building *building)
{
	size_t count;
	const struct calls_row *calls = calls_of(building->plan->role, &count);
	int error = add_rows(building, calls, count);

	/* The role of applications has all of that call. */
	if (error != 0 || !building->plan->ktls || building->plan->role == CALLS_APP)
		return error;
	calls = calls_of_ktls(&count);
	return add_rows(building, calls, count);
}

/* All of the call; in a strict role only what asked.def has of it, if that names it. */
static int add_asked(const struct building *building, const char *name)
{
	const struct calls_row whole = {.name = name};
	size_t count;
	const struct calls_row *calls = calls_asked(&count);
	bool whole_call = true;
	int error = 0;

	for (size_t i = 0; building->plan->role != CALLS_APP && error == 0 && i < count; i++) {
		if (strcmp(calls[i].name, name) != 0)
			continue;
		whole_call = false;
		error = add_row(building, &calls[i]);
	}
	return whole_call ? add_row(building, &whole) : error;
}

static int add_list(const struct building *building, const char *list)
{
	char name[CALLS_NAME];
	int error = 0;

	while (error == 0 && calls_item(&list, name)) {
		if (!of_build(building, name))
			error = add_asked(building, name);
	}
	return error;
}

static int add_all(const struct building *building)
{
	int error = add_tables(building);

	if (error == 0)
		error = add_list(building, building->plan->needs);
	if (error == 0)
		error = add_list(building, building->plan->allowed);
	if (error == 0)
		error = add_build(building);
	return error;
}

/* Where the rest goes on: these do not, unless they were asked for. */
static int add_dangers(const struct building *building)
{
	const struct filter_plan *plan = building->plan;
	const char *name;
	int error = 0;

	for (size_t i = 0; error == 0 && (name = calls_danger_name(i)) != NULL; i++) {
		int number = calls_number(building->arch, name);

		if (number < 0 || of_build(building, name) || is_asked(plan, name))
			continue;
		error = seccomp_rule_add_exact(building->context, SCMP_ACT_KILL_PROCESS,
			own_number(building, number), 0);
	}
	return error;
}

/* What libseccomp has no word for: numbers that are newer than we are are not there at all. */
#define PREFACE 6
static void write_preface(struct sock_filter rows[PREFACE], uint32_t arch)
{
	const struct sock_filter preface[PREFACE] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)calls_newest(arch), 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FOREIGN_NUMBERS, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};

	memcpy(rows, preface, sizeof(preface));
}

/* libseccomp writes its program to a file; jumps are relative, so it goes behind the preface as it
 * is. */
static int export_program(const struct building *building, struct filter_program *program)
{
	FD_SCOPED fd = memfd_create("seccomp", MFD_CLOEXEC);
	struct stat status;
	size_t size;
	int error = fd >= 0 ? seccomp_export_bpf(building->context, fd) : -errno;

	if (error == 0 && fstat(fd, &status) != 0)
		error = -errno;
	if (error != 0)
		return error;
	size = (size_t)status.st_size;
	program->count = PREFACE + size / sizeof(*program->rows);
	program->rows = calloc(program->count, sizeof(*program->rows));
	if (program->rows == NULL)
		return -ENOMEM;
	write_preface(program->rows, building->arch);
	return pread(fd, program->rows + PREFACE, size, 0) == (ssize_t)size ? 0 : -EIO;
}

static int set_arch(const struct building *building)
{
	int error = 0;

	if (building->arch != calls_arch())
		error = seccomp_arch_add(building->context, building->arch);
	if (error == 0 && building->arch != calls_arch())
		error = seccomp_arch_remove(building->context, SCMP_ARCH_NATIVE);
	if (error == 0)
		error = seccomp_attr_set(building->context, SCMP_FLTATR_ACT_BADARCH,
			SCMP_ACT_KILL_PROCESS);
	return error;
}

int filter_build(const struct filter_plan *plan, uint32_t arch, enum filter_refusal refusal,
	struct filter_program *program, struct text *why)
{
	static const uint32_t actions[] = {
		[FILTER_ASK] = SCMP_ACT_NOTIFY,
		[FILTER_KILL] = SCMP_ACT_KILL_PROCESS,
		[FILTER_LOG] = SCMP_ACT_LOG,
	};
	struct building building = {
		.plan = plan,
		.arch = arch,
		.context = seccomp_init(actions[refusal]),
	};
	/* libseccomp makes none for an action that this kernel does not know. */
	int error = building.context != NULL ? set_arch(&building) : -EOPNOTSUPP;

	*program = (struct filter_program){0};
	if (plan->build)
		building.extra = calls_of_build(&building.extras);
	if (error == 0)
		error = add_all(&building);
	if (error == 0 && refusal == FILTER_LOG)
		error = add_dangers(&building);
	if (error == 0)
		error = export_program(&building, program);
	seccomp_release(building.context);
	if (error != 0) {
		text_printf(why, "the table of calls \"%s\" gives no filter: %s",
			calls_role_name(plan->role), strerror(-error));
		filter_free(program);
	}
	return error;
}

void filter_free(struct filter_program *program)
{
	free(program->rows);
	*program = (struct filter_program){0};
}

static int refuse(struct text *why, int error)
{
	text_printf(why,
		"sandbox: the kernel, or a profile around this container, lets no seccomp "
		"filter be loaded (%s): allow seccomp(2) there, or set sandbox = off",
		strerror(-error));
	return error;
}

/* All threads, or none: with TSYNC alone, a thread that cannot follow is told by its id. */
static int load(const struct sock_fprog *program, unsigned long flags)
{
	long outcome = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		flags | SECCOMP_FILTER_FLAG_TSYNC, program);

	return outcome >= 0 ? (int)outcome : -errno;
}

int filter_probe(struct text *why)
{
	/* It gets as far as to read the program, and there is none (seccomp(2)). */
	int outcome = load(NULL, 0);

	return outcome == -EFAULT ? 0 : refuse(why, outcome);
}

static int build_and_load(const struct filter_plan *plan, enum filter_refusal refusal,
	unsigned long flags, int *outcome, struct text *why)
{
	struct filter_program program;
	int error = filter_build(plan, calls_arch(), refusal, &program, why);

	if (error != 0)
		return error;
	*outcome = load(&(struct sock_fprog){(unsigned short)program.count, program.rows}, flags);
	filter_free(&program);
	return 0;
}

/* Linux before 5.0 does not, nor does gVisor. */
static bool knows_listeners(void)
{
	struct seccomp_notif_sizes sizes;

	return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0U, &sizes) == 0;
}

int filter_load(const struct filter_plan *plan, int *listener_fd, struct text *why)
{
	int outcome = -EINVAL;
	int error = 0;

	if (knows_listeners())
		error = build_and_load(plan, FILTER_ASK,
			SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
			&outcome, why);
	*listener_fd = error == 0 && outcome >= 0 ? outcome : -1;
	if (error != 0 || outcome >= 0)
		return error;
	if (outcome != -EINVAL && outcome != -EBUSY)
		return refuse(why, outcome);
	error = build_and_load(plan, plan->log ? FILTER_LOG : FILTER_KILL, 0, &outcome, why);
	if (error != 0 || outcome == 0)
		return error;
	return refuse(why, outcome < 0 ? outcome : -ESRCH);
}
