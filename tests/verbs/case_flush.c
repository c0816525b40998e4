// SPDX-License-Identifier: GPL-2.0
/*
 * Leaving RTS with work in the queues: flush in ERR, oblivion in RESET, drain in SQD.
 *
 * In ERR every work request, posted before or after, completes with WR_FLUSH_ERR, in the order of
 * its queue, signaled or not. Receives reach the kernel without a system call, so a receive that is
 * posted to a QP in ERR must be noticed without one.
 */
#include <errno.h>
#include <string.h>

#include "cases.h"
#include "xfer.h"

/* Post SENDs that wait: b has no receive, and RNR retries go on for ever. */
static void stuck_sends(struct ep_pair *p, int n, int first)
{
	struct op op = { .code = IBV_WR_SEND };

	for (int i = 0; i < n; i++) {
		op.id = first + i;
		op.flags = i & 1 ? IBV_SEND_SIGNALED : 0;
		t_check(!ep_post_try(&p->a, &op), "post %d refused", i);
	}
}

static void want_flushed(struct ibv_cq *cq, int n, int first, const char *what)
{
	struct ibv_wc wc;

	for (int i = 0; i < n; i++) {
		cq_poll(cq, &wc, what);
		wc_want(&wc, IBV_WC_WR_FLUSH_ERR, what);
		t_check(wc.wr_id == (uint64_t)(first + i), "%s: got wr_id %lu, expected %d", what,
			wc.wr_id, first + i);
	}
	cq_none(cq, 50, what);
}

static void both_queues(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	for (int i = 0; i < 16; i++)
		ep_recv(&p.a, NULL, 0, 100 + i);
	stuck_sends(&p, 15, 0);
	ep_to(&p.a, IBV_QPS_ERR);
	want_flushed(p.a.scq, 15, 0, "SENDs on the way to ERR");
	want_flushed(p.a.rcq, 16, 100, "receives on the way to ERR");
	ep_want_state(&p.a, IBV_QPS_ERR, "the");
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

static void posted_in_err(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	ep_to(&p.a, IBV_QPS_ERR);
	stuck_sends(&p, 9, 20);
	want_flushed(p.a.scq, 9, 20, "SENDs posted in ERR");
	for (int i = 0; i < 7; i++)
		ep_recv(&p.a, NULL, 0, 40 + i);
	want_flushed(p.a.rcq, 7, 40, "receives posted in ERR");
	stuck_sends(&p, 1, 77);
	want_flushed(p.a.scq, 1, 77, "one more SEND posted in ERR");
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

/* Events of flushed completions wake a sleeper, also for receives posted in ERR. */
static void event_in_err(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ibv_cq *cq;
	struct ep_pair p;
	void *ctx;

	(void)c;
	cfg.events = true;
	ep_pair_open(&p, &cfg);
	ep_to(&p.a, IBV_QPS_ERR);
	t_zero(ibv_req_notify_cq(p.a.rcq, 0));
	ep_recv(&p.a, NULL, 0, 5);
	t_wait("completion event of a receive posted in ERR");
	t_zero(ibv_get_cq_event(p.a.chan, &cq, &ctx));
	ibv_ack_cq_events(cq, 1);
	cq_want(p.a.rcq, IBV_WC_WR_FLUSH_ERR, 5, "receive posted in ERR");
	ep_pair_close(&p);
}

/* A transfer half done when its QP goes to ERR: flushed, and the next connection is clean. */
static void in_flight(const struct t_case *c)
{
	enum { LEN = 4 << 20 };
	struct ep_cfg cfg = ep_rc();
	struct ibv_sge sge;
	struct op op = { .code = c->arg, .sge = &sge, .nsge = 1 };
	struct buf src, dst;
	struct ep_pair p;
	struct ibv_wc wc;
	bool bad = false;

	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, LEN, 3, RIGHTS_ALL);
	buf_open(&dst, p.b.dev, LEN, 5, RIGHTS_ALL);
	for (int round = 0; round < 3; round++) {
		sge = buf_sge(&src, 0, LEN);
		op.raddr = (uintptr_t)dst.p;
		op.rkey = dst.mr->rkey;
		for (op.id = 0; op.id < 8; op.id++)
			ep_post(&p.a, &op);
		ep_to(&p.a, IBV_QPS_ERR);
		for (uint64_t i = 0; i < 8; i++) {
			cq_poll(p.a.scq, &wc, "WRITE in flight");
			t_check(wc.wr_id == i, "got wr_id %lu, expected %lu", wc.wr_id, i);
			bad |= wc.status == IBV_WC_WR_FLUSH_ERR;
			wc_want(&wc, bad ? IBV_WC_WR_FLUSH_ERR : IBV_WC_SUCCESS, "in flight");
		}
		bad = false;
		ep_pair_again(&p);
		pair_proves(&p);
	}
	ep_pair_close(&p);
}

/* RESET empties both queues without a completion; the QP can be connected and used again. */
static void reset_empties(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	ep_pair_open(&p, &cfg);
	for (int round = 0; round < 4; round++) {
		t_where("round %d", round);
		for (int i = 0; i < 16; i++)
			ep_recv(&p.a, NULL, 0, 900 + i);
		stuck_sends(&p, 15, 800);
		if (c->arg) {
			ep_to(&p.a, IBV_QPS_ERR);
			want_flushed(p.a.scq, 15, 800, "SENDs");
		}
		ep_to(&p.a, IBV_QPS_RESET);
		if (!c->arg) {
			cq_none(p.a.scq, 30, "SENDs of before RESET");
			cq_none(p.a.rcq, 30, "receives of before RESET");
		}
		ep_pair_again(&p);
		cq_none(p.a.scq, 30, "SENDs of before RESET");
		pair_proves(&p);
		stuck_sends(&p, 15, 700);
		ep_pair_again(&p);
	}
	pair_proves(&p);
	ep_pair_close(&p);
}

/* RESET and reconnect, many times, with a little traffic each. */
static void reconnect(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	ep_pair_open(&p, &cfg);
	for (int i = 0; i < c->arg; i++) {
		t_where("connection %d", i);
		xfer_fresh(&p, IBV_WR_SEND, 5000, 0);
		xfer_fresh(&p, IBV_WR_RDMA_READ, 3000, 0);
		ep_pair_again(&p);
	}
	ep_pair_close(&p);
}

/* SQD: what was begun completes, SQ_DRAINED is raised, later posts wait for RTS. */
static void sqd(const struct t_case *c)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_SQD, .en_sqd_async_notify = 1 };
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND };
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	for (int i = 0; i < 8; i++)
		ep_recv(&p.b, NULL, 0, i);
	for (op.id = 0; op.id < 4; op.id++)
		ep_post(&p.a, &op);
	t_zero(ibv_modify_qp(p.a.qp, &attr, IBV_QP_STATE | IBV_QP_EN_SQD_ASYNC_NOTIFY));
	event_want(p.a.dev->ctx, IBV_EVENT_SQ_DRAINED, p.a.qp);
	ep_want_state(&p.a, IBV_QPS_SQD, "the");
	for (op.id = 4; op.id < 6; op.id++)
		ep_post(&p.a, &op);
	ep_to(&p.a, IBV_QPS_RTS);
	for (int i = 0; i < 6; i++) {
		cq_want(p.a.scq, IBV_WC_SUCCESS, i, "SEND around SQD");
		cq_want(p.b.rcq, IBV_WC_SUCCESS, i, "receive around SQD");
	}
	/* Who does not ask again is not told again. */
	ep_to(&p.a, IBV_QPS_SQD);
	event_none(p.a.dev->ctx, 100);
	ep_pair_close(&p);
}

/* In SQD no new work starts, while the responder half keeps serving. */
static void sqd_holds(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND, .id = 31 };
	struct ep_pair p, back;

	(void)c;
	ep_pair_open(&p, &cfg);
	back = (struct ep_pair){ p.b, p.a };
	ep_to(&p.a, IBV_QPS_SQD);
	xfer_fresh(&back, IBV_WR_RDMA_WRITE, 9001, 0);
	xfer_fresh(&back, IBV_WR_RDMA_READ, 9001, 0);
	ep_recv(&p.b, NULL, 0, 30);
	ep_post(&p.a, &op);
	cq_none(p.a.scq, 200, "SEND posted in SQD");
	ep_to(&p.a, IBV_QPS_RTS);
	cq_want(p.a.scq, IBV_WC_SUCCESS, 31, "SEND after SQD");
	cq_want(p.b.rcq, IBV_WC_SUCCESS, 30, "receive");
	ep_to(&p.a, IBV_QPS_SQD);
	ep_to(&p.a, IBV_QPS_ERR);
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

static bool draining(struct ep *e)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	t_zero(ibv_query_qp(e->qp, &attr, IBV_QP_STATE, &init));
	return attr.sq_draining;
}

/* SQD to SQD while the queue still drains: it goes on draining, and its event is not lost. */
static void sqd_again(const struct t_case *c)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_SQD, .en_sqd_async_notify = 1 };
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND };
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	/* It is not acknowledged before there is a receive. */
	ep_post(&p.a, &op);
	t_zero(ibv_modify_qp(p.a.qp, &attr, IBV_QP_STATE | IBV_QP_EN_SQD_ASYNC_NOTIFY));
	t_check(draining(&p.a), "sq_draining: got 0 with a SEND on the way, expected 1");
	ep_to(&p.a, IBV_QPS_SQD);
	t_check(draining(&p.a), "sq_draining: got 0 after SQD to SQD, expected 1");
	event_none(p.a.dev->ctx, 100);
	for (int i = 0; i < 5; i++)
		ep_recv(&p.b, NULL, 0, i);
	event_want(p.a.dev->ctx, IBV_EVENT_SQ_DRAINED, p.a.qp);
	t_check(!draining(&p.a), "sq_draining: got 1 after the event, expected 0");
	cq_want(p.a.scq, IBV_WC_SUCCESS, 0, "SEND that drains");
	for (op.id = 1; op.id < 5; op.id++)
		ep_post(&p.a, &op);
	ep_to(&p.a, IBV_QPS_SQD);
	cq_none(p.a.scq, 100, "SENDs posted in SQD");
	event_none(p.a.dev->ctx, 20);
	ep_to(&p.a, IBV_QPS_RTS);
	for (int i = 1; i < 5; i++)
		cq_want(p.a.scq, IBV_WC_SUCCESS, i, "SEND after SQD");
	for (int i = 0; i < 5; i++)
		cq_want(p.b.rcq, IBV_WC_SUCCESS, i, "receive around SQD");
	pair_proves(&p);
	ep_pair_close(&p);
}

/* A work request that cannot be done, posted in SQD, waits for RTS like any other. */
static void sqd_malformed(const struct t_case *c)
{
	struct op op = { .code = c->arg, .id = 5 }, behind = { .code = IBV_WR_SEND, .id = 6 };
	struct ep_cfg cfg = ep_rc(), poor = cfg;
	struct ep_pair p, back;

	poor.rd_atomic = c->arg2;
	ep_open(&p.a, 0, &poor);
	ep_open(&p.b, 1, &cfg);
	ep_pair_connect(&p);
	back = (struct ep_pair){ p.b, p.a };
	ep_to(&p.a, IBV_QPS_SQD);
	ep_post(&p.a, &op);
	ep_post(&p.a, &behind);
	cq_none(p.a.scq, 100, "work request posted in SQD");
	ep_want_state(&p.a, IBV_QPS_SQD, "requester's");
	xfer_fresh(&back, IBV_WR_RDMA_WRITE, 9001, 0);
	cq_none(p.a.scq, 100, "work request posted in SQD");
	ep_want_state(&p.a, IBV_QPS_SQD, "requester's");
	ep_to(&p.a, IBV_QPS_RTS);
	cq_want(p.a.scq, IBV_WC_LOC_QP_OP_ERR, 5, "impossible work request, back in RTS");
	cq_want(p.a.scq, IBV_WC_WR_FLUSH_ERR, 6, "the SEND behind it");
	ep_want_state(&p.a, IBV_QPS_ERR, "requester's");
	ep_want_state(&p.b, IBV_QPS_RTS, "responder's");
	p.a.cfg = cfg;
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

/* Destroying QPs with work in every stage leaks nothing and hangs nobody. */
static void destroy_busy(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct buf src, dst;
	struct ibv_sge sge;
	struct op op = { .code = IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1 };
	struct ep_pair p;

	buf_open(&src, ep_dev(0), 1 << 20, 3, RIGHTS_ALL);
	buf_open(&dst, ep_dev(1), 1 << 20, 5, RIGHTS_ALL);
	sge = buf_sge(&src, 0, src.len);
	op.raddr = (uintptr_t)dst.p;
	op.rkey = dst.mr->rkey;
	for (int i = 0; i < c->arg; i++) {
		t_where("round %d", i);
		ep_pair_open(&p, &cfg);
		for (int n = 0; n < 10; n++)
			ep_post(&p.a, &op);
		stuck_sends(&p, 4, 0);
		if (i & 1)
			ep_close(&p.b);
		ep_close(&p.a);
		if (!(i & 1))
			ep_close(&p.b);
	}
	ep_pair_open(&p, &cfg);
	pair_proves(&p);
	ep_pair_close(&p);
}

const struct t_case cases_flush[] = {
	{ "flush.both_queues", both_queues, 0, 0, 0 },
	{ "flush.posted_in_err", posted_in_err, 0, 0, 0 },
	{ "flush.event_in_err", event_in_err, 0, 0, 10 },
	{ "flush.in_flight", in_flight, IBV_WR_RDMA_WRITE, 0, 60 },
	{ "flush.in_flight_read", in_flight, IBV_WR_RDMA_READ, 0, 60 },
	{ "flush.reset_empties", reset_empties, 0, 0, 0 },
	{ "flush.reset_after_err", reset_empties, 1, 0, 0 },
	{ "flush.reconnect", reconnect, 100, 0, 60 },
	{ "flush.sqd", sqd, 0, 0, 0 },
	{ "flush.sqd_holds", sqd_holds, 0, 0, 0 },
	{ "flush.sqd_again", sqd_again, 0, 0, 0 },
	{ "flush.sqd_malformed.op", sqd_malformed, 99, 4, 0 },
	{ "flush.sqd_malformed.read", sqd_malformed, IBV_WR_RDMA_READ, 0, 0 },
	{ "flush.destroy_busy", destroy_busy, 20, 0, 60 },
	{ }
};
