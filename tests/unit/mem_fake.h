/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the suites of the memory room: a device with a table of keys, and a backend whose pages are
 * heap blocks of any size, so that the sanitizer sees the first byte too far. All of a region's
 * pages are filled with a pattern; what lies before and behind the region in them is its guard.
 */
#ifndef MEM_FAKE_H
#define MEM_FAKE_H

#include <stdlib.h>
#include <string.h>

#include <linux/err.h>

#include "../../drivers/infiniband/sw/rxe/base/dev.h"
#include "../../drivers/infiniband/sw/rxe/mem/mr.h"
#include "unit.h"

#define ALL_ACCESS	(IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_READ | \
			 IB_ACCESS_REMOTE_ATOMIC)

/**
 * struct fake - memory behind a region
 * @page_bytes: size of a page
 * @off: where in the first page the region begins
 * @num: pages
 * @pages: each a block of its own
 * @dirty: pages that were asked for to be written
 * @fault: page that is not there, or -1
 * @miss: page that has to be waited for, or -1
 * @missed: where the latest access missed
 * @ahead: bytes that it said it would touch
 * @for_write: it was going to write
 * @out: chunks not given back
 * @seed: of the pattern, whose position 0 is the first byte of the first page
 */
struct fake {
	u32 page_bytes;
	u32 off;
	u32 num;
	u8 **pages;
	bool *dirty;
	int fault;
	int miss;
	u64 missed;
	u64 ahead;
	bool for_write;
	int out;
	u64 seed;
};

/* What persist.c does to the machine: the latest pieces that were written back. */
static u8 *fake_back_at;
static u32 fake_back_bytes;
static bool fake_back_lasts;

void rxe_mr_write_back(struct rxe_mr *mr, const struct rxe_chunk *chunk)
{
	fake_back_at = chunk->kva;
	fake_back_bytes += chunk->len;
	fake_back_lasts = chunk->lasts;
}

static inline struct fake *fake_of(const struct rxe_mr *mr)
{
	return (struct fake *)mr->umem;
}

static inline enum rxe_mem_err fake_chunk(struct rxe_mr *mr, u64 iova, bool write,
					  struct rxe_chunk *chunk)
{
	struct fake *f = fake_of(mr);
	u64 pos = iova - mr->iova + f->off;
	u32 page = pos / f->page_bytes, in_page = pos % f->page_bytes;

	CHECK(chunk->len > 0);
	CHECK(page < f->num);
	if ((int)page == f->fault)
		return RXE_MEM_FAULT;
	if ((int)page == f->miss)
		return RXE_MEM_MISS;
	f->out++;
	f->dirty[page] |= write;
	chunk->kva = f->pages[page] + in_page;
	if (chunk->len > f->page_bytes - in_page)
		chunk->len = f->page_bytes - in_page;
	return RXE_MEM_OK;
}

static inline void fake_done(struct rxe_mr *mr, struct rxe_chunk *chunk)
{
	fake_of(mr)->out--;
}

/* Who waits; no access that hits looks at it. */
static struct rxe_mem_wait fake_wait;

static inline enum rxe_mem_err fake_begin_wait(struct rxe_mr *mr, u64 iova, u64 ahead, bool write,
					       struct rxe_mem_wait *wait)
{
	struct fake *f = fake_of(mr);

	CHECK(wait == &fake_wait);
	CHECK_EQ(f->out, 0);
	f->missed = iova;
	f->ahead = ahead;
	f->for_write = write;
	return RXE_MEM_MISS;
}

static inline void fake_destroy(struct rxe_mr *mr)
{
	struct fake *f = fake_of(mr);
	u32 i;

	if (!f)
		return;
	CHECK_EQ(f->out, 0);
	for (i = 0; i < f->num; i++)
		free(f->pages[i]);
	free(f->pages);
	free(f->dirty);
	free(f);
}

static const struct rxe_mr_ops fake_ops = {
	.chunk = fake_chunk,
	.done = fake_done,
	.wait = fake_begin_wait,
	.destroy = fake_destroy,
};

static struct rxe_dev fake_dev;
static struct ib_pd fake_pd = { .device = &fake_dev.ib };

static inline void fake_begin(void)
{
	rxe_idtab_init(&fake_dev.mrs, 1, 0xffffff);
}

static inline void fake_end(void)
{
	rxe_idtab_destroy(&fake_dev.mrs);
}

static inline enum rxe_mem_err fake_read(struct rxe_mr *mr, u64 iova, void *buf, u32 len)
{
	return rxe_mem_read(mr, iova, buf, len, &fake_wait);
}

static inline enum rxe_mem_err fake_write(struct rxe_mr *mr, u64 iova, const void *buf, u32 len)
{
	return rxe_mem_write(mr, iova, buf, len, &fake_wait);
}

static inline enum rxe_mem_err fake_atomic(struct rxe_mr *mr, u64 iova, const struct rxe_atomic *op,
					   u64 *orig)
{
	return rxe_mem_atomic(mr, iova, op, orig, &fake_wait);
}

/* Byte @pos of the pages, guards included. */
static inline u8 *fake_at(struct fake *f, u32 pos)
{
	return f->pages[pos / f->page_bytes] + pos % f->page_bytes;
}

static inline u32 fake_bytes(const struct fake *f)
{
	return f->num * f->page_bytes;
}

static inline void fake_refill(struct fake *f, u64 seed)
{
	u32 pos;

	f->seed = seed;
	for (pos = 0; pos < fake_bytes(f); pos++)
		*fake_at(f, pos) = unit_byte(seed, pos);
	memset(f->dirty, 0, f->num * sizeof(*f->dirty));
}

/* A published region of @length bytes that begins @off bytes into a page, with a guard behind. */
static inline struct rxe_mr *fake_mr(u32 page_bytes, u32 off, u64 iova, u32 length, int access)
{
	struct fake *f = calloc(1, sizeof(*f));
	struct rxe_mr *mr;
	u32 i;

	f->page_bytes = page_bytes;
	f->off = off;
	f->num = (off + length) / page_bytes + 1;
	f->pages = calloc(f->num, sizeof(*f->pages));
	f->dirty = calloc(f->num, sizeof(*f->dirty));
	for (i = 0; i < f->num; i++)
		f->pages[i] = aligned_alloc(page_bytes < 64 ? page_bytes : 64, page_bytes);
	f->fault = -1;
	f->miss = -1;
	fake_refill(f, unit_rand());

	mr = rxe_mr_alloc(&fake_pd, &fake_ops, iova, length, access);
	CHECK(!IS_ERR(mr));
	mr->umem = (struct ib_umem *)f;
	rxe_mr_publish(mr);
	return mr;
}

/*
 * The region holds @len bytes of the pattern @seed, whose position 0 is at @at, from byte @at of it
 * on, and everything else, guards included, is as it was.
 */
static inline void fake_check(struct fake *f, u32 at, u32 len, u64 seed)
{
	u32 pos, in;
	u8 want;

	for (pos = 0; pos < fake_bytes(f); pos++) {
		in = pos - f->off - at;
		want = pos >= f->off + at && in < len ? unit_byte(seed, in) :
							unit_byte(f->seed, pos);
		if (*fake_at(f, pos) != want)
			unit_fail(__FILE__, __LINE__, "byte %u: got %02x, want %02x; %u at %u",
				  pos, *fake_at(f, pos), want, len, at);
	}
}

#endif
