// SPDX-License-Identifier: GPL-2.0
/*
 * Memory windows (IBA 10.6.7): that a window grants what it says and nothing else, whatever its
 * region grants; that only what IBA allows is bound; and that what is unbound is out of reach.
 *
 * The region has no remote right of its own, so every access that succeeds does by the window. A
 * refusal moves both QPs to ERR; they are reset then, which unbinds a window of type 2.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "shooter.h"
#include "window.h"

enum { FROM = 3333, LEN = 9999 };

static const enum ibv_wr_opcode data_ops[] = {
	IBV_WR_RDMA_WRITE, IBV_WR_RDMA_READ, IBV_WR_RDMA_WRITE_WITH_IMM,
};

static uint64_t addr_of(const struct mw_rig *r, size_t off)
{
	return (uintptr_t)r->region.p + off;
}

static void bind_again(struct mw_rig *r, struct ibv_mw *mw, int access)
{
	mw_bind(&r->p.b, mw, r->region.mr, addr_of(r, FROM), LEN, access);
}

/* Up to each edge and one byte beyond it, by accesses of a byte and of several packets. */
static void edges(struct mw_rig *r, struct ibv_mw *mw, int access, enum ibv_wr_opcode code)
{
	static const size_t lens[] = { 1, 5001, LEN };
	uint64_t first = access & IBV_ACCESS_ZERO_BASED ? 0 : addr_of(r, FROM);

	for (int i = 0; i < 3; i++) {
		size_t len = lens[i];

		t_where("%s of %zu", op_name(code), len);
		bind_again(r, mw, access);
		mw_accepts(r, code, first, mw->rkey, FROM, len);
		mw_accepts(r, code, first + LEN - len, mw->rkey, FROM + LEN - len, len);
		mw_refuses(r, code, first - 1, mw->rkey, len);
		if (mw->type == IBV_MW_TYPE_2)
			bind_again(r, mw, access);
		mw_refuses(r, code, first + LEN - len + 1, mw->rkey, len);
		if (mw->type == IBV_MW_TYPE_1)
			mw_unbind(&r->p.b, mw);
	}
}

static void run_edges(const struct t_case *c)
{
	struct mw_rig r;
	struct ibv_mw *mw;

	mw_rig_open(&r);
	mw = mw_open(r.p.b.dev->pd, c->arg);
	for (int i = 0; i < 3; i++)
		edges(&r, mw, WINDOW_RIGHTS | c->arg2, data_ops[i]);
	t_where("%s", "");
	pair_proves(&r.p);
	t_zero(ibv_dealloc_mw(mw));
	mw_rig_close(&r);
}

/* Atomics: whole words at each end of the window, and one word beyond. */
static void run_atomics(const struct t_case *c)
{
	struct mw_rig r;
	struct ibv_mw *mw;
	size_t from;

	mw_rig_open(&r);
	from = 4096 + (8 - addr_of(&r, 0) % 8) % 8;
	mw = mw_open(r.p.b.dev->pd, c->arg);
	mw_bind(&r.p.b, mw, r.region.mr, addr_of(&r, from), 64, WINDOW_RIGHTS);
	for (int i = 0; i < 8; i++)
		mw_accepts(&r, IBV_WR_ATOMIC_FETCH_AND_ADD, addr_of(&r, from + 8 * i), mw->rkey,
			   from + 8 * i, 8);
	mw_refuses(&r, IBV_WR_ATOMIC_FETCH_AND_ADD, addr_of(&r, from + 64), mw->rkey, 8);
	if (c->arg == IBV_MW_TYPE_2)
		mw_bind(&r.p.b, mw, r.region.mr, addr_of(&r, from), 64, WINDOW_RIGHTS);
	mw_refuses(&r, IBV_WR_ATOMIC_CMP_AND_SWP, addr_of(&r, from - 8), mw->rkey, 8);
	t_zero(ibv_dealloc_mw(mw));
	mw_rig_close(&r);
}

/* Each set of rights, against each operation. */
static void run_rights(const struct t_case *c)
{
	static const struct {
		enum ibv_wr_opcode code;
		int right;
	} ops[] = {
		{ IBV_WR_RDMA_WRITE, IBV_ACCESS_REMOTE_WRITE },
		{ IBV_WR_RDMA_READ, IBV_ACCESS_REMOTE_READ },
		{ IBV_WR_ATOMIC_FETCH_AND_ADD, IBV_ACCESS_REMOTE_ATOMIC },
	};
	struct mw_rig r;
	struct ibv_mw *mw;

	mw_rig_open(&r);
	mw = mw_open(r.p.b.dev->pd, c->arg);
	for (int rights = 0; rights <= WINDOW_RIGHTS; rights += 2) {
		for (int i = 0; i < 3; i++) {
			size_t at = 4096 + (8 - addr_of(&r, 0) % 8) % 8;

			t_where("rights %#x, %s", rights, op_name(ops[i].code));
			bind_again(&r, mw, rights);
			if (rights & ops[i].right)
				mw_accepts(&r, ops[i].code, addr_of(&r, at), mw->rkey, at, 8);
			else
				mw_refuses(&r, ops[i].code, addr_of(&r, at), mw->rkey, 8);
			if ((rights & ops[i].right) || c->arg == IBV_MW_TYPE_1)
				mw_unbind(&r.p.b, mw);
		}
	}
	t_zero(ibv_dealloc_mw(mw));
	mw_rig_close(&r);
}

/* With every binding the former key is none; without a binding there is no key. */
static void run_keys(const struct t_case *c)
{
	struct mw_rig r;
	struct ibv_mw *mw;
	uint32_t old;

	mw_rig_open(&r);
	mw = mw_open(r.p.b.dev->pd, c->arg);
	mw_refuses(&r, IBV_WR_RDMA_WRITE, addr_of(&r, FROM), mw->rkey, 100);
	for (int i = 0; i < 4; i++) {
		t_where("binding %d", i);
		old = mw->rkey;
		bind_again(&r, mw, WINDOW_RIGHTS);
		mw_accepts(&r, IBV_WR_RDMA_WRITE, addr_of(&r, FROM + i), mw->rkey, FROM + i, 100);
		mw_refuses(&r, IBV_WR_RDMA_WRITE, addr_of(&r, FROM), old, 100);
		if (c->arg == IBV_MW_TYPE_1) {
			/* Bound anew while it is bound: elsewhere, and back by the next round. */
			mw_bind(&r.p.b, mw, r.region.mr, addr_of(&r, 1), 7, WINDOW_RIGHTS);
			mw_accepts(&r, IBV_WR_RDMA_READ, addr_of(&r, 1), mw->rkey, 1, 7);
			mw_refuses(&r, IBV_WR_RDMA_READ, addr_of(&r, FROM), mw->rkey, 7);
		} else {
			bind_again(&r, mw, WINDOW_RIGHTS);
			mw_refuses(&r, IBV_WR_RDMA_READ, addr_of(&r, FROM), mw->rkey ^ 0x80, 7);
		}
	}
	t_where("%s", "");
	if (c->arg == IBV_MW_TYPE_2)
		bind_again(&r, mw, WINDOW_RIGHTS);
	old = mw->rkey;
	mw_unbind(&r.p.b, mw);
	mw_refuses(&r, IBV_WR_RDMA_READ, addr_of(&r, FROM), old, 7);
	mw_refuses(&r, IBV_WR_RDMA_READ, addr_of(&r, FROM), mw->rkey, 7);
	t_zero(ibv_dealloc_mw(mw));
	mw_refuses(&r, IBV_WR_RDMA_READ, addr_of(&r, FROM), mw_next_key(old), 7);
	mw_rig_close(&r);
}

/* An rkey is no lkey, not even to its owner. */
static void run_no_lkey(const struct t_case *c)
{
	struct ibv_sge sge;
	struct mw_rig r;
	struct ibv_mw *mw;
	struct op op;

	mw_rig_open(&r);
	mw = mw_open(r.p.b.dev->pd, c->arg);
	bind_again(&r, mw, WINDOW_RIGHTS);
	sge = buf_sge(&r.region, FROM, 100);
	sge.lkey = mw->rkey;
	op = (struct op) { .code = IBV_WR_SEND, .sge = &sge, .nsge = 1, .id = 0x17 };
	mw_fails(&r.p, &r.p.b, &op, IBV_WC_LOC_PROT_ERR);
	t_zero(ibv_dealloc_mw(mw));
	mw_rig_close(&r);
}

enum bad_bind {
	BAD_LKEY, BAD_RKEY, BAD_INDEX, BAD_BEFORE, BAD_BEYOND, BAD_RIGHT, NO_BIND_RIGHT,
	NO_LOCAL_WRITE, OTHER_PD_WINDOW, NO_NEW_KEY, BOUND_TWICE, NO_LENGTH, REGION_IS_WINDOW,
};

static void spoil(struct mw_rig *r, struct op *op, struct ibv_mw *mw, struct ibv_mr *mr,
		  enum bad_bind how)
{
	struct ibv_pd *pd;
	struct ibv_mw *other;

	switch (how) {
	case BAD_LKEY:
		mr->lkey ^= 1;
		break;
	case BAD_RKEY:
		mw->rkey ^= 1;
		break;
	case BAD_INDEX:
		op->rkey ^= 0x100;
		break;
	case BAD_BEFORE:
		op->bind.addr = addr_of(r, -1);
		break;
	case BAD_BEYOND:
		op->bind.length = r->region.len - FROM + 1;
		break;
	case BAD_RIGHT:
		op->bind.mw_access_flags |= IBV_ACCESS_MW_BIND;
		break;
	case NO_BIND_RIGHT:
		mr->lkey = r->local.mr->lkey;
		op->bind.addr = (uintptr_t)r->local.p;
		break;
	case OTHER_PD_WINDOW:
		pd = ibv_alloc_pd(r->p.b.dev->ctx);
		t_check(pd, "ibv_alloc_pd: %s", strerror(errno));
		other = mw_open(pd, mw->type);
		mw->rkey = other->rkey;
		op->rkey = mw_next_key(other->rkey);
		break;
	case NO_NEW_KEY:
		op->rkey = mw->rkey;
		break;
	case NO_LENGTH:
		op->bind.length = 0;
		break;
	default:
		break;
	}
}

static void bad_bind(struct mw_rig *r, enum ibv_mw_type type, enum bad_bind how)
{
	struct ibv_mw *mw = mw_open(r->p.b.dev->pd, type), copy = *mw;
	struct ibv_mr mr = *r->region.mr;
	struct op op;

	t_where("type %d, bad binding %d", type, how);
	if (how == BOUND_TWICE)
		bind_again(r, mw, WINDOW_RIGHTS);
	op = mw_op(&copy, &mr, addr_of(r, FROM), LEN, WINDOW_RIGHTS);
	op.rkey = mw_next_key(mw->rkey);
	copy = *mw;
	spoil(r, &op, &copy, &mr, how);
	mw_fails(&r->p, &r->p.b, &op, IBV_WC_MW_BIND_ERR);
	mw_refuses(r, IBV_WR_RDMA_READ, addr_of(r, FROM), op.rkey, 10);
	/* The window is none the worse for it. */
	bind_again(r, mw, WINDOW_RIGHTS);
	mw_accepts(r, IBV_WR_RDMA_READ, addr_of(r, FROM), mw->rkey, FROM, 10);
	t_zero(ibv_dealloc_mw(mw));
}

static void run_bad_bind(const struct t_case *c)
{
	static const enum bad_bind both[] = {
		BAD_LKEY, BAD_RKEY, BAD_INDEX, BAD_BEFORE, BAD_BEYOND, BAD_RIGHT, NO_BIND_RIGHT,
		OTHER_PD_WINDOW,
	};
	struct mw_rig r;

	mw_rig_open(&r);
	for (unsigned int i = 0; i < sizeof(both) / sizeof(both[0]); i++)
		bad_bind(&r, c->arg, both[i]);
	if (c->arg == IBV_MW_TYPE_1) {
		bad_bind(&r, c->arg, NO_NEW_KEY);
	} else {
		bad_bind(&r, c->arg, BOUND_TWICE);
		bad_bind(&r, c->arg, NO_LENGTH);
	}
	t_where("%s", "");
	pair_proves(&r.p);
	mw_rig_close(&r);
}

/* Whoever may change memory by a window, its owner must be allowed to (IBA 10.6.7). */
static void run_local_write(const struct t_case *c)
{
	static const int changes[] = { IBV_ACCESS_REMOTE_WRITE, IBV_ACCESS_REMOTE_ATOMIC };
	struct buf readable;
	struct mw_rig r;
	struct ibv_mw *mw;
	struct op op;

	mw_rig_open(&r);
	buf_open(&readable, r.p.b.dev, 5000, 1, IBV_ACCESS_MW_BIND);
	mw = mw_open(r.p.b.dev->pd, c->arg);
	for (int i = 0; i < 2; i++) {
		op = mw_op(mw, readable.mr, (uintptr_t)readable.p, 5000, changes[i]);
		mw_fails(&r.p, &r.p.b, &op, IBV_WC_MW_BIND_ERR);
	}
	mw_bind(&r.p.b, mw, readable.mr, (uintptr_t)readable.p, 5000, IBV_ACCESS_REMOTE_READ);
	buf_close(&r.region);
	r.region = readable;
	mw_accepts(&r, IBV_WR_RDMA_READ, addr_of(&r, 17), mw->rkey, 17, 4900);
	t_zero(ibv_dealloc_mw(mw));
	mw_rig_close(&r);
}

/* A region stays as long as a window is bound to it. */
static void run_dereg(const struct t_case *c)
{
	struct mw_rig r;
	struct ibv_mw *mw, *second;
	int rc;

	mw_rig_open(&r);
	mw = mw_open(r.p.b.dev->pd, c->arg);
	second = mw_open(r.p.b.dev->pd, c->arg);
	bind_again(&r, mw, WINDOW_RIGHTS);
	bind_again(&r, second, WINDOW_RIGHTS);
	mw_unbind(&r.p.b, second);
	rc = ibv_dereg_mr(r.region.mr);
	t_check(rc == EBUSY, "dereg_mr with a window: got %s, expected EBUSY", t_errname(rc));
	mw_accepts(&r, IBV_WR_RDMA_WRITE, addr_of(&r, FROM), mw->rkey, FROM, 5000);
	if (c->arg2)
		t_zero(ibv_dealloc_mw(mw));
	else
		mw_unbind(&r.p.b, mw);
	t_zero(ibv_dereg_mr(r.region.mr));
	r.region.mr = NULL;
	mw_refuses(&r, IBV_WR_RDMA_WRITE, addr_of(&r, FROM), mw->rkey, 5000);
	mw_rig_close(&r);
}

/* The end of a QP is the end of its windows of type 2: destroyed here, reset in other cases. */
static void run_qp_gone(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair other;
	struct mw_rig r;
	struct ibv_mw *mw;
	int rc;

	mw_rig_open(&r);
	ep_pair_open(&other, &cfg);
	mw = mw_open(r.p.b.dev->pd, c->arg);
	mw_bind(&other.b, mw, r.region.mr, addr_of(&r, FROM), LEN, WINDOW_RIGHTS);
	/* Only the QP that bound it may use a window of type 2, and every QP one of type 1. */
	if (c->arg == IBV_MW_TYPE_1)
		mw_accepts(&r, IBV_WR_RDMA_READ, addr_of(&r, FROM), mw->rkey, FROM, LEN);
	else
		mw_refuses(&r, IBV_WR_RDMA_READ, addr_of(&r, FROM), mw->rkey, LEN);
	rc = ibv_dereg_mr(r.region.mr);
	t_check(rc == EBUSY, "dereg_mr with a window: got %s, expected EBUSY", t_errname(rc));
	ep_pair_close(&other);
	if (c->arg == IBV_MW_TYPE_1) {
		mw_accepts(&r, IBV_WR_RDMA_READ, addr_of(&r, FROM), mw->rkey, FROM, LEN);
		mw_unbind(&r.p.b, mw);
	}
	t_zero(ibv_dereg_mr(r.region.mr));
	r.region.mr = NULL;
	t_zero(ibv_dealloc_mw(mw));
	mw_rig_close(&r);
}

/* A program that ends with everything bound: the kernel takes it all back. */
static void run_left(const struct t_case *c)
{
	struct mw_rig r;
	struct ibv_mw *mw;

	/* Made before the region, and after it: whichever the kernel takes first. */
	mw = mw_open(ep_dev(1)->pd, c->arg);
	mw_rig_open(&r);
	bind_again(&r, mw, WINDOW_RIGHTS);
	bind_again(&r, mw_open(r.p.b.dev->pd, c->arg), WINDOW_RIGHTS);
	mw_accepts(&r, IBV_WR_RDMA_READ, addr_of(&r, FROM), mw->rkey, FROM, LEN);
}

/* A window on the whole address space shows its part of it, and no more. */
static void run_implicit(const struct t_case *c)
{
	struct ibv_mr *all;
	struct mw_rig r;
	struct ibv_mw *mw;

	mw_rig_open(&r);
	all = ibv_reg_mr(r.p.b.dev->pd, NULL, SIZE_MAX, REGION_RIGHTS | IBV_ACCESS_ON_DEMAND);
	t_check(all, "ibv_reg_mr of everything: %s", strerror(errno));
	t_zero(ibv_dereg_mr(r.region.mr));
	r.region.mr = all;
	mw = mw_open(r.p.b.dev->pd, c->arg);
	for (int i = 0; i < 3; i++)
		edges(&r, mw, WINDOW_RIGHTS, data_ops[i]);
	t_zero(ibv_dealloc_mw(mw));
	mw_rig_close(&r);
}

enum { ROUNDS = 100 };

/* Each round binds, tells the peer by a SEND behind it, is written to, and unbinds. */
static void run_order(const struct t_case *c)
{
	struct mw_rig r;
	struct ibv_mw *mw;
	struct op op, tell = { .code = IBV_WR_SEND, .id = 2 };

	mw_rig_open(&r);
	mw = mw_open(r.p.b.dev->pd, c->arg);
	for (int i = 0; i < ROUNDS; i++) {
		t_where("round %d", i);
		op = mw_op(mw, r.region.mr, addr_of(&r, FROM + i), LEN, WINDOW_RIGHTS);
		op.flags = i % 3 ? 0 : IBV_SEND_FENCE;
		ep_recv(&r.p.a, NULL, 0, 1);
		ep_post(&r.p.b, &op);
		ep_post(&r.p.b, &tell);
		cq_want(r.p.a.rcq, IBV_WC_SUCCESS, 1, "receive");
		mw->rkey = op.rkey;
		mw_accepts(&r, data_ops[i % 3], addr_of(&r, FROM + i), mw->rkey, FROM + i, LEN);
		cq_want(r.p.b.scq, IBV_WC_SUCCESS, op.id, "BIND_MW");
		cq_want(r.p.b.scq, IBV_WC_SUCCESS, 2, "SEND");
		mw_unbind(&r.p.b, mw);
	}
	t_zero(ibv_dealloc_mw(mw));
	mw_rig_close(&r);
}

enum { SHOTS = 60, MESSAGE = 20000 };

/* When the window is unbound, not a byte changes any more, however fast the peer writes. */
static void run_revoked(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair other;
	struct shooter s;
	struct ep *binder;
	struct mw_rig r;
	struct ibv_mw *mw;
	uint8_t *copy;

	mw_rig_open(&r);
	ep_pair_open(&other, &cfg);
	/* A type 1 window by another QP, so at the same time on another CPU. */
	binder = c->arg == IBV_MW_TYPE_1 ? &other.b : &r.p.b;
	mw = mw_open(r.p.b.dev->pd, c->arg);
	copy = malloc(MESSAGE);
	for (int i = 0; i < SHOTS; i++) {
		t_where("shot %d", i);
		mw_bind(binder, mw, r.region.mr, addr_of(&r, 0), MESSAGE, WINDOW_RIGHTS);
		s = (struct shooter) {
			.e = &r.p.a, .sge = buf_sge(&r.local, 0, MESSAGE), .spread = 4096,
			.op = { .code = IBV_WR_RDMA_WRITE, .raddr = (uintptr_t)r.region.p,
				.rkey = mw->rkey },
		};
		shooter_start(&s);
		usleep(t_rand() % 500);
		mw_unbind(binder, mw);
		memcpy(copy, r.region.p, MESSAGE);
		shooter_refused(&s);
		t_check(!memcmp(copy, r.region.p, MESSAGE), "the region changed after the end");
		ep_await_state(&r.p.b, IBV_QPS_ERR, "responder's", 2);
		ep_pair_again(&r.p);
	}
	free(copy);
	t_zero(ibv_dealloc_mw(mw));
	ep_pair_close(&other);
	mw_rig_close(&r);
}

/* Windows on a region come and go while others are written through. */
static void run_busy(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ibv_mw *mw, *other;
	struct ep_pair second;
	struct mw_rig r;

	mw_rig_open(&r);
	ep_pair_open(&second, &cfg);
	mw = mw_open(r.p.b.dev->pd, c->arg);
	other = mw_open(r.p.b.dev->pd, c->arg);
	bind_again(&r, mw, WINDOW_RIGHTS);
	for (int i = 0; i < 200; i++) {
		t_where("round %d", i);
		mw_bind(&second.b, other, r.region.mr, addr_of(&r, FROM + i), 1 + i, WINDOW_RIGHTS);
		mw_accepts(&r, data_ops[i % 3], addr_of(&r, FROM + i), mw->rkey, FROM + i,
			   LEN - 200);
		mw_unbind(&second.b, other);
	}
	t_zero(ibv_dealloc_mw(mw));
	t_zero(ibv_dealloc_mw(other));
	ep_pair_close(&second);
	mw_rig_close(&r);
}

#define T1	IBV_MW_TYPE_1
#define T2	IBV_MW_TYPE_2

const struct t_case cases_mw[] = {
	{ "mw.edges.type1", run_edges, T1, 0, 0 },
	{ "mw.edges.type2", run_edges, T2, 0, 0 },
	{ "mw.edges.zero_based", run_edges, T2, IBV_ACCESS_ZERO_BASED, 0 },
	{ "mw.edges.implicit.type1", run_implicit, T1, 0, 0 },
	{ "mw.edges.implicit.type2", run_implicit, T2, 0, 0 },
	{ "mw.atomics.type1", run_atomics, T1, 0, 0 },
	{ "mw.atomics.type2", run_atomics, T2, 0, 0 },
	{ "mw.rights.type1", run_rights, T1, 0, 0 },
	{ "mw.rights.type2", run_rights, T2, 0, 0 },
	{ "mw.keys.type1", run_keys, T1, 0, 0 },
	{ "mw.keys.type2", run_keys, T2, 0, 0 },
	{ "mw.no_lkey.type1", run_no_lkey, T1, 0, 0 },
	{ "mw.no_lkey.type2", run_no_lkey, T2, 0, 0 },
	{ "mw.bad_bind.type1", run_bad_bind, T1, 0, 0 },
	{ "mw.bad_bind.type2", run_bad_bind, T2, 0, 0 },
	{ "mw.local_write.type1", run_local_write, T1, 0, 0 },
	{ "mw.local_write.type2", run_local_write, T2, 0, 0 },
	{ "mw.dereg.unbind.type1", run_dereg, T1, 0, 0 },
	{ "mw.dereg.unbind.type2", run_dereg, T2, 0, 0 },
	{ "mw.dereg.dealloc.type1", run_dereg, T1, 1, 0 },
	{ "mw.dereg.dealloc.type2", run_dereg, T2, 1, 0 },
	{ "mw.qp_gone.type1", run_qp_gone, T1, 0, 0 },
	{ "mw.qp_gone.type2", run_qp_gone, T2, 0, 0 },
	{ "mw.left.type1", run_left, T1, 0, 0 },
	{ "mw.left.type2", run_left, T2, 0, 0 },
	{ "mw.order.type1", run_order, T1, 0, 60 },
	{ "mw.order.type2", run_order, T2, 0, 60 },
	{ "mw.revoked.type1", run_revoked, T1, 0, 60 },
	{ "mw.revoked.type2", run_revoked, T2, 0, 60 },
	{ "mw.busy.type1", run_busy, T1, 0, 0 },
	{ "mw.busy.type2", run_busy, T2, 0, 0 },
	{ }
};
