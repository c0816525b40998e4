/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Datagrams in.
 */
#ifndef RXE_NET_RX_H
#define RXE_NET_RX_H

struct rxe_net_handler;
struct rxe_netns;
struct sk_buff;
struct sock;

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
 *
 * Context: bottom halves off, RCU read side.
 */
void rxe_rx_datagram(struct rxe_netns *netns, struct sk_buff *skb);

#endif
