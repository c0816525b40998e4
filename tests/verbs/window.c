// SPDX-License-Identifier: GPL-2.0
/*
 * Windows, see window.h. They are bound at the responder's end, by its own send queue.
 */
#include <errno.h>
#include <string.h>

#include "window.h"

enum { REGION = 30000, SKEW = 4001, ID = 0x3137 };

void mw_rig_open(struct mw_rig *r)
{
	struct ep_cfg cfg = ep_rc();

	ep_pair_open(&r->p, &cfg);
	buf_open(&r->local, r->p.a.dev, REGION, 77, IBV_ACCESS_LOCAL_WRITE);
	buf_open(&r->region, r->p.b.dev, REGION, SKEW, REGION_RIGHTS);
}

void mw_rig_close(struct mw_rig *r)
{
	ep_pair_close(&r->p);
	buf_close(&r->local);
	buf_close(&r->region);
}

struct ibv_mw *mw_open(struct ibv_pd *pd, enum ibv_mw_type type)
{
	struct ibv_mw *mw = ibv_alloc_mw(pd, type);

	t_check(mw, "ibv_alloc_mw(type %d): %s", type, strerror(errno));
	t_check(mw->rkey, "ibv_alloc_mw: got no key");
	return mw;
}

uint32_t mw_next_key(uint32_t rkey)
{
	return (rkey & ~0xffU) | ((rkey + 1) & 0xff);
}

struct op mw_op(struct ibv_mw *mw, struct ibv_mr *mr, uint64_t addr, uint64_t len, int access)
{
	return (struct op) {
		.code = IBV_WR_BIND_MW, .id = ID, .mw = mw, .rkey = mw_next_key(mw->rkey),
		.bind = { .mr = mr, .addr = addr, .length = len, .mw_access_flags = access },
	};
}

/* The library changes mw->rkey by itself when a window of type 1 is bound by its own call. */
static void bind_type_1(struct ep *e, struct ibv_mw *mw, const struct op *op)
{
	struct ibv_mw_bind bind = {
		.wr_id = ID, .send_flags = IBV_SEND_SIGNALED, .bind_info = op->bind,
	};

	t_zero(ibv_bind_mw(e->qp, mw, &bind));
}

static void want_bound(struct ep *e)
{
	struct ibv_wc wc;

	cq_poll(e->scq, &wc, "BIND_MW");
	wc_want(&wc, IBV_WC_SUCCESS, "BIND_MW");
	t_check(wc.wr_id == ID && wc.opcode == IBV_WC_BIND_MW,
		"BIND_MW: got wr_id %#lx opcode %d, expected %#x %d", wc.wr_id, wc.opcode, ID,
		IBV_WC_BIND_MW);
}

void mw_bind(struct ep *e, struct ibv_mw *mw, struct ibv_mr *mr, uint64_t addr, uint64_t len,
	     int access)
{
	struct op op = mw_op(mw, mr, addr, len, access);
	uint32_t old = mw->rkey;

	if (mw->type == IBV_MW_TYPE_1) {
		bind_type_1(e, mw, &op);
	} else {
		ep_post(e, &op);
		mw->rkey = op.rkey;
	}
	want_bound(e);
	t_check(mw->rkey != old && mw->rkey >> 8 == old >> 8, "bound: key %#x became %#x", old,
		mw->rkey);
}

void mw_unbind(struct ep *e, struct ibv_mw *mw)
{
	struct op inv = { .code = IBV_WR_LOCAL_INV, .id = ID, .rkey = mw->rkey };
	/* The library wants a region to be named, and the kernel does not look at it. */
	struct ibv_mr none = { .pd = mw->pd };
	struct ibv_wc wc;

	if (mw->type == IBV_MW_TYPE_1) {
		mw_bind(e, mw, &none, 0, 0, 0);
		return;
	}
	ep_post(e, &inv);
	cq_poll(e->scq, &wc, "LOCAL_INV");
	wc_want(&wc, IBV_WC_SUCCESS, "LOCAL_INV");
	t_check(wc.opcode == IBV_WC_LOCAL_INV, "LOCAL_INV: got opcode %d", wc.opcode);
}

void mw_fails(struct ep_pair *p, struct ep *e, const struct op *op, enum ibv_wc_status status)
{
	struct op behind = { .code = IBV_WR_SEND, .id = 0xbe1 };

	ep_post(e, op);
	ep_post(e, &behind);
	cq_want(e->scq, status, op->id, op_name(op->code));
	cq_want(e->scq, IBV_WC_WR_FLUSH_ERR, 0xbe1, "the SEND behind it");
	ep_want_state(e, IBV_QPS_ERR, "poster's");
	ep_pair_again(p);
}

static bool is_atomic(enum ibv_wr_opcode code)
{
	return code == IBV_WR_ATOMIC_CMP_AND_SWP || code == IBV_WR_ATOMIC_FETCH_AND_ADD;
}

static void post_access(struct mw_rig *r, enum ibv_wr_opcode code, uint64_t raddr,
			uint32_t rkey, size_t len)
{
	struct ibv_sge sge = buf_sge(&r->local, 9, is_atomic(code) ? 8 : len);
	struct op op = { .code = code, .sge = &sge, .nsge = 1, .id = ID, .raddr = raddr,
			 .rkey = rkey, .add = 0x123456789abcdef1, .swap = 0x2222 };

	if (op_takes_recv(code))
		ep_recv(&r->p.b, NULL, 0, 0x4ec);
	ep_post(&r->p.a, &op);
}

static void check_sum(struct mw_rig *r, size_t at)
{
	uint8_t before[8];
	uint64_t orig, now;

	pattern_fill(before, 8, r->region.seed, at);
	memcpy(&orig, before, 8);
	memcpy(&now, r->region.p + at, 8);
	t_check(now == orig + 0x123456789abcdef1, "FETCH_AND_ADD: got %#lx, expected %#lx", now,
		orig + 0x123456789abcdef1);
	buf_expect(&r->local, 9, 8, r->region.seed, at, "value before");
}

void mw_accepts(struct mw_rig *r, enum ibv_wr_opcode code, uint64_t raddr, uint32_t rkey,
		size_t at, size_t len)
{
	post_access(r, code, raddr, rkey, len);
	cq_want(r->p.a.scq, IBV_WC_SUCCESS, ID, op_name(code));
	if (code == IBV_WR_RDMA_READ)
		buf_expect(&r->local, 9, len, r->region.seed, at, "what was read");
	else if (code == IBV_WR_ATOMIC_FETCH_AND_ADD)
		check_sum(r, at);
	else
		buf_expect(&r->region, at, len, r->local.seed, 9, "region");
	if (op_takes_recv(code))
		cq_want(r->p.b.rcq, IBV_WC_SUCCESS, 0x4ec, "receive");
	buf_refill(&r->local);
	buf_refill(&r->region);
}

void mw_refuses(struct mw_rig *r, enum ibv_wr_opcode code, uint64_t raddr, uint32_t rkey,
		size_t len)
{
	post_access(r, code, raddr, rkey, len);
	cq_want(r->p.a.scq, IBV_WC_REM_ACCESS_ERR, ID, op_name(code));
	ep_want_state(&r->p.a, IBV_QPS_ERR, "requester's");
	ep_await_state(&r->p.b, IBV_QPS_ERR, "responder's", 2);
	buf_same(&r->region, "region");
	buf_same(&r->local, "local buffer");
	ep_pair_again(&r->p);
}
