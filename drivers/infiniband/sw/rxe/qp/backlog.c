// SPDX-License-Identifier: GPL-2.0
/*
 * Packets that a QP keeps for later: until its owner has time, until a READ is answered, until a
 * page is there. A program decides how long that takes (userfaultfd), and how many QPs it has, so
 * what all of them keep on this host is bounded, too. What goes beyond that is lost like on a busy
 * wire.
 *
 * The first few of each queue are free: nobody can take those from others.
 *
 * A buffer that has paid gives back when it is freed, by code of this module. It lies in a queue of
 * a QP or is being executed by its owner, and QPs are gone before the module is.
 */
#include <linux/atomic.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <net/net_debug.h>

#include "../wire/pkt.h"
#include "backlog.h"
#include "qp.h"

#define FREE_PACKETS	16
/* Of the host's memory. */
#define SHARE		16

static unsigned long backlog_kib;
module_param(backlog_kib, ulong, 0644);
MODULE_PARM_DESC(backlog_kib,
		 "KiB of memory for packets that wait for their QPs (default: 1/16 of the host's)");

/* Bytes of buffers that are paid for. */
static atomic_long_t kept = ATOMIC_LONG_INIT(0);

static void give_back(struct sk_buff *skb)
{
	atomic_long_sub(skb->truesize, &kept);
}

/*
 * A buffer pays once, whatever queues it goes through. Else it has no destructor: what comes in
 * belongs to nobody (net/rx.c). Return: whether it could.
 */
static bool pay(struct sk_buff *skb)
{
	long most = min_t(u64, (u64)READ_ONCE(backlog_kib) << 10, LONG_MAX);

	if (skb->destructor == give_back)
		return true;
	DEBUG_NET_WARN_ON_ONCE(skb->destructor);
	if (atomic_long_add_return(skb->truesize, &kept) > most) {
		give_back(skb);
		return false;
	}
	skb->destructor = give_back;
	return true;
}

bool rxe_backlog_add(struct sk_buff_head *queue, u32 limit, struct sk_buff *skb)
{
	u32 num = skb_queue_len(queue);

	if (num >= limit || (num >= FREE_PACKETS && !pay(skb)))
		return false;
	__skb_queue_tail(queue, skb);
	return true;
}

struct sk_buff *rxe_backlog_next(struct sk_buff_head *queue, struct rxe_pkt *pkt)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(queue))) {
		if (rxe_pkt_parse(pkt, skb->data, skb->len) == RXE_PARSE_OK)
			return skb;
		kfree_skb(skb);
	}
	return NULL;
}

void rxe_backlog_drop(struct rxe_qp *qp, struct sk_buff_head *queue, enum rxe_stat reason)
{
	struct sk_buff *skb;

	/* Who resets or destroys a QP has no other need of it. */
	rcu_read_lock();
	while ((skb = __skb_dequeue(queue))) {
		rxe_qp_count(qp, reason);
		kfree_skb(skb);
	}
	rcu_read_unlock();
}

void rxe_backlog_module_init(void)
{
	if (!backlog_kib)
		backlog_kib = totalram_pages() / SHARE << (PAGE_SHIFT - 10);
}
