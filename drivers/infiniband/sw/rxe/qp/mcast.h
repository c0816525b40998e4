/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Multicast groups of a device: which QPs are attached, and their copies of what is sent there.
 */
#ifndef RXE_QP_MCAST_H
#define RXE_QP_MCAST_H

#include <rdma/ib_verbs.h>

struct rxe_dev;
struct rxe_mcast;
struct rxe_pkt;
struct rxe_qp;
struct sk_buff;

/* A device without groups, or NULL. Process context, may sleep. */
struct rxe_mcast *rxe_mcast_create(struct rxe_dev *dev);

/* Undo it: every QP is gone, and no datagram comes any more. Process context, sleeps. */
void rxe_mcast_destroy(struct rxe_mcast *mcast);

/**
 * rxe_mcast_attach() - a QP wants what is sent to a group (IBA 11.3.1)
 * @qp: a datagram QP; the core does not destroy it before it is detached
 * @mgid: a multicast address, IPv4 as a mapped one
 *
 * The first QP of the device makes its netdev a member, by IGMP or MLD.
 *
 * Context: process, sleeps; RTNL not held.
 * Return: 0; -EEXIST when it is attached; -ENOSPC when one of the device's limits is reached;
 * -EADDRNOTAVAIL when the netdev does not speak that IP version; -ENOMEM.
 */
int rxe_mcast_attach(struct rxe_qp *qp, const union ib_gid *mgid);

/**
 * rxe_mcast_detach() - a QP does not want it any more
 * @qp: the QP
 * @mgid: the group
 *
 * The last QP of the device ends the membership of its netdev.
 *
 * Context: process, sleeps; RTNL not held.
 * Return: 0, or -EINVAL when it is not attached.
 */
int rxe_mcast_detach(struct rxe_qp *qp, const union ib_gid *mgid);

/**
 * rxe_mcast_wants() - does anybody here want this multicast datagram?
 * @dev: the device
 * @pkt: parsed header of @skb
 * @skb: the datagram
 *
 * Context: softirq, RCU read side.
 * Return: true when it is an unreliable datagram for QPN 0xffffff and a group with QPs.
 */
bool rxe_mcast_wants(const struct rxe_dev *dev, const struct rxe_pkt *pkt,
		     const struct sk_buff *skb);

/**
 * rxe_mcast_rx() - a copy for every QP that is attached
 * @dev: the device
 * @pkt: parsed header of @skb
 * @skb: a datagram that rxe_mcast_wants(); consumed
 *
 * A few copies are delivered at once; many are left to a thread.
 *
 * Context: softirq, RCU read side.
 */
void rxe_mcast_rx(struct rxe_dev *dev, const struct rxe_pkt *pkt, struct sk_buff *skb);

/* The threads; module load and unload. */
int rxe_mcast_module_init(void);
void rxe_mcast_module_exit(void);

#endif
