// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams in: from UDP to the device. UDP has verified its checksum, if there was one, and cut
 * off what lies behind the datagram. Nothing is written here or above, so a buffer whose data
 * somebody else looks at, too, need not be copied.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/sock.h>

#include "../base/dev.h"
#include "gidtab.h"
#include "net.h"
#include "netns.h"
#include "rx.h"

static const struct rxe_net_handler *handler;

void rxe_rx_init(const struct rxe_net_handler *h)
{
	handler = h;
}

/* No RoCEv2 sender uses IP options or extension headers, and the ICRC is not defined over them. */
static bool plain_ip_header(const struct sk_buff *skb)
{
	size_t len = skb->protocol == htons(ETH_P_IP) ? sizeof(struct iphdr) :
							sizeof(struct ipv6hdr);

	return skb_network_header_len(skb) == len;
}

/*
 * Make the buffer what net.h promises. The route it came by is let go of, and the socket whose it
 * may be: a buffer that waits for its QP must not hold them.
 *
 * Return: why the datagram is no good, or RXE_NUM_STATS.
 */
static enum rxe_stat prepare(struct sk_buff *skb, int ifindex)
{
	unsigned int len = ntohs(udp_hdr(skb)->len);

	if (!plain_ip_header(skb))
		return RXE_STAT_DROP_IP_HEADER;
	/* Zero means a jumbogram under IPv6, which is no RoCE packet either. */
	if (len < sizeof(struct udphdr) || len > skb->len)
		return RXE_STAT_DROP_SHORT;
	if (pskb_trim_rcsum(skb, len) || skb_linearize(skb))
		return RXE_STAT_DROP_NOMEM;
	__skb_pull(skb, sizeof(struct udphdr));
	skb_dst_drop(skb);
	skb_orphan(skb);
	rxe_rx_cb(skb)->ifindex = ifindex;
	return RXE_NUM_STATS;
}

/* The device on a netdev, or NULL. It stays for the RCU read side, as one of the GID table. */
static struct rxe_dev *device_on(const struct rxe_netns *netns, struct net_device *ndev)
{
	struct ib_device *ib = ib_device_get_by_netdev(ndev, RDMA_DRIVER_RXE);
	struct rxe_dev *dev;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "the device would not stay");
	if (!ib)
		return NULL;
	dev = rxe_dev(ib);
	ib_device_put(ib);
	return dev->netns == netns ? dev : NULL;
}

/*
 * Multicast is for the device that it came in on, to which what is for none of our addresses is
 * accounted, too; what is looped to its sender.
 *
 * Return: the device, or NULL. @ifindex: for struct rxe_rx_cb, 0 for none of our addresses.
 */
static struct rxe_dev *find_device(struct rxe_netns *netns, const struct sk_buff *skb,
				   struct net_device *in, int *ifindex)
{
	union ib_gid sgid, dgid;
	struct rxe_dev *dev;

	*ifindex = in->ifindex;
	if (rxe_net_is_multicast(skb))
		return device_on(netns, in);
	*ifindex = 0;
	rxe_net_gids(skb, &sgid, &dgid);
	dev = rxe_gidtab_find(netns, &dgid, in, ifindex);
	return dev ?: device_on(netns, in);
}

void rxe_rx_datagram(struct rxe_netns *netns, struct sk_buff *skb, struct net_device *in)
{
	enum rxe_stat reason;
	struct rxe_dev *dev;
	int ifindex;

	dev = find_device(netns, skb, in, &ifindex);
	if (!dev) {
		kfree_skb(skb);
		return;
	}
	reason = ifindex ? prepare(skb, ifindex) : RXE_STAT_DROP_ADDRESS;
	if (reason == RXE_NUM_STATS) {
		handler->rx(dev, skb);
		return;
	}
	rxe_count(dev, reason);
	kfree_skb(skb);
}

int rxe_rx(struct sock *sk, struct sk_buff *skb)
{
	struct rxe_netns *netns = rcu_dereference_sk_user_data(sk);

	if (netns)
		rxe_rx_datagram(netns, skb, skb->dev);
	else
		kfree_skb(skb);	/* the socket is being closed */
	return 0;
}
