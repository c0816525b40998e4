// SPDX-License-Identifier: GPL-2.0
/*
 * Counters as `rdma statistic` and sysfs show them: all of base/stats.h, in its order and under its
 * names.
 */
#include "../base/dev.h"
#include "verbs.h"

#define STAT_DESC(id, label) \
	[RXE_STAT_##id] = { .name = label },
static const struct rdma_stat_desc descs[] = { RXE_FOR_EACH_STAT(STAT_DESC) };
#undef STAT_DESC

static struct rdma_hw_stats *alloc_hw_port_stats(struct ib_device *ib, u32 port)
{
	return rdma_alloc_hw_stats_struct(descs, ARRAY_SIZE(descs), RDMA_HW_STATS_DEFAULT_LIFESPAN);
}

static int get_hw_stats(struct ib_device *ib, struct rdma_hw_stats *stats, u32 port, int index)
{
	int i;

	for (i = 0; i < RXE_NUM_STATS; i++)
		stats->value[i] = rxe_stats_sum(rxe_dev(ib)->stats, i);
	return RXE_NUM_STATS;
}

const struct ib_device_ops rxe_hwstats_ops = {
	.alloc_hw_port_stats = alloc_hw_port_stats,
	.get_hw_stats = get_hw_stats,
};
