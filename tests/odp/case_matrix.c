// SPDX-License-Identifier: GPL-2.0
/*
 * data.*: every operation on every kind of memory, on demand at the requester, at the responder and
 * at both, at two path MTUs, with sizes around the edges of packets and pages.
 * Other operations and transports: kinds.*.
 */
#include <string.h>

#include "cases.h"
#include "transfer.h"

enum { GRH = 40, SLACK = 150 };
/* Rows say path MTU and operation in one number. */
enum { OP_UD = 20, OP_UNIT = 32 };

/* @c->arg: the kind of memory. */
static void reliable(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	cfg.mtu = c->arg2 / OP_UNIT;
	ep_need_mtu(cfg.mtu);
	ep_pair_open(&p, &cfg);

	size_t m = cfg.mtu, page = odp_page();
	size_t lens[] = { 0, 1, m - 1, m, m + 1, page - 1, page, page + 1, 2 * page + 17, 65537 };

	for (int where = 1; where <= 3; where++) {
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
			transfer(&p, c->arg2 % OP_UNIT, c->arg, where, lens[i], 0);
		if (where == 3 || odp_opts.full)
			transfer(&p, c->arg2 % OP_UNIT, c->arg, where, (2 << 20) + 13, 0);
	}
	ep_pair_close(&p);
}

/* One datagram from offset 3 of its buffer to offset 5 of the other. */
static void datagram(struct ep_pair *p, struct ibv_ah *ah, enum place_kind kind, int where,
		     size_t len)
{
	struct mem src, dst;
	struct ibv_sge ssge, rsge;
	struct op op = { .code = IBV_WR_SEND, .sge = &ssge, .nsge = 1, .id = 0xd9, .ah = ah,
			 .qpn = p->b.qp->qp_num, .qkey = p->b.cfg.qkey };
	struct ibv_wc wc;
	size_t end = 5 + GRH + len;

	t_where("datagram of %zu bytes with %s memory at %s", len, place_name(kind),
		side_name(where));
	mem_open(&src, p->a.dev, kind_at(where, AT_REQUESTER, kind), len + SLACK, t_rand(), 0,
		 true);
	mem_open(&dst, p->b.dev, kind_at(where, AT_RESPONDER, kind), len + SLACK, t_rand(),
		 IBV_ACCESS_LOCAL_WRITE, true);
	ssge = buf_sge(&src.b, 3, len);
	rsge = buf_sge(&dst.b, 5, GRH + len);
	ep_recv(&p->b, &rsge, 1, 0x4e);
	ep_post(&p->a, &op);
	cq_want(p->a.scq, IBV_WC_SUCCESS, 0xd9, "datagram");
	cq_poll(p->b.rcq, &wc, "datagram at the receiver");
	wc_want(&wc, IBV_WC_SUCCESS, "datagram at the receiver");
	t_check(wc.byte_len == GRH + len, "byte_len: got %u, expected %zu", wc.byte_len,
		GRH + len);
	buf_range(&dst.b, 0, 5, dst.b.seed, 0, "before the receive");
	buf_range(&dst.b, 5 + GRH, len, src.b.seed, 3, "message");
	buf_range(&dst.b, end, dst.b.len - end, dst.b.seed, end, "behind the message");
	buf_same(&src.b, "source");
	mem_close(&src);
	mem_close(&dst);
	t_where("%s", "");
}

static void unreliable(const struct t_case *c)
{
	struct ep_cfg cfg = ep_ud();
	struct ep_pair p;
	struct ibv_ah *ah;
	size_t m = c->arg2 / OP_UNIT;

	ep_need_mtu(m);
	if (!odp_claims(0, IBV_QPT_UD, IBV_ODP_SUPPORT_SEND | IBV_ODP_SUPPORT_RECV))
		t_skip("the device does not claim UD SEND and RECV on demand");
	ep_pair_open(&p, &cfg);
	ah = ep_make_ah(p.a.dev, p.a.dev->pd, &p.b.dev->gid);

	size_t lens[] = { 0, 1, 2, 255, 256, 1001, m / 2 + 3, m - 1, m };

	for (int where = 1; where <= 3; where++)
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
			datagram(&p, ah, c->arg, where, lens[i]);
	t_zero(ibv_destroy_ah(ah));
	ep_pair_close(&p);
}

static uint64_t word_at(const struct mem *m, size_t off)
{
	uint64_t v;

	memcpy(&v, m->b.p + off, 8);
	return v;
}

/* Everything of a buffer but the eight bytes at @off is as filled; they are filled again. */
static void around(const struct mem *m, size_t off, const char *who)
{
	pattern_fill(m->b.p + off, 8, m->b.seed, off);
	buf_same(&m->b, who);
}

/* One atomic on the word at @off of a fresh region; the result lands across a page edge. */
static void atomic(struct ep_pair *p, enum ibv_wr_opcode code, enum place_kind kind, int where,
		   size_t off)
{
	size_t page = odp_page(), roff = page - 3;
	uint64_t add = t_rand(), swap = t_rand(), before, after;
	struct mem target, result;
	struct ibv_sge sge;
	struct op op = { .code = code, .sge = &sge, .nsge = 1, .id = 0xa7, .swap = swap };

	t_where("%s at offset %zu with %s memory at %s", op_name(code), off, place_name(kind),
		side_name(where));
	mem_open(&target, p->b.dev, kind_at(where, AT_RESPONDER, kind), 3 * page, 0, RIGHTS_ALL,
		 true);
	mem_open(&result, p->a.dev, kind_at(where, AT_REQUESTER, kind), 2 * page, 0,
		 IBV_ACCESS_LOCAL_WRITE, true);
	pattern_fill(&before, 8, target.b.seed, off);
	op.add = code == IBV_WR_ATOMIC_CMP_AND_SWP && add % 4 ? before : add;
	after = code == IBV_WR_ATOMIC_FETCH_AND_ADD ? before + add :
		op.add == before ? swap : before;
	sge = buf_sge(&result.b, roff, 8);
	op.raddr = buf_sge(&target.b, off, 8).addr;
	op.rkey = target.b.mr->rkey;
	ep_post(&p->a, &op);
	cq_want(p->a.scq, IBV_WC_SUCCESS, 0xa7, op_name(code));
	t_check(word_at(&target, off) == after, "value left: got %#lx, expected %#lx",
		word_at(&target, off), after);
	t_check(word_at(&result, roff) == before, "value returned: got %#lx, expected %#lx",
		word_at(&result, roff), before);
	around(&target, off, "target");
	around(&result, roff, "result");
	mem_close(&target);
	mem_close(&result);
	t_where("%s", "");
}

static void atomics(const struct t_case *c)
{
	size_t page = odp_page();
	size_t offs[] = { 0, 8, page - 8, page, 2 * page - 8, 2 * page + 1000, 3 * page - 8 };
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	cfg.mtu = c->arg2 / OP_UNIT;
	ep_need_mtu(cfg.mtu);
	ep_pair_open(&p, &cfg);
	for (int where = 1; where <= 3; where++)
		for (size_t i = 0; i < sizeof(offs) / sizeof(offs[0]); i++)
			atomic(&p, c->arg2 % OP_UNIT, c->arg, where, offs[i]);
	ep_pair_close(&p);
}

#define ROW(name, op, fn, kind, m, code)						\
	{ "data." name "." op ".mtu" #m, fn, kind, (m) * OP_UNIT + (code), 60 }

#define MTU(name, kind, m)								\
	ROW(name, "send", reliable, kind, m, IBV_WR_SEND),				\
	ROW(name, "write", reliable, kind, m, IBV_WR_RDMA_WRITE),			\
	ROW(name, "write_imm", reliable, kind, m, IBV_WR_RDMA_WRITE_WITH_IMM),		\
	ROW(name, "read", reliable, kind, m, IBV_WR_RDMA_READ),				\
	ROW(name, "fetch_add", atomics, kind, m, IBV_WR_ATOMIC_FETCH_AND_ADD),		\
	ROW(name, "cmp_swap", atomics, kind, m, IBV_WR_ATOMIC_CMP_AND_SWP),		\
	ROW(name, "ud", unreliable, kind, m, OP_UD)

#define KIND(name, kind)	MTU(name, kind, 1024), MTU(name, kind, 4096)

const struct t_case cases_matrix[] = {
	PLACE_EACH(KIND),
	{ }
};
