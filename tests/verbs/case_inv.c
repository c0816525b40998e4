// SPDX-License-Identifier: GPL-2.0
/*
 * Keys that are invalidated: by their owner (LOCAL_INV), and by the peer that used them (SEND with
 * invalidate). What cannot be invalidated is a memory management operation error at the owner (IBA
 * 11.6.2), and a remote access error at the peer.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "window.h"

enum { FROM = 3333, LEN = 9999, ID = 0x1411 };

static uint64_t addr_of(const struct mw_rig *r, size_t off)
{
	return (uintptr_t)r->region.p + off;
}

static void bind_again(struct mw_rig *r, struct ibv_mw *mw)
{
	mw_bind(&r->p.b, mw, r->region.mr, addr_of(r, FROM), LEN, WINDOW_RIGHTS);
}

/* Bound, used and invalidated, over and over, with every variant of the key. */
static void run_local(const struct t_case *c)
{
	struct mw_rig r;
	struct ibv_mw *mw;

	(void)c;
	mw_rig_open(&r);
	mw = mw_open(r.p.b.dev->pd, IBV_MW_TYPE_2);
	for (int i = 0; i < 300; i++) {
		t_where("round %d", i);
		bind_again(&r, mw);
		mw_accepts(&r, IBV_WR_RDMA_WRITE, addr_of(&r, FROM), mw->rkey, FROM, 1 + i);
		mw_unbind(&r.p.b, mw);
		if (i % 20 == 0)
			mw_refuses(&r, IBV_WR_RDMA_READ, addr_of(&r, FROM), mw->rkey, 1 + i);
	}
	t_zero(ibv_dereg_mr(r.region.mr));
	r.region.mr = NULL;
	t_zero(ibv_dealloc_mw(mw));
	mw_rig_close(&r);
}

/* a SENDs @len bytes, with which b's key @rkey ends. */
static void send_inv(struct mw_rig *r, uint32_t rkey, size_t len)
{
	struct ibv_sge sge = buf_sge(&r->local, 3, len);
	struct op op = { .code = IBV_WR_SEND_WITH_INV, .sge = &sge, .nsge = 1, .id = ID,
			 .rkey = rkey };

	ep_post(&r->p.a, &op);
}

static void want_invalidated(struct mw_rig *r, uint32_t rkey, size_t len)
{
	struct ibv_wc wc;

	cq_poll(r->p.b.rcq, &wc, "receive");
	wc_want(&wc, IBV_WC_SUCCESS, "receive");
	t_check(wc.opcode == IBV_WC_RECV && wc.byte_len == len,
		"receive: got opcode %d byte_len %u, expected %d %zu", wc.opcode, wc.byte_len,
		IBV_WC_RECV, len);
	t_check(wc.wc_flags & IBV_WC_WITH_INV, "receive: got wc_flags %#x, without WITH_INV",
		wc.wc_flags);
	t_check(!(wc.wc_flags & IBV_WC_WITH_IMM), "receive: got wc_flags %#x, with WITH_IMM",
		wc.wc_flags);
	t_check(wc.invalidated_rkey == rkey, "receive: got key %#x, expected %#x",
		wc.invalidated_rkey, rkey);
	cq_want(r->p.a.scq, IBV_WC_SUCCESS, ID, "SEND_WITH_INV");
}

/* Of one packet, of several, of none at all; the receive may come late. */
static void run_send(const struct t_case *c)
{
	static const size_t lens[] = { 0, 1, 777, 4096, 4097, 20001 };
	struct ibv_sge sge;
	struct mw_rig r;
	struct ibv_mw *mw;
	struct buf in;

	mw_rig_open(&r);
	buf_open(&in, r.p.b.dev, 30000, 5, IBV_ACCESS_LOCAL_WRITE);
	mw = mw_open(r.p.b.dev->pd, IBV_MW_TYPE_2);
	for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		t_where("%zu bytes", lens[i]);
		bind_again(&r, mw);
		mw_accepts(&r, IBV_WR_RDMA_WRITE, addr_of(&r, FROM), mw->rkey, FROM, LEN);
		sge = buf_sge(&in, 7, 25000);
		if (!c->arg)
			ep_recv(&r.p.b, &sge, 1, 1);
		send_inv(&r, mw->rkey, lens[i]);
		if (c->arg) {
			usleep(20000);
			ep_recv(&r.p.b, &sge, 1, 1);
		}
		want_invalidated(&r, mw->rkey, lens[i]);
		buf_expect(&in, 7, lens[i], r.local.seed, 3, "receive buffer");
		mw_refuses(&r, IBV_WR_RDMA_WRITE, addr_of(&r, FROM), mw->rkey, LEN);
		buf_refill(&in);
	}
	t_where("%s", "");
	pair_proves(&r.p);
	t_zero(ibv_dealloc_mw(mw));
	buf_close(&in);
	mw_rig_close(&r);
}

enum not_ours { UNKNOWN, USER_REGION, TYPE_1, VARIANT, NOT_BOUND, OTHER_QP, OTHER_PD, GONE, NUM };

static uint32_t make_key(struct mw_rig *r, struct ep *other, enum not_ours kind)
{
	struct ibv_pd *pd = r->p.b.dev->pd;
	struct ibv_mw *mw;

	switch (kind) {
	case UNKNOWN:
		return 0xfedcba00;
	case USER_REGION:
		return r->region.mr->lkey;
	case TYPE_1:
		mw = mw_open(pd, IBV_MW_TYPE_1);
		bind_again(r, mw);
		return mw->rkey;
	case VARIANT:
		mw = mw_open(pd, IBV_MW_TYPE_2);
		bind_again(r, mw);
		return mw->rkey ^ 1;
	case NOT_BOUND:
		return mw_open(pd, IBV_MW_TYPE_2)->rkey;
	case OTHER_QP:
		mw = mw_open(pd, IBV_MW_TYPE_2);
		mw_bind(other, mw, r->region.mr, addr_of(r, FROM), LEN, WINDOW_RIGHTS);
		return mw->rkey;
	case OTHER_PD:
		pd = ibv_alloc_pd(r->p.b.dev->ctx);
		t_check(pd, "ibv_alloc_pd: %s", strerror(errno));
		return mw_open(pd, IBV_MW_TYPE_2)->rkey;
	default:
		mw = mw_open(pd, IBV_MW_TYPE_2);
		bind_again(r, mw);
		t_zero(ibv_dealloc_mw(mw));
		return mw->rkey;
	}
}

static void refused_at_home(struct mw_rig *r, uint32_t rkey)
{
	struct op op = { .code = IBV_WR_LOCAL_INV, .id = ID, .rkey = rkey };

	mw_fails(&r->p, &r->p.b, &op, IBV_WC_MW_BIND_ERR);
}

static void refused_by_peer(struct mw_rig *r, uint32_t rkey)
{
	ep_recv(&r->p.b, NULL, 0, 1);
	ep_recv(&r->p.b, NULL, 0, 2);
	send_inv(r, rkey, 0);
	cq_want(r->p.a.scq, IBV_WC_REM_ACCESS_ERR, ID, "SEND_WITH_INV");
	cq_want(r->p.b.rcq, IBV_WC_MW_BIND_ERR, 1, "the receive that it took");
	cq_want(r->p.b.rcq, IBV_WC_WR_FLUSH_ERR, 2, "the receive behind it");
	ep_want_state(&r->p.a, IBV_QPS_ERR, "requester's");
	ep_await_state(&r->p.b, IBV_QPS_ERR, "responder's", 2);
	ep_pair_again(&r->p);
}

static void run_refused(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair other;
	struct mw_rig r;

	mw_rig_open(&r);
	ep_pair_open(&other, &cfg);
	for (int kind = 0; kind < NUM; kind++) {
		t_where("key %d", kind);
		if (c->arg)
			refused_by_peer(&r, make_key(&r, &other.b, kind));
		else
			refused_at_home(&r, make_key(&r, &other.b, kind));
	}
	t_where("%s", "");
	pair_proves(&r.p);
}

/*
 * With a fence an invalidation waits for all before it, without one for nothing; either way it
 * completes in its place. The READ is of b's own end.
 */
static void run_fence(const struct t_case *c)
{
	struct ibv_sge read_sge, write_sge;
	struct op read, write, inv;
	struct mw_rig r;
	struct ibv_mw *mw;
	struct buf remote;

	(void)c;
	mw_rig_open(&r);
	buf_open(&remote, r.p.a.dev, 30000, 9, RIGHTS_ALL);
	mw = mw_open(r.p.b.dev->pd, IBV_MW_TYPE_2);
	for (int i = 0; i < 50; i++) {
		t_where("round %d", i);
		bind_again(&r, mw);
		read_sge = buf_sge(&r.region, 100, 12000);
		write_sge = buf_sge(&r.region, 15000, 12000);
		read = (struct op) { .code = IBV_WR_RDMA_READ, .sge = &read_sge, .nsge = 1,
			.id = 1, .raddr = (uintptr_t)remote.p, .rkey = remote.mr->rkey };
		write = (struct op) { .code = IBV_WR_RDMA_WRITE, .sge = &write_sge, .nsge = 1,
			.id = 2, .raddr = (uintptr_t)remote.p + 15000, .rkey = remote.mr->rkey };
		inv = (struct op) { .code = IBV_WR_LOCAL_INV, .id = 3, .rkey = mw->rkey,
			.flags = i % 2 ? IBV_SEND_FENCE : 0 };
		ep_post(&r.p.b, &read);
		ep_post(&r.p.b, &write);
		ep_post(&r.p.b, &inv);
		write.id = 4;
		ep_post(&r.p.b, &write);
		for (int id = 1; id <= 4; id++)
			cq_want(r.p.b.scq, IBV_WC_SUCCESS, id, "one of four in a row");
		buf_expect(&r.region, 100, 12000, remote.seed, 0, "what was read");
		buf_expect(&remote, 15000, 12000, r.region.seed, 15000, "what was written");
		buf_refill(&r.region);
		buf_refill(&remote);
	}
	buf_close(&remote);
	t_zero(ibv_dealloc_mw(mw));
	mw_rig_close(&r);
}

/* What is posted behind what fails is flushed, whatever it is, and not executed. */
static void run_flushed(const struct t_case *c)
{
	struct mw_rig r;
	struct ibv_mw *mw;
	struct op bad = { .code = IBV_WR_LOCAL_INV, .id = 1, .rkey = 0xfedcba00 }, bind;
	int rc;

	(void)c;
	mw_rig_open(&r);
	mw = mw_open(r.p.b.dev->pd, IBV_MW_TYPE_2);
	bind = mw_op(mw, r.region.mr, addr_of(&r, FROM), LEN, WINDOW_RIGHTS);
	ep_post(&r.p.b, &bad);
	ep_post(&r.p.b, &bind);
	cq_want(r.p.b.scq, IBV_WC_MW_BIND_ERR, 1, "LOCAL_INV of nothing");
	cq_want(r.p.b.scq, IBV_WC_WR_FLUSH_ERR, bind.id, "BIND_MW behind it");
	rc = ibv_dereg_mr(r.region.mr);
	t_check(!rc, "dereg_mr: got %s; was the window bound?", t_errname(rc));
	r.region.mr = NULL;
	t_zero(ibv_dealloc_mw(mw));
	mw_rig_close(&r);
}

/* Fast registration is the kernel's: a program that posts its opcode gets an error. */
static void run_reg_mr(const struct t_case *c)
{
	struct op op = { .code = 0x20, .id = ID, .rkey = 0x100 };
	struct mw_rig r;

	(void)c;
	mw_rig_open(&r);
	mw_fails(&r.p, &r.p.b, &op, IBV_WC_LOC_QP_OP_ERR);
	pair_proves(&r.p);
	mw_rig_close(&r);
}

const struct t_case cases_inv[] = {
	{ "inv.local", run_local, 0, 0, 0 },
	{ "inv.send", run_send, 0, 0, 0 },
	{ "inv.send.late", run_send, 1, 0, 0 },
	{ "inv.refused.local", run_refused, 0, 0, 0 },
	{ "inv.refused.send", run_refused, 1, 0, 0 },
	{ "inv.fence", run_fence, 0, 0, 0 },
	{ "inv.flushed", run_flushed, 0, 0, 0 },
	{ "inv.reg_mr", run_reg_mr, 0, 0, 0 },
	{ }
};
