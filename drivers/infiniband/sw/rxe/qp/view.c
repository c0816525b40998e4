// SPDX-License-Identifier: GPL-2.0
/*
 * A look at a queue pair, see view.h. Nothing is changed, and nothing is kept.
 *
 * The owner's fields change all the time, so the look is the owner's, too. A QP that is being
 * destroyed is its destroyer's for good, and its queues may be gone: there is nothing to be seen
 * then. As long as it is not, its PD is there as well.
 */
#include <linux/skbuff.h>

#include "../mem/mem.h"
#include "qp.h"
#include "req.h"
#include "run.h"
#include "view.h"

static u32 waits(const struct rxe_qp *qp)
{
	return (rxe_mem_waiting(&qp->req.wait) ? RXE_VIEW_REQUESTER : 0) |
	       (rxe_mem_waiting(&qp->comp.wait) ? RXE_VIEW_COMPLETER : 0) |
	       (rxe_mem_waiting(&qp->resp.wait) ? RXE_VIEW_RESPONDER : 0);
}

static int dma_access(const struct rxe_qp *qp)
{
	struct ib_mr *mr = qp->is_user ? NULL : qp->ib.pd->__internal_mr;

	return mr ? rxe_mr(mr)->access : 0;
}

static void look(struct rxe_qp *qp, struct rxe_qp_view *view)
{
	const struct rxe_sq *sq = &qp->sq;

	rxe_assert_owned(qp);
	*view = (struct rxe_qp_view) {
		.send_psn = qp->req.psn,
		.sent_psn = qp->req.limit,
		.acked_psn = qp->comp.psn,
		.recv_psn = qp->resp.psn,
		.msn = qp->resp.msn,
		.window = rxe_req_window(qp),
		.rd_atomic = qp->req.rd_atomic,
		.retries = qp->comp.retries,
		.rnr_retries = qp->comp.rnr_retries,
		.rnr_wait = qp->req.rnr_wait,
		.sq_posted = (READ_ONCE(sq->head) - sq->tail) & sq->mask,
		.sq_sent = (sq->next - sq->tail) & sq->mask,
		.backlog = skb_queue_len_lockless(&qp->run.backlog),
		.requests = skb_queue_len(&qp->resp.queue),
		.answers = skb_queue_len(&qp->comp.queue),
		.mem_wait = waits(qp),
		.dma_access = dma_access(qp),
	};
}

bool rxe_qp_view(struct rxe_qp *qp, struct rxe_qp_view *view)
{
	bool alive;

	mutex_lock(&qp->verbs_lock);
	alive = rxe_run_lock(qp);
	if (alive) {
		look(qp, view);
		rxe_run_unlock(qp);
	}
	mutex_unlock(&qp->verbs_lock);
	return alive;
}
