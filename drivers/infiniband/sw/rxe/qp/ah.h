/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address handles: an address vector with an owner. Made and destroyed in verbs/, used by UD sends.
 */
#ifndef RXE_QP_AH_H
#define RXE_QP_AH_H

#include <rdma/ib_verbs.h>

#include "../base/idtab.h"
#include "../net/net.h"

/**
 * struct rxe_ah - an address handle
 * @ib: the core's part; must be first
 * @handle: entry in the device's table, for user AHs; NULL for kernel ones, which are passed by
 *	pointer and kept by their owner until the sends that use them complete
 * @path: where to; constant
 * @attr: as given, for query_ah; its GID attribute is not ours to keep
 */
struct rxe_ah {
	struct ib_ah ib;
	struct rxe_handle *handle;
	struct rxe_path path;
	struct rdma_ah_attr attr;
};

static inline struct rxe_ah *rxe_ah(struct ib_ah *ib)
{
	return container_of(ib, struct rxe_ah, ib);
}

#endif
