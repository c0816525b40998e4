// SPDX-License-Identifier: GPL-2.0
/*
 * atomic.*: RDMA atomics and atomics of the CPU on the same words: not one may be lost, which is
 * what IBV_ATOMIC_GLOB promises. Also between regions of both kinds over the same page.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cases.h"
#include "crew.h"
#include "rig.h"

enum { WORDS = 4, ADDERS = 2, CPUS = 2, SKIPPED = 24 };

struct adder {
	pthread_t thread;
	struct ep_pair p;
	struct buf *target;
	struct ibv_mr *mr;
	uint64_t sum[WORDS];
	int rounds;
};

static bool stop;

static void need_glob(void)
{
	if (ep_dev(1)->attr.atomic_cap != IBV_ATOMIC_GLOB)
		t_skip("atomic_cap is %d, not GLOB", ep_dev(1)->attr.atomic_cap);
}

/* Where there are two CPUs, two threads work at the same time, and not in turn. */
static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static uint64_t *word(const struct buf *b, int i)
{
	return (void *)(b->p + SKIPPED + 8 * i);
}

static uint64_t remote_atomic(struct ep *e, struct buf *res, uint64_t raddr, uint32_t rkey,
			      bool swap, uint64_t add, uint64_t with)
{
	struct ibv_sge sge = buf_sge(res, 8, 8);
	struct op op = { .code = swap ? IBV_WR_ATOMIC_CMP_AND_SWP : IBV_WR_ATOMIC_FETCH_AND_ADD,
			 .sge = &sge, .nsge = 1, .id = 1, .add = add, .swap = with,
			 .raddr = raddr, .rkey = rkey };
	uint64_t old;

	ep_post(e, &op);
	cq_want(e->scq, IBV_WC_SUCCESS, 1, op_name(op.code));
	memcpy(&old, res->p + 8, 8);
	return old;
}

static void *rdma_adds(void *arg)
{
	struct adder *a = arg;
	struct buf res;

	buf_open(&res, a->p.a.dev, 64, 0, IBV_ACCESS_LOCAL_WRITE);
	for (int i = 0; i < a->rounds; i++) {
		int w = i % WORDS;
		uint64_t add = 1 + i % 7;

		remote_atomic(&a->p.a, &res, (uintptr_t)word(a->target, w), a->mr->rkey, false,
			      add, 0);
		a->sum[w] += add;
	}
	return NULL;
}

static void *cpu_adds(void *arg)
{
	struct adder *a = arg;

	for (int i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		int w = i % WORDS;

		__atomic_fetch_add(word(a->target, w), 3, __ATOMIC_RELAXED);
		a->sum[w] += 3;
		if (i % 64 == 0)
			settle();
	}
	return NULL;
}

/* @c->arg: the kind of memory. @c->arg2: the second adder has a pinned region of its own. */
static void add(const struct t_case *c)
{
	struct adder a[ADDERS + CPUS] = { };
	uint64_t want[WORDS], base[WORDS];
	struct ep_cfg cfg = ep_rc();
	struct mem m;

	need_glob();
	mem_open(&m, ep_dev(1), c->arg, 64, 4096 - 48, RIGHTS_ALL, false);
	for (int i = 0; i < ADDERS + CPUS; i++) {
		a[i].target = &m.b;
		a[i].mr = m.b.mr;
		a[i].rounds = odp_opts.full ? 10000 : 1000;
		if (i < ADDERS)
			ep_pair_open(&a[i].p, &cfg);
	}
	if (c->arg2)
		a[1].mr = ibv_reg_mr(ep_dev(1)->pd, m.b.p, m.b.len, RIGHTS_ALL);
	t_check(a[1].mr, "ibv_reg_mr");
	for (int i = 0; i < WORDS; i++)
		base[i] = *word(&m.b, i);
	for (int i = 0; i < ADDERS + CPUS; i++)
		t_zero(pthread_create(&a[i].thread, NULL, i < ADDERS ? rdma_adds : cpu_adds,
				      &a[i]));
	for (int i = 0; i < ADDERS + CPUS; i++) {
		if (i == ADDERS)
			__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
		t_zero(pthread_join(a[i].thread, NULL));
	}
	for (int i = 0; i < WORDS; i++) {
		want[i] = base[i];
		for (int k = 0; k < ADDERS + CPUS; k++)
			want[i] += a[k].sum[i];
		t_check(*word(&m.b, i) == want[i], "word %d: got %#lx, expected %#lx, off by %ld",
			i, *word(&m.b, i), want[i], (long)(*word(&m.b, i) - want[i]));
	}
	buf_range(&m.b, 0, SKIPPED, m.b.seed, 0, "in front of the words");
	buf_range(&m.b, SKIPPED + 8 * WORDS, 8, m.b.seed, SKIPPED + 8 * WORDS, "behind them");
}

/*
 * A CPU that does nothing but change one word, and RDMA that changes it too. The CPU's part is a
 * process of its own: on user-mode Linux two threads of one process never run at the same time.
 */
struct tight {
	struct mem m;
	bool *stop;		/* shared with the child */
	bool swap;
};

/* For FETCH_AND_ADD it adds; for CMP_AND_SWP it leaves the value and comes back to it. */
static void hammer(struct crew *self, void *arg)
{
	struct tight *t = arg;
	uint64_t *at = word(&t->m.b, 0), added = 0;

	stay_on(1);
	crew_step(self);
	for (int i = 0; !__atomic_load_n(t->stop, __ATOMIC_RELAXED); i++) {
		__atomic_fetch_add(at, 3, __ATOMIC_RELAXED);
		if (t->swap)
			__atomic_fetch_sub(at, 3, __ATOMIC_RELAXED);
		else
			added += 3;
		if (i % 4096 == 0)
			settle();
	}
	crew_tell(self, &added, sizeof(added));
}

/* RDMA's part: add 1000 as often as it can. Returns how often it did. */
static unsigned long add_by_rdma(struct tight *t, uint64_t base, unsigned long *tries)
{
	double end = t_now() + (odp_opts.full ? 10 : 1.5);
	struct ep_cfg cfg = ep_rc();
	unsigned long done = 0;
	struct ep_pair p;
	struct buf res;

	ep_pair_open(&p, &cfg);
	buf_open(&res, p.a.dev, 64, 0, IBV_ACCESS_LOCAL_WRITE);
	for (*tries = 0; t_now() < end; ++*tries) {
		uint64_t was = base + 1000 * done, got;

		got = remote_atomic(&p.a, &res, (uintptr_t)word(&t->m.b, 0), t->m.b.mr->rkey,
				    t->swap, t->swap ? was : 1000, was + 1000);
		/* Two lost changes may make up for each other in the end, but not here. */
		t_check(!t->swap || got == was || got == was + 3,
			"CMP_AND_SWP returns %#lx, expected %#lx or 3 more", got, was);
		done += !t->swap || got == was;
	}
	return done;
}

/* @c->arg: pinned, not on demand. @c->arg2: by CMP_AND_SWP. */
static void tight(const struct t_case *c)
{
	struct tight t = { .swap = c->arg2 };
	uint64_t base, added, *at;
	unsigned long tries, done;
	struct crew kid;

	need_glob();
	mem_plain(&t.m, PLACE_MEMFD, 64, 4096 - 48, false);
	at = word(&t.m.b, 0);
	base = *at;
	t.stop = mmap(NULL, odp_page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (c->arg)
		buf_reg(&t.m.b, ep_dev(1), RIGHTS_ALL);
	else
		mem_reg(&t.m, ep_dev(1), RIGHTS_ALL);
	crew_start(&kid, hammer, &t);
	crew_await(&kid, "the CPU's part");
	stay_on(0);
	done = add_by_rdma(&t, base, &tries);
	__atomic_store_n(t.stop, true, __ATOMIC_RELAXED);
	crew_hear(&kid, &added, sizeof(added), "what the CPU added");
	crew_end(&kid);
	settle();
	base += added + 1000 * done;
	t_check(*at == base, "got %#lx, expected %#lx, off by %ld after %lu operations", *at, base,
		(long)(*at - base), tries);
	t_check(done > 10, "%lu of %lu operations had an effect", done, tries);
	t_note("%lu of %lu operations had an effect", done, tries);
}

/* A lock that RDMA and the CPU take in turn, and what it guards: a number that both increment. */
struct lock {
	struct buf *b;
	struct ibv_mr *mr;
	struct ep_pair p;
	int rounds;
};

enum { FREE, BY_CPU, BY_RDMA };

static void *cpu_locks(void *arg)
{
	struct lock *l = arg;
	uint64_t *lock = word(l->b, 0), *count = word(l->b, 1);

	for (int i = 0; i < l->rounds; i++) {
		uint64_t expect = FREE;

		while (!__atomic_compare_exchange_n(lock, &expect, BY_CPU, false,
						    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
			expect = FREE;
			settle();
		}
		*count += 1;
		__atomic_store_n(lock, FREE, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void rdma_move(struct lock *l, enum ibv_wr_opcode code, struct buf *local)
{
	struct ibv_sge sge = buf_sge(local, 16, 8);
	struct op op = { .code = code, .sge = &sge, .nsge = 1, .id = 2,
			 .raddr = (uintptr_t)word(l->b, 1), .rkey = l->mr->rkey };

	ep_post(&l->p.a, &op);
	cq_want(l->p.a.scq, IBV_WC_SUCCESS, 2, op_name(code));
}

static void *rdma_locks(void *arg)
{
	struct lock *l = arg;
	struct buf res;
	uint64_t old, n;

	buf_open(&res, l->p.a.dev, 64, 0, IBV_ACCESS_LOCAL_WRITE);
	for (int i = 0; i < l->rounds; i++) {
		while (remote_atomic(&l->p.a, &res, (uintptr_t)word(l->b, 0), l->mr->rkey, true,
				     FREE, BY_RDMA) != FREE)
			;
		rdma_move(l, IBV_WR_RDMA_READ, &res);
		memcpy(&n, res.p + 16, 8);
		n++;
		memcpy(res.p + 16, &n, 8);
		rdma_move(l, IBV_WR_RDMA_WRITE, &res);
		old = remote_atomic(&l->p.a, &res, (uintptr_t)word(l->b, 0), l->mr->rkey, true,
				    BY_RDMA, FREE);
		t_check(old == BY_RDMA, "the lock that RDMA holds has value %lu", old);
	}
	return NULL;
}

static void lock(const struct t_case *c)
{
	struct lock l = { .rounds = odp_opts.full ? 1000 : 300 };
	struct ep_cfg cfg = ep_rc();
	pthread_t cpu, rdma;
	struct mem m;

	need_glob();
	mem_open(&m, ep_dev(1), c->arg, 64, 0, RIGHTS_ALL, false);
	*word(&m.b, 0) = FREE;
	*word(&m.b, 1) = 0;
	l.b = &m.b;
	l.mr = m.b.mr;
	ep_pair_open(&l.p, &cfg);
	t_zero(pthread_create(&cpu, NULL, cpu_locks, &l));
	t_zero(pthread_create(&rdma, NULL, rdma_locks, &l));
	t_zero(pthread_join(cpu, NULL));
	t_zero(pthread_join(rdma, NULL));
	t_check(*word(&m.b, 1) == 2UL * l.rounds, "guarded count: got %lu, expected %d",
		*word(&m.b, 1), 2 * l.rounds);
	t_check(*word(&m.b, 0) == FREE, "the lock is left as %lu", *word(&m.b, 0));
}

const struct t_case cases_cpu[] = {
	{ "atomic.add.pinned", add, PLACE_PINNED, 0, 60 },
	{ "atomic.add.anon", add, PLACE_ANON, 0, 60 },
	{ "atomic.add.thp", add, PLACE_THP, 0, 60 },
	{ "atomic.add.hugetlb", add, PLACE_HUGETLB, 0, 60 },
	{ "atomic.add.memfd", add, PLACE_MEMFD, 0, 60 },
	{ "atomic.add.shared_file", add, PLACE_SHARED_FILE, 0, 60 },
	{ "atomic.add.private_file", add, PLACE_PRIVATE_FILE, 0, 60 },
	{ "atomic.add.dax", add, PLACE_DAX, 0, 60 },
	{ "atomic.add.both_kinds", add, PLACE_MEMFD, 1, 60 },
	{ "atomic.tight_add.pinned", tight, 1, 0, 60 },
	{ "atomic.tight_add.memfd", tight, 0, 0, 60 },
	{ "atomic.tight_swap.pinned", tight, 1, 1, 60 },
	{ "atomic.tight_swap.memfd", tight, 0, 1, 60 },
	{ "atomic.lock.pinned", lock, PLACE_PINNED, 0, 60 },
	{ "atomic.lock.anon", lock, PLACE_ANON, 0, 60 },
	{ "atomic.lock.memfd", lock, PLACE_MEMFD, 0, 60 },
	{ }
};
