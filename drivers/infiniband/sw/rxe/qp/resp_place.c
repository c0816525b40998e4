// SPDX-License-Identifier: GPL-2.0
/*
 * Memory placement (IBA annex A19): FLUSH and ATOMIC WRITE. Both are answered like a READ of no
 * bytes, and a copy of one that was executed is answered again without being executed: what was
 * flushed stays flushed, and the word may have been overwritten since.
 */
#include <linux/string.h>

#include "../compat/rxc_ib.h"
#include "../wire/aeth.h"
#include "egress.h"
#include "qp.h"
#include "resp.h"

u8 rxe_resp_flush_types(int access)
{
	return (access & RXC_ACCESS_FLUSH_GLOBAL ? RXE_FLUSH_GLOBAL : 0) |
	       (access & RXC_ACCESS_FLUSH_PERSISTENT ? RXE_FLUSH_PERSISTENT : 0);
}

static int access_of(u8 flush_types)
{
	return (flush_types & RXE_FLUSH_GLOBAL ? RXC_ACCESS_FLUSH_GLOBAL : 0) |
	       (flush_types & RXE_FLUSH_PERSISTENT ? RXC_ACCESS_FLUSH_PERSISTENT : 0);
}

void rxe_resp_placed(struct rxe_qp *qp, u32 psn, u32 msn)
{
	struct rxe_pkt pkt = {
		.opcode = RXE_SVC_RC | RXE_WOP_READ_RESP_ONLY,
		.qpn = qp->attr.dest_qp_num,
		.psn = psn,
		.syndrome = RXE_AETH_ACK | RXE_AETH_NO_CREDITS,
		.msn = msn,
	};

	rxe_resp_answered(qp, psn);
	rxe_egress_bare(qp, &pkt);
}

/* Of a whole region, address and length say nothing. */
static enum rxe_mem_err flush(struct rxe_qp *qp, const struct rxe_pkt *pkt)
{
	u32 len = pkt->flush_level == RXE_FLUSH_REGION ? 0 : pkt->dma_len;
	enum rxe_mem_err err;
	struct rxe_mr *mr;

	err = rxe_mem_get(qp->ib.pd, &qp->windows, pkt->rkey, pkt->va, len,
			  access_of(pkt->flush_type), &mr);
	if (err)
		return err;
	err = rxe_mem_flush(mr, pkt->flush_type & RXE_FLUSH_PERSISTENT);
	rxe_mem_put(mr);
	return err;
}

/* The word travels as it lies in memory. */
static enum rxe_mem_err store(struct rxe_qp *qp, const struct rxe_pkt *pkt, const void *payload)
{
	struct rxe_atomic op = { .kind = RXE_ATOMIC_STORE };
	u64 none;

	memcpy(&op.swap_add, payload, sizeof(op.swap_add));
	return rxe_resp_word(qp, pkt, IB_ACCESS_REMOTE_WRITE, &op, &none);
}

enum rxe_resp_err rxe_resp_place(struct rxe_qp *qp, const struct rxe_pkt *pkt, const void *payload)
{
	enum rxe_mem_err err;

	rxe_assert_owned(qp);
	if (rxe_opcode_info(pkt->opcode)->kind == RXE_KIND_FLUSH)
		err = flush(qp, pkt);
	else
		err = store(qp, pkt, payload);
	if (!err)
		rxe_resp_placed(qp, pkt->psn, (qp->resp.msn + 1) & RXE_MSN_MASK);
	return rxe_resp_remote_err(err);
}
