// SPDX-License-Identifier: GPL-2.0
/*
 * Executing SENDs, WRITEs and atomics, one packet at a time. The packet has passed
 * rxe_resp_check(): it is the next one, and its lengths are right. What is left is memory.
 */
#include <linux/string.h>

#include "../base/dev.h"
#include "../wire/aeth.h"
#include "../wire/psn.h"
#include "egress.h"
#include "qp.h"
#include "resp.h"
#include "wc.h"

static void deliver_wc(struct rxe_qp *qp, const struct rxe_pkt *pkt, u32 bytes)
{
	const struct rxe_opcode *op = rxe_opcode_info(pkt->opcode);
	struct ib_wc wc = {
		.opcode = op->kind == RXE_KIND_WRITE ? IB_WC_RECV_RDMA_WITH_IMM : IB_WC_RECV,
		.byte_len = bytes,
		.src_qp = qp->attr.dest_qp_num,
	};

	if (op->flags & RXE_OPF_IMMDT) {
		wc.ex.imm_data = pkt->imm;
		wc.wc_flags = IB_WC_WITH_IMM;
	}
	if (op->flags & RXE_OPF_IETH) {
		wc.ex.invalidate_rkey = pkt->inv_rkey;
		wc.wc_flags = IB_WC_WITH_INVALIDATE;
	}
	rxe_qp_count(qp, RXE_STAT_RDMA_RECVS);
	rxe_wc_recv(qp, &wc, pkt->se);
}

enum rxe_resp_err rxe_resp_remote_err(enum rxe_mem_err err)
{
	switch (err) {
	case RXE_MEM_OK:
		return RXE_RESP_OK;
	case RXE_MEM_MISS:
		return RXE_RESP_WAIT;
	case RXE_MEM_BUSY:
		return RXE_RESP_LOST;
	case RXE_MEM_FAULT:
		return RXE_RESP_MEMORY;
	case RXE_MEM_ALIGN:
		return RXE_RESP_MISALIGNED;
	default:
		return RXE_RESP_ACCESS;
	}
}

/* Of the list of a receive, which is nobody's business but ours. */
enum rxe_resp_err rxe_resp_recv_err(enum rxe_mem_err err)
{
	switch (err) {
	case RXE_MEM_OK:
	case RXE_MEM_MISS:
	case RXE_MEM_BUSY:
		return rxe_resp_remote_err(err);
	case RXE_MEM_LENGTH:
		return RXE_RESP_TOO_LONG;
	default:
		return RXE_RESP_RECV_MEMORY;
	}
}

/* Where the list's cursor stands after a miss is not where the message does. */
static enum rxe_resp_err scatter(struct rxe_qp *qp, const void *payload, u32 len)
{
	struct rxe_resp *resp = &qp->resp;
	enum rxe_mem_err err;

	/* How long the message is nobody knows; the receive may be far longer. So as much again. */
	resp->wait.ahead = resp->received + len;
	err = rxe_sgl_scatter(&resp->sgl, payload, len, &resp->wait);
	if (err)
		rxe_sgl_seek(&resp->sgl, resp->received);
	return rxe_resp_recv_err(err);
}

/* Before the receive completes, so that who sees it may use the memory. */
static enum rxe_resp_err invalidate(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	return rxe_mem_invalidate(qp->ib.pd, &qp->windows, pkt->inv_rkey) ? RXE_RESP_INVALIDATE :
									   RXE_RESP_OK;
}

static enum rxe_resp_err exec_send(struct rxe_qp *qp, const struct rxe_opcode *op,
				   const struct rxe_pkt *pkt, const void *payload)
{
	struct rxe_resp *resp = &qp->resp;
	enum rxe_resp_err err;

	if (op->flags & RXE_OPF_FIRST)
		resp->received = 0;
	if (pkt->payload_len > RXE_MAX_MSG_BYTES - resp->received)
		return RXE_RESP_LENGTH;
	err = rxe_resp_take_wqe(qp);
	if (!err)
		err = scatter(qp, payload, pkt->payload_len);
	if (!err && (op->flags & RXE_OPF_IETH))
		err = invalidate(qp, pkt);
	if (err)
		return err;
	resp->received += pkt->payload_len;
	if (op->flags & RXE_OPF_LAST)
		deliver_wc(qp, pkt, resp->received);
	return RXE_RESP_OK;
}

/* FIRST or ONLY: what the RETH says. */
static void begin_write(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	struct rxe_resp *resp = &qp->resp;

	rxe_resp_release_regions(qp);
	resp->received = 0;
	resp->rkey = pkt->rkey;
	resp->va = pkt->va;
	resp->resid = pkt->dma_len;
}

/*
 * The key is checked for all that is still to come, once in a run: what came before may have been
 * long ago. A WRITE of no bytes has no key to check (IBA 9.7.4.1.5).
 */
static enum rxe_mem_err write_payload(struct rxe_qp *qp, const void *payload, u32 len)
{
	struct rxe_resp *resp = &qp->resp;
	enum rxe_mem_err err;

	if (!len)
		return RXE_MEM_OK;
	if (!resp->mr) {
		err = rxe_mem_get(qp->ib.pd, &qp->windows, resp->rkey, resp->va, resp->resid,
				  IB_ACCESS_REMOTE_WRITE, &resp->mr);
		if (err)
			return err;
	}
	resp->wait.ahead = resp->resid;
	return rxe_mem_write(resp->mr, resp->va, payload, len, &resp->wait);
}

static enum rxe_resp_err exec_write(struct rxe_qp *qp, const struct rxe_opcode *op,
				    const struct rxe_pkt *pkt, const void *payload)
{
	struct rxe_resp *resp = &qp->resp;
	enum rxe_resp_err err = RXE_RESP_OK;

	/* With no receive posted nothing of the packet is executed (IBA 9.7.5.2.8). */
	if (op->flags & RXE_OPF_RECV)
		err = rxe_resp_take_wqe(qp);
	if (!err && (op->flags & RXE_OPF_FIRST))
		begin_write(qp, pkt);
	if (!err)
		err = rxe_resp_remote_err(write_payload(qp, payload, pkt->payload_len));
	if (err)
		return err;
	resp->va += pkt->payload_len;
	resp->resid -= pkt->payload_len;
	resp->received += pkt->payload_len;
	if ((op->flags & RXE_OPF_LAST) && (op->flags & RXE_OPF_RECV))
		deliver_wc(qp, pkt, resp->received);
	return RXE_RESP_OK;
}

static void answer_atomic(struct rxe_qp *qp, u32 psn, u64 orig, u32 msn)
{
	struct rxe_pkt pkt = {
		.opcode = RXE_SVC_RC | RXE_WOP_ATOMIC_ACK,
		.qpn = qp->attr.dest_qp_num,
		.psn = psn,
		.syndrome = RXE_AETH_ACK | RXE_AETH_NO_CREDITS,
		.msn = msn,
		.atomic_orig = orig,
	};

	rxe_resp_answered(qp, psn);
	rxe_egress_bare(qp, &pkt);
}

static void save_result(struct rxe_qp *qp, u32 psn, u64 orig)
{
	struct rxe_resp *resp = &qp->resp;

	resp->replay[resp->replay_next] = (struct rxe_replay) {
		.valid = true,
		.psn = psn,
		.orig = orig,
	};
	resp->replay_next = (resp->replay_next + 1) % resp->replay_size;
}

enum rxe_mem_err rxe_resp_word(struct rxe_qp *qp, const struct rxe_pkt *pkt, int access,
			       const struct rxe_atomic *op, u64 *orig)
{
	enum rxe_mem_err err;
	struct rxe_mr *mr;

	err = rxe_mem_get(qp->ib.pd, &qp->windows, pkt->rkey, pkt->va, sizeof(u64), access, &mr);
	if (err)
		return err;
	qp->resp.wait.ahead = sizeof(u64);
	err = rxe_mem_atomic(mr, pkt->va, op, orig, &qp->resp.wait);
	rxe_mem_put(mr);
	return err;
}

static enum rxe_resp_err exec_atomic(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	struct rxe_atomic op = {
		.kind = pkt->opcode == (RXE_SVC_RC | RXE_WOP_CMP_SWAP) ? RXE_ATOMIC_SWAP :
									 RXE_ATOMIC_ADD,
		.compare = pkt->compare,
		.swap_add = pkt->swap_add,
	};
	enum rxe_mem_err err;
	u64 orig = 0;

	err = rxe_resp_word(qp, pkt, IB_ACCESS_REMOTE_ATOMIC, &op, &orig);
	if (err)
		return rxe_resp_remote_err(err);
	save_result(qp, pkt->psn, orig);
	answer_atomic(qp, pkt->psn, orig, (qp->resp.msn + 1) & RXE_MSN_MASK);
	return RXE_RESP_OK;
}

/* The latest first: after a whole circle of PSNs an older one may have the same. */
bool rxe_resp_replay_atomic(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	struct rxe_resp *resp = &qp->resp;
	const struct rxe_replay *saved;
	u32 i;

	for (i = 1; i <= resp->replay_size; i++) {
		saved = &resp->replay[(resp->replay_next + resp->replay_size - i) %
				      resp->replay_size];
		if (saved->valid && saved->psn == pkt->psn) {
			answer_atomic(qp, pkt->psn, saved->orig, resp->msn);
			return true;
		}
	}
	return false;
}

enum rxe_resp_err rxe_resp_exec(struct rxe_qp *qp, const struct rxe_pkt *pkt, const void *payload)
{
	const struct rxe_opcode *op = rxe_opcode_info(pkt->opcode);

	rxe_assert_owned(qp);
	switch (op->kind) {
	case RXE_KIND_SEND:
		return exec_send(qp, op, pkt, payload);
	case RXE_KIND_WRITE:
		return exec_write(qp, op, pkt, payload);
	case RXE_KIND_ATOMIC:
		return exec_atomic(qp, pkt);
	case RXE_KIND_FLUSH:
	case RXE_KIND_ATOMIC_WRITE:
		return rxe_resp_place(qp, pkt, payload);
	default:
		return RXE_RESP_UNSUPPORTED;
	}
}
