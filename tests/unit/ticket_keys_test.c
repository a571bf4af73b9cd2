/* The keys of session tickets, as the arbiter writes them and workers read them. */
#include <errno.h>
#include <string.h>

#include "unit.h"

#include "base/ticket_keys.h"

static struct ticket_key key_of(uint64_t made_ms)
{
	struct ticket_key key = {.made_ms = made_ms};

	memset(key.name, (int)made_ms, sizeof(key.name));
	memset(key.cipher, (int)made_ms, sizeof(key.cipher));
	memset(key.mac, (int)made_ms, sizeof(key.mac));
	return key;
}

static void rotate(struct ticket_keys *keys, uint64_t made_ms)
{
	struct ticket_key key = key_of(made_ms);

	ticket_keys_rotate(keys, &key);
}

static void assert_key(const struct ticket_key *key, uint64_t made_ms)
{
	struct ticket_key wanted = key_of(made_ms);

	assert_memory_equal(key, &wanted, sizeof(wanted));
}

static void the_newest_comes_first_and_the_oldest_goes(void **state)
{
	struct ticket_keys keys = {0};
	struct ticket_ring ring;

	(void)state;
	for (uint64_t i = 1; i <= TICKET_KEYS + 2; i++)
		rotate(&keys, i);
	assert_int_equal(ticket_keys_read(&keys, &ring), 0);
	for (uint64_t i = 0; i < TICKET_KEYS; i++)
		assert_key(&ring.key[i], TICKET_KEYS + 2 - i);
}

static void a_ring_that_is_being_written_is_not_read(void **state)
{
	static const struct ticket_ring nothing;
	struct ticket_keys keys = {0};
	struct ticket_ring ring;

	(void)state;
	rotate(&keys, 1);
	atomic_store(&keys.sequence, atomic_load(&keys.sequence) + 1);
	assert_int_equal(ticket_keys_read(&keys, &ring), -EAGAIN);
	assert_memory_equal(&ring, &nothing, sizeof(ring));
}

static void who_was_ended_while_writing_is_succeeded(void **state)
{
	struct ticket_keys keys = {.sequence = 7};
	struct ticket_ring ring;

	(void)state;
	rotate(&keys, 1);
	assert_int_equal(ticket_keys_read(&keys, &ring), 0);
	assert_key(&ring.key[0], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_comes_first_and_the_oldest_goes),
		cmocka_unit_test(a_ring_that_is_being_written_is_not_read),
		cmocka_unit_test(who_was_ended_while_writing_is_succeeded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
