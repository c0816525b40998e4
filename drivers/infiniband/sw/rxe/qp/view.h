/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a queue pair is doing, for people: a copy of what they would want to know of one that does
 * not get on.
 */
#ifndef RXE_QP_VIEW_H
#define RXE_QP_VIEW_H

#include <linux/types.h>

struct rxe_qp;

/* Halves of a QP that wait for a page of on-demand memory. */
enum rxe_view_wait {
	RXE_VIEW_REQUESTER	= 1 << 0,
	RXE_VIEW_COMPLETER	= 1 << 1,
	RXE_VIEW_RESPONDER	= 1 << 2,
};

/**
 * struct rxe_qp_view - a queue pair at one moment
 * @send_psn: of the next packet
 * @sent_psn: one after the highest that was ever sent
 * @acked_psn: oldest that is not acknowledged
 * @recv_psn: that the peer is expected to send next
 * @msn: messages of the peer that were completed
 * @window: PSNs that may be unacknowledged
 * @rd_atomic: READs and atomics that wait for their answer
 * @retries: that are left before the QP fails
 * @rnr_retries: likewise; 7 is for ever
 * @rnr_wait: the peer has no receive posted; nothing is sent for a while
 * @sq_posted: work requests of the send queue that are not complete
 * @sq_sent: those of them that were sent
 * @backlog: received packets that wait for the QP's owner
 * @requests: of the peer that wait for a page, or behind a READ's answer
 * @answers: of the peer that wait for a page
 * @mem_wait: enum rxe_view_wait
 * @dma_access: a kernel consumer's QP: effective IB_ACCESS_* of its PD's region of all memory
 */
struct rxe_qp_view {
	u32 send_psn;
	u32 sent_psn;
	u32 acked_psn;
	u32 recv_psn;
	u32 msn;
	u32 window;
	u32 rd_atomic;
	u32 retries;
	u32 rnr_retries;
	bool rnr_wait;
	u32 sq_posted;
	u32 sq_sent;
	u32 backlog;
	u32 requests;
	u32 answers;
	u32 mem_wait;
	int dma_access;
};

/**
 * rxe_qp_view() - look at a QP
 * @qp: the QP; may be on its way out
 * @view: the result
 *
 * All fields are of the same moment: ownership is taken for it, as by ib_query_qp(). Runs are
 * bounded, so this is.
 *
 * Context: process, sleeps.
 * Return: false when the QP is being destroyed.
 */
bool rxe_qp_view(struct rxe_qp *qp, struct rxe_qp_view *view);

#endif
