// SPDX-License-Identifier: GPL-2.0
/*
 * Shared receive queues. The queue itself is that of rq.c; what is added is that takers, each the
 * owner of a QP of its own, exclude one another by the queue's lock, and the limit event.
 *
 * Resizing. Only the program adds to its queue, and its library keeps a lock while it resizes, so
 * what is posted is copied at leisure. QPs take meanwhile: how many is seen under the lock, and so
 * many are skipped in the copy. A program that posts all the same loses its own work requests.
 */
#include <linux/string.h>

#include "rq.h"
#include "srq.h"

static u32 user_left(const struct rxe_ring *ring)
{
	return (rxe_ring_user_producer(ring) - ring->own) & ring->mask;
}

static u32 left(const struct rxe_rq *rq)
{
	lockdep_assert_held(&rq->lock);
	return rq->ring.buf ? user_left(&rq->ring) : (rq->head - rq->tail) & rq->mask;
}

/* Return: true when the event is due; it is disarmed then. */
static bool passes_limit(struct rxe_srq *srq)
{
	if (!srq->limit || left(&srq->rq) >= srq->limit)
		return false;
	srq->limit = 0;
	return true;
}

static void raise_limit(struct rxe_srq *srq)
{
	struct ib_event event = {
		.device = srq->ib.device,
		.element.srq = &srq->ib,
		.event = IB_EVENT_SRQ_LIMIT_REACHED,
	};

	if (srq->ib.event_handler)
		srq->ib.event_handler(&event, srq->ib.srq_context);
}

bool rxe_srq_take(struct rxe_srq *srq, struct rxe_rwqe *wqe)
{
	unsigned long flags;
	bool taken, fire;

	spin_lock_irqsave(&srq->rq.lock, flags);
	taken = rxe_rq_pop(&srq->rq, wqe);
	fire = taken && passes_limit(srq);
	spin_unlock_irqrestore(&srq->rq.lock, flags);
	if (fire)
		raise_limit(srq);
	return taken;
}

void rxe_srq_view(struct rxe_srq *srq, struct rxe_srq_view *view)
{
	struct rxe_rq *rq = &srq->rq;

	spin_lock_irq(&rq->lock);
	*view = (struct rxe_srq_view) {
		.size = rq->mask,
		.posted = left(rq),
		.limit = srq->limit,
	};
	spin_unlock_irq(&rq->lock);
}

void rxe_srq_take_ring(struct rxe_srq *srq, struct rxe_ring *ring)
{
	spin_lock_irq(&srq->rq.lock);
	*ring = srq->rq.ring;
	srq->rq.ring.buf = NULL;
	spin_unlock_irq(&srq->rq.lock);
}

int rxe_srq_set_limit(struct rxe_srq *srq, u32 limit)
{
	int err = -EINVAL;

	mutex_lock(&srq->resize_lock);
	spin_lock_irq(&srq->rq.lock);
	if (limit <= srq->rq.mask) {
		srq->limit = limit;
		err = 0;
	}
	spin_unlock_irq(&srq->rq.lock);
	mutex_unlock(&srq->resize_lock);
	return err;
}

/* Work requests from @from on. What the program writes meanwhile is its own loss. */
static void copy_elements(const struct rxe_ring *from_ring, u32 from, const struct rxe_ring *ring,
			  u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		memcpy(rxe_ring_elem(ring, i), rxe_ring_elem(from_ring, from + i),
		       1UL << ring->shift);
}

/* The first @taken of @count are gone already. Caller holds the queue's lock. */
static void take_over(struct rxe_rq *rq, struct rxe_ring *ring, u32 taken, u32 count)
{
	lockdep_assert_held(&rq->lock);
	rxe_ring_publish_producer(ring, count);
	/* From now on the program is the producer, and our index is the consumer's. */
	rxe_ring_publish_consumer(ring, taken);
	swap(rq->ring, *ring);
	rq->mask = rq->ring.mask;
}

int rxe_srq_swap_ring(struct rxe_srq *srq, struct rxe_ring *ring, const u32 *limit)
{
	struct rxe_rq *rq = &srq->rq;
	int err = -EINVAL;
	u32 from, count;

	mutex_lock(&srq->resize_lock);
	spin_lock_irq(&rq->lock);
	from = rq->ring.own;
	count = user_left(&rq->ring);
	spin_unlock_irq(&rq->lock);
	if (count > ring->mask || (limit ? *limit : READ_ONCE(srq->limit)) > ring->mask)
		goto out;

	copy_elements(&rq->ring, from, ring, count);
	spin_lock_irq(&rq->lock);
	take_over(rq, ring, min((rq->ring.own - from) & rq->ring.mask, count), count);
	if (limit)
		srq->limit = *limit;
	spin_unlock_irq(&rq->lock);
	err = 0;
out:
	mutex_unlock(&srq->resize_lock);
	return err;
}
