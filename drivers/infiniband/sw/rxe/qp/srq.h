/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared receive queues: a receive queue that many QPs take from, whoever comes first.
 */
#ifndef RXE_QP_SRQ_H
#define RXE_QP_SRQ_H

#include <linux/mutex.h>
#include <rdma/ib_verbs.h>

#include "qp.h"

/**
 * struct rxe_srq - a shared receive queue
 * @ib: the core's part; must be first
 * @rq: the queue; its lock is taken by posters and takers alike, and guards @limit
 * @limit: raise SRQ_LIMIT_REACHED once fewer work requests than this are left; 0: never
 * @resize_lock: one resize at a time; outside of the queue's lock
 * @num: its number
 */
struct rxe_srq {
	struct ib_srq ib;
	struct rxe_rq rq;
	u32 limit;
	struct mutex resize_lock;
	u32 num;
};

static inline struct rxe_srq *rxe_srq(struct ib_srq *ib)
{
	return container_of(ib, struct rxe_srq, ib);
}

/**
 * rxe_srq_take() - take the oldest work request, and raise the limit event if it is due
 * @srq: the queue
 * @wqe: the private copy
 *
 * Context: bottom halves off.
 * Return: as rxe_rq_take().
 */
bool rxe_srq_take(struct rxe_srq *srq, struct rxe_rwqe *wqe);

/**
 * rxe_srq_set_limit() - arm the limit event, or disarm it with 0 (IBA 11.2.3.3)
 * @srq: the queue
 * @limit: work requests
 *
 * Context: process, sleeps.
 * Return: 0, or -EINVAL when the queue never holds so many.
 */
int rxe_srq_set_limit(struct rxe_srq *srq, u32 limit);

/**
 * rxe_srq_swap_ring() - have a program's work requests in another ring
 * @srq: a user queue; its program posts nothing meanwhile, or loses what it posts
 * @ring: empty, with elements of the same size; on success it is the old one
 * @limit: as of rxe_srq_set_limit(), for the new ring; NULL leaves it as it is
 *
 * Context: process, sleeps.
 * Return: 0, or -EINVAL when there are more work requests, or a greater limit, than @ring can hold.
 */
int rxe_srq_swap_ring(struct rxe_srq *srq, struct rxe_ring *ring, const u32 *limit);

/**
 * struct rxe_srq_view - a shared receive queue at one moment
 * @size: work requests that it can hold
 * @posted: work requests that nobody has taken
 * @limit: the armed limit; 0: none
 */
struct rxe_srq_view {
	u32 size;
	u32 posted;
	u32 limit;
};

/* Look at a queue, which may be on its way out. Process context. */
void rxe_srq_view(struct rxe_srq *srq, struct rxe_srq_view *view);

/* The end of a queue: its ring, if any, is the caller's. Nobody takes; somebody may look. */
void rxe_srq_take_ring(struct rxe_srq *srq, struct rxe_ring *ring);

#endif
