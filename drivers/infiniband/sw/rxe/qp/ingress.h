/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Datagrams in: from bytes to a QP.
 */
#ifndef RXE_QP_INGRESS_H
#define RXE_QP_INGRESS_H

struct rxe_dev;
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

#endif
