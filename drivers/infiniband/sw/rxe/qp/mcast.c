// SPDX-License-Identifier: GPL-2.0
/*
 * Multicast groups: a table of the device by MGID, for each group its QPs.
 *
 * A QP is attached until it is detached: the core refuses to destroy it before (-EBUSY), and
 * detaches the QPs of a program that ends. So a member of a group has its QP; who reads the list
 * under RCU may find one that has just left, whose handle tells.
 *
 * A datagram is copied to every QP, a copy being a header of the buffer only, and each QP judges
 * its own as if it had been sent to it alone (ingress.c). With few QPs that is done at once. With
 * thousands it would hold the CPU with bottom halves off for as long as all of them take, and again
 * for the next datagram. Such datagrams go into a queue, bounded, and a thread delivers them, which
 * is scheduled like any other.
 *
 * The thread, too, walks under RCU, a stretch at a time. If those who detach had to wait for it, a
 * program with thousands of QPs in a group could not end while datagrams keep coming. Each member
 * has a number, by which the walk goes on where it stopped; lists are in the order of these.
 *
 * There is one lock, for those who attach and detach; they join and leave with RTNL within it.
 */
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "../base/dev.h"
#include "../net/net.h"
#include "ingress.h"
#include "mcast.h"
#include "qp.h"

#define GROUPS_BITS	8
/* Copies that are delivered at once. */
#define COPIES_AT_ONCE	16
/* Members that the thread serves in one RCU read side. */
#define STRETCH		128
/* Datagrams that may wait for the thread. */
#define QUEUE_LIMIT	256

/**
 * struct rxe_mcast - the groups of a device
 * @dev: the device
 * @lock: attaching and detaching; guards all but @queue
 * @groups: by MGID; read under RCU
 * @num_groups: how many
 * @num_members: of all groups
 * @last_number: of a member
 * @queue: datagrams for groups of many QPs
 * @work: delivers them
 */
struct rxe_mcast {
	struct rxe_dev *dev;
	struct mutex lock;
	DECLARE_HASHTABLE(groups, GROUPS_BITS);
	u32 num_groups;
	u32 num_members;
	u64 last_number;
	struct sk_buff_head queue;
	struct work_struct work;
};

/**
 * struct group - a group with QPs
 * @node: in rxe_mcast.groups
 * @mgid: its address
 * @members: QPs; read under RCU
 * @num: how many
 * @joined: the netdev's membership
 * @rcu: frees the group
 */
struct group {
	struct hlist_node node;
	union ib_gid mgid;
	struct list_head members;
	u32 num;
	struct rxe_membership joined;
	struct rcu_head rcu;
};

/**
 * struct member - a QP of a group
 * @node: in group.members
 * @handle: of the QP; its memory stays for RCU readers
 * @number: above those of members before it
 * @rcu: frees the member
 */
struct member {
	struct list_head node;
	struct rxe_handle *handle;
	u64 number;
	struct rcu_head rcu;
};

static struct workqueue_struct *threads;

/* Context: RCU read side, or @lock held. */
static struct group *find_group(const struct rxe_mcast *mcast, const union ib_gid *mgid)
{
	struct group *group;

	hash_for_each_possible_rcu(mcast->groups, group, node, jhash(mgid, sizeof(*mgid), 0),
				   lockdep_is_held(&mcast->lock))
		if (!memcmp(&group->mgid, mgid, sizeof(*mgid)))
			return group;
	return NULL;
}

static struct member *find_member(const struct group *group, const struct rxe_qp *qp)
{
	struct member *member;

	list_for_each_entry(member, &group->members, node)
		if (member->handle == qp->handle)
			return member;
	return NULL;
}

/* A new group, of which the netdev is a member. */
static struct group *add_group(struct rxe_mcast *mcast, const union ib_gid *mgid)
{
	struct group *group;
	int err;

	lockdep_assert_held(&mcast->lock);
	if (mcast->num_groups == RXE_MAX_MCAST_GRP)
		return ERR_PTR(-ENOSPC);
	group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);
	if (!group)
		return ERR_PTR(-ENOMEM);
	group->mgid = *mgid;
	INIT_LIST_HEAD(&group->members);
	err = rxe_net_join(mcast->dev, mgid, &group->joined);
	if (err) {
		kfree(group);
		return ERR_PTR(err);
	}
	mcast->num_groups++;
	hash_add_rcu(mcast->groups, &group->node, jhash(mgid, sizeof(*mgid), 0));
	return group;
}

static void remove_group(struct rxe_mcast *mcast, struct group *group)
{
	lockdep_assert_held(&mcast->lock);
	hash_del_rcu(&group->node);
	mcast->num_groups--;
	rxe_net_leave(mcast->dev, &group->joined);
	kfree_rcu(group, rcu);
}

static int add_member(struct rxe_mcast *mcast, struct group *group, struct rxe_qp *qp)
{
	struct member *member;

	lockdep_assert_held(&mcast->lock);
	if (find_member(group, qp))
		return -EEXIST;
	if (group->num == RXE_MAX_MCAST_QP || mcast->num_members == RXE_MAX_MCAST_TOTAL)
		return -ENOSPC;
	member = kzalloc(sizeof(*member), GFP_KERNEL_ACCOUNT);
	if (!member)
		return -ENOMEM;
	member->handle = qp->handle;
	member->number = ++mcast->last_number;
	mcast->num_members++;
	WRITE_ONCE(group->num, group->num + 1);
	list_add_tail_rcu(&member->node, &group->members);
	return 0;
}

static void remove_member(struct rxe_mcast *mcast, struct group *group, struct member *member)
{
	lockdep_assert_held(&mcast->lock);
	list_del_rcu(&member->node);
	WRITE_ONCE(group->num, group->num - 1);
	mcast->num_members--;
	kfree_rcu(member, rcu);
}

int rxe_mcast_attach(struct rxe_qp *qp, const union ib_gid *mgid)
{
	struct rxe_mcast *mcast = qp->dev->mcast;
	struct group *group;
	int err;

	mutex_lock(&mcast->lock);
	group = find_group(mcast, mgid) ?: add_group(mcast, mgid);
	err = PTR_ERR_OR_ZERO(group);
	if (!err) {
		err = add_member(mcast, group, qp);
		if (!group->num)
			remove_group(mcast, group);
	}
	mutex_unlock(&mcast->lock);
	return err;
}

int rxe_mcast_detach(struct rxe_qp *qp, const union ib_gid *mgid)
{
	struct rxe_mcast *mcast = qp->dev->mcast;
	struct member *member = NULL;
	struct group *group;

	mutex_lock(&mcast->lock);
	group = find_group(mcast, mgid);
	if (group)
		member = find_member(group, qp);
	if (member) {
		remove_member(mcast, group, member);
		if (!group->num)
			remove_group(mcast, group);
	}
	mutex_unlock(&mcast->lock);
	return member ? 0 : -EINVAL;
}

static struct group *group_of(const struct rxe_mcast *mcast, const struct sk_buff *skb)
{
	union ib_gid sgid, dgid;

	rxe_net_gids(skb, &sgid, &dgid);
	return find_group(mcast, &dgid);
}

bool rxe_mcast_wants(const struct rxe_dev *dev, const struct rxe_pkt *pkt,
		     const struct sk_buff *skb)
{
	return pkt->qpn == IB_MULTICAST_QPN && (pkt->opcode & RXE_SVC_MASK) == RXE_SVC_UD &&
	       group_of(dev->mcast, skb);
}

static void copy_to(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb)
{
	struct sk_buff *copy = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);

	if (copy)
		rxe_qp_deliver(qp, pkt, copy);
	else
		rxe_qp_count(qp, RXE_STAT_DROP_NOMEM);
}

static void copy_to_member(const struct member *member, const struct rxe_pkt *pkt,
			   struct sk_buff *skb)
{
	if (!rxe_handle_tryget(member->handle))
		return;
	copy_to(member->handle->obj, pkt, skb);
	rxe_handle_put(member->handle);
}

/*
 * The thread: one datagram to the next members after number @from. Return: the number of the last,
 * or 0 when there are no more, or there is no group any more.
 */
static u64 copy_to_stretch(struct rxe_mcast *mcast, const struct rxe_pkt *pkt,
			   struct sk_buff *skb, u64 from)
{
	const struct group *group = group_of(mcast, skb);
	const struct member *member;
	int left = STRETCH;

	if (!group)
		return 0;
	list_for_each_entry_rcu(member, &group->members, node) {
		if (member->number <= from)
			continue;
		copy_to_member(member, pkt, skb);
		if (!--left)
			return member->number;
	}
	return 0;
}

static void copy_to_many(struct rxe_mcast *mcast, struct sk_buff *skb)
{
	struct rxe_pkt pkt;
	u64 number = 0;

	if (rxe_pkt_parse(&pkt, skb->data, skb->len) == RXE_PARSE_OK) {
		do {
			rcu_read_lock();
			number = copy_to_stretch(mcast, &pkt, skb, number);
			rcu_read_unlock();
			cond_resched();
		} while (number);
	}
	consume_skb(skb);
}

static void serve_queue(struct work_struct *work)
{
	struct rxe_mcast *mcast = container_of(work, struct rxe_mcast, work);
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&mcast->queue)))
		copy_to_many(mcast, skb);
}

static void leave_to_thread(struct rxe_mcast *mcast, struct sk_buff *skb)
{
	if (skb_queue_len_lockless(&mcast->queue) >= QUEUE_LIMIT) {
		rxe_count(mcast->dev, RXE_STAT_DROP_BACKLOG);
		kfree_skb(skb);
		return;
	}
	skb_queue_tail(&mcast->queue, skb);
	queue_work(threads, &mcast->work);
}

void rxe_mcast_rx(struct rxe_dev *dev, const struct rxe_pkt *pkt, struct sk_buff *skb)
{
	const struct group *group = group_of(dev->mcast, skb);
	const struct member *member;

	if (group && READ_ONCE(group->num) > COPIES_AT_ONCE) {
		leave_to_thread(dev->mcast, skb);
		return;
	}
	if (group)
		list_for_each_entry_rcu(member, &group->members, node)
			copy_to_member(member, pkt, skb);
	consume_skb(skb);
}

struct rxe_mcast *rxe_mcast_create(struct rxe_dev *dev)
{
	struct rxe_mcast *mcast = kzalloc(sizeof(*mcast), GFP_KERNEL);

	if (!mcast)
		return NULL;
	mcast->dev = dev;
	mutex_init(&mcast->lock);
	hash_init(mcast->groups);
	skb_queue_head_init(&mcast->queue);
	INIT_WORK(&mcast->work, serve_queue);
	return mcast;
}

void rxe_mcast_destroy(struct rxe_mcast *mcast)
{
	cancel_work_sync(&mcast->work);
	skb_queue_purge(&mcast->queue);
	WARN_ON(mcast->num_groups);
	kfree(mcast);
}

int rxe_mcast_module_init(void)
{
	threads = alloc_workqueue("rxe_mcast", WQ_UNBOUND, 0);
	return threads ? 0 : -ENOMEM;
}

void rxe_mcast_module_exit(void)
{
	destroy_workqueue(threads);
}
