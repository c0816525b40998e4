/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loss, silence and receivers that are not ready: when to send again, and when to give up.
 */
#ifndef RXE_QP_RETRY_H
#define RXE_QP_RETRY_H

#include <linux/types.h>

struct rxe_qp;

/* Set up the timers of a new QP. */
void rxe_retry_init(struct rxe_qp *qp);

/* No timer runs or will. The QP is owned, its run stopped. Process context, sleeps. */
void rxe_retry_stop(struct rxe_qp *qp);

/* Full counts, nothing outstanding (RTR to RTS). Owner. */
void rxe_retry_reset(struct rxe_qp *qp);

/* The timeout has changed (SQD): it counts from now on, for what is outstanding, too. Owner. */
void rxe_retry_new_timeout(struct rxe_qp *qp);

/* A packet left that will be answered: the clock runs. Owner. */
void rxe_retry_sent(struct rxe_qp *qp);

/* The peer acknowledged something new. Owner. */
void rxe_retry_progress(struct rxe_qp *qp);

/**
 * rxe_retry_lost() - the peer tells, or its answers show, that comp.psn was lost
 * @qp: owned
 *
 * Goes back once for each loss: what else arrives of the old flight changes nothing.
 */
void rxe_retry_lost(struct rxe_qp *qp);

/**
 * rxe_retry_rnr() - the peer has no receive posted for comp.psn
 * @qp: owned
 * @code: its RNR timer code
 */
void rxe_retry_rnr(struct rxe_qp *qp, u8 code);

/* Nothing is waited for any more. Owner. */
void rxe_retry_cancel_rnr(struct rxe_qp *qp);

/* RXE_EV_RNR: the wait is over. Owner. */
void rxe_retry_rnr_over(struct rxe_qp *qp);

/* RXE_EV_TIMER: is the silence too long? Owner. */
void rxe_retry_timer(struct rxe_qp *qp);

#endif
