// SPDX-License-Identifier: GPL-2.0
/*
 * The responder of a connected QP, a straight line for each request packet:
 *
 *	check (resp_check.c)	PSN, order, support, lengths: nothing but numbers
 *	execute (resp_exec.c, resp_read.c)	keys, memory, completion
 *	commit			expected PSN, MSN, message in progress: here and nowhere else
 *	answer			at the end of the run, one acknowledgement for all that arrived
 *
 * The first error leaves the line for the table in resp_err.c.
 *
 * Answers leave in the order of requests. While a READ's answer is being sent, which can take many
 * runs, later requests wait in resp.queue. An answer of any kind acknowledges everything before its
 * PSN, so it takes the place of an acknowledgement that was due. An acknowledgement never names the
 * PSN of a READ or an atomic: there are requesters, Linux' own among them, that take it for the
 * answer and complete without data when the answer itself was lost.
 *
 * A request whose memory is not there waits for it at the head of resp.queue, and later ones behind
 * it; it is executed as if it had arrived when the page did. The peer, which hears nothing for so
 * long, may send again what is in the queue already; such copies are dropped, so that they do not
 * take the room of what is new.
 */
#include <linux/skbuff.h>

#include "../wire/aeth.h"
#include "../wire/psn.h"
#include "backlog.h"
#include "egress.h"
#include "qp.h"
#include "resp.h"
#include "resp_err.h"
#include "rq.h"
#include "state.h"
#include "wc.h"

/* Requests that may wait behind a READ, or for memory: a peer's window. */
#define QUEUE_LIMIT	1024

void rxe_resp_answer(struct rxe_qp *qp, u8 syndrome, u32 psn)
{
	struct rxe_pkt pkt = {
		.opcode = RXE_SVC_RC | RXE_WOP_ACKNOWLEDGE,
		.qpn = qp->attr.dest_qp_num,
		.psn = psn,
		.syndrome = syndrome,
		.msn = qp->resp.msn,
	};

	rxe_resp_answered(qp, psn);
	rxe_egress_bare(qp, &pkt);
}

void rxe_resp_answered(struct rxe_qp *qp, u32 psn)
{
	struct rxe_resp *resp = &qp->resp;

	rxe_assert_owned(qp);
	if (rxe_psn_before(resp->ack_psn, psn))
		resp->ack_due = false;
}

enum rxe_resp_err rxe_resp_take_wqe(struct rxe_qp *qp)
{
	struct rxe_resp *resp = &qp->resp;

	if (resp->has_wqe)
		return RXE_RESP_OK;
	if (!rxe_rq_take(qp, &resp->wqe))
		return RXE_RESP_RNR;
	resp->has_wqe = true;
	if (resp->wqe.num_sge > qp->rq.max_sge)
		return RXE_RESP_RECV_WQE;
	rxe_sgl_release(&resp->sgl);
	rxe_sgl_init(&resp->sgl, rxe_rq_pd(qp), resp->wqe.sge, resp->wqe.num_sge,
		     IB_ACCESS_LOCAL_WRITE);
	return RXE_RESP_OK;
}

static u32 psns_of(const struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	if (rxe_opcode_info(pkt->opcode)->kind != RXE_KIND_READ)
		return 1;
	return max_t(u32, DIV_ROUND_UP(pkt->dma_len, qp->mtu), 1);
}

/* Requests by kind, as they are done; a SEND counts as what it completes. */
static void count_request(struct rxe_qp *qp, u8 kind)
{
	switch (kind) {
	case RXE_KIND_WRITE:
	case RXE_KIND_ATOMIC_WRITE:
		rxe_qp_count(qp, RXE_STAT_RX_WRITES);
		break;
	case RXE_KIND_READ:
		rxe_qp_count(qp, RXE_STAT_RX_READS);
		break;
	case RXE_KIND_ATOMIC:
		rxe_qp_count(qp, RXE_STAT_RX_ATOMICS);
		break;
	default:
		break;
	}
}

/* The request was executed: the only place where the responder's position moves. */
static void commit(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	const struct rxe_opcode *op = rxe_opcode_info(pkt->opcode);
	struct rxe_resp *resp = &qp->resp;

	resp->psn = rxe_psn_add(resp->psn, psns_of(qp, pkt));
	resp->nak_sent = false;
	resp->in_message = op->kind;
	if (op->flags & RXE_OPF_LAST) {
		resp->in_message = RXE_KIND_NONE;
		resp->msn = (resp->msn + 1) & RXE_MSN_MASK;
		count_request(qp, op->kind);
	}
	/* READs and atomics have answers of their own. */
	if (rxe_qp_is_rc(qp) && (op->kind == RXE_KIND_SEND || op->kind == RXE_KIND_WRITE)) {
		resp->ack_psn = pkt->psn;
		resp->ack_due |= pkt->ack_req;
	}
}

/* Tell the peer, but of a gap only once. */
static void answer_error(struct rxe_qp *qp, enum rxe_resp_err err, u8 syndrome, u32 psn)
{
	struct rxe_resp *resp = &qp->resp;

	if (err == RXE_RESP_GAP) {
		rxe_qp_count(qp, RXE_STAT_OUT_OF_SEQ);
		if (resp->nak_sent)
			return;
	}
	if (err == RXE_RESP_RNR) {
		rxe_qp_count(qp, RXE_STAT_SENT_RNR);
		syndrome |= qp->attr.min_rnr_timer;
	}
	resp->nak_sent = true;
	rxe_resp_answer(qp, syndrome, psn);
}

/* @psn: of the packet that cannot be had, or of the one that is missing before it. */
static void fail(struct rxe_qp *qp, enum rxe_resp_err err, u32 psn)
{
	const struct rxe_resp_fate *fate = rxe_resp_fate(qp->ib.qp_type, err);
	struct rxe_resp *resp = &qp->resp;
	struct ib_wc wc = { .status = fate->status, .opcode = IB_WC_RECV };

	if (fate->answer) {
		answer_error(qp, err, fate->syndrome, psn);
	} else {
		if (fate->drop)
			rxe_qp_count(qp, fate->drop);
		resp->in_message = RXE_KIND_NONE;
	}
	if (!fate->fatal)
		return;
	if (resp->has_wqe)
		rxe_wc_recv(qp, &wc, true);
	else
		rxe_state_event(qp, fate->event);
	rxe_state_error(qp);
}

/*
 * A READ that was done before cannot be done again: its key or its memory has gone. The peer is
 * told, in case that it still waits. It may have what it wanted long since and be done with the
 * memory, and this be a late copy; or somebody else's. So it is no error of the connection.
 */
static void refuse_again(struct rxe_qp *qp, enum rxe_resp_err err, u32 psn)
{
	const struct rxe_resp_fate *fate = rxe_resp_fate(IB_QPT_RC, err);

	if (fate->answer)
		rxe_resp_answer(qp, fate->syndrome, psn);
	else
		rxe_qp_count(qp, fate->drop);
}

/*
 * A READ that reaches beyond what was executed is no duplicate but nonsense; and one that this QP
 * would not have executed never was.
 */
static bool may_repeat(const struct rxe_qp *qp, const struct rxe_resp_view *view,
		       const struct rxe_pkt *pkt)
{
	u32 last = rxe_psn_add(pkt->psn, psns_of(qp, pkt) - 1);

	return view->remote_read && view->max_rd_atomic && pkt->dma_len <= RXE_MAX_MSG_BYTES &&
	       rxe_psn_before(last, view->psn);
}

/*
 * A request from before the expected PSN (IBA 9.7.5.1.4): its answer was lost, or overtaken by a
 * retry. READs are executed again, atomics answered from what was saved, others acknowledged.
 */
static void duplicate(struct rxe_qp *qp, const struct rxe_resp_view *view,
		      const struct rxe_pkt *pkt)
{
	enum rxe_resp_err err = RXE_RESP_OK;
	struct rxe_resp *resp = &qp->resp;

	rxe_qp_count(qp, RXE_STAT_DUP_REQUEST);
	switch (rxe_opcode_info(pkt->opcode)->kind) {
	case RXE_KIND_READ:
		if (may_repeat(qp, view, pkt))
			err = rxe_resp_read(qp, pkt);
		else
			rxe_qp_count(qp, RXE_STAT_DROP_DUPLICATE);
		if (err)
			refuse_again(qp, err, pkt->psn);
		break;
	case RXE_KIND_ATOMIC:
		if (!rxe_resp_replay_atomic(qp, pkt))
			rxe_qp_count(qp, RXE_STAT_DROP_DUPLICATE);
		break;
	case RXE_KIND_FLUSH:
	case RXE_KIND_ATOMIC_WRITE:
		/* Done, and perhaps overwritten by now: only the answer again. */
		rxe_resp_placed(qp, pkt->psn, resp->msn);
		break;
	default:
		resp->ack_due = true;
	}
}

static struct rxe_resp_view view_of(const struct rxe_qp *qp)
{
	int access = qp->attr.qp_access_flags;

	return (struct rxe_resp_view) {
		.psn = qp->resp.psn,
		.in_message = qp->resp.in_message,
		.resid = qp->resp.resid,
		.mtu = qp->mtu,
		.remote_write = access & IB_ACCESS_REMOTE_WRITE,
		.remote_read = access & IB_ACCESS_REMOTE_READ,
		.remote_atomic = access & IB_ACCESS_REMOTE_ATOMIC,
		.flush_types = rxe_resp_flush_types(access),
		.max_rd_atomic = qp->attr.max_dest_rd_atomic,
	};
}

/*
 * A message on an unreliable connection begins wherever its first packet says. What came of the one
 * before is forgotten; the receive work request that it has taken is used again (IBA 9.8.3).
 */
static void begin_unreliable(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	struct rxe_resp *resp = &qp->resp;

	if (!(rxe_opcode_info(pkt->opcode)->flags & RXE_OPF_FIRST))
		return;
	resp->psn = pkt->psn;
	resp->in_message = RXE_KIND_NONE;
	if (resp->has_wqe)
		rxe_sgl_seek(&resp->sgl, 0);
}

/* What follows from @err, at @psn. Return: false when the request has to wait. */
static bool conclude(struct rxe_qp *qp, enum rxe_resp_err err, u32 psn)
{
	if (err == RXE_RESP_LOST)
		rxe_qp_count(qp, RXE_STAT_DROP_NOMEM);
	else if (err && err != RXE_RESP_WAIT)
		fail(qp, err, psn);
	return err != RXE_RESP_WAIT;
}

/* Return: false when the request has to wait. */
static bool execute(struct rxe_qp *qp, const struct rxe_pkt *pkt, const void *payload)
{
	struct rxe_resp_view view;
	enum rxe_resp_err err;
	bool done;

	if (rxe_qp_is_uc(qp))
		begin_unreliable(qp, pkt);
	view = view_of(qp);
	err = rxe_resp_check(&view, pkt);
	if (err == RXE_RESP_DUPLICATE && rxe_qp_is_rc(qp)) {
		duplicate(qp, &view, pkt);
		err = RXE_RESP_OK;
	} else if (!err) {
		if (rxe_opcode_info(pkt->opcode)->kind == RXE_KIND_READ)
			err = rxe_resp_read(qp, pkt);
		else
			err = rxe_resp_exec(qp, pkt, payload);
		if (!err) {
			commit(qp, pkt);
			rxe_state_heard_peer(qp);
		}
	}
	done = conclude(qp, err, err == RXE_RESP_GAP ? qp->resp.psn : pkt->psn);
	/* What was not executed will come again, and is no copy of anything then. */
	if (err && done)
		qp->resp.queue_psn = qp->resp.psn;
	return done;
}

static bool listening(const struct rxe_qp *qp)
{
	return qp->state == IB_QPS_RTR || qp->state == IB_QPS_RTS || qp->state == IB_QPS_SQD ||
	       qp->state == IB_QPS_SQE;
}

/* Execute @skb, or have it wait as the first of the queue. */
static void execute_skb(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb)
{
	bool done = true;

	if (!listening(qp))
		rxe_qp_count(qp, RXE_STAT_DROP_QP_STATE);
	else if (rxe_qp_is_ud(qp))
		done = conclude(qp, rxe_resp_ud(qp, pkt, skb), pkt->psn);
	else
		done = execute(qp, pkt, skb->data + pkt->payload_off);
	if (done) {
		rxe_mem_wait_over(&qp->resp.wait);
		consume_skb(skb);
	} else {
		if (skb_queue_empty(&qp->resp.queue))
			qp->resp.queue_psn = rxe_psn_add(pkt->psn, psns_of(qp, pkt));
		__skb_queue_head(&qp->resp.queue, skb);
	}
}

/* Is there a copy of the request in the queue? */
static bool is_queued(const struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	const struct rxe_resp *resp = &qp->resp;

	return rxe_qp_is_rc(qp) && !skb_queue_empty(&resp->queue) &&
	       !rxe_psn_before(pkt->psn, resp->psn) && rxe_psn_before(pkt->psn, resp->queue_psn);
}

/* Was the request executed, and has no answer of its own? Then it need not wait for another one. */
static bool is_acknowledged_again(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	u8 kind = rxe_opcode_info(pkt->opcode)->kind;

	if (!rxe_qp_is_rc(qp) || !rxe_psn_before(pkt->psn, qp->resp.psn) ||
	    (kind != RXE_KIND_SEND && kind != RXE_KIND_WRITE))
		return false;
	qp->resp.ack_due = true;
	return true;
}

/*
 * Does the request come after one that has not come? Then all it is good for is to have the peer
 * told, when what is queued is done; kept, it would take the room of what is missing.
 */
static bool is_beyond_gap(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	struct rxe_resp *resp = &qp->resp;

	if (!rxe_qp_is_rc(qp) || !rxe_psn_after(pkt->psn, resp->queue_psn))
		return false;
	resp->gap = true;
	resp->gap_psn = pkt->psn;
	return true;
}

/* Return: why the request is not queued, or RXE_NUM_STATS. */
static enum rxe_stat refuse(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	struct rxe_resp *resp = &qp->resp;

	if (is_queued(qp, pkt) || is_acknowledged_again(qp, pkt))
		return RXE_STAT_DUP_REQUEST;
	if (skb_queue_empty(&resp->queue))
		resp->queue_psn = resp->psn;
	if (is_beyond_gap(qp, pkt))
		return RXE_STAT_OUT_OF_SEQ;
	return RXE_NUM_STATS;
}

static void queue_skb(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb)
{
	enum rxe_stat reason = refuse(qp, pkt);
	struct rxe_resp *resp = &qp->resp;

	if (reason == RXE_NUM_STATS && !rxe_backlog_add(&resp->queue, QUEUE_LIMIT, skb))
		reason = RXE_STAT_DROP_BACKLOG;
	if (reason != RXE_NUM_STATS) {
		rxe_qp_count(qp, reason);
		kfree_skb(skb);
		return;
	}
	if (pkt->psn == resp->queue_psn)
		resp->queue_psn = rxe_psn_add(pkt->psn, psns_of(qp, pkt));
}

/*
 * A READ that comes again, for what is being answered or was before it: the peer has gone back, and
 * what is sent of the old answer, and executed of what waits behind it, would be for nothing. The
 * peer sends that again, too. A copy of a later READ only waits its turn.
 */
static bool peer_went_back(const struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	const struct rxe_resp *resp = &qp->resp;

	return resp->reply.active && rxe_opcode_info(pkt->opcode)->kind == RXE_KIND_READ &&
	       rxe_psn_before(pkt->psn, resp->psn) && !rxe_psn_after(pkt->psn, resp->reply.psn);
}

void rxe_resp_packet(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb)
{
	struct rxe_resp *resp = &qp->resp;

	rxe_assert_owned(qp);
	if (peer_went_back(qp, pkt)) {
		rxe_backlog_drop(qp, &resp->queue, RXE_STAT_DROP_BACKLOG);
		resp->gap = false;
		rxe_mem_wait_cancel(&resp->wait);
		rxe_resp_read_end(qp);
	}
	if (!resp->reply.active && skb_queue_empty(&resp->queue))
		execute_skb(qp, pkt, skb);
	else
		queue_skb(qp, pkt, skb);
}

/* What was queued is done: has that which was missing before others come meanwhile? */
static void tell_gap(struct rxe_qp *qp)
{
	struct rxe_resp *resp = &qp->resp;

	if (!resp->gap || resp->reply.active || !skb_queue_empty(&resp->queue))
		return;
	resp->gap = false;
	if (resp->nak_sent || rxe_psn_before(resp->gap_psn, resp->psn) || !listening(qp))
		return;
	resp->nak_sent = true;
	rxe_resp_answer(qp, rxe_resp_fate(IB_QPT_RC, RXE_RESP_GAP)->syndrome, resp->psn);
}

/* Requests that waited, up to the next READ or one that waits again. Return: more, by @budget. */
static bool execute_queued(struct rxe_qp *qp, int *budget)
{
	struct rxe_resp *resp = &qp->resp;
	struct sk_buff *skb;
	struct rxe_pkt pkt;

	while (!resp->reply.active && !rxe_mem_waiting(&resp->wait) &&
	       !skb_queue_empty(&resp->queue)) {
		if (*budget <= 0)
			return true;
		(*budget)--;
		skb = rxe_backlog_next(&resp->queue, &pkt);
		if (skb)
			execute_skb(qp, &pkt, skb);
	}
	tell_gap(qp);
	return false;
}

/*
 * Tell how far we are. Behind a READ whose answer has not begun only what came before it can be
 * told: an acknowledgement of more would tell that the answer was lost.
 */
static void acknowledge(struct rxe_qp *qp)
{
	struct rxe_resp *resp = &qp->resp;

	if (!resp->ack_due || !listening(qp))
		return;
	if (resp->reply.active && !rxe_psn_before(resp->ack_psn, resp->reply.psn))
		return;
	resp->ack_due = false;
	rxe_resp_answer(qp, RXE_AETH_ACK | RXE_AETH_NO_CREDITS, resp->ack_psn);
}

/* Return: true when only the budget ended it. */
static bool answer_and_execute(struct rxe_qp *qp, int *budget)
{
	struct rxe_resp *resp = &qp->resp;
	enum rxe_resp_err err;

	if (execute_queued(qp, budget))
		return true;
	while (resp->reply.active) {
		if (*budget <= 0)
			return !rxe_mem_waiting(&resp->wait);
		err = rxe_resp_read_run(qp, budget);
		if (err && resp->reply.again)
			refuse_again(qp, err, resp->reply.psn);
		else if (err)
			fail(qp, err, resp->reply.psn);
		else if (resp->reply.active)
			return *budget <= 0;
		if (execute_queued(qp, budget))
			return true;
	}
	return false;
}

bool rxe_resp_run(struct rxe_qp *qp, int *budget)
{
	bool more;

	rxe_assert_owned(qp);
	more = answer_and_execute(qp, budget);
	acknowledge(qp);
	return more;
}

static void put_region(struct rxe_mr **mr)
{
	if (*mr)
		rxe_mem_put(*mr);
	*mr = NULL;
}

void rxe_resp_release_regions(struct rxe_qp *qp)
{
	struct rxe_resp *resp = &qp->resp;

	rxe_assert_owned(qp);
	put_region(&resp->mr);
	put_region(&resp->reply.mr);
	rxe_sgl_release(&resp->sgl);
}

void rxe_resp_reset(struct rxe_qp *qp)
{
	struct rxe_resp *resp = &qp->resp;

	rxe_resp_release_regions(qp);
	resp->reply = (struct rxe_reply) {};
	rxe_backlog_drop(qp, &resp->queue, RXE_STAT_DROP_QP_STATE);
	rxe_mem_wait_cancel(&resp->wait);
	resp->in_message = RXE_KIND_NONE;
	resp->received = 0;
	resp->ack_due = false;
	resp->gap = false;
}
