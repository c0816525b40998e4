// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams out. The IP header is written in full before the ICRC is computed, since the ICRC
 * covers what the stack would otherwise fill in later: under IPv4 the total length and the
 * identification.
 *
 * IPv4 datagrams carry DF and identification 0: one that must not be fragmented is atomic, and its
 * identification means nothing (RFC 6864, 4.1). The stack leaves both alone, sets the total length
 * to the same value again, and computes the header checksum, which the ICRC masks.
 *
 * The UDP checksum is 0 (annex A17.9.2; under IPv6 by RFC 6935, as for a tunnel).
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "../base/dev.h"
#include "flight.h"
#include "loopback.h"
#include "net.h"
#include "route.h"

static void push_udp(struct sk_buff *skb, const struct rxe_path *path)
{
	struct udphdr *udp = skb_push(skb, sizeof(*udp));

	skb_reset_transport_header(skb);
	udp->source = path->sport;
	udp->dest = htons(RXE_UDP_PORT);
	udp->len = htons(skb->len);
	udp->check = 0;
}

static void push_ipv4(struct sk_buff *skb, const struct rxe_path *path)
{
	struct iphdr *ip = skb_push(skb, sizeof(*ip));

	skb_reset_network_header(skb);
	skb->protocol = htons(ETH_P_IP);
	ip->version = IPVERSION;
	ip->ihl = sizeof(*ip) / 4;
	ip->tos = path->tclass;
	ip->tot_len = htons(skb->len);
	ip->id = 0;
	ip->frag_off = htons(IP_DF);
	ip->ttl = path->hop_limit;
	ip->protocol = IPPROTO_UDP;
	ip->check = 0;
	ip->saddr = path->s4.s_addr;
	ip->daddr = path->d4.s_addr;
}

static void push_ipv6(struct sk_buff *skb, const struct rxe_path *path)
{
	u16 payload_len = skb->len;
	struct ipv6hdr *ip = skb_push(skb, sizeof(*ip));

	skb_reset_network_header(skb);
	skb->protocol = htons(ETH_P_IPV6);
	ip6_flow_hdr(ip, path->tclass, path->flow_label);
	ip->payload_len = htons(payload_len);
	ip->nexthdr = IPPROTO_UDP;
	ip->hop_limit = path->hop_limit;
	ip->saddr = path->s6;
	ip->daddr = path->d6;
}

/* A buffer for @len bytes, with room for the headers of all layers below. */
static struct sk_buff *alloc_buffer(const struct net_device *ndev, u32 len)
{
	u32 headroom = LL_RESERVED_SPACE(ndev) + sizeof(struct ipv6hdr) + sizeof(struct udphdr);
	struct sk_buff *skb;

	skb = alloc_skb(headroom + len + ndev->needed_tailroom, GFP_ATOMIC | __GFP_NOWARN);
	if (skb)
		skb_reserve(skb, headroom);
	return skb;
}

/* Takes over the reference of @dst. A buffer for this host goes without one: skb->dev is set. */
static void set_route(struct sk_buff *skb, struct dst_entry *dst, struct rxe_flight *flight)
{
	struct net_device *ndev = READ_ONCE(dst->dev);

	if (ndev->flags & IFF_LOOPBACK) {
		skb->dev = ndev;
		dst_release(dst);
		return;
	}
	skb_dst_set(skb, dst);
	if (flight)
		rxe_flight_charge(flight, skb);
}

/* Takes over the reference of @dst. */
static struct sk_buff *build(struct dst_entry *dst, const struct rxe_path *path,
			     struct rxe_flight *flight, u32 len, void **bth)
{
	struct sk_buff *skb = alloc_buffer(READ_ONCE(dst->dev), len);

	if (!skb) {
		dst_release(dst);
		return NULL;
	}
	set_route(skb, dst, flight);
	*bth = skb_put(skb, len);
	push_udp(skb, path);
	if (path->family == AF_INET)
		push_ipv4(skb, path);
	else
		push_ipv6(skb, path);
	return skb;
}

struct sk_buff *rxe_net_alloc(struct rxe_dev *dev, struct rxe_stats __percpu *stats,
			      struct rxe_path *path, struct rxe_flight *flight, u32 len,
			      void **bth)
{
	struct dst_entry *dst;
	struct sk_buff *skb;

	/* Keeps the namespace, should the netdev be moving out of it, and the route's device. */
	rcu_read_lock();
	dst = rxe_route_get(dev_net(dev->ndev), path);
	if (IS_ERR(dst)) {
		rcu_read_unlock();
		rxe_count_in(dev, stats, RXE_STAT_TX_NO_ROUTE);
		return ERR_CAST(dst);
	}
	skb = build(dst, path, flight, len, bth);
	rcu_read_unlock();
	if (!skb) {
		rxe_count_in(dev, stats, RXE_STAT_TX_NOMEM);
		return ERR_PTR(-ENOMEM);
	}
	return skb;
}

static int send(struct rxe_dev *dev, struct sk_buff *skb)
{
	struct net *net;
	int err;

	if (skb->dev) {
		rxe_loopback_queue(dev, skb);
		return 0;
	}
	/* The control block was the builder's until now. */
	memset(skb->cb, 0, sizeof(skb->cb));
	rcu_read_lock();
	net = dev_net(READ_ONCE(skb_dst(skb)->dev));
	if (skb->protocol == htons(ETH_P_IP))
		err = ip_local_out(net, NULL, skb);
	else
		err = ip6_local_out(net, NULL, skb);
	rcu_read_unlock();
	return err > 0 ? net_xmit_errno(err) : err;
}

int rxe_net_xmit(struct rxe_dev *dev, struct rxe_stats __percpu *stats, struct sk_buff *skb)
{
	u32 bytes = skb->len - skb_transport_offset(skb) - sizeof(struct udphdr);
	bool multicast = rxe_net_is_multicast(skb);
	int err = send(dev, skb);

	if (err) {
		rxe_count_in(dev, stats, RXE_STAT_TX_REFUSED);
		return err;
	}
	rxe_count_in(dev, stats, RXE_STAT_SENT_PKTS);
	rxe_stats_add(stats, RXE_STAT_SENT_BYTES, bytes);
	if (multicast)
		rxe_count_in(dev, stats, RXE_STAT_SENT_MULTICAST);
	return 0;
}
