// SPDX-License-Identifier: GPL-2.0
/*
 * region.*: the ways in which a region and memory relate: another number for its start (iova), the
 * whole address space (implicit), several regions over one memory, far more than the machine has,
 * memory that may only be read, lists that mix regions of both kinds.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "cases.h"
#include "rig.h"

enum { LEN = 5 * 4096 + 77, ID = 0x4e6 };

/* Register the region of @r again with the iova @iova. */
static void at_iova(struct rig *r, uint64_t iova)
{
	struct buf *b = &r->m.b;

	t_zero(ibv_dereg_mr(b->mr));
	b->mr = ibv_reg_mr_iova(r->p.b.dev->pd, b->p, b->len, iova, odp_access(RIGHTS_ALL));
	t_check(b->mr, "ibv_reg_mr_iova(%p, iova %#lx): %s", b->p, iova, strerror(errno));
	b->shift = iova - (uintptr_t)b->p;
}

static void iova(const struct t_case *c)
{
	uint64_t page = odp_page(), in_page, tops[4];
	struct rig r;

	(void)c;
	rig_open(&r, PLACE_ANON, LEN);
	in_page = (uintptr_t)r.m.b.p % page;
	tops[0] = in_page;
	tops[1] = 7 * page + in_page;
	tops[2] = (1ULL << 63) - 3 * page + in_page;
	tops[3] = 0 - 8 * page + in_page;
	for (int i = 0; i < 4; i++) {
		at_iova(&r, tops[i]);
		t_where("iova %#lx for address %p", tops[i], r.m.b.p);
		rig_warm(&r);
		rig_proves(&r, "iova");
		t_where("iova %#lx for address %p", tops[i], r.m.b.p);
		/* The address itself is now outside. */
		r.m.b.shift = 0;
		rig_refused(&r, IBV_WR_RDMA_WRITE, IBV_WC_REM_ACCESS_ERR);
	}
	rig_close(&r);
}

/* Another offset in the page: the core refuses it, or it works. */
static void iova_offset(const struct t_case *c)
{
	struct ibv_mr *mr;
	struct rig r;

	(void)c;
	rig_open(&r, PLACE_ANON, LEN);
	mr = ibv_reg_mr_iova(r.p.b.dev->pd, r.m.b.p, r.m.b.len, (uintptr_t)r.m.b.p + 5 * 4096 + 9,
			     odp_access(RIGHTS_ALL));
	if (!mr) {
		t_check(errno == EINVAL, "ibv_reg_mr_iova: got %s, expected EINVAL",
			t_errname(errno));
		t_note("the core refuses an iova at another place in the page");
		return;
	}
	t_zero(ibv_dereg_mr(mr));
	at_iova(&r, (uintptr_t)r.m.b.p + 5 * 4096 + 9);
	rig_warm(&r);
	rig_proves(&r, "iova at another place in the page");
}

/* A region over the whole address space of this process. */
static struct ibv_mr *implicit(struct ep_dev *dev, int access)
{
	struct ibv_mr *mr;

	odp_needed();
	if (!(odp_caps(1).general_caps & IBV_ODP_SUPPORT_IMPLICIT))
		t_fail("the device does not claim IBV_ODP_SUPPORT_IMPLICIT");
	mr = ibv_reg_mr(dev->pd, NULL, SIZE_MAX, access | IBV_ACCESS_ON_DEMAND);
	t_check(mr, "ibv_reg_mr(NULL, SIZE_MAX): %s", strerror(errno));
	return mr;
}

/* The implicit region serves memory that is mapped after it was made, as L_Key and as R_Key. */
static void implicit_data(const struct t_case *c)
{
	static const enum place_kind kinds[] = { PLACE_ANON, PLACE_MEMFD, PLACE_ANON };
	struct ibv_mr *mr, *own;
	struct rig r;

	(void)c;
	mr = implicit(ep_dev(1), RIGHTS_ALL);
	for (int i = 0; i < 3; i++) {
		rig_open(&r, kinds[i], i == 2 ? (2 << 20) + 5 : LEN);
		own = r.m.b.mr;
		r.m.b.mr = mr;
		rig_warm(&r);
		rig_proves(&r, "implicit");
		r.m.b.mr = own;
		rig_close(&r);
	}
	t_zero(ibv_dereg_mr(mr));
}

/* What no program has: unmapped, the kernel's half, ranges that wrap around. */
static void implicit_outside(const struct t_case *c)
{
	uint64_t addrs[] = { 0, 4096, 1ULL << 47, 0xffff888000000000ULL, 0xffffffff81000000ULL,
			     ~0ULL - 9, ~0ULL - 8191 };
	struct ibv_mr *mr, *own;
	struct rig r;

	(void)c;
	mr = implicit(ep_dev(1), RIGHTS_ALL);
	rig_open(&r, PLACE_ANON, LEN);
	own = r.m.b.mr;
	r.m.b.mr = mr;
	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++)
		for (int k = 0; k < 2; k++) {
			enum ibv_wr_opcode code = k ? IBV_WR_RDMA_READ : IBV_WR_RDMA_WRITE;
			enum ibv_wc_status got;

			t_where("%s at %#lx", op_name(code), addrs[i]);
			buf_refill(&r.pin);
			r.m.b.shift = addrs[i] - (uintptr_t)r.m.b.p - r.off;
			got = rig_try(&r, code);
			t_check(got == IBV_WC_REM_ACCESS_ERR || got == IBV_WC_REM_OP_ERR,
				"got \"%s\", expected a remote access or operation error",
				ibv_wc_status_str(got));
			buf_same(&r.pin, "requester's buffer");
			ep_pair_again(&r.p);
		}
	r.m.b.shift = 0;
	rig_proves(&r, "after all refusals");
	r.m.b.mr = own;
	rig_close(&r);
}

/* Rights of an implicit region hold as those of any. */
static void implicit_rights(const struct t_case *c)
{
	struct ibv_mr *mr, *own;
	struct rig r;

	(void)c;
	mr = implicit(ep_dev(1), IBV_ACCESS_REMOTE_READ);
	rig_open(&r, PLACE_ANON, LEN);
	own = r.m.b.mr;
	r.m.b.mr = mr;
	rig_reads_same(&r, "implicit, for READ only");
	rig_refused(&r, IBV_WR_RDMA_WRITE, IBV_WC_REM_ACCESS_ERR);
	buf_same(&r.m.b, "memory of a region without the right to WRITE");
	r.m.b.mr = own;
	rig_close(&r);
}

/* From a stretch to all there is and back, under the same keys. */
static void rereg_implicit(const struct t_case *c)
{
	const struct buf all = { .p = NULL, .len = SIZE_MAX };
	struct mem outside;
	struct buf own;
	struct rig r;

	(void)c;
	odp_needed();
	rig_open(&r, PLACE_ANON, LEN);
	own = r.m.b;
	mem_plain(&outside, PLACE_MEMFD, LEN, 1001, false);
	outside.b.mr = own.mr;
	for (int round = 0; round < 3; round++) {
		t_where("round %d", round);
		r.m.b = outside.b;
		rig_refused(&r, IBV_WR_RDMA_WRITE, IBV_WC_REM_ACCESS_ERR);
		t_zero(mr_rereg(own.mr, REREG_TRANS, &all, NULL, 0));
		rig_warm(&r);
		rig_proves(&r, "outside of what the region was");
		outside.b = r.m.b;
		r.m.b = own;
		rig_proves(&r, "within what the region was");
		own = r.m.b;
		t_zero(mr_rereg(own.mr, REREG_TRANS, &own, NULL, 0));
		rig_proves(&r, "the stretch again");
		own = r.m.b;
	}
	r.m.b = outside.b;
	rig_refused(&r, IBV_WR_RDMA_READ, IBV_WC_REM_ACCESS_ERR);
	place_close(&outside.pl);
	r.m.b = own;
	rig_close(&r);
}

/* Regions over the same memory with other starts and rights, used in turn while pages change. */
static void overlap(const struct t_case *c)
{
	struct ibv_mr *one, *two, *three;
	struct rig r;

	(void)c;
	rig_open(&r, PLACE_MEMFD, LEN);
	one = r.m.b.mr;
	two = odp_reg(r.p.b.dev, r.m.b.map, r.m.b.map_len, RIGHTS_ALL);
	three = odp_reg(r.p.b.dev, r.m.b.map, r.m.b.map_len, IBV_ACCESS_REMOTE_READ);
	for (int round = 0; round < 10; round++) {
		struct ibv_mr *in = round & 1 ? one : two, *out = round & 2 ? one : three;

		t_where("round %d", round);
		buf_refill(&r.m.b);
		r.m.b.mr = in;
		rig_write(&r);
		if (!odp_opts.pinned && round % 3 == 0)
			t_check(!madvise(r.m.b.map, r.m.b.map_len, MADV_DONTNEED), "madvise");
		r.m.b.mr = out;
		rig_op(&r, IBV_WR_RDMA_READ, r.off, r.len);
		cq_want(r.p.a.scq, IBV_WC_SUCCESS, 0x416, "READ by the other region");
		buf_same(&r.pin, "what came back through the other region");
		rig_written(&r, "what was written through one region");
	}
	r.m.b.mr = three;
	rig_refused(&r, IBV_WR_RDMA_WRITE, IBV_WC_REM_ACCESS_ERR);
	t_zero(ibv_dereg_mr(one));
	r.m.b.mr = two;
	rig_proves(&r, "one of three regions gone");
	t_zero(ibv_dereg_mr(three));
}

/* @c->arg GiB of which almost nothing is ever touched. */
static void sparse(const struct t_case *c)
{
	size_t len = (size_t)c->arg << 30, page = odp_page(), touched = c->arg2;
	long before, after;
	struct rig r;
	uint8_t *p;

	odp_needed();
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	if (p == MAP_FAILED)
		t_skip("no address space for %ld GiB: %s", c->arg, strerror(errno));
	rig_open(&r, PLACE_ANON, LEN);
	before = file_number("/proc/meminfo", "MemAvailable");
	r.m.b.mr = odp_reg(r.p.b.dev, p, len, RIGHTS_ALL);
	after = file_number("/proc/meminfo", "MemAvailable");
	t_check(before - after < 16 << 10, "registering %ld GiB took %ld KiB of memory", c->arg,
		before - after);
	for (size_t i = 0; i < touched; i++) {
		size_t off = t_rand() % (len - LEN), in_page;

		t_where("offset %#zx", off);
		r.m.b.shift = (uintptr_t)p + off - (uintptr_t)r.m.b.p;
		rig_write(&r);
		settle();
		in_page = (uintptr_t)(p + off + r.off) % page;
		zero_want(p + off + r.off - in_page, in_page, "before the window");
		t_check(!memcmp(p + off + r.off, r.pin.p + r.off, r.len), "window is wrong");
		rig_op(&r, IBV_WR_RDMA_READ, r.off, r.len);
		cq_want(r.p.a.scq, IBV_WC_SUCCESS, 0x416, "READ back");
		buf_same(&r.pin, "what came back");
	}
	t_zero(ibv_dereg_mr(r.m.b.mr));
	munmap(p, len);
}

/* Memory that may only be read is good as the source of READ, SEND and WRITE. */
static void readonly(const struct t_case *c)
{
	static const enum place_kind kinds[] = { PLACE_ANON, PLACE_MEMFD, PLACE_PRIVATE_FILE };
	int access = IBV_ACCESS_REMOTE_READ | (c->arg ? IBV_ACCESS_LOCAL_WRITE : 0);
	size_t n = odp_opts.files ? 3 : 2;

	if (c->arg)
		odp_needed();
	for (size_t i = 0; i < n; i++) {
		struct ep_pair back;
		struct mem m;
		struct rig r;
		struct xfer x = { IBV_WR_RDMA_READ, &r.m.b, &r.pin, 5, 9, LEN - 40, 0 };

		t_where("%s memory", place_name(kinds[i]));
		mem_plain(&m, kinds[i], LEN, 99, true);
		rig_around(&r, &m);
		t_zero(ibv_dereg_mr(r.m.b.mr));
		t_check(!mprotect(m.b.map, m.b.map_len, PROT_READ), "mprotect");
		r.m.b.mr = odp_reg(r.p.b.dev, r.m.b.p, LEN, access);
		xfer_run(&r.p, &x);
		back = (struct ep_pair){ r.p.b, r.p.a };
		x.code = IBV_WR_SEND;
		buf_refill(&r.pin);
		xfer_run(&back, &x);
		x.code = IBV_WR_RDMA_WRITE;
		buf_refill(&r.pin);
		xfer_run(&back, &x);
		rig_close(&r);
	}
}

enum { PIECES = 4 };

/* Lists whose entries lie in turn in memory on demand and in pinned memory. */
static void mixed_list(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct mem m[PIECES];
	struct ibv_sge sge[PIECES];
	size_t lens[PIECES] = { 3001, 5, 9000, 4097 }, pos = 3;
	bool gather = c->arg == IBV_WR_SEND || c->arg == IBV_WR_RDMA_WRITE;
	struct op op = { .code = gather ? c->arg : c->arg2, .id = ID };
	struct ep_pair p;
	struct buf whole;

	ep_pair_open(&p, &cfg);
	buf_open(&whole, gather || op.code == IBV_WR_RDMA_READ ? p.b.dev : p.a.dev, 20000, 4090,
		 RIGHTS_ALL);
	for (int i = 0; i < PIECES; i++) {
		mem_open(&m[i], whole.mr->pd == p.b.dev->pd ? p.a.dev : p.b.dev,
			 i & 1 ? PLACE_PINNED : PLACE_MEMFD, lens[i] + 50, t_rand(), RIGHTS_ALL,
			 true);
		sge[i] = buf_sge(&m[i].b, 7, lens[i]);
	}

	struct ibv_sge wsge = buf_sge(&whole, 3, 3001 + 5 + 9000 + 4097);
	bool scatter_recv = op.code == IBV_WR_SEND && !gather;

	op.sge = scatter_recv ? &wsge : sge;
	op.nsge = scatter_recv ? 1 : PIECES;
	op.raddr = wsge.addr;
	op.rkey = whole.mr->rkey;
	if (op.code == IBV_WR_SEND)
		ep_recv(&p.b, scatter_recv ? sge : &wsge, scatter_recv ? PIECES : 1, ID);
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_SUCCESS, ID, op_name(op.code));
	if (op.code == IBV_WR_SEND)
		cq_want(p.b.rcq, IBV_WC_SUCCESS, ID, "receive");
	for (int i = 0; i < PIECES; i++) {
		t_where("piece %d", i);
		if (gather)
			buf_range(&whole, pos, lens[i], m[i].b.seed, 7, "what was gathered");
		else
			buf_expect(&m[i].b, 7, lens[i], whole.seed, pos, "what was scattered");
		pos += lens[i];
	}
	ep_pair_close(&p);
}

/* Inline data is taken at once, from memory without a region, that may go right away. */
static void inline_data(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	(void)c;
	cfg.inline_bytes = 64;
	ep_pair_open(&p, &cfg);
	for (size_t len = 0; len <= 64; len += len < 8 ? 1 : 7) {
		struct mem src, dst;
		struct ibv_sge ssge, rsge;
		struct op op = { .code = IBV_WR_SEND, .sge = &ssge, .nsge = 1, .id = ID,
				 .flags = IBV_SEND_INLINE };

		t_where("%zu bytes inline", len);
		mem_plain(&src, PLACE_ANON, 100, t_rand(), false);
		mem_open(&dst, p.b.dev, PLACE_MEMFD, 100, 4096 - 30, RIGHTS_ALL, true);
		ssge = buf_sge(&src.b, 3, len);
		rsge = buf_sge(&dst.b, 7, len);
		ep_recv(&p.b, &rsge, 1, ID);
		ep_post(&p.a, &op);
		munmap(src.pl.p, src.pl.len);
		cq_want(p.a.scq, IBV_WC_SUCCESS, ID, "inline SEND");
		cq_want(p.b.rcq, IBV_WC_SUCCESS, ID, "receive");
		buf_expect(&dst.b, 7, len, src.b.seed, 3, "inline data");
		mem_close(&dst);
	}
	ep_pair_close(&p);
}

/* Huge pages of a pool by a region that does not say so, as well as by one that does. */
static void unmarked(const struct t_case *c)
{
	struct ibv_mr *marked;
	struct rig r;

	(void)c;
	rig_open(&r, PLACE_HUGETLB, (2 << 20) + 4099);
	rig_warm(&r);
	marked = r.m.b.mr;
	r.m.b.mr = odp_reg(r.p.b.dev, r.m.b.p, r.m.b.len, RIGHTS_ALL);
	rig_warm(&r);
	rig_proves(&r, "huge pages without IBV_ACCESS_HUGETLB");
	t_zero(ibv_dereg_mr(marked));
	rig_close(&r);
}

/* Very many regions over one memory; each is used, and goes while the others stay. */
static void many(const struct t_case *c)
{
	struct ibv_mr **mr = calloc(c->arg, sizeof(*mr));
	struct rig r;

	rig_open(&r, PLACE_ANON, LEN);
	for (int i = 0; i < c->arg; i++)
		mr[i] = odp_reg(r.p.b.dev, r.m.b.p, LEN, RIGHTS_ALL);
	t_zero(ibv_dereg_mr(r.m.b.mr));
	for (int i = 0; i < c->arg; i++) {
		t_where("region %d of %ld", i, c->arg);
		r.m.b.mr = mr[i];
		buf_refill(&r.m.b);
		rig_write(&r);
		rig_written(&r, "memory");
		t_zero(ibv_dereg_mr(mr[i]));
		if (i + 1 < c->arg) {
			r.m.b.mr = mr[c->arg - 1];
			rig_op(&r, IBV_WR_RDMA_READ, r.off, r.len);
			cq_want(r.p.a.scq, IBV_WC_SUCCESS, 0x416, "READ by the last region");
			buf_same(&r.pin, "what came back");
		}
	}
}

enum { MAPPINGS = 20000 };

static void interrupted(int sig)
{
	(void)sig;
}

/*
 * A process' first region, while signals come all the time, and with so many mappings that some do
 * while the kernel goes through them: it is registered, and works.
 */
static void signals(const struct t_case *c)
{
	const struct timeval moment = { 0, t_seconds(0.0002) * 1e6 };
	const struct itimerval often = { moment, moment }, never = { };
	struct sigaction act = { .sa_handler = interrupted };
	size_t len = MAPPINGS * odp_page();
	struct ep_cfg cfg = ep_rc();
	struct buf local;
	struct ep_pair p;
	struct mem m;
	uint8_t *many;

	(void)c;
	odp_needed();
	many = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	t_check(many != MAP_FAILED, "mmap of %zu bytes", len);
	for (size_t at = 0; at < len; at += 2 * odp_page())
		t_zero(mprotect(many + at, odp_page(), PROT_READ));
	ep_pair_open(&p, &cfg);
	buf_open(&local, p.a.dev, 300, 0, RIGHTS_ALL);
	mem_plain(&m, PLACE_ANON, 3 * odp_page(), 5, false);
	t_check(!sigaction(SIGALRM, &act, NULL) && !setitimer(ITIMER_REAL, &often, NULL),
		"no timer");
	mem_reg(&m, p.b.dev, RIGHTS_ALL);
	t_check(!setitimer(ITIMER_REAL, &never, NULL), "no timer");
	xfer_run(&p, &(struct xfer){ IBV_WR_RDMA_READ, &m.b, &local, 11, 0, 300, 0 });
	mem_close(&m);
	ep_pair_close(&p);
	munmap(many, len);
}

const struct t_case cases_region[] = {
	{ "region.iova.far", iova, 0, 0, 0 },
	{ "region.iova.offset", iova_offset, 0, 0, 0 },
	{ "region.implicit.data", implicit_data, 0, 0, 0 },
	{ "region.implicit.outside", implicit_outside, 0, 0, 0 },
	{ "region.implicit.rights", implicit_rights, 0, 0, 0 },
	{ "region.implicit.rereg", rereg_implicit, 0, 0, 0 },
	{ "region.overlap", overlap, 0, 0, 0 },
	{ "region.sparse.64g", sparse, 64, 60, 60 },
	{ "region.sparse.1t", sparse, 1024, 60, 60 },
	{ "region.hugetlb.unmarked", unmarked, 0, 0, 0 },
	{ "region.readonly.read", readonly, 0, 0, 0 },
	{ "region.readonly.local_write", readonly, 1, 0, 0 },
	{ "region.mixed.gather_send", mixed_list, IBV_WR_SEND, 0, 0 },
	{ "region.mixed.gather_write", mixed_list, IBV_WR_RDMA_WRITE, 0, 0 },
	{ "region.mixed.scatter_recv", mixed_list, -1, IBV_WR_SEND, 0 },
	{ "region.mixed.scatter_read", mixed_list, -1, IBV_WR_RDMA_READ, 0 },
	{ "region.inline", inline_data, 0, 0, 0 },
	{ "region.signals", signals, 0, 0, 0 },
	{ "region.many", many, 300, 0, 60 },
	{ }
};
