// SPDX-License-Identifier: GPL-2.0
/* FLUSH and ATOMIC WRITE by the calls of libibverbs; see placed.h. */
#include "placed.h"
#include "xfer.h"

#ifdef HAVE_IBV_WR_FLUSH
static const uint64_t ops = IBV_QP_EX_WITH_FLUSH | IBV_QP_EX_WITH_ATOMIC_WRITE;
static const bool has_calls = true;

int placed_rights(unsigned int types)
{
	return (types & PLACED_GLOBAL ? IBV_ACCESS_FLUSH_GLOBAL : 0) |
	       (types & PLACED_PERSISTENT ? IBV_ACCESS_FLUSH_PERSISTENT : 0);
}

static struct ibv_qp_ex *begin(struct ep *e, uint64_t id)
{
	ibv_wr_start(e->qpx);
	e->qpx->wr_id = id;
	e->qpx->wr_flags = IBV_SEND_SIGNALED;
	return e->qpx;
}

void placed_flush(struct ep *e, uint32_t rkey, uint64_t addr, size_t len, unsigned int type,
		  unsigned int level, uint64_t id)
{
	ibv_wr_flush(begin(e, id), rkey, addr, len,
		     type == PLACED_GLOBAL ? IBV_FLUSH_GLOBAL : IBV_FLUSH_PERSISTENT,
		     level == PLACED_MR ? IBV_FLUSH_MR : IBV_FLUSH_RANGE);
	t_zero(ibv_wr_complete(e->qpx));
}

void placed_word(struct ep *e, uint32_t rkey, uint64_t addr, uint64_t word, uint64_t id)
{
	ibv_wr_atomic_write(begin(e, id), rkey, addr, &word);
	t_zero(ibv_wr_complete(e->qpx));
}
#else
static const uint64_t ops;
static const bool has_calls;

int placed_rights(unsigned int types)
{
	(void)types;
	return 0;
}

void placed_flush(struct ep *e, uint32_t rkey, uint64_t addr, size_t len, unsigned int type,
		  unsigned int level, uint64_t id)
{
	t_fail("no FLUSH: QP %p, key %#x, %zu bytes at %#lx, type %u, level %u, id %#lx",
	       (void *)e->qp, rkey, len, addr, type, level, id);
}

void placed_word(struct ep *e, uint32_t rkey, uint64_t addr, uint64_t word, uint64_t id)
{
	t_fail("no ATOMIC WRITE: QP %p, key %#x, %#lx to %#lx, id %#lx", (void *)e->qp, rkey, word,
	       addr, id);
}
#endif

void placed_need(uint64_t caps)
{
	if (!has_calls)
		t_skip("this release of libibverbs has no calls for it");
	if ((device_flags(1) & caps) != caps)
		t_skip("the device does not claim %#lx of FLUSH and ATOMIC WRITE", caps);
}

void placed_open(struct ep_pair *p, struct ep_cfg *cfg, unsigned int types)
{
	cfg->access |= placed_rights(types);
	cfg->send_ops = ops;
	ep_pair_open(p, cfg);
}
