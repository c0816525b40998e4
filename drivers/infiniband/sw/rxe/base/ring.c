// SPDX-License-Identifier: GPL-2.0
/*
 * The index ring in memory shared with a process. Everything in it can change under our hands at
 * any time, so the geometry is kept in struct rxe_ring and an index that is read is masked at once:
 * an element's address always lies within the allocation.
 */
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include <rdma/rdma_user_rxe.h>

#include <asm/barrier.h>

#include "ring.h"

#define MIN_ELEM_SIZE	64
/* User space is told the size in 32 bits, and the header adds to the elements. */
#define MAX_BYTES_SHIFT	31

int rxe_ring_init(struct rxe_ring *ring, u32 slots, u32 elem_size)
{
	u32 elem_shift = order_base_2(max_t(u32, elem_size, MIN_ELEM_SIZE));
	u32 slots_shift = order_base_2(max_t(u32, slots, 2));

	if (elem_shift + slots_shift > MAX_BYTES_SHIFT)
		return -EINVAL;
	ring->mask = (1U << slots_shift) - 1;
	ring->shift = elem_shift;
	ring->own = 0;
	ring->map = NULL;
	/* A program may have many and large ones, so they are charged to its memory cgroup. */
	ring->buf = __vmalloc(rxe_ring_bytes(ring), GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!ring->buf)
		return -ENOMEM;
	ring->buf->log2_elem_size = elem_shift;
	ring->buf->index_mask = ring->mask;
	return 0;
}

size_t rxe_ring_bytes(const struct rxe_ring *ring)
{
	return PAGE_ALIGN(sizeof(*ring->buf) + (((size_t)ring->mask + 1) << ring->shift));
}

void rxe_ring_free(struct rxe_ring *ring)
{
	vfree(ring->buf);
	ring->buf = NULL;
}

void *rxe_ring_elem(const struct rxe_ring *ring, u32 index)
{
	return ring->buf->data + ((size_t)(index & ring->mask) << ring->shift);
}

u32 rxe_ring_user_producer(const struct rxe_ring *ring)
{
	/* Pairs with the program's release store after it filled the elements. */
	return smp_load_acquire(&ring->buf->producer_index) & ring->mask;
}

u32 rxe_ring_user_consumer(const struct rxe_ring *ring)
{
	/* Pairs with the program's release store after it read the elements. */
	return smp_load_acquire(&ring->buf->consumer_index) & ring->mask;
}

void rxe_ring_publish_consumer(struct rxe_ring *ring, u32 index)
{
	ring->own = index & ring->mask;
	/* Pairs with the program's acquire load before it fills the elements again. */
	smp_store_release(&ring->buf->consumer_index, ring->own);
}

void rxe_ring_publish_producer(struct rxe_ring *ring, u32 index)
{
	ring->own = index & ring->mask;
	/* Pairs with the program's acquire load before it reads the elements. */
	smp_store_release(&ring->buf->producer_index, ring->own);
}
