// SPDX-License-Identifier: GPL-2.0
/*
 * Scatter-gather lists and inline data.
 *
 * A list cuts a message at places that have nothing to do with packets or pages. The cases cut at
 * random odd places, put zero-length entries (whose L_Key nobody may look at) between, take the
 * pieces from separate MRs, and compare with the message put together.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "cases.h"
#include "xfer.h"

enum { MAX_PIECES = 32 };

/* Pieces of one message: each in a buffer of its own. */
struct pieces {
	int n;
	size_t total;
	struct buf buf[MAX_PIECES];
	struct ibv_sge sge[MAX_PIECES];
	size_t off[MAX_PIECES];	/* of the piece in its buffer */
};

static void pieces_open(struct pieces *s, struct ep_dev *dev, int n, int access)
{
	s->n = n;
	s->total = 0;
	for (int i = 0; i < n; i++) {
		size_t len = 1 + t_rand() % 3000;

		if (n > 1 && i == n / 2)
			len = 0;
		s->off[i] = 1 + t_rand() % 9;
		buf_open(&s->buf[i], dev, len + 20, t_rand(), access);
		s->sge[i] = buf_sge(&s->buf[i], s->off[i], len);
		if (!len)
			s->sge[i].lkey = 0xdeadbeef;
		s->total += len;
	}
}

static void pieces_close(struct pieces *s)
{
	for (int i = 0; i < s->n; i++)
		buf_close(&s->buf[i]);
}

/* The message that the pieces make is at @p. */
static void gathered(const struct pieces *s, const uint8_t *p)
{
	for (int i = 0; i < s->n; i++) {
		struct pattern_bad bad;

		buf_same(&s->buf[i], "source piece");
		if (pattern_check(p, s->sge[i].length, s->buf[i].seed, s->off[i], &bad))
			t_fail("piece %d of %d: byte %zu is %#x, expected %#x", i, s->n, bad.off,
			       bad.got, bad.want);
		p += s->sge[i].length;
	}
}

/* The stream of @src from @pos on is spread over the pieces. */
static void scattered(const struct pieces *s, const struct buf *src, size_t pos)
{
	for (int i = 0; i < s->n; i++) {
		buf_expect(&s->buf[i], s->off[i], s->sge[i].length, src->seed, pos,
			   "destination piece");
		pos += s->sge[i].length;
	}
	buf_same(src, "source");
}

static int limit_sge(const struct ep_cfg *cfg)
{
	int max = ep_dev(0)->attr.max_sge;

	(void)cfg;
	return max < MAX_PIECES ? max : MAX_PIECES;
}

/* Gather @n pieces into one buffer by a SEND or WRITE. */
static void gather(struct ep_pair *p, enum ibv_wr_opcode code, int n)
{
	struct pieces *s = calloc(1, sizeof(*s));
	struct op op = { .code = code, .id = n, .imm = 7 };
	struct ibv_sge rsge;
	struct buf dst;

	t_where("%s gathering %d pieces", op_name(code), n);
	pieces_open(s, p->a.dev, n, 0);
	buf_open(&dst, p->b.dev, s->total + 11, 4090, RIGHTS_ALL);
	rsge = buf_sge(&dst, 5, s->total);
	if (op_takes_recv(code))
		ep_recv(&p->b, &rsge, 1, n);
	op.sge = s->sge;
	op.nsge = n;
	op.raddr = rsge.addr;
	op.rkey = dst.mr->rkey;
	ep_post(&p->a, &op);
	cq_want(p->a.scq, IBV_WC_SUCCESS, n, "gather");
	if (op_takes_recv(code))
		cq_want(p->b.rcq, IBV_WC_SUCCESS, n, "receive");
	gathered(s, dst.p + 5);
	buf_range(&dst, 0, 5, dst.seed, 0, "before");
	buf_range(&dst, 5 + s->total, 6, dst.seed, 5 + s->total, "behind");
	buf_close(&dst);
	pieces_close(s);
	free(s);
}

/* Scatter one buffer into @n pieces: by a receive, or by a READ. */
static void scatter(struct ep_pair *p, enum ibv_wr_opcode code, int n)
{
	struct pieces *s = calloc(1, sizeof(*s));
	bool read = code == IBV_WR_RDMA_READ;
	struct op op = { .code = code, .nsge = 1, .id = n };
	struct ibv_sge sge;
	struct buf src;

	t_where("%s scattering into %d pieces", op_name(code), n);
	pieces_open(s, read ? p->a.dev : p->b.dev, n, IBV_ACCESS_LOCAL_WRITE);
	buf_open(&src, read ? p->b.dev : p->a.dev, s->total + 11, 4093, RIGHTS_ALL);
	sge = buf_sge(&src, 3, s->total);
	op.sge = read ? s->sge : &sge;
	op.nsge = read ? n : 1;
	op.raddr = sge.addr;
	op.rkey = src.mr->rkey;
	if (!read)
		ep_recv(&p->b, s->sge, n, n);
	ep_post(&p->a, &op);
	cq_want(p->a.scq, IBV_WC_SUCCESS, n, "scatter");
	if (!read)
		cq_want(p->b.rcq, IBV_WC_SUCCESS, n, "receive");
	scattered(s, &src, 3);
	buf_close(&src);
	pieces_close(s);
	free(s);
}

static void open_wide(struct ep_pair *p)
{
	struct ep_cfg cfg = ep_rc();

	cfg.send_sge = cfg.recv_sge = limit_sge(&cfg);
	ep_pair_open(p, &cfg);
}

static void gather_all(const struct t_case *c)
{
	struct ep_pair p;

	open_wide(&p);
	for (int n = 1; n <= limit_sge(&p.a.cfg); n = n < 5 ? n + 1 : n + 9)
		gather(&p, c->arg, n);
	gather(&p, c->arg, limit_sge(&p.a.cfg));
	ep_pair_close(&p);
}

static void scatter_all(const struct t_case *c)
{
	struct ep_pair p;

	open_wide(&p);
	for (int n = 1; n <= limit_sge(&p.a.cfg); n = n < 5 ? n + 1 : n + 9)
		scatter(&p, c->arg, n);
	scatter(&p, c->arg, limit_sge(&p.a.cfg));
	ep_pair_close(&p);
}

/* More entries than the QP was made for are refused, on both queues, with nothing queued. */
static void too_many(const struct t_case *c)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	struct ibv_sge sge[512] = { };
	struct op op = { .code = IBV_WR_RDMA_WRITE, .sge = sge };
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;
	int rc;

	(void)c;
	ep_pair_open(&p, &cfg);
	t_zero(ibv_query_qp(p.a.qp, &attr, IBV_QP_CAP, &init));
	op.nsge = attr.cap.max_send_sge + 1;
	rc = ep_post_try(&p.a, &op);
	t_check(rc == EINVAL, "SEND with max_send_sge + 1: got %s, expected EINVAL",
		t_errname(rc));
	rc = ep_recv_try(&p.a, sge, attr.cap.max_recv_sge + 1, 0);
	t_check(rc == EINVAL, "receive with max_recv_sge + 1: got %s, expected EINVAL",
		t_errname(rc));
	cq_none(p.a.scq, 50, "after a refused post");
	pair_proves(&p);
	ep_pair_close(&p);
}

/* A receive longer than the message: only the message's bytes are written. */
static void long_receive(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ibv_sge ssge, rsge[2];
	struct op op = { .code = IBV_WR_SEND, .sge = &ssge, .nsge = 1, .id = 9 };
	struct buf src, one, two;
	struct ep_pair p;
	struct ibv_wc wc;

	(void)c;
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, 1500, 77, 0);
	buf_open(&one, p.b.dev, 1000, 4000, IBV_ACCESS_LOCAL_WRITE);
	buf_open(&two, p.b.dev, 9000, 13, IBV_ACCESS_LOCAL_WRITE);
	ssge = buf_sge(&src, 0, 1500);
	rsge[0] = buf_sge(&one, 1, 998);
	rsge[1] = buf_sge(&two, 1, 8998);
	ep_recv(&p.b, rsge, 2, 10);
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_SUCCESS, 9, "SEND");
	cq_poll(p.b.rcq, &wc, "receive");
	wc_want(&wc, IBV_WC_SUCCESS, "receive");
	t_check(wc.byte_len == 1500, "byte_len: got %u, expected 1500", wc.byte_len);
	buf_expect(&one, 1, 998, src.seed, 0, "first piece");
	buf_expect(&two, 1, 1500 - 998, src.seed, 998, "second piece");
	ep_pair_close(&p);
}

static uint32_t inline_room(struct ep *e)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	t_zero(ibv_query_qp(e->qp, &attr, IBV_QP_CAP, &init));
	return attr.cap.max_inline_data;
}

/* Inline: no MR at the source, and the source may be overwritten as soon as the post returns. */
static void inline_one(struct ep_pair *p, enum ibv_wr_opcode code, uint32_t len)
{
	struct ibv_sge sge, rsge;
	struct op op = { .code = code, .sge = &sge, .nsge = 1, .id = len,
			 .flags = IBV_SEND_INLINE };
	struct buf src, dst;
	uint64_t seed;

	t_where("%s, %u bytes inline", op_name(code), len);
	buf_plain(&src, len + 8, 4091);
	buf_open(&dst, p->b.dev, len + 8, 4095, RIGHTS_ALL);
	sge = buf_sge(&src, 3, len);
	rsge = buf_sge(&dst, 2, len);
	op.raddr = rsge.addr;
	op.rkey = dst.mr->rkey;
	if (op_takes_recv(code))
		ep_recv(&p->b, &rsge, 1, len);
	seed = src.seed;
	ep_post(&p->a, &op);
	buf_refill(&src);
	cq_want(p->a.scq, IBV_WC_SUCCESS, len, "inline");
	if (op_takes_recv(code))
		cq_want(p->b.rcq, IBV_WC_SUCCESS, len, "receive");
	buf_expect(&dst, 2, len, seed, 3, "destination");
	buf_close(&src);
	buf_close(&dst);
}

static void inline_all(const struct t_case *c)
{
	static const enum ibv_wr_opcode codes[] = {
		IBV_WR_RDMA_WRITE, IBV_WR_RDMA_WRITE_WITH_IMM, IBV_WR_SEND, IBV_WR_SEND_WITH_IMM,
	};
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;
	uint32_t room;

	(void)c;
	cfg.inline_bytes = 220;
	ep_pair_open(&p, &cfg);
	room = inline_room(&p.a);
	t_check(room >= 220, "max_inline_data: got %u, asked for 220", room);
	for (int i = 0; i < 4; i++)
		for (uint32_t len = 0; len <= 220; len += len < 9 ? 1 : 30)
			inline_one(&p, codes[i], len);
	inline_one(&p, IBV_WR_SEND, room);
	ep_pair_close(&p);
}

static void inline_too_long(const struct t_case *c)
{
	struct ibv_sge sge;
	struct op op = { .code = IBV_WR_SEND, .sge = &sge, .nsge = 1, .flags = IBV_SEND_INLINE };
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;
	struct buf src;
	int rc;

	(void)c;
	cfg.inline_bytes = 64;
	ep_pair_open(&p, &cfg);
	buf_plain(&src, inline_room(&p.a) + 1, 0);
	sge = buf_sge(&src, 0, src.len);
	rc = ep_post_try(&p.a, &op);
	t_check(rc == EINVAL, "%zu bytes inline: got %s, expected EINVAL", src.len, t_errname(rc));
	pair_proves(&p);
	ep_pair_close(&p);
}

/* The ibv_wr_* way: librxe then gives num_sge 0, a length, and no INLINE flag. */
static void inline_wr(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct buf src, dst;
	struct ep_pair p;

	(void)c;
	cfg.inline_bytes = 128;
	ep_pair_open(&p, &cfg);
	buf_plain(&src, 101, 1);
	buf_open(&dst, p.b.dev, 120, 4090, RIGHTS_ALL);
	ibv_wr_start(p.a.qpx);
	p.a.qpx->wr_id = 55;
	p.a.qpx->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_rdma_write(p.a.qpx, dst.mr->rkey, (uintptr_t)dst.p + 9);
	ibv_wr_set_inline_data(p.a.qpx, src.p, src.len);
	t_zero(ibv_wr_complete(p.a.qpx));
	buf_range(&src, 0, src.len, src.seed, 0, "source");
	cq_want(p.a.scq, IBV_WC_SUCCESS, 55, "inline WRITE");
	buf_expect(&dst, 9, src.len, src.seed, 0, "destination");
	ep_pair_close(&p);
}

/* A list of ibv_wr_* work requests under one doorbell. */
static void wr_batch(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct buf src, dst;
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, 8000, 1, 0);
	buf_open(&dst, p.b.dev, 8000, 4090, RIGHTS_ALL);
	ibv_wr_start(p.a.qpx);
	for (int i = 0; i < 8; i++) {
		struct ibv_sge s[2] = { buf_sge(&src, 1000 * i, 501),
					buf_sge(&src, 1000 * i + 501, 499) };

		p.a.qpx->wr_id = i;
		p.a.qpx->wr_flags = IBV_SEND_SIGNALED;
		ibv_wr_rdma_write(p.a.qpx, dst.mr->rkey, (uintptr_t)dst.p + 1000 * i);
		ibv_wr_set_sge_list(p.a.qpx, 2, s);
	}
	t_zero(ibv_wr_complete(p.a.qpx));
	for (int i = 0; i < 8; i++)
		cq_want(p.a.scq, IBV_WC_SUCCESS, i, "WRITE");
	buf_expect(&dst, 0, 8000, src.seed, 0, "destination");
	ep_pair_close(&p);
}

const struct t_case cases_sgl[] = {
	{ "sgl.gather.write", gather_all, IBV_WR_RDMA_WRITE, 0, 0 },
	{ "sgl.gather.write_imm", gather_all, IBV_WR_RDMA_WRITE_WITH_IMM, 0, 0 },
	{ "sgl.gather.send", gather_all, IBV_WR_SEND, 0, 0 },
	{ "sgl.scatter.send", scatter_all, IBV_WR_SEND, 0, 0 },
	{ "sgl.scatter.read", scatter_all, IBV_WR_RDMA_READ, 0, 0 },
	{ "sgl.too_many", too_many, 0, 0, 0 },
	{ "sgl.long_receive", long_receive, 0, 0, 0 },
	{ "sgl.wr_batch", wr_batch, 0, 0, 0 },
	{ "inline.all", inline_all, 0, 0, 0 },
	{ "inline.too_long", inline_too_long, 0, 0, 0 },
	{ "inline.wr", inline_wr, 0, 0, 0 },
	{ }
};
