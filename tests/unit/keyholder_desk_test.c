/* Who is cut off by the key holder, and who is not: neither load nor lateness is an offence. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/channel.h"
#include "base/fd.h"
#include "service/keyholder_desk.h"

#define VERIFY_SIZE 130
#define ANSWERS 5000 /* more than both sockets have room for when one reads none */

struct world {
	struct loop loop;
	struct log log;
	struct keyholder_keys keys;
	struct keyholder_desk desk;
	int arbiter_fd, channel_fd;
};

static int begin(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->log = (struct log){.fd = open("/dev/null", O_WRONLY | O_CLOEXEC)};
	world->keys =
		(struct keyholder_keys){.all = calloc(1, sizeof(*world->keys.all)), .count = 1};
	assert_non_null(world->keys.all);
	world->keys.all[0] = (struct keyholder_key){
		.facts = {.kind = "EC", .bits = 256},
		.key = EVP_EC_gen("P-256"),
	};
	assert_int_equal(loop_open(&world->loop), 0);
	assert_int_equal(channel_pair(&world->arbiter_fd, &world->channel_fd), 0);
	keyholder_desk_open(&world->desk, &world->keys, &world->loop, &world->log,
		world->channel_fd);
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	keyholder_desk_close(&world->desk);
	loop_close(&world->loop);
	fd_close(&world->arbiter_fd);
	fd_close(&world->channel_fd);
	fd_close(&world->log.fd);
	keyholder_keys_close(&world->keys);
	free(world);
	return 0;
}

static int admit(struct world *world, const char *pid)
{
	int own_fd, other_fd;

	assert_int_equal(channel_pair(&own_fd, &other_fd), 0);
	keyholder_desk_admit(&world->desk, &other_fd, pid);
	assert_int_equal(other_fd, -1);
	return own_fd;
}

static void turn(struct world *world)
{
	(void)loop_wait(&world->loop, 0);
	loop_dispatch(&world->loop);
}

static bool ask(int fd, uint32_t id)
{
	unsigned char message[VERIFY_SIZE], bytes[SIGNING_QUESTION_MAX];
	const struct signing_question question = {
		.id = id,
		.scheme = signing_scheme_of("EC", "SHA256", false),
		.message = message,
		.size = sizeof(message),
	};

	memset(message, ' ', 64);
	memcpy(message + 64, "TLS 1.3, server CertificateVerify", 34);
	memset(message + 98, 0xab, 32);
	return send(fd, bytes, signing_ask(&question, bytes), MSG_DONTWAIT) > 0;
}

/* The answer that is there has that number, and is a signature. */
static bool is_answered(int fd, uint32_t id)
{
	unsigned char bytes[SIGNING_ANSWER_MAX];
	struct signing_answer answer;
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	return n > 0 && signing_answer_read(bytes, (size_t)n, &answer) && answer.id == id &&
	       answer.size != 0;
}

static bool is_cut_off(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static bool is_reported(struct world *world, const char *pid)
{
	struct message message;

	return channel_receive(world->arbiter_fd, CHANNEL_WORKER, &message) == 1 &&
	       message.type == MESSAGE_REFUSED && strcmp(message.payload, pid) == 0;
}

static void who_asks_what_no_server_asks_is_cut_off_and_reported(void **state)
{
	struct world *world = *state;
	int good_fd = admit(world, "17"), bad_fd = admit(world, "4321");

	assert_int_equal(send(bad_fd, "x", 1, 0), 1);
	turn(world);
	assert_true(is_cut_off(bad_fd));
	assert_true(is_reported(world, "4321"));
	assert_false(is_reported(world, "4321"));
	assert_true(ask(good_fd, 1));
	turn(world);
	assert_true(is_answered(good_fd, 1));
	fd_close(&bad_fd);
	fd_close(&good_fd);
}

static void who_gets_another_line_has_the_one_before_no_more(void **state)
{
	struct world *world = *state;
	int other_fd = admit(world, "2"), first_fd = admit(world, "1"), second_fd;

	second_fd = admit(world, "1");
	assert_true(is_cut_off(first_fd));
	assert_true(ask(second_fd, 2));
	assert_true(ask(other_fd, 3));
	turn(world);
	assert_true(is_answered(second_fd, 2));
	assert_true(is_answered(other_fd, 3));
	assert_false(is_reported(world, "1"));
	fd_close(&first_fd);
	fd_close(&second_fd);
	fd_close(&other_fd);
}

static void who_reads_late_is_not_cut_off_and_misses_nothing(void **state)
{
	struct world *world = *state;
	int late_fd = admit(world, "1"), other_fd = admit(world, "2");
	uint32_t asked = 0, answered = 0;

	while (asked < ANSWERS && ask(late_fd, asked)) {
		asked++;
		turn(world);
	}
	assert_int_equal(loop_wait(&world->loop, 0), 0); /* it does not turn in vain meanwhile */
	assert_true(asked > 0 && asked < ANSWERS);
	assert_true(ask(other_fd, 7));
	turn(world);
	assert_true(is_answered(other_fd, 7));
	while (is_answered(late_fd, answered)) {
		answered++;
		turn(world);
	}
	assert_int_equal(answered, asked);
	assert_true(ask(late_fd, 9));
	turn(world);
	assert_true(is_answered(late_fd, 9));
	assert_false(is_reported(world, "1"));
	fd_close(&late_fd);
	fd_close(&other_fd);
}

static void who_leaves_with_answers_untaken_is_forgotten(void **state)
{
	struct world *world = *state;
	int fd = admit(world, "1");
	uint32_t asked = 0;

	while (asked < ANSWERS && ask(fd, asked)) {
		asked++;
		turn(world);
	}
	fd_close(&fd);
	turn(world);
	assert_null(world->desk.first);
	assert_false(is_reported(world, "1"));
}

static void who_cannot_be_admitted_hears_it(void **state)
{
	struct world *world = *state;
	int epoll_fd = world->loop.epoll_fd, fd;

	fd = admit(world, "nobody");
	assert_true(is_cut_off(fd));
	fd_close(&fd);
	world->loop.epoll_fd = -1;
	fd = admit(world, "1");
	world->loop.epoll_fd = epoll_fd;
	assert_true(is_cut_off(fd));
	assert_null(world->desk.first);
	fd_close(&fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_gets_another_line_has_the_one_before_no_more,
			begin, end),
		cmocka_unit_test_setup_teardown(
			who_asks_what_no_server_asks_is_cut_off_and_reported, begin, end),
		cmocka_unit_test_setup_teardown(who_reads_late_is_not_cut_off_and_misses_nothing,
			begin, end),
		cmocka_unit_test_setup_teardown(who_leaves_with_answers_untaken_is_forgotten, begin,
			end),
		cmocka_unit_test_setup_teardown(who_cannot_be_admitted_hears_it, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
