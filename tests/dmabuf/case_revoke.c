// SPDX-License-Identifier: GPL-2.0
/*
 * The exporter takes the buffer back: an access ends as one of memory that is not there, and
 * touches nothing. When the buffer may be used again, so may the region.
 */
#include <string.h>

#include "cases.h"
#include "stir.h"

enum { ID = 0x4e70, RID = 0x4e71, LEN = 9000 };

struct rev_rig {
	struct ep_pair p, back;	/* back: the dma-buf's device is the requester */
	struct buf other;
	struct dbuf d;
};

static void rig_open(struct rev_rig *r)
{
	struct ep_cfg cfg = ep_rc();

	ep_pair_open(&r->p, &cfg);
	buf_open(&r->other, r->p.a.dev, LEN, 16, RIGHTS_ALL);
	dbuf_open(&r->d, MOVABLE, r->p.b.dev, LEN, 2048, RIGHTS_ALL);
	r->back = (struct ep_pair) { r->p.b, r->p.a };
}

static void rig_close(struct rev_rig *r)
{
	dbuf_close(&r->d);
	buf_close(&r->other);
	ep_pair_close(&r->p);
}

static struct op op_of(enum ibv_wr_opcode code, struct ibv_sge *sge, const struct buf *remote)
{
	return (struct op) {
		.code = code, .sge = sge, .nsge = 1, .id = ID, .raddr = (uintptr_t)remote->p + 8,
		.rkey = remote->mr->rkey, .add = 12345,
	};
}

/* The dma-buf is what the peer reads, writes or adds to. */
static void as_remote(struct rev_rig *r, enum ibv_wr_opcode code)
{
	struct ibv_sge sge = buf_sge(&r->other, 8,
				     code == IBV_WR_ATOMIC_FETCH_AND_ADD ? 8 : 5000);
	struct op op = op_of(code, &sge, &r->d.b);

	ep_post(&r->p.a, &op);
	cq_want(r->p.a.scq, IBV_WC_REM_OP_ERR, ID, op_name(code));
	event_want(r->p.b.dev->ctx, IBV_EVENT_QP_FATAL, r->p.b.qp);
	ep_want_state(&r->p.b, IBV_QPS_ERR, "responder's");
}

/* It is what is sent, or read into. */
static void as_local(struct rev_rig *r, enum ibv_wr_opcode code)
{
	struct ibv_sge sge = buf_sge(&r->d.b, 8, code == IBV_WR_ATOMIC_FETCH_AND_ADD ? 8 : 5000);
	struct op op = op_of(code, &sge, &r->other);

	ep_post(&r->p.b, &op);
	cq_want(r->p.b.scq, IBV_WC_LOC_PROT_ERR, ID, op_name(code));
}

static void as_receive(struct rev_rig *r)
{
	struct ibv_sge from = buf_sge(&r->other, 8, 5000), to = buf_sge(&r->d.b, 8, 5000);
	struct op op = { .code = IBV_WR_SEND, .sge = &from, .nsge = 1, .id = ID };

	ep_recv(&r->p.b, &to, 1, RID);
	ep_post(&r->p.a, &op);
	cq_want(r->p.b.rcq, IBV_WC_LOC_PROT_ERR, RID, "receive");
	cq_want(r->p.a.scq, IBV_WC_REM_OP_ERR, ID, "SEND");
}

/* An atomic is done where it can be; what it brings back cannot be placed. */
static bool changes_other(enum ibv_wr_opcode code)
{
	return code == IBV_WR_ATOMIC_FETCH_AND_ADD;
}

static void proves(struct rev_rig *r)
{
	struct xfer to = { IBV_WR_RDMA_WRITE, &r->other, &r->d.b, 5, 9, LEN - 99, 0 };
	struct xfer from = { IBV_WR_RDMA_READ, &r->d.b, &r->other, 5, 9, LEN - 99, 0 };

	xfer_run(&r->p, &to);
	buf_refill(&r->d.b);
	xfer_run(&r->p, &from);
	buf_refill(&r->other);
}

/* @c->arg: the operation, by the peer or (@c->arg2) by who has the dma-buf. */
static void run_op(const struct t_case *c)
{
	struct rev_rig r;

	rig_open(&r);
	proves(&r);
	for (int i = 0; i < 2; i++) {
		dbuf_revoke(r.d.fd, true);
		t_check(!dbuf_stat(r.d.fd).mapped || dbuf_pins(),
			"a mapping is left of what was taken back");
		/* Each failure is for good as long as it is so, and no longer. */
		for (int again = 0; again < 2; again++) {
			t_where("round %d.%d", i, again);
			if (c->arg2 == 2)
				as_receive(&r);
			else if (c->arg2)
				as_local(&r, c->arg);
			else
				as_remote(&r, c->arg);
			ep_pair_again(&r.p);
		}
		buf_same(&r.d.b, "dma-buf");
		if (c->arg2 == 1 && changes_other(c->arg))
			buf_refill(&r.other);
		buf_same(&r.other, "other end");
		dbuf_revoke(r.d.fd, false);
		if (dbuf_pins())
			break;
		proves(&r);
	}
	t_check(!dbuf_stat(r.d.fd).stale, "written where it had been");
	rig_close(&r);
}

/* Taken and given back under traffic: each WRITE is done, or fails as it should; nothing hangs. */
static void run_traffic(const struct t_case *c)
{
	enum { LEAST = 30, MOST = 20000 };
	unsigned int good = 0, bad = 0;
	struct rev_rig r;
	struct ibv_wc wc;
	struct stir *s;

	(void)c;
	dbuf_need_moves();
	rig_open(&r);
	s = stir_start(r.d.fd, -1, true);
	for (int i = 0; i < MOST && (good < LEAST || bad < LEAST); i++) {
		struct ibv_sge sge = buf_sge(&r.other, 8, 8000);
		struct op op = op_of(i & 1 ? IBV_WR_RDMA_READ : IBV_WR_RDMA_WRITE, &sge, &r.d.b);

		t_where("round %d", i);
		ep_post(&r.p.a, &op);
		cq_poll(r.p.a.scq, &wc, op_name(op.code));
		if (wc.status == IBV_WC_SUCCESS) {
			good++;
			continue;
		}
		wc_want(&wc, IBV_WC_REM_OP_ERR, op_name(op.code));
		bad++;
		ep_pair_again(&r.p);
	}
	stir_stop(s);
	t_note("%u operations were done, %u found the buffer taken", good, bad);
	t_check(good >= LEAST && bad >= LEAST, "%u were done and %u failed: no test of both", good,
		bad);
	buf_refill(&r.d.b);
	buf_refill(&r.other);
	proves(&r);
	t_check(!dbuf_stat(r.d.fd).stale, "%llu bytes written where it had been",
		dbuf_stat(r.d.fd).stale);
	rig_close(&r);
}

const struct t_case cases_revoke[] = {
	{ "revoke.write", run_op, IBV_WR_RDMA_WRITE, 0, 0 },
	{ "revoke.read", run_op, IBV_WR_RDMA_READ, 0, 0 },
	{ "revoke.atomic", run_op, IBV_WR_ATOMIC_FETCH_AND_ADD, 0, 0 },
	{ "revoke.write_from", run_op, IBV_WR_RDMA_WRITE, 1, 0 },
	{ "revoke.send_from", run_op, IBV_WR_SEND, 1, 0 },
	{ "revoke.read_into", run_op, IBV_WR_RDMA_READ, 1, 0 },
	{ "revoke.atomic_into", run_op, IBV_WR_ATOMIC_FETCH_AND_ADD, 1, 0 },
	{ "revoke.receive", run_op, IBV_WR_SEND, 2, 0 },
	{ "revoke.traffic", run_traffic, 0, 0, 60 },
	{ }
};
