/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The requester: work requests to packets.
 */
#ifndef RXE_QP_REQ_H
#define RXE_QP_REQ_H

#include <rdma/ib_verbs.h>

#include "../mem/mem.h"

struct rxe_qp;
struct rxe_swqe;

/**
 * rxe_req_run() - send what may be sent
 * @qp: owned
 * @budget: packets; lowered by what was sent
 *
 * Context: bottom halves off.
 * Return: true when only the budget ended it.
 */
bool rxe_req_run(struct rxe_qp *qp, int *budget);

/**
 * rxe_req_seek() - go on from the oldest PSN that is not acknowledged
 * @qp: owned
 *
 * Back, for a retry; or forward, when an acknowledgement overtakes a retry.
 */
void rxe_req_seek(struct rxe_qp *qp);

/**
 * rxe_req_answered() - a packet of the answer to a READ or an atomic was taken
 * @qp: owned
 * @wqe: of the READ or atomic
 * @psn: of the packet
 *
 * With the last one that a request asked for, the peer has room for another request. To be called
 * before the position moves.
 */
void rxe_req_answered(struct rxe_qp *qp, const struct rxe_swqe *wqe, u32 psn);

/* PSNs that may be sent without being acknowledged. Owner. */
s32 rxe_req_window(const struct rxe_qp *qp);

/* Let go of what the requester holds. Owner. */
void rxe_req_reset(struct rxe_qp *qp);

/*
 * req_ud.c: send one datagram. Return: enum rxe_req_err, RXE_REQ_OK when it has left or is lost, or
 * -EAGAIN when it waits for a page.
 */
int rxe_req_send_ud(struct rxe_qp *qp, struct rxe_swqe *wqe);

/* Copy the payload of a work request, inline or listed, from where the requester's cursor is. */
enum rxe_mem_err rxe_req_gather(struct rxe_qp *qp, struct rxe_swqe *wqe, u32 off, void *to,
				u32 len);

#endif
