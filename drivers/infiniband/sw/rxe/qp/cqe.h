/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Completion queues. rxe_cq_post() is the only place where a completion becomes visible, for user
 * and kernel queues alike.
 */
#ifndef RXE_QP_CQE_H
#define RXE_QP_CQE_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <rdma/ib_verbs.h>

#include "../base/ring.h"

/**
 * struct rxe_cq - a completion queue
 * @ib: the core's part; must be first
 * @resize_lock: one resize at a time; outside of @lock
 * @lock: guards all below; taken with interrupts off, innermost of all locks
 * @user: entries live in @ring, in the user ABI's layout; else in @wcs
 * @dead: overflowed; nothing is added any more
 * @armed: 0, IB_CQ_SOLICITED or IB_CQ_NEXT_COMP: what the next event waits for
 * @posted: completions so far
 * @solicited: the same when the last one came that is a solicited event
 * @told: the same at the last event
 * @ring: user queue; its own index is the producer
 * @wcs: kernel queue
 * @mask: slots of @wcs - 1
 * @prod: next slot of @wcs to fill
 * @cons: next slot of @wcs to poll
 */
struct rxe_cq {
	struct ib_cq ib;
	struct mutex resize_lock;
	spinlock_t lock;
	bool user;
	bool dead;
	u8 armed;
	u64 posted;
	u64 solicited;
	u64 told;
	struct rxe_ring ring;
	struct ib_wc *wcs;
	u32 mask;
	u32 prod;
	u32 cons;
};

static inline struct rxe_cq *rxe_cq(struct ib_cq *ib)
{
	return container_of(ib, struct rxe_cq, ib);
}

/**
 * rxe_cq_post() - add a completion and raise the event it is due
 * @cq: the queue
 * @wc: the completion, kernel's numbering; @wc->qp set
 * @solicited: the message asked for a solicited event
 *
 * The slot of the work request must have been released before: a program may post again as soon as
 * it sees the completion. A full queue loses the entry, is dead from then on and raises
 * IB_EVENT_CQ_ERR once (IBA 11.6.3.1).
 *
 * Context: any but hard interrupt; @cq->lock not held, nor any lock that a completion handler
 * takes.
 */
void rxe_cq_post(struct rxe_cq *cq, const struct ib_wc *wc, bool solicited);

/* Take up to @num completions off a kernel queue. Any context. Return: how many. */
int rxe_cq_poll(struct rxe_cq *cq, int num, struct ib_wc *wc);

/*
 * Take the completions of @qp, which is gone, off a kernel queue: its consumer may have freed what
 * they point to. Any context.
 */
void rxe_cq_forget(struct rxe_cq *cq, const struct ib_qp *qp);

/**
 * rxe_cq_arm() - ask for an event at the next completion
 * @cq: the queue
 * @flags: ib_cq_notify_flags
 *
 * A user queue raises the event at once for a completion that waits and came after the last event.
 *
 * Context: any.
 * Return: 1 when IB_CQ_REPORT_MISSED_EVENTS is set and completions wait already, else 0.
 */
int rxe_cq_arm(struct rxe_cq *cq, enum ib_cq_notify_flags flags);

/**
 * struct rxe_cq_view - a completion queue at one moment
 * @used: completions that were not polled yet
 * @dead: overflowed
 * @armed: 0, IB_CQ_SOLICITED or IB_CQ_NEXT_COMP
 */
struct rxe_cq_view {
	u32 used;
	bool dead;
	u8 armed;
};

/* Look at a queue, which may be on its way out. Process context. */
void rxe_cq_view(struct rxe_cq *cq, struct rxe_cq_view *view);

/* The end of a user queue: its ring is the caller's. Nobody posts; somebody may look. */
void rxe_cq_take_ring(struct rxe_cq *cq, struct rxe_ring *ring);

/**
 * rxe_cq_swap_ring() - go over to a ring of another size, with what was not polled yet
 * @cq: a user queue; its program polls nothing meanwhile, or polls it twice
 * @ring: the new ring, empty; on success it is the old one
 *
 * Context: process, sleeps.
 * Return: 0, or -EINVAL when the new ring cannot hold what waits.
 */
int rxe_cq_swap_ring(struct rxe_cq *cq, struct rxe_ring *ring);

#endif
