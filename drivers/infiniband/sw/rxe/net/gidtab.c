// SPDX-License-Identifier: GPL-2.0
/*
 * Whose is a datagram? It came in on some netdev, but that says little: every looped one comes in
 * on the loopback device, and a VLAN's addresses are also the addresses of the device on the netdev
 * below. What counts is the destination address: a device owns the addresses in its GID table,
 * which the core fills and reports here.
 *
 * An address can be in the tables of several devices: those on the ports of a bond all have the
 * bond's. Then one that has the address because of the very netdev that the datagram came in on
 * comes first, next the one on the netdev that has the address. Among equals it is the device on
 * the netdev that it came in on.
 */
#include <linux/if_vlan.h>
#include <linux/jhash.h>
#include <linux/netdevice.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "../base/dev.h"
#include "gidtab.h"
#include "net.h"
#include "netns.h"

/**
 * struct gid_entry - one address of one device
 * @node: in rxe_netns.gids
 * @gid: the address
 * @dev: its owner
 * @ifindex: interface index of the netdev that has the address
 * @rcu: frees the entry
 */
struct gid_entry {
	struct hlist_node node;
	union ib_gid gid;
	struct rxe_dev *dev;
	int ifindex;
	struct rcu_head rcu;
};

static u32 key_of(const union ib_gid *gid)
{
	return jhash(gid->raw, sizeof(gid->raw), 0);
}

static int ifindex_of(const struct ib_gid_attr *attr)
{
	const struct net_device *ndev;
	int ifindex = 0;

	rcu_read_lock();
	ndev = rcu_dereference(attr->ndev);
	if (ndev)
		ifindex = ndev->ifindex;
	rcu_read_unlock();
	return ifindex;
}

/* A device on a VLAN is offered what the netdev below has, too (verbs/device.c). */
static bool belongs(const struct rxe_dev *dev, int ifindex)
{
	return !is_vlan_dev(dev->ndev) || ifindex == dev->ndev->ifindex;
}

int rxe_net_add_gid(const struct ib_gid_attr *attr, void **context)
{
	struct rxe_dev *dev = rxe_dev(attr->device);
	struct rxe_netns *netns = dev->netns;
	int ifindex = ifindex_of(attr);
	struct gid_entry *entry;

	if (!belongs(dev, ifindex))
		return -EADDRNOTAVAIL;
	entry = kmalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return -ENOMEM;
	entry->gid = attr->gid;
	entry->dev = dev;
	entry->ifindex = ifindex;
	spin_lock(&netns->gid_lock);
	hash_add_rcu(netns->gids, &entry->node, key_of(&entry->gid));
	spin_unlock(&netns->gid_lock);
	*context = entry;
	return 0;
}

int rxe_net_del_gid(const struct ib_gid_attr *attr, void **context)
{
	struct rxe_netns *netns = rxe_dev(attr->device)->netns;
	struct gid_entry *entry = *context;

	*context = NULL;
	spin_lock(&netns->gid_lock);
	hash_del_rcu(&entry->node);
	spin_unlock(&netns->gid_lock);
	kfree_rcu(entry, rcu);
	return 0;
}

static int rank(const struct gid_entry *entry, const struct net_device *in)
{
	int rank = entry->dev->ndev == in;

	if (entry->ifindex == in->ifindex)
		rank += 4;
	if (entry->ifindex == entry->dev->ndev->ifindex)
		rank += 2;
	return rank;
}

struct rxe_dev *rxe_gidtab_find(struct rxe_netns *netns, const union ib_gid *gid,
				const struct net_device *in, int *ifindex)
{
	const struct gid_entry *entry, *best = NULL;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "the device would not stay");
	hash_for_each_possible_rcu(netns->gids, entry, node, key_of(gid)) {
		if (memcmp(&entry->gid, gid, sizeof(*gid)))
			continue;
		if (!best || rank(entry, in) > rank(best, in))
			best = entry;
	}
	if (!best)
		return NULL;
	*ifindex = best->ifindex;
	return best->dev;
}
