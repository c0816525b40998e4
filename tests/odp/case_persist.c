// SPDX-License-Identifier: GPL-2.0
/*
 * persist.*: FLUSH to persistence of on-demand regions (IBA A19.4.2). It succeeds if all that was
 * written lies where it survives a loss of power. That is a file on a DAX file system, which cannot
 * be pinned for long, so on demand is the only way to register it. That the bytes have left the
 * CPU's caches no program can see; these cases see whose flush is granted, and the data.
 */
#include "cases.h"
#include "place.h"
#include "placed.h"

enum { LEN = 70000, SKEW = 1234, OFF = 4091, WRITTEN = 50001, ID = 0xf1 };

struct persist_rig {
	struct ep_pair p;
	struct buf source;
	struct mem target;
};

/* Where a DAX file system could be made, the machine has all that the claim takes. */
static void need_persistent(void)
{
	if (device_flags(1) & PLACED_CAP_PERSISTENT)
		return;
	t_check(!odp_opts.dax, "DAX at %s, but the device does not claim FLUSH PERSISTENT",
		odp_opts.dax);
	t_skip("the device does not claim FLUSH PERSISTENT, the machine has no DAX");
}

static void rig_open(struct persist_rig *r, enum place_kind kind)
{
	struct ep_cfg cfg = ep_rc();

	odp_needed();
	placed_need(0);
	need_persistent();
	placed_open(&r->p, &cfg, PLACED_PERSISTENT);
	buf_open(&r->source, r->p.a.dev, LEN, 37, RIGHTS_ALL);
	mem_open(&r->target, r->p.b.dev, kind, LEN, SKEW,
		 RIGHTS_ALL | placed_rights(PLACED_PERSISTENT), true);
}

static void flush(struct persist_rig *r, unsigned int level, enum ibv_wc_status want)
{
	const struct buf *b = &r->target.b;

	t_where("flush level %u", level);
	placed_flush(&r->p.a, b->mr->rkey, (uintptr_t)b->p + OFF, WRITTEN, PLACED_PERSISTENT, level,
		     ID);
	cq_want(r->p.a.scq, want, ID, "FLUSH");
}

/* Pages that nobody has touched; written twice, so that the second time they are there. */
static void lasting(const struct t_case *c)
{
	struct persist_rig r;

	rig_open(&r, c->arg);
	for (int again = 0; again < 2; again++) {
		struct xfer x = { IBV_WR_RDMA_WRITE, &r.source, &r.target.b, 5, OFF, WRITTEN, 0 };

		buf_refill(&r.source);
		xfer_run(&r.p, &x);
		flush(&r, PLACED_RANGE, IBV_WC_SUCCESS);
		flush(&r, PLACED_MR, IBV_WC_SUCCESS);
		buf_expect(&r.target.b, OFF, WRITTEN, r.source.seed, 5, "target");
	}
	mem_close(&r.target);
	buf_close(&r.source);
	ep_pair_close(&r.p);
}

/*
 * Where nothing was written yet, nothing can be lost. What was written stays so when the region is
 * registered again.
 */
static void fleeting(const struct t_case *c)
{
	struct persist_rig r;
	struct xfer x = { IBV_WR_RDMA_WRITE, &r.source, &r.target.b, 5, OFF, WRITTEN, 0 };

	rig_open(&r, c->arg);
	flush(&r, PLACED_MR, IBV_WC_SUCCESS);
	xfer_run(&r.p, &x);
	flush(&r, PLACED_MR, IBV_WC_REM_OP_ERR);
	ep_pair_again(&r.p);
	t_zero(mr_rereg(r.target.b.mr, REREG_ACCESS, NULL, NULL,
			odp_access(RIGHTS_ALL | placed_rights(PLACED_PERSISTENT))));
	flush(&r, PLACED_MR, IBV_WC_REM_OP_ERR);
	ep_pair_again(&r.p);
	pair_proves(&r.p);
	mem_close(&r.target);
	buf_close(&r.source);
	ep_pair_close(&r.p);
}

const struct t_case cases_persist[] = {
	{ "persist.dax", lasting, PLACE_DAX, 0, 60 },
	{ "persist.anon", fleeting, PLACE_ANON, 0, 60 },
	{ "persist.memfd", fleeting, PLACE_MEMFD, 0, 60 },
	{ "persist.shared_file", fleeting, PLACE_SHARED_FILE, 0, 60 },
	{ }
};
