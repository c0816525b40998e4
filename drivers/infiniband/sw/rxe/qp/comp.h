/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The completer: the peer's answers to our requests.
 */
#ifndef RXE_QP_COMP_H
#define RXE_QP_COMP_H

struct rxe_pkt;
struct rxe_qp;
struct sk_buff;

/**
 * rxe_comp_packet() - an acknowledgement, READ answer or atomic answer
 * @qp: owned
 * @pkt: parsed header of @skb
 * @skb: consumed
 *
 * Context: bottom halves off.
 */
void rxe_comp_packet(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb);

/* Let go of what the completer holds. Owner. */
void rxe_comp_reset(struct rxe_qp *qp);

#endif
