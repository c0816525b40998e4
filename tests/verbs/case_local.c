// SPDX-License-Identifier: GPL-2.0
/*
 * Faults in the local buffers of either end: L_Keys, ranges, rights, lengths, unknown operations.
 *
 * At the requester a bad buffer completes with LOC_PROT_ERR and stops its QP only; the responder
 * may have received nothing, so it stays in RTS. A bad receive buffer completes with LOC_PROT_ERR
 * at the responder and REM_OP_ERR at the requester; a message too long for the receive with
 * LOC_LEN_ERR there and REM_INV_REQ_ERR here. Both QPs are then in ERR.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "cases.h"
#include "xfer.h"

enum { LEN = 9000 };

enum fault { F_KEY, F_VARIANT, F_OTHER_PD, F_START, F_END, F_SECOND, F_RIGHT, F_GONE, N_FAULTS };

static const char *const fault_names[] = {
	"unknown L_Key", "wrong L_Key variant", "L_Key of another PD", "one byte before the start",
	"one byte past the end", "second entry past its end", "no LOCAL_WRITE",
	"L_Key deregistered",
};

/* Two entries over @b that have fault @f. Returns how many. */
static int faulty(const struct buf *b, struct ep_dev *dev, enum fault f, struct ibv_sge *sge)
{
	struct ibv_mr *mr;

	sge[0] = buf_sge(b, 0, b->len / 2);
	sge[1] = buf_sge(b, b->len / 2, b->len - b->len / 2);
	switch (f) {
	case F_KEY:
		sge[0].lkey ^= 0x00ffee00;
		break;
	case F_VARIANT:
		sge[0].lkey ^= 1;
		break;
	case F_OTHER_PD:
		mr = ibv_reg_mr(ibv_alloc_pd(dev->ctx), b->p, b->len, IBV_ACCESS_LOCAL_WRITE);
		t_check(mr, "ibv_reg_mr: %s", strerror(errno));
		sge[0].lkey = mr->lkey;
		break;
	case F_START:
		sge[0].addr--;
		break;
	case F_END:
		sge[0] = buf_sge(b, 1, b->len);
		return 1;
	case F_SECOND:
		sge[1].length++;
		break;
	case F_GONE:
		mr = ibv_reg_mr(dev->pd, b->p, b->len, IBV_ACCESS_LOCAL_WRITE);
		t_check(mr, "ibv_reg_mr: %s", strerror(errno));
		sge[0].lkey = mr->lkey;
		t_zero(ibv_dereg_mr(mr));
		break;
	default:
		break;
	}
	return 2;
}

static void guards_hold(const struct buf *b)
{
	buf_expect(b, 0, b->len, b->seed, 0, "buffer of the refused work request");
}

/* The requester's own buffer is bad, for operation @c->arg with fault @f. */
static void requester(const struct t_case *c, enum fault f)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = c->arg, .id = 0xbad };
	struct buf local, remote;
	struct ibv_sge sge[2];
	struct ep_pair p;
	bool reads = op.code == IBV_WR_RDMA_READ;

	t_where("%s, %s", op_name(op.code), fault_names[f]);
	ep_pair_open(&p, &cfg);
	buf_open(&local, p.a.dev, LEN, 4093, f == F_RIGHT ? 0 : IBV_ACCESS_LOCAL_WRITE);
	buf_open(&remote, p.b.dev, LEN + 10, 1, RIGHTS_ALL);
	op.sge = sge;
	op.nsge = faulty(&local, p.a.dev, f, sge);
	op.raddr = (uintptr_t)remote.p;
	op.rkey = remote.mr->rkey;
	if (op_takes_recv(op.code)) {
		struct ibv_sge r = buf_sge(&remote, 0, LEN + 10);

		ep_recv(&p.b, &r, 1, 1);
	}
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_LOC_PROT_ERR, 0xbad, op_name(op.code));
	ep_want_state(&p.a, IBV_QPS_ERR, "requester's");
	ep_want_state(&p.b, IBV_QPS_RTS, "responder's");
	if (reads && (f == F_KEY || f == F_VARIANT || f == F_RIGHT))
		guards_hold(&local);
	if (f != F_SECOND && !op_takes_recv(op.code))
		buf_same(&remote, "remote buffer");
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

static void requester_all(const struct t_case *c)
{
	for (int f = 0; f < N_FAULTS; f++)
		if (f != F_RIGHT || c->arg == IBV_WR_RDMA_READ)
			requester(c, f);
}

/* The responder's receive buffer is bad. */
static void receiver(enum fault f)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND, .nsge = 1, .id = 0x5e };
	struct ibv_sge s, sge[2];
	struct buf src, dst;
	struct ep_pair p;
	int n;

	t_where("receive buffer: %s", fault_names[f]);
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, LEN, 3, 0);
	buf_open(&dst, p.b.dev, LEN, 4093, f == F_RIGHT ? 0 : IBV_ACCESS_LOCAL_WRITE);
	s = buf_sge(&src, 0, LEN);
	op.sge = &s;
	n = faulty(&dst, p.b.dev, f, sge);
	ep_recv(&p.b, sge, n, 0x4e);
	ep_recv(&p.b, NULL, 0, 0x4f);
	ep_post(&p.a, &op);
	cq_want(p.b.rcq, IBV_WC_LOC_PROT_ERR, 0x4e, "receive");
	cq_want(p.b.rcq, IBV_WC_WR_FLUSH_ERR, 0x4f, "the receive behind it");
	cq_want(p.a.scq, IBV_WC_REM_OP_ERR, 0x5e, "SEND");
	ep_want_state(&p.a, IBV_QPS_ERR, "requester's");
	ep_want_state(&p.b, IBV_QPS_ERR, "responder's");
	if (f == F_KEY || f == F_VARIANT || f == F_RIGHT || f == F_GONE)
		guards_hold(&dst);
	buf_same(&src, "source");
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

static void receiver_all(const struct t_case *c)
{
	(void)c;
	for (int f = 0; f < N_FAULTS; f++)
		if (f != F_SECOND)
			receiver(f);
}

/* A message of @len bytes into a receive whose entry goes on behind its region. */
static void roomy(struct ep_pair *p, const struct buf *dst, size_t len, bool fits)
{
	struct op op = { .code = IBV_WR_SEND, .nsge = 1, .id = 0x5e };
	struct ibv_sge r = buf_sge(dst, 5, dst->len), s;
	struct buf src;

	t_where("%zu bytes into an entry of %zu, of which %zu are in its region", len, dst->len,
		dst->len - 5);
	buf_open(&src, p->a.dev, len, 3, 0);
	s = buf_sge(&src, 0, len);
	op.sge = &s;
	ep_recv(&p->b, &r, 1, 0x4e);
	ep_post(&p->a, &op);
	cq_want(p->b.rcq, fits ? IBV_WC_SUCCESS : IBV_WC_LOC_PROT_ERR, 0x4e, "receive");
	cq_want(p->a.scq, fits ? IBV_WC_SUCCESS : IBV_WC_REM_OP_ERR, 0x5e, "SEND");
	buf_range(dst, 0, 5, dst->seed, 0, "before the receive's entry");
	if (fits)
		buf_range(dst, 5, len, src.seed, 0, "received");
}

static void longer_than_region(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;
	struct buf dst;

	(void)c;
	ep_pair_open(&p, &cfg);
	buf_open(&dst, p.b.dev, LEN, 4093, IBV_ACCESS_LOCAL_WRITE);
	roomy(&p, &dst, 1, true);
	roomy(&p, &dst, LEN - 5, true);
	roomy(&p, &dst, LEN - 4, false);
	ep_want_state(&p.b, IBV_QPS_ERR, "responder's");
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

/* A message of @len bytes into a receive of @room bytes. */
static void too_long(struct ep_pair *p, size_t len, size_t room)
{
	struct op op = { .code = IBV_WR_SEND, .nsge = 1, .id = 0x5e };
	struct ibv_sge s, r;
	struct buf src, dst;

	t_where("%zu bytes into a receive of %zu", len, room);
	buf_open(&src, p->a.dev, len, 3, 0);
	buf_open(&dst, p->b.dev, len + 100, 4093, IBV_ACCESS_LOCAL_WRITE);
	s = buf_sge(&src, 0, len);
	r = buf_sge(&dst, 50, room);
	op.sge = &s;
	ep_recv(&p->b, &r, room ? 1 : 0, 0x4e);
	ep_post(&p->a, &op);
	cq_want(p->b.rcq, IBV_WC_LOC_LEN_ERR, 0x4e, "receive");
	cq_want(p->a.scq, IBV_WC_REM_INV_REQ_ERR, 0x5e, "SEND");
	ep_want_state(&p->a, IBV_QPS_ERR, "requester's");
	ep_want_state(&p->b, IBV_QPS_ERR, "responder's");
	buf_range(&dst, 0, 50, dst.seed, 0, "before the receive's entry");
	buf_range(&dst, 50 + room, len + 50 - room, dst.seed, 50 + room,
		  "behind the receive's entry");
	buf_close(&src);
	buf_close(&dst);
	ep_pair_again(p);
}

static void too_long_all(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;
	size_t m;

	(void)c;
	ep_pair_open(&p, &cfg);
	m = cfg.mtu;
	too_long(&p, 2, 1);
	too_long(&p, m, m - 1);
	too_long(&p, m + 1, m);
	too_long(&p, m + 2, m + 1);
	too_long(&p, 3 * m + 5, 3 * m + 4);
	too_long(&p, 3 * m, 10);
	too_long(&p, 65536, 65535);
	pair_proves(&p);
	ep_pair_close(&p);
}

/* A receive without any entry takes empty messages only. */
static void too_long_empty(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	too_long(&p, 1, 0);
	too_long(&p, 5000, 0);
	pair_proves(&p);
	ep_pair_close(&p);
}

/* Sums of lengths above 2^31 bytes are refused before anything leaves; 2^32 must not become 0. */
static void huge(const struct t_case *c)
{
	enum { N = 32 };
	struct ep_cfg cfg = ep_rc();
	struct ibv_sge sge[N];
	struct op op = { .code = IBV_WR_RDMA_WRITE, .sge = sge, .nsge = N, .id = 0xb16 };
	size_t each = c->arg;
	struct buf remote;
	struct ibv_mr *mr;
	struct ep_pair p;
	void *mem;

	cfg.send_sge = N;
	if (ep_dev(0)->attr.max_sge < N)
		t_skip("max_sge is %d, the case needs %d", ep_dev(0)->attr.max_sge, N);
	ep_pair_open(&p, &cfg);
	mem = mmap(NULL, each, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mr = mem == MAP_FAILED ? NULL : ibv_reg_mr(p.a.dev->pd, mem, each, 0);
	if (!mr)
		t_skip("no MR of %zu bytes: %s", each, strerror(errno));
	buf_open(&remote, p.b.dev, 4096, 0, RIGHTS_ALL);
	for (int i = 0; i < N; i++)
		sge[i] = (struct ibv_sge){ (uintptr_t)mem, each, mr->lkey };
	op.raddr = (uintptr_t)remote.p;
	op.rkey = remote.mr->rkey;
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_LOC_LEN_ERR, 0xb16, "WRITE beyond the largest message");
	ep_want_state(&p.b, IBV_QPS_RTS, "responder's");
	buf_same(&remote, "remote buffer");
	ep_pair_again(&p);
	pair_proves(&p);
}

/* Operations that the QP type or the driver does not know. */
static void unknown_op(const struct t_case *c)
{
	static const uint32_t codes[] = { 10, 12, 13, 16, 99, 0x7fffffff, 0x80000000, 0xffffffff };
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct op op = { .code = codes[i], .id = i };

		t_where("opcode %#x", codes[i]);
		ep_post(&p.a, &op);
		cq_want(p.a.scq, IBV_WC_LOC_QP_OP_ERR, i, "unknown operation");
		ep_want_state(&p.a, IBV_QPS_ERR, "requester's");
		ep_want_state(&p.b, IBV_QPS_RTS, "responder's");
		ep_pair_again(&p);
	}
	pair_proves(&p);
	ep_pair_close(&p);
}

/* A result buffer of an atomic that is shorter than its eight bytes: an error, nothing overrun. */
static void short_result(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct buf target, result;
	struct ibv_sge sge;
	struct op op = { .code = IBV_WR_ATOMIC_FETCH_AND_ADD, .sge = &sge, .nsge = 1, .add = 1 };
	struct ep_pair p;
	struct ibv_wc wc;

	(void)c;
	ep_pair_open(&p, &cfg);
	buf_open(&target, p.b.dev, 64, 0, RIGHTS_ALL);
	buf_open(&result, p.a.dev, 64, 4090, IBV_ACCESS_LOCAL_WRITE);
	sge = buf_sge(&result, 20, 4);
	op.raddr = (uintptr_t)target.p;
	op.rkey = target.mr->rkey;
	if (!ep_post_try(&p.a, &op)) {
		cq_poll(p.a.scq, &wc, "FETCH_AND_ADD");
		t_check(wc.status != IBV_WC_SUCCESS, "got success, expected an error");
	}
	buf_range(&result, 0, 20, result.seed, 0, "before the result");
	buf_range(&result, 24, 40, result.seed, 24, "behind the result");
}

const struct t_case cases_local[] = {
	{ "err.lkey.write", requester_all, IBV_WR_RDMA_WRITE, 0, 60 },
	{ "err.lkey.send", requester_all, IBV_WR_SEND, 0, 60 },
	{ "err.lkey.read", requester_all, IBV_WR_RDMA_READ, 0, 60 },
	{ "err.receive.buffer", receiver_all, 0, 0, 60 },
	{ "err.receive.longer_than_region", longer_than_region, 0, 0, 0 },
	{ "err.receive.too_long", too_long_all, 0, 0, 60 },
	{ "err.receive.too_long_empty", too_long_empty, 0, 0, 0 },
	{ "err.huge.2g", huge, (1L << 26) + 64, 0, 60 },
	{ "err.huge.4g", huge, 1L << 27, 0, 60 },
	{ "err.unknown_op", unknown_op, 0, 0, 0 },
	{ "err.atomic.short_result", short_result, 0, 0, 0 },
	{ }
};
