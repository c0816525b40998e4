// SPDX-License-Identifier: GPL-2.0
/*
 * advise.*: prefetch. With the flag FLUSH it has happened when the call returns, without it happens
 * soon; NO_FAULT takes only what is there already. Seen by the page table of this process, and by
 * the region's counters: what was prefetched does not fault again.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <rdma/ib_user_ioctl_verbs.h>

#include "advise.h"
#include "cases.h"
#include "crew.h"
#include "rig.h"

enum {
	PAGES = 40, LEN = PAGES * 4096 - 100,
	READS = IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH,
	WRITES = IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_WRITE,
	NO_FAULT = IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT,
	FLUSH = IB_UVERBS_ADVISE_MR_FLAG_FLUSH,
};

/* What the library does with the call: it either lacks it, or it works. */
static void library(const struct t_case *c)
{
	struct ibv_sge sge;
	struct rig r;
	int rc;

	(void)c;
	odp_needed();
	rig_open(&r, PLACE_ANON, LEN);
	sge = buf_sge(&r.m.b, 0, LEN);
	rc = ibv_advise_mr(r.p.b.dev->pd, IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE,
			   IBV_ADVISE_MR_FLAG_FLUSH, &sge, 1);
	t_check(!rc || rc == EOPNOTSUPP, "ibv_advise_mr: got %s", t_errname(rc));
	t_note("ibv_advise_mr() of this library: %s", rc ? "not supported" : "works");
	rig_proves(&r, "after ibv_advise_mr");
	rig_close(&r);
}

static size_t present(const struct rig *r)
{
	settle();
	return page_count(r->m.b.p, r->m.b.len, page_present);
}

/*
 * A region over memory that nobody touched, and whose content is zeros. What comes stays, so that
 * it can be told whether it was prefetched.
 */
static void holes(struct rig *r, enum place_kind kind)
{
	struct mem m;

	odp_needed();
	pages_stay();
	mem_holes(&m, kind, LEN, 50);
	rig_around(r, &m);
	t_check(!present(r), "%zu pages are present already", present(r));
}

static int advise(struct rig *r, unsigned int advice, uint32_t flags, size_t off, size_t len)
{
	struct ibv_sge sge = buf_sge(&r->m.b, off, len);

	return advise_ioctl(r->p.b.dev->pd, advice, flags, &sge, 1);
}

static void await_present(struct rig *r, bool at_once)
{
	double end = t_now() + (at_once ? 0 : t_seconds(5));

	t_wait("prefetched pages");
	while (present(r) < PAGES && t_now() < end)
		usleep(1000);
	t_check(present(r) == PAGES, "%zu of %d pages present after prefetch", present(r), PAGES);
}

/* What was prefetched is used, without a fault. */
static void use(struct rig *r, bool write)
{
	uint64_t before = mr_stats(r->p.b.dev, r->m.b.mr).faults, after;

	if (write)
		rig_write(r);
	else
		rig_reads_zero(r, "READ of prefetched holes");
	after = mr_stats(r->p.b.dev, r->m.b.mr).faults;
	t_check(after == before, "prefetched pages took %lu faults when they were used",
		after - before);
	if (write)
		rig_written_zero(r, "WRITE to prefetched pages");
}

/* Rows say advice, flags and the kind of memory in two numbers. */
enum { FLAG_UNIT = 16 };

/* @c->arg: the kind of memory. @c->arg2: advice and flags. */
static void prefetch(const struct t_case *c)
{
	unsigned int advice = c->arg2 % FLAG_UNIT, flags = c->arg2 / FLAG_UNIT;
	struct mr_stats before, after;
	struct rig r;
	uint64_t sum;

	holes(&r, c->arg);
	sum = ep_counter(r.p.b.dev, "odp_page_prefetch");
	before = mr_stats(r.p.b.dev, r.m.b.mr);
	t_zero(advise(&r, advice, flags, 0, LEN));
	await_present(&r, flags & FLUSH);
	after = mr_stats(r.p.b.dev, r.m.b.mr);
	t_check(after.prefetches > before.prefetches, "page_prefetch stays at %lu",
		after.prefetches);
	t_check(after.faults == before.faults, "the prefetch counts for %lu faults",
		after.faults - before.faults);
	sum = ep_counter(r.p.b.dev, "odp_page_prefetch") - sum;
	t_check(sum == after.prefetches - before.prefetches,
		"odp_page_prefetch rose by %lu, the region's by %lu", sum,
		after.prefetches - before.prefetches);
	use(&r, advice == WRITES);
	rig_proves(&r, "after prefetch");
	rig_close(&r);
}

/*
 * Advice that brings nothing leaves no trace when it is done. It is taken in turn, so that behind
 * it another one is asked for, of a region that is all holes, and its page is waited for.
 */
static void await_turn(struct rig *r)
{
	double end = t_now() + t_seconds(5);
	struct ibv_sge sge;
	struct mem mark;

	mem_holes(&mark, PLACE_ANON, LEN, 50);
	mem_reg(&mark, r->p.b.dev, RIGHTS_ALL);
	sge = buf_sge(&mark.b, 0, 1);
	t_zero(advise_ioctl(r->p.b.dev->pd, READS, 0, &sge, 1));
	t_wait("the advice behind NO_FAULT");
	while (!page_present(mark.b.p) && t_now() < end)
		usleep(1000);
	t_check(page_present(mark.b.p), "the advice behind NO_FAULT brought no page in %.0f s",
		t_seconds(5));
	mem_close(&mark);
}

/* NO_FAULT over pages that are all there counts each of them. */
static void await_counted(struct rig *r, uint64_t before, bool at_once)
{
	double end = t_now() + (at_once ? 0 : t_seconds(5));
	uint64_t n;

	t_wait("prefetches to be counted");
	while ((n = mr_stats(r->p.b.dev, r->m.b.mr).prefetches - before) < PAGES && t_now() < end)
		usleep(1000);
	t_check(n == PAGES, "NO_FAULT took %lu of %d pages that were there", n, PAGES);
}

/* NO_FAULT of holes brings nothing and succeeds; of pages that are there, it spares the faults. */
static void no_fault(const struct t_case *c)
{
	struct mr_stats before, after;
	struct rig r;

	holes(&r, PLACE_ANON);
	t_zero(advise(&r, NO_FAULT, c->arg2, 0, LEN));
	if (!(c->arg2 & FLUSH))
		await_turn(&r);
	t_check(!present(&r), "NO_FAULT brought %zu pages", present(&r));
	buf_refill(&r.m.b);
	before = mr_stats(r.p.b.dev, r.m.b.mr);
	t_zero(advise(&r, NO_FAULT, c->arg2, 0, LEN));
	await_counted(&r, before.prefetches, c->arg2 & FLUSH);
	before = mr_stats(r.p.b.dev, r.m.b.mr);
	rig_reads_same(&r, "READ of pages that were there");
	after = mr_stats(r.p.b.dev, r.m.b.mr);
	t_check(after.faults == before.faults, "pages taken without a fault took %lu faults later",
		after.faults - before.faults);
	rig_proves(&r, "after NO_FAULT");
	rig_close(&r);
}

/* Parts of several regions in one call, odd ranges. */
static void list(const struct t_case *c)
{
	struct ibv_sge sge[8];
	struct rig r[4];
	size_t page = odp_page();

	(void)c;
	for (int i = 0; i < 4; i++) {
		holes(&r[i], i & 1 ? PLACE_ANON : PLACE_MEMFD);
		sge[2 * i] = buf_sge(&r[i].m.b, 3 * page + 7, 2 * page);
		sge[2 * i + 1] = buf_sge(&r[i].m.b, 20 * page + 1, 1);
	}
	t_zero(advise_ioctl(r[0].p.b.dev->pd, WRITES, FLUSH, sge, 8));
	for (int i = 0; i < 4; i++) {
		size_t want = 0;

		t_where("region %d", i);
		for (int k = 2 * i; k < 2 * i + 2; k++)
			want += page_count((void *)sge[k].addr, sge[k].length, page_present);
		t_check(want == 4, "%zu of the 4 pages asked for are present", want);
		t_check(present(&r[i]) <= want + 32, "%zu pages came for 4", present(&r[i]));
		rig_proves(&r[i], "after a list of prefetches");
		rig_close(&r[i]);
	}
}

/* Dropped after the prefetch: it comes again, with new content. */
static void dropped(const struct t_case *c)
{
	struct rig r;

	(void)c;
	holes(&r, PLACE_ANON);
	for (int i = 0; i < 10; i++) {
		t_zero(advise(&r, WRITES, FLUSH, 0, LEN));
		t_check(!madvise(r.m.b.map, r.m.b.map_len, MADV_DONTNEED), "madvise");
		rig_reads_zero(&r, "READ after the prefetched pages were dropped");
		rig_write(&r);
		rig_written_zero(&r, "WRITE after they were dropped");
		t_check(!madvise(r.m.b.map, r.m.b.map_len, MADV_DONTNEED), "madvise");
	}
	rig_close(&r);
}

static void implicit(const struct t_case *c)
{
	struct ibv_mr *mr;
	struct ibv_sge sge;
	struct rig r;

	(void)c;
	holes(&r, PLACE_ANON);
	mr = ibv_reg_mr(r.p.b.dev->pd, NULL, SIZE_MAX, RIGHTS_ALL | IBV_ACCESS_ON_DEMAND);
	t_check(mr, "ibv_reg_mr(NULL, SIZE_MAX): %s", strerror(errno));
	sge = (struct ibv_sge){ (uintptr_t)r.m.b.p, LEN, mr->lkey };
	t_zero(advise_ioctl(r.p.b.dev->pd, WRITES, FLUSH, &sge, 1));
	await_present(&r, true);
	rig_proves(&r, "after prefetch by an implicit region");
	rig_close(&r);
	t_zero(ibv_dereg_mr(mr));
}

static void refuse(int rc, int want, const char *what)
{
	t_check(rc == want, "%s: got %s, expected %s", what, strerrorname_np(rc),
		strerrorname_np(want));
}

/* Keys that are none of the domain's. */
static void wrong_keys(struct rig *r)
{
	struct ibv_pd *own = r->p.b.dev->pd, *other = ibv_alloc_pd(r->p.b.dev->ctx);
	struct ibv_sge sge = buf_sge(&r->m.b, 0, LEN);

	t_check(other, "ibv_alloc_pd: %s", strerror(errno));
	refuse(advise_ioctl(other, WRITES, FLUSH, &sge, 1), ENOENT, "another PD");
	refuse(advise_ioctl(other, WRITES, 0, &sge, 1), ENOENT, "another PD, by and by");
	sge.lkey ^= 0x40;
	refuse(advise_ioctl(own, WRITES, FLUSH, &sge, 1), ENOENT, "a wrong L_Key");
	sge.lkey = 0;
	refuse(advise_ioctl(own, WRITES, FLUSH, &sge, 1), ENOENT, "L_Key 0");
	t_zero(ibv_dealloc_pd(other));
}

static void wrong_ranges(struct rig *r)
{
	struct ibv_sge sge = { ~0ULL - 4, 100, r->m.b.mr->lkey };

	for (uint32_t flags = 0; flags <= FLUSH; flags += FLUSH) {
		refuse(advise(r, WRITES, flags, 1, LEN), EFAULT, "one byte past the end");
		refuse(advise(r, WRITES, flags, -1, 10), EFAULT, "one byte before the start");
		refuse(advise_ioctl(r->p.b.dev->pd, WRITES, flags, &sge, 1), EFAULT,
		       "a range that wraps");
	}
}

/* Of a list one bad entry is enough. */
static void wrong_entry(struct rig *r)
{
	struct ibv_sge list[] = { buf_sge(&r->m.b, 0, LEN), buf_sge(&r->m.b, 0, LEN) };

	list[1].lkey ^= 0x40;
	refuse(advise_ioctl(r->p.b.dev->pd, WRITES, FLUSH, list, 2), ENOENT,
	       "a wrong L_Key behind a good one");
}

/* Wrong keys, domains, ranges and rights; each is refused, and nothing comes. */
static void errors(const struct t_case *c)
{
	struct ibv_sge sge;
	struct ibv_mr *mr;
	struct rig r;

	(void)c;
	holes(&r, PLACE_ANON);
	wrong_keys(&r);
	wrong_ranges(&r);
	wrong_entry(&r);
	refuse(advise(&r, 77, FLUSH, 0, LEN), EOPNOTSUPP, "unknown advice");
	refuse(advise(&r, WRITES, 0x80, 0, LEN), EINVAL, "an unknown flag");
	mr = odp_reg(r.p.b.dev, r.m.b.p, LEN, IBV_ACCESS_REMOTE_READ);
	sge = buf_sge(&r.m.b, 0, LEN);
	sge.lkey = mr->lkey;
	refuse(advise_ioctl(r.p.b.dev->pd, WRITES, FLUSH, &sge, 1), EPERM,
	       "PREFETCH_WRITE of a region that cannot be written");
	t_check(!present(&r), "refused prefetches brought %zu pages", present(&r));
	t_zero(advise_ioctl(r.p.b.dev->pd, READS, FLUSH, &sge, 1));
	sge = buf_sge(&r.pin, 0, 100);
	refuse(advise_ioctl(r.p.a.dev->pd, READS, FLUSH, &sge, 1), EINVAL, "a pinned region");
	t_check(!munmap(r.m.b.map + 10 * odp_page(), odp_page()), "munmap");
	refuse(advise(&r, READS, FLUSH, 0, LEN), EFAULT, "a range with a page that is not mapped");
	/* By and by, nobody is told. */
	t_zero(advise(&r, READS, 0, 0, LEN));
}

/* Unfinished prefetches and regions that go: no harm, whatever comes first. */
static void dereg(const struct t_case *c)
{
	size_t len = 4 << 20;
	struct ep_dev *dev = ep_dev(0);
	uint8_t *p;

	odp_needed();
	for (int i = 0; i < c->arg; i++) {
		struct ibv_sge sge;
		struct ibv_mr *mr;

		p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		t_check(p != MAP_FAILED, "mmap");
		mr = odp_reg(dev, p, len, RIGHTS_ALL);
		sge = (struct ibv_sge){ (uintptr_t)p, len, mr->lkey };
		for (int k = 0; k < 8; k++)
			t_zero(advise_ioctl(dev->pd, k & 1 ? WRITES : READS, 0, &sge, 1));
		if (i & 1)
			munmap(p, len);
		t_wait("dereg of a region with prefetches under way");
		t_zero(ibv_dereg_mr(mr));
		if (!(i & 1))
			munmap(p, len);
	}
}

static void tick(int sig)
{
	(void)sig;
}

/* So many mappings that it takes a while to lock them all. */
static void make_mappings(size_t num)
{
	size_t page = odp_page();
	uint8_t *p = mmap(NULL, num * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	t_check(p != MAP_FAILED, "mmap of %zu pages", num);
	for (size_t i = 0; i < num; i += 2)
		t_check(!mprotect(p + i * page, page, PROT_NONE), "mprotect");
}

/* The first thing that this process' page table is looked at for. */
static void interrupted(struct crew *self, void *arg)
{
	struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = {};
	struct sigaction action = { .sa_handler = tick };
	struct ep_dev *dev = ep_dev(1);
	struct ibv_sge sge;
	struct mem m;
	int rc;

	(void)self;
	(void)arg;
	make_mappings(10000);
	mem_holes(&m, PLACE_ANON, LEN, 50);
	mem_reg(&m, dev, RIGHTS_ALL);
	sge = buf_sge(&m.b, 0, LEN);
	t_check(!sigaction(SIGALRM, &action, NULL), "sigaction");
	setitimer(ITIMER_REAL, &often, NULL);
	rc = advise_ioctl(dev->pd, WRITES, FLUSH, &sge, 1);
	setitimer(ITIMER_REAL, &never, NULL);
	t_check(!rc, "with a timer's signal: %s", t_errname(rc));
	mem_close(&m);
}

/* A program's signals, such as those of a profiler, do not end advice. */
static void signals(const struct t_case *c)
{
	odp_needed();
	for (int i = 0; i < c->arg; i++) {
		struct crew crew;

		t_where("process %d", i);
		crew_start(&crew, interrupted, NULL);
		crew_end(&crew);
	}
}

struct looker {
	pthread_t thread;
	struct rig *r;
	bool stop;
};

static void *look_on(void *arg)
{
	struct looker *l = arg;
	const struct buf *b = &l->r->m.b;
	struct ibv_sge sge = buf_sge(b, 0, b->len);

	while (!__atomic_load_n(&l->stop, __ATOMIC_RELAXED))
		t_zero(advise_ioctl(l->r->p.b.dev->pd, NO_FAULT, FLUSH, &sge, 1));
	return NULL;
}

/*
 * Who looks at the page table while pages go must not keep what it saw: the new pages come without
 * a word to anybody, so what was kept stays.
 */
static void stale(const struct t_case *c)
{
	double start = t_now(), end = start + c->arg;
	struct looker l[2] = {};
	unsigned long rounds = 0;
	uint64_t before, retries;
	struct rig r;

	odp_needed();
	rig_open(&r, PLACE_ANON, 1 << 18);
	before = ep_counter(r.p.b.dev, "odp_page_retries");
	for (int i = 0; i < 2; i++) {
		l[i].r = &r;
		t_zero(pthread_create(&l[i].thread, NULL, look_on, &l[i]));
	}
	/* Where CPUs are few, the two may not meet for a while. */
	for (; t_now() < end; rounds++) {
		t_where("round %lu", rounds);
		if (t_now() > end - 1 && end - start < 5 * c->arg &&
		    ep_counter(r.p.b.dev, "odp_page_retries") == before)
			end += c->arg;
		t_zero(madvise(r.m.b.map, r.m.b.map_len, MADV_DONTNEED));
		buf_refill(&r.m.b);
		rig_reads_same(&r, "memory that is all new");
	}
	t_where("%s", "");
	for (int i = 0; i < 2; i++) {
		__atomic_store_n(&l[i].stop, true, __ATOMIC_RELAXED);
		pthread_join(l[i].thread, NULL);
	}
	retries = ep_counter(r.p.b.dev, "odp_page_retries") - before;
	t_note("%lu rounds, %lu retries", rounds, retries);
	t_check(retries, "in %lu rounds no look met a change", rounds);
	t_check(mr_stats(r.p.b.dev, r.m.b.mr).retries == retries,
		"page_retries of the region is %lu, the device's odp_page_retries rose by %lu",
		mr_stats(r.p.b.dev, r.m.b.mr).retries, retries);
	rig_close(&r);
}

#define KIND(name, kind)								\
	{ "advise.read.flush." name, prefetch, kind, FLUSH * FLAG_UNIT + READS, 0 },	\
	{ "advise.read.async." name, prefetch, kind, READS, 0 },			\
	{ "advise.write.flush." name, prefetch, kind, FLUSH * FLAG_UNIT + WRITES, 0 },	\
	{ "advise.write.async." name, prefetch, kind, WRITES, 0 }

const struct t_case cases_advise[] = {
	{ "advise.library", library, 0, 0, 0 },
	PLACE_EACH(KIND),
	{ "advise.no_fault.flush", no_fault, 0, FLUSH, 0 },
	{ "advise.no_fault.async", no_fault, 0, 0, 0 },
	{ "advise.list", list, 0, 0, 0 },
	{ "advise.dropped", dropped, 0, 0, 0 },
	{ "advise.implicit", implicit, 0, 0, 0 },
	{ "advise.errors", errors, 0, 0, 0 },
	{ "advise.dereg", dereg, 40, 0, 60 },
	{ "advise.signals", signals, 4, 0, 60 },
	{ "advise.stale", stale, 6, 0, 60 },
	{ }
};
