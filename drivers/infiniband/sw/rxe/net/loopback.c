// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams that never leave this host: their route ends at the loopback device.
 *
 * They do not go through it. The sender leaves them in a queue of its CPU and delivers them when
 * the run of its QP is over, in the same stretch with bottom halves off, so a whole exchange,
 * request, execution, answer and completion, is over before a doorbell returns. By way of the
 * loopback device it would wait for a softirq, which on a busy host means for ksoftirqd and so for
 * the scheduler's next slice. What that costs is that packet taps and filters on the loopback
 * device do not see these datagrams, and that it works when that device is down.
 *
 * A queue lives no longer than that stretch, an RCU read side. Who goes in the meantime waits for
 * a grace period before namespace and devices are freed (netns.c), so nothing here is counted.
 *
 * Such datagrams need no ICRC, as TCP needs no checksum there: memory is what carries them. Sender
 * and receiver decide by the same fact, that the loopback device does. While the parameter is being
 * changed the two may differ on packets under way; those are lost like damaged ones, and reliable
 * connections send them again.
 */
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <net/dst.h>

#include "../base/dev.h"
#include "loopback.h"
#include "net.h"
#include "rx.h"

static bool loopback_icrc;
module_param(loopback_icrc, bool, 0644);
MODULE_PARM_DESC(loopback_icrc,
		 "Compute and verify the ICRC of packets that stay on this host, too (default: N)");

/*
 * What a queued buffer's control block holds. The sender is there until the buffer is delivered:
 * the QP that sent it is kept until then, by whoever ran it, and the device waits for its QPs.
 */
struct looped {
	const struct rxe_dev *dev;
};

static DEFINE_PER_CPU(struct sk_buff_head, queues);

static struct looped *looped(struct sk_buff *skb)
{
	static_assert(sizeof(struct looped) <= sizeof_field(struct sk_buff, cb));

	return (struct looped *)skb->cb;
}

static bool needs_icrc(const struct net_device *ndev)
{
	return !(ndev->flags & IFF_LOOPBACK) || READ_ONCE(loopback_icrc);
}

bool rxe_net_tx_needs_icrc(const struct sk_buff *skb)
{
	bool needs;

	if (skb->dev)
		return needs_icrc(skb->dev);
	rcu_read_lock();
	needs = needs_icrc(READ_ONCE(skb_dst(skb)->dev));
	rcu_read_unlock();
	return needs;
}

bool rxe_net_rx_needs_icrc(const struct sk_buff *skb)
{
	return needs_icrc(skb->dev);
}

void rxe_loopback_queue(const struct rxe_dev *dev, struct sk_buff *skb)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "the device would not stay");
	lockdep_assert_in_softirq();
	skb_pull(skb, skb_transport_offset(skb));
	looped(skb)->dev = dev;
	__skb_queue_tail(this_cpu_ptr(&queues), skb);
}

void rxe_net_deliver_looped(void)
{
	struct sk_buff_head *queue = this_cpu_ptr(&queues);
	const struct rxe_dev *dev;
	struct sk_buff *skb;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "the devices would not stay");
	while ((skb = __skb_dequeue(queue))) {
		dev = looped(skb)->dev;
		rxe_rx_datagram(dev->netns, skb, dev->ndev);
	}
}

void rxe_loopback_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		__skb_queue_head_init(per_cpu_ptr(&queues, cpu));
}
