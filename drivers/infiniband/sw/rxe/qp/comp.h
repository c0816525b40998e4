/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The completer: the peer's answers to our requests.
 */
#ifndef RXE_QP_COMP_H
#define RXE_QP_COMP_H

#include <linux/types.h>

struct rxe_pkt;
struct rxe_qp;
struct sk_buff;

/**
 * rxe_comp_packet() - an acknowledgement, READ answer or atomic answer
 * @qp: owned
 * @pkt: parsed header of @skb
 * @skb: consumed, or kept until the page is there that its data goes to
 *
 * Context: bottom halves off.
 */
void rxe_comp_packet(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb);

/*
 * Go on with answers that waited for a page, if it is there. @budget: packets, lowered by what was
 * taken. Owner, bottom halves off. Return: true when only the budget ended it.
 */
bool rxe_comp_run(struct rxe_qp *qp, int *budget);

/* Does an answer wait for a page of ours? Then the peer's silence means nothing. Owner. */
bool rxe_comp_stalled(const struct rxe_qp *qp);

/* Let go of what the completer holds. Owner. */
void rxe_comp_reset(struct rxe_qp *qp);

#endif
