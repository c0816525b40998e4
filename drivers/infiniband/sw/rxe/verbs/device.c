// SPDX-License-Identifier: GPL-2.0
/*
 * The device and its one port: birth, what it says of itself, and what becomes of it when its
 * netdev changes or goes.
 *
 * Life. rxe_device_create() makes and registers it. From then on the core owns it: `rdma link
 * delete`, the netdev's end and module unload all unregister it through the core, which waits for
 * every user, destroys the objects and calls dealloc_driver() last.
 *
 * The netdev may go while the device is being registered, when events do not find the device yet.
 * Hence the look at the netdev afterwards, under RTNL: either it is already going, then the device
 * is unregistered here, or it is not, then its events come later and do. So it is when the device
 * has moved to another namespace, for which the core hides it a while.
 *
 * Nothing of the netdev is copied, but for the link state (to tell each change once) and the rate
 * (to ask once for each link: the core asks under RTNL and logs when there is no answer). MTU,
 * addresses and name are read when they are asked for.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <rdma/ib_mad.h>
#include <rdma/rxe_abi.h>

#include "../base/dev.h"
#include "../compat/rxc_ib.h"
#include "../net/net.h"
#include "../qp/mcast.h"
#include "udata.h"
#include "verbs.h"

/* What tools print as a.b.c; 16 bits each. */
#define FW_VERSION		BIT_ULL(32)
/* There is no organisation number for software; the field knows this one. */
#define VENDOR_ID		0xffffff
/* Any multiple of 4 KiB can be registered. */
#define PAGE_SIZES		0xfffff000ULL
/* 4.096 us * 2^15: the peer must not give up while a busy CPU has not got to its packet. */
#define ACK_DELAY		15

static enum ib_port_state port_state(const struct net_device *ndev)
{
	return netif_running(ndev) && netif_carrier_ok(ndev) ? IB_PORT_ACTIVE : IB_PORT_DOWN;
}

static u8 phys_state(const struct net_device *ndev)
{
	if (!netif_running(ndev))
		return IB_PORT_PHYS_STATE_DISABLED;
	if (!netif_carrier_ok(ndev))
		return IB_PORT_PHYS_STATE_POLLING;
	return IB_PORT_PHYS_STATE_LINK_UP;
}

/* Every operation that a transport has works on memory on demand, at either end. */
static const struct ib_odp_caps odp_caps = {
	.general_caps = IB_ODP_SUPPORT | IB_ODP_SUPPORT_IMPLICIT,
	.per_transport_caps = {
		.rc_odp_caps = IB_ODP_SUPPORT_SEND | IB_ODP_SUPPORT_RECV | IB_ODP_SUPPORT_WRITE |
			       IB_ODP_SUPPORT_READ | IB_ODP_SUPPORT_ATOMIC |
			       IB_ODP_SUPPORT_SRQ_RECV | RXC_ODP_SUPPORT_ATOMIC_WRITE |
			       (RXC_FLUSH ? RXC_ODP_SUPPORT_FLUSH : 0),
		.uc_odp_caps = IB_ODP_SUPPORT_SEND | IB_ODP_SUPPORT_RECV | IB_ODP_SUPPORT_WRITE |
			       IB_ODP_SUPPORT_SRQ_RECV,
		.ud_odp_caps = IB_ODP_SUPPORT_SEND | IB_ODP_SUPPORT_RECV |
			       IB_ODP_SUPPORT_SRQ_RECV,
	},
};

/* Persistence takes a CPU that can write its caches back. */
static u64 placement_caps(void)
{
	u64 caps = RXC_DEVICE_ATOMIC_WRITE;

	if (RXC_FLUSH)
		caps |= RXC_DEVICE_FLUSH_GLOBAL;
	if (RXC_FLUSH && IS_ENABLED(CONFIG_ARCH_HAS_PMEM_API))
		caps |= RXC_DEVICE_FLUSH_PERSISTENT;
	return caps;
}

static int query_device(struct ib_device *ib, struct ib_device_attr *attr, struct ib_udata *udata)
{
	int err = rxe_udata_check(udata, 0);

	if (err)
		return err;
	attr->fw_ver = FW_VERSION;
	attr->sys_image_guid = ib->node_guid;
	attr->max_mr_size = ~0ULL;
	attr->page_size_cap = PAGE_SIZES;
	attr->vendor_id = VENDOR_ID;
	attr->device_cap_flags = IB_DEVICE_BAD_PKEY_CNTR | IB_DEVICE_BAD_QKEY_CNTR |
				 IB_DEVICE_UD_AV_PORT_ENFORCE | IB_DEVICE_PORT_ACTIVE_EVENT |
				 IB_DEVICE_SYS_IMAGE_GUID | IB_DEVICE_RC_RNR_NAK_GEN |
				 IB_DEVICE_SRQ_RESIZE |
				 IB_DEVICE_MEM_WINDOW | IB_DEVICE_MEM_WINDOW_TYPE_2B |
				 IB_DEVICE_MEM_MGT_EXTENSIONS;
	attr->device_cap_flags |= placement_caps();
	attr->kernel_cap_flags = IBK_ALLOW_USER_UNREG | IBK_ON_DEMAND_PAGING;
	attr->odp_caps = odp_caps;
	attr->max_qp = RXE_MAX_QP;
	attr->max_qp_wr = RXE_MAX_QP_WR;
	attr->max_send_sge = RXE_MAX_SGE;
	attr->max_recv_sge = RXE_MAX_SGE;
	attr->max_sge_rd = RXE_MAX_SGE;
	attr->max_cq = RXE_MAX_CQ;
	attr->max_cqe = RXE_MAX_CQE;
	attr->max_mr = RXE_MAX_MR;
	attr->max_mw = RXE_MAX_MR;
	attr->max_fast_reg_page_list_len = RXE_MAX_FAST_PAGES;
	attr->max_pd = RXE_MAX_PD;
	attr->max_srq = RXE_MAX_SRQ;
	attr->max_srq_wr = RXE_MAX_QP_WR;
	attr->max_srq_sge = RXE_MAX_SGE;
	attr->max_ah = RXE_MAX_AH;
	attr->max_mcast_grp = RXE_MAX_MCAST_GRP;
	attr->max_mcast_qp_attach = RXE_MAX_MCAST_QP;
	attr->max_total_mcast_qp_attach = RXE_MAX_MCAST_TOTAL;
	attr->max_qp_rd_atom = RXE_MAX_RD_ATOMIC;
	attr->max_qp_init_rd_atom = RXE_MAX_RD_ATOMIC;
	attr->max_res_rd_atom = min_t(u64, (u64)RXE_MAX_QP * RXE_MAX_RD_ATOMIC, INT_MAX);
	attr->atomic_cap = IB_ATOMIC_GLOB;
	attr->max_pkeys = 1;
	attr->local_ca_ack_delay = ACK_DELAY;
	return 0;
}

static void get_dev_fw_str(struct ib_device *ib, char *str)
{
	u64 ver = ib->attrs.fw_ver;

	snprintf(str, IB_FW_VERSION_NAME_MAX, "%u.%u.%u", (u16)(ver >> 32), (u16)(ver >> 16),
		 (u16)ver);
}

static int modify_device(struct ib_device *ib, int mask, struct ib_device_modify *modify)
{
	if (mask & ~IB_DEVICE_MODIFY_NODE_DESC)
		return -EOPNOTSUPP;
	if (mask & IB_DEVICE_MODIFY_NODE_DESC)
		memcpy(ib->node_desc, modify->node_desc, sizeof(ib->node_desc));
	return 0;
}

/*
 * The mark goes up before the question, so that a link event meanwhile takes it down again. RTNL is
 * taken inside; link events have it and hence do not take the lock.
 */
static void read_rate(struct rxe_dev *dev, struct ib_port_attr *attr)
{
	u16 speed;
	u8 width;

	mutex_lock(&dev->rate_lock);
	if (!READ_ONCE(dev->rate_known)) {
		WRITE_ONCE(dev->rate_known, true);
		if (!ib_get_eth_speed(&dev->ib, RXE_PORT, &speed, &width)) {
			dev->speed = speed;
			dev->width = width;
		}
	}
	attr->active_speed = dev->speed;
	attr->active_width = dev->width;
	mutex_unlock(&dev->rate_lock);
}

static int query_port(struct ib_device *ib, u32 port, struct ib_port_attr *attr)
{
	struct rxe_dev *dev = rxe_dev(ib);
	struct net_device *ndev = dev->ndev;

	attr->state = port_state(ndev);
	attr->phys_state = phys_state(ndev);
	attr->max_mtu = IB_MTU_4096;
	attr->active_mtu = rxe_dev_mtu(dev);
	attr->phys_mtu = READ_ONCE(ndev->mtu);
	attr->gid_tbl_len = RXE_GID_TABLE_LEN;
	attr->ip_gids = true;
	attr->pkey_tbl_len = 1;
	attr->port_cap_flags = IB_PORT_CM_SUP;
	attr->max_msg_sz = RXE_MAX_MSG_BYTES;
	attr->bad_pkey_cntr = rxe_dev_total(dev, RXE_STAT_DROP_PKEY);
	attr->qkey_viol_cntr = rxe_dev_total(dev, RXE_STAT_DROP_QKEY);
	attr->max_vl_num = 1;
	read_rate(dev, attr);
	return 0;
}

static int query_pkey(struct ib_device *ib, u32 port, u16 index, u16 *pkey)
{
	if (index)
		return -EINVAL;
	*pkey = IB_DEFAULT_PKEY_FULL;
	return 0;
}

static enum rdma_link_layer get_link_layer(struct ib_device *ib, u32 port)
{
	return IB_LINK_LAYER_ETHERNET;
}

static int get_port_immutable(struct ib_device *ib, u32 port, struct ib_port_immutable *immutable)
{
	immutable->pkey_tbl_len = 1;
	immutable->gid_tbl_len = RXE_GID_TABLE_LEN;
	immutable->core_cap_flags = RDMA_CORE_PORT_IBA_ROCE_UDP_ENCAP;
	immutable->max_mad_size = IB_MGMT_MAD_SIZE;
	return 0;
}

static ssize_t parent_show(struct device *device, struct device_attribute *attr, char *buf)
{
	struct rxe_dev *dev = rdma_device_to_drv_device(device, struct rxe_dev, ib);

	return sysfs_emit(buf, "%s\n", netdev_name(dev->ndev));
}

static DEVICE_ATTR_RO(parent);

static struct attribute *device_attrs[] = {
	&dev_attr_parent.attr,
	NULL,
};

static const struct attribute_group device_attr_group = {
	.attrs = device_attrs,
};

/* The core's last call. Every object is gone, so no packet finds anything here. */
static void dealloc_driver(struct ib_device *ib)
{
	struct rxe_dev *dev = rxe_dev(ib);

	rxe_netns_put(dev->netns);
	rxe_mcast_destroy(dev->mcast);
	rxe_dev_destroy_tables(dev);
	netdev_put(dev->ndev, &dev->ndev_tracker);
}

const struct ib_device_ops rxe_device_ops = {
	.owner = THIS_MODULE,
	.driver_id = RDMA_DRIVER_RXE,
	.uverbs_abi_ver = RXE_ABI_UVERBS_VERSION,
	.device_group = &device_attr_group,

	.add_gid = rxe_net_add_gid,
	.dealloc_driver = dealloc_driver,
	.del_gid = rxe_net_del_gid,
	.get_dev_fw_str = get_dev_fw_str,
	.get_link_layer = get_link_layer,
	.get_port_immutable = get_port_immutable,
	.modify_device = modify_device,
	.query_device = query_device,
	.query_pkey = query_pkey,
	.query_port = query_port,

	/* The core would not speak for LAGs, nor for what is on a VLAN: see below. */
	RXC_NO_PORT_EVENTS
};

/*
 * The core gives a VLAN's addresses to the device of the netdev below it, and to no other. So that
 * is what a device on a VLAN names when it is asked; of the addresses that it is given then it
 * takes the VLAN's own (rxe_net_add_gid()).
 */
static struct net_device *get_netdev_below_vlan(struct ib_device *ib, u32 port)
{
	struct net_device *below = vlan_dev_real_dev(rxe_dev(ib)->ndev);

	/* The core gives it back with dev_put(). */
	dev_hold(below);
	return below;
}

static const struct ib_device_ops vlan_ops = {
	.get_netdev = get_netdev_below_vlan,
};

/* A MAC is unique already. Without one (lo, tun) there is nothing stable that other hosts lack. */
static void make_guid(struct rxe_dev *dev)
{
	u8 mac[ETH_ALEN];

	if (dev->ndev->type == ARPHRD_ETHER && is_valid_ether_addr(dev->ndev->dev_addr))
		ether_addr_copy(mac, dev->ndev->dev_addr);
	else
		eth_random_addr(mac);
	addrconf_addr_eui48((u8 *)&dev->ib.node_guid, mac);
}

static void set_up_ib(struct rxe_dev *dev)
{
	struct ib_device *ib = &dev->ib;

	ib_set_device_ops(ib, &rxe_device_ops);
	ib_set_device_ops(ib, &rxe_ctx_ops);
	ib_set_device_ops(ib, &rxe_mr_verbs_ops);
	ib_set_device_ops(ib, &rxe_mw_verbs_ops);
	ib_set_device_ops(ib, &rxe_cq_verbs_ops);
	ib_set_device_ops(ib, &rxe_qp_verbs_ops);
	ib_set_device_ops(ib, &rxe_srq_verbs_ops);
	ib_set_device_ops(ib, &rxe_post_ops);
	ib_set_device_ops(ib, &rxe_hwstats_ops);
	ib_set_device_ops(ib, &rxe_pma_ops);
	ib_set_device_ops(ib, &rxe_restrack_ops);
	if (is_vlan_dev(dev->ndev))
		ib_set_device_ops(ib, &vlan_ops);

	ib->node_type = RDMA_NODE_IB_CA;
	ib->phys_port_cnt = 1;
	ib->num_comp_vectors = num_online_cpus();
	ib->uverbs_cmd_mask |= BIT_ULL(IB_USER_VERBS_CMD_POST_SEND) |
			       BIT_ULL(IB_USER_VERBS_CMD_REQ_NOTIFY_CQ);
	strscpy(ib->node_desc, "rdma_rxe", sizeof(ib->node_desc));
	make_guid(dev);
	rxc_mark_name_assigned_by_user(ib);
}

static void update_link(struct rxe_dev *dev)
{
	bool up = port_state(dev->ndev) == IB_PORT_ACTIVE;
	struct ib_event event = {
		.device = &dev->ib,
		.element.port_num = RXE_PORT,
		.event = up ? IB_EVENT_PORT_ACTIVE : IB_EVENT_PORT_ERR,
	};

	ASSERT_RTNL();
	if (up == dev->link_up)
		return;
	dev->link_up = up;
	if (!up)
		rxe_count(dev, RXE_STAT_LINK_DOWNED);
	ib_dispatch_event(&event);
}

void rxe_device_link_event(struct rxe_dev *dev, unsigned long event)
{
	ASSERT_RTNL();
	switch (event) {
	case NETDEV_UNREGISTER:
		ib_unregister_device_queued(&dev->ib);
		break;
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
		WRITE_ONCE(dev->rate_known, false);
		update_link(dev);
		break;
	default:
		break;
	}
}

static bool has_device(struct net_device *ndev)
{
	struct ib_device *ib = ib_device_get_by_netdev(ndev, RDMA_DRIVER_RXE);

	if (ib)
		ib_device_put(ib);
	return ib;
}

/* A device on @ndev. From ib_set_device_ops() on ib_dealloc_device() undoes what is done here. */
static struct rxe_dev *alloc_device(struct net_device *ndev, struct net *net)
{
	struct rxe_dev *dev;
	int err;

	dev = rxc_alloc_device(rxe_dev, ib, net);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	err = rxe_dev_init_tables(dev);
	if (err)
		goto err_device;
	dev->mcast = rxe_mcast_create(dev);
	if (!dev->mcast) {
		err = -ENOMEM;
		goto err_tables;
	}
	dev->netns = rxe_netns_get(net);
	if (IS_ERR(dev->netns)) {
		err = PTR_ERR(dev->netns);
		goto err_mcast;
	}
	dev->ndev = ndev;
	netdev_hold(ndev, &dev->ndev_tracker, GFP_KERNEL);
	mutex_init(&dev->rate_lock);
	dev->link_up = port_state(ndev) == IB_PORT_ACTIVE;
	dev->speed = IB_SPEED_SDR;
	dev->width = IB_WIDTH_1X;
	return dev;

err_mcast:
	rxe_mcast_destroy(dev->mcast);
err_tables:
	rxe_dev_destroy_tables(dev);
err_device:
	ib_dealloc_device(&dev->ib);
	return ERR_PTR(err);
}

int rxe_device_catch_up(struct rxe_dev *dev)
{
	struct net_device *ndev = dev->ndev;
	int err = -ENODEV;

	if (!ib_device_try_get(&dev->ib))
		return err;
	rtnl_lock();
	if (ndev->reg_state == NETREG_REGISTERED && rxe_netns_has(dev->netns, ndev)) {
		update_link(dev);
		err = 0;
	} else {
		ib_unregister_device_queued(&dev->ib);
	}
	rtnl_unlock();
	ib_device_put(&dev->ib);
	return err;
}

static int create(const char *name, struct net_device *ndev, struct net *net)
{
	struct rxe_dev *dev;
	int err;

	dev = alloc_device(ndev, net);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	set_up_ib(dev);
	get_device(&dev->ib.dev);
	err = ib_device_set_netdev(&dev->ib, ndev, RXE_PORT);
	if (!err)
		err = ib_register_device(&dev->ib, name, NULL);
	if (err)
		ib_dealloc_device(&dev->ib);
	else
		err = rxe_device_catch_up(dev);
	put_device(&dev->ib.dev);
	return err;
}

/* The namespace that the netdev is in, with a reference; NULL when it is going away. */
static struct net *net_of(const struct net_device *ndev)
{
	struct net *net;

	rtnl_lock();
	net = maybe_get_net(dev_net(ndev));
	rtnl_unlock();
	return net;
}

int rxe_device_create(const char *name, struct net_device *ndev)
{
	static DEFINE_MUTEX(create_lock);
	struct net *net = net_of(ndev);
	int err;

	if (!net)
		return -ENODEV;
	/* One at a time, so that two requests do not both find the netdev free. */
	mutex_lock(&create_lock);
	err = has_device(ndev) ? -EEXIST : create(name, ndev, net);
	mutex_unlock(&create_lock);
	put_net(net);
	return err;
}
