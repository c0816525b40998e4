/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work requests that send nothing: BIND_MW, LOCAL_INV, REG_MR.
 */
#ifndef RXE_QP_REQ_LOCAL_H
#define RXE_QP_REQ_LOCAL_H

#include <linux/types.h>

struct rxe_qp;
struct rxe_swqe;

/* Is it one of these? */
bool rxe_req_is_local(const struct rxe_swqe *wqe);

/**
 * rxe_req_local() - execute the work request at sq.next, if its turn has come
 * @qp: owned
 * @wqe: the work request, a local one
 *
 * Context: bottom halves off.
 * Return: true when the next one is due; false when it has to wait, or wqe->err says that it is
 * impossible.
 */
bool rxe_req_local(struct rxe_qp *qp, struct rxe_swqe *wqe);

/* Complete what was executed and is the oldest now. Owner, bottom halves off. */
void rxe_req_local_complete(struct rxe_qp *qp);

#endif
