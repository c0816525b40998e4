// SPDX-License-Identifier: GPL-2.0
/*
 * Receive queues, of one QP or shared by many (srq.c).
 *
 * A work request is read once, when a message needs it, into the responder's private copy; its slot
 * is free from then on. Programs post without a system call, so nothing here may assume that a post
 * was seen: the ring is looked at when a message arrives, and when the queue is flushed.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <rdma/rdma_user_rxe.h>

#include "qp.h"
#include "rq.h"
#include "srq.h"

/* What a kernel queue holds: the work request with as many entries as the queue allows. */
struct kernel_rwqe {
	u64 wr_id;
	u32 num_sge;
	struct ib_sge sge[];
};

int rxe_rq_create(struct rxe_rq *rq, u32 max_wr, bool user)
{
	int err;

	spin_lock_init(&rq->lock);
	if (user) {
		err = rxe_ring_init(&rq->ring, max_wr + 1,
				    sizeof(struct rxe_recv_wqe) +
				    rq->max_sge * sizeof(struct rxe_sge));
		rq->mask = rq->ring.mask;
		return err;
	}
	rq->mask = roundup_pow_of_two(max_wr + 1) - 1;
	rq->stride = struct_size((struct kernel_rwqe *)NULL, sge, rq->max_sge);
	rq->slots = kvcalloc(rq->mask + 1, rq->stride, GFP_KERNEL);
	return rq->slots ? 0 : -ENOMEM;
}

void rxe_rq_destroy(struct rxe_rq *rq)
{
	kvfree(rq->slots);
	rq->slots = NULL;
}

static struct kernel_rwqe *slot(const struct rxe_rq *rq, u32 index)
{
	return rq->slots + (size_t)index * rq->stride;
}

static int post_one(struct rxe_rq *rq, const struct ib_recv_wr *wr)
{
	struct kernel_rwqe *wqe = slot(rq, rq->head);
	u32 next = (rq->head + 1) & rq->mask;

	lockdep_assert_held(&rq->lock);
	/* Pairs with the release in take_kernel(): the slot may be filled again. */
	if (next == smp_load_acquire(&rq->tail))
		return -ENOMEM;
	if (wr->num_sge < 0 || wr->num_sge > rq->max_sge)
		return -EINVAL;
	wqe->wr_id = wr->wr_id;
	wqe->num_sge = wr->num_sge;
	memcpy(wqe->sge, wr->sg_list, wr->num_sge * sizeof(*wqe->sge));
	/* Pairs with the acquire in take_kernel(): the slot is filled. */
	smp_store_release(&rq->head, next);
	return 0;
}

int rxe_rq_post(struct rxe_rq *rq, const struct ib_recv_wr *wr, const struct ib_recv_wr **bad_wr)
{
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&rq->lock, flags);
	for (; wr && !err; wr = err ? wr : wr->next)
		err = post_one(rq, wr);
	spin_unlock_irqrestore(&rq->lock, flags);
	if (err)
		*bad_wr = wr;
	return err;
}

static bool take_kernel(struct rxe_rq *rq, struct rxe_rwqe *wqe)
{
	struct kernel_rwqe *from = slot(rq, rq->tail);

	/* Pairs with the release in post_one(). */
	if (rq->tail == smp_load_acquire(&rq->head))
		return false;
	wqe->wr_id = from->wr_id;
	wqe->num_sge = from->num_sge;
	memcpy(wqe->sge, from->sge, from->num_sge * sizeof(*wqe->sge));
	/* Pairs with the acquire in post_one(). */
	smp_store_release(&rq->tail, (rq->tail + 1) & rq->mask);
	return true;
}

static bool take_user(struct rxe_rq *rq, struct rxe_rwqe *wqe)
{
	struct rxe_ring *ring = &rq->ring;
	const struct rxe_recv_wqe *user;

	if (ring->own == rxe_ring_user_producer(ring))
		return false;
	user = rxe_ring_elem(ring, ring->own);
	wqe->wr_id = READ_ONCE(user->wr_id);
	wqe->num_sge = READ_ONCE(user->dma.num_sge);
	if (wqe->num_sge <= rq->max_sge)
		memcpy(wqe->sge, user->dma.sge, wqe->num_sge * sizeof(*wqe->sge));
	barrier();	/* the compiler may not read the shared originals again */
	rxe_ring_publish_consumer(ring, (ring->own + 1) & ring->mask);
	return true;
}

bool rxe_rq_pop(struct rxe_rq *rq, struct rxe_rwqe *wqe)
{
	return rq->ring.buf ? take_user(rq, wqe) : take_kernel(rq, wqe);
}

bool rxe_rq_take(struct rxe_qp *qp, struct rxe_rwqe *wqe)
{
	rxe_assert_owned(qp);
	return qp->srq ? rxe_srq_take(qp->srq, wqe) : rxe_rq_pop(&qp->rq, wqe);
}

struct ib_pd *rxe_rq_pd(const struct rxe_qp *qp)
{
	return qp->srq ? qp->srq->ib.pd : qp->ib.pd;
}

void rxe_rq_discard(struct rxe_qp *qp)
{
	struct rxe_rq *rq = &qp->rq;
	unsigned long flags;

	rxe_assert_owned(qp);
	if (qp->srq)
		return;
	if (qp->is_user) {
		rxe_ring_publish_consumer(&rq->ring, rxe_ring_user_producer(&rq->ring));
		return;
	}
	spin_lock_irqsave(&rq->lock, flags);
	/* Pairs with the acquire in post_one(). */
	smp_store_release(&rq->tail, rq->head);
	spin_unlock_irqrestore(&rq->lock, flags);
}
