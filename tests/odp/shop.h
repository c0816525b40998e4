/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A child in a memory cgroup (group.h) with a region for its parent to work on, larger than what
 * the group may have in memory.
 *
 * Words: a "chunk" is a megabyte of that region, with a stream of its own.
 */
#ifndef TESTS_ODP_SHOP_H
#define TESTS_ODP_SHOP_H

#include "crew.h"
#include "xfer.h"

enum { CHUNK = 1 << 20 };

struct shop {
	int chunks;
	/* What the child does before it tells of the region, with its device; or NULL. */
	void (*first)(struct shop *s, struct ep_dev *dev);
	int fd;			/* for that */
	struct ep_peer at;
	uint64_t addr;
	uint32_t rkey;
};

/*
 * shop_open - start the child @kid in the group, connect @e to it, with @b for a chunk. The child
 * takes a step for each WRITE and each READ of a chunk, looks at all, a step each, and ends with
 * another step.
 */
void shop_open(struct shop *s, struct crew *kid, struct ep *e, struct buf *b);

/* shop_op - @code of chunk @i, to or from @b: how it ended. */
enum ibv_wc_status shop_op(struct ep *e, struct buf *b, const struct shop *s, int i,
			   enum ibv_wr_opcode code);

/* chunk_seed - the stream of chunk @i. */
uint64_t chunk_seed(int i);

#endif
