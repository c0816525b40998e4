// SPDX-License-Identifier: GPL-2.0
/*
 * The send queue.
 *
 * A program's work request lives in memory that it can change at any time. It is therefore read
 * once, into a private slot; the copy is validated and the copy is used, also for retransmission,
 * however long that takes. Nothing of ours is ever stored in the ring but the consumer index.
 *
 * A work request that cannot be carried out is not refused here, since those before it must
 * complete first: it carries its status and fails when its turn comes.
 *
 * Slots are numbered by the ring's masked indices, the private ones alike, and one stays empty.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <rdma/rdma_user_rxe.h>

#include "../base/dev.h"
#include "../compat/rxc_ib.h"
#include "ah.h"
#include "qp.h"
#include "req_err.h"
#include "req_local.h"
#include "sq.h"

/* What a kernel consumer may grant by fast registration. */
#define REG_ACCESS	(IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_READ | \
			 IB_ACCESS_REMOTE_ATOMIC | IB_ACCESS_RELAXED_ORDERING)

int rxe_sq_create(struct rxe_sq *sq, u32 max_wr, bool user)
{
	/* There is always room for the word of an ATOMIC WRITE. */
	u32 payload = max3(sq->max_sge * (u32)sizeof(struct ib_sge), sq->max_inline,
			   (u32)sizeof(u64));
	int err;

	spin_lock_init(&sq->lock);
	if (user) {
		err = rxe_ring_init(&sq->ring, max_wr + 1, sizeof(struct rxe_send_wqe) + payload);
		if (err)
			return err;
	}
	sq->mask = user ? sq->ring.mask : roundup_pow_of_two(max_wr + 1) - 1;
	sq->stride = ALIGN(sizeof(struct rxe_swqe) + payload, sizeof(u64));
	sq->slots = kvcalloc(sq->mask + 1, sq->stride, GFP_KERNEL_ACCOUNT);
	if (!sq->slots) {
		rxe_ring_free(&sq->ring);
		return -ENOMEM;
	}
	return 0;
}

void rxe_sq_destroy(struct rxe_sq *sq)
{
	kvfree(sq->slots);
	sq->slots = NULL;
}

static bool is_send(u32 opcode)
{
	return opcode == IB_WR_SEND || opcode == IB_WR_SEND_WITH_IMM ||
	       opcode == IB_WR_SEND_WITH_INV;
}

static bool is_send_or_write(u32 opcode)
{
	return is_send(opcode) ||
	       opcode == IB_WR_RDMA_WRITE || opcode == IB_WR_RDMA_WRITE_WITH_IMM;
}

static bool is_atomic(u32 opcode)
{
	return opcode == IB_WR_ATOMIC_CMP_AND_SWP || opcode == IB_WR_ATOMIC_FETCH_AND_ADD;
}

/* Programs alone: there is no kernel interface. */
static bool is_placement(const struct rxe_qp *qp, u32 opcode)
{
	return qp->is_user && (opcode == RXC_WR_ATOMIC_WRITE ||
			       (RXC_FLUSH && opcode == RXC_WR_FLUSH));
}

/* Windows are for programs, and fast registration is for the kernel: its pages are named by it. */
static bool is_local(const struct rxe_qp *qp, u32 opcode)
{
	return opcode == IB_WR_LOCAL_INV ||
	       opcode == (qp->is_user ? IB_WR_BIND_MW : IB_WR_REG_MR);
}

static bool opcode_fits(const struct rxe_qp *qp, u32 opcode)
{
	if (rxe_qp_is_ud(qp))
		return opcode == IB_WR_SEND || opcode == IB_WR_SEND_WITH_IMM;
	/* Only a reliable connection invalidates (IBA table 38). */
	if (rxe_qp_is_uc(qp) && opcode == IB_WR_SEND_WITH_INV)
		return false;
	if (is_send_or_write(opcode) || is_local(qp, opcode))
		return true;
	return rxe_qp_is_rc(qp) && (opcode == IB_WR_RDMA_READ || is_atomic(opcode) ||
				     is_placement(qp, opcode));
}

static bool may_be_inline(u32 opcode)
{
	return is_send_or_write(opcode) || opcode == RXC_WR_ATOMIC_WRITE;
}

/* The rules that hold whoever posted; @length is the sum of the list, or the inline bytes. */
static u8 judge(const struct rxe_qp *qp, struct rxe_swqe *wqe, u64 length)
{
	if (!opcode_fits(qp, wqe->opcode) || (wqe->is_inline && !may_be_inline(wqe->opcode)))
		return RXE_REQ_UNSUPPORTED;
	if (wqe->opcode == RXC_WR_ATOMIC_WRITE && length != sizeof(u64))
		return RXE_REQ_LENGTH;
	if (rxe_req_is_local(wqe))
		length = 0;
	if (is_atomic(wqe->opcode))
		length = sizeof(u64);
	/* What is flushed does not travel. */
	if (wqe->opcode == RXC_WR_FLUSH)
		length = 0;
	if (length > RXE_MAX_MSG_BYTES)
		return RXE_REQ_LENGTH;
	wqe->length = length;
	return RXE_REQ_OK;
}

static void copy_user_operands(struct rxe_swqe *wqe, const struct rxe_send_wr *wr, bool ud)
{
	if (ud) {
		wqe->remote_qpn = wr->wr.ud.remote_qpn;
		wqe->remote_qkey = wr->wr.ud.remote_qkey;
		wqe->ah_num = wr->wr.ud.ah_num;
	} else if (is_atomic(wqe->opcode)) {
		wqe->remote_addr = wr->wr.atomic.remote_addr;
		wqe->compare = wr->wr.atomic.compare_add;
		wqe->swap_add = wqe->opcode == IB_WR_ATOMIC_CMP_AND_SWP ? wr->wr.atomic.swap :
									  wr->wr.atomic.compare_add;
		wqe->rkey = wr->wr.atomic.rkey;
	} else if (wqe->opcode == IB_WR_BIND_MW) {
		wqe->bind = (struct rxe_mw_bind) {
			.mw_rkey = wr->wr.mw.mw_rkey,
			.rkey = wr->wr.mw.rkey,
			.lkey = wr->wr.mw.mr_lkey,
			.access = wr->wr.mw.access,
			.addr = wr->wr.mw.addr,
			.length = wr->wr.mw.length,
		};
	} else if (wqe->opcode == IB_WR_LOCAL_INV || wqe->opcode == IB_WR_SEND_WITH_INV) {
		wqe->rkey = wr->ex.invalidate_rkey;
	} else {
		wqe->remote_addr = wr->wr.rdma.remote_addr;
		wqe->rkey = wr->wr.rdma.rkey;
	}
}

/* The library leaves the length where that of data would be. */
static void copy_user_flush(struct rxe_swqe *wqe, const struct rxe_send_wr *wr, u32 length)
{
	struct rxc_flush_wr flush;

	BUILD_BUG_ON(sizeof(flush) > sizeof(wr->wr));
	memcpy(&flush, &wr->wr, sizeof(flush));
	wqe->remote_addr = flush.remote_addr;
	wqe->rkey = flush.rkey;
	wqe->flush_type = flush.type;
	wqe->flush_level = flush.level;
	wqe->flush_len = length;
}

/*
 * Inline data or a list? The extended posting calls leave IB_SEND_INLINE unset: no entries but a
 * length then mean inline data; the original call leaves the number of entries set.
 */
static bool user_inline(const struct rxe_swqe *wqe, const struct rxe_dma_info *dma)
{
	if (wqe->opcode == RXC_WR_ATOMIC_WRITE)
		return true;
	if (wqe->flags & IB_SEND_INLINE)
		return true;
	return !dma->num_sge && dma->length && is_send_or_write(wqe->opcode);
}

/* Copy one element of the ring. @user is shared memory and read exactly once. */
static void snapshot(struct rxe_qp *qp, struct rxe_swqe *wqe, const struct rxe_send_wqe *user)
{
	const struct rxe_sq *sq = &qp->sq;
	struct rxe_dma_info dma;
	struct rxe_send_wr wr;
	u64 length;

	memcpy(&wr, &user->wr, sizeof(wr));
	memcpy(&dma, &user->dma, offsetof(struct rxe_dma_info, sge));
	barrier();	/* the compiler may not read the shared originals again */

	*wqe = (struct rxe_swqe) {
		.wr_id = wr.wr_id,
		.opcode = wr.opcode,
		.posted = wr.opcode,
		.flags = wr.send_flags,
		.imm = wr.ex.imm_data,
	};
	wqe->is_inline = user_inline(wqe, &dma);
	copy_user_operands(wqe, &wr, rxe_qp_is_ud(qp));
	if (wqe->opcode == RXC_WR_FLUSH)
		copy_user_flush(wqe, &wr, dma.length);
	if (wqe->is_inline) {
		length = dma.length;
		if (length > (wqe->opcode == RXC_WR_ATOMIC_WRITE ? sizeof(u64) : sq->max_inline)) {
			wqe->err = RXE_REQ_LENGTH;
			return;
		}
		memcpy(wqe->data, user->dma.inline_data, length);
	} else {
		if (dma.num_sge > sq->max_sge) {
			wqe->err = RXE_REQ_UNSUPPORTED;
			return;
		}
		wqe->num_sge = dma.num_sge;
		BUILD_BUG_ON(sizeof(struct ib_sge) != sizeof(struct rxe_sge));
		memcpy(wqe->sge, user->dma.sge, dma.num_sge * sizeof(struct ib_sge));
		barrier();	/* as above: the sum is that of the copies */
		length = rxe_sgl_length(wqe->sge, wqe->num_sge);
	}
	wqe->err = judge(qp, wqe, length);
}

static void take_user_posts(struct rxe_qp *qp)
{
	struct rxe_sq *sq = &qp->sq;
	u32 producer = rxe_ring_user_producer(&sq->ring);
	u32 next;

	while (sq->head != producer) {
		next = (sq->head + 1) & sq->mask;
		/* A producer index that overtakes what is incomplete is nonsense; it can wait. */
		if (next == sq->tail)
			return;
		snapshot(qp, rxe_sq_slot(sq, sq->head), rxe_ring_elem(&sq->ring, sq->head));
		sq->head = next;
	}
}

struct rxe_swqe *rxe_sq_next(struct rxe_qp *qp)
{
	struct rxe_sq *sq = &qp->sq;

	rxe_assert_owned(qp);
	if (qp->is_user && sq->next == sq->head)
		take_user_posts(qp);
	/* Pairs with the release in post_one(): the slot is filled. */
	if (sq->next == smp_load_acquire(&sq->head))
		return NULL;
	return rxe_sq_slot(sq, sq->next);
}

struct rxe_swqe *rxe_sq_oldest(struct rxe_qp *qp)
{
	struct rxe_sq *sq = &qp->sq;

	rxe_assert_owned(qp);
	if (sq->tail == sq->next)
		return rxe_sq_next(qp);
	return rxe_sq_slot(sq, sq->tail);
}

void rxe_sq_release(struct rxe_qp *qp)
{
	struct rxe_sq *sq = &qp->sq;
	u32 tail = (sq->tail + 1) & sq->mask;

	rxe_assert_owned(qp);
	if (sq->next == sq->tail)
		sq->next = tail;
	/* Pairs with the acquire in post_one(): the slot may be filled again. */
	smp_store_release(&sq->tail, tail);
	if (qp->is_user)
		rxe_ring_publish_consumer(&sq->ring, tail);
}

void rxe_sq_discard(struct rxe_qp *qp)
{
	struct rxe_sq *sq = &qp->sq;
	unsigned long flags;

	rxe_assert_owned(qp);
	spin_lock_irqsave(&sq->lock, flags);
	if (qp->is_user)
		sq->head = rxe_ring_user_producer(&sq->ring);
	sq->next = sq->head;
	/* Pairs with the acquire in post_one(). */
	smp_store_release(&sq->tail, sq->head);
	spin_unlock_irqrestore(&sq->lock, flags);
	if (qp->is_user)
		rxe_ring_publish_consumer(&sq->ring, sq->tail);
}

/*
 * Masked atomics have no operation on the wire. But a consumer that knows no other (RDS) asks by
 * them for plain ones, too: all bits compared and swapped, no carry held back.
 *
 * Return: IB_WR_*, which no QP takes if it cannot be had.
 */
static u32 plain_opcode(const struct ib_send_wr *wr)
{
	const struct ib_atomic_wr *atomic;

	switch (wr->opcode) {
	case IB_WR_MASKED_ATOMIC_CMP_AND_SWP:
		atomic = atomic_wr(wr);
		if (atomic->compare_add_mask == U64_MAX && atomic->swap_mask == U64_MAX)
			return IB_WR_ATOMIC_CMP_AND_SWP;
		break;
	case IB_WR_MASKED_ATOMIC_FETCH_AND_ADD:
		if (!atomic_wr(wr)->compare_add_mask)
			return IB_WR_ATOMIC_FETCH_AND_ADD;
		break;
	default:
		break;
	}
	return wr->opcode;
}

/* As the consumer has the region now: it may change the address between mapping and posting. */
static void copy_registration(struct rxe_fast_reg *reg, const struct ib_reg_wr *wr)
{
	*reg = (struct rxe_fast_reg) {
		.key = wr->key,
		.access = rxe_mr_access(ODP_ACCESS_KERNEL_REG, rxe_mr(wr->mr)->access, wr->access,
					REG_ACCESS),
		.iova = wr->mr->iova,
		.length = wr->mr->length,
	};
}

static void copy_kernel_operands(struct rxe_swqe *wqe, const struct ib_send_wr *wr, bool ud)
{
	if (ud) {
		wqe->remote_qpn = ud_wr(wr)->remote_qpn;
		wqe->remote_qkey = ud_wr(wr)->remote_qkey;
		wqe->ah = rxe_ah(ud_wr(wr)->ah);
	} else if (is_atomic(wqe->opcode)) {
		const struct ib_atomic_wr *atomic = atomic_wr(wr);

		wqe->remote_addr = atomic->remote_addr;
		wqe->compare = atomic->compare_add;
		wqe->swap_add = wqe->opcode == IB_WR_ATOMIC_CMP_AND_SWP ? atomic->swap :
									  atomic->compare_add;
		wqe->rkey = atomic->rkey;
	} else if (wr->opcode == IB_WR_REG_MR) {
		copy_registration(&wqe->reg, reg_wr(wr));
	} else if (wr->opcode == IB_WR_LOCAL_INV || wr->opcode == IB_WR_SEND_WITH_INV) {
		wqe->rkey = wr->ex.invalidate_rkey;
	} else if (!is_send(wr->opcode)) {
		wqe->remote_addr = rdma_wr(wr)->remote_addr;
		wqe->rkey = rdma_wr(wr)->rkey;
	}
}

/* A kernel consumer's inline list holds kernel addresses. */
static void copy_kernel_inline(struct rxe_swqe *wqe, const struct ib_send_wr *wr)
{
	u32 done = 0;
	int i;

	for (i = 0; i < wr->num_sge; i++) {
		memcpy(wqe->data + done, (void *)(uintptr_t)wr->sg_list[i].addr,
		       wr->sg_list[i].length);
		done += wr->sg_list[i].length;
	}
}

static int post_one(struct rxe_qp *qp, const struct ib_send_wr *wr)
{
	struct rxe_sq *sq = &qp->sq;
	u32 next = (sq->head + 1) & sq->mask;
	struct rxe_swqe *wqe = rxe_sq_slot(sq, sq->head);
	u32 opcode = plain_opcode(wr);
	u64 length;

	lockdep_assert_held(&sq->lock);
	/* Pairs with the release in rxe_sq_release(). */
	if (next == smp_load_acquire(&sq->tail))
		return -ENOMEM;
	if (!opcode_fits(qp, opcode) || wr->num_sge < 0 || wr->num_sge > sq->max_sge)
		return -EINVAL;
	length = rxe_sgl_length(wr->sg_list, wr->num_sge);
	if ((wr->send_flags & IB_SEND_INLINE) && length > sq->max_inline)
		return -EINVAL;

	*wqe = (struct rxe_swqe) {
		.wr_id = wr->wr_id,
		.opcode = opcode,
		.posted = wr->opcode,
		.flags = wr->send_flags,
		.imm = wr->ex.imm_data,
		.is_inline = wr->send_flags & IB_SEND_INLINE,
	};
	copy_kernel_operands(wqe, wr, rxe_qp_is_ud(qp));
	if (wr->opcode == IB_WR_REG_MR && wqe->reg.access < 0)
		return wqe->reg.access;
	if (wqe->is_inline) {
		copy_kernel_inline(wqe, wr);
	} else {
		wqe->num_sge = wr->num_sge;
		memcpy(wqe->sge, wr->sg_list, wr->num_sge * sizeof(struct ib_sge));
	}
	wqe->err = judge(qp, wqe, length);
	/* Pairs with the acquire in rxe_sq_next(). */
	smp_store_release(&sq->head, next);
	return 0;
}

int rxe_sq_post(struct rxe_qp *qp, const struct ib_send_wr *wr, const struct ib_send_wr **bad_wr)
{
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&qp->sq.lock, flags);
	for (; wr && !err; wr = err ? wr : wr->next)
		err = post_one(qp, wr);
	spin_unlock_irqrestore(&qp->sq.lock, flags);
	if (err)
		*bad_wr = wr;
	return err;
}
