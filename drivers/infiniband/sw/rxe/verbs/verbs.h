/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ib_device operations, by object. Each validates and translates what the core hands in and
 * calls down; none touches a packet, a page or protocol state.
 */
#ifndef RXE_VERBS_VERBS_H
#define RXE_VERBS_VERBS_H

#include <rdma/ib_verbs.h>

struct net_device;
struct rxe_dev;

/* A process' context; rings are mapped in its name. */
struct rxe_ucontext {
	struct ib_ucontext ib;
};

/* device.c */
/**
 * rxe_device_create() - a device on a netdev (`rdma link add`)
 * @name: name, or pattern with %d
 * @ndev: the netdev
 *
 * Context: process, may sleep; RTNL not held.
 * Return: 0, -EEXIST when the netdev has a device already, or another errno.
 */
int rxe_device_create(const char *name, struct net_device *ndev);

/**
 * rxe_device_catch_up() - look what became of the netdev while its events did not find the device
 * @dev: the device; it may be on its way out already, and its memory is held by the caller
 *
 * Context: process, may sleep; RTNL not held.
 * Return: 0, or -ENODEV when the device goes.
 */
int rxe_device_catch_up(struct rxe_dev *dev);

/* The netdev of @dev changed (NETDEV_*): port events, and removal of the device. RTNL held. */
void rxe_device_link_event(struct rxe_dev *dev, unsigned long event);

/* Operations of each file, set at device creation; defined next to the functions. */
extern const struct ib_device_ops rxe_device_ops;	/* device.c */
extern const struct ib_device_ops rxe_ctx_ops;		/* ctx_pd_ah.c */
extern const struct ib_device_ops rxe_mr_verbs_ops;	/* mr.c */
extern const struct ib_device_ops rxe_mw_verbs_ops;	/* mw.c */
extern const struct ib_device_ops rxe_qp_verbs_ops;	/* qp.c */
extern const struct ib_device_ops rxe_cq_verbs_ops;	/* cq.c */
extern const struct ib_device_ops rxe_srq_verbs_ops;	/* srq.c */
extern const struct ib_device_ops rxe_post_ops;		/* post.c */
extern const struct ib_device_ops rxe_hwstats_ops;	/* hwstats.c */
extern const struct ib_device_ops rxe_pma_ops;		/* pma.c */
extern const struct ib_device_ops rxe_restrack_ops;	/* restrack.c */

#endif
