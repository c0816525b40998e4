// SPDX-License-Identifier: GPL-2.0
/*
 * What the responder must refuse: R_Keys, ranges, missing rights, misaligned atomics.
 *
 * For each refusal the requester's work request completes with REM_ACCESS_ERR (REM_INV_REQ_ERR for
 * a misaligned atomic), both QPs end in ERR, the work requests behind it flush, not one byte on
 * either side changes, and after RESET the pair carries good data again. The responder cannot name
 * a work request of its own for this, so it reports an asynchronous event (class C of the
 * specification's responder errors).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "shooter.h"

enum { TARGET = 20000, SKEW = 4001 };

struct access_rig {
	struct ep_pair p;
	struct buf local, target;
};

static void rig_open(struct access_rig *r, int rights, unsigned int qp_rights)
{
	struct ep_cfg cfg = ep_rc();

	cfg.access = qp_rights;
	ep_pair_open(&r->p, &cfg);
	buf_open(&r->local, r->p.a.dev, TARGET + 64, 4095, IBV_ACCESS_LOCAL_WRITE);
	buf_open(&r->target, r->p.b.dev, TARGET, SKEW, rights);
}

static bool is_atomic(enum ibv_wr_opcode code)
{
	return code == IBV_WR_ATOMIC_CMP_AND_SWP || code == IBV_WR_ATOMIC_FETCH_AND_ADD;
}

/* Post @code to @raddr, then a harmless SEND behind it. */
static void post_refused(struct access_rig *r, enum ibv_wr_opcode code, uint64_t raddr,
			 uint32_t rkey, size_t len)
{
	struct ibv_sge sge = buf_sge(&r->local, 9, is_atomic(code) ? 8 : len);
	struct op op = { .code = code, .sge = &sge, .nsge = 1, .id = 0xacc, .raddr = raddr,
			 .rkey = rkey, .add = 0x1111, .swap = 0x2222 };
	struct op behind = { .code = IBV_WR_SEND, .id = 0xbe1 };

	ep_recv(&r->p.b, NULL, 0, 0x4ec);
	ep_post(&r->p.a, &op);
	ep_post(&r->p.a, &behind);
}

/* Both ends after a refusal with @status. */
static void check_refused(struct access_rig *r, enum ibv_wr_opcode code,
			  enum ibv_wc_status status)
{
	cq_want(r->p.a.scq, status, 0xacc, op_name(code));
	cq_want(r->p.a.scq, IBV_WC_WR_FLUSH_ERR, 0xbe1, "the SEND behind it");
	ep_want_state(&r->p.a, IBV_QPS_ERR, "requester's");
	ep_await_state(&r->p.b, IBV_QPS_ERR, "responder's", 2);
	buf_same(&r->target, "target");
	buf_same(&r->local, "local buffer");
}

/* One refusal from start to end on a connected pair, which is good again afterwards. */
static void refused(struct access_rig *r, enum ibv_wr_opcode code, uint64_t raddr,
		    uint32_t rkey, size_t len, enum ibv_wc_status status)
{
	enum ibv_wc_status rstatus = IBV_WC_WR_FLUSH_ERR;

	/*
	 * The immediate data of a WRITE_WITH_IMM comes with its last packet: when an earlier one
	 * is refused, the receive is only flushed; when they are one packet, both are allowed.
	 */
	post_refused(r, code, raddr, rkey, len);
	check_refused(r, code, status);
	if (code != IBV_WR_RDMA_WRITE_WITH_IMM)
		cq_want(r->p.b.rcq, rstatus, 0x4ec, "the responder's receive");
	ep_pair_again(&r->p);
}

static const enum ibv_wr_opcode remote_ops[] = {
	IBV_WR_RDMA_WRITE, IBV_WR_RDMA_READ, IBV_WR_RDMA_WRITE_WITH_IMM,
	IBV_WR_ATOMIC_CMP_AND_SWP, IBV_WR_ATOMIC_FETCH_AND_ADD,
};

enum key_kind { KEY_UNKNOWN, KEY_ZERO, KEY_VARIANT, KEY_OTHER_PD, KEY_GONE };

static uint32_t make_key(struct access_rig *r, enum key_kind kind)
{
	uint32_t good = r->target.mr->rkey, key;
	struct ep_dev *other;
	struct ibv_mr *mr;

	switch (kind) {
	case KEY_UNKNOWN:
		return good ^ 0x00ffee00;
	case KEY_ZERO:
		return 0;
	case KEY_VARIANT:
		return good ^ 1;
	case KEY_OTHER_PD:
		other = ep_dev(1);
		mr = ibv_reg_mr(ibv_alloc_pd(other->ctx), r->target.p, TARGET, RIGHTS_ALL);
		break;
	default:
		mr = ibv_reg_mr(r->p.b.dev->pd, r->target.p, TARGET, RIGHTS_ALL);
		break;
	}
	t_check(mr, "ibv_reg_mr: %s", strerror(errno));
	key = mr->rkey;
	if (kind == KEY_GONE)
		t_zero(ibv_dereg_mr(mr));
	return key;
}

static void bad_key(const struct t_case *c)
{
	struct access_rig r;

	rig_open(&r, RIGHTS_ALL, ep_rc().access);
	for (int i = 0; i < 5; i++) {
		t_where("%s", op_name(remote_ops[i]));
		refused(&r, remote_ops[i], (uintptr_t)r.target.p + 48 - SKEW % 8,
			make_key(&r, c->arg), 1000, IBV_WC_REM_ACCESS_ERR);
		pair_proves(&r.p);
	}
}

/* A range that misses the region by one byte (8 for atomics), at its start or its end. */
static void off_by_one(const struct t_case *c)
{
	static const size_t lens[] = { 1, 8, 1000, 9000 };
	struct access_rig r;

	rig_open(&r, RIGHTS_ALL, ep_rc().access);
	for (int i = 0; i < 3; i++)
		for (int n = 0; n < 4; n++) {
			uint64_t base = (uintptr_t)r.target.p;
			uint64_t raddr = c->arg ? base + TARGET - lens[n] + 1 : base - 1;

			t_where("%s of %zu bytes, one past the %s", op_name(remote_ops[i]),
				lens[n], c->arg ? "end" : "start");
			refused(&r, remote_ops[i], raddr, r.target.mr->rkey, lens[n],
				IBV_WC_REM_ACCESS_ERR);
		}
	pair_proves(&r.p);
}

static void off_by_one_atomic(const struct t_case *c)
{
	struct access_rig r;

	(void)c;
	rig_open(&r, RIGHTS_ALL, ep_rc().access);
	for (int i = 3; i < 5; i++)
		for (int at_end = 0; at_end < 2; at_end++) {
			uint64_t base = (uintptr_t)r.target.p;
			uint64_t raddr = at_end ? (base + TARGET) & ~7ULL : base & ~7ULL;

			t_where("%s across the %s", op_name(remote_ops[i]),
				at_end ? "end" : "start");
			t_check(raddr < base || raddr + 8 > base + TARGET, "bad test geometry");
			refused(&r, remote_ops[i], raddr, r.target.mr->rkey, 8,
				IBV_WC_REM_ACCESS_ERR);
		}
	pair_proves(&r.p);
}

/* Ranges that are far off, or whose end wraps around the address space. */
static void far_off(const struct t_case *c)
{
	struct access_rig r;

	(void)c;
	rig_open(&r, RIGHTS_ALL, ep_rc().access);
	for (int i = 0; i < 3; i++) {
		uint64_t base = (uintptr_t)r.target.p;
		uint64_t addrs[] = { 0, base + TARGET, base - 4096, base + (1ULL << 32),
				     ~0ULL - 49, 0ULL - 100, base | 1ULL << 63 };

		for (size_t n = 0; n < sizeof(addrs) / sizeof(addrs[0]); n++) {
			t_where("%s at %#lx", op_name(remote_ops[i]), addrs[n]);
			refused(&r, remote_ops[i], addrs[n], r.target.mr->rkey, 100,
				IBV_WC_REM_ACCESS_ERR);
		}
	}
	pair_proves(&r.p);
}

/* The whole region, from its first byte to its last, is inside. */
static void whole(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct buf src, dst;
	struct xfer x = { IBV_WR_RDMA_WRITE, &src, &dst, 0, 0, TARGET, 0 };
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, TARGET, SKEW, 0);
	buf_open(&dst, p.b.dev, TARGET, 4095, RIGHTS_ALL);
	xfer_run(&p, &x);
	buf_close(&src);
	buf_close(&dst);
	buf_open(&src, p.b.dev, TARGET, SKEW, IBV_ACCESS_REMOTE_READ);
	buf_open(&dst, p.a.dev, TARGET, 1, IBV_ACCESS_LOCAL_WRITE);
	x.code = IBV_WR_RDMA_READ;
	xfer_run(&p, &x);
	ep_pair_close(&p);
}

/*
 * Each operation with every right but the one it needs: on the MR (an access error), or on the QP
 * (an invalid request: the specification counts an operation that the QP was not set up for among
 * the unsupported ones).
 */
static void no_right(const struct t_case *c)
{
	static const int need[] = {
		IBV_ACCESS_REMOTE_WRITE, IBV_ACCESS_REMOTE_READ, IBV_ACCESS_REMOTE_WRITE,
		IBV_ACCESS_REMOTE_ATOMIC, IBV_ACCESS_REMOTE_ATOMIC,
	};
	bool on_qp = c->arg;

	for (int i = 0; i < 5; i++) {
		struct access_rig r;
		unsigned int all = ep_rc().access;

		t_where("%s without its right on the %s", op_name(remote_ops[i]),
			on_qp ? "QP" : "MR");
		rig_open(&r, on_qp ? RIGHTS_ALL : RIGHTS_ALL & ~need[i],
			 on_qp ? all & ~need[i] : all);
		refused(&r, remote_ops[i], ((uintptr_t)r.target.p + 64) & ~7ULL,
			r.target.mr->rkey, 1000, on_qp ? c->arg2 : IBV_WC_REM_ACCESS_ERR);
		xfer_fresh(&r.p, IBV_WR_SEND, 1000, 0);
	}
}

/* librxe checks the alignment of atomics in ibv_post_send() but not in ibv_wr_*: go that way. */
static void misaligned(const struct t_case *c)
{
	struct access_rig r;

	rig_open(&r, RIGHTS_ALL, ep_rc().access);
	for (int off = 1; off < 8; off += off == 4 ? 3 : 1) {
		struct ibv_qp_ex *q = r.p.a.qpx;
		uint64_t raddr = (((uintptr_t)r.target.p + 64) & ~7ULL) + off;

		t_where("%s at an address that is %d mod 8", op_name(c->arg), off);
		ep_recv(&r.p.b, NULL, 0, 0x4ec);
		ibv_wr_start(q);
		q->wr_id = 0xacc;
		q->wr_flags = IBV_SEND_SIGNALED;
		if (c->arg == IBV_WR_ATOMIC_CMP_AND_SWP)
			ibv_wr_atomic_cmp_swp(q, r.target.mr->rkey, raddr, 1, 2);
		else
			ibv_wr_atomic_fetch_add(q, r.target.mr->rkey, raddr, 1);
		ibv_wr_set_sge(q, r.local.mr->lkey, (uintptr_t)r.local.p + 9, 8);
		q->wr_id = 0xbe1;
		ibv_wr_send(q);
		t_zero(ibv_wr_complete(q));
		check_refused(&r, c->arg, IBV_WC_REM_INV_REQ_ERR);
		ep_pair_again(&r.p);
	}
	pair_proves(&r.p);
}

/* The responder's asynchronous event, after a WRITE by a wrong key, or to a QP that takes none. */
static void event(const struct t_case *c)
{
	bool by_key = c->arg == IBV_EVENT_QP_ACCESS_ERR;
	struct access_rig r;

	rig_open(&r, RIGHTS_ALL, ep_rc().access & ~(by_key ? 0 : IBV_ACCESS_REMOTE_WRITE));
	post_refused(&r, IBV_WR_RDMA_WRITE, (uintptr_t)r.target.p, r.target.mr->rkey ^ by_key, 100);
	check_refused(&r, IBV_WR_RDMA_WRITE, c->arg2);
	event_want(r.p.b.dev->ctx, c->arg, r.p.b.qp);
	event_none(r.p.b.dev->ctx, 50);
}

/* A READ of a bad key between good ones: what came before it is complete and right. */
static void in_the_middle(const struct t_case *c)
{
	struct access_rig r;
	struct op op = { .nsge = 1, .code = c->arg };
	struct ibv_sge sge;

	rig_open(&r, RIGHTS_ALL, ep_rc().access);
	op.sge = &sge;
	for (int i = 0; i < 12; i++) {
		sge = buf_sge(&r.local, 1000 * i, 1000);
		op.raddr = (uintptr_t)r.target.p + 1000 * i;
		op.rkey = r.target.mr->rkey ^ (i == 7 ? 0x40 : 0);
		op.id = i;
		ep_post(&r.p.a, &op);
	}
	for (int i = 0; i < 12; i++)
		cq_want(r.p.a.scq, i < 7 ? IBV_WC_SUCCESS : i == 7 ? IBV_WC_REM_ACCESS_ERR :
			IBV_WC_WR_FLUSH_ERR, i, op_name(op.code));
	if (op.code == IBV_WR_RDMA_READ)
		buf_expect(&r.local, 0, 7000, r.target.seed, 0, "what was READ before");
	else
		buf_expect(&r.target, 0, 7000, r.local.seed, 0, "what was written before");
	ep_pair_again(&r.p);
	pair_proves(&r.p);
}

/* Zero-length operations look at no key at all. */
static void zero_length(const struct t_case *c)
{
	struct op op = { .id = 3, .rkey = 0xdead00, .raddr = 0x1234567 };
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	for (int i = 0; i < 2; i++) {
		op.code = remote_ops[i];
		t_where("%s of zero bytes with a wrong key", op_name(op.code));
		ep_post(&p.a, &op);
		cq_want(p.a.scq, IBV_WC_SUCCESS, 3, op_name(op.code));
	}
	ep_pair_close(&p);
}

/* An MR deregistered while the peer is at it: it is refused from then on, with no byte changed. */
static void dereg_busy(const struct t_case *c)
{
	struct access_rig r;
	struct shooter s;

	rig_open(&r, RIGHTS_ALL, ep_rc().access);
	for (int round = 0; round < 20; round++) {
		t_where("round %d", round);
		s = (struct shooter) {
			.e = &r.p.a, .sge = buf_sge(&r.local, 0, TARGET),
			.op = { .code = c->arg, .raddr = (uintptr_t)r.target.p,
				.rkey = r.target.mr->rkey },
		};
		shooter_start(&s);
		usleep(t_rand() % 500);
		t_wait("ibv_dereg_mr under traffic");
		t_zero(ibv_dereg_mr(r.target.mr));
		buf_refill(&r.target);
		shooter_refused(&s);
		buf_same(&r.target, "memory after its MR was deregistered");
		buf_reg(&r.target, r.p.b.dev, RIGHTS_ALL);
		ep_pair_again(&r.p);
	}
	pair_proves(&r.p);
}

const struct t_case cases_access[] = {
	{ "err.rkey.unknown", bad_key, KEY_UNKNOWN, 0, 0 },
	{ "err.rkey.zero", bad_key, KEY_ZERO, 0, 0 },
	{ "err.rkey.variant", bad_key, KEY_VARIANT, 0, 0 },
	{ "err.rkey.other_pd", bad_key, KEY_OTHER_PD, 0, 0 },
	{ "err.rkey.gone", bad_key, KEY_GONE, 0, 0 },
	{ "err.range.start", off_by_one, 0, 0, 0 },
	{ "err.range.end", off_by_one, 1, 0, 0 },
	{ "err.range.atomic", off_by_one_atomic, 0, 0, 0 },
	{ "err.range.far", far_off, 0, 0, 0 },
	{ "err.range.whole", whole, 0, 0, 0 },
	{ "err.right.mr", no_right, 0, 0, 0 },
	{ "err.right.qp", no_right, 1, IBV_WC_REM_INV_REQ_ERR, 0 },
	{ "err.atomic.misaligned_add", misaligned, IBV_WR_ATOMIC_FETCH_AND_ADD, 0, 0 },
	{ "err.atomic.misaligned_swap", misaligned, IBV_WR_ATOMIC_CMP_AND_SWP, 0, 0 },
	{ "err.event.access", event, IBV_EVENT_QP_ACCESS_ERR, IBV_WC_REM_ACCESS_ERR, 0 },
	{ "err.event.request", event, IBV_EVENT_QP_REQ_ERR, IBV_WC_REM_INV_REQ_ERR, 0 },
	{ "err.middle.write", in_the_middle, IBV_WR_RDMA_WRITE, 0, 0 },
	{ "err.middle.read", in_the_middle, IBV_WR_RDMA_READ, 0, 0 },
	{ "err.zero_length", zero_length, 0, 0, 0 },
	{ "err.dereg_busy.write", dereg_busy, IBV_WR_RDMA_WRITE, 0, 0 },
	{ "err.dereg_busy.read", dereg_busy, IBV_WR_RDMA_READ, 0, 0 },
	{ }
};
