// SPDX-License-Identifier: GPL-2.0
/*
 * A device's tables and counters, and what its netdev's MTU means for its own.
 */
#include <rdma/ib_addr.h>

#include "dev.h"

int rxe_dev_init_tables(struct rxe_dev *dev)
{
	dev->stats = alloc_percpu(struct rxe_stats);
	if (!dev->stats)
		return -ENOMEM;
	rxe_idtab_init(&dev->qps, RXE_MIN_QPN, RXE_MAX_QPN);
	rxe_idtab_init(&dev->mrs, 1, RXE_MAX_MR);
	rxe_idtab_init(&dev->ahs, 1, RXE_MAX_AH);
	ida_init(&dev->srq_nums);
	xa_init_flags(&dev->counters, XA_FLAGS_ALLOC1);
	return 0;
}

void rxe_dev_destroy_tables(struct rxe_dev *dev)
{
	xa_destroy(&dev->counters);
	ida_destroy(&dev->srq_nums);
	rxe_idtab_destroy(&dev->ahs);
	rxe_idtab_destroy(&dev->mrs);
	rxe_idtab_destroy(&dev->qps);
	free_percpu(dev->stats);
}

u64 rxe_dev_total(struct rxe_dev *dev, enum rxe_stat stat)
{
	const struct rxe_counter *counter;
	unsigned long id;
	u64 total;

	xa_lock(&dev->counters);
	total = rxe_stats_sum(dev->stats, stat) + dev->retired.value[stat];
	xa_for_each(&dev->counters, id, counter)
		total += rxe_stats_sum(counter->stats, stat);
	xa_unlock(&dev->counters);
	return total;
}

enum ib_mtu rxe_mtu_of_netdev(unsigned int netdev_mtu)
{
	return iboe_get_mtu(min_t(unsigned int, netdev_mtu, INT_MAX));
}

enum ib_mtu rxe_dev_mtu(const struct rxe_dev *dev)
{
	return max(rxe_mtu_of_netdev(READ_ONCE(dev->ndev->mtu)), IB_MTU_256);
}
