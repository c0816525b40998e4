/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Receive queues: posts, and the one way to take the next work request.
 */
#ifndef RXE_QP_RQ_H
#define RXE_QP_RQ_H

#include <linux/types.h>

struct ib_pd;
struct ib_recv_wr;
struct rxe_qp;
struct rxe_rq;
struct rxe_rwqe;

/**
 * rxe_rq_create() - allocate a receive queue
 * @rq: zeroed; max_sge is set
 * @max_wr: work requests that it must hold; raised to what the ring can hold
 * @user: a shared ring, else a private array
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int rxe_rq_create(struct rxe_rq *rq, u32 max_wr, bool user);

/* Free the private part; the ring, if any, is the caller's to withdraw. */
void rxe_rq_destroy(struct rxe_rq *rq);

/* As rxe_sq_post(), for receives. */
int rxe_rq_post(struct rxe_rq *rq, const struct ib_recv_wr *wr, const struct ib_recv_wr **bad_wr);

/**
 * rxe_rq_pop() - take the oldest work request of a queue and release its slot
 * @rq: the queue; nobody else takes at the time
 * @wqe: the private copy
 *
 * Return: as rxe_rq_take().
 */
bool rxe_rq_pop(struct rxe_rq *rq, struct rxe_rwqe *wqe);

/**
 * rxe_rq_take() - the next work request for a QP, from its own queue or the shared one
 * @qp: owned
 * @wqe: the private copy
 *
 * Return: true, or false when nothing is posted. One that a program wrote nonsense into comes with
 * num_sge above the queue's max_sge and no list; it is the caller's to fail.
 */
bool rxe_rq_take(struct rxe_qp *qp, struct rxe_rwqe *wqe);

/* The protection domain of the QP's receives: that of the queue which they are posted to. */
struct ib_pd *rxe_rq_pd(const struct rxe_qp *qp);

/* Forget everything that was posted to the QP's own queue (RESET). Owner. */
void rxe_rq_discard(struct rxe_qp *qp);

#endif
