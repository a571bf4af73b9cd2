#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "init/attendant.h"
#include "init/heirloom.h"
#include "init/opening.h"
#include "init/program.h"

#define AS_TEXT_(number) #number
#define AS_TEXT(number) AS_TEXT_(number)
#define HEAD "narwhal-heirloom " AS_TEXT(HEIRLOOM_VERSION) " "

static char frozen[HEIRLOOM_SIZE_MAX], again[HEIRLOOM_SIZE_MAX];

static void forget_fd(int *fd, void *context)
{
	(void)context;
	*fd = -1;
}

/* Its descriptors are numbers that a test made up, or those of another process. */
static void let_go(struct arbiter *a)
{
	heirloom_each_fd(a, HEIRLOOM_VERSION, forget_fd, NULL);
	opening_close(a);
}

static void prepare(struct arbiter *a)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	*a = (struct arbiter){.program = a->program};
	assert_int_equal(opening_prepare(a, &why), 0);
}

static int thaw(struct arbiter *a, const char *bytes, size_t size, struct text *why)
{
	prepare(a);
	return heirloom_thaw(a, bytes, size, why);
}

static size_t freeze(struct arbiter *a, char *bytes)
{
	struct text text = {.bytes = bytes, .size = HEIRLOOM_SIZE_MAX};

	heirloom_freeze(a, HEIRLOOM_VERSION, &text);
	assert_false(text.cut);
	return text.used;
}

static void fill_generation(struct generation *generation)
{
	struct hook_book *book = hook_book_new();

	assert_non_null(book);
	book->timeout_ms = 10000;
	book->ready_file = strdup("/run/ready");
	book->count = 2;
	book->file[0] = (struct hook_file){HOOK_ON_RELOAD, strdup("/etc/hooks/on_reload\n.1")};
	book->file[1] = (struct hook_file){HOOK_ON_EXIT, strdup("/etc/hooks/on_exit")};
	generation->number = 7;
	generation->config.app = strdup("./an app\\");
	assert_int_equal(settings_init(&generation->config.settings), 0);
	generation->config.settings.workers = 3;
	generation->image_fd = 10;
	generation->certificates = (struct certificates){17, 37};
	generation->tickets = true;
	generation->users.drop = true;
	generation->users.uid = generation->users.gid = 65534;
	generation->hooks = book;
	generation->listeners.count = 2;
	generation->listeners.item[0] = (struct listener){.fd = 11, .asked = "127.0.0.1:0"};
	generation->listeners.item[1] = (struct listener){.fd = 12,
		.asked = "unix:/run/a b",
		.tls = true,
		.linked = true,
		.device = UINT64_MAX,
		.inode = 77};
	generation->metrics.count = 1;
	generation->metrics.item[0] = (struct listener){.fd = 38, .asked = "127.0.0.1:9090"};
}

static void fill_workers(struct arbiter *a)
{
	a->roster.slots[0] = (struct slot){.state = STATE_SERVING,
		.pid = 17,
		.generation = 7,
		.born_ms = 5,
		.served_ms = 6,
		.deadline_ms = CLOCK_NEVER};
	a->children[0] = (struct child){.watch = {.fd = 13},
		.arbiter = a,
		.page_fd = 14,
		.timeout_ms = 30000,
		.look_ms = CLOCK_NEVER,
		.seen_turns = 99,
		.notifier = {.fd = 16},
		.confined = true,
		.logs_only = true,
		.introduced = true};
	a->roster.slots[1] = (struct slot){.generation = 7,
		.deadline_ms = CLOCK_NEVER,
		.backoff = {.failures = 2, .due_ms = 12345}};
	a->roster.slots[900] = (struct slot){.state = STATE_DOOMED,
		.cause = CAUSE_TIMEOUT,
		.pid = 18,
		.killed = true,
		.generation = 6,
		.deadline_ms = 4};
	a->children[900] = (struct child){.watch = {.fd = -1},
		.arbiter = a,
		.slot = 900,
		.page_fd = 15,
		.messages = 3,
		.look_ms = 8,
		.notifier = {.fd = -1},
		.outsider = true,
		.executed = true,
		.group = true,
		.ready_by = 1};
}

static void fill_attendant(struct arbiter *a)
{
	a->roster.slots[ARBITER_SLOTS] = (struct slot){.state = STATE_SERVING,
		.role = PROCESS_KEYHOLDER,
		.pid = 19,
		.generation = 7,
		.deadline_ms = CLOCK_NEVER};
	a->children[ARBITER_SLOTS] = (struct child){.watch = {.fd = 18},
		.arbiter = a,
		.slot = ARBITER_SLOTS,
		.page_fd = 19,
		.look_ms = CLOCK_NEVER,
		.notifier = {.fd = 20}};
	a->roster.slots[ARBITER_SLOTS + 1] = (struct slot){.state = STATE_SERVING,
		.role = PROCESS_EXPORTER,
		.pid = 20,
		.generation = 7,
		.deadline_ms = CLOCK_NEVER};
	a->children[ARBITER_SLOTS + 1] = (struct child){.watch = {.fd = 39},
		.arbiter = a,
		.slot = ARBITER_SLOTS + 1,
		.page_fd = 40,
		.look_ms = CLOCK_NEVER,
		.notifier = {.fd = 41},
		.asks = true};
}

static void fill_run(struct hook_run *run, enum hook hook, pid_t pid)
{
	run->book = hook_book_new();
	assert_non_null(run->book);
	run->book->timeout_ms = 500;
	run->book->count = 3;
	run->book->file[0] = (struct hook_file){hook, strdup("/done")};
	run->book->file[1] = (struct hook_file){hook, strdup("/runs")};
	run->book->file[2] = (struct hook_file){HOOK_ON_EXIT, strdup("/another")};
	run->hook = hook;
	run->file = 1;
	run->pid = pid;
	run->deadline_ms = 123;
	memcpy(run->facts, "NARWHAL_PID=1\nNARWHAL_SLOT=2\n", 30);
}

static void fill_shelf(struct arbiter *a)
{
	for (int fd = 20; fd < 23; fd++) {
		struct shelved *entry = calloc(1, sizeof(*entry));

		assert_non_null(entry);
		entry->listener =
			(struct listener){.fd = fd, .asked = "127.0.0.1:1", .gated = true};
		entry->to = 6;
		entry->next = a->shelf.first;
		a->shelf.first = entry;
	}
}

/* Something in every record. */
static void fill(struct arbiter *a)
{
	prepare(a);
	fill_generation(a->current);
	fill_workers(a);
	fill_attendant(a);
	fill_shelf(a);
	a->inherited.count = 2;
	a->inherited.fd[0] = 3;
	a->inherited.fd[1] = 4;
	fill_run(&a->herald.hooks.runs[5], HOOK_CHILD_EXIT, 19);
	a->herald.hooks.first = HOOKS_WAITING - 1;
	a->herald.hooks.waiting = 2;
	fill_run(&a->herald.hooks.queue[HOOKS_WAITING - 1], HOOK_PRE_FORK, 0);
	fill_run(&a->herald.hooks.queue[0], HOOK_POST_FORK, 0);
	memcpy(a->herald.hooks.runs[5].cause, "timeout", 8);
	a->wish.crew = (struct crew){7, 3, 2, 1, ATTENDANT_BIT(PROCESS_KEYHOLDER)};
	a->herald.started = true;
	a->herald.workers = 3;
	a->upgrade.state = UPGRADE_LEAVING;
	a->upgrade.own = (struct image_hold){.fd = 30,
		.path = strdup("/usr/bin/narwhal"),
		.version = "0.0.9",
		.build = "ab12"};
	a->upgrade.failed_in = UPGRADE_HELD;
	a->upgrade.other = (struct image_hold){.fd = 32, .path = strdup("/new/narwhal")};
	memcpy(a->upgrade.process_name, "narwhal", 8);
	a->upgrade.reads = HEIRLOOM_VERSION;
	a->pidfile =
		(struct pidfile){.fd = 34, .path = strdup("/run/pid"), .device = 1, .inode = 2};
	a->exits[CAUSE_OOM] = 4;
	a->born_wall_ms = 1795309634926;
	a->tally.reloads[TALLY_FAILED] = 3;
	a->tally.durations[PAGE_LONGER] = 8;
	a->tally.kernel_tls = 21;
	a->tally.counters = 1;
	a->tally.counter[0] = (struct tally_counter){"sold", 12};
	a->generations = 9;
	a->start_fd = 35;
	a->tickets.fd = 36;
	a->noticeboard.fd = 37;
	memcpy(a->last_cause, "a\nb", 4);
}

/* Init mode, with something in every record that it has. */
static void fill_program(struct arbiter *a, struct program *p)
{
	program_init(p, a);
	prepare(a);
	a->current->number = 1;
	a->current->image_fd = -1;
	a->current->certificates = (struct certificates){-1, -1};
	assert_int_equal(settings_init(&a->current->config.settings), 0);
	a->current->config.settings.sweep_timeout = 77;
	a->upgrade.state = UPGRADE_LEAVING;
	a->upgrade.own = (struct image_hold){.fd = 30, .path = strdup("/usr/bin/narwhal")};
	a->upgrade.other = (struct image_hold){.fd = 32, .path = strdup("/new/narwhal")};
	p->forward.pid = 17;
	p->given = p->stopped = true;
	p->forward.first = FORWARD_HELD_MAX - 1;
	p->forward.held = 2;
	for (int i = 0; i < 2; i++) {
		siginfo_t *info = &p->forward.ring[i == 0 ? FORWARD_HELD_MAX - 1 : 0];

		info->si_signo = SIGRTMIN + i;
		info->si_code = SI_QUEUE;
		info->si_pid = 99;
		info->si_uid = 65534;
		info->si_value.sival_int = 4711 + i;
	}
}

static void a_program_thaws_to_the_same(void **state)
{
	static struct arbiter a, b;
	static struct program p, q;
	char said[256];
	struct text why = TEXT_OVER(said);
	const siginfo_t *held = q.forward.ring;
	size_t size;

	(void)state;
	fill_program(&a, &p);
	size = freeze(&a, frozen);
	let_go(&a);
	program_init(&q, &b);
	assert_int_equal(thaw(&b, frozen, size, &why), 0);
	assert_ptr_equal(b.program, &q);
	assert_int_equal(freeze(&b, again), size);
	assert_memory_equal(frozen, again, size);
	assert_int_equal(q.forward.pid, 17);
	assert_true(q.given && q.stopped && !q.stop_wished);
	assert_int_equal(b.current->config.settings.sweep_timeout, 77);
	assert_int_equal(q.forward.held, 2);
	assert_int_equal(held[0].si_signo, SIGRTMIN);
	assert_int_equal(held[1].si_code, SI_QUEUE);
	assert_int_equal(held[1].si_pid, 99);
	assert_int_equal(held[1].si_value.sival_int, 4712);
	let_go(&b);
}

static void what_is_frozen_thaws_to_the_same(void **state)
{
	static struct arbiter a, b;
	char said[256];
	struct text why = TEXT_OVER(said);
	size_t size;

	(void)state;
	fill(&a);
	size = freeze(&a, frozen);
	let_go(&a);
	assert_int_equal(thaw(&b, frozen, size, &why), 0);
	assert_int_equal(freeze(&b, again), size);
	assert_memory_equal(frozen, again, size);
	assert_int_equal(b.roster.slots[0].state, STATE_SERVING);
	assert_int_equal(b.roster.slots[1].backoff.failures, 2);
	assert_int_equal(b.roster.slots[900].cause, CAUSE_TIMEOUT);
	assert_int_equal(b.children[900].slot, 900);
	assert_int_equal(b.children[0].watch.fd, 13);
	assert_int_equal(b.children[0].notifier.fd, 16);
	assert_true(b.children[0].logs_only);
	assert_ptr_equal(b.children[0].arbiter, &b);
	assert_int_equal(b.current->config.settings.workers, 3);
	assert_string_equal(b.current->config.app, "./an app\\");
	assert_string_equal(b.current->hooks->file[0].path, "/etc/hooks/on_reload\n.1");
	assert_int_equal(b.current->listeners.item[1].device, UINT64_MAX);
	assert_int_equal(b.shelf.first->listener.fd, 22);
	assert_int_equal(b.exits[CAUSE_OOM], 4);
	assert_string_equal(b.last_cause, "a\nb");
	let_go(&b);
}

static size_t sample(void)
{
	static struct arbiter a;
	size_t size;

	fill(&a);
	size = freeze(&a, frozen);
	let_go(&a);
	return size;
}

/* fill() leaves none out, so no row of the table is untested. */
static void every_record_and_every_field_is_frozen(void **state)
{
	static struct arbiter a;
	static struct program p;
	size_t size;

	(void)state;
	fill_program(&a, &p);
	size = freeze(&a, again);
	let_go(&a);
	size += sample();
	assert_true(size < sizeof(frozen));
	frozen[size] = '\0';
	memcpy(frozen + strlen(frozen), again, strlen(again) + 1);
#define RECORD(name, type, most, since, meaning) assert_non_null(strstr(frozen, "[" #name " "));
#define FIELD(record, name, kind, since, member) assert_non_null(strstr(frozen, "\n" name " "));
#include "init/heirloom.def"
#undef RECORD
#undef FIELD
}

/* Version 0 had none of the records that there are. */
static void a_record_is_left_out_for_an_image_that_is_older(void **state)
{
	static struct arbiter a;
	struct text text = TEXT_OVER(frozen);

	(void)state;
	fill(&a);
	heirloom_freeze(&a, 0, &text);
	let_go(&a);
	assert_null(strchr(frozen, '['));
	assert_non_null(strstr(frozen, "\n"
				       "sum "));
}

static void a_hook_in_flight_keeps_the_files_that_it_still_has_to_run(void **state)
{
	static struct arbiter a, b;
	char said[256];
	struct text why = TEXT_OVER(said);
	const struct hook_run *run = NULL;

	(void)state;
	fill(&a);
	assert_int_equal(thaw(&b, frozen, freeze(&a, frozen), &why), 0);
	let_go(&a);
	run = &b.herald.hooks.runs[5];
	assert_int_equal(run->pid, 19);
	assert_int_equal(run->file, 0);
	assert_int_equal(run->book->count, 1);
	assert_string_equal(run->book->file[0].path, "/runs");
	assert_string_equal(run->cause, "timeout");
	assert_int_equal(hooks_count(&b.herald.hooks, HOOKS), 3);
	assert_int_equal(b.herald.hooks.queue[0].hook, HOOK_PRE_FORK);
	assert_int_equal(b.herald.hooks.queue[1].hook, HOOK_POST_FORK);
	let_go(&b);
}

static unsigned descriptors;

static void count_fd(int *fd, void *context)
{
	(void)context;
	descriptors += *fd >= 0;
}

static void every_descriptor_is_told(void **state)
{
	static struct arbiter a;

	(void)state;
	fill(&a);
	descriptors = 0;
	heirloom_each_fd(&a, HEIRLOOM_VERSION, count_fd, NULL);
	/* Start, pidfile, tickets, noticeboard, two images, a worker's image, its certificates
	 * and keys, 2
	 * listeners, one of metrics, 3 on the shelf, 2 inherited, and of the workers 2 pages, a
	 * channel and a notifier, and of each of two attendants one of each. */
	assert_int_equal(descriptors, 1 + 1 + 1 + 1 + 2 + 1 + 2 + 2 + 1 + 3 + 2 + 4 + 2 * 3);
	let_go(&a);
}

/* It would stay open in an image that knows nothing of it: version 1 has no notifiers. */
static void a_descriptor_that_an_older_image_does_not_know_is_not_told(void **state)
{
	static struct arbiter a;
	unsigned all;

	(void)state;
	fill(&a);
	descriptors = 0;
	heirloom_each_fd(&a, 2, count_fd, NULL);
	all = descriptors;
	descriptors = 0;
	heirloom_each_fd(&a, 1, count_fd, NULL);
	assert_int_equal(descriptors, all - 1);
	let_go(&a);
}

/* Its name alone would be refused there; without its channel it exits by itself. */
static void a_role_that_an_older_image_does_not_know_is_left_out(void **state)
{
	static struct arbiter a;
	struct text text = {.bytes = frozen, .size = sizeof(frozen)};
	unsigned all;

	(void)state;
	fill(&a);
	descriptors = 0;
	heirloom_each_fd(&a, 5, count_fd, NULL);
	all = descriptors;
	descriptors = 0;
	heirloom_each_fd(&a, 4, count_fd, NULL);
	assert_int_equal(descriptors, all - 4); /* where it listens, too */
	heirloom_freeze(&a, 4, &text);
	frozen[text.used] = '\0';
	assert_non_null(strstr(frozen, "role keyholder"));
	assert_null(strstr(frozen, "role exporter"));
	assert_null(strstr(frozen, "[servant 1]"));
	let_go(&a);
}

/* The body of `frozen` with its sum, as heirloom_freeze() would have it. */
static size_t sum_up(char *bytes, size_t size)
{
	uint64_t value = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++)
		value = (value ^ (unsigned char)bytes[i]) * 0x100000001b3;
	return size + (size_t)sprintf(bytes + size, "sum %llu\n", (unsigned long long)value);
}

static void refuse(const char *bytes, size_t size, const char *reason)
{
	static struct arbiter a;
	char said[256];
	struct text why = TEXT_OVER(said);

	assert_int_equal(thaw(&a, bytes, size, &why), -EINVAL);
	if (reason != NULL)
		assert_string_equal(said, reason);
	assert_true(why.used > 0);
	let_go(&a);
}

static void what_was_cut_is_refused_at_every_length(void **state)
{
	size_t size = sample();

	(void)state;
	for (size_t cut = 0; cut < size; cut += 7)
		refuse(frozen, cut, NULL);
}

/* Between two lines of what may be missing it would be whole; within a line it never is. */
static void a_body_that_ends_early_is_refused(void **state)
{
	size_t size = sample();

	(void)state;
	for (size_t cut = 1; cut < size - 40; cut += 97) {
		if (frozen[cut - 1] == '\n')
			continue;
		memcpy(again, frozen, cut);
		refuse(again, sum_up(again, cut), NULL);
	}
}

/* The sample with `from` replaced by `to`, once. */
static void refuse_changed(const char *from, const char *to, const char *reason)
{
	size_t size = sample(), used;
	char *at, *end;

	frozen[size] = '\0';
	end = strstr(frozen, "\nsum ") + 1;
	at = strstr(frozen, from);
	assert_non_null(at);
	used = (size_t)(at - frozen);
	memcpy(again, frozen, used);
	memcpy(again + used, to, strlen(to));
	used += strlen(to);
	memcpy(again + used, at + strlen(from), (size_t)(end - at) - strlen(from));
	used += (size_t)(end - at) - strlen(from);
	refuse(again, sum_up(again, used), reason);
}

static void what_is_not_understood_is_named(void **state)
{
	(void)state;
	refuse_changed(HEAD, "narwhal-heirloom 999 ",
		"heirloom: is of version 999: this image reads " AS_TEXT(
			HEIRLOOM_OLDEST) " to " AS_TEXT(HEIRLOOM_VERSION));
	refuse_changed(HEAD, "narwhal-heirloom x ", "heirloom: the first line is none");
	refuse_changed(HEAD "30\n", HEAD "x\n", "heirloom: the first line names no descriptor");
	refuse_changed("state SERVING", "state SINGING", "heirloom: state: is an unknown name");
	refuse_changed("ready_ms ", "steady_ms ", "heirloom: steady_ms: is an unknown name");
	refuse_changed("born_ms 0\n", "", "heirloom: born_ms: is missing");
	refuse_changed("born_ms 0\n", "born_ms 0\nborn_ms 0\n",
		"heirloom: born_ms: is given twice");
	refuse_changed("born_ms 0\n", "born_ms\n", "heirloom: born_ms: is a line without a value");
	refuse_changed("born_ms 0\n", "born_ms -1\n",
		"heirloom: born_ms: is not a number that it can be");
	refuse_changed("ready 0\n", "ready 2\n", "heirloom: ready: is not a number that it can be");
	refuse_changed("image_fd 10", "image_fd 2",
		"heirloom: image_fd: is no descriptor of the arbiter's");
	refuse_changed("image_fd 10", "image_fd 2147483648",
		"heirloom: image_fd: is not a number that it can be");
	refuse_changed("process_name narwhal", "process_name a_name_of_16_byte",
		"heirloom: process_name: is too long");
	refuse_changed("app ./an app\\\\", "app ./an app\\t",
		"heirloom: app: has an unknown escape");
	refuse_changed("set workers 3", "set workers 0",
		"heirloom: workers: is out of range: allowed are auto, 1 to 512");
}

static void records_in_disorder_are_named(void **state)
{
	(void)state;
	refuse_changed("[wish 0]", "[fish 0]", "heirloom: fish: is an unknown record");
	refuse_changed("[wish 0]", "[program 0]",
		"heirloom: program: is in the wrong place, or there is no memory");
	refuse_changed("[slot 900]", "[slot 1024]", "heirloom: slot: has no such number");
	refuse_changed("[listener 0]", "[listener 1]",
		"heirloom: listener: is in the wrong place, or there is no memory");
	refuse_changed("[wish 0]", "[wish 0", "heirloom: wish 0: begins no record");
	refuse_changed("[book 0]", "[herald 0]", "heirloom: herald: is given twice");
	refuse_changed("pid 17\n", "pid 0\n",
		"heirloom: slot: its state and its pid contradict each other");
	refuse_changed("[child 900]", "[child 901]",
		"heirloom: child: its slot says something else");
	refuse_changed("workers 3\nmin_ready", "workers 513\nmin_ready",
		"heirloom: workers: is not a number that it can be");
	refuse_changed("number 7\n", "number 8\n",
		"heirloom: generation: is not the one that is wished for");
}

static void a_changed_byte_is_noticed(void **state)
{
	size_t size = sample();

	(void)state;
	for (size_t i = 40; i < size - 30; i += 13) {
		frozen[i] ^= 1;
		refuse(frozen, size, "heirloom: sum: is wrong");
		frozen[i] ^= 1;
	}
}

static void a_cause_and_a_setting_of_another_release_are_passed_over(void **state)
{
	static struct arbiter a;
	char said[256];
	struct text why = TEXT_OVER(said);
	size_t size = sample();
	char *end;

	(void)state;
	frozen[size] = '\0';
	memcpy(strstr(frozen, "[death oom]"), "[death owl]", 11);
	memcpy(strstr(frozen, "set workers "), "set walrus_ ", 12);
	end = strstr(frozen, "\nsum ") + 1;
	assert_int_equal(thaw(&a, frozen, sum_up(frozen, (size_t)(end - frozen)), &why), 0);
	assert_int_equal(a.exits[CAUSE_OOM], 0);
	assert_int_equal(a.current->config.settings.workers, 1);
	let_go(&a);
}

/* As it was frozen when that version was released. */
static size_t read_released(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t size;

	assert_non_null(file);
	size = fread(frozen, 1, sizeof(frozen) - 1, file);
	(void)fclose(file);
	frozen[size] = '\0';
	return size;
}

/* What is in the field must thaw. */
static void thaw_released(struct arbiter *a, const char *path)
{
	char said[256];
	struct text why = TEXT_OVER(said);
	size_t size = read_released(path);

	assert_int_equal(thaw(a, frozen, size, &why), 0);
}

static void version_1_thaws(void **state)
{
	static struct arbiter a;

	(void)state;
	thaw_released(&a, "tests/heirloom/version-1");
	assert_int_equal(a.current->number, 7);
	assert_int_equal(a.roster.slots[900].pid, 18);
	assert_int_equal(a.children[0].notifier.fd, -1);
	assert_false(a.children[0].confined);
	assert_int_equal(a.upgrade.state, UPGRADE_LEAVING);
	let_go(&a);
}

static void version_2_thaws(void **state)
{
	static struct arbiter a;

	(void)state;
	thaw_released(&a, "tests/heirloom/version-2");
	assert_int_equal(a.children[0].notifier.fd, 16);
	assert_true(a.children[0].confined);
	assert_int_equal(a.children[900].notifier.fd, -1);
	assert_int_equal(a.current->certificates.fd, -1);
	let_go(&a);
}

static void version_3_thaws(void **state)
{
	static struct arbiter a;

	(void)state;
	thaw_released(&a, "tests/heirloom/version-3");
	assert_int_equal(a.current->certificates.fd, 17);
	assert_int_equal(a.noticeboard.fd, -1);
	assert_false(a.current->listeners.item[0].tls);
	assert_true(a.current->listeners.item[1].tls);
	assert_int_equal(a.tickets.fd, -1);
	assert_false(a.current->tickets);
	let_go(&a);
}

static void version_4_thaws(void **state)
{
	static struct arbiter a;
	const struct slot *attendant;

	(void)state;
	thaw_released(&a, "tests/heirloom/version-4");
	assert_int_equal(a.noticeboard.fd, 37);
	assert_true(a.children[900].outsider);
	assert_true(a.children[900].executed);
	assert_false(a.children[0].outsider);
	assert_int_equal(a.tickets.fd, 36);
	assert_true(a.current->tickets);
	attendant = &a.roster.slots[ARBITER_SLOTS];
	assert_int_equal(a.wish.crew.attendants, ATTENDANT_BIT(PROCESS_KEYHOLDER));
	assert_int_equal(attendant->role, PROCESS_KEYHOLDER);
	assert_int_equal(attendant->pid, 19);
	assert_int_equal(a.children[ARBITER_SLOTS].slot, ARBITER_SLOTS);
	assert_int_equal(a.current->certificates.keys_fd, 37);
	assert_true(a.children[0].introduced);
	assert_int_equal(a.children[ARBITER_SLOTS].watch.fd, 18);
	assert_string_equal(a.upgrade.own.build, "");
	assert_int_equal(a.upgrade.failed_in, UPGRADE_NONE);
	let_go(&a);
}

static void version_5_thaws(void **state)
{
	static struct arbiter a;

	(void)state;
	thaw_released(&a, "tests/heirloom/version-5");
	assert_string_equal(a.upgrade.own.version, "0.0.9");
	assert_int_equal(a.log.told, 12);
	assert_string_equal(a.upgrade.own.build, "ab12");
	assert_int_equal(a.upgrade.failed_in, UPGRADE_HELD);
	assert_int_equal(a.born_wall_ms, 1795309634926);
	assert_int_equal(a.tally.reloads[TALLY_FAILED], 3);
	assert_int_equal(a.tally.durations[PAGE_LONGER], 8);
	assert_int_equal(a.tally.counters, 1);
	assert_string_equal(a.tally.counter[0].name, "sold");
	assert_int_equal(a.tally.counter[0].value, 12);
	assert_int_equal(a.current->metrics.count, 1);
	assert_int_equal(a.current->metrics.item[0].fd, 38);
	assert_int_equal(a.roster.slots[ARBITER_SLOTS + 1].role, PROCESS_EXPORTER);
	assert_true(a.children[ARBITER_SLOTS + 1].asks);
	let_go(&a);
}

static void version_6_thaws(void **state)
{
	static struct arbiter a;

	(void)state;
	thaw_released(&a, "tests/heirloom/version-6");
	assert_int_equal(a.tally.kernel_tls, 21);
	let_go(&a);
}

/* Each line of `lines` that is no setting has its name on some line of `others`. */
static void assert_named(const char *lines, const char *others)
{
	for (const char *at = strchr(lines, '\n'); at != NULL && at[1] != '\0';
		at = strchr(at + 1, '\n')) {
		char name[64] = "";

		memcpy(name, at, strcspn(at, " ") + 1);
		if (strcmp(name, "\nset ") != 0 && strstr(others, name) == NULL)
			fail_msg("only on one side:%s", name);
	}
}

static void an_image_of_version_1_is_left_what_it_reads(void **state)
{
	static struct arbiter a;
	struct text text = {.bytes = again, .size = sizeof(again)};

	(void)state;
	fill(&a);
	heirloom_freeze(&a, 1, &text);
	let_go(&a);
	again[text.used] = '\0';
	(void)read_released("tests/heirloom/version-1");
	assert_named(again, frozen);
	assert_named(frozen, again);
}

/* So a program that was frozen as of version 1, which none was, is nothing that thaws. */
static void what_is_newer_than_its_version_is_unknown(void **state)
{
	static struct arbiter a;
	static struct program p;
	char said[256];
	struct text text = {.bytes = frozen, .size = sizeof(frozen)}, why = TEXT_OVER(said);

	(void)state;
	fill_program(&a, &p);
	heirloom_freeze(&a, 1, &text);
	let_go(&a);
	frozen[text.used] = '\0';
	assert_null(strstr(frozen, "[program"));
	assert_null(strstr(frozen, "[held"));
	program_init(&p, &a);
	assert_int_equal(thaw(&a, frozen, text.used, &why), -EINVAL);
	assert_string_equal(said, "heirloom: arbiter: is missing");
	let_go(&a);
	a.program = NULL;
}

static void a_program_stands_alone(void **state)
{
	static struct arbiter a, b;
	static struct program p;
	char said[256], *end;
	struct text why = TEXT_OVER(said);
	size_t used;

	(void)state;
	fill_program(&a, &p);
	used = freeze(&a, frozen);
	frozen[used] = '\0';
	let_go(&a);
	end = strstr(frozen, "\nsum ") + 1;
	memcpy(end, "[shelved 0]\n", 13);
	program_init(&p, &b);
	assert_int_equal(thaw(&b, frozen, sum_up(frozen, strlen(frozen)), &why), -EINVAL);
	let_go(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_frozen_thaws_to_the_same),
		cmocka_unit_test(every_record_and_every_field_is_frozen),
		cmocka_unit_test(a_record_is_left_out_for_an_image_that_is_older),
		cmocka_unit_test(a_hook_in_flight_keeps_the_files_that_it_still_has_to_run),
		cmocka_unit_test(every_descriptor_is_told),
		cmocka_unit_test(a_descriptor_that_an_older_image_does_not_know_is_not_told),
		cmocka_unit_test(a_role_that_an_older_image_does_not_know_is_left_out),
		cmocka_unit_test(what_was_cut_is_refused_at_every_length),
		cmocka_unit_test(a_body_that_ends_early_is_refused),
		cmocka_unit_test(what_is_not_understood_is_named),
		cmocka_unit_test(records_in_disorder_are_named),
		cmocka_unit_test(a_changed_byte_is_noticed),
		cmocka_unit_test(a_cause_and_a_setting_of_another_release_are_passed_over),
		cmocka_unit_test(version_1_thaws),
		cmocka_unit_test(version_2_thaws),
		cmocka_unit_test(version_3_thaws),
		cmocka_unit_test(version_4_thaws),
		cmocka_unit_test(version_5_thaws),
		cmocka_unit_test(version_6_thaws),
		cmocka_unit_test(an_image_of_version_1_is_left_what_it_reads),
		cmocka_unit_test(what_is_newer_than_its_version_is_unknown),
		cmocka_unit_test(a_program_thaws_to_the_same),
		cmocka_unit_test(a_program_stands_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
