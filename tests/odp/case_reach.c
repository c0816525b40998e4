// SPDX-License-Identifier: GPL-2.0
/*
 * reach.*: how much one fault brings. A message asks for all that it still needs, and READs that
 * miss one page after the other are read ahead of: else each page would cost a wait of its own.
 */
#include "cases.h"
#include "rig.h"

enum { PAGES = 1024, CHUNKS = 4 };

struct bill {
	uint64_t waits, faults;
};

/* The region is filled by the CPU, and the device knows none of its pages. */
static struct bill bill_of(struct rig *r)
{
	return (struct bill){ ep_counter(r->p.b.dev, "memory_waits"),
			      mr_stats(r->p.b.dev, r->m.b.mr).faults };
}

/* All pages have come by faults of their own region, in at most @most waits. */
static void want_waits(struct rig *r, const struct bill *before, uint64_t most)
{
	struct bill now = bill_of(r);
	uint64_t waits = now.waits - before->waits;

	t_note("%lu waits for %lu pages", waits, now.faults - before->faults);
	t_check(now.faults - before->faults >= PAGES, "%lu pages have come, expected %d",
		now.faults - before->faults, PAGES);
	t_check(waits && waits <= most, "%lu waits, expected 1 to %lu", waits, most);
}

/* One message over several chunks: a fault each, and one more where a message goes on. */
static void message(const struct t_case *c)
{
	struct bill before;
	struct rig r;

	odp_needed();
	rig_open(&r, PLACE_ANON, PAGES * odp_page());
	before = bill_of(&r);
	if (c->arg == IBV_WR_RDMA_READ)
		rig_reads_same(&r, "what was READ");
	else
		rig_write(&r);
	want_waits(&r, &before, 4 * CHUNKS);
	if (c->arg != IBV_WR_RDMA_READ)
		rig_written(&r, "what was written");
	rig_close(&r);
}

/* Page by page in order, which doubles what the next miss brings. */
static void in_order(const struct t_case *c)
{
	size_t page = odp_page();
	struct bill before;
	struct rig r;

	(void)c;
	odp_needed();
	rig_open(&r, PLACE_ANON, (PAGES + 1) * page);
	buf_refill(&r.pin);
	before = bill_of(&r);
	for (size_t at = 0; at + page <= r.m.b.len; at += page) {
		rig_op(&r, IBV_WR_RDMA_READ, at, page);
		cq_want(r.p.a.scq, IBV_WC_SUCCESS, RIG_ID, "READ in order");
	}
	want_waits(&r, &before, 40);
	buf_range(&r.pin, 0, PAGES * page, r.m.b.seed, 0, "what was READ");
	rig_close(&r);
}

const struct t_case cases_reach[] = {
	{ "reach.message.write", message, IBV_WR_RDMA_WRITE, 0, 0 },
	{ "reach.message.read", message, IBV_WR_RDMA_READ, 0, 0 },
	{ "reach.in_order", in_order, 0, 0, 60 },
	{ }
};
