// SPDX-License-Identifier: GPL-2.0
/*
 * company.*: what one access to memory that is not there, or not allowed, does to others: on the
 * same QP, on the same page, in other processes, and to those who list or change regions meanwhile.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "advise.h"
#include "cases.h"
#include "crew.h"
#include "rig.h"
#include "uffd.h"

enum { PAGES = 8 };

/* Memory whose pages come @delay seconds after they are asked for. */
struct slow {
	struct mem m;
	struct uffd u;
};

static void slow_open(struct slow *s, struct ep_dev *dev, size_t pages, double delay)
{
	odp_needed();
	mem_holes(&s->m, PLACE_ANON, pages * odp_page(), 0);
	uffd_open(&s->u, &s->m, delay);
	mem_reg(&s->m, dev, RIGHTS_ALL);
}

static void slow_close(struct slow *s)
{
	s->u.delay = 0;
	uffd_close(&s->u);
}

static void post(struct ep *e, enum ibv_wr_opcode code, const struct buf *local, size_t off,
		 size_t len, uint64_t raddr, uint32_t rkey)
{
	struct ibv_sge sge = buf_sge(local, off, len);
	struct op op = { .code = code, .sge = &sge, .nsge = 1, .id = off, .raddr = raddr,
			 .rkey = rkey };

	ep_post(e, &op);
}

/* A WRITE is acknowledged when it is done, though the READ behind it has to wait. */
static void ack(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct slow first, second;
	struct ep_pair p;
	struct buf pin;

	(void)c;
	cfg.timeout = 20;
	ep_pair_open(&p, &cfg);
	slow_open(&first, p.b.dev, PAGES, 0.2);
	slow_open(&second, p.b.dev, PAGES, 3);
	buf_open(&pin, p.a.dev, 3000, 5, RIGHTS_ALL);
	post(&p.a, IBV_WR_RDMA_WRITE, &pin, 0, 999, (uintptr_t)first.m.b.p, first.m.b.mr->rkey);
	post(&p.a, IBV_WR_RDMA_READ, &pin, 1500, 999, (uintptr_t)second.m.b.p,
	     second.m.b.mr->rkey);
	cq_want(p.a.scq, IBV_WC_SUCCESS, 0, "WRITE");
	t_check(!__atomic_load_n(&second.u.pages, __ATOMIC_RELAXED),
		"the WRITE completed only when the READ's page was there");
	cq_want(p.a.scq, IBV_WC_SUCCESS, 1500, "READ");
	first.u.delay = second.u.delay = 0;
	buf_range(&first.m.b, 0, 999, pin.seed, 0, "what was written");
	buf_range(&pin, 1500, 999, second.m.b.seed, 0, "what was read");
	slow_close(&first);
	slow_close(&second);
}

enum { READS = 8, READ_LEN = 40000 };

/* Copies of many READs, sent because the first one's page was slow, are all answered in full. */
static void copies(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	uint64_t retries, most = 12 * t_opts.slow;
	struct slow s;
	struct ep_pair p;
	struct buf pin;

	(void)c;
	cfg.timeout = 14;
	cfg.rd_atomic = READS;
	cfg.mtu = 1024;
	ep_pair_open(&p, &cfg);
	slow_open(&s, p.b.dev, READS * READ_LEN / odp_page() + 1, 0.2);
	buf_open(&pin, p.a.dev, READS * READ_LEN, 5, RIGHTS_ALL);
	retries = ep_counter(ep_dev(0), "retry_count");
	for (size_t at = 0; at < READS * READ_LEN; at += READ_LEN)
		post(&p.a, IBV_WR_RDMA_READ, &pin, at, READ_LEN, (uintptr_t)s.m.b.p + at,
		     s.m.b.mr->rkey);
	usleep(300000);
	s.u.delay = 0;
	for (size_t at = 0; at < READS * READ_LEN; at += READ_LEN)
		cq_want(p.a.scq, IBV_WC_SUCCESS, at, "READ");
	buf_expect(&pin, 0, READS * READ_LEN, s.m.b.seed, 0, "what was read");
	retries = ep_counter(ep_dev(0), "retry_count") - retries;
	t_check(retries && retries <= most, "%lu retries, expected 1 to %lu", retries, most);
	slow_close(&s);
}

enum { ROUNDS = 100 };

/* A WRITE to a page that may only be read fails, and a READ of it at the same time does not. */
static void reader(const struct t_case *c)
{
	size_t step = 2 * odp_page(), len = ROUNDS * step;
	struct ep_cfg cfg = ep_rc();
	struct ep_pair w, r;
	struct ibv_mr *mr;
	struct buf pin;
	uint8_t *p;

	(void)c;
	odp_needed();
	ep_pair_open(&w, &cfg);
	ep_pair_open(&r, &cfg);
	buf_open(&pin, w.a.dev, 3000, 5, RIGHTS_ALL);
	p = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t_check(p != MAP_FAILED, "mmap of %zu bytes", len);
	mr = odp_reg(w.b.dev, p, len, RIGHTS_ALL);
	for (size_t at = 0; at < len; at += step) {
		t_where("page %zu", at / odp_page());
		buf_refill(&pin);
		post(&w.a, IBV_WR_RDMA_WRITE, &pin, 0, 100, (uintptr_t)p + at, mr->rkey);
		post(&r.a, IBV_WR_RDMA_READ, &pin, 1500, 100, (uintptr_t)p + at, mr->rkey);
		cq_want(w.a.scq, IBV_WC_REM_OP_ERR, 0, "WRITE to a read-only page");
		cq_want(r.a.scq, IBV_WC_SUCCESS, 1500, "READ of the same page");
		zero_want(pin.p + 1500, 100, "what was READ");
		buf_range(&pin, 1600, 100, pin.seed, 1600, "what is behind that");
		ep_pair_again(&w);
	}
	zero_want(p, len, "read-only memory");
}

enum { STUCK = 1100 };

/* A process with more work than anybody serves, for pages that never come. */
static void stuck(struct crew *self, void *arg)
{
	struct ep_dev *dev = ep_dev(1);
	struct slow s;
	int rc = 0;

	(void)arg;
	slow_open(&s, dev, STUCK, 1000);
	for (size_t i = 0; i < STUCK && !rc; i++) {
		struct ibv_sge sge = buf_sge(&s.m.b, i * odp_page(), odp_page());

		rc = advise_ioctl(dev->pd, IBV_ADVISE_MR_ADVICE_PREFETCH, 0, &sge, 1);
		t_check(!rc || rc == ENOMEM, "advice %zu: %s", i, t_errname(rc));
	}
	crew_step(self);
	pause();
}

static void strangers(const struct t_case *c)
{
	struct crew crew;
	struct rig r;

	(void)c;
	crew_start(&crew, stuck, NULL);
	crew_await(&crew, "a process with pages that never come");
	rig_open(&r, PLACE_ANON, 64 * odp_page());
	rig_proves(&r, "beside a process with pages that never come");
	kill(crew.pid, SIGKILL);
	crew_reap(&crew, 20, "a process with pages that never come");
	rig_close(&r);
}

static bool enough;
static unsigned long changes;

static void *change_rights(void *arg)
{
	for (; !__atomic_load_n(&enough, __ATOMIC_RELAXED); changes++)
		if (mr_rereg(arg, REREG_ACCESS, NULL, NULL, odp_access(RIGHTS_ALL)))
			return arg;
	return NULL;
}

/* A region that changes all the time is found by each access, and by who lists regions. */
static void changing(const struct t_case *c)
{
	pthread_t thread;
	struct rig r;
	void *failed;

	odp_needed();
	rig_open(&r, PLACE_ANON, 16 * odp_page());
	t_check(!pthread_create(&thread, NULL, change_rights, r.m.b.mr), "no thread");
	for (int i = 0; i < c->arg; i++) {
		size_t at = i * 64 % (r.pin.len - 64), from = i * 331 % (r.m.b.len - 64);

		t_where("round %d", i);
		post(&r.p.a, IBV_WR_RDMA_READ, &r.pin, at, 64, (uintptr_t)r.m.b.p + from,
		     r.m.b.mr->rkey);
		cq_want(r.p.a.scq, IBV_WC_SUCCESS, at, "READ of a region that changes");
		buf_range(&r.pin, at, 64, r.m.b.seed, from, "what was READ");
		if (i % 100 == 0)
			t_check(!system("rdma statistic show mr >/dev/null"),
				"`rdma statistic show mr` failed");
	}
	t_where("%s", "");
	__atomic_store_n(&enough, true, __ATOMIC_RELAXED);
	pthread_join(thread, &failed);
	t_check(!failed, "a change of rights failed");
	t_check(changes > 1, "%lu changes", changes);
	rig_close(&r);
}

enum { ZAPPERS = 3, ZAPPED = 512 << 20, ODP_CHUNK = 2 << 20 };

struct zapper {
	pthread_t thread;
	uint8_t *p;
	bool failed;
};

/* One of several that change page tables all the time: there is no moment without a change. */
static void *zap(void *arg)
{
	double end = t_now() + t_seconds(15);
	struct zapper *z = arg;

	while (!z->failed && !__atomic_load_n(&enough, __ATOMIC_RELAXED) && t_now() < end)
		z->failed = madvise(z->p, ZAPPED, MADV_FREE);
	return NULL;
}

/* It is the page of zeros everywhere, which takes no memory, and time to go through. */
static void zapper_open(struct zapper *z)
{
	z->failed = false;
	z->p = mmap(NULL, ZAPPED, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t_check(z->p != MAP_FAILED, "mmap of %d bytes", ZAPPED);
	madvise(z->p, ZAPPED, MADV_NOHUGEPAGE);
	t_check(!madvise(z->p, ZAPPED, MADV_POPULATE_READ), "madvise: %s", strerror(errno));
}

static void read_at(struct rig *r, const void *at, uint32_t rkey)
{
	pattern_fill(r->pin.p, 100, rkey, 0);
	post(&r->p.a, IBV_WR_RDMA_READ, &r->pin, 0, 100, (uintptr_t)at, rkey);
	cq_want(r->p.a.scq, IBV_WC_SUCCESS, 0, "READ beside changes");
	t_check(!memcmp(r->pin.p, at, 100), "what was READ differs from what is there");
}

/*
 * What the kernel does to the process' memory, all the time, holds up neither who misses a page
 * elsewhere, in a chunk where nothing changes, nor the end of regions, though page entries are to
 * be given back meanwhile.
 */
static void zaps(const struct t_case *c)
{
	struct zapper zappers[ZAPPERS];
	uint8_t *first, *second;
	struct ibv_mr *all;
	double start;
	struct rig r;

	(void)c;
	odp_needed();
	pages_stay();
	rig_open(&r, PLACE_ANON, 4 * ODP_CHUNK);
	all = odp_reg(r.p.b.dev, NULL, SIZE_MAX, RIGHTS_ALL);
	first = r.m.b.p + (-(uintptr_t)r.m.b.p & (ODP_CHUNK - 1));
	second = first + ODP_CHUNK;
	read_at(&r, first, all->rkey);
	read_at(&r, second, all->rkey);
	for (int i = 0; i < ZAPPERS; i++) {
		zapper_open(&zappers[i]);
		read_at(&r, zappers[i].p + ODP_CHUNK, all->rkey);
	}
	for (int i = 0; i < ZAPPERS; i++)
		t_check(!pthread_create(&zappers[i].thread, NULL, zap, &zappers[i]), "no thread");
	t_check(!madvise(second, ODP_CHUNK, MADV_DONTNEED), "madvise");
	usleep(500000);
	for (const uint8_t *at = first + 7777; at < second; at += 77777)
		read_at(&r, at, all->rkey);
	start = t_now();
	t_zero(ibv_dereg_mr(all));
	rig_close(&r);
	t_check(t_now() - start < t_seconds(3), "the regions' end took %.1f s", t_now() - start);
	__atomic_store_n(&enough, true, __ATOMIC_RELAXED);
	for (int i = 0; i < ZAPPERS; i++) {
		pthread_join(zappers[i].thread, NULL);
		t_check(!zappers[i].failed, "madvise of other memory failed");
		munmap(zappers[i].p, ZAPPED);
	}
}

enum { HELD = 1UL << 40 };

/* Keeps the kernel busy with this process' page table, until the process ends. */
static void *hold_lock(void *arg)
{
	void *p = mmap(NULL, HELD, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	t_check(p != MAP_FAILED, "mmap of %lu bytes", HELD);
	madvise(p, HELD, MADV_NOHUGEPAGE);
	__atomic_store_n((int *)arg, 1, __ATOMIC_RELEASE);
	madvise(p, HELD, MADV_POPULATE_READ);
	__atomic_store_n((int *)arg, 2, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * The lock of its own page table is held, as a reader's, for long: the first access to a process'
 * memory does not wait for that, nor does the end of regions.
 */
static void lock(const struct t_case *c)
{
	pthread_t thread;
	double start;
	struct rig r;
	int held = 0;

	(void)c;
	odp_needed();
	rig_open(&r, PLACE_ANON, 4 * odp_page());
	t_check(!pthread_create(&thread, NULL, hold_lock, &held), "no thread");
	while (!__atomic_load_n(&held, __ATOMIC_ACQUIRE))
		usleep(1000);
	usleep(100000);
	post(&r.p.a, IBV_WR_RDMA_READ, &r.pin, 0, 100, (uintptr_t)r.m.b.p + 7, r.m.b.mr->rkey);
	cq_want(r.p.a.scq, IBV_WC_SUCCESS, 0, "the first access");
	buf_range(&r.pin, 0, 100, r.m.b.seed, 7, "what was READ");
	start = t_now();
	t_wait("dereg");
	t_zero(ibv_dereg_mr(r.m.b.mr));
	t_check(t_now() - start < t_seconds(1), "dereg took %.1f s", t_now() - start);
	t_check(__atomic_load_n(&held, __ATOMIC_ACQUIRE) == 1, "the lock was not held that long");
}

const struct t_case cases_company[] = {
	{ "company.ack", ack, 0, 0, 0 },
	{ "company.copies", copies, 0, 0, 0 },
	{ "company.reader", reader, 0, 0, 0 },
	{ "company.strangers", strangers, 0, 0, 60 },
	{ "company.changing", changing, 2000, 0, 60 },
	{ "company.zaps", zaps, 0, 0, 60 },
	{ "company.lock", lock, 0, 0, 0 },
	{ }
};
