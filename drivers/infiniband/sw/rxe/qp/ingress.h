/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Datagrams in: from bytes to a QP.
 */
#ifndef RXE_QP_INGRESS_H
#define RXE_QP_INGRESS_H

struct rxe_dev;
struct rxe_pkt;
struct rxe_qp;
struct sk_buff;

/**
 * rxe_qp_rx() - a RoCEv2 datagram for a device
 * @dev: the device
 * @skb: linear, data at the BTH; consumed
 *
 * Whatever is wrong with it ends in a drop with a counter of its own.
 *
 * Context: softirq, RCU read side.
 */
void rxe_qp_rx(struct rxe_dev *dev, struct sk_buff *skb);

/**
 * rxe_qp_deliver() - a datagram for one QP, if that may have it
 * @qp: held
 * @pkt: parsed header of @skb; form and ICRC are good
 * @skb: consumed
 *
 * Context: softirq or process; RCU read side.
 */
void rxe_qp_deliver(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb);

#endif
