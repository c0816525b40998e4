// SPDX-License-Identifier: GPL-2.0
/*
 * Every operation between a dma-buf and other memory, and between two dma-bufs, of every exporter
 * that there is.
 */
#include <errno.h>
#include <string.h>

#include "cases.h"
#include "dbuf.h"
#include "window.h"

enum { ID = 0xdb0f, LEN = 9000 };

/* Which of the two ends is a dma-buf. */
enum where { LOCAL = 1, REMOTE = 2, BOTH = 3 };

static void open_end(struct dbuf *d, struct buf **b, bool dmabuf, enum dbuf_kind kind,
		     struct ep_dev *dev, size_t len, size_t skew)
{
	if (dmabuf) {
		dbuf_open(d, kind, dev, len, skew, RIGHTS_ALL);
	} else {
		memset(d, 0, sizeof(*d));
		buf_open(&d->b, dev, len, skew, RIGHTS_ALL);
		d->fd = -1;
	}
	*b = &d->b;
}

static void close_end(struct dbuf *d)
{
	if (d->fd >= 0)
		dbuf_close(d);
	else
		buf_close(&d->b);
}

static void one_size(struct ep_pair *p, enum dbuf_kind kind, enum ibv_wr_opcode code,
		     enum where where, size_t len)
{
	bool read = code == IBV_WR_RDMA_READ;
	enum where from = read ? REMOTE : LOCAL;
	struct xfer x = { .code = code, .so = 1 + t_rand() % 70, .dof = 1 + t_rand() % 70,
			  .len = len };
	struct dbuf src, dst;

	t_where("%s, %zu bytes, dma-buf at end %d", op_name(code), len, where);
	open_end(&src, &x.src, where & from, kind, read ? p->b.dev : p->a.dev, len + 150,
		 t_rand());
	open_end(&dst, &x.dst, where & ~from, kind, read ? p->a.dev : p->b.dev, len + 150,
		 t_rand());
	xfer_run(p, &x);
	close_end(&src);
	close_end(&dst);
}

static void run_sizes(const struct t_case *c)
{
	static const enum ibv_wr_opcode codes[] = {
		IBV_WR_SEND, IBV_WR_SEND_WITH_IMM, IBV_WR_RDMA_WRITE, IBV_WR_RDMA_WRITE_WITH_IMM,
		IBV_WR_RDMA_READ,
	};
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	ep_pair_open(&p, &cfg);
	size_t sizes[] = { 1, 7, 4095, 4097, p.a.cfg.mtu, 3 * p.a.cfg.mtu + 77, 100003 };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++)
			for (enum where where = LOCAL; where <= BOTH; where++)
				one_size(&p, c->arg, codes[i], where, sizes[n]);
	ep_pair_close(&p);
}

static void run_uc(const struct t_case *c)
{
	struct ep_cfg cfg = ep_uc();
	struct ep_pair p;

	ep_pair_open(&p, &cfg);
	for (enum where where = LOCAL; where <= BOTH; where++) {
		one_size(&p, c->arg, IBV_WR_SEND, where, 5001);
		one_size(&p, c->arg, IBV_WR_RDMA_WRITE, where, 5003);
	}
	ep_pair_close(&p);
}

static uint64_t word_at(const struct buf *b, size_t off)
{
	uint64_t word;

	memcpy(&word, b->p + off, 8);
	return word;
}

/* @off: of the word at the remote end. What was there comes to byte 16 of the local one. */
static void one_atomic(struct ep_pair *p, struct dbuf *local, struct dbuf *remote,
		       enum ibv_wr_opcode code, size_t off)
{
	uint64_t before = word_at(&remote->b, off), after;
	struct ibv_sge sge = buf_sge(&local->b, 16, 8);
	struct op op = {
		.code = code, .sge = &sge, .nsge = 1, .id = ID,
		.raddr = (uintptr_t)remote->b.p + off, .rkey = remote->mr.rkey,
		.add = code == IBV_WR_ATOMIC_CMP_AND_SWP ? before : 0x1234567890abcdefULL,
		.swap = ~before,
	};

	t_where("%s at %zu", op_name(code), off);
	ep_post(&p->a, &op);
	cq_want(p->a.scq, IBV_WC_SUCCESS, ID, "atomic");
	after = code == IBV_WR_ATOMIC_CMP_AND_SWP ? op.swap : before + op.add;
	t_check(word_at(&remote->b, off) == after, "the word is %#lx, expected %#lx",
		word_at(&remote->b, off), after);
	t_check(word_at(&local->b, 16) == before, "the old value is %#lx, expected %#lx",
		word_at(&local->b, 16), before);
	/* Put back, so that everything else can be compared. */
	memcpy(remote->b.p + off, &before, 8);
	pattern_fill(local->b.p + 16, 8, local->b.seed, 16);
	buf_same(&remote->b, "remote");
	buf_same(&local->b, "local");
}

static void run_atomic(const struct t_case *c)
{
	static const size_t at[] = { 0, 8, 4096 - 16, 4096 - 8, 4096, LEN - 8 };
	struct ep_cfg cfg = ep_rc();
	struct dbuf local, remote;
	struct ep_pair p;

	ep_pair_open(&p, &cfg);
	dbuf_open(&local, c->arg, p.a.dev, 100, 24, RIGHTS_ALL);
	dbuf_open(&remote, c->arg, p.b.dev, LEN, 8, RIGHTS_ALL);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		one_atomic(&p, &local, &remote, IBV_WR_ATOMIC_FETCH_AND_ADD, at[i]);
		one_atomic(&p, &local, &remote, IBV_WR_ATOMIC_CMP_AND_SWP, at[i]);
	}
	dbuf_close(&local);
	dbuf_close(&remote);
	ep_pair_close(&p);
}

#ifdef HAVE_IBV_WR_FLUSH
#define PLACE_CAPS	(1ULL << 38 | 1ULL << 40)
#define FLUSH_GLOBAL	(1 << 8)

static void post_word(struct ep_pair *p, const struct dbuf *d, size_t off, uint64_t value)
{
	struct ibv_qp_ex *qp = p->a.qpx;

	ibv_wr_start(qp);
	qp->wr_id = ID;
	qp->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_atomic_write(qp, d->mr.rkey, (uintptr_t)d->b.p + off, &value);
	t_zero(ibv_wr_complete(qp));
	cq_want(p->a.scq, IBV_WC_SUCCESS, ID, "ATOMIC WRITE");
}

static void post_flush(struct ep_pair *p, const struct dbuf *d, enum ibv_wc_status status)
{
	struct ibv_qp_ex *qp = p->a.qpx;

	ibv_wr_start(qp);
	qp->wr_id = ID;
	qp->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_flush(qp, d->mr.rkey, (uintptr_t)d->b.p, d->b.len, IBV_FLUSH_GLOBAL,
		     IBV_FLUSH_RANGE);
	t_zero(ibv_wr_complete(qp));
	cq_want(p->a.scq, status, ID, "FLUSH");
	if (status)
		ep_pair_again(p);
}

/* The call for dma-bufs knows no such right; registering again does. */
static void run_place(const struct t_case *c)
{
	struct ibv_device_attr_ex attr;
	struct ep_cfg cfg = ep_rc();
	uint8_t value[8];
	struct ep_pair p;
	uint64_t word;
	struct dbuf d;

	t_zero(ibv_query_device_ex(ep_dev(1)->ctx, NULL, &attr));
	if ((attr.device_cap_flags_ex & PLACE_CAPS) != PLACE_CAPS)
		t_skip("the device does not claim FLUSH and ATOMIC WRITE");
	cfg.access |= FLUSH_GLOBAL;
	cfg.send_ops = IBV_QP_EX_WITH_ATOMIC_WRITE | IBV_QP_EX_WITH_FLUSH;
	ep_pair_open(&p, &cfg);
	dbuf_open(&d, c->arg, p.b.dev, LEN, 4096 - 16, RIGHTS_ALL);
	pattern_fill(value, 8, 555, 0);
	memcpy(&word, value, 8);
	post_word(&p, &d, 16, word);
	buf_expect(&d.b, 16, 8, 555, 0, "target");
	post_flush(&p, &d, IBV_WC_REM_ACCESS_ERR);
	t_zero(mr_rereg(&d.mr, REREG_ACCESS, NULL, NULL, RIGHTS_ALL | FLUSH_GLOBAL));
	post_flush(&p, &d, IBV_WC_SUCCESS);
	buf_expect(&d.b, 16, 8, 555, 0, "target");
	/* Whether it lasts nobody can tell. */
	t_check(mr_rereg(&d.mr, REREG_ACCESS, NULL, NULL,
			 RIGHTS_ALL | FLUSH_GLOBAL << 1) == EOPNOTSUPP,
		"a dma-buf can be flushed to persistence");
	dbuf_close(&d);
	ep_pair_close(&p);
}
#else
static void run_place(const struct t_case *c)
{
	(void)c;
	t_skip("this libibverbs knows no FLUSH");
}
#endif

static void put(struct ep_pair *p, const struct buf *local, uint64_t raddr, uint32_t rkey,
		size_t len, enum ibv_wc_status status)
{
	struct ibv_sge sge = buf_sge(local, 3, len);
	struct op op = {
		.code = IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1, .id = ID, .raddr = raddr,
		.rkey = rkey,
	};

	ep_post(&p->a, &op);
	cq_want(p->a.scq, status, ID, "WRITE by a window");
	if (status)
		ep_pair_again(p);
}

/* A window of either type on a part of a dma-buf, which then moves, if it can. */
static void run_window(const struct t_case *c)
{
	enum { AT = 1001, SPAN = 5000 };
	struct ep_cfg cfg = ep_rc();
	struct ibv_mw *mw;
	struct buf local;
	struct ep_pair p;
	struct dbuf d;

	ep_pair_open(&p, &cfg);
	buf_open(&local, p.a.dev, LEN, 77, RIGHTS_ALL);
	dbuf_open(&d, c->arg, p.b.dev, LEN, 1234, IBV_ACCESS_LOCAL_WRITE);
	t_zero(mr_rereg(&d.mr, REREG_ACCESS, NULL, NULL, REGION_RIGHTS));

	uint64_t at = (uintptr_t)d.b.p + AT;

	mw = mw_open(p.b.dev->pd, c->arg2);
	mw_bind(&p.b, mw, &d.mr, at, SPAN, WINDOW_RIGHTS);
	put(&p, &local, at, mw->rkey, SPAN, IBV_WC_SUCCESS);
	buf_expect(&d.b, AT, SPAN, local.seed, 3, "region");
	buf_refill(&d.b);
	if (c->arg == MOVABLE)
		dbuf_move(d.fd, 0);
	put(&p, &local, at, mw->rkey, SPAN, IBV_WC_SUCCESS);
	buf_expect(&d.b, AT, SPAN, local.seed, 3, "region");
	put(&p, &local, at + 1, mw->rkey, SPAN, IBV_WC_REM_ACCESS_ERR);
	if (c->arg2 == IBV_MW_TYPE_1) {
		t_check(dbuf_dereg(&d.mr) == EBUSY, "a region with a window could be deregistered");
		mw_unbind(&p.b, mw);
	}
	t_zero(ibv_dealloc_mw(mw));
	buf_close(&local);
	dbuf_close(&d);
	ep_pair_close(&p);
}

const struct t_case cases_data[] = {
	{ "data.udmabuf", run_sizes, UDMABUF, 0, 60 },
	{ "data.heap", run_sizes, HEAP, 0, 60 },
	{ "data.movable", run_sizes, MOVABLE, 0, 60 },
	{ "data.static", run_sizes, STATIC, 0, 60 },
	{ "data.uc.udmabuf", run_uc, UDMABUF, 0, 0 },
	{ "data.uc.movable", run_uc, MOVABLE, 0, 0 },
	{ "atomic.udmabuf", run_atomic, UDMABUF, 0, 0 },
	{ "atomic.heap", run_atomic, HEAP, 0, 0 },
	{ "atomic.movable", run_atomic, MOVABLE, 0, 0 },
	{ "place.udmabuf", run_place, UDMABUF, 0, 0 },
	{ "place.movable", run_place, MOVABLE, 0, 0 },
	{ "window.1.udmabuf", run_window, UDMABUF, IBV_MW_TYPE_1, 0 },
	{ "window.2.udmabuf", run_window, UDMABUF, IBV_MW_TYPE_2, 0 },
	{ "window.1.movable", run_window, MOVABLE, IBV_MW_TYPE_1, 0 },
	{ "window.2.movable", run_window, MOVABLE, IBV_MW_TYPE_2, 0 },
	{ }
};
