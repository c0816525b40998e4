/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checked transfers between memory of some kind at the requester, at the responder or at both, and
 * ordinary memory elsewhere; and the receives of a shared queue.
 *
 * Each transfer has mappings and regions of its own, so that each is a first use. Memory with a
 * file behind it is filled through the file: RDMA is then the first to touch the mapping.
 */
#ifndef TESTS_ODP_TRANSFER_H
#define TESTS_ODP_TRANSFER_H

#include "place.h"

enum { AT_REQUESTER = 1, AT_RESPONDER = 2, AT_BOTH = 3 };

/* side_name - "the requester" for AT_REQUESTER, and so on. */
const char *side_name(int where);
/* kind_at - @kind if @side is one of @where, else PLACE_PINNED. */
enum place_kind kind_at(int where, int side, enum place_kind kind);

/* struct transfer - memory for one; @x may be changed before it is run. */
struct transfer {
	struct mem src, dst;
	struct xfer x;
};

/* transfer_open - memory for @len bytes at odd places, with the rights that @code needs. */
void transfer_open(struct transfer *t, struct ep_pair *p, enum ibv_wr_opcode code,
		   enum place_kind kind, int where, size_t len);
void transfer_close(struct transfer *t);

/* transfer - open, run and close one, with @flags of IBV_SEND_*. */
void transfer(struct ep_pair *p, enum ibv_wr_opcode code, enum place_kind kind, int where,
	      size_t len, unsigned int flags);

/* srq_pair_open - a pair whose responder takes receives from a queue of its own, cfg->srq. */
void srq_pair_open(struct ep_pair *p, struct ep_cfg *cfg);
void srq_recv(struct ibv_srq *srq, struct ibv_sge *sge, uint64_t id);

#endif
