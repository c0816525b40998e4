// SPDX-License-Identifier: GPL-2.0
/*
 * storm.*: memory that changes without end beside many QPs that work in it.
 *
 * Each QP has a slice of one region: it writes fresh data there, reads them back by RDMA, and looks
 * by CPU. The changes are such that content stays (pages are dropped from a page table, swapped
 * out, write-protected, shared with a child), so every byte is checked in every round. While a
 * thread looks by CPU, the changes pause: on user-mode Linux it could else see a page that is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "crew.h"
#include "place.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { THREADS = 4, SLICE = 9001, STRIDE = 9500, ID = 0x5704, MAX_QPS = 64 };

enum change { DROP, PAGE_OUT, FORK, PROTECT, ADVISE_FREE_NEIGHBOUR, COLLAPSE_SPLIT };

struct storm {
	struct mem m;
	struct ep_pair p[MAX_QPS];
	int qps;
	enum change change;
	double end;
	unsigned long changes, rounds;
	pthread_rwlock_t pause;
};

struct worker {
	pthread_t thread;
	struct storm *s;
	int first, n;		/* QPs */
};

static void fork_once(struct storm *s)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	t_check(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork: %s", strerror(errno));
	(void)s;
}

static void change_once(struct storm *s)
{
	uint8_t *p = s->m.b.map;
	size_t len = s->m.b.map_len;
	int rc = 0;

	switch (s->change) {
	case DROP:
		rc = madvise(p, len, MADV_DONTNEED);
		break;
	case PAGE_OUT:
		rc = madvise(p, len, MADV_PAGEOUT);
		break;
	case FORK:
		fork_once(s);
		break;
	case PROTECT:
		rc = mprotect(p, len, PROT_READ | PROT_WRITE | PROT_EXEC) ?:
		     mprotect(p, len, PROT_READ | PROT_WRITE);
		break;
	case ADVISE_FREE_NEIGHBOUR:
		rc = munmap(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0), 1 << 20);
		break;
	case COLLAPSE_SPLIT:
		madvise(p, len, 25);
		rc = mprotect(p + odp_page(), odp_page(), PROT_READ | PROT_WRITE | PROT_EXEC) ?:
		     mprotect(p + odp_page(), odp_page(), PROT_READ | PROT_WRITE);
		break;
	}
	t_check(!rc, "change: %s", strerror(errno));
}

static void *changer(void *arg)
{
	struct storm *s = arg;

	while (t_now() < s->end) {
		pthread_rwlock_wrlock(&s->pause);
		change_once(s);
		s->changes++;
		pthread_rwlock_unlock(&s->pause);
		usleep(s->change == FORK || s->change == PAGE_OUT ? 2000 : 50);
	}
	return NULL;
}

static void post(struct worker *w, int q, enum ibv_wr_opcode code, struct buf *local)
{
	struct storm *s = w->s;
	struct ibv_sge sge = buf_sge(local, (q - w->first) * STRIDE, SLICE);
	struct op op = { .code = code, .sge = &sge, .nsge = 1, .id = q,
			 .raddr = (uintptr_t)s->m.b.p + (size_t)q * STRIDE,
			 .rkey = s->m.b.mr->rkey };

	ep_post(&s->p[q].a, &op);
}

/* One message of each QP of this thread, all at once. */
static void all(struct worker *w, enum ibv_wr_opcode code, struct buf *local)
{
	for (int q = w->first; q < w->first + w->n; q++)
		post(w, q, code, local);
	for (int q = w->first; q < w->first + w->n; q++)
		cq_want(w->s->p[q].a.scq, IBV_WC_SUCCESS, q, op_name(code));
}

static void look(struct worker *w, uint64_t seed)
{
	struct storm *s = w->s;

	pthread_rwlock_rdlock(&s->pause);
	settle();
	for (int q = w->first; q < w->first + w->n; q++) {
		size_t at = (size_t)q * STRIDE;

		buf_range(&s->m.b, at, SLICE, seed, (q - w->first) * STRIDE, "slice by CPU");
		buf_range(&s->m.b, at + SLICE, STRIDE - SLICE, s->m.b.seed, at + SLICE,
			  "gap behind the slice");
	}
	pthread_rwlock_unlock(&s->pause);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct storm *s = w->s;
	struct buf out, in;
	uint64_t seed = 0x57042 * (w->first + 1);

	buf_open(&out, s->p[w->first].a.dev, w->n * STRIDE, 3, RIGHTS_ALL);
	buf_open(&in, s->p[w->first].a.dev, w->n * STRIDE, 5, RIGHTS_ALL);
	while (t_now() < s->end) {
		pattern_fill(out.p, out.len, ++seed, 0);
		all(w, IBV_WR_RDMA_WRITE, &out);
		all(w, IBV_WR_RDMA_READ, &in);
		for (int q = 0; q < w->n; q++)
			buf_range(&in, q * STRIDE, SLICE, seed, q * STRIDE, "slice by READ");
		look(w, seed);
		__atomic_fetch_add(&s->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void storm_open(struct storm *s, const struct t_case *c, enum place_kind kind)
{
	struct ep_cfg cfg = ep_rc();

	odp_needed();
	memset(s, 0, sizeof(*s));
	s->qps = c->arg2;
	s->change = c->arg / PLACE_KINDS;
	cfg.timeout = 18;
	if (s->change == PAGE_OUT)
		swap_needed(16 << 20);
	pthread_rwlock_init(&s->pause, NULL);
	for (int q = 0; q < s->qps; q++)
		ep_pair_open(&s->p[q], &cfg);
	mem_open(&s->m, s->p[0].b.dev, kind, (size_t)s->qps * STRIDE + 100, 1001, RIGHTS_ALL,
		 false);
	s->end = t_now() + (odp_opts.full ? 6 : 2);
}

/* Is it pages of the region that a change takes away? */
static bool takes_pages(enum change change)
{
	return change != ADVISE_FREE_NEIGHBOUR;
}

/* The changes happened, and the driver heard of them, or had no reason to. */
static void check_changes(struct storm *s, int threads)
{
	uint64_t lost = mr_stats(s->p[0].b.dev, s->m.b.mr).invalidations;

	t_check(s->changes > 1, "%lu changes", s->changes);
	t_check(!lost == !takes_pages(s->change), "%lu page_invalidations by %lu changes", lost,
		s->changes);
	t_note("%lu rounds of %d QPs, %lu changes, %lu page_invalidations", s->rounds / threads,
	       s->qps, s->changes, lost);
}

/* @c->arg: change and kind of memory. @c->arg2: QPs. */
static void storm(const struct t_case *c)
{
	int threads = c->arg2 < THREADS ? c->arg2 : THREADS;
	struct worker w[THREADS];
	pthread_t change;
	struct storm *s = calloc(1, sizeof(*s));

	storm_open(s, c, c->arg % PLACE_KINDS);
	if (!takes_pages(s->change))
		pages_stay();
	t_zero(pthread_create(&change, NULL, changer, s));
	for (int i = 0; i < threads; i++) {
		w[i] = (struct worker){ .s = s, .n = s->qps / threads,
					.first = i * (s->qps / threads) };
		t_zero(pthread_create(&w[i].thread, NULL, work, &w[i]));
	}
	for (int i = 0; i < threads; i++)
		t_zero(pthread_join(w[i].thread, NULL));
	t_zero(pthread_join(change, NULL));
	t_check(s->rounds >= (unsigned long)threads, "%lu rounds", s->rounds);
	check_changes(s, threads);
}

/* Atomics of four QPs on one word of memory that comes and goes: the sum is exact. */
struct sum {
	pthread_t thread;
	struct storm *s;
	int q;
	uint64_t added;
};

static void *adds(void *arg)
{
	struct sum *a = arg;
	struct storm *s = a->s;
	struct buf res;

	buf_open(&res, s->p[a->q].a.dev, 64, 0, RIGHTS_ALL);
	/* Once in any case: where there are many, the first may need all the time there is. */
	do {
		struct ibv_sge sge = buf_sge(&res, 8, 8);
		struct op op = { .code = IBV_WR_ATOMIC_FETCH_AND_ADD, .sge = &sge, .nsge = 1,
				 .id = ID, .add = a->q + 1, .rkey = s->m.b.mr->rkey,
				 .raddr = ((uintptr_t)s->m.b.p + 64) & ~7UL };

		ep_post(&s->p[a->q].a, &op);
		cq_want(s->p[a->q].a.scq, IBV_WC_SUCCESS, ID, "FETCH_AND_ADD");
		a->added += op.add;
		__atomic_fetch_add(&s->rounds, 1, __ATOMIC_RELAXED);
	} while (t_now() < s->end);
	return NULL;
}

static void sums(const struct t_case *c)
{
	struct storm *s = calloc(1, sizeof(*s));
	struct sum a[MAX_QPS] = { };
	uint64_t *word, want;
	pthread_t change;

	storm_open(s, c, c->arg % PLACE_KINDS);
	word = (void *)(((uintptr_t)s->m.b.p + 64) & ~7UL);
	want = *word;
	t_zero(pthread_create(&change, NULL, changer, s));
	for (int q = 0; q < s->qps; q++) {
		a[q].s = s;
		a[q].q = q;
		t_zero(pthread_create(&a[q].thread, NULL, adds, &a[q]));
	}
	for (int q = 0; q < s->qps; q++) {
		t_zero(pthread_join(a[q].thread, NULL));
		t_check(a[q].added, "QP %d has added nothing", q);
		want += a[q].added;
	}
	t_zero(pthread_join(change, NULL));
	settle();
	t_check(*word == want, "sum: got %#lx, expected %#lx, off by %ld", *word, want,
		(long)(*word - want));
	check_changes(s, s->qps);
}

enum { REPLACED = 128 };

/* Two files, mapped in turn at one address. */
struct twins {
	struct ep_pair p;
	struct buf in;
	struct buf look[2];	/* each file through a mapping of its own */
	int fd[2];
	uint8_t *at;
	uint8_t *content;	/* for what is written to a file */
	size_t len;
	struct ibv_mr *mr;
};

static void twins_open(struct twins *t)
{
	struct ep_cfg cfg = ep_rc();

	odp_needed();
	cfg.timeout = 18;
	ep_pair_open(&t->p, &cfg);
	t->len = REPLACED * odp_page();
	buf_open(&t->in, t->p.a.dev, t->len, 0, RIGHTS_ALL);
	for (int i = 0; i < 2; i++) {
		t->fd[i] = memfd_create("rxe_odp", MFD_CLOEXEC);
		t_check(t->fd[i] >= 0 && !ftruncate(t->fd[i], t->len), "memfd: %s",
			strerror(errno));
		t->look[i] = (struct buf){ .len = t->len, .map_len = t->len };
		t->look[i].map = mmap(NULL, t->len, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd[i],
				      0);
		t->look[i].p = t->look[i].map;
		buf_refill(&t->look[i]);
	}
	t->content = malloc(t->len);
	t_check(t->content, "out of memory");
	t->at = mmap(NULL, t->len, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd[0], 0);
	t_check(t->at != MAP_FAILED, "mmap: %s", strerror(errno));
	t->mr = odp_reg(t->p.b.dev, t->at, t->len, RIGHTS_ALL);
}

static void twins_post(struct twins *t, enum ibv_wr_opcode code)
{
	struct ibv_sge sge = buf_sge(&t->in, 0, t->len);
	struct op op = { .code = code, .sge = &sge, .nsge = 1, .id = ID,
			 .raddr = (uintptr_t)t->at, .rkey = t->mr->rkey };

	ep_post(&t->p.a, &op);
}

/*
 * The message that comes next must ask for its pages, which are all there: it then walks the page
 * table once and stores what it saw, and between the two lies the time that matters.
 */
static void forget_pages(struct twins *t)
{
	t_check(!madvise(t->at, t->len, MADV_DONTNEED), "MADV_DONTNEED: %s", strerror(errno));
	t_check(!madvise(t->at, t->len, MADV_POPULATE_WRITE), "MADV_POPULATE_WRITE: %s",
		strerror(errno));
}

/* Each page of what a READ brought during the change is the one file's or the other's. */
static void either(const struct twins *t)
{
	size_t page = odp_page();
	struct pattern_bad bad;

	for (size_t off = 0; off < t->len; off += page)
		t_check(!pattern_check(t->in.p + off, page, t->look[0].seed, off, &bad) ||
			!pattern_check(t->in.p + off, page, t->look[1].seed, off, &bad),
			"the page at %zu is of neither file", off);
}

/*
 * A mapping is replaced at the very time when a message brings its pages in. Afterwards nothing of
 * the old one may be left: a READ shows the new file, a WRITE changes it, and not the other.
 */
static void replace(const struct t_case *c)
{
	struct twins t = { };
	unsigned long rounds = 0;
	double end;
	int cur = 0;

	twins_open(&t);
	end = t_now() + (odp_opts.full ? 10 : 3);
	while (t_now() < end || rounds < 16) {
		double spin;

		t_where("round %lu", rounds++);
		cur = !cur;
		forget_pages(&t);
		spin = t_now() + t_rand() % c->arg / 1e6;
		twins_post(&t, IBV_WR_RDMA_READ);
		while (t_now() < spin)
			;
		t_check(mmap(t.at, t.len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			     t.fd[cur], 0) == t.at, "mmap: %s", strerror(errno));
		cq_want(t.p.a.scq, IBV_WC_SUCCESS, ID, "READ beside the change");
		either(&t);
		twins_post(&t, IBV_WR_RDMA_READ);
		cq_want(t.p.a.scq, IBV_WC_SUCCESS, ID, "READ after the change");
		buf_expect(&t.in, 0, t.len, t.look[cur].seed, 0, "the file that is mapped now");
		if (rounds % 8)
			continue;
		buf_refill(&t.in);
		twins_post(&t, IBV_WR_RDMA_WRITE);
		cq_want(t.p.a.scq, IBV_WC_SUCCESS, ID, "WRITE after the change");
		buf_range(&t.look[cur], 0, t.len, t.in.seed, 0, "the file that was written");
		buf_range(&t.look[!cur], 0, t.len, t.look[!cur].seed, 0, "the other file");
		t.look[cur].seed = t.in.seed;
	}
	t_note("%lu rounds", rounds);
}

/* What both processes of the cases below know: how many changes began, how many are done. */
struct versions {
	unsigned long begun, done;
	bool stop;
};

struct renewal {
	struct twins t;
	struct versions *v;
};

/* Content of version @v: its number at the start of each page, a stream of its own behind. */
static void write_version(struct twins *t, unsigned long v)
{
	size_t page = odp_page();

	pattern_fill(t->content, t->len, v, 0);
	for (size_t off = 0; off < t->len; off += page)
		memcpy(t->content + off, &v, sizeof(v));
	t_check(!fallocate(t->fd[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, t->len),
		"fallocate: %s", strerror(errno));
	t_check(pwrite(t->fd[0], t->content, t->len, 0) == (ssize_t)t->len, "pwrite: %s",
		strerror(errno));
}

/* The child: all pages of the file go, and others come with the next version, again and again. */
static void renew(struct crew *self, void *arg)
{
	struct renewal *r = arg;
	struct versions *v = r->v;

	crew_step(self);
	for (unsigned long n = 2; !__atomic_load_n(&v->stop, __ATOMIC_ACQUIRE); n++) {
		__atomic_store_n(&v->begun, n, __ATOMIC_RELEASE);
		write_version(&r->t, n);
		__atomic_store_n(&v->done, n, __ATOMIC_RELEASE);
		usleep(t_rand() % 1000);
	}
}

/* Has each byte of @at come from @v, or is zero? */
static bool is_part_of(unsigned long at, unsigned long v)
{
	for (int shift = 0; shift < 64; shift += 8) {
		unsigned long byte = at >> shift & 0xff;

		if (byte && byte != (v >> shift & 0xff))
			return false;
	}
	return true;
}

/*
 * May a page show version @at when versions @was to @is were there meanwhile? A page that is asked
 * for before its content comes is there with zeroes, and CPUs may copy byte by byte. One that is
 * @whole, of version @at all over, was not being copied.
 */
static bool may_show(unsigned long at, unsigned long was, unsigned long is, bool whole)
{
	if (at >= was && at <= is)
		return true;
	if (whole)
		return false;
	for (unsigned long v = was + 1; v <= is; v++)
		if (is_part_of(at, v))
			return true;
	return false;
}

/* A READ shows no version that had ended before it began. Returns whether none came meanwhile. */
static bool no_older(struct renewal *r)
{
	unsigned long was = __atomic_load_n(&r->v->done, __ATOMIC_ACQUIRE), is, at;
	size_t page = odp_page();
	struct pattern_bad bad;
	bool whole;

	twins_post(&r->t, IBV_WR_RDMA_READ);
	cq_want(r->t.p.a.scq, IBV_WC_SUCCESS, ID, "READ of a file that is renewed");
	is = __atomic_load_n(&r->v->begun, __ATOMIC_ACQUIRE);
	for (size_t off = 0; off < r->t.len; off += page) {
		memcpy(&at, r->t.in.p + off, sizeof(at));
		whole = !pattern_check(r->t.in.p + off + 8, page - 8, at, off + 8, &bad);
		t_check(may_show(at, was, is, whole),
			"the page at %zu is of version %lu, expected %lu to %lu", off, at, was, is);
		t_check(is > was || whole, "the page at %zu of version %lu is wrong", off, at);
	}
	return is == was;
}

/*
 * The walk of the page table and this change do not exclude each other: a page that the walk has
 * seen may be gone before the walk ends. Nothing of it may be kept.
 */
static void versions(const struct t_case *c)
{
	unsigned long quiet = 0, all = 0;
	struct renewal r = { };
	struct crew kid;
	double end;

	(void)c;
	twins_open(&r.t);
	r.v = mmap(NULL, odp_page(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	r.v->begun = r.v->done = 1;
	write_version(&r.t, 1);
	crew_start(&kid, renew, &r);
	crew_await(&kid, "the child");
	end = t_now() + (odp_opts.full ? 15 : 4);
	for (; t_now() < end || __atomic_load_n(&r.v->done, __ATOMIC_ACQUIRE) < 4; all++)
		quiet += no_older(&r);
	__atomic_store_n(&r.v->stop, true, __ATOMIC_RELEASE);
	crew_end(&kid);
	t_check(no_older(&r), "versions %lu and %lu", r.v->begun, r.v->done);
	t_note("%lu READs, %lu of them undisturbed, %lu versions", all, quiet, r.v->done);
}

#define STORM(fn, name, change, kind, qps)				\
	{ name ".qps" #qps, fn, (change) * PLACE_KINDS + (kind), qps, 90 }

#define STORMS(fn, name, change, kind)					\
	STORM(fn, name, change, kind, 4), STORM(fn, name, change, kind, 64)

const struct t_case cases_storm[] = {
	STORMS(storm, "storm.dontneed.memfd", DROP, PLACE_MEMFD),
	STORMS(storm, "storm.dontneed.shared_file", DROP, PLACE_SHARED_FILE),
	STORMS(storm, "storm.dontneed.dax", DROP, PLACE_DAX),
	STORMS(storm, "storm.pageout.anon", PAGE_OUT, PLACE_ANON),
	STORMS(storm, "storm.pageout.private_file", PAGE_OUT, PLACE_PRIVATE_FILE),
	STORMS(storm, "storm.fork.anon", FORK, PLACE_ANON),
	STORMS(storm, "storm.fork.hugetlb", FORK, PLACE_HUGETLB),
	STORMS(storm, "storm.fork.private_file", FORK, PLACE_PRIVATE_FILE),
	STORMS(storm, "storm.mprotect.anon", PROTECT, PLACE_ANON),
	STORMS(storm, "storm.mprotect.hugetlb", PROTECT, PLACE_HUGETLB),
	STORMS(storm, "storm.mprotect.memfd", PROTECT, PLACE_MEMFD),
	STORMS(storm, "storm.mprotect.private_file", PROTECT, PLACE_PRIVATE_FILE),
	STORMS(storm, "storm.mprotect.dax", PROTECT, PLACE_DAX),
	STORMS(storm, "storm.neighbour.anon", ADVISE_FREE_NEIGHBOUR, PLACE_ANON),
	STORMS(storm, "storm.collapse.thp", COLLAPSE_SPLIT, PLACE_THP),
	{ "storm.versions", versions, 0, 0, 90 },
	{ "storm.replace.near", replace, 100, 0, 90 },
	{ "storm.replace.far", replace, 400, 0, 90 },
	STORMS(sums, "storm.atomic.dontneed.memfd", DROP, PLACE_MEMFD),
	STORMS(sums, "storm.atomic.fork.anon", FORK, PLACE_ANON),
	STORMS(sums, "storm.atomic.pageout.anon", PAGE_OUT, PLACE_ANON),
	STORMS(sums, "storm.atomic.mprotect.anon", PROTECT, PLACE_ANON),
	{ }
};
