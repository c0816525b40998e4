// SPDX-License-Identifier: GPL-2.0
/*
 * Multicast groups of a device's netdev. The IP stack is the member: it tells routers and switches
 * by IGMP and MLD, programs the netdev's filter, and lets in what is sent to the group. Our sockets
 * get a copy, as do all sockets of the port that asked for no group in particular.
 *
 * Not the sockets join but the netdev, as a socket may be in a few groups only (the sysctl
 * net.ipv4.igmp_max_memberships). The stack counts who wants a group by the netdev's state for an
 * IP version, and forgets all about it when that state goes: when the netdev is unregistered, moves
 * to another namespace, or has an MTU, if only for a moment, that is too small for the IP version.
 * So that very state is held, and left only if it is still the netdev's: another one counts groups
 * of others.
 */
#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/ipv6.h>

#include "../base/dev.h"
#include "net.h"

static __be32 group4(const union ib_gid *mgid)
{
	__be32 group;

	memcpy(&group, mgid->raw + sizeof(*mgid) - sizeof(group), sizeof(group));
	return group;
}

/* The stack does not say when it has no memory. */
static bool is_member4(const struct in_device *in4, __be32 group)
{
	const struct ip_mc_list *im;

	for (im = rtnl_dereference(in4->mc_list); im; im = rtnl_dereference(im->next_rcu))
		if (im->multiaddr == group)
			return true;
	return false;
}

static int join4(struct rxe_membership *member, const struct net_device *ndev)
{
	struct in_device *in4 = __in_dev_get_rtnl(ndev);

	if (!in4)
		return -EADDRNOTAVAIL;
	ip_mc_inc_group(in4, group4(&member->mgid));
	if (!is_member4(in4, group4(&member->mgid)))
		return -ENOMEM;
	in_dev_hold(in4);
	member->in4 = in4;
	return 0;
}

static void leave4(struct rxe_membership *member, const struct net_device *ndev)
{
	if (__in_dev_get_rtnl(ndev) == member->in4)
		ip_mc_dec_group(member->in4, group4(&member->mgid));
	in_dev_put(member->in4);
}

#if IS_ENABLED(CONFIG_IPV6)
static int join6(struct rxe_membership *member, struct net_device *ndev)
{
	struct inet6_dev *in6 = __in6_dev_get(ndev);
	int err;

	if (!in6)
		return -EADDRNOTAVAIL;
	err = ipv6_dev_mc_inc(ndev, (const struct in6_addr *)&member->mgid);
	if (err)
		return err;
	in6_dev_hold(in6);
	member->in6 = in6;
	return 0;
}

static void leave6(struct rxe_membership *member, struct net_device *ndev)
{
	if (__in6_dev_get(ndev) == member->in6)
		ipv6_dev_mc_dec(ndev, (const struct in6_addr *)&member->mgid);
	in6_dev_put(member->in6);
}
#else
static int join6(struct rxe_membership *member, struct net_device *ndev)
{
	return -EADDRNOTAVAIL;
}

static void leave6(struct rxe_membership *member, struct net_device *ndev)
{
}
#endif

int rxe_net_join(struct rxe_dev *dev, const union ib_gid *mgid, struct rxe_membership *member)
{
	int err;

	*member = (struct rxe_membership) { .mgid = *mgid };
	rtnl_lock();
	if (ipv6_addr_v4mapped((const struct in6_addr *)mgid))
		err = join4(member, dev->ndev);
	else
		err = join6(member, dev->ndev);
	rtnl_unlock();
	return err;
}

void rxe_net_leave(struct rxe_dev *dev, struct rxe_membership *member)
{
	rtnl_lock();
	if (member->in4)
		leave4(member, dev->ndev);
	if (member->in6)
		leave6(member, dev->ndev);
	rtnl_unlock();
}
