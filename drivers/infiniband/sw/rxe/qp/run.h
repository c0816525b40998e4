/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who runs a QP, and when. See run.c.
 */
#ifndef RXE_QP_RUN_H
#define RXE_QP_RUN_H

#include <linux/types.h>

struct rxe_pkt;
struct rxe_qp;
struct sk_buff;

enum rxe_event {
	RXE_EV_SEND	= 1 << 0,	/* posts, credit, or more to do after a spent budget */
	RXE_EV_TIMER	= 1 << 1,	/* comp.timer fired */
	RXE_EV_RNR	= 1 << 2,	/* comp.rnr_timer fired */
	RXE_EV_MEMORY	= 1 << 3,	/* a page that was waited for: each half looks at its own */
};

/* A new QP's fields. */
void rxe_run_init(struct rxe_qp *qp);

/**
 * rxe_run_doorbell() - serve what was posted, in the caller
 * @qp: a user QP
 *
 * Context: process, interrupts on. Transmits and completes before it returns, unless another owner
 * does so at the time.
 */
void rxe_run_doorbell(struct rxe_qp *qp);

/**
 * rxe_run_kick() - serve an event soon, at softirq level
 * @qp: held, or otherwise known to live
 * @event: RXE_EV_*
 *
 * With interrupts or bottom halves off nothing is transmitted or completed within the call; else
 * all of it may be.
 *
 * Context: any, also hard interrupt.
 */
void rxe_run_kick(struct rxe_qp *qp, u32 event);

/**
 * rxe_run_packet() - a packet for the QP
 * @qp: held
 * @pkt: parsed header of @skb
 * @skb: consumed
 *
 * Runs it at once if the QP is free, else leaves it to the owner; a full backlog drops it.
 *
 * Context: softirq or process.
 */
void rxe_run_packet(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb);

/**
 * rxe_run_may_send() - may requests be sent from this CPU?
 * @qp: owned
 *
 * If not, the QP is run on the CPU that it sent from last, when the owner lets go.
 *
 * Context: softirq level.
 * Return: true; false for an unreliable connection that would overtake itself.
 */
bool rxe_run_may_send(struct rxe_qp *qp);

/**
 * rxe_run_lock() - become the owner
 * @qp: the QP; @qp->verbs_lock held
 *
 * Runs are bounded, so the wait is.
 *
 * Context: process, sleeps.
 * Return: true, or false when the QP is being destroyed.
 */
bool rxe_run_lock(struct rxe_qp *qp);

/* Serve what came meanwhile, and let go. Process context. */
void rxe_run_unlock(struct rxe_qp *qp);

/**
 * rxe_run_stop() - the end: packets and events are refused, those that wait are dropped
 * @qp: owned by the caller, who keeps it for good; verbs_lock held
 *
 * The run queue may still hold the QP; rxe_idtab_retire() waits for that.
 *
 * Context: process.
 */
void rxe_run_stop(struct rxe_qp *qp);

/* The run queues; module load and unload. */
void rxe_run_module_init(void);
void rxe_run_module_exit(void);

#endif
