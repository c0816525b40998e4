// SPDX-License-Identifier: GPL-2.0
/*
 * Verdicts on request packets (IBA 9.7.4.1): PSN, then the order of opcodes, then whether the QP
 * accepts the operation, then lengths. Keys and memory are looked at by those who execute.
 *
 * Depends on nothing but its arguments.
 */
#include "../wire/opcode.h"
#include "../wire/psn.h"
#include "resp_check.h"

/* No message is longer (IBA 9.7.2). */
#define MAX_MESSAGE	(1U << 31)

static enum rxe_resp_err check_psn(const struct rxe_resp_view *view, const struct rxe_pkt *pkt)
{
	s32 diff = rxe_psn_diff(pkt->psn, view->psn);

	if (diff > 0)
		return RXE_RESP_GAP;
	return diff < 0 ? RXE_RESP_DUPLICATE : RXE_RESP_OK;
}

static enum rxe_resp_err check_sequence(const struct rxe_resp_view *view,
					const struct rxe_opcode *op)
{
	bool first = op->flags & RXE_OPF_FIRST;

	if (view->in_message == RXE_KIND_NONE)
		return first ? RXE_RESP_OK : RXE_RESP_SEQUENCE;
	return !first && op->kind == view->in_message ? RXE_RESP_OK : RXE_RESP_SEQUENCE;
}

static enum rxe_resp_err check_support(const struct rxe_resp_view *view,
				       const struct rxe_opcode *op, const struct rxe_pkt *pkt)
{
	bool ok;

	switch (op->kind) {
	case RXE_KIND_SEND:
		ok = true;
		break;
	case RXE_KIND_WRITE:
		ok = view->remote_write;
		break;
	case RXE_KIND_READ:
		ok = view->remote_read && view->max_rd_atomic;
		break;
	case RXE_KIND_ATOMIC:
		ok = view->remote_atomic && view->max_rd_atomic;
		break;
	case RXE_KIND_FLUSH:
		ok = pkt->flush_type && !(pkt->flush_type & ~view->flush_types);
		break;
	case RXE_KIND_ATOMIC_WRITE:
		ok = view->remote_write;
		break;
	default:
		ok = false;
	}
	return ok ? RXE_RESP_OK : RXE_RESP_UNSUPPORTED;
}

/* FIRST and MIDDLE are full; LAST has a byte or more; ONLY anything up to full (IBA 9.7.4.1.6). */
static bool payload_fits_place(const struct rxe_resp_view *view, const struct rxe_opcode *op,
			       u32 len)
{
	if (!(op->flags & RXE_OPF_LAST))
		return len == view->mtu;
	if (!(op->flags & RXE_OPF_FIRST) && !len)
		return false;
	return len <= view->mtu;
}

/* The RETH announces what all packets together bring. */
static bool payload_fits_write(const struct rxe_resp_view *view, const struct rxe_opcode *op,
			       const struct rxe_pkt *pkt)
{
	u32 left = op->flags & RXE_OPF_FIRST ? pkt->dma_len : view->resid;

	if (left > MAX_MESSAGE)
		return false;
	return op->flags & RXE_OPF_LAST ? pkt->payload_len == left : pkt->payload_len < left;
}

static enum rxe_resp_err check_length(const struct rxe_resp_view *view,
				      const struct rxe_opcode *op, const struct rxe_pkt *pkt)
{
	switch (op->kind) {
	case RXE_KIND_WRITE:
		if (!payload_fits_write(view, op, pkt))
			return RXE_RESP_LENGTH;
		fallthrough;
	case RXE_KIND_SEND:
		return payload_fits_place(view, op, pkt->payload_len) ? RXE_RESP_OK :
									RXE_RESP_LENGTH;
	case RXE_KIND_READ:
		return pkt->dma_len <= MAX_MESSAGE ? RXE_RESP_OK : RXE_RESP_LENGTH;
	case RXE_KIND_FLUSH:
		return pkt->dma_len <= MAX_MESSAGE && pkt->flush_level <= RXE_FLUSH_REGION ?
			       RXE_RESP_OK : RXE_RESP_LENGTH;
	case RXE_KIND_ATOMIC_WRITE:
		if (pkt->payload_len != sizeof(u64) || pkt->dma_len != sizeof(u64))
			return RXE_RESP_LENGTH;
		fallthrough;
	case RXE_KIND_ATOMIC:
		return pkt->va & 7 ? RXE_RESP_MISALIGNED : RXE_RESP_OK;
	default:
		return RXE_RESP_OK;
	}
}

enum rxe_resp_err rxe_resp_check(const struct rxe_resp_view *view, const struct rxe_pkt *pkt)
{
	const struct rxe_opcode *op = rxe_opcode_info(pkt->opcode);
	enum rxe_resp_err err;

	err = check_psn(view, pkt);
	if (!err)
		err = check_sequence(view, op);
	if (!err)
		err = check_support(view, op, pkt);
	if (!err)
		err = check_length(view, op, pkt);
	return err;
}
