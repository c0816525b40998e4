// SPDX-License-Identifier: GPL-2.0
/*
 * The requester of a connected QP. What is said below of answers, loss and going back is for
 * reliable connections; on an unreliable one a work request completes when its last packet leaves.
 *
 * A position is a PSN and, within the work request at sq.next, the bytes that went out before it.
 * Going back is nothing but another position (rxe_req_seek()): the private work requests keep their
 * PSNs once assigned, so a packet that is sent again has the same PSN and the same bytes.
 *
 * A READ takes as many PSNs as its answer has packets (IBA 9.7.3.2). It is asked for in pieces, one
 * request each, so that the window holds for answers, too: whoever asks for gigabytes at once gets
 * them at the peer's pace, and what cannot be placed yet has to wait somewhere. To the peer they
 * are READs like others. What was received already is not asked for again.
 *
 * What holds a work request back: the window, the number of READs and atomics that the peer
 * accepts, a fence, SQD, an RNR wait. What only holds a packet back: buffers in the network stack,
 * a page of the source that is not there, the budget.
 */
#include "../compat/rxc_ib.h"
#include "../wire/psn.h"
#include "egress.h"
#include "qp.h"
#include "req.h"
#include "req_err.h"
#include "req_local.h"
#include "retry.h"
#include "run.h"
#include "sq.h"
#include "state.h"
#include "wc.h"

/*
 * Unacknowledged PSNs: enough for a long fat path, and short of the queue of received packets
 * (netdev_max_backlog, 1000 by default), since over veth a window may arrive there at once.
 */
#define WINDOW		256
/* After a loss, until there is progress: what a slow peer cannot take would come in vain again. */
#define WINDOW_AFTER_LOSS	32
/* Packets of the answer that a READ's request may ask for. */
#define READ_PIECE	256
/* Packets after which an acknowledgement is asked for within a message. */
#define ACK_EVERY	32
/* Half of the PSN circle: more cannot be told apart (IBA 9.7.2). */
#define PSN_REACH	(1 << 23)

static bool needs_answer(const struct rxe_swqe *wqe)
{
	switch (wqe->opcode) {
	case IB_WR_RDMA_READ:
	case IB_WR_ATOMIC_CMP_AND_SWP:
	case IB_WR_ATOMIC_FETCH_AND_ADD:
	case RXC_WR_FLUSH:
	case RXC_WR_ATOMIC_WRITE:
		return true;
	default:
		return false;
	}
}

static bool has_imm(const struct rxe_swqe *wqe)
{
	return wqe->opcode == IB_WR_SEND_WITH_IMM || wqe->opcode == IB_WR_RDMA_WRITE_WITH_IMM;
}

static u32 packets(const struct rxe_qp *qp, u32 bytes)
{
	return max_t(u32, DIV_ROUND_UP(bytes, qp->mtu), 1);
}

static u32 psns_of(const struct rxe_qp *qp, const struct rxe_swqe *wqe)
{
	return packets(qp, wqe->length);
}

static u32 unacked(const struct rxe_qp *qp)
{
	return rxe_psn_diff(qp->req.psn, qp->comp.psn);
}

enum rxe_mem_err rxe_req_gather(struct rxe_qp *qp, struct rxe_swqe *wqe, u32 off, void *to, u32 len)
{
	struct rxe_mem_wait *wait = &qp->req.wait;
	enum rxe_mem_err err;

	if (wqe->is_inline) {
		memcpy(to, wqe->data + off, len);
		return RXE_MEM_OK;
	}
	rxe_sgl_seek(&qp->req.sgl, off);
	wait->ahead = wqe->length - off;
	err = rxe_sgl_gather(&qp->req.sgl, to, len, wait);
	if (err != RXE_MEM_MISS)
		rxe_mem_wait_over(wait);
	return err;
}

/* Is there room at the peer for one more request that needs an answer of its own? */
static bool may_ask(const struct rxe_qp *qp)
{
	return qp->req.rd_atomic < qp->attr.max_rd_atomic;
}

/* May a work request begin of which nothing was ever sent? */
static bool may_begin(struct rxe_qp *qp, struct rxe_swqe *wqe)
{
	if ((wqe->flags & IB_SEND_FENCE) && qp->req.rd_atomic)
		return false;
	return !unacked(qp) || unacked(qp) + psns_of(qp, wqe) < PSN_REACH;
}

/* Take up the work request at sq.next. Return: false when it has to wait. */
static bool begin(struct rxe_qp *qp, struct rxe_swqe *wqe)
{
	struct rxe_req *req = &qp->req;

	if (wqe->state == RXE_SWQE_POSTED && !may_begin(qp, wqe))
		return false;
	if (wqe->state == RXE_SWQE_POSTED) {
		wqe->first_psn = req->psn;
		wqe->last_psn = rxe_psn_add(req->psn, psns_of(qp, wqe) - 1);
		wqe->state = RXE_SWQE_SENT;
	}
	rxe_sgl_release(&req->sgl);
	rxe_sgl_init(&req->sgl, qp->ib.pd, wqe->sge, wqe->num_sge, 0);
	req->started = true;
	req->sent = 0;
	return true;
}

/* The packet's opcode, by its place in the message. */
static u8 segment_opcode(const struct rxe_qp *qp, const struct rxe_swqe *wqe, bool first, bool last)
{
	u8 service = rxe_qp_is_uc(qp) ? RXE_SVC_UC : RXE_SVC_RC;
	bool write = wqe->opcode == IB_WR_RDMA_WRITE || wqe->opcode == IB_WR_RDMA_WRITE_WITH_IMM;
	u8 base = write ? RXE_WOP_WRITE_FIRST : RXE_WOP_SEND_FIRST;
	u8 place;

	/* Within SEND and within WRITE alike: FIRST, MIDDLE, LAST, LAST_IMM, ONLY, ONLY_IMM. */
	if (!last)
		place = first ? RXE_WOP_SEND_FIRST : RXE_WOP_SEND_MIDDLE;
	else
		place = (first ? RXE_WOP_SEND_ONLY : RXE_WOP_SEND_LAST) + has_imm(wqe);
	if (last && wqe->opcode == IB_WR_SEND_WITH_INV)
		place = first ? RXE_WOP_SEND_ONLY_INV : RXE_WOP_SEND_LAST_INV;
	return service | (base + place);
}

s32 rxe_req_window(const struct rxe_qp *qp)
{
	return qp->comp.rewound ? WINDOW_AFTER_LOSS : WINDOW;
}

static bool wants_ack(struct rxe_qp *qp, bool last)
{
	if (!rxe_qp_is_rc(qp))
		return false;
	return last || ++qp->req.since_ack >= ACK_EVERY ||
	       (s32)unacked(qp) + 1 >= rxe_req_window(qp);
}

/* One packet of a SEND or WRITE. Return: RXE_MEM_OK also when the packet is lost at once. */
static enum rxe_mem_err send_segment(struct rxe_qp *qp, struct rxe_swqe *wqe)
{
	struct rxe_req *req = &qp->req;
	u32 len = min(wqe->length - req->sent, qp->mtu);
	bool last = req->sent + len == wqe->length;
	struct rxe_pkt pkt = {
		.opcode = segment_opcode(qp, wqe, !req->sent, last),
		.qpn = qp->attr.dest_qp_num,
		.psn = req->psn,
		.se = last && (wqe->flags & IB_SEND_SOLICITED),
		.ack_req = wants_ack(qp, last),
		.va = wqe->remote_addr,
		.rkey = wqe->rkey,
		.dma_len = wqe->length,
		.imm = wqe->imm,
		.inv_rkey = wqe->rkey,
		.payload_len = len,
	};
	enum rxe_mem_err err;
	struct rxe_out out;

	if (!rxe_egress_begin(qp, &qp->path, &pkt, &out)) {
		err = rxe_req_gather(qp, wqe, req->sent, out.payload, len);
		if (err)
			rxe_egress_abort(&out);
		else
			rxe_egress_send(qp, &pkt, &out);
		if (err == RXE_MEM_BUSY)
			rxe_qp_count(qp, RXE_STAT_TX_NOMEM);
		else if (err)
			return err;
	} else {
		rxe_mem_wait_over(&req->wait);
	}
	if (pkt.ack_req)
		req->since_ack = 0;
	req->sent += len;
	req->psn = rxe_psn_add(req->psn, 1);
	return RXE_MEM_OK;
}

/*
 * Bytes that the request at req.sent asks for. Pieces end where they would have ended the first
 * time, also when the first packets of one have come already: so it is known which PSN is the last.
 */
static u32 piece(const struct rxe_qp *qp, const struct rxe_swqe *wqe)
{
	u32 full = READ_PIECE * qp->mtu;

	return min(wqe->length - qp->req.sent, full - qp->req.sent % full);
}

static bool ends_piece(const struct rxe_swqe *wqe, u32 psn)
{
	return psn == wqe->last_psn || !((rxe_psn_diff(psn, wqe->first_psn) + 1) % READ_PIECE);
}

/* One packet, all of it in @pkt but for the word of an ATOMIC WRITE. It may be lost at once. */
static void send_whole(struct rxe_qp *qp, struct rxe_pkt *pkt, const void *payload)
{
	struct rxe_out out;

	if (rxe_egress_begin(qp, &qp->path, pkt, &out))
		return;
	memcpy(out.payload, payload, pkt->payload_len);
	rxe_egress_send(qp, pkt, &out);
}

/* A READ, for the next piece of what is missing, or whatever else has an answer of its own. */
static void send_request(struct rxe_qp *qp, struct rxe_swqe *wqe)
{
	static const u8 opcode[] = {
		[IB_WR_RDMA_READ]		= RXE_WOP_READ_REQUEST,
		[IB_WR_ATOMIC_CMP_AND_SWP]	= RXE_WOP_CMP_SWAP,
		[IB_WR_ATOMIC_FETCH_AND_ADD]	= RXE_WOP_FETCH_ADD,
		[RXC_WR_FLUSH]			= RXE_WOP_FLUSH,
		[RXC_WR_ATOMIC_WRITE]		= RXE_WOP_ATOMIC_WRITE,
	};
	u32 len = piece(qp, wqe);
	struct rxe_req *req = &qp->req;
	struct rxe_pkt pkt = {
		.opcode = RXE_SVC_RC | opcode[wqe->opcode],
		.qpn = qp->attr.dest_qp_num,
		.psn = req->psn,
		.va = wqe->remote_addr + req->sent,
		.rkey = wqe->rkey,
		.dma_len = wqe->opcode == RXC_WR_FLUSH ? wqe->flush_len : len,
		.flush_type = wqe->flush_type,
		.flush_level = wqe->flush_level,
		.compare = wqe->compare,
		.swap_add = wqe->swap_add,
		.payload_len = wqe->is_inline ? len : 0,
	};

	send_whole(qp, &pkt, wqe->data);
	req->rd_atomic++;
	req->sent += len;
	req->psn = rxe_psn_add(req->psn, packets(qp, len));
}

void rxe_req_answered(struct rxe_qp *qp, const struct rxe_swqe *wqe, u32 psn)
{
	struct rxe_req *req = &qp->req;

	rxe_assert_owned(qp);
	/* Late answers may be for a request that has not been sent again since the last loss. */
	if (ends_piece(wqe, psn) && req->rd_atomic && rxe_psn_after(req->psn, psn))
		req->rd_atomic--;
}

static void end(struct rxe_qp *qp)
{
	struct rxe_req *req = &qp->req;

	rxe_sgl_release(&req->sgl);
	req->started = false;
	req->sent = 0;
	qp->sq.next = (qp->sq.next + 1) & qp->sq.mask;
}

/* Of an unreliable connection: it left, and that is all there is to know. */
static void complete_unacked(struct rxe_qp *qp)
{
	qp->comp.psn = qp->req.psn;
	qp->req.limit = qp->req.psn;
	rxe_wc_send(qp, IB_WC_SUCCESS);
}

/*
 * Send one packet of @wqe, which is started. Return: false when it has to wait, or has turned out
 * to be impossible.
 */
static bool send_one(struct rxe_qp *qp, struct rxe_swqe *wqe)
{
	struct rxe_req *req = &qp->req;
	enum rxe_mem_err err;

	if (needs_answer(wqe)) {
		send_request(qp, wqe);
	} else {
		err = send_segment(qp, wqe);
		if (err == RXE_MEM_MISS) {
			req->held = true;
			return false;
		}
		if (err) {
			wqe->err = rxe_req_mem_err(err);
			return false;
		}
	}
	if (rxe_qp_is_rc(qp))
		rxe_retry_sent(qp);
	if (rxe_psn_after(req->psn, wqe->last_psn)) {
		end(qp);
		if (!rxe_qp_is_rc(qp))
			complete_unacked(qp);
	}
	return true;
}

/* Why the work request can never be sent: enum rxe_req_err. */
static u8 impossible(const struct rxe_qp *qp, const struct rxe_swqe *wqe)
{
	if (wqe->err || !needs_answer(wqe))
		return wqe->err;
	if (!qp->attr.max_rd_atomic)
		return RXE_REQ_UNSUPPORTED;
	/* Its answer would not fit into what can be told apart. */
	return psns_of(qp, wqe) < PSN_REACH ? RXE_REQ_OK : RXE_REQ_LENGTH;
}

/* A work request that must fail does so when all before it are complete. */
static void fail_in_turn(struct rxe_qp *qp, const struct rxe_swqe *wqe)
{
	if (qp->sq.next == qp->sq.tail)
		rxe_state_send_failed(qp, wqe->err);
}

static bool peer_holds_back(const struct rxe_qp *qp)
{
	return qp->req.rnr_wait || (rxe_qp_is_rc(qp) && (s32)unacked(qp) >= rxe_req_window(qp));
}

/* Return: false when nothing can be sent now. */
static bool step_connected(struct rxe_qp *qp)
{
	struct rxe_req *req = &qp->req;
	struct rxe_swqe *wqe;

	if (peer_holds_back(qp) || rxe_mem_waiting(&req->wait))
		return false;
	wqe = rxe_sq_next(qp);
	if (!wqe || (wqe->state == RXE_SWQE_POSTED && qp->state != IB_QPS_RTS))
		return false;
	wqe->err = impossible(qp, wqe);
	if (!wqe->err && rxe_req_is_local(wqe)) {
		if (rxe_req_local(qp, wqe))
			return true;
	} else if (!wqe->err) {
		if (needs_answer(wqe) && !may_ask(qp))
			return false;
		if (!req->started && !begin(qp, wqe))
			return false;
		if (!rxe_flight_ready(qp->flight) || !rxe_run_may_send(qp))
			return false;
		if (send_one(qp, wqe))
			return true;
	}
	if (wqe->err)
		fail_in_turn(qp, wqe);
	return false;
}

/* Datagrams complete as they leave. */
static bool step_ud(struct rxe_qp *qp)
{
	struct rxe_swqe *wqe;
	int err;

	if (qp->state != IB_QPS_RTS || rxe_mem_waiting(&qp->req.wait))
		return false;
	wqe = rxe_sq_next(qp);
	if (!wqe || !rxe_flight_ready(qp->flight))
		return false;
	err = wqe->err ? wqe->err : rxe_req_send_ud(qp, wqe);
	if (err < 0)
		return false;
	if (err)
		rxe_state_send_failed(qp, err);
	else
		rxe_wc_send(qp, IB_WC_SUCCESS);
	return true;
}

bool rxe_req_run(struct rxe_qp *qp, int *budget)
{
	bool (*step)(struct rxe_qp *qp) = rxe_qp_is_ud(qp) ? step_ud : step_connected;

	rxe_assert_owned(qp);
	while (qp->state == IB_QPS_RTS || qp->state == IB_QPS_SQD) {
		if (*budget <= 0)
			return rxe_sq_next(qp);
		if (!step(qp))
			return false;
		(*budget)--;
	}
	return false;
}

void rxe_req_seek(struct rxe_qp *qp)
{
	struct rxe_req *req = &qp->req;
	struct rxe_sq *sq = &qp->sq;
	const struct rxe_swqe *wqe;

	rxe_assert_owned(qp);
	rxe_req_reset(qp);
	sq->next = sq->tail;
	req->psn = qp->comp.psn;
	wqe = rxe_sq_next(qp);
	if (!wqe || wqe->state != RXE_SWQE_SENT || req->psn == wqe->first_psn)
		return;
	rxe_sgl_init(&req->sgl, qp->ib.pd, wqe->sge, wqe->num_sge, 0);
	req->started = true;
	req->sent = rxe_psn_diff(req->psn, wqe->first_psn) * qp->mtu;
}

void rxe_req_reset(struct rxe_qp *qp)
{
	struct rxe_req *req = &qp->req;

	rxe_assert_owned(qp);
	rxe_sgl_release(&req->sgl);
	rxe_mem_wait_cancel(&req->wait);
	req->held = false;
	req->started = false;
	req->sent = 0;
	req->rd_atomic = 0;
	req->since_ack = 0;
}
