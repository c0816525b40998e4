/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only writer of qp->state. See state.c.
 */
#ifndef RXE_QP_STATE_H
#define RXE_QP_STATE_H

#include <rdma/ib_verbs.h>

#include "req_err.h"

struct rxe_dev;
struct rxe_qp;

/* A new QP: RESET, timers and queues of its transport set up. */
void rxe_state_init(struct rxe_qp *qp);

/**
 * rxe_state_error() - the QP has failed
 * @qp: owned
 *
 * Everything that is posted is flushed at the end of the run.
 */
void rxe_state_error(struct rxe_qp *qp);

/**
 * rxe_state_send_failed() - the oldest send work request cannot be carried out
 * @qp: owned; there is one
 * @err: why; not RXE_REQ_OK
 *
 * A reliable connection goes to the error state, other QPs to the send queue error state (IBA
 * 10.3.1.5).
 */
void rxe_state_send_failed(struct rxe_qp *qp, enum rxe_req_err err);

/* Raise an affiliated asynchronous event. */
void rxe_state_event(struct rxe_qp *qp, enum ib_event_type type);

/* A request of the peer was accepted; the first one raises COMM_EST while in RTR. */
void rxe_state_heard_peer(struct rxe_qp *qp);

/*
 * End of a run: flush in the error states, notice that SQD has drained. Owner. @quota is lowered by
 * what was flushed. Return: true when only the quota ended it.
 */
bool rxe_state_settle(struct rxe_qp *qp, int *quota);

/**
 * rxe_state_modify() - ib_modify_qp()
 * @qp: the QP; verbs_lock held
 * @attr: new attributes
 * @mask: which
 *
 * Context: process, sleeps.
 * Return: 0; -EINVAL for what the state or the device does not allow; -EOPNOTSUPP; -ENOMEM; -ENODEV
 * when the device is going.
 */
int rxe_state_modify(struct rxe_qp *qp, const struct ib_qp_attr *attr, int mask);

/* Attributes as they are now; none of a QP on its way out. Process context, verbs_lock held. */
void rxe_state_query(struct rxe_qp *qp, struct ib_qp_attr *attr);

/**
 * rxe_state_destroy() - the end of the transport
 * @qp: published; verbs_lock not held; no new work arrives from its consumer
 *
 * No completion is made. When this returns nobody owns the QP or can find it, its timers are off
 * and its number is free.
 *
 * Context: process, sleeps.
 */
void rxe_state_destroy(struct rxe_qp *qp);

/**
 * rxe_qp_flush_all() - the device is going: programs' QPs to the error state, if not in RESET
 * @dev: the device
 *
 * Programs that poll see flush completions before the core takes their objects away.
 *
 * Context: process, sleeps.
 */
void rxe_qp_flush_all(struct rxe_dev *dev);

#endif
