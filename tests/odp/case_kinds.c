// SPDX-License-Identifier: GPL-2.0
/*
 * kinds.*: on every kind of memory, what data.* has not: unreliable connections, receives of a
 * shared queue, inline data, ATOMIC WRITE, FLUSH, and memory windows. With two path MTUs where
 * there are packets.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "cases.h"
#include "placed.h"
#include "transfer.h"
#include "window.h"

enum { ID = 0x41d, RID = 0x41e, INLINE = 64 };

/* Rows say path MTU and operation, or type of window, in one number; path MTU 0: the port's. */
enum { OP_UNIT = 32 };

#define COUNT(list)	(sizeof(list) / sizeof((list)[0]))

/* The path MTU of a row, in @cfg. */
static size_t row_mtu(const struct t_case *c, struct ep_cfg *cfg)
{
	if (c->arg2 >= OP_UNIT)
		cfg->mtu = c->arg2 / OP_UNIT;
	ep_need_mtu(cfg->mtu);
	return cfg->mtu;
}

/* A message fits into what a QP keeps while a page comes: nothing else holds its sender back. */
static void unreliable(const struct t_case *c)
{
	struct ep_cfg cfg = ep_uc();
	size_t m = row_mtu(c, &cfg), page = odp_page();
	size_t lens[] = { 0, 1, m - 1, m + 1, page, page + 1, 65537 };
	struct ep_pair p;

	ep_pair_open(&p, &cfg);
	for (int where = AT_REQUESTER; where <= AT_BOTH; where++)
		for (size_t i = 0; i < COUNT(lens); i++)
			transfer(&p, c->arg2 % OP_UNIT, c->arg, where, lens[i], 0);
	ep_pair_close(&p);
}

/* Inline data are read by the CPU, when they are posted; what matters is where they land. */
static void inlined(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	cfg.inline_bytes = INLINE;
	ep_pair_open(&p, &cfg);
	for (size_t len = 0; len <= INLINE; len += len < 9 ? 1 : 11)
		transfer(&p, c->arg2 % OP_UNIT, c->arg, AT_RESPONDER, len, IBV_SEND_INLINE);
	ep_pair_close(&p);
}

/* One SEND to a receive of the shared queue. */
static void to_shared(struct ep_pair *p, const struct ep_cfg *cfg, enum place_kind kind, int where,
		      size_t len)
{
	struct ibv_sge from, into;
	struct op send = { .code = IBV_WR_SEND, .sge = &from, .nsge = 1, .id = ID };
	struct transfer t;
	struct ibv_wc wc;

	t_where("%zu bytes with %s memory at %s", len, place_name(kind), side_name(where));
	transfer_open(&t, p, IBV_WR_SEND, kind, where, len);
	from = buf_sge(&t.src.b, t.x.so, len);
	into = buf_sge(&t.dst.b, t.x.dof, len);
	srq_recv(cfg->srq, &into, RID);
	ep_post(&p->a, &send);
	cq_poll(p->b.rcq, &wc, "receive of the shared queue");
	wc_want(&wc, IBV_WC_SUCCESS, "receive of the shared queue");
	t_check(wc.wr_id == RID && wc.byte_len == len,
		"receive: got wr_id %#lx byte_len %u, expected %#x %zu", wc.wr_id, wc.byte_len,
		RID, len);
	cq_want(p->a.scq, IBV_WC_SUCCESS, ID, "SEND");
	buf_expect(&t.dst.b, t.x.dof, len, t.src.b.seed, t.x.so, "destination");
	buf_same(&t.src.b, "source");
	transfer_close(&t);
	t_where("%s", "");
}

static void shared_queue(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	size_t m = row_mtu(c, &cfg), page = odp_page();
	size_t lens[] = { 0, 1, m, m + 1, 2 * page + 17, 65537 };
	struct ep_pair p;

	srq_pair_open(&p, &cfg);
	for (int where = AT_REQUESTER; where <= AT_BOTH; where++)
		for (size_t i = 0; i < COUNT(lens); i++)
			to_shared(&p, &cfg, c->arg, where, lens[i]);
	ep_pair_close(&p);
	t_zero(ibv_destroy_srq(cfg.srq));
}

/* Each word into memory of its own that RDMA is the first to touch, and alone. */
static void words(const struct t_case *c)
{
	size_t page = odp_page();
	size_t offs[] = { 0, 8, page - 8, page, 2 * page + 1000, 3 * page - 8 };
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	placed_need(PLACED_CAP_WORD);
	placed_open(&p, &cfg, 0);
	for (size_t i = 0; i < COUNT(offs); i++) {
		uint64_t seed = t_rand(), word;
		struct mem m;

		t_where("word at %zu", offs[i]);
		mem_open(&m, p.b.dev, c->arg, 3 * page, 0, RIGHTS_ALL, true);
		pattern_fill(&word, 8, seed, 0);
		placed_word(&p.a, m.b.mr->rkey, buf_sge(&m.b, offs[i], 8).addr, word, ID);
		cq_want(p.a.scq, IBV_WC_SUCCESS, ID, "ATOMIC WRITE");
		buf_expect(&m.b, offs[i], 8, seed, 0, "target");
		mem_close(&m);
	}
	ep_pair_close(&p);
}

/* A WRITE to pages that nobody touched, and a FLUSH behind it: when that is done, both are. */
static void flushed(struct ep_pair *p, enum place_kind kind, unsigned int level, size_t len)
{
	const size_t at = 4091, from = 5;
	struct ibv_sge sge;
	struct op op = { .code = IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1, .id = ID };
	struct mem to;
	struct buf src;

	t_where("%zu bytes, flush level %u", len, level);
	buf_open(&src, p->a.dev, from + len + 9, 37, RIGHTS_ALL);
	mem_open(&to, p->b.dev, kind, at + len + 100, 1234,
		 RIGHTS_ALL | placed_rights(PLACED_GLOBAL), true);
	sge = buf_sge(&src, from, len);
	op.raddr = buf_sge(&to.b, at, len).addr;
	op.rkey = to.b.mr->rkey;
	ep_post(&p->a, &op);
	placed_flush(&p->a, op.rkey, op.raddr, len, PLACED_GLOBAL, level, ID + 1);
	cq_want(p->a.scq, IBV_WC_SUCCESS, ID, "WRITE");
	cq_want(p->a.scq, IBV_WC_SUCCESS, ID + 1, "FLUSH");
	buf_expect(&to.b, at, len, src.seed, from, "what was flushed");
	mem_close(&to);
	buf_close(&src);
}

static void flushes(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	size_t m = row_mtu(c, &cfg), lens[] = { 1, m + 1, 50001 };
	struct ep_pair p;

	placed_need(PLACED_CAP_GLOBAL);
	placed_open(&p, &cfg, PLACED_GLOBAL);
	for (size_t i = 0; i < COUNT(lens); i++) {
		flushed(&p, c->arg, PLACED_RANGE, lens[i]);
		flushed(&p, c->arg, PLACED_MR, lens[i]);
	}
	ep_pair_close(&p);
}

enum { REGION = 30000, SKEW = 4001, FROM = 3333, LEN = 20001 };

/* What the window works on: ordinary memory at the requester, a region all the window's beyond. */
struct glazed {
	struct mw_rig r;
	struct mem m;
	struct ibv_mw *mw;
};

static uint64_t at_byte(const struct glazed *g, size_t off)
{
	return buf_sge(&g->r.region, off, 1).addr;
}

static void glazed_open(struct glazed *g, const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();

	row_mtu(c, &cfg);
	ep_pair_open(&g->r.p, &cfg);
	buf_open(&g->r.local, g->r.p.a.dev, REGION, 77, IBV_ACCESS_LOCAL_WRITE);
	mem_open(&g->m, g->r.p.b.dev, c->arg, REGION, SKEW, REGION_RIGHTS, true);
	g->r.region = g->m.b;
	g->mw = mw_open(g->r.p.b.dev->pd, c->arg2 % OP_UNIT);
}

/* Reading first: of memory with a file, RDMA is then the first to touch it. */
static void through(struct glazed *g)
{
	static const enum ibv_wr_opcode codes[] = {
		IBV_WR_RDMA_READ, IBV_WR_RDMA_WRITE, IBV_WR_RDMA_WRITE_WITH_IMM,
		IBV_WR_ATOMIC_FETCH_AND_ADD,
	};
	size_t at = FROM + (8 - at_byte(g, FROM) % 8) % 8;

	for (size_t i = 0; i < COUNT(codes); i++)
		mw_accepts(&g->r, codes[i], at_byte(g, at), g->mw->rkey, at, LEN - 7);
}

/* Other pages with other content: the CPU's, or the file's. */
static void replace(struct glazed *g)
{
	struct buf *b = &g->m.b;

	t_check(!madvise(b->map, b->map_len, MADV_DONTNEED), "MADV_DONTNEED: %s", strerror(errno));
	if (place_has_file(&g->m.pl))
		mem_write_behind(&g->m);
	else
		buf_refill(b);
	g->r.region.seed = b->seed;
}

static void refused(struct glazed *g, uint32_t rkey)
{
	mw_refuses(&g->r, IBV_WR_RDMA_READ, at_byte(g, FROM), rkey, LEN);
	mw_refuses(&g->r, IBV_WR_RDMA_WRITE, at_byte(g, FROM), rkey, LEN);
}

/* Bound, used, the memory replaced, used again, unbound; all of it by way of the window's key. */
static void window(const struct t_case *c)
{
	struct mr_stats before, after;
	struct glazed g;
	uint32_t bound;

	odp_needed();
	glazed_open(&g, c);
	for (int round = 0; round < 2; round++) {
		t_where("round %d", round);
		mw_bind(&g.r.p.b, g.mw, g.r.region.mr, at_byte(&g, FROM), LEN, WINDOW_RIGHTS);
		through(&g);
		before = mr_stats(g.r.p.b.dev, g.r.region.mr);
		t_where("round %d, other pages", round);
		replace(&g);
		through(&g);
		after = mr_stats(g.r.p.b.dev, g.r.region.mr);
		t_check(after.faults > before.faults && after.invalidations > before.invalidations,
			"%lu page_faults and %lu page_invalidations, before %lu and %lu",
			after.faults, after.invalidations, before.faults, before.invalidations);
		t_where("round %d, unbound", round);
		bound = g.mw->rkey;
		mw_unbind(&g.r.p.b, g.mw);
		refused(&g, bound);
		refused(&g, g.mw->rkey);
	}
	t_zero(ibv_dealloc_mw(g.mw));
	ep_pair_close(&g.r.p);
	buf_close(&g.r.local);
	mem_close(&g.m);
}

#define ROW(name, op, fn, kind, m, code)						\
	{ "kinds." name "." op ".mtu" #m, fn, kind, (m) * OP_UNIT + (code), 60 }

#define MTU(name, kind, m)								\
	ROW(name, "uc_send", unreliable, kind, m, IBV_WR_SEND),				\
	ROW(name, "uc_write", unreliable, kind, m, IBV_WR_RDMA_WRITE),			\
	ROW(name, "shared_queue", shared_queue, kind, m, 0),				\
	ROW(name, "flush", flushes, kind, m, 0),					\
	ROW(name, "window1", window, kind, m, IBV_MW_TYPE_1),				\
	ROW(name, "window2", window, kind, m, IBV_MW_TYPE_2)

#define KIND(name, kind)								\
	MTU(name, kind, 1024), MTU(name, kind, 4096),					\
	{ "kinds." name ".inline_send", inlined, kind, IBV_WR_SEND, 60 },		\
	{ "kinds." name ".inline_write", inlined, kind, IBV_WR_RDMA_WRITE, 60 },	\
	{ "kinds." name ".atomic_write", words, kind, 0, 60 }

const struct t_case cases_kinds[] = {
	PLACE_EACH(KIND),
	{ }
};
