// SPDX-License-Identifier: GPL-2.0
/*
 * Registering a region again: other memory, other rights, another PD, all under the same keys. A
 * key must lead to the old memory or the new, never to neither, also while the peer uses it.
 */
#include <errno.h>
#include <string.h>

#include "cases.h"
#include "shooter.h"

enum { LEN = 20000, SKEW = 1234 };

struct rereg_rig {
	struct ep_pair p;
	struct buf local, one, two;
};

/* Region one has @access; two is memory only. */
static void rig_open(struct rereg_rig *r, int access)
{
	struct ep_cfg cfg = ep_rc();

	ep_pair_open(&r->p, &cfg);
	buf_open(&r->local, r->p.a.dev, LEN, 77, RIGHTS_ALL);
	buf_open(&r->one, r->p.b.dev, LEN, SKEW, access);
	buf_plain(&r->two, LEN - 1000, SKEW + 500);
}

static void rig_close(struct rereg_rig *r)
{
	ep_pair_close(&r->p);
	buf_close(&r->local);
	buf_close(&r->one);
	buf_close(&r->two);
}

/* WRITE @len bytes of the local buffer to byte @off of @to, by the key of region one. */
static void put(struct rereg_rig *r, const struct buf *to, size_t off, size_t len,
		enum ibv_wc_status status)
{
	struct ibv_sge sge = buf_sge(&r->local, 3, len);
	struct op op = {
		.code = IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1, .id = 5,
		.raddr = (uintptr_t)to->p + off, .rkey = r->one.mr->rkey,
	};

	ep_post(&r->p.a, &op);
	cq_want(r->p.a.scq, status, 5, "WRITE");
	if (status)
		ep_pair_again(&r->p);
}

/* @arg: IBV_ACCESS_ON_DEMAND to move there from pinned memory, @arg2: and back. */
static void run_move(const struct t_case *c)
{
	struct rereg_rig r;

	rig_open(&r, RIGHTS_ALL | c->arg);
	put(&r, &r.one, 11, 9001, IBV_WC_SUCCESS);
	buf_expect(&r.one, 11, 9001, r.local.seed, 3, "old memory");
	buf_refill(&r.one);
	t_zero(mr_rereg(r.one.mr, REREG_TRANS | REREG_ACCESS, &r.two, NULL, RIGHTS_ALL | c->arg2));
	put(&r, &r.two, 22, 9003, IBV_WC_SUCCESS);
	buf_expect(&r.two, 22, 9003, r.local.seed, 3, "new memory");
	/* Neither the old addresses nor what is a byte too far. */
	put(&r, &r.one, 0, 1, IBV_WC_REM_ACCESS_ERR);
	put(&r, &r.two, r.two.len - 8, 9, IBV_WC_REM_ACCESS_ERR);
	buf_same(&r.one, "old memory");
	rig_close(&r);
}

static void run_access(const struct t_case *c)
{
	struct rereg_rig r;
	int odp = c->arg;

	rig_open(&r, IBV_ACCESS_REMOTE_READ | odp);
	put(&r, &r.one, 5, 100, IBV_WC_REM_ACCESS_ERR);
	t_zero(mr_rereg(r.one.mr, REREG_ACCESS, NULL, NULL, RIGHTS_ALL | odp));
	put(&r, &r.one, 5, 9001, IBV_WC_SUCCESS);
	buf_expect(&r.one, 5, 9001, r.local.seed, 3, "region");
	t_zero(mr_rereg(r.one.mr, REREG_ACCESS, NULL, NULL, IBV_ACCESS_LOCAL_WRITE | odp));
	put(&r, &r.one, 5, 100, IBV_WC_REM_ACCESS_ERR);
	rig_close(&r);
}

/* Into a PD that the QP is not in, and back. */
static void run_pd(const struct t_case *c)
{
	struct ibv_pd *pd;
	struct rereg_rig r;

	rig_open(&r, RIGHTS_ALL | c->arg);
	pd = ibv_alloc_pd(r.p.b.dev->ctx);
	t_check(pd, "ibv_alloc_pd: %s", strerror(errno));
	t_zero(mr_rereg(r.one.mr, REREG_PD, NULL, pd, 0));
	put(&r, &r.one, 5, 100, IBV_WC_REM_ACCESS_ERR);
	t_zero(mr_rereg(r.one.mr, REREG_PD, NULL, r.p.b.dev->pd, 0));
	/* The PD is nobody's now. */
	t_zero(ibv_dealloc_pd(pd));
	put(&r, &r.one, 5, 9001, IBV_WC_SUCCESS);
	buf_expect(&r.one, 5, 9001, r.local.seed, 3, "region");
	rig_close(&r);
}

/* What is refused leaves the region as it was. */
static void run_errors(const struct t_case *c)
{
	struct buf bad = { .p = (void *)-64, .len = 128 };
	struct rereg_rig r;
	int rc;

	rig_open(&r, RIGHTS_ALL | c->arg);
	t_check(mr_rereg(r.one.mr, 0, NULL, NULL, 0) == EINVAL, "no flag: accepted");
	rc = mr_rereg(r.one.mr, 8, NULL, NULL, 0);
	t_check(rc == EOPNOTSUPP || rc == EINVAL, "unknown flag: %s", t_errname(rc));
	rc = mr_rereg(r.one.mr, REREG_TRANS, &bad, NULL, 0);
	t_check(rc == EINVAL, "range that wraps: %s", t_errname(rc));
	rc = mr_rereg(r.one.mr, REREG_ACCESS, NULL, NULL, IBV_ACCESS_REMOTE_WRITE);
	t_check(rc == EINVAL, "remote write without local write: %s", t_errname(rc));
	rc = mr_rereg(r.one.mr, REREG_TRANS, &(struct buf){ .p = r.two.p, .len = 0 }, NULL, 0);
	t_check(rc == EINVAL, "no bytes: %s", t_errname(rc));
	put(&r, &r.one, 5, 9001, IBV_WC_SUCCESS);
	buf_expect(&r.one, 5, 9001, r.local.seed, 3, "region");
	rig_close(&r);
}

enum { FLIPS = 200, BUSY_LEN = 5000 };

/*
 * The region flips between two places that have their remote addresses in common, while the peer
 * writes there: no WRITE fails, none reaches the old place when the region has gone from there, and
 * all do the new one.
 */
static void run_busy(const struct t_case *c)
{
	struct rereg_rig r;
	struct shooter s;
	struct buf other;

	rig_open(&r, RIGHTS_ALL | c->arg);
	/* Remote and local address have the same place in a page. */
	buf_plain(&other, LEN, SKEW);
	other.shift = r.one.p - other.p;
	s = (struct shooter) {
		.e = &r.p.a, .sge = buf_sge(&r.local, 7, BUSY_LEN),
		.op = { .code = IBV_WR_RDMA_WRITE, .rkey = r.one.mr->rkey,
			.raddr = (uintptr_t)r.one.p + 1000 },
	};
	shooter_start(&s);
	for (int i = 0; i < FLIPS; i++) {
		struct buf *old = i & 1 ? &other : &r.one, *new = i & 1 ? &r.one : &other;

		t_where("flip %d", i);
		t_zero(mr_rereg(r.one.mr, REREG_TRANS, new, NULL, 0));
		buf_refill(old);
		shooter_hits(&s, 1);
		buf_same(old, "the old place");
		buf_expect(new, 1000, BUSY_LEN, r.local.seed, 7, "the new place");
	}
	t_where("%s", "");
	shooter_stop(&s);
	buf_close(&other);
	rig_close(&r);
}

#define ODP	IBV_ACCESS_ON_DEMAND

const struct t_case cases_rereg[] = {
	{ "rereg.move.pinned", run_move, 0, 0, 0 },
	{ "rereg.move.odp", run_move, ODP, ODP, 0 },
	{ "rereg.move.to_odp", run_move, 0, ODP, 0 },
	{ "rereg.move.to_pinned", run_move, ODP, 0, 0 },
	{ "rereg.access.pinned", run_access, 0, 0, 0 },
	{ "rereg.access.odp", run_access, ODP, 0, 0 },
	{ "rereg.pd.pinned", run_pd, 0, 0, 0 },
	{ "rereg.pd.odp", run_pd, ODP, 0, 0 },
	{ "rereg.errors.pinned", run_errors, 0, 0, 0 },
	{ "rereg.errors.odp", run_errors, ODP, 0, 0 },
	{ "rereg.busy.pinned", run_busy, 0, 0, 0 },
	{ "rereg.busy.odp", run_busy, ODP, 0, 0 },
	{ }
};
