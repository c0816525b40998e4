/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work requests ending: slot released, completion made. The only callers of rxe_cq_post().
 */
#ifndef RXE_QP_WC_H
#define RXE_QP_WC_H

#include <rdma/ib_verbs.h>

struct rxe_qp;

/**
 * rxe_wc_send() - the oldest send work request is complete
 * @qp: owned; there is one
 * @status: how it ended
 *
 * Visible to the consumer if it was signalled or failed.
 *
 * Context: bottom halves off.
 */
void rxe_wc_send(struct rxe_qp *qp, enum ib_wc_status status);

/**
 * rxe_wc_recv() - the receive work request that the responder holds is complete
 * @qp: owned; resp.has_wqe
 * @wc: status, opcode, length and flags; the rest is filled in here
 * @solicited: the message asked for an event
 *
 * Context: bottom halves off.
 */
void rxe_wc_recv(struct rxe_qp *qp, struct ib_wc *wc, bool solicited);

#endif
