// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams that never leave this host need no ICRC, as TCP needs no checksum there: memory is what
 * carries them. Sender and receiver decide by the same fact, that the loopback device does. While
 * the parameter is being changed the two may differ on packets under way; those are lost like
 * damaged ones, and reliable connections send them again.
 */
#include <linux/module.h>
#include <linux/netdevice.h>
#include <net/dst.h>

#include "net.h"

static bool loopback_icrc;
module_param(loopback_icrc, bool, 0644);
MODULE_PARM_DESC(loopback_icrc,
		 "Compute and verify the ICRC of packets that stay on this host, too (default: N)");

static bool needs_icrc(const struct net_device *ndev)
{
	return !(ndev->flags & IFF_LOOPBACK) || READ_ONCE(loopback_icrc);
}

bool rxe_net_tx_needs_icrc(const struct sk_buff *skb)
{
	bool needs;

	rcu_read_lock();
	needs = needs_icrc(READ_ONCE(skb_dst(skb)->dev));
	rcu_read_unlock();
	return needs;
}

bool rxe_net_rx_needs_icrc(const struct sk_buff *skb)
{
	return needs_icrc(skb->dev);
}
