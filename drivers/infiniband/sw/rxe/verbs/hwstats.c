// SPDX-License-Identifier: GPL-2.0
/*
 * Counters as `rdma statistic` and sysfs show them: all of base/stats.h, in its order and under its
 * names, then those of on-demand memory.
 */
#include "../base/dev.h"
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

const struct ib_device_ops rxe_hwstats_ops = {
	.alloc_hw_port_stats = alloc_hw_port_stats,
	.get_hw_stats = get_hw_stats,
};
