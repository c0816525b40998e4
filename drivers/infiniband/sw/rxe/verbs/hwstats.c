// SPDX-License-Identifier: GPL-2.0
/*
 * Counters as `rdma statistic` and sysfs show them: all of base/stats.h, in its order and under its
 * names, then those of on-demand memory, which are the device's alone.
 *
 * A QP counts in the device's set, or in that of the counter which it is bound to by `rdma
 * statistic qp`. For the port the core adds up what we say of the device, and all counters that
 * there are or were, so nothing may be in two sets.
 *
 * Who counts finds the set through the QP, on the RCU read side. It may do so for a moment after
 * the QP was unbound, and even after the core has read a counter for the last time; a counter goes
 * when that is over, and what came too late for it is given to the device.
 */
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <rdma/ib_verbs.h>

#include "../base/dev.h"
#include "../compat/rxc_ib.h"
#include "../qp/qp.h"
#include "verbs.h"

#define STAT_DESC(id, label) \
	[RXE_STAT_##id] = { .name = label },
static const struct rdma_stat_desc descs[] = {
	RXE_FOR_EACH_STAT(STAT_DESC)
	[RXE_NUM_STATS + ODP_COUNT_FAULTS]		= { .name = "odp_page_faults" },
	[RXE_NUM_STATS + ODP_COUNT_INVALIDATIONS]	= { .name = "odp_page_invalidations" },
	[RXE_NUM_STATS + ODP_COUNT_PREFETCHES]		= { .name = "odp_page_prefetch" },
	[RXE_NUM_STATS + ODP_COUNT_RETRIES]		= { .name = "odp_page_retries" },
};
#undef STAT_DESC

static struct rdma_hw_stats *alloc_hw_port_stats(struct ib_device *ib, u32 port)
{
	return rdma_alloc_hw_stats_struct(descs, ARRAY_SIZE(descs), RDMA_HW_STATS_DEFAULT_LIFESPAN);
}

static int get_hw_stats(struct ib_device *ib, struct rdma_hw_stats *stats, u32 port, int index)
{
	const struct rxe_dev *dev = rxe_dev(ib);
	int i;

	for (i = 0; i < RXE_NUM_STATS; i++)
		stats->value[i] = rxe_stats_sum(dev->stats, i);
	for (i = 0; i < ODP_NUM_COUNTS; i++)
		stats->value[RXE_NUM_STATS + i] = atomic64_read(&dev->odp.value[i]);
	return ARRAY_SIZE(descs);
}

/* The core numbers a port's values and a counter's alike. */
static struct rdma_hw_stats *counter_alloc_stats(struct rdma_counter *ib)
{
	return alloc_hw_port_stats(ib->device, ib->port);
}

/* Of one that the core has bound a QP to; NULL when it has been freed. */
static struct rxe_counter *counter_of(const struct rdma_counter *ib)
{
	return xa_load(&rxe_dev(ib->device)->counters, ib->id);
}

/*
 * The core knows a counter by the number that it gets here. Older cores do so for a while after it
 * was freed: the next one gets another number.
 */
static int create_counter(struct rdma_counter *ib)
{
	struct rxe_dev *dev = rxe_dev(ib->device);
	struct rxe_counter *counter = kzalloc(sizeof(*counter), GFP_KERNEL);
	int err = -ENOMEM;

	if (!counter)
		return err;
	counter->stats = alloc_percpu(struct rxe_stats);
	if (counter->stats)
		err = xa_alloc_cyclic(&dev->counters, &ib->id, counter, xa_limit_31b,
				      &dev->next_counter, GFP_KERNEL);
	if (err < 0) {
		free_percpu(counter->stats);
		kfree(counter);
	}
	return min(err, 0);
}

/* The core's own look whether the QP is bound already is not under a lock. */
static int bind_qp(struct rdma_counter *ib, struct ib_qp *ib_qp)
{
	struct rxe_qp *qp = rxe_qp(ib_qp);
	int err = 0;

	mutex_lock(&qp->verbs_lock);
	if (ib_qp->counter)
		err = -EINVAL;
	else if (!ib->id)
		err = create_counter(ib);
	if (!err) {
		ib_qp->counter = ib;
		/* Pairs with the dependent load of rxe_qp_stats(): the set is zeroed. */
		smp_store_release(&qp->stats, counter_of(ib)->stats);
	}
	mutex_unlock(&qp->verbs_lock);
	return err;
}

static int unbind_qp(struct ib_qp *ib_qp)
{
	struct rxe_qp *qp = rxe_qp(ib_qp);

	mutex_lock(&qp->verbs_lock);
	WRITE_ONCE(qp->stats, qp->dev->stats);
	ib_qp->counter = NULL;
	mutex_unlock(&qp->verbs_lock);
	return 0;
}

RXC_DEFINE_COUNTER_BIND(counter_bind_qp, bind_qp, counter_unbind_qp, unbind_qp)

/*
 * The core looks at all counters that it lists, and older ones take one off the list only after
 * they had us free what is ours. Such a one keeps what was read last.
 */
static int counter_update_stats(struct rdma_counter *ib)
{
	struct rxe_dev *dev = rxe_dev(ib->device);
	const struct rxe_counter *counter;
	int i;

	xa_lock(&dev->counters);
	counter = counter_of(ib);
	for (i = 0; counter && i < RXE_NUM_STATS; i++)
		ib->stats->value[i] = rxe_stats_sum(counter->stats, i);
	xa_unlock(&dev->counters);
	return 0;
}

/*
 * No QP is bound to it. The core has added up what it read, and keeps that; what somebody else
 * makes it read in between is lost to the port.
 */
static int counter_dealloc(struct rdma_counter *ib)
{
	struct rxe_dev *dev = rxe_dev(ib->device);
	struct rxe_counter *counter = counter_of(ib);
	u64 last;
	int i;

	synchronize_rcu();
	xa_lock(&dev->counters);
	for (i = 0; i < RXE_NUM_STATS; i++) {
		last = ib->stats->value[i];
		dev->retired.value[i] += last;
		rxe_stats_add(dev->stats, i, rxe_stats_sum(counter->stats, i) - last);
	}
	__xa_erase(&dev->counters, ib->id);
	ib->id = 0;
	xa_unlock(&dev->counters);
	free_percpu(counter->stats);
	kfree(counter);
	return 0;
}

const struct ib_device_ops rxe_hwstats_ops = {
	.alloc_hw_port_stats = alloc_hw_port_stats,
	.counter_alloc_stats = counter_alloc_stats,
	.counter_bind_qp = counter_bind_qp,
	.counter_dealloc = counter_dealloc,
	.counter_unbind_qp = counter_unbind_qp,
	.counter_update_stats = counter_update_stats,
	.get_hw_stats = get_hw_stats,

	RXC_COUNTER_OBJECT
};
