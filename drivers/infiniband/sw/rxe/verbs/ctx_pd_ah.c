// SPDX-License-Identifier: GPL-2.0
/*
 * The small objects: contexts, protection domains and address handles.
 *
 * A context and a protection domain hold nothing of ours: a context is what ring mappings belong to
 * (base/mmap.h), a domain is the identity that regions, queue pairs and address handles share, and
 * the core keeps it alive as long as any of those exists.
 *
 * An address handle is of one of two kinds. A program names it by a number, in a work request that
 * it may change at any time, so it lives in a table and a send holds it while it looks at it. A
 * kernel consumer passes the pointer and keeps the handle until its sends have completed; it may
 * create and destroy it in atomic context, where no table could be changed.
 */
#include <linux/random.h>
#include <rdma/rxe_abi.h>

#include "../base/dev.h"
#include "../base/mmap.h"
#include "../qp/ah.h"
#include "udata.h"
#include "verbs.h"

struct rxe_pd {
	struct ib_pd ib;
};

static int alloc_ucontext(struct ib_ucontext *uctx, struct ib_udata *udata)
{
	return rxe_udata_check(udata, 0);
}

static void dealloc_ucontext(struct ib_ucontext *uctx)
{
}

/*
 * The device goes, or moves to another namespace, while the process keeps the context open. The
 * core destroys every object of it first. What the process still has mapped are the rings' pages,
 * plain memory of which the mapping holds references, without a register or a doorbell in it:
 * nothing to take away, nothing that a store could reach.
 */
static void disassociate_ucontext(struct ib_ucontext *uctx)
{
}

static int alloc_pd(struct ib_pd *pd, struct ib_udata *udata)
{
	return rxe_udata_check(udata, 0);
}

static int dealloc_pd(struct ib_pd *pd, struct ib_udata *udata)
{
	return 0;
}

/* Spreads the flows of different handles; those of one keep their order. */
static int init_ah(struct rxe_ah *ah, const struct rdma_ah_attr *attr, gfp_t gfp)
{
	ah->attr = *attr;
	ah->attr.grh.sgid_attr = NULL;
	return rxe_path_init(&ah->path, attr, get_random_u32(), gfp);
}

static int create_ah(struct ib_ah *ib, struct rdma_ah_init_attr *init, struct ib_udata *udata)
{
	bool sleepable = init->flags & RDMA_CREATE_AH_SLEEPABLE;

	return init_ah(rxe_ah(ib), init->ah_attr, sleepable ? GFP_KERNEL : GFP_ATOMIC);
}

/* The answer goes out before the handle can be found: after that nothing may fail. */
static int create_user_ah(struct ib_ah *ib, struct rdma_ah_init_attr *init, struct ib_udata *udata)
{
	struct rxe_idtab *ahs = &rxe_dev(ib->device)->ahs;
	struct rxe_create_ah_resp resp = {};
	struct rxe_ah *ah = rxe_ah(ib);
	int err;

	err = rxe_udata_check(udata, sizeof(resp));
	if (err) {
		ibdev_dbg(ib->device, "create_ah: the library does not take AH numbers\n");
		return err;
	}
	ah->handle = rxe_idtab_reserve(ahs, ah);
	if (IS_ERR(ah->handle))
		return PTR_ERR(ah->handle);
	err = init_ah(ah, init->ah_attr, GFP_KERNEL);
	if (err)
		goto err_handle;
	resp.ah_num = ah->handle->id;
	err = rxe_udata_respond(udata, &resp, sizeof(resp));
	if (err)
		goto err_path;
	rxe_idtab_publish(ahs, ah->handle);
	return 0;

err_path:
	rxe_path_destroy(&ah->path);
err_handle:
	rxe_idtab_retire(ahs, ah->handle);
	return err;
}

static int query_ah(struct ib_ah *ib, struct rdma_ah_attr *attr)
{
	*attr = rxe_ah(ib)->attr;
	return 0;
}

static int destroy_ah(struct ib_ah *ib, u32 flags)
{
	struct rxe_ah *ah = rxe_ah(ib);

	/* Holders are sends that copy an address, or look at the path for one message. */
	if (ah->handle)
		rxe_idtab_retire(&rxe_dev(ib->device)->ahs, ah->handle);
	rxe_path_destroy(&ah->path);
	return 0;
}

const struct ib_device_ops rxe_ctx_ops = {
	.alloc_pd = alloc_pd,
	.alloc_ucontext = alloc_ucontext,
	.create_ah = create_ah,
	.create_user_ah = create_user_ah,
	.dealloc_pd = dealloc_pd,
	.dealloc_ucontext = dealloc_ucontext,
	.destroy_ah = destroy_ah,
	.disassociate_ucontext = disassociate_ucontext,
	.mmap = rxe_mmap,
	.mmap_free = rxe_mmap_free,
	.query_ah = query_ah,

	INIT_RDMA_OBJ_SIZE(ib_ah, rxe_ah, ib),
	INIT_RDMA_OBJ_SIZE(ib_pd, rxe_pd, ib),
	INIT_RDMA_OBJ_SIZE(ib_ucontext, rxe_ucontext, ib),
};
