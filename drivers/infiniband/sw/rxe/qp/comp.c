// SPDX-License-Identifier: GPL-2.0
/*
 * The completer.
 *
 * comp.psn is the oldest PSN that is not acknowledged. An answer for PSN p acknowledges everything
 * before it, as far as that needs no answer of its own: a READ or an atomic in the way means that
 * its answer was lost (IBA 9.7.6.1.2), and the requester goes back to it.
 *
 * Data for a page that is not there waits in comp.queue, and later answers behind it. It was asked
 * for once and has come; that we are slow is no reason to ask again.
 *
 * Answers from before comp.psn are late copies and ignored. Answers beyond what was ever asked for
 * (req.limit) are not the peer's: dropped and counted.
 */
#include <linux/skbuff.h>

#include "../compat/rxc_ib.h"
#include "../wire/aeth.h"
#include "../wire/psn.h"
#include "backlog.h"
#include "comp.h"
#include "qp.h"
#include "req.h"
#include "req_err.h"
#include "req_local.h"
#include "retry.h"
#include "sq.h"
#include "state.h"
#include "wc.h"

static bool is_read(const struct rxe_swqe *wqe)
{
	return wqe->opcode == IB_WR_RDMA_READ;
}

static bool is_atomic(const struct rxe_swqe *wqe)
{
	return wqe->opcode == IB_WR_ATOMIC_CMP_AND_SWP || wqe->opcode == IB_WR_ATOMIC_FETCH_AND_ADD;
}

/* Answered like a READ of no bytes (IBA A19.4). */
static bool is_placement(const struct rxe_swqe *wqe)
{
	return wqe->opcode == RXC_WR_FLUSH || wqe->opcode == RXC_WR_ATOMIC_WRITE;
}

/* Answers that may wait: more than a peer sends for what is asked for at a time (req.c). */
#define QUEUE_LIMIT	1024

static void drop_list(struct rxe_qp *qp)
{
	rxe_sgl_release(&qp->comp.sgl);
	qp->comp.sgl_valid = false;
}

bool rxe_comp_stalled(const struct rxe_qp *qp)
{
	rxe_assert_owned(qp);
	return !skb_queue_empty(&qp->comp.queue);
}

void rxe_comp_reset(struct rxe_qp *qp)
{
	rxe_assert_owned(qp);
	drop_list(qp);
	rxe_mem_wait_cancel(&qp->comp.wait);
	rxe_backlog_drop(qp, &qp->comp.queue, RXE_STAT_DROP_QP_STATE);
	qp->comp.refusal = 0;
}

/* The oldest work request that has PSNs, or NULL. */
static struct rxe_swqe *oldest_sent(struct rxe_qp *qp)
{
	struct rxe_swqe *wqe = rxe_sq_oldest(qp);

	return wqe && wqe->state == RXE_SWQE_SENT ? wqe : NULL;
}

/* Everything up to @psn, not including what comes after it, has arrived. */
static void progress(struct rxe_qp *qp, u32 psn)
{
	qp->comp.psn = psn;
	rxe_retry_progress(qp);
	if (rxe_psn_before(qp->req.psn, psn))
		rxe_req_seek(qp);
}

/* The oldest work request is done. */
static void finish(struct rxe_qp *qp, struct rxe_swqe *wqe)
{
	u32 next_psn = rxe_psn_add(wqe->last_psn, 1);

	drop_list(qp);
	if (qp->sq.next == qp->sq.tail)
		rxe_req_reset(qp);
	rxe_wc_send(qp, IB_WC_SUCCESS);
	rxe_req_local_complete(qp);
	progress(qp, next_psn);
}

/*
 * All PSNs up to and including @psn are acknowledged. Return: false when the answer of a READ or an
 * atomic is missing among them.
 */
static bool acknowledge(struct rxe_qp *qp, u32 psn)
{
	struct rxe_swqe *wqe;

	while (!rxe_psn_before(psn, qp->comp.psn)) {
		wqe = oldest_sent(qp);
		if (!wqe)
			return true;
		if (is_read(wqe) || is_atomic(wqe) || is_placement(wqe))
			return false;
		if (rxe_psn_before(psn, wqe->last_psn)) {
			progress(qp, rxe_psn_add(psn, 1));
			return true;
		}
		finish(qp, wqe);
	}
	return true;
}

static void take_nak(struct rxe_qp *qp, u8 syndrome)
{
	u8 code = rxe_aeth_value(syndrome);
	enum rxe_req_err err = rxe_req_nak_err(code);

	if (code == RXE_NAK_PSN_SEQ) {
		rxe_qp_count(qp, RXE_STAT_RCVD_SEQ_ERR);
		rxe_retry_lost(qp);
	} else if (!err) {
		rxe_qp_count(qp, RXE_STAT_DROP_BAD_RESPONSE);
	} else if (oldest_sent(qp)) {
		rxe_state_send_failed(qp, err);
	}
}

static bool ends_connection(u8 syndrome)
{
	return rxe_aeth_kind(syndrome) == RXE_AETH_NAK &&
	       rxe_aeth_value(syndrome) != RXE_NAK_PSN_SEQ;
}

/*
 * A NAK that ends the connection has come before answers that the peer sent earlier: from another
 * of its CPUs, or another way. To ask for them again is in vain, as its QP has ended. So if the
 * request that it refuses is the oldest, that has failed; else the answers may still come, and if
 * they do not, the timer ends it.
 */
static void overtaken(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	const struct rxe_swqe *wqe = oldest_sent(qp);

	if (wqe && !rxe_psn_before(wqe->last_psn, pkt->psn)) {
		take_nak(qp, pkt->syndrome);
		return;
	}
	qp->comp.refusal = pkt->syndrome;
	qp->comp.refused_psn = pkt->psn;
}

static bool hears_answers(const struct rxe_qp *qp)
{
	return qp->state == IB_QPS_RTS || qp->state == IB_QPS_SQD;
}

/* Answers have come: those that a NAK has overtaken? */
static void take_refusal(struct rxe_qp *qp)
{
	struct rxe_comp *comp = &qp->comp;
	u8 syndrome = comp->refusal;

	if (likely(!syndrome) || !hears_answers(qp))
		return;
	if (!acknowledge(qp, rxe_psn_add(comp->refused_psn, -1)))
		return;
	comp->refusal = 0;
	/* What it refused may have been asked for again, and answered. */
	if (comp->psn == comp->refused_psn)
		take_nak(qp, syndrome);
}

static void take_ack(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	enum rxe_aeth_kind kind = rxe_aeth_kind(pkt->syndrome);
	/* A NAK names the PSN that it refuses, and acknowledges those before. */
	u32 acked = kind == RXE_AETH_ACK ? pkt->psn : rxe_psn_add(pkt->psn, -1);

	if (!acknowledge(qp, acked)) {
		if (ends_connection(pkt->syndrome))
			overtaken(qp, pkt);
		else
			rxe_retry_lost(qp);
		return;
	}
	if (kind == RXE_AETH_RNR)
		rxe_retry_rnr(qp, rxe_aeth_value(pkt->syndrome));
	else if (kind == RXE_AETH_NAK)
		take_nak(qp, pkt->syndrome);
}

static struct rxe_sgl *scatter_list(struct rxe_qp *qp, struct rxe_swqe *wqe)
{
	struct rxe_comp *comp = &qp->comp;

	if (!comp->sgl_valid) {
		rxe_sgl_init(&comp->sgl, qp->ib.pd, wqe->sge, wqe->num_sge, IB_ACCESS_LOCAL_WRITE);
		comp->sgl_valid = true;
	}
	return &comp->sgl;
}

/* The answer's data are where they belong. */
static void placed(struct rxe_qp *qp, struct rxe_swqe *wqe, u32 psn)
{
	rxe_req_answered(qp, wqe, psn);
	if (psn == wqe->last_psn)
		finish(qp, wqe);
	else
		progress(qp, rxe_psn_add(psn, 1));
}

/*
 * Write the answer's data to byte @off of the work request's list, and complete what is complete.
 * Return: false when it has to wait.
 */
static bool place(struct rxe_qp *qp, struct rxe_swqe *wqe, const struct rxe_pkt *pkt, u32 off,
		  const void *data, u32 len)
{
	struct rxe_sgl *sgl = scatter_list(qp, wqe);
	struct rxe_mem_wait *wait = &qp->comp.wait;
	enum rxe_mem_err err;

	rxe_sgl_seek(sgl, off);
	wait->ahead = wqe->length - off;
	err = rxe_sgl_scatter(sgl, data, len, wait);
	if (err == RXE_MEM_MISS)
		return false;
	rxe_mem_wait_over(wait);
	if (err == RXE_MEM_BUSY)
		rxe_qp_count(qp, RXE_STAT_DROP_NOMEM);
	else if (err)
		rxe_state_send_failed(qp, rxe_req_mem_err(err));
	else
		placed(qp, wqe, pkt->psn);
	return true;
}

static bool take_read_data(struct rxe_qp *qp, const struct rxe_pkt *pkt, const void *payload)
{
	struct rxe_swqe *wqe = oldest_sent(qp);
	u32 off;

	if (wqe && is_placement(wqe) && !pkt->payload_len) {
		placed(qp, wqe, pkt->psn);
		return true;
	}
	if (!wqe || !is_read(wqe)) {
		rxe_state_send_failed(qp, RXE_REQ_BAD_ANSWER);
		return true;
	}
	off = rxe_psn_diff(pkt->psn, wqe->first_psn) * qp->mtu;
	if (pkt->payload_len != min(wqe->length - off, qp->mtu)) {
		rxe_state_send_failed(qp, RXE_REQ_BAD_ANSWER);
		return true;
	}
	return place(qp, wqe, pkt, off, payload, pkt->payload_len);
}

static bool take_atomic(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	struct rxe_swqe *wqe = oldest_sent(qp);

	if (wqe && is_atomic(wqe))
		return place(qp, wqe, pkt, 0, &pkt->atomic_orig, sizeof(pkt->atomic_orig));
	rxe_state_send_failed(qp, RXE_REQ_BAD_ANSWER);
	return true;
}

/* READ and atomic answers must come without a gap before them. Return: false to wait. */
static bool take_data(struct rxe_qp *qp, const struct rxe_pkt *pkt, const void *payload)
{
	if (!acknowledge(qp, rxe_psn_add(pkt->psn, -1)) || pkt->psn != qp->comp.psn) {
		rxe_retry_lost(qp);
		return true;
	}
	if (rxe_opcode_info(pkt->opcode)->kind == RXE_KIND_READ_RESP)
		return take_read_data(qp, pkt, payload);
	return take_atomic(qp, pkt);
}

/* Is the answer about something that is still outstanding? Counts it if not. */
static bool in_window(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	if (!hears_answers(qp)) {
		rxe_qp_count(qp, RXE_STAT_DROP_QP_STATE);
		return false;
	}
	if (!rxe_psn_before(pkt->psn, qp->req.limit)) {
		rxe_qp_count(qp, RXE_STAT_DROP_BAD_RESPONSE);
		return false;
	}
	if (rxe_psn_before(pkt->psn, qp->comp.psn)) {
		rxe_qp_count(qp, RXE_STAT_DROP_STALE_RESPONSE);
		return false;
	}
	return true;
}

/* Take the answer, or have it wait as the first of the queue. */
static void take(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb)
{
	bool done = true;

	if (in_window(qp, pkt)) {
		if (rxe_opcode_info(pkt->opcode)->kind == RXE_KIND_ACK)
			take_ack(qp, pkt);
		else
			done = take_data(qp, pkt, skb->data + pkt->payload_off);
		take_refusal(qp);
	}
	if (done)
		consume_skb(skb);
	else
		__skb_queue_head(&qp->comp.queue, skb);
}

void rxe_comp_packet(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb)
{
	struct rxe_comp *comp = &qp->comp;

	rxe_assert_owned(qp);
	if (skb_queue_empty(&comp->queue)) {
		take(qp, pkt, skb);
	} else if (!rxe_backlog_add(&comp->queue, QUEUE_LIMIT, skb)) {
		rxe_qp_count(qp, RXE_STAT_DROP_BACKLOG);
		kfree_skb(skb);
	}
}

bool rxe_comp_run(struct rxe_qp *qp, int *budget)
{
	struct rxe_comp *comp = &qp->comp;
	struct sk_buff *skb;
	struct rxe_pkt pkt;

	rxe_assert_owned(qp);
	while (!rxe_mem_waiting(&comp->wait) && !skb_queue_empty(&comp->queue)) {
		if (*budget <= 0)
			return true;
		(*budget)--;
		skb = rxe_backlog_next(&comp->queue, &pkt);
		if (skb)
			take(qp, &pkt, skb);
	}
	return false;
}
