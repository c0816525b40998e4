// SPDX-License-Identifier: GPL-2.0
/*
 * Names and sums of the counters. Each CPU counts in its own share; a sum reads all of them without
 * stopping anyone, so it is exact only when nothing is being counted.
 */
#include <linux/cpumask.h>

#include "stats.h"

#define RXE_STAT_NAME(id, name)	[RXE_STAT_##id] = name,
static const char * const names[RXE_NUM_STATS] = { RXE_FOR_EACH_STAT(RXE_STAT_NAME) };
#undef RXE_STAT_NAME

const char *rxe_stats_name(enum rxe_stat stat)
{
	return names[stat];
}

u64 rxe_stats_sum(const struct rxe_stats __percpu *stats, enum rxe_stat stat)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(stats, cpu)->value[stat]);
	return sum;
}
