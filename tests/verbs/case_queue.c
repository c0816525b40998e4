// SPDX-License-Identifier: GPL-2.0
/*
 * Queues: depth, order, signaling, fences, and many QPs at once.
 *
 * A slot of the send queue must be free again before its completion is seen: ring_of_one() posts
 * into a queue of one slot right after each completion, thousands of times.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "cases.h"
#include "xfer.h"

static uint32_t sq_depth(struct ep *e)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	t_zero(ibv_query_qp(e->qp, &attr, IBV_QP_CAP, &init));
	return attr.cap.max_send_wr;
}

static uint32_t rq_depth(struct ep *e)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	t_zero(ibv_query_qp(e->qp, &attr, IBV_QP_CAP, &init));
	return attr.cap.max_recv_wr;
}

static void ring_of_one(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_RDMA_WRITE, .nsge = 1 };
	struct buf src, dst;
	struct ibv_sge sge;
	struct ep_pair p;
	uint32_t depth;

	(void)c;
	cfg.send_wr = 1;
	cfg.cqe = 16;
	ep_pair_open(&p, &cfg);
	depth = sq_depth(&p.a);
	t_check(depth >= 1, "max_send_wr: got %u, asked for 1", depth);
	buf_open(&src, p.a.dev, 4000, 5, 0);
	buf_open(&dst, p.b.dev, 4000, 4092, RIGHTS_ALL);
	op.sge = &sge;
	op.rkey = dst.mr->rkey;
	for (int i = 0; i < 4000; i++) {
		sge = buf_sge(&src, i, 1);
		op.raddr = (uintptr_t)dst.p + i;
		op.id = i;
		t_where("round %d", i);
		ep_post(&p.a, &op);
		cq_want(p.a.scq, IBV_WC_SUCCESS, i, "WRITE");
	}
	buf_expect(&dst, 0, 4000, src.seed, 0, "destination");
	ep_pair_close(&p);
}

/*
 * Fill the queue while nothing can leave it: the peer has no receive posted, so the first SEND
 * waits for RNR retries. One more is refused; with receives posted all go through, in order.
 */
static void fill_sq(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND_WITH_IMM };
	struct ep_pair p;
	struct ibv_wc wc;
	uint32_t depth;
	int rc;

	cfg.send_wr = c->arg;
	cfg.recv_wr = 2 * c->arg + 2;
	cfg.cqe = 4 * c->arg + 8;
	ep_pair_open(&p, &cfg);
	depth = sq_depth(&p.a);
	t_check(depth >= cfg.send_wr && depth <= 2 * cfg.send_wr + 1,
		"max_send_wr: got %u, asked for %u", depth, cfg.send_wr);
	for (op.imm = 0; op.imm < depth; op.imm++) {
		op.id = op.imm;
		ep_post(&p.a, &op);
	}
	rc = ep_post_try(&p.a, &op);
	t_check(rc == ENOMEM, "post number max_send_wr + 1: got %s, expected ENOMEM",
		t_errname(rc));
	for (uint32_t i = 0; i < depth; i++)
		ep_recv(&p.b, NULL, 0, i);
	for (uint32_t i = 0; i < depth; i++) {
		cq_want(p.a.scq, IBV_WC_SUCCESS, i, "SEND_WITH_IMM");
		cq_poll(p.b.rcq, &wc, "receive");
		wc_want(&wc, IBV_WC_SUCCESS, "receive");
		t_check(wc.wr_id == i && ntohl(wc.imm_data) == i,
			"receive %u: got wr_id %lu, immediate %u", i, wc.wr_id,
			ntohl(wc.imm_data));
	}
	pair_proves(&p);
	ep_pair_close(&p);
}

static void fill_rq(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND };
	struct ep_pair p;
	uint32_t depth;
	int rc;

	cfg.recv_wr = c->arg;
	cfg.cqe = 4 * c->arg + 64;
	ep_pair_open(&p, &cfg);
	depth = rq_depth(&p.b);
	t_check(depth >= cfg.recv_wr, "max_recv_wr: got %u, asked for %u", depth, cfg.recv_wr);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < depth; i++)
			ep_recv(&p.b, NULL, 0, i);
		rc = ep_recv_try(&p.b, NULL, 0, depth);
		t_check(rc == ENOMEM, "receive number max_recv_wr + 1: got %s, expected ENOMEM",
			t_errname(rc));
		for (uint32_t i = 0; i < depth; i++) {
			ep_post(&p.a, &op);
			cq_want(p.a.scq, IBV_WC_SUCCESS, 0, "SEND");
			cq_want(p.b.rcq, IBV_WC_SUCCESS, i, "receive");
		}
	}
	ep_pair_close(&p);
}

/* Unsignaled: only the signaled ones complete, and failures always. */
static void unsignaled(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ibv_sge sge;
	struct op op = { .code = IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1 };
	struct buf src, dst;
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, 16000, 9, 0);
	buf_open(&dst, p.b.dev, 16000, 4080, RIGHTS_ALL);
	op.rkey = dst.mr->rkey;
	for (int i = 0; i < 160; i++) {
		sge = buf_sge(&src, 100 * i, 100);
		op.raddr = (uintptr_t)dst.p + 100 * i;
		op.id = i;
		op.flags = i % 10 == 9 ? IBV_SEND_SIGNALED : 0;
		t_check(!ep_post_try(&p.a, &op), "post %d refused", i);
		if (op.flags)
			cq_want(p.a.scq, IBV_WC_SUCCESS, i, "the tenth WRITE");
	}
	cq_none(p.a.scq, 50, "beside the signaled ones");
	buf_expect(&dst, 0, 16000, src.seed, 0, "destination");
	op.flags = 0;
	op.rkey ^= 0x5500;
	op.id = 777;
	t_check(!ep_post_try(&p.a, &op), "post refused");
	cq_want(p.a.scq, IBV_WC_REM_ACCESS_ERR, 777, "a failing unsignaled WRITE");
	ep_pair_close(&p);
}

static void sig_all(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND };
	struct ep_pair p;

	(void)c;
	cfg.sig_all = true;
	ep_pair_open(&p, &cfg);
	for (int i = 0; i < 10; i++) {
		ep_recv(&p.b, NULL, 0, i);
		op.id = i;
		t_check(!ep_post_try(&p.a, &op), "post %d refused", i);
	}
	for (int i = 0; i < 10; i++)
		cq_want(p.a.scq, IBV_WC_SUCCESS, i, "SEND without SIGNALED, sq_sig_all");
	ep_pair_close(&p);
}

/* A fenced SEND carries what the READ before it fetched: without the fence it could not know. */
static void fence(const struct t_case *c)
{
	enum { LEN = 20000 };
	struct ep_cfg cfg = ep_rc();
	struct buf remote, local, back;
	struct ibv_sge sge, rsge;
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	buf_open(&remote, p.b.dev, LEN, 1, RIGHTS_ALL);
	buf_open(&local, p.a.dev, LEN, 17, RIGHTS_ALL);
	buf_open(&back, p.b.dev, LEN, 4095, RIGHTS_ALL);
	sge = buf_sge(&local, 0, LEN);
	rsge = buf_sge(&back, 0, LEN);
	for (int i = 0; i < 20; i++) {
		struct op rd = { .code = IBV_WR_RDMA_READ, .sge = &sge, .nsge = 1, .id = 1,
				 .raddr = (uintptr_t)remote.p, .rkey = remote.mr->rkey };
		struct op snd = { .code = IBV_WR_SEND, .sge = &sge, .nsge = 1, .id = 2,
				  .flags = IBV_SEND_FENCE };

		t_where("round %d", i);
		buf_refill(&remote);
		buf_refill(&local);
		ep_recv(&p.b, &rsge, 1, 3);
		ep_post(&p.a, &rd);
		ep_post(&p.a, &snd);
		cq_want(p.a.scq, IBV_WC_SUCCESS, 1, "READ");
		cq_want(p.a.scq, IBV_WC_SUCCESS, 2, "fenced SEND");
		cq_want(p.b.rcq, IBV_WC_SUCCESS, 3, "receive");
		buf_range(&back, 0, LEN, remote.seed, 0, "what the fenced SEND carried");
	}
	ep_pair_close(&p);
}

/* Many READs beyond what the responder may have outstanding; every one its own piece. */
static void deep_read(const struct t_case *c)
{
	enum { N = 64, LEN = 3001 };
	struct ep_cfg cfg = ep_rc();
	struct buf src, dst;
	struct ep_pair p;

	cfg.send_wr = N;
	cfg.rd_atomic = c->arg;
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.b.dev, N * LEN, 7, IBV_ACCESS_REMOTE_READ);
	buf_open(&dst, p.a.dev, N * LEN, 4089, IBV_ACCESS_LOCAL_WRITE);
	for (int i = 0; i < N; i++) {
		struct ibv_sge sge = buf_sge(&dst, i * LEN, LEN);
		struct op op = { .code = IBV_WR_RDMA_READ, .sge = &sge, .nsge = 1, .id = i,
				 .raddr = (uintptr_t)src.p + i * LEN, .rkey = src.mr->rkey };

		ep_post(&p.a, &op);
	}
	for (int i = 0; i < N; i++)
		cq_want(p.a.scq, IBV_WC_SUCCESS, i, "READ");
	buf_expect(&dst, 0, N * LEN, src.seed, 0, "destination");
	buf_same(&src, "source");
	ep_pair_close(&p);
}

/* READs and WRITEs interleaved in one queue: each READ sees the WRITE posted before it. */
static void read_after_write(const struct t_case *c)
{
	enum { N = 16, LEN = 5000 };
	struct ep_cfg cfg = ep_rc();
	struct buf src, mid, dst;
	struct ep_pair p;

	(void)c;
	cfg.send_wr = 2 * N;
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, N * LEN, 7, 0);
	buf_open(&mid, p.b.dev, LEN, 4001, RIGHTS_ALL);
	buf_open(&dst, p.a.dev, N * LEN, 1, IBV_ACCESS_LOCAL_WRITE);
	for (int i = 0; i < N; i++) {
		struct ibv_sge s = buf_sge(&src, i * LEN, LEN), d = buf_sge(&dst, i * LEN, LEN);
		struct op op = { .code = IBV_WR_RDMA_WRITE, .sge = &s, .nsge = 1, .id = 2 * i,
				 .raddr = (uintptr_t)mid.p, .rkey = mid.mr->rkey };

		ep_post(&p.a, &op);
		op.code = IBV_WR_RDMA_READ;
		op.sge = &d;
		op.id++;
		ep_post(&p.a, &op);
		/* Without a fence the next WRITE may pass this READ, so one round at a time. */
		cq_want(p.a.scq, IBV_WC_SUCCESS, 2 * i, "WRITE");
		cq_want(p.a.scq, IBV_WC_SUCCESS, 2 * i + 1, "READ");
	}
	buf_expect(&dst, 0, N * LEN, src.seed, 0, "what the READs saw");
	ep_pair_close(&p);
}

/*
 * One QP pair of many_qps(). Each buffer has an MR on both sides: rsrc is src seen by the responder
 * (of a READ), ldst is dst seen by the requester (of a READ).
 */
struct lane {
	struct ep_pair p;
	struct buf src, rsrc, dst, ldst;
	enum ibv_wr_opcode code;
	size_t len;
};

static void lane_open(struct lane *l, const struct ep_cfg *cfg)
{
	ep_pair_open(&l->p, cfg);
	buf_open(&l->src, ep_dev(0), 20010, t_rand(), RIGHTS_ALL);
	l->rsrc = l->src;
	buf_reg(&l->rsrc, ep_dev(1), RIGHTS_ALL);
	buf_open(&l->dst, ep_dev(1), 20010, t_rand(), RIGHTS_ALL);
	l->ldst = l->dst;
	buf_reg(&l->ldst, ep_dev(0), RIGHTS_ALL);
}

static void lane_start(struct lane *l, int i)
{
	static const enum ibv_wr_opcode codes[] = {
		IBV_WR_RDMA_WRITE, IBV_WR_SEND, IBV_WR_RDMA_READ, IBV_WR_RDMA_WRITE_WITH_IMM,
		IBV_WR_SEND_WITH_IMM,
	};
	struct ibv_sge sge, rsge;
	struct op op = { .sge = &sge, .nsge = 1, .id = i };
	bool read;

	l->code = op.code = codes[t_rand() % 5];
	l->len = t_rand() % 20000;
	read = l->code == IBV_WR_RDMA_READ;
	buf_refill(&l->src);
	buf_refill(&l->dst);
	rsge = buf_sge(&l->dst, 1, l->len);
	sge = read ? buf_sge(&l->ldst, 1, l->len) : buf_sge(&l->src, 3, l->len);
	op.raddr = (uintptr_t)(read ? l->src.p + 3 : l->dst.p + 1);
	op.rkey = (read ? &l->rsrc : &l->dst)->mr->rkey;
	if (op_takes_recv(op.code))
		ep_recv(&l->p.b, &rsge, 1, i);
	ep_post(&l->p.a, &op);
}

static void lane_end(struct lane *l, int i)
{
	cq_want(l->p.a.scq, IBV_WC_SUCCESS, i, op_name(l->code));
	if (op_takes_recv(l->code))
		cq_want(l->p.b.rcq, IBV_WC_SUCCESS, i, "receive");
	buf_expect(&l->dst, 1, l->len, l->src.seed, 3, op_name(l->code));
	buf_same(&l->src, "source");
}

/* @c->arg QPs at once, each in every round a random operation of random size. */
static void many_qps(const struct t_case *c)
{
	struct lane *lanes = calloc(c->arg, sizeof(*lanes));
	struct ep_cfg cfg = ep_rc();

	t_check(lanes, "out of memory");
	for (int i = 0; i < c->arg; i++)
		lane_open(&lanes[i], &cfg);
	for (int round = 0; round < 8; round++) {
		t_where("round %d", round);
		for (int i = 0; i < c->arg; i++)
			lane_start(&lanes[i], i);
		for (int i = 0; i < c->arg; i++)
			lane_end(&lanes[i], i);
	}
	for (int i = 0; i < c->arg; i++)
		ep_pair_close(&lanes[i].p);
}

/* Both directions of one pair busy at once. */
static void both_ways(const struct t_case *c)
{
	enum { N = 16, LEN = 30011 };
	struct ep_cfg cfg = ep_rc();
	struct buf asrc, bsrc, adst, bdst;
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	buf_open(&asrc, p.a.dev, LEN * N, 1, RIGHTS_ALL);
	buf_open(&bsrc, p.b.dev, LEN * N, 2, RIGHTS_ALL);
	buf_open(&adst, p.a.dev, LEN * N, 3, RIGHTS_ALL);
	buf_open(&bdst, p.b.dev, LEN * N, 4, RIGHTS_ALL);
	for (int i = 0; i < N; i++) {
		struct ibv_sge sa = buf_sge(&asrc, i * LEN, LEN), sb = buf_sge(&bsrc, i * LEN, LEN);
		struct op op = { .code = IBV_WR_RDMA_WRITE, .sge = &sa, .nsge = 1, .id = i,
				 .raddr = (uintptr_t)bdst.p + i * LEN, .rkey = bdst.mr->rkey };

		ep_post(&p.a, &op);
		op.sge = &sb;
		op.raddr = (uintptr_t)adst.p + i * LEN;
		op.rkey = adst.mr->rkey;
		ep_post(&p.b, &op);
	}
	for (int i = 0; i < N; i++) {
		cq_want(p.a.scq, IBV_WC_SUCCESS, i, "WRITE of a");
		cq_want(p.b.scq, IBV_WC_SUCCESS, i, "WRITE of b");
	}
	buf_expect(&bdst, 0, LEN * N, asrc.seed, 0, "b's destination");
	buf_expect(&adst, 0, LEN * N, bsrc.seed, 0, "a's destination");
	ep_pair_close(&p);
}

/*
 * One of two threads that post to one QP, a burst in each round. They sleep when they wait for one
 * another: on user-mode Linux a thread that spins keeps the others of its process from running.
 */
struct poster {
	struct ep_pair *p;
	const struct buf *src, *dst;
	size_t off, len;	/* its part of both */
	pthread_barrier_t *round;
	int rounds;
};

enum { POSTER_BURST = 40 };

static void poster_burst(const struct poster *s)
{
	struct ibv_sge sge = buf_sge(s->src, s->off, s->len);
	struct op op = { .code = IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1,
			 .raddr = (uintptr_t)s->dst->p + s->off, .rkey = s->dst->mr->rkey };

	pthread_barrier_wait(s->round);
	for (int i = 0; i < POSTER_BURST; i++)
		ep_post(&s->p->a, &op);
	pthread_barrier_wait(s->round);
}

static void *poster_run(void *arg)
{
	const struct poster *s = arg;

	for (int i = 0; i < s->rounds; i++)
		poster_burst(s);
	return NULL;
}

/*
 * Nothing is lost on the way to this host, so nothing may be sent twice, whichever CPU sends a
 * message and whichever the next one.
 */
static void two_posters(const struct t_case *c)
{
	enum { LEN = 40000, ROUNDS = 50 };
	static const char *const loss[] = { "out_of_seq_request", "duplicate_request" };
	struct ep_cfg cfg = ep_rc();
	pthread_barrier_t barrier;
	struct poster us, them;
	uint64_t before[2], got;
	struct buf src, dst;
	struct ep_pair p;
	pthread_t thread;

	(void)c;
	if (t_opts.dev[1] || t_opts.netns[1])
		t_skip("between two devices packets of two CPUs overtake each other");
	cfg.send_wr = 2 * POSTER_BURST;
	/* A late acknowledgement must not make anybody send again. */
	cfg.timeout = 0;
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, 2 * LEN, 33, 0);
	buf_open(&dst, p.b.dev, 2 * LEN, 1023, RIGHTS_ALL);
	us = (struct poster){ &p, &src, &dst, 0, LEN, &barrier, ROUNDS };
	them = us;
	them.off = LEN;
	for (int i = 0; i < 2; i++)
		before[i] = ep_counter(p.b.dev, loss[i]);
	t_zero(pthread_barrier_init(&barrier, NULL, 2));
	t_zero(pthread_create(&thread, NULL, poster_run, &them));
	for (int round = 0; round < ROUNDS; round++) {
		t_where("round %d", round);
		poster_burst(&us);
		for (int i = 0; i < 2 * POSTER_BURST; i++)
			cq_want(p.a.scq, IBV_WC_SUCCESS, 0, "WRITE");
	}
	t_zero(pthread_join(thread, NULL));
	buf_expect(&dst, 0, 2 * LEN, src.seed, 0, "destination");
	for (int i = 0; i < 2; i++) {
		got = ep_counter(p.b.dev, loss[i]) - before[i];
		t_check(!got, "%s rose by %lu", loss[i], got);
	}
	ep_pair_close(&p);
}

/* A QP connected to itself. */
static void self(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_peer me;
	struct ep_pair p;

	(void)c;
	ep_open(&p.a, 0, &cfg);
	me = ep_self(&p.a);
	ep_up(&p.a, &me);
	p.b = p.a;
	pair_proves(&p);
	ep_close(&p.a);
}

const struct t_case cases_queue[] = {
	{ "queue.ring_of_one", ring_of_one, 0, 0, 0 },
	{ "queue.fill_sq.1", fill_sq, 1, 0, 0 },
	{ "queue.fill_sq.16", fill_sq, 16, 0, 0 },
	{ "queue.fill_sq.500", fill_sq, 500, 0, 0 },
	{ "queue.fill_rq.1", fill_rq, 1, 0, 0 },
	{ "queue.fill_rq.100", fill_rq, 100, 0, 0 },
	{ "queue.unsignaled", unsignaled, 0, 0, 0 },
	{ "queue.sig_all", sig_all, 0, 0, 0 },
	{ "queue.fence", fence, 0, 0, 0 },
	{ "queue.deep_read.1", deep_read, 1, 0, 0 },
	{ "queue.deep_read.4", deep_read, 4, 0, 0 },
	{ "queue.deep_read.16", deep_read, 16, 0, 0 },
	{ "queue.read_after_write", read_after_write, 0, 0, 0 },
	{ "queue.many_qps.64", many_qps, 64, 0, 120 },
	{ "queue.both_ways", both_ways, 0, 0, 0 },
	{ "queue.two_posters", two_posters, 0, 0, 0 },
	{ "queue.self", self, 0, 0, 0 },
	{ }
};
