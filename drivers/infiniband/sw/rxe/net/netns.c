// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets by network namespace. The first device of a namespace opens one UDP socket for each IP
 * version on the RoCEv2 port, the last one closes them. They belong to no process, and what arrives
 * is not queued on them: encap_rcv takes it, once it is set. Sending needs no socket.
 *
 * A namespace can go before its devices do. Its netdevs are unregistered first, or move elsewhere,
 * and each device starts to unregister with its netdev; but that is done by a work item, which may
 * wait for the device's users. A netdev that goes waits for its device, one that moved does not. So
 * the namespace's exit waits, as routes that the device's users still cache would otherwise outlive
 * the namespace that they belong to.
 */
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/mutex.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "../compat/rxc.h"
#include "net.h"
#include "netns.h"
#include "rx.h"

/* Any type but 0 makes UDP call encap_rcv. */
#define ENCAP_TYPE	1

static unsigned int pernet_id;

/* Guards the pointers of all namespaces, and the counts behind them. */
static DEFINE_MUTEX(netns_lock);

static struct rxe_netns **slot_of(struct net *net)
{
	lockdep_assert_held(&netns_lock);
	return net_generic(net, pernet_id);
}

static int open_socket(struct rxe_netns *netns, u8 family, struct socket **sock)
{
	struct udp_tunnel_sock_cfg tunnel = {
		.sk_user_data = netns,
		.encap_type = ENCAP_TYPE,
		.encap_rcv = rxe_rx,
	};
	/* Checksums are zero and not looked at, the ICRC being stronger (annex A17.9.2). */
	struct udp_port_cfg port = {
		.family = family,
		.local_udp_port = htons(RXE_UDP_PORT),
		.ipv6_v6only = family == AF_INET6,
	};
	int err = udp_sock_create(netns->net, &port, sock);

	if (err) {
		*sock = NULL;
		return err;
	}
	rxc_udp_tunnel_setup(netns->net, *sock, &tunnel);
	return 0;
}

static void close_sockets(struct rxe_netns *netns)
{
	rxc_udp_tunnel_release(netns->sock4);
	rxc_udp_tunnel_release(netns->sock6);
	synchronize_rcu();
}

static int open_sockets(struct rxe_netns *netns)
{
	int err = open_socket(netns, AF_INET, &netns->sock4);

	if (!err && ipv6_mod_enabled())
		err = open_socket(netns, AF_INET6, &netns->sock6);
	if (err)
		close_sockets(netns);
	return err;
}

static struct rxe_netns *create(struct net *net)
{
	struct rxe_netns *netns = kzalloc(sizeof(*netns), GFP_KERNEL);
	int err;

	if (!netns)
		return ERR_PTR(-ENOMEM);
	netns->net = net;
	init_completion(&netns->idle);
	spin_lock_init(&netns->gid_lock);
	hash_init(netns->gids);
	err = open_sockets(netns);
	if (err) {
		kfree(netns);
		return ERR_PTR(err);
	}
	return netns;
}

struct rxe_netns *rxe_netns_get(struct net *net)
{
	struct rxe_netns *netns;

	mutex_lock(&netns_lock);
	netns = *slot_of(net);
	if (!netns)
		netns = create(net);
	if (!IS_ERR(netns)) {
		*slot_of(net) = netns;
		netns->users++;
	}
	mutex_unlock(&netns_lock);
	return netns;
}

bool rxe_netns_has(const struct rxe_netns *netns, const struct net_device *ndev)
{
	ASSERT_RTNL();
	return net_eq(dev_net(ndev), netns->net);
}

void rxe_netns_put(struct rxe_netns *netns)
{
	bool last;

	mutex_lock(&netns_lock);
	last = !--netns->users && !netns->closing;
	if (last)
		*slot_of(netns->net) = NULL;
	else if (!netns->users)
		complete(&netns->idle);
	if (last) {
		close_sockets(netns);
		kfree(netns);
	}
	mutex_unlock(&netns_lock);

	/*
	 * Whoever found the device in the GID table has left it now. Expedited, since a script that
	 * deletes a thousand devices waits here a thousand times.
	 */
	if (!last)
		synchronize_rcu_expedited();
}

static void exit_net(struct net *net)
{
	struct rxe_netns *netns;

	mutex_lock(&netns_lock);
	netns = *slot_of(net);
	*slot_of(net) = NULL;
	if (netns) {
		netns->closing = true;
		close_sockets(netns);
	}
	mutex_unlock(&netns_lock);

	if (netns) {
		wait_for_completion(&netns->idle);
		/* Looped datagrams of the last device's QPs. */
		synchronize_rcu();
		kfree(netns);
	}
}

static struct pernet_operations pernet_ops = {
	.exit = exit_net,
	.id = &pernet_id,
	.size = sizeof(struct rxe_netns *),
};

int rxe_netns_init(void)
{
	return register_pernet_subsys(&pernet_ops);
}

void rxe_netns_exit(void)
{
	unregister_pernet_subsys(&pernet_ops);
}
