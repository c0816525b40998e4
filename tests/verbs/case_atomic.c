// SPDX-License-Identifier: GPL-2.0
/*
 * Atomic operations: the value left behind, the old value returned, wrap at 64 bits, exactness
 * under concurrency, and that not one byte beside the eight changes.
 *
 * The value at the responder is a 64-bit number in its host's byte order; so is what comes back.
 */
#include <pthread.h>
#include <string.h>

#include "cases.h"
#include "xfer.h"

struct atomic_rig {
	struct ep_pair p;
	struct buf target, result;
	size_t toff, roff;
};

static void rig_open(struct atomic_rig *r)
{
	struct ep_cfg cfg = ep_rc();

	if (ep_dev(1)->attr.atomic_cap == IBV_ATOMIC_NONE)
		t_skip("atomic_cap is none");
	ep_pair_open(&r->p, &cfg);
	buf_open(&r->target, r->p.b.dev, 4096, 4096 - 64, RIGHTS_ALL);
	buf_open(&r->result, r->p.a.dev, 100, 4091, IBV_ACCESS_LOCAL_WRITE);
	r->roff = 3;
}

static void rig_close(struct atomic_rig *r)
{
	ep_pair_close(&r->p);
	buf_close(&r->target);
	buf_close(&r->result);
}

static uint64_t value_at(const struct buf *b, size_t off)
{
	uint64_t v;

	memcpy(&v, b->p + off, 8);
	return v;
}

static void set_value(struct buf *b, size_t off, uint64_t v)
{
	memcpy(b->p + off, &v, 8);
}

/* Everything of a buffer but the eight bytes at @off is as filled. */
static void around(const struct buf *b, size_t off, const char *who)
{
	uint64_t group = value_at(b, off);
	uint8_t want[8];

	pattern_fill(want, 8, b->seed, off);
	memcpy(b->p + off, want, 8);
	buf_same(b, who);
	memcpy(b->p + off, &group, 8);
}

static void post_atomic(struct atomic_rig *r, enum ibv_wr_opcode code, uint64_t add,
			uint64_t swap, uint64_t id)
{
	struct ibv_sge sge = buf_sge(&r->result, r->roff, 8);
	struct op op = {
		.code = code, .sge = &sge, .nsge = 1, .id = id, .add = add, .swap = swap,
		.raddr = (uintptr_t)r->target.p + r->toff, .rkey = r->target.mr->rkey,
	};

	ep_post(&r->p.a, &op);
}

/* One operation on @before: the target must become @after and @before come back. */
static void one(struct atomic_rig *r, enum ibv_wr_opcode code, uint64_t before, uint64_t add,
		uint64_t swap, uint64_t after)
{
	struct ibv_wc wc;
	uint64_t got;

	t_where("%s at offset %zu of %#lx with %#lx, %#lx", op_name(code), r->toff, before, add,
		swap);
	buf_refill(&r->target);
	buf_refill(&r->result);
	set_value(&r->target, r->toff, before);
	post_atomic(r, code, add, swap, 0xa7);
	cq_poll(r->p.a.scq, &wc, op_name(code));
	wc_want(&wc, IBV_WC_SUCCESS, op_name(code));
	t_check(wc.opcode == (code == IBV_WR_ATOMIC_CMP_AND_SWP ? IBV_WC_COMP_SWAP :
			      IBV_WC_FETCH_ADD), "completion opcode: got %d", wc.opcode);
	got = value_at(&r->target, r->toff);
	t_check(got == after, "value left: got %#lx, expected %#lx", got, after);
	got = value_at(&r->result, r->roff);
	t_check(got == before, "value returned: got %#lx, expected %#lx", got, before);
	around(&r->target, r->toff, "target");
	around(&r->result, r->roff, "result");
}

static void values(const struct t_case *c)
{
	struct atomic_rig r = { };
	uint64_t x, y, z;

	(void)c;
	rig_open(&r);
	for (r.toff = 0; r.toff < 4096; r.toff += r.toff < 64 ? 8 : 1000) {
		x = t_rand();
		y = t_rand();
		z = t_rand();
		one(&r, IBV_WR_ATOMIC_FETCH_AND_ADD, x, y, 0, x + y);
		one(&r, IBV_WR_ATOMIC_CMP_AND_SWP, x, x, z, z);
		one(&r, IBV_WR_ATOMIC_CMP_AND_SWP, x, x ^ 1ULL << 63, z, x);
		one(&r, IBV_WR_ATOMIC_CMP_AND_SWP, x, x ^ 1, z, x);
	}
	r.toff = 4096 - 8;
	one(&r, IBV_WR_ATOMIC_FETCH_AND_ADD, ~0ULL, 1, 0, 0);
	one(&r, IBV_WR_ATOMIC_FETCH_AND_ADD, ~0ULL, ~0ULL, 0, ~0ULL - 1);
	one(&r, IBV_WR_ATOMIC_FETCH_AND_ADD, 0xffffffffULL, 1, 0, 1ULL << 32);
	one(&r, IBV_WR_ATOMIC_FETCH_AND_ADD, 5, 0, 0, 5);
	rig_close(&r);
}

/* Many outstanding at once, more than the responder may hold: each returns the running sum. */
static void pipelined(const struct t_case *c)
{
	enum { N = 64 };
	struct ep_cfg cfg = ep_rc();
	struct atomic_rig r = { };
	struct buf results;
	uint64_t base = 0x0102030405060708ULL;

	(void)c;
	cfg.send_wr = N;
	cfg.rd_atomic = 2;
	ep_pair_open(&r.p, &cfg);
	buf_open(&r.target, r.p.b.dev, 64, 0, RIGHTS_ALL);
	buf_open(&results, r.p.a.dev, 8 * N, 1, IBV_ACCESS_LOCAL_WRITE);
	set_value(&r.target, 8, base);
	r.toff = 8;
	for (int i = 0; i < N; i++) {
		r.result = results;
		r.roff = 8 * i;
		post_atomic(&r, IBV_WR_ATOMIC_FETCH_AND_ADD, 3, 0, i);
	}
	for (int i = 0; i < N; i++)
		cq_want(r.p.a.scq, IBV_WC_SUCCESS, i, "FETCH_AND_ADD");
	for (int i = 0; i < N; i++)
		t_check(value_at(&results, 8 * i) == base + 3 * i,
			"result %d: got %#lx, expected %#lx", i, value_at(&results, 8 * i),
			base + 3 * i);
	t_check(value_at(&r.target, 8) == base + 3 * N, "final value: got %#lx",
		value_at(&r.target, 8));
	around(&r.target, 8, "target");
	ep_pair_close(&r.p);
}

struct adder {
	pthread_t thread;
	struct ep_pair p;
	struct buf *target;
	uint64_t add;
	int rounds;
	bool swap;		/* add by compare-and-swap loops */
};

static uint64_t atomic_once(struct adder *s, struct buf *res, enum ibv_wr_opcode code,
			    uint64_t add, uint64_t swap)
{
	struct ibv_sge sge = buf_sge(res, 8, 8);
	struct op op = {
		.code = code, .sge = &sge, .nsge = 1, .add = add, .swap = swap, .id = 1,
		.raddr = (uintptr_t)s->target->p + 8, .rkey = s->target->mr->rkey,
	};

	ep_post(&s->p.a, &op);
	cq_want(s->p.a.scq, IBV_WC_SUCCESS, 1, op_name(code));
	return value_at(res, 8);
}

static void *adder_run(void *arg)
{
	struct adder *s = arg;
	struct buf res;
	uint64_t seen = 0;

	buf_open(&res, s->p.a.dev, 64, 0, IBV_ACCESS_LOCAL_WRITE);
	for (int i = 0; i < s->rounds; i++) {
		if (!s->swap) {
			atomic_once(s, &res, IBV_WR_ATOMIC_FETCH_AND_ADD, s->add, 0);
			continue;
		}
		for (;;) {
			uint64_t old = atomic_once(s, &res, IBV_WR_ATOMIC_CMP_AND_SWP, seen,
						   seen + s->add);

			if (old == seen)
				break;
			seen = old;
		}
		seen += s->add;
	}
	return NULL;
}

/* Two QPs change one value at once; nothing may be lost. @c->arg: by compare-and-swap. */
static void concurrent(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct adder s[2] = { };
	struct buf target;
	uint64_t got, want = 0;

	buf_open(&target, ep_dev(1), 64, 4096 - 16, RIGHTS_ALL);
	set_value(&target, 8, 0);
	for (int i = 0; i < 2; i++) {
		ep_pair_open(&s[i].p, &cfg);
		s[i].target = &target;
		s[i].add = i ? 0x100000001ULL : 7;
		s[i].rounds = 500;
		s[i].swap = c->arg;
		want += s[i].add * s[i].rounds;
	}
	for (int i = 0; i < 2; i++)
		t_zero(pthread_create(&s[i].thread, NULL, adder_run, &s[i]));
	for (int i = 0; i < 2; i++)
		t_zero(pthread_join(s[i].thread, NULL));
	got = value_at(&target, 8);
	t_check(got == want, "sum: got %#lx, expected %#lx", got, want);
	around(&target, 8, "target");
}

/* Two MRs over the same bytes, one QP each: still one value. */
static void two_mrs(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct adder s[2] = { };
	struct buf one, two;
	uint64_t got;

	(void)c;
	buf_open(&one, ep_dev(1), 64, 128, RIGHTS_ALL);
	two = one;
	buf_reg(&two, ep_dev(1), RIGHTS_ALL);
	set_value(&one, 8, 0);
	for (int i = 0; i < 2; i++) {
		ep_pair_open(&s[i].p, &cfg);
		s[i].target = i ? &two : &one;
		s[i].add = 1;
		s[i].rounds = 400;
		t_zero(pthread_create(&s[i].thread, NULL, adder_run, &s[i]));
	}
	for (int i = 0; i < 2; i++)
		t_zero(pthread_join(s[i].thread, NULL));
	got = value_at(&one, 8);
	t_check(got == 800, "sum: got %lu, expected 800", got);
}

/* The CPU adds to the same word: promised only with IBV_ATOMIC_GLOB. */
static void with_cpu(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct adder s = { .add = 1, .rounds = 500 };
	struct buf target;
	uint64_t got, *word;

	(void)c;
	if (ep_dev(1)->attr.atomic_cap != IBV_ATOMIC_GLOB)
		t_skip("atomic_cap is %d, not GLOB", ep_dev(1)->attr.atomic_cap);
	buf_open(&target, ep_dev(1), 64, 0, RIGHTS_ALL);
	set_value(&target, 8, 0);
	word = (void *)(target.p + 8);
	ep_pair_open(&s.p, &cfg);
	s.target = &target;
	t_zero(pthread_create(&s.thread, NULL, adder_run, &s));
	for (int i = 0; i < 1000000; i++)
		__atomic_fetch_add(word, 1, __ATOMIC_RELAXED);
	t_zero(pthread_join(s.thread, NULL));
	got = value_at(&target, 8);
	t_check(got == 1000500, "sum: got %lu, expected 1000500", got);
}

const struct t_case cases_atomic[] = {
	{ "atomic.values", values, 0, 0, 0 },
	{ "atomic.pipelined", pipelined, 0, 0, 0 },
	{ "atomic.concurrent_add", concurrent, 0, 0, 0 },
	{ "atomic.concurrent_swap", concurrent, 1, 0, 60 },
	{ "atomic.two_mrs", two_mrs, 0, 0, 0 },
	{ "atomic.with_cpu", with_cpu, 0, 0, 0 },
	{ }
};
