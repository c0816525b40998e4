// SPDX-License-Identifier: GPL-2.0
/*
 * The shared ring, with the test as the process on its other side: what it may write there, and
 * what it may not achieve by it.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include <linux/array_size.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include <rdma/rdma_user_rxe.h>

#include "../../drivers/infiniband/sw/rxe/base/ring.h"
#include "shim/shim.h"
#include "unit.h"

#define SEED	0x717

/* What a hostile process may find it amusing to store in an index. */
static const u32 wild[] = {
	0, 1, 6, 7, 8, 9, 0x7fffffff, 0x80000000, 0x80000007, 0xfffffff8, 0xffffffff,
};

static void make(struct rxe_ring *ring, u32 slots, u32 elem_size)
{
	CHECK_EQ(rxe_ring_init(ring, slots, elem_size), 0);
}

UNIT_CASE(geometry)
{
	static const struct {
		u32 slots, elem, want_slots, want_elem;
	} rows[] = {
		{ 0, 0, 2, 64 }, { 1, 1, 2, 64 }, { 2, 63, 2, 64 }, { 3, 64, 4, 64 },
		{ 4, 65, 4, 128 }, { 5, 127, 8, 128 }, { 17, 129, 32, 256 },
		{ 4097, 1232, 8192, 2048 },
	};
	struct rxe_ring ring;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		unit_note("row %zu", i);
		make(&ring, rows[i].slots, rows[i].elem);
		CHECK_EQ(ring.mask, rows[i].want_slots - 1);
		CHECK_EQ(1U << ring.shift, rows[i].want_elem);
		CHECK_EQ(ring.own, 0);
		CHECK_EQ(ring.buf->index_mask, ring.mask);
		CHECK_EQ(ring.buf->log2_elem_size, ring.shift);
		CHECK_EQ(rxe_ring_bytes(&ring),
			 PAGE_ALIGN(384 + rows[i].want_slots * rows[i].want_elem));
		rxe_ring_free(&ring);
		CHECK(!ring.buf);
		rxe_ring_free(&ring);
	}
}

UNIT_CASE(too_large_is_refused)
{
	static const u32 sizes[][2] = {
		{ 0xffffffff, 64 }, { 2, 0xffffffff }, { 0xffffffff, 0xffffffff },
		{ 1U << 31, 64 }, { 1U << 26, 64 }, { (1U << 25) + 1, 64 }, { 2, (1U << 30) + 1 },
	};
	unsigned long before = shim_calls();
	struct rxe_ring ring;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unit_note("%u slots of %u", sizes[i][0], sizes[i][1]);
		CHECK_EQ(rxe_ring_init(&ring, sizes[i][0], sizes[i][1]), -EINVAL);
	}
	CHECK_EQ(shim_calls(), before);
}

UNIT_CASE(no_memory)
{
	struct rxe_ring ring;

	shim_fail_nth(1);
	CHECK_EQ(rxe_ring_init(&ring, 8, 64), -ENOMEM);
	CHECK(!ring.buf);
}

/* If two overlapped, or one left the memory, the data or the sanitizer would tell. */
UNIT_CASE(elements_are_apart)
{
	struct rxe_ring ring;
	u32 i;

	make(&ring, 13, 100);
	for (i = 0; i <= ring.mask; i++)
		unit_fill(rxe_ring_elem(&ring, i), 1U << ring.shift, SEED + i);
	for (i = 0; i <= ring.mask; i++) {
		unit_note("element %u", i);
		CHECK_EQ(unit_differs(rxe_ring_elem(&ring, i), 1U << ring.shift, SEED + i, 0),
			 1U << ring.shift);
		CHECK(rxe_ring_elem(&ring, i) == ring.buf->data + (i << ring.shift));
	}
	CHECK_EQ(ring.buf->index_mask, ring.mask);
	rxe_ring_free(&ring);
}

UNIT_CASE(wild_indices_are_masked)
{
	struct rxe_ring ring;
	size_t i;

	make(&ring, 8, 64);
	for (i = 0; i < ARRAY_SIZE(wild); i++) {
		unit_note("index 0x%x", wild[i]);
		ring.buf->producer_index = wild[i];
		ring.buf->consumer_index = ~wild[i];
		CHECK_EQ(rxe_ring_user_producer(&ring), wild[i] % 8);
		CHECK_EQ(rxe_ring_user_consumer(&ring), ~wild[i] % 8);
		CHECK(rxe_ring_elem(&ring, wild[i]) == rxe_ring_elem(&ring, wild[i] % 8));
	}
	rxe_ring_free(&ring);
}

UNIT_CASE(geometry_in_shared_memory_is_not_believed)
{
	struct rxe_ring ring;
	size_t bytes;

	make(&ring, 8, 64);
	bytes = rxe_ring_bytes(&ring);
	unit_fill(ring.buf, sizeof(*ring.buf), SEED);
	CHECK_EQ(rxe_ring_bytes(&ring), bytes);
	CHECK(rxe_ring_elem(&ring, 0xffffffff) == ring.buf->data + 7 * 64);
	CHECK(ring.buf->index_mask != ring.mask);
	CHECK_EQ(rxe_ring_user_producer(&ring), ring.buf->producer_index % 8);
	rxe_ring_publish_producer(&ring, 3);
	CHECK_EQ(ring.own, 3);
	rxe_ring_free(&ring);
}

UNIT_CASE(published_indices_are_masked_and_ours)
{
	struct rxe_ring ring;
	size_t i;

	make(&ring, 8, 64);
	for (i = 0; i < ARRAY_SIZE(wild); i++) {
		unit_note("index 0x%x", wild[i]);
		rxe_ring_publish_producer(&ring, wild[i]);
		CHECK_EQ(ring.buf->producer_index, wild[i] % 8);
		CHECK_EQ(ring.own, wild[i] % 8);
		rxe_ring_publish_consumer(&ring, ~wild[i]);
		CHECK_EQ(ring.buf->consumer_index, ~wild[i] % 8);
		CHECK_EQ(ring.own, ~wild[i] % 8);
		CHECK_EQ(ring.buf->producer_index, wild[i] % 8);
	}
	rxe_ring_free(&ring);
}

/*
 * Two threads, a ring of few slots, many times around. The process fills an element and publishes
 * it, or waits for the consumer index, as librxe does. TRANSFERS elements, each its own data.
 */
#define TRANSFERS	20000
#define ELEM		64

static void *process_fills(void *arg)
{
	struct rxe_queue_buf *buf = ((struct rxe_ring *)arg)->buf;
	u32 mask = buf->index_mask, at = 0, n;

	for (n = 0; n < TRANSFERS; n++) {
		while (__atomic_load_n(&buf->consumer_index, __ATOMIC_ACQUIRE) == ((at + 1) & mask))
			sched_yield();
		unit_fill(buf->data + at * ELEM, ELEM, SEED + n);
		at = (at + 1) & mask;
		__atomic_store_n(&buf->producer_index, at, __ATOMIC_RELEASE);
	}
	return NULL;
}

UNIT_CASE(kernel_consumes)
{
	struct rxe_ring ring;
	pthread_t thread;
	u32 n;

	make(&ring, 4, ELEM);
	CHECK_EQ(pthread_create(&thread, NULL, process_fills, &ring), 0);
	for (n = 0; n < TRANSFERS; n++) {
		unit_note("element %u", n);
		while (rxe_ring_user_producer(&ring) == ring.own)
			sched_yield();
		CHECK_EQ(unit_differs(rxe_ring_elem(&ring, ring.own), ELEM, SEED + n, 0), ELEM);
		rxe_ring_publish_consumer(&ring, ring.own + 1);
	}
	pthread_join(thread, NULL);
	rxe_ring_free(&ring);
}

/* What the process read; it cannot fail the case from its thread. */
static u32 process_good;

static void *process_empties(void *arg)
{
	struct rxe_queue_buf *buf = ((struct rxe_ring *)arg)->buf;
	u32 mask = buf->index_mask, at = 0, n;

	for (n = 0; n < TRANSFERS; n++) {
		while (__atomic_load_n(&buf->producer_index, __ATOMIC_ACQUIRE) == at)
			sched_yield();
		if (unit_differs(buf->data + at * ELEM, ELEM, SEED + n, 0) == ELEM)
			process_good++;
		at = (at + 1) & mask;
		__atomic_store_n(&buf->consumer_index, at, __ATOMIC_RELEASE);
	}
	return NULL;
}

UNIT_CASE(kernel_produces)
{
	struct rxe_ring ring;
	pthread_t thread;
	u32 n, next;

	make(&ring, 4, ELEM);
	CHECK_EQ(pthread_create(&thread, NULL, process_empties, &ring), 0);
	for (n = 0; n < TRANSFERS; n++) {
		next = (ring.own + 1) & ring.mask;
		while (rxe_ring_user_consumer(&ring) == next)
			sched_yield();
		unit_fill(rxe_ring_elem(&ring, ring.own), ELEM, SEED + n);
		rxe_ring_publish_producer(&ring, next);
	}
	pthread_join(thread, NULL);
	CHECK_EQ(process_good, TRANSFERS);
	rxe_ring_free(&ring);
}
