/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The send queue: from what a consumer posted to private work requests, and their slots' life.
 */
#ifndef RXE_QP_SQ_H
#define RXE_QP_SQ_H

#include <linux/types.h>

struct ib_send_wr;
struct rxe_qp;
struct rxe_sq;
struct rxe_swqe;

/**
 * rxe_sq_create() - allocate a send queue
 * @sq: zeroed; max_sge, max_inline and sig_all are set
 * @max_wr: work requests that it must hold; raised to what the ring can hold
 * @user: make the shared ring, too
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int rxe_sq_create(struct rxe_sq *sq, u32 max_wr, bool user);

/* Free the private part; the ring, if any, is the caller's to withdraw. */
void rxe_sq_destroy(struct rxe_sq *sq);

/**
 * rxe_sq_post() - a kernel consumer's work requests
 * @qp: a kernel QP
 * @wr: list
 * @bad_wr: the first that was not taken
 *
 * Context: any; takes sq->lock with interrupts off.
 * Return: 0, -ENOMEM when the queue is full, -EINVAL for what can never work.
 */
int rxe_sq_post(struct rxe_qp *qp, const struct ib_send_wr *wr, const struct ib_send_wr **bad_wr);

/**
 * rxe_sq_next() - the work request to send next
 * @qp: owned
 *
 * Takes copies of what a program posted meanwhile.
 *
 * Return: the work request at sq.next, or NULL.
 */
struct rxe_swqe *rxe_sq_next(struct rxe_qp *qp);

/* The oldest incomplete work request, or NULL. Owner. */
struct rxe_swqe *rxe_sq_oldest(struct rxe_qp *qp);

/* Release the slot at sq.tail, so that the consumer may post again. Owner. */
void rxe_sq_release(struct rxe_qp *qp);

/* Forget everything that was posted (RESET). Owner. */
void rxe_sq_discard(struct rxe_qp *qp);

#endif
