// SPDX-License-Identifier: GPL-2.0
/*
 * What the layers above need to know of a received datagram's IP header. The link layer has set
 * skb->protocol; the header is in the linear part.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/string.h>
#include <net/ipv6.h>

#include "../base/dev.h"
#include "net.h"
#include "netns.h"
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

static int first_lower(struct net_device *lower, struct netdev_nested_priv *priv)
{
	*(struct net_device **)priv->data = lower;
	return 1;
}

/*
 * The core gives the address of a netdev that is no VLAN, but has one as the first of those below,
 * that VLAN, and finds the address by it.
 */
bool rxe_net_vlan(const struct rxe_dev *dev, const struct sk_buff *skb, u16 *id)
{
	struct net_device *ndev;
	struct netdev_nested_priv priv = { .data = &ndev };
	bool found;

	rcu_read_lock();
	ndev = dev_get_by_index_rcu(dev->netns->net, rxe_rx_cb(skb)->ifindex);
	if (ndev && !is_vlan_dev(ndev))
		netdev_walk_all_lower_dev_rcu(ndev, first_lower, &priv);
	found = ndev && is_vlan_dev(ndev);
	if (found)
		*id = vlan_dev_vlan_id(ndev);
	rcu_read_unlock();
	return found;
}

bool rxe_net_is_multicast(const struct sk_buff *skb)
{
	if (is_ipv4(skb))
		return ipv4_is_multicast(ip_hdr(skb)->daddr);
	return ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr);
}
