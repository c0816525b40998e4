/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Datagrams that never leave this host.
 */
#ifndef RXE_NET_LOOPBACK_H
#define RXE_NET_LOOPBACK_H

struct rxe_dev;
struct sk_buff;

/**
 * rxe_loopback_queue() - send a datagram to this host
 * @dev: the sender
 * @skb: complete, skb->dev set, no destructor; consumed
 *
 * Received by rxe_net_deliver_looped().
 *
 * Context: bottom halves off, RCU read side.
 */
void rxe_loopback_queue(const struct rxe_dev *dev, struct sk_buff *skb);

/* The queues of all CPUs; module load. */
void rxe_loopback_init(void);

#endif
