// SPDX-License-Identifier: GPL-2.0
/*
 * A device's tables and counters, and what its netdev's MTU means for its own.
 */
#include <rdma/ib_addr.h>

#include "dev.h"

/* A key is an index of 24 bits and 8 bits that its owner may change; index 0 makes key 0 none. */
#define MAX_KEY_INDEX	((1U << 24) - 1)
/* The library keeps an AH number in an int and takes 0 for "no such feature". */
#define MAX_AH_NUM	((1U << 30) - 1)

int rxe_dev_init_tables(struct rxe_dev *dev)
{
	dev->stats = alloc_percpu(struct rxe_stats);
	if (!dev->stats)
		return -ENOMEM;
	rxe_idtab_init(&dev->qps, RXE_MIN_QPN, RXE_MAX_QPN);
	rxe_idtab_init(&dev->mrs, 1, MAX_KEY_INDEX);
	rxe_idtab_init(&dev->ahs, 1, MAX_AH_NUM);
	return 0;
}

void rxe_dev_destroy_tables(struct rxe_dev *dev)
{
	rxe_idtab_destroy(&dev->ahs);
	rxe_idtab_destroy(&dev->mrs);
	rxe_idtab_destroy(&dev->qps);
	free_percpu(dev->stats);
}

enum ib_mtu rxe_mtu_of_netdev(unsigned int netdev_mtu)
{
	return iboe_get_mtu(min_t(unsigned int, netdev_mtu, INT_MAX));
}
