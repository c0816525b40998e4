// SPDX-License-Identifier: GPL-2.0
/*
 * Regions of pinned pages over a process of tiny pages: which page holds which byte, for every
 * place where a region may begin, which registrations are refused before anything is pinned, and
 * what becomes of a region that is registered again.
 */
#include <errno.h>
#include <stdlib.h>

#include <linux/limits.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <rdma/ib_umem.h>

#include "../../drivers/infiniband/sw/rxe/mem/mr.h"
#include "mem_fake.h"
#include "shim/shim.h"

/* The process: PAGES pages from address BASE on; byte a of it is unit_byte(SEED, a). */
#define PAGES	64
#define BYTES	(PAGES * PAGE_SIZE)
#define BASE	0x7f0000000000ULL
#define SEED	0x5eed

int shim_kmaps;

static struct task_struct task = { .mm = (struct mm_struct *)&task };
struct task_struct *current = &task;

static struct page process[PAGES];
static int umems;
static int umem_error;
static int umem_calls;
static int umem_access;

/* As the core: pages in order, in runs, here of one to three. */
struct ib_umem *ib_umem_get(struct ib_device *device, unsigned long addr, size_t size, int access)
{
	u64 first = (addr - BASE) / PAGE_SIZE, last = (addr + size - 1 - BASE) / PAGE_SIZE;
	struct scatterlist *sgl;
	struct ib_umem *umem;
	u32 n = 0;

	umem_calls++;
	umem_access = access;
	if (umem_error)
		return ERR_PTR(umem_error);
	CHECK(addr >= BASE && last < PAGES);
	umem = kzalloc(sizeof(*umem), GFP_KERNEL);
	if (!umem)
		return ERR_PTR(-ENOMEM);
	sgl = calloc(PAGES, sizeof(*sgl));
	while (first <= last) {
		u64 run = 1 + n % 3;

		if (run > last - first + 1)
			run = last - first + 1;
		sgl[n++] = (struct scatterlist) {
			.page = &process[first], .length = run * PAGE_SIZE,
		};
		first += run;
	}
	umem->owning_mm = current->mm;
	umem->address = addr;
	umem->writable = access & (IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE |
				   IB_ACCESS_REMOTE_ATOMIC);
	umem->sgt_append.sgt.sgl = sgl;
	umem->sgt_append.sgt.orig_nents = n;
	umems++;
	return umem;
}

void ib_umem_release(struct ib_umem *umem)
{
	free(umem->sgt_append.sgt.sgl);
	kfree(umem);
	umems--;
}

/* All of the process but one page survives a loss of power. */
static struct page *fleeting = &process[PAGES];

bool odp_frames_last(unsigned long pfn, unsigned long num)
{
	struct page *page = (struct page *)pfn;

	return fleeting < page || fleeting >= page + num;
}

/* Memory on demand: that it was asked for, and who has it, is all that matters here. */
static u64 odp_uva;
static int odp_refs;
static int odp_open;

int rxe_mr_open_odp(struct rxe_mr *mr, u64 uva)
{
	odp_uva = uva;
	odp_refs++;
	odp_open++;
	mr->odp = (struct odp_umem *)&odp_uva;
	mr->uva = uva;
	return 0;
}

void odp_umem_hold(struct odp_umem *umem)
{
	odp_refs++;
}

void odp_umem_put(struct odp_umem *umem)
{
	odp_refs--;
}

static void close_odp(struct rxe_mr *mr)
{
	odp_refs--;
	odp_open--;
}

const struct rxe_mr_ops rxe_mr_odp_ops = {
	.destroy = close_odp,
};

static void fill_process(void)
{
	u32 i;

	for (i = 0; i < BYTES; i++)
		process[i / PAGE_SIZE].bytes[i % PAGE_SIZE] = unit_byte(SEED, i);
}

/* Everything is as filled but @len bytes of the pattern @seed at @at. */
static void check_process(u32 at, u32 len, u64 seed)
{
	u32 i;

	for (i = 0; i < BYTES; i++)
		CHECK_EQ(process[i / PAGE_SIZE].bytes[i % PAGE_SIZE],
			 i - at < len ? unit_byte(seed, i - at) : unit_byte(SEED, i));
}

static void round_trip(struct rxe_mr *mr, u32 start, u32 at, u32 len)
{
	u8 *buf = malloc(len);
	u64 seed = unit_rand();

	CHECK_EQ(fake_read(mr, mr->iova + at, buf, len), RXE_MEM_OK);
	CHECK_EQ(unit_differs(buf, len, SEED, start + at), len);
	unit_fill(buf, len, seed);
	CHECK_EQ(fake_write(mr, mr->iova + at, buf, len), RXE_MEM_OK);
	check_process(start + at, len, seed);
	CHECK_EQ(shim_kmaps, 0);
	fill_process();
	free(buf);
}

UNIT_CASE(every_beginning)
{
	u32 start, length, at;
	struct rxe_mr *mr;
	u64 iova;

	fake_begin();
	fill_process();
	for (start = 0; start <= 2 * PAGE_SIZE; start++) {
		for (length = 1; length <= 5 * PAGE_SIZE; length += 1 + unit_below(7)) {
			/* Unrelated to the place in the process, also in the last bits. */
			iova = unit_rand() >> 1;
			unit_note("start %u, length %u, iova 0x%llx", start, length,
				  (unsigned long long)iova);
			mr = rxe_mr_reg_user(&fake_pd, BASE + start, length, iova, ALL_ACCESS);
			CHECK(!IS_ERR(mr));
			CHECK_EQ(umem_access, ALL_ACCESS);
			round_trip(mr, start, 0, length);
			round_trip(mr, start, length - 1, 1);
			at = unit_below(length);
			round_trip(mr, start, at, 1 + unit_below(length - at));
			rxe_mr_destroy(mr);
			CHECK_EQ(umems, 0);
		}
	}
	fake_end();
}

UNIT_CASE(all_of_the_process)
{
	struct rxe_mr *mr;

	fake_begin();
	fill_process();
	mr = rxe_mr_reg_user(&fake_pd, BASE, BYTES, -(u64)BYTES, ALL_ACCESS);
	CHECK(!IS_ERR(mr));
	round_trip(mr, 0, 0, BYTES);
	round_trip(mr, 0, BYTES - 1, 1);
	rxe_mr_destroy(mr);
	fake_end();
}

/* One page that does not survive a loss of power is enough. */
UNIT_CASE(memory_that_lasts)
{
	int access = ALL_ACCESS | RXC_ACCESS_FLUSH_PERSISTENT;
	u64 start = BASE + 2 * PAGE_SIZE + 3, length = 9 * PAGE_SIZE;
	struct rxe_mr *mr;
	int page, before;
	u8 byte = 1;

	fake_begin();
	for (page = 0; page < PAGES; page++) {
		fleeting = &process[page];
		before = umems;
		mr = rxe_mr_reg_user(&fake_pd, start, length, 0, access);
		if (page >= 2 && page < 12) {
			CHECK_EQ(PTR_ERR(mr), -EINVAL);
			CHECK_EQ(umems, before);
			mr = rxe_mr_reg_user(&fake_pd, start, length, 0, ALL_ACCESS);
			CHECK(!IS_ERR(mr));
			CHECK_EQ(fake_write(mr, 5, &byte, 1), RXE_MEM_OK);
			CHECK(!fake_back_lasts);
		} else {
			CHECK(!IS_ERR(mr));
			CHECK_EQ(fake_write(mr, 5, &byte, 1), RXE_MEM_OK);
			CHECK(fake_back_lasts);
			fake_back_lasts = false;
		}
		rxe_mr_destroy(mr);
	}
	fleeting = &process[PAGES];
	fake_end();
}

static long refused(u64 uva, u64 length, u64 iova)
{
	struct rxe_mr *mr = rxe_mr_reg_user(&fake_pd, uva, length, iova, 0);

	CHECK(IS_ERR(mr));
	CHECK_EQ(umem_calls, 0);
	return PTR_ERR(mr);
}

UNIT_CASE(refused_before_pinning)
{
	u64 most = INT_MAX / sizeof(struct page *);

	fake_begin();
	CHECK_EQ(refused(BASE, 0, 0), -EINVAL);
	CHECK_EQ(refused(0, 0, 0), -EINVAL);
	/* No address for the last byte. */
	CHECK_EQ(refused(U64_MAX, 2, 0), -EINVAL);
	CHECK_EQ(refused(BASE, U64_MAX, 0), -EINVAL);
	CHECK_EQ(refused(BASE, 2, U64_MAX), -EINVAL);
	CHECK_EQ(refused(1, U64_MAX, 1), -ENOMEM);
	CHECK_EQ(refused(0, U64_MAX, 0), -ENOMEM);
	/* One page more than the list of pages may have. */
	CHECK_EQ(refused(0, most * PAGE_SIZE + 1, 0), -ENOMEM);
	CHECK_EQ(refused(1, most * PAGE_SIZE, 0), -ENOMEM);
	fake_end();
}

UNIT_CASE(pinning_fails)
{
	struct rxe_mr *mr;

	fake_begin();
	umem_error = -ENOMEM;
	mr = rxe_mr_reg_user(&fake_pd, BASE, 100, 0, 0);
	CHECK_EQ(PTR_ERR(mr), -ENOMEM);
	umem_error = -EFAULT;
	mr = rxe_mr_reg_user(&fake_pd, BASE, 100, 0, 0);
	CHECK_EQ(PTR_ERR(mr), -EFAULT);
	fake_end();
}

static struct ib_pd other_pd = { .device = &fake_dev.ib };

/* A region of 100 bytes that begins 3 bytes into the process. */
static struct rxe_mr *begin_rereg(int access)
{
	struct rxe_mr *mr;

	fake_begin();
	fill_process();
	umem_error = 0;
	mr = rxe_mr_reg_user(&fake_pd, BASE + 3, 100, 0x1234, access);
	CHECK(!IS_ERR(mr));
	umem_calls = 0;
	return mr;
}

/* What the core does with the old region. Return: what has its key now. */
static struct rxe_mr *rereg(struct rxe_mr *old, const struct rxe_rereg *what)
{
	struct rxe_mr *mr = rxe_mr_rereg(old, what), *found;
	u32 key = old->key;

	CHECK(!IS_ERR(mr));
	rxe_mr_destroy(old);
	CHECK_EQ(mr->key, key);
	CHECK_EQ(rxe_mem_get(mr->pd, NULL, key, mr->iova, mr->length, 0, &found),
		 RXE_MEM_OK);
	CHECK(found == mr);
	rxe_mem_put(found);
	CHECK_EQ(umems, 1);
	return mr;
}

static void end_rereg(struct rxe_mr *mr)
{
	rxe_mr_destroy(mr);
	CHECK_EQ(umems, 0);
	fake_end();
}

UNIT_CASE(rereg_moves)
{
	struct rxe_rereg what = {
		.flags = IB_MR_REREG_TRANS, .uva = BASE + 40, .length = 77, .iova = 0x777,
	};
	struct rxe_mr *mr = rereg(begin_rereg(ALL_ACCESS), &what);

	CHECK_EQ(umem_calls, 1);
	CHECK_EQ(mr->access, ALL_ACCESS);
	round_trip(mr, 40, 0, 77);
	end_rereg(mr);
}

UNIT_CASE(rereg_keeps_the_memory)
{
	struct rxe_rereg what = {
		.flags = IB_MR_REREG_ACCESS | IB_MR_REREG_PD,
		.access = IB_ACCESS_LOCAL_WRITE,
		.pd = &other_pd,
	};
	struct rxe_mr *mr = rereg(begin_rereg(ALL_ACCESS), &what), *found;

	CHECK_EQ(umem_calls, 0);
	CHECK_EQ(mr->iova, 0x1234);
	round_trip(mr, 3, 0, 100);
	CHECK_EQ(rxe_mem_get(&fake_pd, NULL, mr->key, 0x1234, 1, 0, &found), RXE_MEM_KEY);
	CHECK_EQ(rxe_mem_get(&other_pd, NULL, mr->key, 0x1234, 1, IB_ACCESS_REMOTE_WRITE,
			     &found),
		 RXE_MEM_ACCESS);
	end_rereg(mr);
}

/* Pages that were pinned to be read cannot be written. */
UNIT_CASE(rereg_to_write)
{
	struct rxe_rereg what = { .flags = IB_MR_REREG_ACCESS, .access = ALL_ACCESS };
	struct rxe_mr *old = begin_rereg(0);
	struct task_struct other = {};
	struct rxe_mr *mr;

	current = &other;
	CHECK_EQ(PTR_ERR(rxe_mr_rereg(old, &what)), -EOPNOTSUPP);
	current = &task;
	mr = rereg(old, &what);
	CHECK_EQ(umem_calls, 1);
	CHECK_EQ(umem_access, ALL_ACCESS);
	round_trip(mr, 3, 0, 100);
	end_rereg(mr);
}

UNIT_CASE(rereg_on_demand)
{
	struct rxe_rereg what = {
		.flags = IB_MR_REREG_ACCESS, .access = ALL_ACCESS | IB_ACCESS_ON_DEMAND,
		.uva = BASE + 9, .length = 50, .iova = 9,
	};
	struct rxe_mr *old = begin_rereg(ALL_ACCESS), *mr;

	/* Pinned memory is found again by its address; memory on demand has none of its own. */
	mr = rxe_mr_rereg(old, &what);
	CHECK(!IS_ERR(mr));
	CHECK_EQ(odp_uva, BASE + 3);
	CHECK_EQ(mr->length, 100);
	rxe_mr_destroy(old);
	CHECK_EQ(umems, 0);
	what.access = ALL_ACCESS;
	CHECK_EQ(PTR_ERR(rxe_mr_rereg(mr, &what)), -EOPNOTSUPP);

	/* Other rights: the window stays open, and who still looks by the old region may. */
	what.access = IB_ACCESS_LOCAL_WRITE | IB_ACCESS_ON_DEMAND;
	old = mr;
	mr = rxe_mr_rereg(old, &what);
	CHECK(!IS_ERR(mr));
	CHECK(old->odp == mr->odp);
	CHECK_EQ(odp_refs, 2);
	rxe_mr_destroy(mr);
	CHECK_EQ(odp_open, 0);
	CHECK_EQ(odp_refs, 1);
	rxe_mr_destroy(old);
	CHECK_EQ(odp_refs, 0);
	fake_end();
}

/* A buffer of another driver: that it is handed on, and given back once, is all that matters. */
static int buffers;

static void give_back(struct rxe_mr *mr)
{
	buffers--;
}

static const struct rxe_mr_ops buffer_ops = {
	.destroy = give_back,
};

UNIT_CASE(rereg_dmabuf)
{
	struct rxe_rereg what = {
		.flags = IB_MR_REREG_ACCESS, .access = ALL_ACCESS | IB_ACCESS_ON_DEMAND,
		.uva = BASE + 40, .length = 77, .iova = 0x777,
	};
	struct rxe_mr *old, *mr;

	fake_begin();
	fill_process();
	buffers = 1;
	old = rxe_mr_alloc(&fake_pd, &buffer_ops, 0x1234, 100, IB_ACCESS_REMOTE_READ);
	CHECK(!IS_ERR(old));
	old->dmabuf = (struct rxe_dmabuf *)&buffers;
	old->uva = 4321;
	rxe_mr_publish(old);

	/* It is no memory of the process, and nobody knows whether it lasts. */
	CHECK_EQ(PTR_ERR(rxe_mr_rereg(old, &what)), -EOPNOTSUPP);
	what.access = ALL_ACCESS | RXC_ACCESS_FLUSH_PERSISTENT;
	CHECK_EQ(PTR_ERR(rxe_mr_rereg(old, &what)), -EOPNOTSUPP);

	what.access = ALL_ACCESS;
	mr = rxe_mr_rereg(old, &what);
	CHECK(!IS_ERR(mr));
	rxe_mr_destroy(old);
	CHECK_EQ(buffers, 1);
	CHECK(mr->ops == &buffer_ops && mr->dmabuf == (struct rxe_dmabuf *)&buffers);
	CHECK_EQ(mr->uva, 4321);
	CHECK_EQ(mr->iova, 0x1234);
	CHECK_EQ(mr->access, ALL_ACCESS);

	/* Other memory: the buffer goes. */
	what.flags = IB_MR_REREG_TRANS;
	old = mr;
	mr = rxe_mr_rereg(old, &what);
	CHECK(!IS_ERR(mr));
	rxe_mr_destroy(old);
	CHECK_EQ(buffers, 0);
	CHECK(!mr->dmabuf);
	round_trip(mr, 40, 0, 77);
	end_rereg(mr);
}

/* Whatever fails, the old region is as it was. */
UNIT_CASE(rereg_fails)
{
	struct rxe_rereg what = {
		.flags = IB_MR_REREG_TRANS, .uva = BASE + 40, .length = 77, .iova = 0x777,
	};
	struct rxe_mr *old = begin_rereg(ALL_ACCESS), *mr;
	unsigned long n;

	for (n = 1; ; n++) {
		shim_fail_nth(n);
		mr = rxe_mr_rereg(old, &what);
		if (shim_fail_pending())
			break;
		unit_note("allocation %lu", n);
		CHECK_EQ(PTR_ERR(mr), -ENOMEM);
		CHECK_EQ(umems, 1);
		round_trip(old, 3, 0, 100);
	}
	shim_fail_nth(0);
	CHECK(n > 3);
	rxe_mr_destroy(old);
	what.length = 0;
	CHECK_EQ(PTR_ERR(rxe_mr_rereg(mr, &what)), -EINVAL);
	what.uva = U64_MAX;
	what.length = 2;
	CHECK_EQ(PTR_ERR(rxe_mr_rereg(mr, &what)), -EINVAL);
	end_rereg(mr);
}

UNIT_CASE(no_memory)
{
	struct rxe_mr *mr;
	unsigned long n;

	fake_begin();
	fill_process();
	for (n = 1; ; n++) {
		shim_fail_nth(n);
		mr = rxe_mr_reg_user(&fake_pd, BASE + 3, 100, 0x1234, ALL_ACCESS);
		if (shim_fail_pending())
			break;
		unit_note("allocation %lu", n);
		CHECK_EQ(PTR_ERR(mr), -ENOMEM);
		CHECK_EQ(umems, 0);
	}
	shim_fail_nth(0);
	CHECK(n > 4);
	CHECK(!IS_ERR(mr));
	round_trip(mr, 3, 0, 100);
	rxe_mr_destroy(mr);
	fake_end();
}
