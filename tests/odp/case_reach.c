// SPDX-License-Identifier: GPL-2.0
/*
 * reach.*: how much one fault brings. A message asks for all that it still needs, and READs that
 * miss one page after the other are read ahead of: else each page would cost a wait of its own.
 */
#include "cases.h"
#include "rig.h"

enum { PAGES = 1024, CHUNKS = 4, DOUBLINGS = 10 };

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

/* What the region is in a message that the peer asks for, or that its own end does. */
enum role {
	TARGET_OF_WRITE, SOURCE_OF_READ, RECEIVE, OWN_FIRST,
	SOURCE_OF_SEND = OWN_FIRST, SOURCE_OF_WRITE, DESTINATION_OF_READ,
};

/*
 * One message over several chunks: a fault each, and one more where a message goes on. How long a
 * SEND is its receiver does not know before the end: each fault reaches as far again.
 */
static void message(const struct t_case *c)
{
	static const enum ibv_wr_opcode codes[] = {
		[TARGET_OF_WRITE] = IBV_WR_RDMA_WRITE, [SOURCE_OF_READ] = IBV_WR_RDMA_READ,
		[RECEIVE] = IBV_WR_SEND, [SOURCE_OF_SEND] = IBV_WR_SEND,
		[SOURCE_OF_WRITE] = IBV_WR_RDMA_WRITE, [DESTINATION_OF_READ] = IBV_WR_RDMA_READ,
	};
	bool own = c->arg >= OWN_FIRST, from = own != (codes[c->arg] == IBV_WR_RDMA_READ);
	struct xfer x = { .code = codes[c->arg] };
	struct bill before;
	struct ep_pair p;
	struct rig r;

	odp_needed();
	pages_stay();
	rig_open(&r, PLACE_ANON, PAGES * odp_page());
	x.src = from ? &r.m.b : &r.pin;
	x.dst = from ? &r.pin : &r.m.b;
	x.len = r.m.b.len;
	p = own ? (struct ep_pair){ r.p.b, r.p.a } : r.p;
	before = bill_of(&r);
	xfer_run(&p, &x);
	want_waits(&r, &before, c->arg == RECEIVE ? 2 * CHUNKS + DOUBLINGS : 2 * CHUNKS);
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
	pages_stay();
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
	{ "reach.message.write", message, TARGET_OF_WRITE, 0, 0 },
	{ "reach.message.read", message, SOURCE_OF_READ, 0, 0 },
	{ "reach.message.receive", message, RECEIVE, 0, 0 },
	{ "reach.message.send_from", message, SOURCE_OF_SEND, 0, 0 },
	{ "reach.message.write_from", message, SOURCE_OF_WRITE, 0, 0 },
	{ "reach.message.read_into", message, DESTINATION_OF_READ, 0, 0 },
	{ "reach.in_order", in_order, 0, 0, 60 },
	{ }
};
