// SPDX-License-Identifier: GPL-2.0
/*
 * What the layers above need to know of a received datagram's IP header. The link layer has set
 * skb->protocol; the header is in the linear part.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/string.h>
#include <net/ipv6.h>

#include "net.h"
#include "rx.h"

static bool is_ipv4(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP);
}

void rxe_net_gids(const struct sk_buff *skb, union ib_gid *sgid, union ib_gid *dgid)
{
	if (is_ipv4(skb)) {
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, (struct in6_addr *)sgid);
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, (struct in6_addr *)dgid);
	} else {
		memcpy(sgid, &ipv6_hdr(skb)->saddr, sizeof(*sgid));
		memcpy(dgid, &ipv6_hdr(skb)->daddr, sizeof(*dgid));
	}
}

void rxe_net_grh(const struct sk_buff *skb, u8 grh[RXE_GRH_LEN])
{
	static_assert(sizeof(struct ipv6hdr) == RXE_GRH_LEN);

	if (is_ipv4(skb)) {
		memset(grh, 0, RXE_GRH_LEN - sizeof(struct iphdr));
		memcpy(grh + RXE_GRH_LEN - sizeof(struct iphdr), ip_hdr(skb), sizeof(struct iphdr));
	} else {
		memcpy(grh, ipv6_hdr(skb), RXE_GRH_LEN);
	}
}

bool rxe_net_from_peer(const struct sk_buff *skb, const struct rxe_path *path)
{
	if (path->family != (is_ipv4(skb) ? AF_INET : AF_INET6))
		return false;
	if (path->family == AF_INET)
		return ip_hdr(skb)->saddr == path->d4.s_addr &&
		       ip_hdr(skb)->daddr == path->s4.s_addr;
	return ipv6_addr_equal(&ipv6_hdr(skb)->saddr, &path->d6) &&
	       ipv6_addr_equal(&ipv6_hdr(skb)->daddr, &path->s6);
}

bool rxe_net_vlan(const struct sk_buff *skb, u16 *id)
{
	const struct rxe_rx_cb *cb = rxe_rx_cb(skb);

	*id = cb->vlan_id;
	return cb->has_vlan;
}

bool rxe_net_is_multicast(const struct sk_buff *skb)
{
	if (is_ipv4(skb))
		return ipv4_is_multicast(ip_hdr(skb)->daddr);
	return ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr);
}
