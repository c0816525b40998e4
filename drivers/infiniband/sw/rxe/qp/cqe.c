// SPDX-License-Identifier: GPL-2.0
/*
 * Completion queues, see cqe.h.
 *
 * A user queue is a shared ring: we write entries and the producer index, the program writes the
 * consumer index, which only ever tells how full the ring is. A kernel queue is an array of struct
 * ib_wc. The event handler is called after the lock is dropped: it may poll and re-arm at once.
 *
 * An event is due for the next completion after the queue was armed, and programs must look once
 * more when they have armed it (IBA 11.4.2.2). Some do not (UCX), as adapters tell at once of what
 * came just before; they would sleep for ever. So arming a user queue raises the event if a
 * completion waits there that came after the last event. Who polls has one event too many at most.
 * Kernel consumers are told of such by IB_CQ_REPORT_MISSED_EVENTS.
 */
#include <linux/string.h>
#include <rdma/ib_user_verbs.h>

#include "../base/dev.h"
#include "../base/trace.h"
#include "cqe.h"

/* User space numbers the flags differently (enum ibv_wc_flags). */
static u32 user_wc_flags(int flags)
{
	u32 user = 0;

	if (flags & IB_WC_GRH)
		user |= 1 << 0;
	if (flags & IB_WC_WITH_IMM)
		user |= 1 << 1;
	if (flags & IB_WC_WITH_INVALIDATE)
		user |= 1 << 3;
	return user;
}

static void fill_user(struct ib_uverbs_wc *entry, const struct ib_wc *wc)
{
	memset(entry, 0, sizeof(*entry));
	entry->wr_id = wc->wr_id;
	entry->status = wc->status;
	entry->opcode = wc->opcode;
	entry->vendor_err = wc->vendor_err;
	entry->byte_len = wc->byte_len;
	entry->ex.imm_data = wc->ex.imm_data;
	entry->qp_num = wc->qp->qp_num;
	entry->src_qp = wc->src_qp;
	entry->wc_flags = user_wc_flags(wc->wc_flags);
	entry->pkey_index = wc->pkey_index;
	entry->sl = wc->sl;
	entry->port_num = wc->port_num;
}

/* Return: false when the queue is full. */
static bool add_user(struct rxe_cq *cq, const struct ib_wc *wc)
{
	struct rxe_ring *ring = &cq->ring;
	u32 next = (ring->own + 1) & ring->mask;

	lockdep_assert_held(&cq->lock);
	if (next == rxe_ring_user_consumer(ring))
		return false;
	fill_user(rxe_ring_elem(ring, ring->own), wc);
	rxe_ring_publish_producer(ring, next);
	return true;
}

/* Return: false when the queue is full. */
static bool add_kernel(struct rxe_cq *cq, const struct ib_wc *wc)
{
	lockdep_assert_held(&cq->lock);
	if (cq->prod - cq->cons > cq->mask)
		return false;
	cq->wcs[cq->prod++ & cq->mask] = *wc;
	return true;
}

/* Completions that were not polled yet. */
static u32 num_entries(struct rxe_cq *cq)
{
	const struct rxe_ring *ring = &cq->ring;

	lockdep_assert_held(&cq->lock);
	if (cq->user)
		return (ring->own - rxe_ring_user_consumer(ring)) & ring->mask;
	return cq->prod - cq->cons;
}

/* What was added last; does it count for who waits for solicited ones? */
static void count_entry(struct rxe_cq *cq, const struct ib_wc *wc, bool solicited)
{
	lockdep_assert_held(&cq->lock);
	cq->posted++;
	if (solicited || wc->status != IB_WC_SUCCESS)
		cq->solicited = cq->posted;
}

/* What the queue is armed for that came last; none of it if it is not armed. */
static u64 newest_awaited(const struct rxe_cq *cq)
{
	switch (cq->armed) {
	case IB_CQ_NEXT_COMP:
		return cq->posted;
	case IB_CQ_SOLICITED:
		return cq->solicited;
	default:
		return 0;
	}
}

/* Is what was added just now awaited? It may have been polled already; the event is due still. */
static bool was_awaited(const struct rxe_cq *cq)
{
	return newest_awaited(cq) == cq->posted;
}

/* Does something wait that no event told of, and that is awaited from now on? */
static bool is_waiting_untold(struct rxe_cq *cq)
{
	u64 newest = newest_awaited(cq);

	return newest > cq->told && newest + num_entries(cq) > cq->posted;
}

/* Return: @due; the queue is disarmed then. */
static bool take_event(struct rxe_cq *cq, bool due)
{
	lockdep_assert_held(&cq->lock);
	if (due) {
		cq->armed = 0;
		cq->told = cq->posted;
	}
	return due;
}

static void raise_overflow(struct rxe_cq *cq)
{
	struct ib_event event = {
		.device = cq->ib.device,
		.element.cq = &cq->ib,
		.event = IB_EVENT_CQ_ERR,
	};

	rxe_count(rxe_dev(cq->ib.device), RXE_STAT_CQ_OVERFLOW);
	if (cq->ib.event_handler)
		cq->ib.event_handler(&event, cq->ib.cq_context);
}

void rxe_cq_post(struct rxe_cq *cq, const struct ib_wc *wc, bool solicited)
{
	bool added, overflow = false, fire = false;
	unsigned long flags;

	trace_rxe_completion(rxe_dev(cq->ib.device), wc->qp->qp_num, wc->wr_id, wc->status,
			     wc->opcode, wc->byte_len);
	spin_lock_irqsave(&cq->lock, flags);
	if (!cq->dead) {
		added = cq->user ? add_user(cq, wc) : add_kernel(cq, wc);
		if (added)
			count_entry(cq, wc, solicited);
		fire = added && take_event(cq, was_awaited(cq));
		overflow = cq->dead = !added;
	}
	spin_unlock_irqrestore(&cq->lock, flags);

	if (fire)
		cq->ib.comp_handler(&cq->ib, cq->ib.cq_context);
	if (overflow)
		raise_overflow(cq);
}

int rxe_cq_poll(struct rxe_cq *cq, int num, struct ib_wc *wc)
{
	unsigned long flags;
	int n;

	spin_lock_irqsave(&cq->lock, flags);
	for (n = 0; n < num && cq->cons != cq->prod; n++)
		wc[n] = cq->wcs[cq->cons++ & cq->mask];
	spin_unlock_irqrestore(&cq->lock, flags);
	return n;
}

void rxe_cq_forget(struct rxe_cq *cq, const struct ib_qp *qp)
{
	unsigned long flags;
	u32 from, to;

	if (cq->user)
		return;
	spin_lock_irqsave(&cq->lock, flags);
	for (from = to = cq->cons; from != cq->prod; from++)
		if (cq->wcs[from & cq->mask].qp != qp)
			cq->wcs[to++ & cq->mask] = cq->wcs[from & cq->mask];
	cq->prod = to;
	spin_unlock_irqrestore(&cq->lock, flags);
}

int rxe_cq_arm(struct rxe_cq *cq, enum ib_cq_notify_flags flags)
{
	bool fire = false;
	unsigned long irq;
	int missed;

	spin_lock_irqsave(&cq->lock, irq);
	/*
	 * A request for any completion is not narrowed by one for solicited ones (IBA 11.4.2.2). A
	 * consumer may say both at a time (SMC-R does).
	 */
	if (flags & IB_CQ_NEXT_COMP)
		cq->armed = IB_CQ_NEXT_COMP;
	else if (cq->armed != IB_CQ_NEXT_COMP)
		cq->armed = flags & IB_CQ_SOLICITED;
	missed = (flags & IB_CQ_REPORT_MISSED_EVENTS) && num_entries(cq);
	if (cq->user)
		fire = take_event(cq, is_waiting_untold(cq));
	else
		cq->told = cq->posted;
	spin_unlock_irqrestore(&cq->lock, irq);

	if (fire)
		cq->ib.comp_handler(&cq->ib, cq->ib.cq_context);
	return missed;
}

void rxe_cq_view(struct rxe_cq *cq, struct rxe_cq_view *view)
{
	spin_lock_irq(&cq->lock);
	*view = (struct rxe_cq_view) {
		.dead = cq->dead,
		.armed = cq->armed,
	};
	if (!cq->user || cq->ring.buf)
		view->used = num_entries(cq);
	spin_unlock_irq(&cq->lock);
}

void rxe_cq_take_ring(struct rxe_cq *cq, struct rxe_ring *ring)
{
	spin_lock_irq(&cq->lock);
	*ring = cq->ring;
	cq->ring.buf = NULL;
	spin_unlock_irq(&cq->lock);
}

/* Entries from @from on, as the last ones of @ring. */
static void append(struct rxe_ring *ring, const struct rxe_ring *old, u32 from, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		memcpy(rxe_ring_elem(ring, ring->own + i), rxe_ring_elem(old, from + i),
		       sizeof(struct ib_uverbs_wc));
	rxe_ring_publish_producer(ring, ring->own + count);
}

/*
 * What is there is copied at leisure, as only we add to it, and what has come meanwhile with
 * interrupts off. A program that polls all the same sees again what it polled.
 */
int rxe_cq_swap_ring(struct rxe_cq *cq, struct rxe_ring *ring)
{
	struct rxe_ring *old = &cq->ring;
	u32 from, count, more;
	int err = -EINVAL;

	mutex_lock(&cq->resize_lock);
	spin_lock_irq(&cq->lock);
	from = rxe_ring_user_consumer(old);
	count = (old->own - from) & old->mask;
	spin_unlock_irq(&cq->lock);
	if (count > ring->mask)
		goto out;

	append(ring, old, from, count);
	spin_lock_irq(&cq->lock);
	more = (old->own - (from + count)) & old->mask;
	if (count + more <= ring->mask) {
		append(ring, old, from + count, more);
		swap(*old, *ring);
		err = 0;
	}
	spin_unlock_irq(&cq->lock);
out:
	mutex_unlock(&cq->resize_lock);
	return err;
}
