// SPDX-License-Identifier: GPL-2.0
/*
 * Routes. A path names the netdev of its source address, and its datagrams leave by that one, not
 * by another that the routing table might prefer. But what is for an address of this host goes
 * through the loopback device, even when that address is on another netdev, where it would not be
 * found on the wire. So there are two questions: first, without a netdev, is it ours? If not, where
 * does the netdev send it? A multicast group is only in the netdev's network, so that is the one
 * question; the stack gives this host a copy if it is a member.
 *
 * The answer is kept per path and CPU; the stack's own generation counts tell when it is stale. If
 * an address comes to this host later, its routes change, and the question is asked again.
 */
#include <linux/in.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <net/dst_cache.h>
#include <net/inet_dscp.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/sock.h>

#include "net.h"
#include "route.h"

static struct dst_entry *lookup4(struct net *net, const struct rxe_path *path, int oif)
{
	struct flowi4 flow = {};
	struct rtable *rt;

	flowi4_init_output(&flow, oif, 0, path->tclass & INET_DSCP_MASK, RT_SCOPE_UNIVERSE,
			   IPPROTO_UDP, 0, path->d4.s_addr, path->s4.s_addr,
			   htons(RXE_UDP_PORT), path->sport, sock_net_uid(net, NULL));
	rt = ip_route_output_flow(net, &flow, NULL);
	return IS_ERR(rt) ? ERR_CAST(rt) : &rt->dst;
}

#if IS_ENABLED(CONFIG_IPV6)
static struct dst_entry *lookup6(struct net *net, const struct rxe_path *path, int oif)
{
	struct flowi6 flow = {
		.flowi6_oif = oif,
		.flowi6_proto = IPPROTO_UDP,
		.flowi6_uid = sock_net_uid(net, NULL),
		.flowlabel = ip6_make_flowinfo(path->tclass, path->flow_label),
		.daddr = path->d6,
		.saddr = path->s6,
		.fl6_dport = htons(RXE_UDP_PORT),
		.fl6_sport = path->sport,
	};

	if (!ipv6_mod_enabled())
		return ERR_PTR(-EAFNOSUPPORT);
	return ip6_dst_lookup_flow(net, NULL, &flow, NULL);
}

static void cache6(struct rxe_path *path, struct dst_entry *dst)
{
	dst_cache_set_ip6(&path->cache, dst, &path->s6);
}
#else
static struct dst_entry *lookup6(struct net *net, const struct rxe_path *path, int oif)
{
	return ERR_PTR(-EAFNOSUPPORT);
}

static void cache6(struct rxe_path *path, struct dst_entry *dst)
{
}
#endif

static struct dst_entry *lookup(struct net *net, const struct rxe_path *path, int oif)
{
	return path->family == AF_INET ? lookup4(net, path, oif) : lookup6(net, path, oif);
}

/* Is a route found without naming a netdev good as it is? */
static bool acceptable(const struct dst_entry *dst, const struct rxe_path *path)
{
	const struct net_device *ndev = READ_ONCE(dst->dev);

	return (ndev->flags & IFF_LOOPBACK) || ndev->ifindex == path->oif;
}

static struct dst_entry *resolve(struct net *net, const struct rxe_path *path)
{
	struct dst_entry *dst;

	if (rxe_path_is_multicast(path))
		return lookup(net, path, path->oif);
	dst = lookup(net, path, 0);
	if (!IS_ERR(dst)) {
		if (acceptable(dst, path))
			return dst;
		dst_release(dst);
	}
	return lookup(net, path, path->oif);
}

struct dst_entry *rxe_route_get(struct net *net, struct rxe_path *path)
{
	struct dst_entry *dst = dst_cache_get(&path->cache);

	if (dst)
		return dst;
	dst = resolve(net, path);
	if (IS_ERR(dst))
		return dst;
	if (path->family == AF_INET)
		dst_cache_set_ip4(&path->cache, dst, path->s4.s_addr);
	else
		cache6(path, dst);
	return dst;
}
