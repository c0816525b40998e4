// SPDX-License-Identifier: GPL-2.0
/*
 * READs of so many packets that the responder answers for a while: what else it has to do
 * meanwhile, what can change under it, and how many packets are too many.
 *
 * A source of a gigabyte is a "span": the same few megabytes mapped again and again, in one MR. The
 * destination is one buffer that every entry of the scatter list names, so that it ends with the
 * last bytes READ. Their sizes have no common factor, so data that is put a whole buffer or a whole
 * piece away from its place is seen.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cases.h"
#include "xfer.h"

enum { MIB = 1 << 20, N_SGE = 32, ROOM = 33 * MIB - 77, PIECE = 20 * MIB };

struct span {
	uint8_t *p;
	size_t len;
	uint64_t seed;		/* of a piece */
	struct ibv_mr *mr;
};

static void span_open(struct span *s, struct ep_dev *dev, size_t len, int access)
{
	int fd = memfd_create("span", MFD_CLOEXEC);

	t_check(fd >= 0 && !ftruncate(fd, PIECE), "memfd of %d bytes: %s", PIECE, strerror(errno));
	s->len = len;
	s->seed = t_rand();
	s->p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	t_check(s->p != MAP_FAILED, "mmap %zu bytes: %s", len, strerror(errno));
	for (size_t at = 0; at < len; at += PIECE) {
		size_t part = len - at < PIECE ? len - at : PIECE;

		t_check(mmap(s->p + at, part, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0)
			!= MAP_FAILED, "mmap of a piece: %s", strerror(errno));
	}
	close(fd);
	pattern_fill(s->p, len < PIECE ? len : PIECE, s->seed, 0);
	t_wait("ibv_reg_mr of %zu bytes", len);
	s->mr = ibv_reg_mr(dev->pd, s->p, len, access);
	t_check(s->mr, "ibv_reg_mr(%zu bytes): %s", len, strerror(errno));
}

/* struct long_rig - a READ of @len bytes by p.a, ready to be posted. */
struct long_rig {
	struct ep_pair p;
	struct span src;
	struct buf dst;
	size_t len;
	struct ibv_sge sge[N_SGE];
	struct op op;
};

/* The scatter list for @len bytes. Returns its length. */
static int scatter(struct ibv_sge *sge, const struct buf *dst, size_t len)
{
	int n = 0;

	for (size_t left = len; left; left -= sge[n++].length) {
		t_check(n < N_SGE, "%zu bytes are more than the scatter list holds", len);
		sge[n] = buf_sge(dst, 0, left < dst->len ? left : dst->len);
	}
	return n;
}

static void need_sges(void)
{
	if (ep_dev(0)->attr.max_sge < N_SGE)
		t_skip("max_sge is %d, the case needs %d", ep_dev(0)->attr.max_sge, N_SGE);
}

static void rig_open(struct long_rig *r, size_t len)
{
	struct ep_cfg cfg = ep_rc();

	need_sges();
	cfg.send_sge = N_SGE;
	r->len = len;
	ep_pair_open(&r->p, &cfg);
	span_open(&r->src, r->p.b.dev, len, IBV_ACCESS_REMOTE_READ);
	buf_open(&r->dst, r->p.a.dev, ROOM, 4001, IBV_ACCESS_LOCAL_WRITE);
	r->op = (struct op) {
		.code = IBV_WR_RDMA_READ, .sge = r->sge, .id = 0x4ead,
		.nsge = scatter(r->sge, &r->dst, len),
		.raddr = (uintptr_t)r->src.p, .rkey = r->src.mr->rkey,
	};
}

/* The destination has, at each place, the last byte that was put there. */
static void rig_check(const struct long_rig *r)
{
	size_t whole = r->len / ROOM * ROOM, n;

	for (size_t off = 0; off < ROOM; off += n) {
		size_t end = off < r->len - whole ? r->len - whole : ROOM;
		size_t from = (end == ROOM ? whole - ROOM : whole) + off;

		n = end - off < PIECE - from % PIECE ? end - off : PIECE - from % PIECE;
		buf_range(&r->dst, off, n, r->src.seed, from % PIECE, "destination");
	}
}

/* A small SEND from b to a, which may be posted many times. */
struct pinger {
	struct buf out, in;
	struct ibv_sge out_sge, in_sge;
	int done;
};

static void ping(struct pinger *g, struct ep_pair *p)
{
	struct op op = { .code = IBV_WR_SEND, .sge = &g->out_sge, .nsge = 1, .id = 0x51d };

	ep_recv(&p->a, &g->in_sge, 1, 0x4ec);
	ep_post(&p->b, &op);
}

static void ping_open(struct pinger *g, struct ep_pair *p)
{
	buf_open(&g->out, p->b.dev, 100, 4093, 0);
	buf_open(&g->in, p->a.dev, 100, 5, IBV_ACCESS_LOCAL_WRITE);
	g->out_sge = buf_sge(&g->out, 0, 100);
	g->in_sge = buf_sge(&g->in, 0, 100);
	g->done = 0;
}

/* Has the SEND on its way completed? */
static bool ping_done(struct pinger *g, struct ep_pair *p)
{
	struct ibv_wc wc;

	if (!ibv_poll_cq(p->b.scq, 1, &wc))
		return false;
	getppid();
	wc_want(&wc, IBV_WC_SUCCESS, "SEND of the responder");
	cq_want(p->a.rcq, IBV_WC_SUCCESS, 0x4ec, "the responder's SEND");
	buf_expect(&g->in, 0, 100, g->out.seed, 0, "what the responder sent");
	g->done++;
	return true;
}

/*
 * The responder of a READ sends messages of its own, one after the other: its doorbells disturb
 * neither the order of the answer's packets, nor does the answer keep the messages waiting.
 */
static void read_and_send(const struct t_case *c)
{
	struct long_rig r;
	struct pinger g;
	struct ibv_wc wc;
	double start;

	rig_open(&r, (size_t)c->arg * MIB - 4321);
	ping_open(&g, &r.p);
	start = t_now();
	ep_post(&r.p.a, &r.op);
	ping(&g, &r.p);
	t_wait("READ of %zu bytes, beside SENDs of its responder", r.len);
	while (!ibv_poll_cq(r.p.a.scq, 1, &wc)) {
		if (ping_done(&g, &r.p))
			ping(&g, &r.p);
		usleep(200);
	}
	getppid();
	t_note("%.2f s, meanwhile %d SENDs", t_now() - start, g.done);
	wc_want(&wc, IBV_WC_SUCCESS, "long READ");
	rig_check(&r);
	t_check(g.done, "no SEND of the responder completed before the READ that it answers");
	cq_want(r.p.b.scq, IBV_WC_SUCCESS, 0x51d, "last SEND of the responder");
	cq_want(r.p.a.rcq, IBV_WC_SUCCESS, 0x4ec, "last SEND of the responder");
	pair_proves(&r.p);
}

/* The region goes away while a READ of it is answered: that is an access error, told at once. */
static void dereg(const struct t_case *c)
{
	struct long_rig r;
	double start;

	rig_open(&r, (size_t)c->arg * MIB);
	ep_post(&r.p.a, &r.op);
	start = t_now();
	t_wait("ibv_dereg_mr of a region that is being READ");
	t_zero(ibv_dereg_mr(r.src.mr));
	t_note("deregistered in %.3f s", t_now() - start);
	cq_want(r.p.a.scq, IBV_WC_REM_ACCESS_ERR, 0x4ead, "READ of a region that goes away");
	ep_want_state(&r.p.a, IBV_QPS_ERR, "requester's");
	ep_await_state(&r.p.b, IBV_QPS_ERR, "responder's", 2);
	event_want(r.p.b.dev->ctx, IBV_EVENT_QP_ACCESS_ERR, r.p.b.qp);
	buf_range(&r.dst, 0, 1, r.src.seed, 0, "first byte READ");
	ep_pair_again(&r.p);
	pair_proves(&r.p);
}

/* Post a READ of @len bytes with a wrong key, a good SEND before it and another behind. */
static void far_read(struct ep_pair *p, const struct buf *local, size_t len,
		     enum ibv_wc_status want)
{
	struct ibv_sge sge[N_SGE];
	struct op op = { .code = IBV_WR_RDMA_READ, .sge = sge, .id = 2, .rkey = 0xdead00 };
	struct op around = { .code = IBV_WR_SEND, .id = 1 };

	t_where("READ of %#zx bytes", len);
	op.nsge = scatter(sge, local, len);
	ep_recv(&p->b, NULL, 0, 7);
	ep_post(&p->a, &around);
	ep_post(&p->a, &op);
	around.id = 3;
	ep_post(&p->a, &around);
	cq_want(p->a.scq, IBV_WC_SUCCESS, 1, "the SEND before it");
	cq_want(p->a.scq, want, 2, "READ");
	cq_want(p->a.scq, IBV_WC_WR_FLUSH_ERR, 3, "the SEND behind it");
	ep_want_state(&p->a, IBV_QPS_ERR, "requester's");
	if (want == IBV_WC_LOC_LEN_ERR)
		ep_want_state(&p->b, IBV_QPS_RTS, "responder's");
	ep_pair_again(p);
}

/*
 * An answer of 2^23 packets takes half of all PSNs, so that old and new ones could not be told
 * apart: refused before it is asked for. One packet less is asked for, and the key found wrong.
 */
static void psns(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct buf local;
	struct ep_pair p;

	(void)c;
	need_sges();
	cfg.send_sge = N_SGE;
	cfg.mtu = 256;
	ep_pair_open(&p, &cfg);
	/* 32 times this is 2^31. */
	buf_open(&local, p.a.dev, 64 * MIB, 4001, IBV_ACCESS_LOCAL_WRITE);
	far_read(&p, &local, (1UL << 31) - 255, IBV_WC_LOC_LEN_ERR);
	far_read(&p, &local, 1UL << 31, IBV_WC_LOC_LEN_ERR);
	far_read(&p, &local, (1UL << 31) - 256, IBV_WC_REM_ACCESS_ERR);
	buf_same(&local, "local buffer");
	pair_proves(&p);
	cfg.mtu = 512;
	ep_pair_close(&p);
	ep_need_mtu(512);
	ep_pair_open(&p, &cfg);
	far_read(&p, &local, 1UL << 31, IBV_WC_REM_ACCESS_ERR);
	buf_same(&local, "local buffer");
}

const struct t_case cases_long[] = {
	{ "long.read_and_send.64", read_and_send, 64, 0, 60 },
	{ "long.read_and_send.1024", read_and_send, 1024, 0, 120 },
	{ "long.dereg", dereg, 256, 0, 60 },
	{ "long.psns", psns, 0, 0, 60 },
	{ }
};
