// SPDX-License-Identifier: GPL-2.0
/* Transfers between kinds of memory; see transfer.h. */
#include <errno.h>
#include <string.h>

#include "transfer.h"

enum { SLACK = 150 };

const char *side_name(int where)
{
	static const char *const names[] = { "no side", "the requester", "the responder",
					     "both sides" };

	return names[where];
}

enum place_kind kind_at(int where, int side, enum place_kind kind)
{
	return where & side ? kind : PLACE_PINNED;
}

void transfer_open(struct transfer *t, struct ep_pair *p, enum ibv_wr_opcode code,
		   enum place_kind kind, int where, size_t len)
{
	bool read = code == IBV_WR_RDMA_READ;
	bool write = code == IBV_WR_RDMA_WRITE || code == IBV_WR_RDMA_WRITE_WITH_IMM;
	struct ep_dev *from = read ? p->b.dev : p->a.dev, *to = read ? p->a.dev : p->b.dev;

	t->x = (struct xfer){ code, &t->src.b, &t->dst.b, 1 + t_rand() % 70, 1 + t_rand() % 70,
			      len, 0 };
	mem_open(&t->src, from, kind_at(where, read ? AT_RESPONDER : AT_REQUESTER, kind),
		 len + SLACK, t_rand(), read ? IBV_ACCESS_REMOTE_READ : 0, true);
	mem_open(&t->dst, to, kind_at(where, read ? AT_REQUESTER : AT_RESPONDER, kind),
		 len + SLACK, t_rand(),
		 IBV_ACCESS_LOCAL_WRITE | (write ? IBV_ACCESS_REMOTE_WRITE : 0), true);
}

void transfer_close(struct transfer *t)
{
	mem_close(&t->src);
	mem_close(&t->dst);
}

void transfer(struct ep_pair *p, enum ibv_wr_opcode code, enum place_kind kind, int where,
	      size_t len, unsigned int flags)
{
	struct transfer t;

	t_where("%s of %zu bytes with %s memory at %s", op_name(code), len, place_name(kind),
		side_name(where));
	transfer_open(&t, p, code, kind, where, len);
	t.x.flags = flags;
	xfer_run(p, &t.x);
	transfer_close(&t);
	t_where("%s", "");
}

void srq_pair_open(struct ep_pair *p, struct ep_cfg *cfg)
{
	struct ibv_srq_init_attr attr = { .attr = { .max_wr = 4, .max_sge = 1 } };

	ep_open(&p->a, 0, cfg);
	cfg->srq = ibv_create_srq(ep_dev(1)->pd, &attr);
	t_check(cfg->srq, "ibv_create_srq: %s", strerror(errno));
	ep_open(&p->b, 1, cfg);
	ep_pair_connect(p);
}

void srq_recv(struct ibv_srq *srq, struct ibv_sge *sge, uint64_t id)
{
	struct ibv_recv_wr wr = { .wr_id = id, .sg_list = sge, .num_sge = 1 }, *bad;

	t_zero(ibv_post_srq_recv(srq, &wr, &bad));
}
