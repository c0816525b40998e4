// SPDX-License-Identifier: GPL-2.0
/*
 * Memory windows as verbs: only their birth and death. They are bound and unbound by work requests.
 */
#include <linux/err.h>

#include "../mem/mem.h"
#include "udata.h"
#include "verbs.h"

struct rxe_mw {
	struct ib_mw ib;
	struct rxe_mr *window;
};

static struct rxe_mw *rxe_mw(struct ib_mw *ib)
{
	return container_of(ib, struct rxe_mw, ib);
}

static int alloc_mw(struct ib_mw *ib, struct ib_udata *udata)
{
	struct rxe_mr *window;
	int err;

	err = rxe_udata_check(udata, 0);
	if (err)
		return err;
	window = rxe_mw_alloc(ib->pd, ib->type);
	if (IS_ERR(window))
		return PTR_ERR(window);
	rxe_mw(ib)->window = window;
	ib->rkey = window->key;
	return 0;
}

static int dealloc_mw(struct ib_mw *ib)
{
	rxe_mr_destroy(rxe_mw(ib)->window);
	return 0;
}

const struct ib_device_ops rxe_mw_verbs_ops = {
	.alloc_mw = alloc_mw,
	.dealloc_mw = dealloc_mw,

	INIT_RDMA_OBJ_SIZE(ib_mw, rxe_mw, ib),
};
