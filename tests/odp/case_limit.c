// SPDX-License-Identifier: GPL-2.0
/*
 * limit.*: memory that runs short. A cgroup with less memory than its region has pages serves the
 * whole region by way of swap; and queues, and what is known of pages, are paid for by the cgroup
 * of the program that made them. What becomes of a process that is killed: case_oom.c.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cases.h"
#include "group.h"
#include "kit.h"
#include "shop.h"

/* @c->arg MiB of memory, @c->arg2 MiB of region. */
static void memcg(const struct t_case *c)
{
	struct shop s = { .chunks = c->arg2 };
	struct crew kid;
	struct buf b;
	struct ep e;

	odp_needed();
	swap_needed((size_t)(s.chunks + 16) << 20);
	group_open(c->arg, s.chunks + 64);
	shop_open(&s, &kid, &e, &b);
	for (int i = 0; i < s.chunks; i++) {
		t_where("WRITE of chunk %d of %d", i, s.chunks);
		pattern_fill(b.p, CHUNK, chunk_seed(i), 0);
		wc_want(&(struct ibv_wc){ .status = shop_op(&e, &b, &s, i, IBV_WR_RDMA_WRITE) },
			IBV_WC_SUCCESS, "WRITE");
		crew_step(&kid);
	}
	t_check(group_read("memory.peak", NULL) < 0 ||
		group_read("memory.peak", NULL) <= (c->arg + 4) << 20,
		"the cgroup used %ld bytes of %ld MiB", group_read("memory.peak", NULL), c->arg);
	t_check(group_read("memory.swap.current", NULL) > CHUNK, "nothing was swapped: %ld bytes",
		group_read("memory.swap.current", NULL));
	for (int i = 0; i < s.chunks; i++) {
		struct pattern_bad bad;

		t_where("READ of chunk %d of %d", i, s.chunks);
		wc_want(&(struct ibv_wc){ .status = shop_op(&e, &b, &s, i, IBV_WR_RDMA_READ) },
			IBV_WC_SUCCESS, "READ");
		t_check(!pattern_check(b.p, CHUNK, chunk_seed(i), 0, &bad),
			"byte %zu is %#x, expected %#x; %zu wrong", bad.off, bad.got, bad.want,
			bad.count);
		crew_step(&kid);
	}
	t_where("%s", "");
	for (int i = 0; i < s.chunks; i++)
		crew_await(&kid, "the owner's own look");
	crew_step(&kid);
	crew_end(&kid);
	t_check(!group_read("memory.events", "oom_kill"), "the kernel killed for want of memory");
	group_close();
}

enum { CQS = 32, CQ_DEPTH = 16384 - 1, CQE_BYTES = 64 };

/* What the cgroup was charged: without the queues, with them, and when they were gone. */
struct bill {
	long before, with, after;
};

static void queue_keeper(struct crew *self, void *arg)
{
	struct ibv_context *ctx;
	struct bill *bill = arg;
	struct ibv_cq *cq[CQS];

	crew_await(self, "a place in the cgroup");
	ctx = ep_dev(0)->ctx;
	bill->before = group_read("memory.current", NULL);
	for (int i = 0; i < CQS; i++) {
		cq[i] = ibv_create_cq(ctx, CQ_DEPTH, NULL, NULL, 0);
		t_check(cq[i], "ibv_create_cq: %s", strerror(errno));
	}
	bill->with = group_read("memory.current", NULL);
	for (int i = 0; i < CQS; i++)
		t_zero(ibv_destroy_cq(cq[i]));
	bill->after = group_read("memory.current", NULL);
	crew_tell(self, bill, sizeof(*bill));
}

static void rings(const struct t_case *c)
{
	const long bytes = (long)CQS * (CQ_DEPTH + 1) * CQE_BYTES;
	struct bill bill;
	struct crew kid;

	group_open(c->arg, 0);
	crew_start(&kid, queue_keeper, &bill);
	group_enter(kid.pid);
	crew_step(&kid);
	crew_hear(&kid, &bill, sizeof(bill), "the bill");
	crew_end(&kid);
	group_close();
	t_note("%ld KiB of queues: charged %ld before, %ld with them, %ld after", bytes >> 10,
	       bill.before >> 10, bill.with >> 10, bill.after >> 10);
	t_check(bill.with - bill.before >= bytes, "charged %ld bytes for queues of %ld",
		bill.with - bill.before, bytes);
	t_check(bill.after - bill.before < bytes / 4, "%ld bytes are still charged",
		bill.after - bill.before);
}

enum { SPARSE = 1000, ODP_CHUNK = 2 << 20, LEAST_EACH = 500 };

/*
 * Look until the charge is from @least to @most, or 3 s: entries are given back when there is
 * time, and the kernel brings memory.stat up to date every two seconds; before that it may be
 * behind by 64 pages for each CPU.
 */
static long charge(long least, long most)
{
	double end = t_now() + t_seconds(3);
	long now;

	do {
		usleep(20000);
		now = group_read("memory.stat", "slab");
	} while ((now < least || now > most) && t_now() < end);
	return now;
}

/* A page in each of many chunks, by an implicit region; then they go, and the region stays. */
static void page_keeper(struct crew *self, void *arg)
{
	const size_t len = (size_t)SPARSE * ODP_CHUNK;
	struct ep_cfg cfg = ep_rc();
	struct bill *bill = arg;
	struct ep_pair pair;
	struct ibv_mr *all;
	struct buf pin;
	uint8_t *p;

	crew_await(self, "a place in the cgroup");
	pages_stay();
	ep_pair_open(&pair, &cfg);
	buf_open(&pin, pair.a.dev, 100, 0, RIGHTS_ALL);
	all = odp_reg(pair.b.dev, NULL, SIZE_MAX, RIGHTS_ALL);
	p = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	t_check(p != MAP_FAILED, "mmap of %zu bytes", len);
	usleep(2500000); /* what was opened is in memory.stat */
	bill->before = charge(0, LONG_MAX);
	/* Not the first of a chunk: one entry of index 0 takes no node. */
	for (size_t at = 9 * odp_page() + 5; at < len; at += ODP_CHUNK) {
		struct ibv_sge sge = buf_sge(&pin, 0, 100);
		struct op op = { .code = IBV_WR_RDMA_READ, .sge = &sge, .nsge = 1, .id = at,
				 .raddr = (uintptr_t)p + at, .rkey = all->rkey };

		ep_post(&pair.a, &op);
		cq_want(pair.a.scq, IBV_WC_SUCCESS, at, "READ");
		zero_want(pin.p, 100, "what was READ");
	}
	bill->with = charge(bill->before + SPARSE * LEAST_EACH, LONG_MAX);
	t_check(!madvise(p, len, MADV_DONTNEED), "MADV_DONTNEED: %s", strerror(errno));
	bill->after = charge(0, bill->before + (bill->with - bill->before) / 4);
	crew_tell(self, bill, sizeof(*bill));
}

/* What is known of pages is charged to who uses them, and given back when they have gone. */
static void chunks(const struct t_case *c)
{
	struct bill bill;
	struct crew kid;

	odp_needed();
	group_open(c->arg, 0);
	crew_start(&kid, page_keeper, &bill);
	group_enter(kid.pid);
	crew_step(&kid);
	crew_hear(&kid, &bill, sizeof(bill), "the bill");
	crew_end(&kid);
	group_close();
	t_note("a page in each of %d chunks: charged %ld KiB before, %ld with them, %ld after",
	       SPARSE, bill.before >> 10, bill.with >> 10, bill.after >> 10);
	t_check(bill.with - bill.before >= SPARSE * LEAST_EACH, "charged %ld bytes for %d chunks",
		bill.with - bill.before, SPARSE);
	t_check(bill.after - bill.before <= (bill.with - bill.before) / 4,
		"%ld bytes are still charged", bill.after - bill.before);
}

const struct t_case cases_limit[] = {
	{ "limit.memcg", memcg, 32, 96, 120 },
	{ "limit.memcg.4g", memcg, 512, 4096, 900 },
	{ "limit.rings", rings, 256, 0, 30 },
	{ "limit.chunks", chunks, 256, 0, 60 },
	{ }
};
