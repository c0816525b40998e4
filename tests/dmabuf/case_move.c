// SPDX-License-Identifier: GPL-2.0
/*
 * The exporter moves the buffer: each access finds the bytes where they are now, none is lost, and
 * nothing is touched where they were. The exporter keeps what it leaves behind under a pattern of
 * its own: to read there is to read wrong data, and what is written there it counts.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "stir.h"

enum { ID = 0x307e, LEN = 30011, SHIFTS = 150, MOVES = 60, MOST = 20000 };

static const enum ibv_wr_opcode codes[] = {
	IBV_WR_SEND, IBV_WR_RDMA_WRITE, IBV_WR_RDMA_WRITE_WITH_IMM, IBV_WR_RDMA_READ,
};

enum { CODES = sizeof(codes) / sizeof(codes[0]) };

/* A move between transfers, on either side of them. */
static void run_between(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct dbuf src, dst;
	struct ep_pair p;

	(void)c;
	dbuf_need_moves();
	ep_pair_open(&p, &cfg);
	dbuf_open(&src, MOVABLE, p.a.dev, LEN, 333, RIGHTS_ALL);
	dbuf_open(&dst, MOVABLE, p.b.dev, LEN, 4001, RIGHTS_ALL);
	for (int i = 0; i < 4 * CODES; i++) {
		struct xfer x = { codes[i % CODES], &src.b, &dst.b, 1 + i, 3 * i, LEN - 99, 0 };

		t_where("move %d, %s", i, op_name(x.code));
		if (x.code == IBV_WR_RDMA_READ) {
			x.src = &dst.b;
			x.dst = &src.b;
		}
		dbuf_move(src.fd, 0);
		if (i & 1)
			dbuf_move(dst.fd, 0);
		xfer_run(&p, &x);
		buf_refill(x.dst);
	}
	t_check(dbuf_stat(src.fd).moves == 4 * CODES && dbuf_stat(src.fd).maps > CODES,
		"the buffer was not mapped again");
	t_zero(dbuf_dereg(&src.mr));
	t_zero(dbuf_dereg(&dst.mr));
	dbuf_clean(src.fd);
	dbuf_clean(dst.fd);
	src.b.mr = NULL;
	dst.b.mr = NULL;
	dbuf_close(&src);
	dbuf_close(&dst);
	ep_pair_close(&p);
}

/* Post the transfer, and take its completions. */
static void post_and_wait(struct ep_pair *p, const struct xfer *x)
{
	bool read = x->code == IBV_WR_RDMA_READ;
	const struct buf *local = read ? x->dst : x->src, *remote = read ? x->src : x->dst;
	struct ibv_sge sge = buf_sge(local, read ? x->dof : x->so, x->len);
	struct ibv_sge to = buf_sge(x->dst, x->dof, x->len);
	struct op op = {
		.code = x->code, .sge = &sge, .nsge = 1, .id = ID,
		.raddr = (uintptr_t)remote->p + (read ? x->so : x->dof), .rkey = remote->mr->rkey,
	};

	if (op_takes_recv(x->code))
		ep_recv(&p->b, &to, x->code == IBV_WR_SEND, ID + 1);
	ep_post(&p->a, &op);
	cq_want(p->a.scq, IBV_WC_SUCCESS, ID, op_name(x->code));
	if (op_takes_recv(x->code))
		cq_want(p->b.rcq, IBV_WC_SUCCESS, ID + 1, "receive");
}

/* Moves while transfers run, at both ends. Every transfer succeeds, and every byte is right. */
static void run_storm(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct dbuf src, dst;
	struct stir *m;
	struct ep_pair p;
	int i;

	dbuf_need_moves();
	ep_pair_open(&p, &cfg);
	dbuf_open(&src, MOVABLE, p.a.dev, LEN, 333, RIGHTS_ALL);
	dbuf_open(&dst, MOVABLE, p.b.dev, LEN, 4001, RIGHTS_ALL);
	m = stir_start(src.fd, dst.fd, false);
	for (i = 0; i < MOST && (i < SHIFTS || m->turns < MOVES); i++) {
		size_t at = i % SHIFTS;
		struct xfer x = { codes[c->arg], &src.b, &dst.b, at, 3 * at, LEN - 4 * SHIFTS, 0 };

		t_where("transfer %d", i);
		if (x.code == IBV_WR_RDMA_READ) {
			x.src = &dst.b;
			x.dst = &src.b;
		}
		post_and_wait(&p, &x);
		stir_cpu(m);
		buf_expect(x.dst, x.dof, x.len, x.src->seed, x.so, "destination");
		buf_same(x.src, "source");
		buf_refill(x.dst);
		stir_go(m);
	}
	stir_stop(m);
	t_check(m->turns >= MOVES, "only %u moves", m->turns);
	t_note("%d transfers, %u moves, %u and %u mappings", i, m->turns, dbuf_stat(src.fd).maps,
	       dbuf_stat(dst.fd).maps);
	t_check(!dbuf_stat(src.fd).stale && !dbuf_stat(dst.fd).stale,
		"%llu and %llu bytes were written to where the buffers had been",
		dbuf_stat(src.fd).stale, dbuf_stat(dst.fd).stale);
	dbuf_close(&src);
	dbuf_close(&dst);
	ep_pair_close(&p);
}

/* Additions while the word moves: none is lost, none is done twice. */
static void run_adds(const struct t_case *c)
{
	enum { ADDEND = 0x10003 };
	struct ep_cfg cfg = ep_rc();
	struct buf local;
	uint64_t word, before;
	struct ep_pair p;
	struct stir *m;
	struct dbuf d;
	uint64_t i;

	(void)c;
	dbuf_need_moves();
	ep_pair_open(&p, &cfg);
	buf_open(&local, p.a.dev, 8, 8, RIGHTS_ALL);
	dbuf_open(&d, MOVABLE, p.b.dev, 4096, 4096 - 8, RIGHTS_ALL);
	memcpy(&before, d.b.p + 8, 8);
	m = stir_start(d.fd, -1, false);
	for (i = 0; i < MOST && (i < SHIFTS || m->turns < MOVES); i++) {
		struct ibv_sge sge = buf_sge(&local, 0, 8);
		struct op op = {
			.code = IBV_WR_ATOMIC_FETCH_AND_ADD, .sge = &sge, .nsge = 1, .id = i,
			.raddr = (uintptr_t)d.b.p + 8, .rkey = d.mr.rkey, .add = ADDEND,
		};

		ep_post(&p.a, &op);
		cq_want(p.a.scq, IBV_WC_SUCCESS, i, "FETCH_AND_ADD");
		memcpy(&word, local.p, 8);
		t_check(word == before + i * ADDEND, "addition %lu found %#lx, expected %#lx", i,
			word, before + i * ADDEND);
	}
	stir_stop(m);
	memcpy(&word, d.b.p + 8, 8);
	t_check(word == before + i * ADDEND, "the word is %#lx, expected %#lx", word,
		before + i * ADDEND);
	t_check(m->turns >= MOVES, "only %u moves", m->turns);
	t_note("%lu additions, %u moves", i, m->turns);
	buf_range(&d.b, 0, 8, d.b.seed, 0, "before the word");
	buf_range(&d.b, 16, 4080, d.b.seed, 16, "behind the word");
	t_check(!dbuf_stat(d.fd).stale, "the word was changed where it had been");
	dbuf_close(&d);
	buf_close(&local);
	ep_pair_close(&p);
}

/* Two regions over one buffer have one mapping, which is to be new for both. */
static void run_shared(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct dbuf_reg reg;
	struct ep_pair p;
	struct ibv_mr mr;
	struct dbuf d;
	struct buf local;

	(void)c;
	dbuf_need_moves();
	ep_pair_open(&p, &cfg);
	buf_open(&local, p.a.dev, LEN, 3, RIGHTS_ALL);
	dbuf_open(&d, MOVABLE, p.b.dev, LEN, 1234, RIGHTS_ALL);
	reg = (struct dbuf_reg) { d.fd, d.offset, LEN, (uintptr_t)d.b.p, RIGHTS_ALL };
	t_zero(dbuf_reg_try(p.b.dev->pd, &reg, &mr));
	for (int i = 0; i < 8; i++) {
		struct xfer x = { IBV_WR_RDMA_WRITE, &local, &d.b, i, 7, LEN - 99, 0 };

		t_where("move %d", i);
		dbuf_move(d.fd, 0);
		xfer_run(&p, &x);
		buf_refill(&d.b);
		d.b.mr = &mr;
		xfer_run(&p, &x);
		buf_refill(&d.b);
		d.b.mr = &d.mr;
	}
	t_zero(dbuf_dereg(&mr));
	t_check(dbuf_stat(d.fd).attached == 1, "%u attachments", dbuf_stat(d.fd).attached);
	t_check(!dbuf_stat(d.fd).stale, "the buffer was changed where it had been");
	dbuf_close(&d);
	buf_close(&local);
	ep_pair_close(&p);
}

/*
 * While the move takes long the access waits, longer than the peer's timeout; @c->arg: at the
 * remote end.
 */
static void run_slow(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct slow_move m = { .ms = 500 + 100 * t_opts.slow };
	struct dbuf src, dst;
	struct ep_pair p;

	cfg.timeout = 15;	/* 134 ms */
	cfg.retry_cnt = 7;
	dbuf_need_moves();
	ep_pair_open(&p, &cfg);
	dbuf_open(&src, MOVABLE, p.a.dev, LEN, 333, RIGHTS_ALL);
	dbuf_open(&dst, MOVABLE, p.b.dev, LEN, 4001, RIGHTS_ALL);
	for (int i = 0; i < CODES; i++) {
		struct xfer x = { codes[i], &src.b, &dst.b, 1 + i, 3 * i, LEN - 99, 0 };

		t_where("%s", op_name(x.code));
		if (x.code == IBV_WR_RDMA_READ) {
			x.src = &dst.b;
			x.dst = &src.b;
		}
		m.fd = c->arg ? dst.fd : src.fd;
		slow_move_begin(&m);
		slow_move_lasts(&m, "before the access");
		xfer_run(&p, &x);
		slow_move_end(&m);
		buf_refill(x.dst);
	}
	t_check(!dbuf_stat(src.fd).stale && !dbuf_stat(dst.fd).stale, "written where it had been");
	dbuf_close(&src);
	dbuf_close(&dst);
	ep_pair_close(&p);
}

/* Who waits for the buffer is not held up when it gives up: its queue pair goes at once. */
static void run_give_up(const struct t_case *c)
{
	struct slow_move m = { .ms = 500 + 500 * t_opts.slow };
	struct ep_cfg cfg = ep_rc();
	struct ibv_sge sge;
	struct op op = { .code = IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1, .id = ID };
	struct ep_pair p;
	struct buf local;
	struct dbuf d;

	(void)c;
	dbuf_need_moves();
	ep_pair_open(&p, &cfg);
	buf_open(&local, p.a.dev, LEN, 3, RIGHTS_ALL);
	dbuf_open(&d, MOVABLE, p.b.dev, LEN, 1234, RIGHTS_ALL);
	m.fd = d.fd;
	sge = buf_sge(&local, 0, LEN);
	op.raddr = (uintptr_t)d.b.p;
	op.rkey = d.mr.rkey;
	slow_move_begin(&m);
	ep_post(&p.a, &op);
	cq_none(p.a.scq, 20, "WRITE to a buffer that moves");
	ep_pair_close(&p);
	slow_move_lasts(&m, "destroying the queue pairs took as long");
	slow_move_end(&m);
	buf_same(&d.b, "dma-buf");
	dbuf_close(&d);
	buf_close(&local);
}

/* What tells nobody of its moves stays where it is for as long as there is a region. */
static void run_static(const struct t_case *c)
{
	struct dbuf d;

	(void)c;
	dbuf_open(&d, STATIC, ep_dev(0), LEN, 1234, RIGHTS_ALL);
	t_check(dbuf_stat(d.fd).mapped == 1 && dbuf_stat(d.fd).maps == 1, "not mapped");
	t_check(dbuf_move_try(d.fd, 0) == EBUSY, "it moved under a region");
	t_zero(dbuf_dereg(&d.mr));
	d.b.mr = NULL;
	dbuf_clean(d.fd);
	t_zero(dbuf_move_try(d.fd, 0));
	buf_same(&d.b, "dma-buf");
	dbuf_close(&d);
}

const struct t_case cases_move[] = {
	{ "move.between", run_between, 0, 0, 0 },
	{ "move.storm.send", run_storm, 0, 0, 60 },
	{ "move.storm.write", run_storm, 1, 0, 60 },
	{ "move.storm.write_imm", run_storm, 2, 0, 60 },
	{ "move.storm.read", run_storm, 3, 0, 60 },
	{ "move.adds", run_adds, 0, 0, 60 },
	{ "move.shared", run_shared, 0, 0, 0 },
	{ "move.slow.local", run_slow, 0, 0, 0 },
	{ "move.slow.remote", run_slow, 1, 0, 0 },
	{ "move.give_up", run_give_up, 0, 0, 60 },
	{ "move.static", run_static, 0, 0, 0 },
	{ }
};
