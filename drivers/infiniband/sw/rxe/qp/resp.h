/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The responder: the peer's requests. resp.c has the line that each one goes along, the other files
 * its stations.
 */
#ifndef RXE_QP_RESP_H
#define RXE_QP_RESP_H

#include <linux/types.h>

#include "../mem/mem.h"
#include "resp_check.h"

struct rxe_pkt;
struct rxe_qp;
struct sk_buff;

/**
 * rxe_resp_packet() - a request
 * @qp: owned
 * @pkt: parsed header of @skb
 * @skb: consumed
 *
 * Executed at once, or kept in order behind a READ whose answer is still being sent, or behind a
 * request that waits for a page.
 *
 * Context: bottom halves off.
 */
void rxe_resp_packet(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb);

/**
 * rxe_resp_run() - go on with a READ answer and what waits behind it, then acknowledge
 * @qp: owned
 * @budget: packets; lowered by what was sent
 *
 * Context: bottom halves off.
 * Return: true when only the budget ended it.
 */
bool rxe_resp_run(struct rxe_qp *qp, int *budget);

/* Let go of the regions that the responder holds. Owner. */
void rxe_resp_release_regions(struct rxe_qp *qp);

/* Forget the message and the answer in progress; expected PSN and MSN stay. Owner. */
void rxe_resp_reset(struct rxe_qp *qp);

/*
 * Within the responder. All need the owner, with bottom halves off.
 */

/* resp.c: answer with an AETH, which also acknowledges all before @psn. */
void rxe_resp_answer(struct rxe_qp *qp, u8 syndrome, u32 psn);

/* resp.c: an answer of @psn leaves: it acknowledges all before, so that need not be done again. */
void rxe_resp_answered(struct rxe_qp *qp, u32 psn);

/* resp.c: a receive work request for the message, taken if it has none yet. */
enum rxe_resp_err rxe_resp_take_wqe(struct rxe_qp *qp);

/* resp_exec.c: execute a SEND, WRITE or atomic packet that passed rxe_resp_check(). */
enum rxe_resp_err rxe_resp_exec(struct rxe_qp *qp, const struct rxe_pkt *pkt, const void *payload);

/* resp_exec.c: answer an atomic again from its saved result. Return: false when that is gone. */
bool rxe_resp_replay_atomic(struct rxe_qp *qp, const struct rxe_pkt *pkt);

/* resp_place.c: FLUSH and ATOMIC WRITE that passed rxe_resp_check(). */
enum rxe_resp_err rxe_resp_place(struct rxe_qp *qp, const struct rxe_pkt *pkt, const void *payload);

/* resp_place.c: answer one of them, by its PSN and the MSN that it has led to. */
void rxe_resp_placed(struct rxe_qp *qp, u32 psn, u32 msn);

/* resp_place.c: RXE_FLUSH_* that access flags allow. */
u8 rxe_resp_flush_types(int access);

/* resp_exec.c: do @op to the word that the request names, with the right for @access. */
enum rxe_mem_err rxe_resp_word(struct rxe_qp *qp, const struct rxe_pkt *pkt, int access,
			       const struct rxe_atomic *op, u64 *orig);

/* resp_exec.c: what an access to memory by a key has come to. */
enum rxe_resp_err rxe_resp_remote_err(enum rxe_mem_err err);

/* resp_read.c: begin to answer a READ at @pkt->psn; checks the key. */
enum rxe_resp_err rxe_resp_read(struct rxe_qp *qp, const struct rxe_pkt *pkt);

/* resp_read.c: no more of the answer. */
void rxe_resp_read_end(struct rxe_qp *qp);

/*
 * resp_read.c: send what budget, network stack and memory allow; resp.reply.active tells whether it
 * is all. Return: an error when key or memory went away meanwhile; resp.reply.psn is where it
 * happened.
 */
enum rxe_resp_err rxe_resp_read_run(struct rxe_qp *qp, int *budget);

/* resp_exec.c: what an access to the memory of a receive has come to. */
enum rxe_resp_err rxe_resp_recv_err(enum rxe_mem_err err);

/* resp_ud.c: a datagram. */
enum rxe_resp_err rxe_resp_ud(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb);

#endif
