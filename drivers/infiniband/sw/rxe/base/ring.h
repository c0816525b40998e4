/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The index ring that kernel and user space share (struct rxe_queue_buf of the user ABI): a header
 * with the geometry and two indices, then the elements.
 *
 * Each index has one writer. SQ and RQ: user space writes the producer index, the kernel the
 * consumer index; CQ: the other way round. The other side's index may hold anything at any time: it
 * is masked when read and never trusted beyond that. Our own index, mask and element size are
 * private copies; what stands in the header of them is for the reader's eyes only.
 *
 * Barriers: our acquire load of the other side's index pairs with its release store after it
 * filled (producer) or emptied (consumer) an element; our release store pairs with its acquire.
 */
#ifndef RXE_BASE_RING_H
#define RXE_BASE_RING_H

#include <linux/types.h>

struct rxe_mmap;
struct rxe_queue_buf;

/**
 * struct rxe_ring - the kernel's view of a shared ring
 * @buf: shared memory, from vmalloc_user(); NULL when there is no ring
 * @map: how user space finds it
 * @mask: slots - 1
 * @shift: log2 of the element size in bytes
 * @own: our index, masked; written back to the shared header by the publish calls only
 */
struct rxe_ring {
	struct rxe_queue_buf *buf;
	struct rxe_mmap *map;
	u32 mask;
	u32 shift;
	u32 own;
};

/**
 * rxe_ring_init() - allocate a ring
 * @ring: the result
 * @slots: least number of slots; rounded up to a power of two
 * @elem_size: bytes of an element; rounded up to a power of two, at least 64
 *
 * One slot always stays empty (full: producer + 1 == consumer), so @slots is the capacity + 1.
 *
 * Context: process, may sleep.
 * Return: 0, -ENOMEM, or -EINVAL when it cannot be addressed.
 */
int rxe_ring_init(struct rxe_ring *ring, u32 slots, u32 elem_size);

/* Bytes to map, whole pages. */
size_t rxe_ring_bytes(const struct rxe_ring *ring);

/* Free the memory of a ring that was never mapped; NULL-safe. Sleeps. */
void rxe_ring_free(struct rxe_ring *ring);

/* Element @index, masked here. */
void *rxe_ring_elem(const struct rxe_ring *ring, u32 index);

/* The producer index as user space last published it, masked. */
u32 rxe_ring_user_producer(const struct rxe_ring *ring);

/* The consumer index as user space last published it, masked. */
u32 rxe_ring_user_consumer(const struct rxe_ring *ring);

/* Store our index as consumer: the elements before it may be filled again. */
void rxe_ring_publish_consumer(struct rxe_ring *ring, u32 index);

/* Store our index as producer: the elements before it may be read. */
void rxe_ring_publish_producer(struct rxe_ring *ring, u32 index);

#endif
