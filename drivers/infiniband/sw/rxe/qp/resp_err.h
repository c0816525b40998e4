/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What follows from each thing that can be wrong with a request.
 */
#ifndef RXE_QP_RESP_ERR_H
#define RXE_QP_RESP_ERR_H

#include <rdma/ib_verbs.h>

#include "../base/stats.h"
#include "resp_check.h"

/**
 * struct rxe_resp_fate - the consequences of an error at the responder
 * @answer: tell the peer
 * @fatal: the QP goes to the error state
 * @drop: counter of the packet, if it is lost without an answer; 0: none
 * @syndrome: AETH syndrome of the answer; the timer code of an RNR NAK is the QP's
 * @status: how the receive work request completes, if the message has taken one
 * @event: asynchronous event if it has not
 */
struct rxe_resp_fate {
	bool answer;
	bool fatal;
	u8 syndrome;
	u8 drop;
	enum ib_wc_status status;
	enum ib_event_type event;
};

/**
 * rxe_resp_fate() - the row for an error (IBA 9.9.3)
 * @type: IB_QPT_RC, IB_QPT_UC, or any other for datagrams
 * @err: less than RXE_RESP_NUM_ERRS, and not RXE_RESP_OK; on a reliable connection nor
 *	RXE_RESP_DUPLICATE; of a datagram what can be wrong with a receive
 *
 * Return: never NULL.
 */
const struct rxe_resp_fate *rxe_resp_fate(enum ib_qp_type type, enum rxe_resp_err err);

#endif
