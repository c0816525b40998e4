// SPDX-License-Identifier: GPL-2.0
/*
 * Netdev events, and the room's beginning and end. An event is passed on when the netdev has a
 * device of ours; the core knows the pair.
 */
#include <linux/netdevice.h>

#include "../base/dev.h"
#include "flight.h"
#include "loopback.h"
#include "net.h"
#include "netns.h"
#include "rx.h"

static const struct rxe_net_handler *handler;

static int notify(struct notifier_block *nb, unsigned long event, void *info)
{
	struct ib_device *ib = ib_device_get_by_netdev(netdev_notifier_info_to_dev(info),
						       RDMA_DRIVER_RXE);

	if (!ib)
		return NOTIFY_DONE;
	handler->link_event(rxe_dev(ib), event);
	ib_device_put(ib);
	return NOTIFY_OK;
}

static struct notifier_block notifier = { .notifier_call = notify };

int rxe_net_init(const struct rxe_net_handler *h)
{
	int err;

	handler = h;
	rxe_rx_init(h);
	rxe_loopback_init();
	err = rxe_netns_init();
	if (err)
		return err;
	err = register_netdevice_notifier(&notifier);
	if (err)
		rxe_netns_exit();
	return err;
}

void rxe_net_exit(void)
{
	unregister_netdevice_notifier(&notifier);
	rxe_netns_exit();
	rxe_flight_wait_all();
}
