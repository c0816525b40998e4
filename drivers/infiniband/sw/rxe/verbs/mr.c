// SPDX-License-Identifier: GPL-2.0
/*
 * Memory regions as verbs: which access is granted, and what the core is told of the result.
 *
 * The rkey is told only to who asked for a remote right. lkey and rkey are the same number; a peer
 * that guesses one finds that the region grants it nothing.
 */
#include <linux/module.h>
#include <net/netlink.h>
#include <rdma/rdma_netlink.h>
#include <rdma/restrack.h>

#include "../base/dev.h"
#include "../compat/rxc_ib.h"
#include "../mem/mem.h"
#include "udata.h"
#include "verbs.h"

#define REMOTE_ACCESS	(IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_READ | \
			 IB_ACCESS_REMOTE_ATOMIC | RXC_ACCESS_FLUSH_GLOBAL | \
			 RXC_ACCESS_FLUSH_PERSISTENT)
/* What pinned memory and the DMA region implement. */
#define MR_ACCESS	(IB_ACCESS_LOCAL_WRITE | REMOTE_ACCESS | IB_ACCESS_RELAXED_ORDERING | \
			 IB_ACCESS_MW_BIND)
/* What a program's memory implements besides. */
#define USER_ACCESS	(MR_ACCESS | IB_ACCESS_ON_DEMAND | IB_ACCESS_HUGETLB)

/* What a dma-buf implements: it is not on demand, and nobody can tell whether it lasts. */
#define DMABUF_ACCESS	(MR_ACCESS & ~RXC_ACCESS_FLUSH_PERSISTENT)

static struct ib_mr *tell_core(struct rxe_mr *mr)
{
	if (IS_ERR(mr))
		return ERR_CAST(mr);
	mr->ib.lkey = mr->key;
	mr->ib.rkey = mr->access & REMOTE_ACCESS ? mr->key : 0;
	mr->ib.iova = mr->iova;
	mr->ib.length = mr->length;
	mr->ib.page_size = PAGE_SIZE;
	return &mr->ib;
}

/* Both keys are told: the consumer decides at each registration who may use it. */
static struct ib_mr *tell_core_fast(struct rxe_mr *mr)
{
	if (IS_ERR(mr))
		return ERR_CAST(mr);
	mr->ib.lkey = mr->key;
	mr->ib.rkey = mr->key;
	return &mr->ib;
}

/* Also called by kernel services for a program's memory, without udata. */
static struct ib_mr *reg_user(struct ib_pd *pd, u64 start, u64 length, u64 iova, int requested,
			      struct ib_udata *udata)
{
	int access = rxe_mr_access(udata ? ODP_ACCESS_USER : ODP_ACCESS_KERNEL_USER, 0, requested,
				      USER_ACCESS);
	int err;

	if (access < 0) {
		ibdev_dbg(pd->device, "reg_mr: access flags 0x%x refused\n", requested);
		return ERR_PTR(access);
	}
	err = rxe_udata_check(udata, 0);
	if (err)
		return ERR_PTR(err);
	return tell_core(rxe_mr_reg_user(pd, start, length, iova, access));
}

RXC_DEFINE_REG_USER_MR(reg_user_mr, reg_user)

static struct ib_mr *reg_dmabuf(struct ib_pd *pd, u64 offset, u64 length, u64 iova, int fd,
				int requested, struct ib_udata *udata)
{
	int access = rxe_mr_access(ODP_ACCESS_USER, 0, requested, DMABUF_ACCESS);
	int err;

	if (access < 0) {
		ibdev_dbg(pd->device, "reg_dmabuf_mr: access flags 0x%x refused\n", requested);
		return ERR_PTR(access);
	}
	err = rxe_udata_check(udata, 0);
	if (err)
		return ERR_PTR(err);
	return tell_core(rxe_mr_reg_dmabuf(pd, fd, offset, length, iova, access));
}

RXC_DEFINE_REG_DMABUF_MR(reg_user_mr_dmabuf, reg_dmabuf)

/* The core destroys the old region and puts the new one in its place. */
static struct ib_mr *rereg_user_mr(struct ib_mr *ib, int flags, u64 start, u64 length, u64 iova,
				   int requested, struct ib_pd *pd, struct ib_udata *udata)
{
	struct rxe_rereg what = {
		.flags = flags,
		.uva = start,
		.length = length,
		.iova = iova,
		.pd = pd,
	};
	int err;

	if (flags & IB_MR_REREG_ACCESS) {
		what.access = rxe_mr_access(ODP_ACCESS_REREG, 0, requested, USER_ACCESS);
		if (what.access < 0)
			return ERR_PTR(what.access);
	}
	err = rxe_udata_check(udata, 0);
	if (err)
		return ERR_PTR(err);
	return tell_core(rxe_mr_rereg(rxe_mr(ib), &what));
}

static struct ib_mr *get_dma_mr(struct ib_pd *pd, int requested)
{
	int access = rxe_mr_access(ODP_ACCESS_KERNEL_DMA, 0, requested, MR_ACCESS);

	if (access < 0)
		return ERR_PTR(access);
	return tell_core(rxe_mr_get_dma(pd, access));
}

static int advise_mr(struct ib_pd *pd, enum ib_uverbs_advise_mr_advice advice, u32 flags,
		     struct ib_sge *sges, u32 num, struct uverbs_attr_bundle *attrs)
{
	return rxe_mem_advise(pd, advice, flags, sges, num);
}

/* Under the names that the field's tools know. */
static const struct {
	const char *name;
	enum odp_count count;
} odp_stats[] = {
	{ "page_faults", ODP_COUNT_FAULTS },
	{ "page_invalidations", ODP_COUNT_INVALIDATIONS },
	{ "page_prefetch", ODP_COUNT_PREFETCHES },
	{ "page_retries", ODP_COUNT_RETRIES },
};

static int put_stats(struct sk_buff *msg, const struct rxe_mr *mr)
{
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(odp_stats) && !err; i++)
		err = rdma_nl_stat_hwcounter_entry(msg, odp_stats[i].name,
						   odp_umem_count(mr->odp, odp_stats[i].count));
	return err;
}

static int fill_stat_mr_entry(struct sk_buff *msg, struct ib_mr *ib)
{
	const struct rxe_mr *mr = rxe_mr(ib);
	struct nlattr *table;

	if (!mr->odp)
		return 0;
	table = nla_nest_start(msg, RDMA_NLDEV_ATTR_STAT_HWCOUNTERS);
	if (!table)
		return -EMSGSIZE;
	if (put_stats(msg, mr)) {
		nla_nest_cancel(msg, table);
		return -EMSGSIZE;
	}
	nla_nest_end(msg, table);
	return 0;
}

static struct ib_mr *alloc_mr(struct ib_pd *pd, enum ib_mr_type type, u32 max_pages)
{
	int access;

	if (type != IB_MR_TYPE_MEM_REG)
		return ERR_PTR(-EOPNOTSUPP);
	if (!max_pages || max_pages > RXE_MAX_FAST_PAGES)
		return ERR_PTR(-EINVAL);
	access = rxe_mr_access(ODP_ACCESS_KERNEL_ALLOC, 0, 0, MR_ACCESS);
	if (access < 0)
		return ERR_PTR(access);
	return tell_core_fast(rxe_mr_alloc_fast(pd, max_pages, access));
}

static int map_mr_sg(struct ib_mr *ib, struct scatterlist *sg, int nents, unsigned int *offset)
{
	return rxe_mr_map_fast(rxe_mr(ib), sg, nents, offset);
}

/* While a window is bound to it a region stays; when a process ends, the core comes again. */
static int dereg_mr(struct ib_mr *ib, struct ib_udata *udata)
{
	int err = rxe_mr_close(rxe_mr(ib));

	if (err)
		return err;
	rxe_mr_destroy(rxe_mr(ib));
	return 0;
}

const struct ib_device_ops rxe_mr_verbs_ops = {
	.advise_mr = advise_mr,
	.alloc_mr = alloc_mr,
	.dereg_mr = dereg_mr,
	.fill_stat_mr_entry = fill_stat_mr_entry,
	.get_dma_mr = get_dma_mr,
	.map_mr_sg = map_mr_sg,
	.reg_user_mr = reg_user_mr,
	.reg_user_mr_dmabuf = reg_user_mr_dmabuf,
	.rereg_user_mr = rereg_user_mr,
};
