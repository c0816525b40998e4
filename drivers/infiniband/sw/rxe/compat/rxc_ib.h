/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels 6.1 and 7.2 in the RDMA core. RXC_HAVE_* come from probe.sh.
 */
#ifndef RXE_COMPAT_RXC_IB_H
#define RXE_COMPAT_RXC_IB_H

#include <linux/err.h>
#include <linux/version.h>
#include <rdma/ib_umem.h>
#include <rdma/ib_verbs.h>
#include <rdma/uverbs_ioctl.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "rdma_rxe needs Linux 6.1 or later"
#endif

/*
 * rxc_create_cq_arg - the type behind the third argument of ib_device_ops.create_cq
 * rxc_create_cq_udata() - the udata in it; NULL for a kernel CQ
 */
#ifdef RXC_HAVE_CREATE_CQ_ATTRS
typedef struct uverbs_attr_bundle rxc_create_cq_arg;

static inline struct ib_udata *rxc_create_cq_udata(rxc_create_cq_arg *arg)
{
	return arg ? &arg->driver_udata : NULL;
}
#else
typedef struct ib_udata rxc_create_cq_arg;

static inline struct ib_udata *rxc_create_cq_udata(rxc_create_cq_arg *arg)
{
	return arg;
}
#endif

/*
 * RXC_RESIZE_CQ - the name of the operation in ib_device_ops that resizes a user CQ
 * rxc_resize_cqe - the type of its second argument
 */
#ifdef RXC_HAVE_RESIZE_USER_CQ
#define RXC_RESIZE_CQ	resize_user_cq
typedef unsigned int rxc_resize_cqe;
#else
#define RXC_RESIZE_CQ	resize_cq
typedef int rxc_resize_cqe;
#endif

/*
 * RXC_DEFINE_REG_USER_MR() - define @op for ib_device_ops.reg_user_mr on top of
 * @reg(pd, start, length, iova, access, udata). A DMA handle is refused: it holds hints for the
 * bus, and there is none.
 */
#ifdef RXC_HAVE_REG_MR_DMAH
#define RXC_DEFINE_REG_USER_MR(op, reg)							\
static struct ib_mr *op(struct ib_pd *pd, u64 start, u64 length, u64 iova, int access,	\
			struct ib_dmah *dmah, struct ib_udata *udata)			\
{											\
	if (dmah)									\
		return ERR_PTR(-EOPNOTSUPP);						\
	return reg(pd, start, length, iova, access, udata);				\
}
#else
#define RXC_DEFINE_REG_USER_MR(op, reg)							\
static struct ib_mr *op(struct ib_pd *pd, u64 start, u64 length, u64 iova, int access,	\
			struct ib_udata *udata)						\
{											\
	return reg(pd, start, length, iova, access, udata);				\
}
#endif

/*
 * RXC_DEFINE_COUNTER_BIND() - define @op for ib_device_ops.counter_bind_qp, and @unop for
 * counter_unbind_qp, on top of @bind(counter, qp) and @unbind(qp). There is but one port.
 */
#ifdef RXC_HAVE_COUNTER_PORT
#define RXC_DEFINE_COUNTER_BIND(op, bind, unop, unbind)					\
static int op(struct rdma_counter *counter, struct ib_qp *qp, u32 port)			\
{											\
	return bind(counter, qp);							\
}											\
											\
static int unop(struct ib_qp *qp, u32 port)						\
{											\
	return unbind(qp);								\
}
#else
#define RXC_DEFINE_COUNTER_BIND(op, bind, unop, unbind)					\
static int op(struct rdma_counter *counter, struct ib_qp *qp)				\
{											\
	return bind(counter, qp);							\
}											\
											\
static int unop(struct ib_qp *qp)							\
{											\
	return unbind(qp);								\
}
#endif

/* RXC_COUNTER_OBJECT - in ib_device_ops: the core allocates a counter's structure for the driver */
#ifdef RXC_HAVE_COUNTER_OBJECT
struct rxc_counter {
	struct rdma_counter core;
};

static inline void rxc_counter_init(struct rdma_counter *counter)
{
}

#define RXC_COUNTER_OBJECT				\
	.counter_init = rxc_counter_init,		\
	INIT_RDMA_OBJ_SIZE(rdma_counter, rxc_counter, core),
#else
#define RXC_COUNTER_OBJECT
#endif

/* RXC_RES_SRQ() - in ib_device_ops: details of a shared receive queue, if the core asks for any */
#ifdef RXC_HAVE_RES_SRQ
#define RXC_RES_SRQ(fill)	.fill_res_srq_entry = (fill),
#else
#define RXC_RES_SRQ(fill)
#endif

/*
 * RXC_DEFINE_REG_DMABUF_MR() - define @op for ib_device_ops.reg_user_mr_dmabuf on top of
 * @reg(pd, offset, length, iova, fd, access, udata). DMA handles as above.
 */
#ifdef RXC_HAVE_REG_MR_DMAH
#define RXC_DEFINE_REG_DMABUF_MR(op, reg)						\
static struct ib_mr *op(struct ib_pd *pd, u64 offset, u64 length, u64 iova, int fd,	\
			int access, struct ib_dmah *dmah,				\
			struct uverbs_attr_bundle *attrs)				\
{											\
	if (dmah)									\
		return ERR_PTR(-EOPNOTSUPP);						\
	return reg(pd, offset, length, iova, fd, access, &attrs->driver_udata);		\
}
#elif defined(RXC_HAVE_REG_DMABUF_ATTRS)
#define RXC_DEFINE_REG_DMABUF_MR(op, reg)						\
static struct ib_mr *op(struct ib_pd *pd, u64 offset, u64 length, u64 iova, int fd,	\
			int access, struct uverbs_attr_bundle *attrs)			\
{											\
	return reg(pd, offset, length, iova, fd, access, &attrs->driver_udata);		\
}
#else
#define RXC_DEFINE_REG_DMABUF_MR(op, reg)						\
static struct ib_mr *op(struct ib_pd *pd, u64 offset, u64 length, u64 iova, int fd,	\
			int access, struct ib_udata *udata)				\
{											\
	return reg(pd, offset, length, iova, fd, access, udata);			\
}
#endif

/*
 * Memory placement: the numbers of the user ABI, which kernel 6.1 has no names for. A program can
 * register for FLUSH only where the core knows the access flags.
 */
#define RXC_WR_FLUSH			14
#define RXC_WR_ATOMIC_WRITE		15
#define RXC_WC_FLUSH			8
#define RXC_WC_ATOMIC_WRITE		9
#define RXC_ACCESS_FLUSH_GLOBAL		BIT(8)
#define RXC_ACCESS_FLUSH_PERSISTENT	BIT(9)
#define RXC_DEVICE_FLUSH_GLOBAL		BIT_ULL(38)
#define RXC_DEVICE_FLUSH_PERSISTENT	BIT_ULL(39)
#define RXC_DEVICE_ATOMIC_WRITE		BIT_ULL(40)
#define RXC_ODP_SUPPORT_FLUSH		BIT(6)
#define RXC_ODP_SUPPORT_ATOMIC_WRITE	BIT(7)

#ifdef RXC_HAVE_ACCESS_FLUSH
#define RXC_FLUSH	1
#else
#define RXC_FLUSH	0
#endif

/* The part of a program's send work request that says what to flush; 6.1's header lacks it. */
struct rxc_flush_wr {
	__aligned_u64 remote_addr;
	__u32 length;
	__u32 rkey;
	__u8 type;
	__u8 level;
};

/**
 * rxc_umem_get() - pin memory of the calling process
 * @ib: the device
 * @addr: first byte
 * @size: bytes
 * @access: IB_ACCESS_*
 *
 * Context: process, sleeps.
 * Return: the memory, for ib_umem_release(), or ERR_PTR.
 */
static inline struct ib_umem *rxc_umem_get(struct ib_device *ib, unsigned long addr, size_t size,
					   int access)
{
#ifdef RXC_HAVE_UMEM_GET_VA
	return ib_umem_get_va(ib, addr, size, access);
#else
	return ib_umem_get(ib, addr, size, access);
#endif
}

/*
 * rxc_alloc_device() - ib_alloc_device() for a device of a network namespace. Where the core cannot
 * make it there at once, it belongs to the first namespace, as every device used to.
 */
#ifdef RXC_HAVE_ALLOC_DEVICE_NET
#define rxc_alloc_device(drv_struct, member, net)	\
	ib_alloc_device_with_net(drv_struct, member, net)
#else
#define rxc_alloc_device(drv_struct, member, net)	\
	((void)(net), ib_alloc_device(drv_struct, member))
#endif

/* Tell udev that the user chose the name, so that it stays. Kernel 6.1 has no such notion. */
static inline void rxc_mark_name_assigned_by_user(struct ib_device *ib)
{
#ifdef RXC_HAVE_MARK_USER_NAME
	ib_mark_name_assigned_by_user(ib);
#endif
}

/*
 * RXC_NO_PORT_EVENTS - in a driver's struct ib_device_ops: the core need not turn netdev events
 * into IB_EVENT_PORT_ACTIVE and _ERR, the driver does. Older cores never do.
 */
#ifdef RXC_HAVE_CORE_PORT_EVENTS
static inline void rxc_no_port_event(struct ib_device *ib, struct net_device *ndev,
				     unsigned long event)
{
}

#define RXC_NO_PORT_EVENTS	.report_port_event = rxc_no_port_event,
#else
#define RXC_NO_PORT_EVENTS
#endif

#endif
