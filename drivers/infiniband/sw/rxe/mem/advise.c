// SPDX-License-Identifier: GPL-2.0
/*
 * Advice on memory by keys: the keys are checked as those of any access are, and become ranges of
 * windows; the rest is the core's.
 */
#include <linux/errno.h>
#include <linux/signal.h>
#include <linux/slab.h>

#include "mr.h"

#define KNOWN_FLAGS	IB_UVERBS_ADVISE_MR_FLAG_FLUSH

static int prefetch_advice(enum ib_uverbs_advise_mr_advice advice)
{
	switch (advice) {
	case IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH:
		return ODP_PREFETCH;
	case IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_WRITE:
		return ODP_PREFETCH_WRITE;
	case IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT:
		return ODP_PREFETCH_PRESENT;
	default:
		return -EOPNOTSUPP;
	}
}

static int key_error(enum rxe_mem_err err)
{
	switch (err) {
	case RXE_MEM_KEY:
		return -ENOENT;
	case RXE_MEM_ACCESS:
		return -EPERM;
	default:
		return -EFAULT;
	}
}

/* The region's window outlives the region once it is held. */
static int to_range(struct ib_pd *pd, const struct ib_sge *sge, int access, struct odp_range *range)
{
	enum rxe_mem_err err;
	struct rxe_mr *mr;

	err = rxe_mem_get(pd, NULL, sge->lkey, sge->addr, sge->length, access, &mr);
	if (err)
		return key_error(err);
	if (mr->odp) {
		odp_umem_hold(mr->odp);
		range->umem = mr->odp;
		range->uva = rxe_mr_uva(mr, sge->addr);
		range->len = sge->length;
	}
	rxe_mem_put(mr);
	/* There is nothing to bring in where nothing is on demand. */
	return range->umem ? 0 : -EINVAL;
}

static void put_ranges(struct odp_range *ranges, u32 num)
{
	while (num--)
		odp_umem_put(ranges[num].umem);
	kvfree(ranges);
}

/*
 * Any signal would end the making of a process' first notifier, over and over where signals come
 * often. Only one that kills is to end the call.
 */
static int prefetch_now(const struct odp_range *ranges, u32 num, int advice)
{
	sigset_t but_kill, before;
	int err;

	siginitsetinv(&but_kill, sigmask(SIGKILL));
	sigprocmask(SIG_SETMASK, &but_kill, &before);
	err = odp_prefetch(ranges, num, advice);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err;
}

int rxe_mem_advise(struct ib_pd *pd, enum ib_uverbs_advise_mr_advice what, u32 flags,
		   const struct ib_sge *sges, u32 num)
{
	int advice = prefetch_advice(what), access, err = 0;
	struct odp_range *ranges;
	u32 i;

	if (advice < 0)
		return advice;
	if (flags & ~KNOWN_FLAGS)
		return -EOPNOTSUPP;
	access = advice & ODP_PREFETCH_WRITE ? IB_ACCESS_LOCAL_WRITE : 0;
	ranges = kvcalloc(num, sizeof(*ranges), GFP_KERNEL_ACCOUNT);
	if (!ranges)
		return -ENOMEM;
	for (i = 0; i < num && !err; i++)
		err = to_range(pd, &sges[i], access, &ranges[i]);
	if (err)
		i--;
	else if (flags & IB_UVERBS_ADVISE_MR_FLAG_FLUSH)
		err = prefetch_now(ranges, num, advice);
	else
		err = odp_prefetch_later(ranges, num, advice);
	put_ranges(ranges, i);
	return err;
}
