/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Datagrams in.
 */
#ifndef RXE_NET_RX_H
#define RXE_NET_RX_H

#include <linux/skbuff.h>

struct rxe_net_handler;
struct rxe_netns;
struct sock;

/**
 * struct rxe_rx_cb - what is noted in a buffer that is handed up, in its control block, where
 *	loopback.c had the sender of a looped one until then
 * @ifindex: the netdev that has the address it was sent to; of a multicast the one it came in on
 *
 * A buffer that waits keeps no netdev, hence the number.
 */
struct rxe_rx_cb {
	int ifindex;
};

static inline struct rxe_rx_cb *rxe_rx_cb(const struct sk_buff *skb)
{
	static_assert(sizeof(struct rxe_rx_cb) <= sizeof_field(struct sk_buff, cb));

	return (struct rxe_rx_cb *)skb->cb;
}

/* Who gets what is received; before the first socket opens. */
void rxe_rx_init(const struct rxe_net_handler *handler);

/**
 * rxe_rx() - encap_rcv of both sockets
 * @sk: its user data is the struct rxe_netns
 * @skb: data at the UDP header, checksum verified; consumed
 *
 * Context: softirq, RCU read side.
 * Return: 0.
 */
int rxe_rx(struct sock *sk, struct sk_buff *skb);

/**
 * rxe_rx_datagram() - a datagram for one of the devices of a namespace
 * @netns: the namespace
 * @skb: data at the UDP header; network header, protocol and dev are set; consumed
 * @in: as of rxe_gidtab_find()
 *
 * Context: bottom halves off, RCU read side.
 */
void rxe_rx_datagram(struct rxe_netns *netns, struct sk_buff *skb, struct net_device *in);

#endif
