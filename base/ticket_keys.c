#include "base/ticket_keys.h"

#include <errno.h>
#include <string.h>

/* To write takes some 100 ns. */
#define LOOKS 1000

/* A sequence lock of one writer: what is read between two looks at the same even number is whole.
 */
void ticket_keys_rotate(struct ticket_keys *keys, const struct ticket_key *fresh)
{
	struct ticket_ring *ring = &keys->ring;
	/* Odd already, if an image before this one was ended in the middle. */
	uint32_t sequence = atomic_load(&keys->sequence) | 1;

	atomic_store_explicit(&keys->sequence, sequence, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memmove(&ring->key[1], &ring->key[0], sizeof(ring->key) - sizeof(ring->key[0]));
	ring->key[0] = *fresh;
	atomic_store_explicit(&keys->sequence, sequence + 1, memory_order_release);
}

int ticket_keys_read(const struct ticket_keys *keys, struct ticket_ring *ring)
{
	for (int i = 0; i < LOOKS; i++) {
		uint32_t sequence = atomic_load_explicit(&keys->sequence, memory_order_acquire);

		*ring = keys->ring;
		atomic_thread_fence(memory_order_acquire);
		if (sequence % 2 == 0 &&
			atomic_load_explicit(&keys->sequence, memory_order_relaxed) == sequence)
			return 0;
	}
	explicit_bzero(ring, sizeof(*ring));
	return -EAGAIN;
}
