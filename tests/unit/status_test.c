#include "tests/unit/unit.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "init/build_id.h"
#include "init/opening.h"
#include "init/program.h"
#include "init/status_facts.h"
#include "init/status_report.h"
#include "init/status_socket.h"

#define NOW 100000000

static char text_bytes[STATUS_TEXT_MAX], json_bytes[STATUS_JSON_MAX];
static struct page pages[ARBITER_SLOTS];

static void prepare(struct arbiter *a)
{
	char bytes[256];
	struct text why = TEXT_OVER(bytes);

	*a = (struct arbiter){.program = a->program};
	assert_int_equal(opening_prepare(a, &why), 0);
	*a->current = (struct generation){.number = 1, .image_fd = -1, .certificates = {-1, -1}};
	assert_int_equal(settings_init(&a->current->config.settings), 0);
	a->now_ms = NOW;
	a->born_ms = NOW - 11220000;
	a->ready_ms = 1;
	a->ready = true;
	a->wish.crew.generation = 1;
	a->wish.crew.workers = 2;
	a->current->config.app = strdup("./public");
	a->upgrade.own.path = strdup("/usr/bin/narwhal");
	a->current->listeners.count = 1;
	a->current->listeners.item[0] =
		(struct listener){.fd = -1, .tls = true, .address = {.text = "127.0.0.1:8443"}};
}

static struct page *fill_slot(struct arbiter *a, unsigned index, enum state state)
{
	struct page *page = &pages[index % ARBITER_SLOTS];

	*page = (struct page){.connections = 3, .accepted = 7, .requests = 21};
	a->roster.slots[index].state = state;
	a->roster.slots[index].pid = 1000 + (pid_t)index;
	a->roster.slots[index].generation = 1;
	a->roster.slots[index].born_ms = NOW - 302000;
	a->children[index].page = page;
	return page;
}

static void let_go(struct arbiter *a)
{
	for (unsigned i = 0; i < ARBITER_CHILDREN; i++)
		a->children[i].page = NULL;
	a->current->listeners.count = 0;
	opening_close(a);
}

static void report(const struct arbiter *a)
{
	struct text text = TEXT_OVER(text_bytes), json = TEXT_OVER(json_bytes);

	status_text(a, 1, &text);
	status_json(a, 1, &json);
	assert_false(text.cut);
	assert_false(json.cut);
	assert_int_equal(strlen(text_bytes), text.used);
	assert_int_equal(strlen(json_bytes), json.used);
}

static void assert_says(const char *bytes, const char *part)
{
	if (strstr(bytes, part) == NULL)
		fail_msg("not \"%s\" in:\n%s", part, bytes);
}

static void a_service_tells_of_each_worker(void **state)
{
	static struct arbiter a;
	struct page *page;

	(void)state;
	prepare(&a);
	(void)fill_slot(&a, 0, STATE_SERVING);
	page = fill_slot(&a, 1, STATE_SERVING);
	page->busy_since_ms = NOW - 400;
	memcpy(page->request, "GET /slow", 10);
	report(&a);
	assert_says(text_bytes, "narwhal " NARWHAL_VERSION ", pid 1, up 3h07m: serving\n");
	assert_says(text_bytes, "  image         /usr/bin/narwhal\n");
	assert_says(text_bytes, "  rolls back to nothing\n");
	assert_says(text_bytes, "  listeners     127.0.0.1:8443, TLS\n");
	assert_says(text_bytes, "  workers       2 serve, 2 are wished for\n");
	assert_says(text_bytes, "1001           1  SERVING     5m02s            3            21"
				"  0.4s GET /slow\n");
	assert_says(json_bytes, "\"workers\":[{\"slot\":0,\"pid\":1000,\"generation\":1,"
				"\"state\":\"SERVING\",\"age_ms\":302000,\"connections\":3,"
				"\"accepted\":7,\"requests\":21},{\"slot\":1,");
	assert_says(json_bytes, "\"busy_ms\":400,\"request\":\"GET /slow\"}],\"left_out\":0}\n");
	let_go(&a);
}

/* Its loop sees to others meanwhile. */
static void a_thread_that_is_at_work_is_told_of(void **state)
{
	static struct arbiter a;
	struct page *page;

	(void)state;
	prepare(&a);
	page = fill_slot(&a, 0, STATE_SERVING);
	page->work_since_ms = NOW - 7000;
	memcpy(page->work_request, "GET /stuck", 11);
	report(&a);
	assert_says(text_bytes, "  7.0s GET /stuck\n");
	assert_says(json_bytes, "\"busy_ms\":7000,\"request\":\"GET /stuck\"}]");
	page->busy_since_ms = NOW - 1;
	memcpy(page->request, "GET /quick", 11);
	report(&a);
	assert_says(text_bytes, "  7.0s GET /stuck\n");
	let_go(&a);
}

static void an_attendant_is_called_by_its_role(void **state)
{
	static struct arbiter a;

	(void)state;
	prepare(&a);
	(void)fill_slot(&a, ARBITER_SLOTS, STATE_BOOTING);
	a.roster.slots[ARBITER_SLOTS].role = PROCESS_KEYHOLDER;
	a.roster.slots[ARBITER_SLOTS].pid = 0;
	report(&a);
	assert_says(text_bytes, "  keyholder        -           1  BOOTING ");
	assert_says(json_bytes, "\"attendants\":[{\"role\":\"keyholder\",\"pid\":null,");
	assert_says(json_bytes, "\"workers\":[],");
	let_go(&a);
}

/* A worker can write what it likes there, and has a page without an end, or none at all. */
static void what_a_worker_wrote_forges_no_line(void **state)
{
	static struct arbiter a;
	struct page *page;

	(void)state;
	prepare(&a);
	page = fill_slot(&a, 0, STATE_SERVING);
	page->busy_since_ms = UINT64_MAX;
	memset(page->request, '\n', sizeof(page->request));
	page->request[1] = '"';
	(void)fill_slot(&a, 1, STATE_DRAINING);
	a.children[1].page = NULL;
	report(&a);
	assert_says(text_bytes, "0.0s \\x0a\\\"\\x0a");
	assert_null(strstr(text_bytes, "\"\n"));
	assert_says(json_bytes, "\"busy_ms\":0,\"request\":\"\\u000a\\\"\\u000a");
	assert_says(json_bytes, "\"state\":\"DRAINING\",\"age_ms\":302000}],");
	assert_ptr_equal(strchr(json_bytes, '\n'), json_bytes + strlen(json_bytes) - 1);
	let_go(&a);
}

static void where_there_is_no_room_it_says_how_many_are_left_out(void **state)
{
	static struct arbiter a;

	(void)state;
	prepare(&a);
	for (unsigned i = 0; i < ARBITER_SLOTS; i++) {
		struct page *page = fill_slot(&a, i, STATE_SERVING);

		page->busy_since_ms = 1;
		memset(page->request, 1, sizeof(page->request));
	}
	report(&a);
	assert_says(text_bytes, " more, for whom there is no room here\n");
	assert_null(strstr(json_bytes, "\"left_out\":0}"));
	assert_says(json_bytes, "],\"left_out\":");
	let_go(&a);
}

static void as_many_workers_as_may_be_wished_for_have_room(void **state)
{
	static struct arbiter a;

	(void)state;
	prepare(&a);
	for (unsigned i = 0; i < ARBITER_WORKERS_MAX; i++)
		(void)fill_slot(&a, i, STATE_SERVING);
	report(&a);
	assert_null(strstr(text_bytes, "no room"));
	assert_says(text_bytes, "\n  511 ");
	assert_says(json_bytes, "\"left_out\":0}");
	let_go(&a);
}

static void no_name_is_too_long(void **state)
{
	static struct arbiter a;

	(void)state;
	prepare(&a);
	a.current->config.app = realloc(a.current->config.app, 1 << 17);
	assert_non_null(a.current->config.app);
	memset(a.current->config.app, 1, (1 << 17) - 1);
	a.current->config.app[(1 << 17) - 1] = '\0';
	report(&a);
	assert_says(text_bytes, "\\x01\\x01\n  listeners ");
	let_go(&a);
}

/* The phase and the upgrade decide; between them the pid and the roster say nothing. */
static void its_state_is_one_that_operators_know(void **state)
{
	static struct arbiter a;

	(void)state;
	prepare(&a);
	assert_string_equal(status_state(&a), "serving");
	a.ready = false;
	assert_string_equal(status_state(&a), "not ready");
	a.ready_ms = 0;
	assert_string_equal(status_state(&a), "starting");
	a.ready_ms = 1;
	a.wish.candidate.generation = 2;
	assert_string_equal(status_state(&a), "reloading");
	a.upgrade.state = UPGRADE_TRIAL;
	assert_string_equal(status_state(&a), "upgrading");
	a.upgrade.state = UPGRADE_HELD;
	assert_string_equal(status_state(&a), "on probation");
	a.upgrade.hold = true;
	assert_string_equal(status_state(&a), "held");
	a.upgrade.state = UPGRADE_RETURNING;
	assert_string_equal(status_state(&a), "rolling back");
	a.wish.phase = PHASE_LINGER;
	assert_string_equal(status_state(&a), "draining");
	a.wish.phase = PHASE_KILL;
	assert_string_equal(status_state(&a), "stopping");
	a.upgrade.state = UPGRADE_NONE;
	let_go(&a);
}

static void an_upgrade_names_what_it_rolls_back_to(void **state)
{
	static struct arbiter a;

	(void)state;
	prepare(&a);
	a.upgrade.state = UPGRADE_HELD;
	a.upgrade.begun_ms = NOW - 9000;
	a.upgrade.deadline_ms = NOW + 4000;
	a.upgrade.other = (struct image_hold){.fd = 5,
		.path = strdup("/old/narwhal"),
		.version = "0.0.9",
		.build = "ab12"};
	a.wish.candidate.generation = 2;
	report(&a);
	assert_says(text_bytes, "  generation    1, to be replaced by 2\n");
	assert_says(text_bytes,
		"  upgrade       HELD: both generations serve, until the new one is "
		"trusted; at the most 4.0s more\n");
	assert_says(text_bytes, "  rolls back to /old/narwhal, version 0.0.9, build id ab12\n");
	assert_says(json_bytes, "\"upgrade\":{\"step\":\"HELD\",\"hold\":false,\"age_ms\":9000,"
				"\"left_ms\":4000},\"rolls_back_to\":{\"path\":\"/old/narwhal\","
				"\"version\":\"0.0.9\",\"build_id\":\"ab12\"}");
	assert_says(json_bytes, "\"candidate\":2,");
	a.upgrade.hold = true;
	a.upgrade.deadline_ms = CLOCK_NEVER;
	a.upgrade.other.version[0] = '\0';
	report(&a);
	assert_says(text_bytes, ": by narwhal commit, or narwhal rollback\n");
	assert_says(text_bytes, "/old/narwhal, version unknown, build id ab12\n");
	assert_says(json_bytes, "\"left_ms\":null}");
	assert_says(json_bytes, "\"version\":null,");
	a.upgrade.state = UPGRADE_TRIAL; /* then it is the new one */
	report(&a);
	assert_says(text_bytes, "  rolls back to nothing\n");
	a.upgrade.other.fd = -1;
	a.upgrade.state = UPGRADE_NONE;
	free(a.upgrade.other.path);
	a.upgrade.other.path = NULL;
	let_go(&a);
}

static void an_upgrade_that_failed_is_told_of_until_the_next_one(void **state)
{
	static struct arbiter a;

	(void)state;
	prepare(&a);
	a.upgrade.begun_ms = NOW - 61000;
	memcpy(a.upgrade.reason, "printed \"no\"", 13);
	report(&a);
	assert_says(text_bytes,
		"  last upgrade  asked for 1m01s ago, came to nothing: printed \\\"no\\\"\n");
	assert_says(json_bytes, "\"last_failure\":{\"step\":null,\"reason\":");
	a.upgrade.failed_in = UPGRADE_TRIAL;
	report(&a);
	assert_says(text_bytes, " ago, came to nothing in TRIAL: printed ");
	assert_says(json_bytes, "\"last_failure\":{\"step\":\"TRIAL\",\"reason\":\"printed "
				"\\\"no\\\"\",\"age_ms\":61000}");
	a.upgrade.reason[0] = '\0';
	report(&a);
	assert_null(strstr(text_bytes, "last upgrade"));
	assert_says(json_bytes, "\"last_failure\":null");
	let_go(&a);
}

static void of_init_mode_there_is_the_program(void **state)
{
	static struct arbiter a;
	static struct program p;

	(void)state;
	program_init(&p, &a);
	prepare(&a);
	p.forward.pid = 17;
	report(&a);
	assert_says(text_bytes, ": running\n");
	assert_says(text_bytes, "  program       pid 17\n");
	assert_null(strstr(text_bytes, "SLOT"));
	assert_says(json_bytes, "\"program\":{\"pid\":17}}\n");
	p.stopped = true;
	assert_string_equal(status_state(&a), "stopped");
	p.forward.pid = -1;
	report(&a);
	assert_says(text_bytes, "  program       has ended\n");
	assert_says(json_bytes, "\"program\":{\"pid\":null}}\n");
	let_go(&a);
	a.program = NULL;
}

/* By default; else whoever asks is told that it was cut. */
static void a_socket_takes_the_longest_report_at_once(void **state)
{
	static char bytes[STATUS_SIZE_MAX];
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(send(fds[0], bytes, sizeof(bytes), MSG_DONTWAIT), sizeof(bytes));
	fd_close(&fds[0]);
	fd_close(&fds[1]);
}

struct note {
	Elf64_Nhdr head;
	char owner[4];
	unsigned char bytes[4];
};

static void a_build_id_is_found_among_other_notes(void **state)
{
	static const struct note notes[] = {
		{{4, 4, NT_GNU_ABI_TAG}, "GNU", {9, 9, 9, 9}},
		{{4, 4, NT_GNU_BUILD_ID}, "XYZ", {8, 8, 8, 8}},
		{{4, 3, NT_GNU_BUILD_ID}, "GNU", {0xab, 0, 0x12}},
	};
	char bytes[BUILD_ID_TEXT_SIZE];
	struct text text = TEXT_OVER(bytes);

	(void)state;
	assert_true(build_id_read(notes, sizeof(notes), &text));
	assert_string_equal(bytes, "ab0012");
	for (size_t size = 0; size < sizeof(notes); size++)
		assert_false(build_id_read(notes, size, &text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_tells_of_each_worker),
		cmocka_unit_test(a_thread_that_is_at_work_is_told_of),
		cmocka_unit_test(an_attendant_is_called_by_its_role),
		cmocka_unit_test(what_a_worker_wrote_forges_no_line),
		cmocka_unit_test(where_there_is_no_room_it_says_how_many_are_left_out),
		cmocka_unit_test(as_many_workers_as_may_be_wished_for_have_room),
		cmocka_unit_test(no_name_is_too_long),
		cmocka_unit_test(its_state_is_one_that_operators_know),
		cmocka_unit_test(an_upgrade_names_what_it_rolls_back_to),
		cmocka_unit_test(an_upgrade_that_failed_is_told_of_until_the_next_one),
		cmocka_unit_test(of_init_mode_there_is_the_program),
		cmocka_unit_test(a_socket_takes_the_longest_report_at_once),
		cmocka_unit_test(a_build_id_is_found_among_other_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
