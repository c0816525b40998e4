/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From an address to the device that owns it. Filled by rxe_net_add_gid() and rxe_net_del_gid().
 */
#ifndef RXE_NET_GIDTAB_H
#define RXE_NET_GIDTAB_H

#include <rdma/ib_verbs.h>

struct net_device;
struct rxe_dev;
struct rxe_netns;

/**
 * rxe_gidtab_find() - the device that owns an address
 * @netns: where
 * @gid: the address
 * @in: the netdev that the datagram came in on, or that of the device which sent it to this host
 * @ifindex: that of the netdev which has the address; left alone when there is none
 *
 * Context: RCU read side.
 * Return: the device, valid within that read side, or NULL.
 */
struct rxe_dev *rxe_gidtab_find(struct rxe_netns *netns, const union ib_gid *gid,
				const struct net_device *in, int *ifindex);

#endif
