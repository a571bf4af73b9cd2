/* A worker's line to the key holder: what becomes of questions when it is full, or gone. */
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/socket.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "service/signer.h"

struct world {
	struct loop loop;
	struct signer signer;
	int keyholder_fd;
};

static void resume(struct transport *transport)
{
	(void)transport;
}

static void connect_line(struct world *world)
{
	int fd;

	fd_close(&world->keyholder_fd);
	assert_int_equal(channel_pair(&fd, &world->keyholder_fd), 0);
	/* The least that there is: of 32 questions some find no room. */
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int)), 0);
	signer_use(&world->signer, &world->loop, &fd, resume);
	assert_int_equal(fd, -1);
}

static int begin(void **state)
{
	static struct world world;

	world = (struct world){.keyholder_fd = -1};
	signer_init(&world.signer);
	*state = &world;
	return loop_open(&world.loop);
}

static int end(void **state)
{
	struct world *world = *state;

	signer_close(&world->signer);
	fd_close(&world->keyholder_fd);
	loop_close(&world->loop);
	return 0;
}

static void turn(struct world *world)
{
	(void)loop_wait(&world->loop, 0);
	loop_dispatch(&world->loop);
}

static struct signer_request *ask(struct world *world)
{
	static const unsigned char message[130] = {0};
	const struct signing_question question = {
		.scheme = signing_scheme_of("EC", "SHA256", false),
		.message = message,
		.size = sizeof(message),
	};

	return signer_ask(&world->signer, &question);
}

/* How many questions arrive; each is answered at once. */
static unsigned answer_all(struct world *world)
{
	unsigned char bytes[SIGNING_QUESTION_MAX];
	unsigned n = 0;

	while (recv(world->keyholder_fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {
		n++;
		assert_true(send(world->keyholder_fd, bytes, SIGNING_ANSWER_HEAD + 2, 0) > 0);
		turn(world);
	}
	return n;
}

static void what_finds_no_room_is_sent_when_there_is_some(void **state)
{
	struct world *world = *state;
	struct signer_request *all[SIGNING_OPEN_MAX];
	unsigned char signature[SIGNING_SIGNATURE_MAX];
	size_t unsent = 0;

	connect_line(world);
	for (size_t i = 0; i < SIGNING_OPEN_MAX; i++) {
		all[i] = ask(world);
		assert_non_null(all[i]);
		unsent += !all[i]->is_sent;
	}
	assert_true(unsent > 0);
	assert_int_equal(answer_all(world), SIGNING_OPEN_MAX);
	for (size_t i = 0; i < SIGNING_OPEN_MAX; i++) {
		assert_true(all[i]->is_answered);
		assert_int_equal(signer_take(all[i], signature, sizeof(signature)), 2);
	}
	assert_false(signer_is_lost(&world->signer));
}

/* As when the kernel has no memory for it: nobody's answer tells that there is room again. */
static void what_finds_no_room_does_not_need_an_answer_to_others(void **state)
{
	struct world *world = *state;
	static const char others[256] = "";
	char bytes[256];
	uint64_t due_ms;
	struct signer_request *request;

	connect_line(world);
	while (send(world->signer.watch.fd, others, sizeof(others), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(signer_nearest(&world->signer), CLOCK_NEVER);
	request = ask(world);
	assert_false(request->is_sent);
	while (recv(world->keyholder_fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	due_ms = signer_nearest(&world->signer);
	assert_true(due_ms != CLOCK_NEVER);
	signer_tick(&world->signer, due_ms - 1);
	assert_false(request->is_sent);
	signer_tick(&world->signer, due_ms);
	assert_true(request->is_sent);
	assert_int_equal(signer_nearest(&world->signer), CLOCK_NEVER);
	assert_int_equal(answer_all(world), 1);
	assert_true(request->is_answered);
}

static void a_line_that_is_lost_is_told_of_once_and_the_next_one_has_all_questions(void **state)
{
	struct world *world = *state;
	struct signer_request *first, *second;

	assert_false(signer_is_lost(&world->signer)); /* there has been none yet */
	connect_line(world);
	first = ask(world);
	fd_close(&world->keyholder_fd);
	turn(world);
	assert_true(signer_is_lost(&world->signer));
	signer_told(&world->signer);
	second = ask(world);
	assert_false(signer_is_lost(&world->signer));
	connect_line(world);
	assert_int_equal(answer_all(world), 2);
	assert_true(first->is_answered && second->is_answered);
	assert_false(signer_is_lost(&world->signer));
}

static void a_line_that_could_not_be_taken_is_lost(void **state)
{
	struct world *world = *state;

	assert_true(signer_miss(&world->signer));
	assert_true(signer_is_lost(&world->signer));
	connect_line(world);
	assert_false(signer_miss(&world->signer)); /* it was something else */
	assert_false(signer_is_lost(&world->signer));
}

static void a_line_that_cannot_be_watched_is_lost(void **state)
{
	struct world *world = *state;
	int epoll_fd = world->loop.epoll_fd;

	world->loop.epoll_fd = -1;
	connect_line(world);
	world->loop.epoll_fd = epoll_fd;
	assert_true(signer_is_lost(&world->signer));
	connect_line(world);
	assert_false(signer_is_lost(&world->signer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_finds_no_room_is_sent_when_there_is_some,
			begin, end),
		cmocka_unit_test_setup_teardown(
			what_finds_no_room_does_not_need_an_answer_to_others, begin, end),
		cmocka_unit_test_setup_teardown(
			a_line_that_is_lost_is_told_of_once_and_the_next_one_has_all_questions,
			begin, end),
		cmocka_unit_test_setup_teardown(a_line_that_could_not_be_taken_is_lost, begin, end),
		cmocka_unit_test_setup_teardown(a_line_that_cannot_be_watched_is_lost, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
