/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device: what every room needs to know of it. One struct rxe_dev per `rdma link add`, bound to
 * one netdev for its whole life.
 */
#ifndef RXE_BASE_DEV_H
#define RXE_BASE_DEV_H

#include <linux/idr.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <rdma/ib_verbs.h>
#include <rdma/odp_umem.h>

#include "idtab.h"
#include "stats.h"

struct rxe_mcast;
struct rxe_netns;

#define RXE_PORT		1

/*
 * Limits that the device reports. Of objects with a number it is how many numbers there are: a key
 * is an index of 24 bits and 8 that change, with index 0 unused so that key 0 is none; the library
 * keeps an AH number in an int and takes 0 for "no such feature". PDs, CQs and SRQs have no limit
 * but memory, and tools want a figure.
 */
#define RXE_MIN_QPN		16
#define RXE_MAX_QPN		0xfffffe
#define RXE_MAX_QP		(RXE_MAX_QPN - RXE_MIN_QPN + 1)
#define RXE_MAX_MR		((1 << 24) - 1)
#define RXE_MAX_FAST_PAGES	512
#define RXE_MAX_AH		((1 << 30) - 1)
#define RXE_MAX_PD		(1 << 24)
#define RXE_MAX_CQ		(1 << 24)
#define RXE_MAX_SRQ		(1 << 24)
/* What a ring of a power of two holds: what is told of a queue may be asked for again. */
#define RXE_MAX_QP_WR		((1 << 14) - 1)
#define RXE_MAX_SGE		32
#define RXE_MAX_INLINE		1024
#define RXE_MAX_CQE		((1 << 19) - 1)
#define RXE_MAX_RD_ATOMIC	128
#define RXE_MAX_MSG_BYTES	(1U << 31)
#define RXE_GID_TABLE_LEN	256
/* Multicast: groups of a device, QPs of a group, and QPs of all groups together. */
#define RXE_MAX_MCAST_GRP	1024
#define RXE_MAX_MCAST_QP	4096
#define RXE_MAX_MCAST_TOTAL	(1 << 14)

/**
 * struct rxe_dev - a soft RoCE device
 * @ib: the core's part; must be first
 * @ndev: the netdev below; held from creation until the core deallocates the device
 * @ndev_tracker: of that reference
 * @netns: sockets of @ndev's namespace; held likewise
 * @qps: QP number to struct rxe_qp
 * @mrs: key index (key >> 8) to struct rxe_mr
 * @ahs: AH number to struct rxe_ah, for user AHs
 * @srq_nums: SRQ numbers, which nobody looks up
 * @mcast: multicast groups
 * @stats: counters of whatever is counted in no other set
 * @counters: number to struct rxe_counter; its lock guards @retired, too
 * @next_counter: number to begin the search for a free one at
 * @retired: what such counters had counted when they went
 * @odp: counters of on-demand memory
 * @going: is being removed; set before programs' QPs are flushed, each under its ownership, and
 *	read there by who modifies one: a QP is flushed, or sees it
 * @link_up: state of the port as last reported; guarded by RTNL
 * @rate_lock: guards @speed and @width; outside of RTNL
 * @rate_known: they are those of the present link; cleared by link events
 * @speed: IB_SPEED_*
 * @width: IB_WIDTH_*
 */
struct rxe_dev {
	struct ib_device ib;
	struct net_device *ndev;
	netdevice_tracker ndev_tracker;
	struct rxe_netns *netns;
	struct rxe_idtab qps;
	struct rxe_idtab mrs;
	struct rxe_idtab ahs;
	struct ida srq_nums;
	struct rxe_mcast *mcast;
	struct rxe_stats __percpu *stats;
	struct xarray counters;
	u32 next_counter;
	struct rxe_stats retired;
	struct odp_counts odp;
	bool going;
	bool link_up;
	struct mutex rate_lock;
	bool rate_known;
	u16 speed;
	u8 width;
};

static inline struct rxe_dev *rxe_dev(struct ib_device *ib)
{
	return container_of(ib, struct rxe_dev, ib);
}

/* trace.c: the trace event of a packet that is lost. */
void rxe_dev_trace_drop(const struct rxe_dev *dev, enum rxe_stat reason);

/* Count an event of @dev in the set @stats; a packet that is lost is a trace event, too. */
static inline void rxe_count_in(struct rxe_dev *dev, struct rxe_stats __percpu *stats,
				enum rxe_stat stat)
{
	rxe_stats_add(stats, stat, 1);
	if (rxe_is_loss(stat))
		rxe_dev_trace_drop(dev, stat);
}

/* Count an event that is no QP's. Any context. */
static inline void rxe_count(struct rxe_dev *dev, enum rxe_stat stat)
{
	rxe_count_in(dev, dev->stats, stat);
}

/**
 * rxe_dev_total() - the value of a counter over all sets of a device
 * @dev: the device
 * @stat: which
 *
 * Context: process; takes the lock of @counters.
 * Return: the sum, which may miss what is being added right now.
 */
u64 rxe_dev_total(struct rxe_dev *dev, enum rxe_stat stat);

/**
 * rxe_dev_init_tables() - tables and counters of a new device
 * @dev: the device
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int rxe_dev_init_tables(struct rxe_dev *dev);

/* Undo rxe_dev_init_tables(); every object is gone. Sleeps. */
void rxe_dev_destroy_tables(struct rxe_dev *dev);

/* The path MTU that @netdev_mtu carries beside all headers and the ICRC; 0: not even 256 bytes. */
enum ib_mtu rxe_mtu_of_netdev(unsigned int netdev_mtu);

/* The port's MTU, by its netdev's as it is now; at least 256, as there is no name for less. */
enum ib_mtu rxe_dev_mtu(const struct rxe_dev *dev);

#endif
