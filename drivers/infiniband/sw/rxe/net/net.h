/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The room's only public header: RoCEv2 datagrams between socket buffers and the network stack.
 * Below it are sockets, routes and netdev events; above it are headers that begin with a BTH. This
 * room never looks into a BTH, a QP or memory.
 *
 * A datagram that is handed up has skb->data at the BTH, skb->len bytes up to the end of the ICRC,
 * linear, with network and transport headers set; no route and no socket goes with it, so its
 * destructor is free for who keeps it.
 */
#ifndef RXE_NET_NET_H
#define RXE_NET_NET_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/skbuff.h>
#include <net/dst_cache.h>
#include <rdma/ib_verbs.h>

struct in_device;
struct inet6_dev;
struct rxe_dev;
struct rxe_stats;

#define RXE_UDP_PORT	4791
#define RXE_GRH_LEN	40

/**
 * struct rxe_path - where datagrams go: an address handle or a QP's path
 * @cache: routes, per CPU; used with bottom halves off
 * @oif: interface index of the source GID's netdev; not a reference, which would keep a VLAN from
 *	being deleted as long as somebody has a QP on it
 * @family: AF_INET or AF_INET6
 * @tclass: traffic class (TOS)
 * @hop_limit: TTL
 * @flow_label: IPv6 flow label
 * @sport: UDP source port, network order
 * @s4: source address, AF_INET
 * @d4: destination address, AF_INET
 * @s6: source address, AF_INET6
 * @d6: destination address, AF_INET6
 *
 * Constant from rxe_path_init() to rxe_path_destroy(), except for the cache.
 */
struct rxe_path {
	struct dst_cache cache;
	int oif;
	u16 family;
	u8 tclass;
	u8 hop_limit;
	__be32 flow_label;
	__be16 sport;
	union {
		struct {
			struct in_addr s4, d4;
		};
		struct {
			struct in6_addr s6, d6;
		};
	};
};

/**
 * rxe_path_init() - address attributes to an address vector
 * @path: the result
 * @attr: validated by the core: a GRH with a source GID attribute
 * @entropy: spreads flows over UDP source ports (annex A17.9.2), e.g. a mix of the two QP numbers
 * @gfp: GFP_ATOMIC for address handles made in atomic context
 *
 * The destination may be a multicast group; see rxe_path_is_multicast().
 *
 * Context: process or softirq, as @gfp tells.
 * Return: 0; -EINVAL when there is no destination, or it is of another IP version than the source,
 * or the source GID is being deleted; -ENOMEM.
 */
int rxe_path_init(struct rxe_path *path, const struct rdma_ah_attr *attr, u32 entropy, gfp_t gfp);

/* Undo rxe_path_init(). A zeroed vector is fine. Any context but hard interrupt. */
void rxe_path_destroy(struct rxe_path *path);

/* Is the destination a group, where only unreliable datagrams may go? */
bool rxe_path_is_multicast(const struct rxe_path *path);

/**
 * struct rxe_flight - how many of one sender's buffers the network stack still holds
 * @refs: one of the owner and one of each buffer
 * @limit: buffers that may be out at a time
 * @starved: the sender stopped at the limit and wants @wake
 * @lock: guards @wake and @arg; interrupts off
 * @wake: called, interrupts off, when half of the limit is free again
 * @arg: its argument
 * @rcu: frees the account
 *
 * Separate from the QP, which can so be destroyed while its last packets lie in a queue.
 */
struct rxe_flight {
	refcount_t refs;
	u32 limit;
	bool starved;
	spinlock_t lock;
	void (*wake)(void *arg);
	void *arg;
	struct rcu_head rcu;
};

/* A new flight account, or NULL. Process context, may sleep. */
struct rxe_flight *rxe_flight_create(u32 limit, void (*wake)(void *arg), void *arg);

/* The sender goes: no wake is running or comes after this returns. Process context. */
void rxe_flight_release(struct rxe_flight *flight);

/* May one more buffer be sent? If not, @wake is called later. Called by the one sender only. */
bool rxe_flight_ready(struct rxe_flight *flight);

/**
 * rxe_net_alloc() - a buffer with its IP and UDP headers, ready to be filled
 * @dev: sender
 * @stats: what the sender counts in
 * @path: where to
 * @flight: the sender's account; may be NULL
 * @len: bytes from the BTH to the end of the ICRC
 * @bth: where they go, in the buffer's linear part
 *
 * Context: bottom halves off.
 * Return: the buffer, or ERR_PTR(-ENOMEM), or a routing error (both counted).
 */
struct sk_buff *rxe_net_alloc(struct rxe_dev *dev, struct rxe_stats __percpu *stats,
			      struct rxe_path *path, struct rxe_flight *flight, u32 len,
			      void **bth);

/**
 * rxe_net_tx_needs_icrc() - must this buffer carry a valid ICRC?
 * @skb: from rxe_net_alloc()
 *
 * Not when it never leaves this host, and the module parameter loopback_icrc is off.
 */
bool rxe_net_tx_needs_icrc(const struct sk_buff *skb);

/**
 * rxe_net_rx_needs_icrc() - must this buffer have carried a valid ICRC?
 * @skb: handed up
 *
 * The same question by the device that the buffer came in on, so only within rxe_net_handler.rx:
 * a buffer that is kept does not keep that device.
 */
bool rxe_net_rx_needs_icrc(const struct sk_buff *skb);

/**
 * rxe_net_xmit() - send a buffer from rxe_net_alloc()
 * @dev: sender
 * @stats: what the sender counts in
 * @skb: consumed
 *
 * One for this host waits for rxe_net_deliver_looped(), which the caller must call before bottom
 * halves come on again and the RCU read side ends.
 *
 * Context: bottom halves off, RCU read side.
 * Return: 0, or a negative errno when the stack dropped it at once (counted): as good as lost.
 */
int rxe_net_xmit(struct rxe_dev *dev, struct rxe_stats __percpu *stats, struct sk_buff *skb);

/**
 * rxe_net_deliver_looped() - receive what was sent from this CPU to this host
 *
 * Until there is no more, so what is sent by those who receive is delivered, too; they are the ones
 * who must come to an end.
 *
 * Context: bottom halves off, RCU read side; no QP is being run by the caller. Not within
 * itself.
 */
void rxe_net_deliver_looped(void);

/* Source and destination of a received datagram as GIDs (IPv4 mapped). */
void rxe_net_gids(const struct sk_buff *skb, union ib_gid *sgid, union ib_gid *dgid);

/* What goes in front of a UD payload: the IPv6 header, or 20 zero bytes and the IPv4 header. */
void rxe_net_grh(const struct sk_buff *skb, u8 grh[RXE_GRH_LEN]);

/* Did the datagram come the way of @path back (what a connected QP accepts)? */
bool rxe_net_from_peer(const struct sk_buff *skb, const struct rxe_path *path);

/* Is the address that a datagram was sent to, to @dev, that of a VLAN? Its number in @id. */
bool rxe_net_vlan(const struct rxe_dev *dev, const struct sk_buff *skb, u16 *id);

/* Sends to a multicast group? */
bool rxe_net_is_multicast(const struct sk_buff *skb);

/**
 * struct rxe_membership - the netdev of a device is in a multicast group
 * @mgid: the group, IPv4 as a mapped address
 * @in4: IPv4: the netdev's state that counts it; held
 * @in6: IPv6: likewise
 */
struct rxe_membership {
	union ib_gid mgid;
	struct in_device *in4;
	struct inet6_dev *in6;
};

/**
 * rxe_net_join() - make a device's netdev a member of a group
 * @dev: the device
 * @mgid: a multicast address
 * @member: the result, for rxe_net_leave()
 *
 * Routers and switches are told by IGMP or MLD. Others on the host may be in the group, too.
 *
 * Context: process, takes RTNL.
 * Return: 0; -EADDRNOTAVAIL when the netdev does not speak that IP version; -ENOMEM.
 */
int rxe_net_join(struct rxe_dev *dev, const union ib_gid *mgid, struct rxe_membership *member);

/* Undo rxe_net_join(). Process context, takes RTNL. */
void rxe_net_leave(struct rxe_dev *dev, struct rxe_membership *member);

/**
 * rxe_net_add_gid() - ib_device_ops.add_gid: an address of a device
 * @attr: the address
 * @context: ours until rxe_net_del_gid()
 *
 * Fills the table from address to device that tells whose a received datagram is; see gidtab.c.
 *
 * Context: process, may sleep.
 * Return: 0, -ENOMEM, or -EADDRNOTAVAIL when the device is on a VLAN and the address is not.
 */
int rxe_net_add_gid(const struct ib_gid_attr *attr, void **context);

/* Undo it: ib_device_ops.del_gid. */
int rxe_net_del_gid(const struct ib_gid_attr *attr, void **context);

/**
 * rxe_netns_get() - the sockets of a namespace, opened by its first device
 * @net: the namespace
 *
 * Context: process, may sleep.
 * Return: a reference for rxe_netns_put(), or ERR_PTR (-EADDRINUSE when port 4791 is taken).
 */
struct rxe_netns *rxe_netns_get(struct net *net);

/* Is that the namespace of a netdev? It may leave as soon as the caller lets RTNL go. */
bool rxe_netns_has(const struct rxe_netns *netns, const struct net_device *ndev);

/**
 * rxe_netns_put() - give the reference back
 * @netns: the sockets; the last one closes them, unless the namespace went first
 *
 * The device's GIDs are deleted. No datagram is on its way up to it when this returns, so its
 * tables may go.
 *
 * Context: process, sleeps.
 */
void rxe_netns_put(struct rxe_netns *netns);

/**
 * struct rxe_net_handler - what the net room calls
 * @rx: a datagram for @dev; softirq, RCU read side; consumes the buffer
 * @link_event: the netdev of @dev changed (NETDEV_*); process, RTNL held
 */
struct rxe_net_handler {
	void (*rx)(struct rxe_dev *dev, struct sk_buff *skb);
	void (*link_event)(struct rxe_dev *dev, unsigned long event);
};

/* Register namespaces and netdev events; undo it. Module load and unload. */
int rxe_net_init(const struct rxe_net_handler *handler);
void rxe_net_exit(void);

#endif
