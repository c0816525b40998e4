// SPDX-License-Identifier: GPL-2.0
/*
 * Keys and operations on regions: who may touch what, and that exactly those bytes are touched, in
 * the order that programs rely on.
 */
#include <pthread.h>
#include <unistd.h>

#include <linux/align.h>
#include <linux/limits.h>

#include "mem_fake.h"
#include "mem_order.h"
#include "shim/shim.h"

#define IOVA	0x7000000010c5ULL

static void (*on_barrier)(void);

void mem_order_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (on_barrier)
		on_barrier();
}

static enum rxe_mem_err get_put(struct ib_pd *pd, u32 key, u64 iova, u64 len, int access)
{
	struct rxe_mr *mr = NULL;
	enum rxe_mem_err err = rxe_mem_get(pd, NULL, key, iova, len, access, &mr);

	CHECK_EQ(!mr, err != RXE_MEM_OK);
	if (mr)
		rxe_mem_put(mr);
	return err;
}

UNIT_CASE(range_check_does_not_wrap)
{
	struct rxe_mr mr = { .iova = IOVA, .length = 100 };

	CHECK(rxe_mr_covers(&mr, IOVA, 100));
	CHECK(rxe_mr_covers(&mr, IOVA + 99, 1));
	CHECK(rxe_mr_covers(&mr, IOVA + 100, 0));
	CHECK(!rxe_mr_covers(&mr, IOVA, 101));
	CHECK(!rxe_mr_covers(&mr, IOVA + 1, 100));
	CHECK(!rxe_mr_covers(&mr, IOVA - 1, 1));
	CHECK(!rxe_mr_covers(&mr, IOVA - 1, 101));
	CHECK(!rxe_mr_covers(&mr, IOVA + 101, 0));
	CHECK(!rxe_mr_covers(&mr, IOVA + 50, U64_MAX));
	CHECK(!rxe_mr_covers(&mr, IOVA + 50, U64_MAX - 49));
	CHECK(!rxe_mr_covers(&mr, U64_MAX, 1));
	CHECK(!rxe_mr_covers(&mr, 0, U64_MAX));

	/* At the top of the address space, and all of it. */
	mr = (struct rxe_mr) { .iova = U64_MAX - 9, .length = 10 };
	CHECK(rxe_mr_covers(&mr, U64_MAX, 1));
	CHECK(rxe_mr_covers(&mr, U64_MAX - 9, 10));
	CHECK(!rxe_mr_covers(&mr, U64_MAX, 2));
	CHECK(!rxe_mr_covers(&mr, 0, 1));
	mr = (struct rxe_mr) { .iova = 0, .length = U64_MAX };
	CHECK(rxe_mr_covers(&mr, 0, U64_MAX));
	CHECK(rxe_mr_covers(&mr, U64_MAX - 1, 1));
	CHECK(!rxe_mr_covers(&mr, U64_MAX, 1));
	CHECK(!rxe_mr_covers(&mr, 1, U64_MAX));
}

UNIT_CASE(keys)
{
	struct ib_pd other = { .device = &fake_dev.ib };
	struct rxe_mr *a, *b;
	u32 key, i;

	fake_begin();
	a = fake_mr(16, 3, IOVA, 100, ALL_ACCESS);
	b = fake_mr(16, 0, IOVA, 100, ALL_ACCESS);
	key = a->key;
	CHECK(a->key != b->key);
	CHECK_EQ(get_put(&fake_pd, key, IOVA, 100, 0), RXE_MEM_OK);
	for (i = 1; i < 256; i++)
		CHECK_EQ(get_put(&fake_pd, key ^ i, IOVA, 100, 0), RXE_MEM_KEY);
	for (i = 8; i < 32; i++)
		CHECK_EQ(get_put(&fake_pd, key ^ 1U << i, IOVA, 100, 0), RXE_MEM_KEY);
	CHECK_EQ(get_put(&fake_pd, 0, IOVA, 100, 0), RXE_MEM_KEY);
	CHECK_EQ(get_put(&fake_pd, U32_MAX, IOVA, 100, 0), RXE_MEM_KEY);
	/* A foreign key is no key, whatever else is wrong. */
	CHECK_EQ(get_put(&other, key, IOVA, 100, 0), RXE_MEM_KEY);
	CHECK_EQ(get_put(&other, key, IOVA, 101, 0), RXE_MEM_KEY);

	rxe_mr_destroy(a);
	CHECK_EQ(get_put(&fake_pd, key, IOVA, 100, 0), RXE_MEM_KEY);
	CHECK_EQ(get_put(&fake_pd, b->key, IOVA, 100, 0), RXE_MEM_OK);
	rxe_mr_destroy(b);
	fake_end();
}

UNIT_CASE(unpublished_key_is_no_key)
{
	struct rxe_mr *mr;

	fake_begin();
	mr = rxe_mr_alloc(&fake_pd, &fake_ops, IOVA, 100, 0);
	CHECK(!IS_ERR(mr));
	CHECK_EQ(get_put(&fake_pd, mr->key, IOVA, 1, 0), RXE_MEM_KEY);
	rxe_mr_publish(mr);
	CHECK_EQ(get_put(&fake_pd, mr->key, IOVA, 1, 0), RXE_MEM_OK);
	rxe_mr_destroy(mr);

	/* Given up before anybody saw it. */
	mr = rxe_mr_alloc(&fake_pd, &fake_ops, IOVA, 100, 0);
	CHECK(!IS_ERR(mr));
	rxe_mr_destroy(mr);
	fake_end();
}

UNIT_CASE(access_is_what_was_granted)
{
	int granted, wanted;
	struct rxe_mr *mr;

	fake_begin();
	for (granted = 0; granted <= ALL_ACCESS; granted++) {
		mr = fake_mr(16, 0, IOVA, 32, granted);
		for (wanted = 0; wanted <= ALL_ACCESS; wanted++) {
			unit_note("granted 0x%x, wanted 0x%x", granted, wanted);
			CHECK_EQ(get_put(&fake_pd, mr->key, IOVA, 32, wanted),
				 (wanted & granted) == wanted ? RXE_MEM_OK : RXE_MEM_ACCESS);
		}
		rxe_mr_destroy(mr);
	}
	fake_end();
}

UNIT_CASE(range_is_checked_with_the_key)
{
	struct rxe_mr *mr;

	fake_begin();
	mr = fake_mr(16, 5, IOVA, 100, ALL_ACCESS);
	CHECK_EQ(get_put(&fake_pd, mr->key, IOVA, 100, 0), RXE_MEM_OK);
	CHECK_EQ(get_put(&fake_pd, mr->key, IOVA + 99, 1, 0), RXE_MEM_OK);
	CHECK_EQ(get_put(&fake_pd, mr->key, IOVA, 101, 0), RXE_MEM_RANGE);
	CHECK_EQ(get_put(&fake_pd, mr->key, IOVA - 1, 1, 0), RXE_MEM_RANGE);
	CHECK_EQ(get_put(&fake_pd, mr->key, IOVA + 100, 1, 0), RXE_MEM_RANGE);
	CHECK_EQ(get_put(&fake_pd, mr->key, IOVA + 1, U64_MAX, 0), RXE_MEM_RANGE);
	/* No bytes lie anywhere; the key must be good all the same. */
	CHECK_EQ(get_put(&fake_pd, mr->key, 0, 0, 0), RXE_MEM_OK);
	CHECK_EQ(get_put(&fake_pd, mr->key, U64_MAX, 0, 0), RXE_MEM_OK);
	CHECK_EQ(get_put(&fake_pd, mr->key ^ 1, IOVA, 0, 0), RXE_MEM_KEY);
	/* Access comes before range, as for a reader of the errors. */
	rxe_mr_destroy(mr);
	mr = fake_mr(16, 5, IOVA, 100, 0);
	CHECK_EQ(get_put(&fake_pd, mr->key, IOVA, 101, IB_ACCESS_REMOTE_READ), RXE_MEM_ACCESS);
	CHECK_EQ(get_put(&fake_pd, mr->key, 0, 0, IB_ACCESS_REMOTE_READ), RXE_MEM_ACCESS);
	rxe_mr_destroy(mr);
	fake_end();
}

/* One read and one write of @len bytes at @at, compared byte for byte, guards on all sides. */
static void round_trip(struct rxe_mr *mr, u32 at, u32 len)
{
	struct fake *f = fake_of(mr);
	u64 seed = unit_rand();
	u8 *buf = malloc(len);
	u32 i, page;

	unit_note("page %u, offset %u, at %u, length %u, access 0x%x", f->page_bytes, f->off, at,
		  len, mr->access);
	CHECK_EQ(fake_read(mr, mr->iova + at, buf, len), RXE_MEM_OK);
	for (i = 0; i < len; i++)
		CHECK_EQ(buf[i], unit_byte(f->seed, f->off + at + i));
	fake_check(f, 0, 0, 0);
	for (page = 0; page < f->num; page++)
		CHECK(!f->dirty[page]);

	unit_fill(buf, len, seed);
	CHECK_EQ(fake_write(mr, mr->iova + at, buf, len), RXE_MEM_OK);
	fake_check(f, at, len, seed);
	for (page = 0; page < f->num; page++)
		CHECK_EQ(f->dirty[page],
			 len && page >= (f->off + at) / f->page_bytes &&
			 page <= (f->off + at + len - 1) / f->page_bytes);
	CHECK_EQ(f->out, 0);
	free(buf);
	fake_refill(f, unit_rand());
}

/* Every place and length over a few tiny pages, to the last byte of the region. */
UNIT_CASE(every_offset_and_length)
{
	u32 off, at, len;
	struct rxe_mr *mr;

	fake_begin();
	for (off = 0; off < 16; off++) {
		mr = fake_mr(16, off, IOVA + off, 71, ALL_ACCESS);
		for (at = 0; at <= 71; at++)
			for (len = 0; len <= 71 - at; len++)
				round_trip(mr, at, len);
		rxe_mr_destroy(mr);
	}
	fake_end();
}

/* Pages of several cache lines; both orders; around every line and page edge. */
UNIT_CASE(lines_and_pages)
{
	static const u32 page_bytes[] = { 64, 256, 4096 };
	u32 i, n, relaxed, length, at, len;
	struct rxe_mr *mr;

	fake_begin();
	for (i = 0; i < 3; i++) {
		for (relaxed = 0; relaxed < 2; relaxed++) {
			length = 3 * page_bytes[i] + 17;
			mr = fake_mr(page_bytes[i], unit_below(page_bytes[i]), IOVA, length,
				     ALL_ACCESS | (relaxed ? IB_ACCESS_RELAXED_ORDERING : 0));
			for (n = 0; n < 200; n++) {
				at = unit_below(length);
				len = 1 + unit_below(length - at);
				round_trip(mr, at, len);
				/* From and to an edge of a line, a byte before, a byte behind. */
				at = ALIGN_DOWN(at, 64) + 63 + n % 3;
				if (at < length)
					round_trip(mr, at, 1 + unit_below(length - at));
			}
			round_trip(mr, 0, length);
			rxe_mr_destroy(mr);
		}
	}
	fake_end();
}

UNIT_CASE(operations_check_the_range_again)
{
	struct rxe_atomic op = { .swap_add = 1 };
	u8 buf[200];
	u64 orig;
	struct rxe_mr *mr;

	fake_begin();
	mr = fake_mr(16, 0, 0x1000, 96, ALL_ACCESS);
	unit_fill(buf, sizeof(buf), 1);
	CHECK_EQ(fake_read(mr, 0x1000, buf, 97), RXE_MEM_RANGE);
	CHECK_EQ(fake_read(mr, 0xfff, buf, 1), RXE_MEM_RANGE);
	CHECK_EQ(fake_read(mr, U64_MAX, buf, 2), RXE_MEM_RANGE);
	CHECK_EQ(fake_write(mr, 0x1001, buf, 96), RXE_MEM_RANGE);
	CHECK_EQ(fake_write(mr, 0, buf, 1), RXE_MEM_RANGE);
	CHECK_EQ(fake_atomic(mr, 0x1000 + 96, &op, &orig), RXE_MEM_RANGE);
	CHECK_EQ(fake_atomic(mr, 0x1000 - 8, &op, &orig), RXE_MEM_RANGE);
	CHECK_EQ(unit_differs(buf, sizeof(buf), 1, 0), sizeof(buf));
	fake_check(fake_of(mr), 0, 0, 0);
	rxe_mr_destroy(mr);
	fake_end();
}

/* Where an access of all 90 bytes waits, and for how much, when page 3 is missing. */
static void check_miss(struct fake *f, u64 ahead, bool write)
{
	CHECK_EQ(f->missed, 0x1000 + 40);
	CHECK_EQ(f->ahead, ahead);
	CHECK_EQ(f->for_write, write);
}

/* A page that is missed is waited for, and the access done again from its first byte. */
UNIT_CASE(misses)
{
	struct rxe_atomic op = { .swap_add = 1 };
	struct rxe_mr *mr;
	struct fake *f;
	u8 buf[90];
	u64 orig;

	fake_begin();
	mr = fake_mr(16, 8, 0x1000, 90, ALL_ACCESS);
	f = fake_of(mr);
	f->miss = 3;
	unit_fill(buf, sizeof(buf), 7);
	fake_wait.ahead = 1000;
	CHECK_EQ(fake_write(mr, 0x1000, buf, sizeof(buf)), RXE_MEM_MISS);
	check_miss(f, 960, true);
	fake_wait.ahead = 0;
	CHECK_EQ(fake_read(mr, 0x1000, buf, sizeof(buf)), RXE_MEM_MISS);
	check_miss(f, 50, false);
	CHECK_EQ(fake_atomic(mr, 0x1000 + 40, &op, &orig), RXE_MEM_MISS);
	check_miss(f, 8, true);

	f->miss = -1;
	unit_fill(buf, sizeof(buf), 7);
	CHECK_EQ(fake_write(mr, 0x1000, buf, sizeof(buf)), RXE_MEM_OK);
	fake_check(f, 0, sizeof(buf), 7);
	CHECK_EQ(f->out, 0);
	rxe_mr_destroy(mr);
	fake_end();
}

/* A page that is not there ends the walk; what came before it stays, and nothing is left mapped. */
UNIT_CASE(faults)
{
	struct rxe_atomic op = { .swap_add = 1 };
	struct rxe_mr *mr;
	struct fake *f;
	u8 buf[90];
	u64 orig;

	fake_begin();
	mr = fake_mr(16, 8, 0x1000, 90, ALL_ACCESS);
	f = fake_of(mr);
	f->fault = 3;
	unit_fill(buf, sizeof(buf), 7);
	CHECK_EQ(fake_write(mr, 0x1000, buf, sizeof(buf)), RXE_MEM_FAULT);
	fake_check(f, 0, 40, 7);
	CHECK_EQ(f->out, 0);
	fake_refill(f, 9);
	CHECK_EQ(fake_read(mr, 0x1000, buf, sizeof(buf)), RXE_MEM_FAULT);
	CHECK_EQ(unit_differs(buf, 40, 9, 8), 40);
	CHECK_EQ(f->out, 0);
	/* Up to the page it works. */
	CHECK_EQ(fake_read(mr, 0x1000, buf, 40), RXE_MEM_OK);
	CHECK_EQ(fake_atomic(mr, 0x1000 + 40, &op, &orig), RXE_MEM_FAULT);
	CHECK_EQ(f->out, 0);
	fake_check(f, 0, 0, 0);
	rxe_mr_destroy(mr);
	fake_end();
}

/*
 * What the barrier hook compares with. Before the write, each byte is the complement of what it
 * will be, so that none is the same in both.
 */
static struct {
	struct fake *f;
	u32 at, len, word, seen, barriers;
	u64 seed;
	bool strict;
} order;

/* How many bytes from the front are new. In strict order, none behind them is. */
static u32 front(void)
{
	u32 pos = order.f->off + order.at, n, i;

	for (n = 0; n < order.len; n++)
		if (*fake_at(order.f, pos + n) != unit_byte(order.seed, n))
			break;
	for (i = n; order.strict && i < order.len; i++)
		CHECK_EQ(*fake_at(order.f, pos + i), (u8)~unit_byte(order.seed, i));
	return n;
}

/* May a barrier stand here: between lines, or before the word that ends the data or a page? */
static bool is_edge(u32 n)
{
	u32 place = (order.f->off + order.at + n) % order.f->page_bytes;

	return place % 64 == 0 || order.f->page_bytes - place <= 8 || n == order.len - order.word;
}

static void look(void)
{
	u32 n = front();

	order.barriers++;
	CHECK(n >= order.seen);
	CHECK(n <= order.len - order.word);
	if (order.strict && n != order.seen) {
		CHECK(n - order.seen <= 64);
		CHECK(is_edge(n));
	}
	order.seen = n;
}

/* The size of the word that ends the data: pages are aligned, so offsets tell. */
static u32 last_word(const struct rxe_mr *mr, u32 at, u32 len)
{
	u32 end = fake_of(mr)->off + at + len, in_page = (end - 1) % fake_of(mr)->page_bytes + 1;
	u32 word;

	for (word = 8; word > 1; word /= 2)
		if (word <= len && word <= in_page && end % word == 0)
			break;
	return word;
}

static void watch_write(struct rxe_mr *mr, u32 at, u32 len)
{
	u32 i, pos = fake_of(mr)->off + at;
	u8 *buf = malloc(len);

	order.f = fake_of(mr);
	order.at = at;
	order.len = len;
	order.word = last_word(mr, at, len);
	order.seen = 0;
	order.barriers = 0;
	order.seed = unit_rand();
	order.strict = !(mr->access & IB_ACCESS_RELAXED_ORDERING);
	unit_note("page %u, offset %u, at %u, length %u, word %u, access 0x%x",
		  order.f->page_bytes, order.f->off, at, len, order.word, mr->access);
	unit_fill(buf, len, order.seed);
	for (i = 0; i < len; i++)
		*fake_at(order.f, pos + i) = ~buf[i];

	on_barrier = look;
	CHECK_EQ(fake_write(mr, mr->iova + at, buf, len), RXE_MEM_OK);
	on_barrier = NULL;
	CHECK(order.barriers > 0);
	/* At the last barrier all was there but the word; now the word is, too. */
	CHECK_EQ(order.seen, len - order.word);
	CHECK_EQ(front(), len);
	free(buf);
}

static void watch_region(u32 page_bytes, u32 off, u32 length, int access)
{
	struct rxe_mr *mr = fake_mr(page_bytes, off, IOVA, length, access);
	u32 n, at, len;

	for (n = 0; n < 300; n++) {
		at = unit_below(length);
		len = 1 + unit_below(length - at);
		watch_write(mr, at, len);
	}
	for (len = 1; len <= 40; len++)
		for (at = 0; at < 24 && at + len <= length; at++)
			watch_write(mr, at, len);
	watch_write(mr, 0, length);
	rxe_mr_destroy(mr);
}

UNIT_CASE(writes_are_in_order)
{
	fake_begin();
	watch_region(16, 5, 90, ALL_ACCESS);
	watch_region(64, 11, 300, ALL_ACCESS);
	watch_region(256, 1, 1000, ALL_ACCESS);
	watch_region(4096, 4001, 9000, ALL_ACCESS);
	fake_end();
}

UNIT_CASE(relaxed_writes_end_with_the_last_word)
{
	int access = ALL_ACCESS | IB_ACCESS_RELAXED_ORDERING;

	fake_begin();
	watch_region(16, 5, 90, access);
	watch_region(64, 11, 300, access);
	watch_region(4096, 4001, 9000, access);
	fake_end();
}

static u64 word_at(struct rxe_mr *mr, u32 at)
{
	u64 word;

	CHECK_EQ(fake_read(mr, mr->iova + at, &word, 8), RXE_MEM_OK);
	return word;
}

UNIT_CASE(atomics)
{
	struct rxe_atomic op = {};
	struct rxe_mr *mr;
	u64 orig, before;
	u32 at;

	fake_begin();
	mr = fake_mr(16, 8, 0x1000, 80, ALL_ACCESS);
	for (at = 0; at < 80; at += 8) {
		unit_note("at %u", at);
		fake_refill(fake_of(mr), unit_rand());
		before = word_at(mr, at);

		op = (struct rxe_atomic) { .swap_add = unit_rand() };
		CHECK_EQ(fake_atomic(mr, 0x1000 + at, &op, &orig), RXE_MEM_OK);
		CHECK_EQ(orig, before);
		CHECK_EQ(word_at(mr, at), before + op.swap_add);
		before += op.swap_add;

		op = (struct rxe_atomic) {
			.kind = RXE_ATOMIC_SWAP,
			.compare = before ^ 1ULL << 63,
			.swap_add = unit_rand(),
		};
		CHECK_EQ(fake_atomic(mr, 0x1000 + at, &op, &orig), RXE_MEM_OK);
		CHECK_EQ(orig, before);
		CHECK_EQ(word_at(mr, at), before);

		op.compare = before;
		CHECK_EQ(fake_atomic(mr, 0x1000 + at, &op, &orig), RXE_MEM_OK);
		CHECK_EQ(orig, before);
		CHECK_EQ(word_at(mr, at), op.swap_add);
		CHECK(fake_of(mr)->dirty[(8 + at) / 16]);
		CHECK_EQ(fake_of(mr)->out, 0);

		/* The neighbours are as they were. */
		unit_fill(&before, 8, 0);
		memcpy(fake_at(fake_of(mr), 8 + at), &before, 8);
		fake_check(fake_of(mr), at, 8, 0);
	}
	/* The sum wraps. */
	op = (struct rxe_atomic) { .swap_add = -word_at(mr, 0) - 1 };
	CHECK_EQ(fake_atomic(mr, 0x1000, &op, &orig), RXE_MEM_OK);
	op.swap_add = 5;
	CHECK_EQ(fake_atomic(mr, 0x1000, &op, &orig), RXE_MEM_OK);
	CHECK_EQ(orig, U64_MAX);
	CHECK_EQ(word_at(mr, 0), 4);
	rxe_mr_destroy(mr);
	fake_end();
}

UNIT_CASE(atomics_must_be_aligned)
{
	struct rxe_atomic op = { .swap_add = 1 };
	struct rxe_mr *mr;
	u64 orig;
	u32 off;

	fake_begin();
	for (off = 0; off < 16; off++) {
		unit_note("offset %u", off);
		/* Aligned iova, memory anywhere; from 9 on, the word crosses into the next page. */
		mr = fake_mr(16, off, 0x1000, 64, ALL_ACCESS);
		CHECK_EQ(fake_atomic(mr, 0x1000, &op, &orig),
			 off % 8 ? RXE_MEM_ALIGN : RXE_MEM_OK);
		CHECK_EQ(fake_of(mr)->out, 0);
		if (off % 8)
			fake_check(fake_of(mr), 0, 0, 0);
		rxe_mr_destroy(mr);
		/* Unaligned iova, aligned memory. */
		if (off % 8 == 0)
			continue;
		mr = fake_mr(16, 0, 0x1000 + off, 64, ALL_ACCESS);
		CHECK_EQ(fake_atomic(mr, 0x1000 + off, &op, &orig), RXE_MEM_ALIGN);
		fake_check(fake_of(mr), 0, 0, 0);
		rxe_mr_destroy(mr);
	}
	fake_end();
}

#define ROUNDS	2000000

/* Threads that are not done. */
static int running;

/* A sum by compare and swap: lost updates would be missing from it. */
static void *swap_many(void *arg)
{
	struct rxe_atomic op = { .kind = RXE_ATOMIC_SWAP };
	struct rxe_mr *mr = arg;
	u64 orig = 0;
	u32 i;

	for (i = 0; i < ROUNDS; i++) {
		do {
			op.compare = orig;
			op.swap_add = orig + 3;
			CHECK_EQ(fake_atomic(mr, mr->iova + 8, &op, &orig), RXE_MEM_OK);
		} while (orig != op.compare);
	}
	__atomic_fetch_sub(&running, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *add_many(void *arg)
{
	struct rxe_atomic op = { .swap_add = 3 };
	struct rxe_mr *mr = arg;
	u64 orig, last = 0;
	u32 i;

	for (i = 0; i < ROUNDS; i++) {
		CHECK_EQ(fake_atomic(mr, mr->iova + 8, &op, &orig), RXE_MEM_OK);
		CHECK(!i || orig > last);
		last = orig;
	}
	__atomic_fetch_sub(&running, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* The same memory under two keys, and the program itself, all at once. */
UNIT_CASE(atomics_are_atomic)
{
	struct rxe_mr *a, *b;
	u64 *word, n, zero = 0;
	pthread_t thread[3];
	struct fake *fb;
	u32 i;

	fake_begin();
	a = fake_mr(16, 0, 0x1000, 32, ALL_ACCESS);
	b = fake_mr(16, 0, 0x2000, 32, ALL_ACCESS);
	fb = fake_of(b);
	b->umem = a->umem;
	CHECK_EQ(fake_write(a, 0x1008, &zero, 8), RXE_MEM_OK);
	word = (u64 *)fake_at(fake_of(a), 8);
	fake_of(a)->out = 0;
	running = 3;
	pthread_create(&thread[0], NULL, add_many, a);
	pthread_create(&thread[1], NULL, add_many, b);
	pthread_create(&thread[2], NULL, swap_many, b);
	for (n = 0; __atomic_load_n(&running, __ATOMIC_SEQ_CST); n++)
		__atomic_fetch_add(word, 3, __ATOMIC_SEQ_CST);
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	CHECK_EQ(*word, 3 * (n + 3ULL * ROUNDS));

	/* The backend's own account is not made for threads. */
	fake_of(a)->out = 0;
	b->umem = (struct ib_umem *)fb;
	rxe_mr_destroy(a);
	rxe_mr_destroy(b);
	fake_end();
}

static bool destroyed;

static void *destroy(void *arg)
{
	rxe_mr_destroy(arg);
	__atomic_store_n(&destroyed, true, __ATOMIC_SEQ_CST);
	return NULL;
}

UNIT_CASE(destroy_waits_for_users)
{
	struct rxe_mr *mr, *held;
	pthread_t thread;
	u8 buf[32];
	u32 key;

	fake_begin();
	mr = fake_mr(16, 4, IOVA, 32, ALL_ACCESS);
	key = mr->key;
	CHECK_EQ(rxe_mem_get(&fake_pd, NULL, key, IOVA, 32, 0, &held), RXE_MEM_OK);
	CHECK(held == mr);
	pthread_create(&thread, NULL, destroy, mr);
	/* First nobody finds it any more; who has it, keeps it. */
	while (get_put(&fake_pd, key, IOVA, 32, 0) == RXE_MEM_OK)
		usleep(100);
	usleep(50000);
	CHECK(!__atomic_load_n(&destroyed, __ATOMIC_SEQ_CST));
	CHECK_EQ(fake_read(held, IOVA, buf, 32), RXE_MEM_OK);
	CHECK_EQ(unit_differs(buf, 32, fake_of(held)->seed, 4), 32);
	rxe_mem_put(held);
	pthread_join(thread, NULL);
	CHECK(destroyed);
	fake_end();
}

UNIT_CASE(no_memory)
{
	struct rxe_mr *mr;
	unsigned long n;

	fake_begin();
	for (n = 1; ; n++) {
		shim_fail_nth(n);
		mr = rxe_mr_alloc(&fake_pd, &fake_ops, IOVA, 100, 0);
		if (shim_fail_pending())
			break;
		unit_note("allocation %lu", n);
		CHECK_EQ(PTR_ERR(mr), -ENOMEM);
	}
	shim_fail_nth(0);
	CHECK(n > 2);
	CHECK(!IS_ERR(mr));
	rxe_mr_destroy(mr);
	fake_end();
}
