// SPDX-License-Identifier: GPL-2.0
/*
 * uc.*, ud.*: what unreliable services do in other ways than the reliable one. Operations that they
 * lack; the error state of the send queue alone, from which there is a way back (IBA 10.3.1.5); and
 * memory windows, whose refusals nobody is told of.
 */
#include <errno.h>
#include <string.h>

#include "cases.h"
#include "window.h"

enum { ID = 0x0c1, BEHIND, LATER, LEN = 3001, ROOM = 9000, GRH = 40 };

/* Two ends of one service with a buffer each, and address handles both ways. */
struct rig {
	struct ep_pair p;
	struct buf a, b;
	struct ibv_ah *to_b, *to_a;
	size_t len;		/* of a message */
	size_t head;		/* in front of it at the receiver */
};

static void rig_open(struct rig *r, enum ibv_qp_type type)
{
	struct ep_cfg cfg = type == IBV_QPT_UD ? ep_ud() : ep_uc();

	memset(r, 0, sizeof(*r));
	ep_pair_open(&r->p, &cfg);
	buf_open(&r->a, r->p.a.dev, ROOM, 77, RIGHTS_ALL);
	buf_open(&r->b, r->p.b.dev, ROOM, 4001, RIGHTS_ALL);
	r->len = LEN;
	if (type == IBV_QPT_UD) {
		r->to_b = ep_make_ah(r->p.a.dev, r->p.a.dev->pd, &r->p.b.dev->gid);
		r->to_a = ep_make_ah(r->p.b.dev, r->p.b.dev->pd, &r->p.a.dev->gid);
		r->len = 201;
		r->head = GRH;
	}
}

static void rig_close(struct rig *r)
{
	if (r->to_b) {
		t_zero(ibv_destroy_ah(r->to_b));
		t_zero(ibv_destroy_ah(r->to_a));
	}
	ep_pair_close(&r->p);
	buf_close(&r->a);
	buf_close(&r->b);
}

/* A message from end a to end b. @sge lives as long as the result. */
static struct op send_op(struct rig *r, struct ibv_sge *sge, uint64_t id)
{
	*sge = buf_sge(&r->a, 5, r->len);
	return (struct op) {
		.code = IBV_WR_SEND, .sge = sge, .nsge = 1, .id = id, .ah = r->to_b,
		.qpn = r->p.b.qp->qp_num, .qkey = r->p.b.cfg.qkey,
	};
}

/* It arrives, and is the next thing to arrive. */
static void carry(struct rig *r)
{
	struct ibv_sge from, to = buf_sge(&r->b, 11, r->head + r->len);
	struct op op = send_op(r, &from, ID);
	size_t end = 11 + r->head + r->len;

	buf_refill(&r->a);
	buf_refill(&r->b);
	ep_recv(&r->p.b, &to, 1, ID);
	ep_post(&r->p.a, &op);
	cq_want(r->p.a.scq, IBV_WC_SUCCESS, ID, "SEND");
	cq_want(r->p.b.rcq, IBV_WC_SUCCESS, ID, "receive");
	buf_range(&r->b, 0, 11, r->b.seed, 0, "before the receive");
	buf_range(&r->b, end - r->len, r->len, r->a.seed, 5, "receive");
	buf_range(&r->b, end, ROOM - end, r->b.seed, end, "behind the receive");
	buf_same(&r->a, "source");
}

static struct rig turned(const struct rig *r)
{
	struct rig t = *r;

	t.p = (struct ep_pair){ r->p.b, r->p.a };
	t.a = r->b;
	t.b = r->a;
	t.to_b = r->to_a;
	t.to_a = r->to_b;
	return t;
}

/* @bad completes with @status, and what stands behind it is flushed. */
static void fails(struct rig *r, const struct op *bad, enum ibv_wc_status status)
{
	struct ibv_sge sge;
	struct op behind = send_op(r, &sge, BEHIND);

	ep_post(&r->p.a, bad);
	ep_post(&r->p.a, &behind);
	cq_want(r->p.a.scq, status, bad->id, op_name(bad->code));
	cq_want(r->p.a.scq, IBV_WC_WR_FLUSH_ERR, BEHIND, "the SEND behind it");
	ep_want_state(&r->p.a, IBV_QPS_SQE, "requester's");
}

/* A source that no key names. */
static void fail_by_key(struct rig *r)
{
	struct ibv_sge sge;
	struct op bad = send_op(r, &sge, ID);

	sge.lkey ^= 0x40;
	fails(r, &bad, IBV_WC_LOC_PROT_ERR);
}

/*
 * Only the send queue has failed: what comes in is received, what is posted is flushed. Back in RTS
 * the next message arrives, and none of those before it.
 */
static void back_again(const struct t_case *c)
{
	struct ibv_sge sge;
	struct rig r, back;
	struct op later;

	rig_open(&r, c->arg);
	for (int i = 0; i < 3; i++) {
		t_where("time %d", i);
		fail_by_key(&r);
		back = turned(&r);
		carry(&back);
		later = send_op(&r, &sge, LATER);
		ep_post(&r.p.a, &later);
		cq_want(r.p.a.scq, IBV_WC_WR_FLUSH_ERR, LATER, "SEND in SQE");
		ep_to(&r.p.a, IBV_QPS_RTS);
		ep_want_state(&r.p.a, IBV_QPS_RTS, "requester's");
		carry(&r);
	}
	rig_close(&r);
}

/* Where the send queue error state leads, by the state alone. */
static void ways_out(const struct t_case *c)
{
	for (int to = IBV_QPS_RESET; to <= IBV_QPS_ERR; to++) {
		bool legal = to == IBV_QPS_RESET || to == IBV_QPS_RTS || to == IBV_QPS_ERR;
		struct ibv_qp_attr attr = { .qp_state = to };
		struct rig r;
		int rc;

		t_where("SQE to %s", ep_state_name(to));
		rig_open(&r, c->arg);
		fail_by_key(&r);
		rc = ibv_modify_qp(r.p.a.qp, &attr, IBV_QP_STATE);
		t_check(rc == (legal ? 0 : EINVAL), "modify_qp: got %s, expected %s",
			t_errname(rc), legal ? "success" : "EINVAL");
		ep_want_state(&r.p.a, legal ? to : IBV_QPS_SQE, "the");
		rig_close(&r);
	}
}

/* What an unreliable connection does not have. */
static void lacks(const struct t_case *c)
{
	struct ibv_sge sge;
	struct rig r;
	struct op bad;

	rig_open(&r, IBV_QPT_UC);
	sge = buf_sge(&r.a, 8, 8);
	bad = (struct op) {
		.code = c->arg, .sge = &sge, .nsge = 1, .id = ID, .rkey = r.b.mr->rkey,
		.raddr = ((uintptr_t)r.b.p + 64) & ~7ULL, .add = 7, .swap = 9,
	};
	fails(&r, &bad, IBV_WC_LOC_QP_OP_ERR);
	buf_same(&r.a, "requester's memory");
	buf_same(&r.b, "responder's memory");
	ep_to(&r.p.a, IBV_QPS_RTS);
	carry(&r);
	rig_close(&r);
}

/* WRITE @len bytes to @addr by a window's key, and wait until it has arrived or was dropped. */
static void write_by(struct rig *r, uint64_t addr, uint32_t rkey, size_t len)
{
	struct ibv_sge sge = buf_sge(&r->a, 9, len);
	struct op op = { .code = IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1, .id = ID,
			 .raddr = addr, .rkey = rkey };

	ep_post(&r->p.a, &op);
	cq_want(r->p.a.scq, IBV_WC_SUCCESS, ID, "WRITE by a window");
	pair_chase(&r->p);
}

static void dropped_by(struct rig *r, uint64_t addr, uint32_t rkey, size_t len)
{
	uint64_t before = ep_counter(r->p.b.dev, "drop_uc_request");

	write_by(r, addr, rkey, len);
	buf_same(&r->b, "memory that the window does not open");
	t_check(ep_counter(r->p.b.dev, "drop_uc_request") == before + 1,
		"drop_uc_request rose by %lu, expected 1",
		ep_counter(r->p.b.dev, "drop_uc_request") - before);
	ep_want_state(&r->p.b, IBV_QPS_RTS, "responder's");
}

/* A window of a region that grants nothing by itself. @c->arg: the type. */
static void window(const struct t_case *c)
{
	enum { AT = 2003, SIZE = 5001 };
	struct ibv_mw *mw;
	struct rig r;
	uint64_t at;

	rig_open(&r, IBV_QPT_UC);
	buf_close(&r.b);
	buf_open(&r.b, r.p.b.dev, ROOM, 4001, REGION_RIGHTS);
	mw = mw_open(r.p.b.dev->pd, c->arg);
	at = (uintptr_t)r.b.p + AT;
	mw_bind(&r.p.b, mw, r.b.mr, at, SIZE, IBV_ACCESS_REMOTE_WRITE);
	write_by(&r, at + 7, mw->rkey, SIZE - 7);
	buf_expect(&r.b, AT + 7, SIZE - 7, r.a.seed, 9, "what the window opens");
	buf_refill(&r.b);
	dropped_by(&r, at - 1, mw->rkey, 10);
	dropped_by(&r, at + SIZE - 9, mw->rkey, 10);
	mw_unbind(&r.p.b, mw);
	dropped_by(&r, at, mw->rkey, 10);
	t_zero(ibv_dealloc_mw(mw));
	rig_close(&r);
}

const struct t_case cases_uc[] = {
	{ "uc.sqe.back", back_again, IBV_QPT_UC, 0, 0 },
	{ "uc.sqe.steps", ways_out, IBV_QPT_UC, 0, 0 },
	{ "ud.sqe.back", back_again, IBV_QPT_UD, 0, 0 },
	{ "ud.sqe.steps", ways_out, IBV_QPT_UD, 0, 0 },
	{ "uc.lacks.read", lacks, IBV_WR_RDMA_READ, 0, 0 },
	{ "uc.lacks.fetch_add", lacks, IBV_WR_ATOMIC_FETCH_AND_ADD, 0, 0 },
	{ "uc.lacks.cmp_swap", lacks, IBV_WR_ATOMIC_CMP_AND_SWP, 0, 0 },
	{ "uc.lacks.send_inv", lacks, IBV_WR_SEND_WITH_INV, 0, 0 },
	{ "uc.window.type1", window, IBV_MW_TYPE_1, 0, 0 },
	{ "uc.window.type2", window, IBV_MW_TYPE_2, 0, 0 },
	{ }
};
