// SPDX-License-Identifier: GPL-2.0
/*
 * Memory placement: ATOMIC WRITE, which stores a word as a whole, and FLUSH, which makes what was
 * written before it visible or lasting. What a flush does to caches no program can see; these cases
 * see who may flush what, and that it keeps its place in the order.
 */
#include <errno.h>
#include <string.h>

#include "cases.h"
#include "xfer.h"

#ifdef HAVE_IBV_WR_FLUSH
enum { TARGET = 9000, SKEW = 4096 - 16, ID = 0x91ace };

#define FLUSH_GLOBAL_CAP	(1ULL << 38)
#define FLUSH_PERSISTENT_CAP	(1ULL << 39)
#define ATOMIC_WRITE_CAP	(1ULL << 40)

struct place_rig {
	struct ep_pair p;
	struct buf target;
};

static void need_cap(uint64_t cap, const char *name)
{
	struct ibv_device_attr_ex attr;

	t_zero(ibv_query_device_ex(ep_dev(1)->ctx, NULL, &attr));
	if ((attr.device_cap_flags_ex & cap) != cap)
		t_skip("the device does not claim %s", name);
}

static void rig_open(struct place_rig *r, int rights, unsigned int qp_rights)
{
	struct ep_cfg cfg = ep_rc();

	cfg.access |= qp_rights;
	cfg.send_ops = IBV_QP_EX_WITH_ATOMIC_WRITE | IBV_QP_EX_WITH_FLUSH;
	ep_pair_open(&r->p, &cfg);
	buf_open(&r->target, r->p.b.dev, TARGET, SKEW, rights);
}

static void post_word(struct place_rig *r, size_t off, uint64_t value, uint32_t rkey)
{
	struct ibv_qp_ex *qp = r->p.a.qpx;

	ibv_wr_start(qp);
	qp->wr_id = ID + off;
	qp->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_atomic_write(qp, rkey, (uintptr_t)r->target.p + off, &value);
	t_zero(ibv_wr_complete(qp));
}

static void post_flush(struct place_rig *r, uint64_t addr, size_t len, uint32_t rkey, uint8_t type,
		       uint8_t level)
{
	struct ibv_qp_ex *qp = r->p.a.qpx;

	ibv_wr_start(qp);
	qp->wr_id = ID;
	qp->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_flush(qp, rkey, addr, len, type, level);
	t_zero(ibv_wr_complete(qp));
}

static void want(struct place_rig *r, enum ibv_wc_status status, uint64_t id,
		 enum ibv_wc_opcode opcode)
{
	struct ibv_wc wc;

	cq_poll(r->p.a.scq, &wc, "a placement operation");
	wc_want(&wc, status, "a placement operation");
	t_check(wc.wr_id == id, "wr_id: got %#lx, expected %#lx", wc.wr_id, id);
	t_check(status || wc.opcode == opcode, "opcode: got %d, expected %d", wc.opcode, opcode);
}

/* At both ends of the region, over a page's edge and between, each word alone changes. */
static void words(const struct t_case *c)
{
	static const size_t at[] = { 0, 8, 16, 24, 4096, 4104, 8984, 8992 };
	struct place_rig r;

	(void)c;
	need_cap(ATOMIC_WRITE_CAP, "ATOMIC WRITE");
	rig_open(&r, RIGHTS_ALL, 0);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		uint8_t value[8];
		uint64_t word;

		buf_refill(&r.target);
		pattern_fill(value, 8, 1000 + i, 0);
		memcpy(&word, value, 8);
		post_word(&r, at[i], word, r.target.mr->rkey);
		want(&r, IBV_WC_SUCCESS, ID + at[i], IBV_WC_ATOMIC_WRITE);
		buf_expect(&r.target, at[i], 8, 1000 + i, 0, "target");
	}
	ep_pair_close(&r.p);
}

/* Many at once, between WRITEs: they are executed in the order in which they were posted. */
static void word_order(const struct t_case *c)
{
	struct place_rig r;
	struct ibv_sge sge;
	struct op op = { .code = IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1 };
	struct buf src;

	(void)c;
	need_cap(ATOMIC_WRITE_CAP, "ATOMIC WRITE");
	rig_open(&r, RIGHTS_ALL, 0);
	buf_open(&src, r.p.a.dev, TARGET, 77, 0);
	op.raddr = (uintptr_t)r.target.p;
	op.rkey = r.target.mr->rkey;
	for (uint64_t round = 1; round <= 200; round++) {
		uint64_t word;

		t_where("round %lu", round);
		sge = buf_sge(&src, round, 8000);
		op.id = round;
		ep_post(&r.p.a, &op);
		post_word(&r, 16, round, op.rkey);
		cq_want(r.p.a.scq, IBV_WC_SUCCESS, round, "WRITE");
		want(&r, IBV_WC_SUCCESS, ID + 16, IBV_WC_ATOMIC_WRITE);
		memcpy(&word, r.target.p + 16, 8);
		t_check(word == round, "the word is %#lx, expected %#lx", word, round);
		buf_range(&r.target, 0, 16, src.seed, round, "before the word");
		buf_range(&r.target, 24, 7976, src.seed, round + 24, "behind the word");
	}
	ep_pair_close(&r.p);
}

enum refusal { NO_KEY, NO_RIGHT, OUTSIDE, UNALIGNED };

static void word_refused(const struct t_case *c)
{
	struct place_rig r;
	size_t off = c->arg == OUTSIDE ? 9000 : c->arg == UNALIGNED ? 12 : 16;
	uint32_t rkey;

	need_cap(ATOMIC_WRITE_CAP, "ATOMIC WRITE");
	rig_open(&r, c->arg == NO_RIGHT ? IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ :
					  RIGHTS_ALL, 0);
	rkey = r.target.mr->rkey ^ (c->arg == NO_KEY);
	post_word(&r, off, 5, rkey);
	want(&r, c->arg == UNALIGNED ? IBV_WC_REM_INV_REQ_ERR : IBV_WC_REM_ACCESS_ERR, ID + off, 0);
	buf_same(&r.target, "target");
	ep_await_state(&r.p.b, IBV_QPS_ERR, "responder's", 2);
	ep_pair_again(&r.p);
	pair_proves(&r.p);
	ep_pair_close(&r.p);
}

/* A range at every edge, and a whole region, of which address and length say nothing. */
static void flushes(const struct t_case *c)
{
	int flags = IBV_ACCESS_FLUSH_GLOBAL;
	struct place_rig r;
	uint64_t addr;
	uint32_t rkey;

	(void)c;
	need_cap(FLUSH_GLOBAL_CAP, "FLUSH GLOBAL");
	rig_open(&r, RIGHTS_ALL | flags, flags);
	addr = (uintptr_t)r.target.p;
	rkey = r.target.mr->rkey;
	for (size_t off = 0; off <= TARGET; off += 1500) {
		t_where("from byte %zu", off);
		post_flush(&r, addr + off, TARGET - off, rkey, IBV_FLUSH_GLOBAL, IBV_FLUSH_RANGE);
		want(&r, IBV_WC_SUCCESS, ID, IBV_WC_FLUSH);
	}
	post_flush(&r, 5, 1 << 30, rkey, IBV_FLUSH_GLOBAL, IBV_FLUSH_MR);
	want(&r, IBV_WC_SUCCESS, ID, IBV_WC_FLUSH);
	buf_same(&r.target, "target");
	pair_proves(&r.p);
	ep_pair_close(&r.p);
}

/* @c->arg: rights of the region. @c->arg2: what is asked for. */
static void flush_refused(const struct t_case *c)
{
	int flags = IBV_ACCESS_FLUSH_GLOBAL;
	enum ibv_wc_status status = IBV_WC_REM_ACCESS_ERR;
	struct place_rig r;
	size_t len = 100;

	need_cap(FLUSH_GLOBAL_CAP, "FLUSH GLOBAL");
	rig_open(&r, RIGHTS_ALL | (c->arg == NO_RIGHT ? 0 : flags), c->arg2 ? 0 : flags);
	if (c->arg2)
		status = IBV_WC_REM_INV_REQ_ERR;
	if (c->arg == OUTSIDE)
		len = TARGET + 1;
	post_flush(&r, (uintptr_t)r.target.p, len, r.target.mr->rkey ^ (c->arg == NO_KEY),
		   IBV_FLUSH_GLOBAL, IBV_FLUSH_RANGE);
	want(&r, status, ID, 0);
	ep_await_state(&r.p.b, IBV_QPS_ERR, "responder's", 2);
	ep_pair_again(&r.p);
	pair_proves(&r.p);
	ep_pair_close(&r.p);
}

/* Memory that does not last cannot be registered as if it did. */
static void not_lasting(const struct t_case *c)
{
	struct ibv_mr *mr;
	struct buf b;

	(void)c;
	need_cap(FLUSH_PERSISTENT_CAP, "FLUSH PERSISTENT");
	buf_plain(&b, TARGET, SKEW);
	mr = ibv_reg_mr(ep_dev(1)->pd, b.p, b.len, RIGHTS_ALL | IBV_ACCESS_FLUSH_PERSISTENT);
	t_check(!mr && errno == EINVAL, "ordinary memory, to be flushed to persistence: got %s",
		mr ? "a region" : t_errname(errno));
}

/* On demand it turns out when something is written there: the flush then says so. */
static void not_lasting_on_demand(const struct t_case *c)
{
	int flags = IBV_ACCESS_FLUSH_PERSISTENT;
	struct ibv_device_attr_ex attr;
	struct place_rig r;

	(void)c;
	need_cap(FLUSH_PERSISTENT_CAP, "FLUSH PERSISTENT");
	t_zero(ibv_query_device_ex(ep_dev(1)->ctx, NULL, &attr));
	if (!(attr.odp_caps.general_caps & IBV_ODP_SUPPORT))
		t_skip("no on-demand paging");
	rig_open(&r, RIGHTS_ALL | flags | IBV_ACCESS_ON_DEMAND, flags);
	post_flush(&r, 0, 0, r.target.mr->rkey, IBV_FLUSH_PERSISTENT, IBV_FLUSH_MR);
	want(&r, IBV_WC_SUCCESS, ID, IBV_WC_FLUSH);
	post_word(&r, 16, 5, r.target.mr->rkey);
	want(&r, IBV_WC_SUCCESS, ID + 16, IBV_WC_ATOMIC_WRITE);
	post_flush(&r, 0, 0, r.target.mr->rkey, IBV_FLUSH_PERSISTENT, IBV_FLUSH_MR);
	want(&r, IBV_WC_REM_OP_ERR, ID, 0);
	ep_pair_close(&r.p);
}

const struct t_case cases_place[] = {
	{ "place.words", words, 0, 0, 0 },
	{ "place.word_order", word_order, 0, 0, 0 },
	{ "place.word_refused.key", word_refused, NO_KEY, 0, 0 },
	{ "place.word_refused.right", word_refused, NO_RIGHT, 0, 0 },
	{ "place.word_refused.outside", word_refused, OUTSIDE, 0, 0 },
	{ "place.word_refused.unaligned", word_refused, UNALIGNED, 0, 0 },
	{ "place.flushes", flushes, 0, 0, 0 },
	{ "place.flush_refused.key", flush_refused, NO_KEY, 0, 0 },
	{ "place.flush_refused.right", flush_refused, NO_RIGHT, 0, 0 },
	{ "place.flush_refused.outside", flush_refused, OUTSIDE, 0, 0 },
	{ "place.flush_refused.qp", flush_refused, -1, 1, 0 },
	{ "place.not_lasting", not_lasting, 0, 0, 0 },
	{ "place.not_lasting_on_demand", not_lasting_on_demand, 0, 0, 0 },
	{ }
};
#else
static void no_calls(const struct t_case *c)
{
	(void)c;
	t_skip("this release of libibverbs has no calls for it");
}

const struct t_case cases_place[] = {
	{ "place.none", no_calls, 0, 0, 0 },
	{ }
};
#endif
