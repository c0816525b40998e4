// SPDX-License-Identifier: GPL-2.0
/*
 * Paths: what an address handle or a connected QP says about where its datagrams go, in the terms
 * of IP. The source GID is one of the device's addresses, as a GID; an IPv4 address is a v4-mapped
 * one.
 */
#include <linux/hash.h>
#include <linux/netdevice.h>
#include <linux/string.h>
#include <net/ipv6.h>
#include <rdma/ib_cache.h>

#include "net.h"

/* An IPv6 flow label. */
#define FLOW_LABEL_BITS		20
#define FLOW_LABEL_MASK		((1U << FLOW_LABEL_BITS) - 1)

static int set_interface(struct rxe_path *path, const struct ib_gid_attr *sgid_attr)
{
	const struct net_device *ndev;
	int err = 0;

	rcu_read_lock();
	ndev = rdma_read_gid_attr_ndev_rcu(sgid_attr);
	if (IS_ERR(ndev))
		err = -EINVAL;
	else
		path->oif = ndev->ifindex;
	rcu_read_unlock();
	return err;
}

static int set_ipv4(struct rxe_path *path, const struct in6_addr *src, const struct in6_addr *dst)
{
	path->family = AF_INET;
	path->s4.s_addr = src->s6_addr32[3];
	path->d4.s_addr = dst->s6_addr32[3];
	if (ipv4_is_zeronet(path->d4.s_addr) || ipv4_is_lbcast(path->d4.s_addr))
		return -EINVAL;
	return 0;
}

static int set_ipv6(struct rxe_path *path, const struct in6_addr *src, const struct in6_addr *dst)
{
	path->family = AF_INET6;
	path->s6 = *src;
	path->d6 = *dst;
	return ipv6_addr_any(dst) ? -EINVAL : 0;
}

static int set_addresses(struct rxe_path *path, const union ib_gid *sgid, const union ib_gid *dgid)
{
	struct in6_addr src, dst;

	memcpy(&src, sgid, sizeof(src));
	memcpy(&dst, dgid, sizeof(dst));
	if (ipv6_addr_v4mapped(&src) != ipv6_addr_v4mapped(&dst))
		return -EINVAL;
	if (ipv6_addr_v4mapped(&src))
		return set_ipv4(path, &src, &dst);
	return set_ipv6(path, &src, &dst);
}

int rxe_path_init(struct rxe_path *path, const struct rdma_ah_attr *attr, u32 entropy, gfp_t gfp)
{
	const struct ib_global_route *grh = rdma_ah_read_grh(attr);
	u32 flow_label = grh->flow_label & FLOW_LABEL_MASK;
	int err;

	memset(path, 0, sizeof(*path));
	err = set_interface(path, grh->sgid_attr);
	if (err)
		return err;
	err = set_addresses(path, &grh->sgid_attr->gid, &grh->dgid);
	if (err)
		return err;
	path->tclass = grh->traffic_class;
	/* Hosts must not send a TTL of 0 (RFC 1122, 3.2.1.7); 1 reaches as far. */
	path->hop_limit = grh->hop_limit ?: 1;
	path->flow_label = cpu_to_be32(flow_label);
	path->sport = htons(rdma_flow_label_to_udp_sport(flow_label ?:
							 hash_32(entropy, FLOW_LABEL_BITS)));
	return dst_cache_init(&path->cache, gfp);
}

void rxe_path_destroy(struct rxe_path *path)
{
	dst_cache_destroy(&path->cache);
}

bool rxe_path_is_multicast(const struct rxe_path *path)
{
	if (path->family == AF_INET)
		return ipv4_is_multicast(path->d4.s_addr);
	return ipv6_addr_is_multicast(&path->d6);
}
