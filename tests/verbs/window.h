/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory windows for the cases: a rig of two ends with a region at the responder's, and the steps
 * in the life of a window on it.
 */
#ifndef TESTS_VERBS_WINDOW_H
#define TESTS_VERBS_WINDOW_H

#include "xfer.h"

enum {
	WINDOW_RIGHTS = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
			IBV_ACCESS_REMOTE_ATOMIC,
	/* A region that is all the window's: no remote right of its own. */
	REGION_RIGHTS = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_MW_BIND,
};

struct mw_rig {
	struct ep_pair p;
	struct buf local, region;
};

void mw_rig_open(struct mw_rig *r);
void mw_rig_close(struct mw_rig *r);

struct ibv_mw *mw_open(struct ibv_pd *pd, enum ibv_mw_type type);

/* mw_next_key - the key with the next variant. */
uint32_t mw_next_key(uint32_t rkey);

/* mw_op - the work request that binds @len bytes from @addr on of @mr, under the next key. */
struct op mw_op(struct ibv_mw *mw, struct ibv_mr *mr, uint64_t addr, uint64_t len, int access);

/* mw_bind - do it by @e, successfully. mw->rkey is the key then. */
void mw_bind(struct ep *e, struct ibv_mw *mw, struct ibv_mr *mr, uint64_t addr, uint64_t len,
	     int access);

/* mw_unbind - end the binding by @e: type 1 by length 0, type 2 by LOCAL_INV. */
void mw_unbind(struct ep *e, struct ibv_mw *mw);

/* mw_fails - @op by @e completes with @status, and the pair is connected again. */
void mw_fails(struct ep_pair *p, struct ep *e, const struct op *op, enum ibv_wc_status status);

/* mw_accepts - @len bytes at @raddr can be accessed by @code, and come or go to byte @at. */
void mw_accepts(struct mw_rig *r, enum ibv_wr_opcode code, uint64_t raddr, uint32_t rkey,
		size_t at, size_t len);

/* mw_refuses - they cannot, nothing changes, and the pair is connected again. */
void mw_refuses(struct mw_rig *r, enum ibv_wr_opcode code, uint64_t raddr, uint32_t rkey,
		size_t len);

#endif
