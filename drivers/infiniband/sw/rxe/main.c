// SPDX-License-Identifier: GPL-2.0
/*
 * The module: what is set up, in which order, and undone in the reverse one.
 *
 * Devices come by `rdma link add`, once everything below is ready, and go by `rdma link del`, with
 * their netdev, or with the module. When one goes, the core takes the objects of programs away
 * without a completion, and a program that polls would poll for ever. An RDMA client of our own is
 * told first, and moves programs' QPs on our devices to the error state.
 *
 * Who may still be in our code when the module goes, and why that ends: devices and what belongs to
 * them, for which ib_unregister_driver() waits; datagrams being received, until the last socket is
 * closed; buffers of ours in queues, for which rxe_net_exit() waits; page faults that nobody waits
 * for any more, for which odp_exit() does; RCU callbacks of all of them.
 */
#include <linux/module.h>
#include <rdma/ib_verbs.h>
#include <rdma/odp_umem.h>
#include <rdma/rdma_netlink.h>

#include "base/dev.h"
#include "compat/crc32.h"
#include "net/net.h"
#include "qp/backlog.h"
#include "qp/ingress.h"
#include "qp/mcast.h"
#include "qp/run.h"
#include "qp/state.h"
#include "verbs/verbs.h"

static const struct rxe_net_handler net_handler = {
	.rx = rxe_qp_rx,
	.link_event = rxe_device_link_event,
};

static struct rdma_link_ops link_ops = {
	.type = "rxe",
	.newlink = rxe_device_create,
};

/* The driver id alone could be that of another driver which serves the same user library. */
static bool is_ours(const struct ib_device *ib)
{
	return ib->ops.driver_id == RDMA_DRIVER_RXE && ib->ops.owner == THIS_MODULE;
}

/* Also when a device has moved to another namespace, for which the core takes all clients away. */
static int client_add(struct ib_device *ib)
{
	struct rxe_dev *dev = rxe_dev(ib);

	if (!is_ours(ib))
		return -EOPNOTSUPP;
	if (dev->going) {
		WRITE_ONCE(dev->going, false);
		rxe_device_catch_up(dev);
	}
	return 0;
}

static void client_remove(struct ib_device *ib, void *data)
{
	rxe_qp_flush_all(rxe_dev(ib));
}

/* Clients are told in reverse order of registration; ib_uverbs, which we need, came before us. */
static struct ib_client client = {
	.name = "rxe",
	.add = client_add,
	.remove = client_remove,
};

static int __init rxe_module_init(void)
{
	int err;

	err = rxc_crc32_init();
	if (err)
		return err;
	err = odp_init();
	if (err)
		goto err_crc32;
	err = rxe_mcast_module_init();
	if (err)
		goto err_odp;
	rxe_backlog_module_init();
	rxe_run_module_init();
	err = rxe_net_init(&net_handler);
	if (err)
		goto err_run;
	err = ib_register_client(&client);
	if (err)
		goto err_net;
	rdma_link_register(&link_ops);
	return 0;

err_net:
	rxe_net_exit();
err_run:
	rxe_run_module_exit();
	rxe_mcast_module_exit();
err_odp:
	odp_exit();
err_crc32:
	rxc_crc32_exit();
	return err;
}

static void __exit rxe_module_exit(void)
{
	rdma_link_unregister(&link_ops);
	ib_unregister_driver(RDMA_DRIVER_RXE);
	ib_unregister_client(&client);
	rxe_net_exit();
	odp_exit();
	rxe_run_module_exit();
	rxe_mcast_module_exit();
	rcu_barrier();
	rxc_crc32_exit();
}

module_init(rxe_module_init);
module_exit(rxe_module_exit);

MODULE_AUTHOR("rxe-odp authors");
MODULE_DESCRIPTION("Soft RoCEv2 with on-demand paging");
MODULE_LICENSE("GPL");
MODULE_VERSION(__stringify(RXE_ODP_VERSION));
MODULE_ALIAS_RDMA_LINK("rxe");
