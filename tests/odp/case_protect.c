// SPDX-License-Identifier: GPL-2.0
/*
 * change.mprotect, change.thp: rights of a mapping that come and go, huge pages that are made and
 * split under a region.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "cases.h"
#include "rig.h"

enum { LEN = 6 * 4096 + 77, HUGE_LEN = 2 << 20 };

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static void protect(struct rig *r, int prot)
{
	t_wait("mprotect");
	t_check(!mprotect(r->m.b.map, r->m.b.map_len, prot), "mprotect: %s", strerror(errno));
}

/* Read-only refuses a WRITE and serves a READ; none refuses both; back it all works. */
static void flips(const struct t_case *c)
{
	struct rig r;

	odp_needed();
	rig_open(&r, c->arg, LEN);
	for (int round = 0; round < 3; round++) {
		t_where("round %d", round);
		rig_warm(&r);
		protect(&r, PROT_READ);
		rig_reads_same(&r, "READ of read-only memory");
		rig_refused(&r, IBV_WR_RDMA_WRITE, IBV_WC_REM_OP_ERR);
		settle();
		buf_same(&r.m.b, "read-only memory");
		protect(&r, PROT_NONE);
		buf_refill(&r.pin);
		rig_refused(&r, IBV_WR_RDMA_READ, IBV_WC_REM_OP_ERR);
		buf_same(&r.pin, "requester's buffer after a refused READ");
		rig_refused(&r, IBV_WR_RDMA_WRITE, IBV_WC_REM_OP_ERR);
		protect(&r, PROT_READ | PROT_WRITE);
		settle();
		buf_same(&r.m.b, "memory that was out of reach");
		rig_reads_same(&r, "READ after the rights came back");
		rig_write(&r);
		rig_written(&r, "WRITE after the rights came back");
	}
	rig_proves(&r, "after all flips");
	rig_close(&r);
}

/* One page in the middle is read-only: what lies in front of it may change, nothing else. */
static void middle(const struct t_case *c)
{
	size_t page = odp_page(), ro;
	struct rig r;

	(void)c;
	odp_needed();
	rig_open(&r, PLACE_ANON, LEN);
	rig_warm(&r);
	ro = page - (uintptr_t)r.m.b.p % page + 2 * page;
	t_check(!mprotect(r.m.b.p + ro, page, PROT_READ), "mprotect: %s", strerror(errno));
	buf_refill(&r.pin);
	rig_refused(&r, IBV_WR_RDMA_WRITE, IBV_WC_REM_OP_ERR);
	settle();
	buf_range(&r.m.b, ro, r.m.b.len - ro, r.m.b.seed, ro, "the read-only page and behind it");
	for (size_t i = r.off; i < ro; i++) {
		uint8_t got = r.m.b.p[i];

		t_check(got == pattern_byte(r.m.b.seed, i) || got == pattern_byte(r.pin.seed, i),
			"byte %zu in front is neither old nor new", i);
	}
	buf_refill(&r.pin);
	t_check(!mprotect(r.m.b.p + ro, page, PROT_READ | PROT_WRITE), "mprotect");
	rig_proves(&r, "after the middle page is back");
	rig_close(&r);
}

/* Small pages become a huge one under the region. */
static void collapse(const struct t_case *c)
{
	struct place pl;
	struct mem m;
	struct rig r;

	(void)c;
	odp_needed();
	mem_holes(&m, PLACE_THP, HUGE_LEN - 3 * odp_page(), 1001);
	pl = m.pl;
	t_check(!madvise(pl.p, pl.len, MADV_NOHUGEPAGE), "MADV_NOHUGEPAGE");
	buf_refill(&m.b);
	rig_around(&r, &m);
	rig_warm(&r);
	for (int round = 0; round < 3; round++) {
		t_where("round %d", round);
		t_check(!madvise(pl.p, pl.len, MADV_HUGEPAGE), "MADV_HUGEPAGE");
		if (madvise(pl.p, pl.len, MADV_COLLAPSE))
			t_skip("MADV_COLLAPSE: %s", strerror(errno));
		place_check_huge(&pl);
		rig_reads_same(&r, "READ of a page that became huge");
		rig_write(&r);
		rig_written(&r, "WRITE to a page that became huge");
		/* Split: other rights for one small page, then back. */
		buf_refill(&r.m.b);
		t_check(!mprotect(pl.p + 9 * odp_page(), odp_page(), PROT_READ), "mprotect");
		rig_reads_same(&r, "READ of a huge page that was split");
		t_check(!mprotect(pl.p + 9 * odp_page(), odp_page(), PROT_READ | PROT_WRITE),
			"mprotect");
		rig_write(&r);
		rig_written(&r, "WRITE to a huge page that was split");
		buf_refill(&r.m.b);
	}
	rig_close(&r);
}

/* A part of a huge page is thrown away: it reads as zeros, its neighbours stay. */
static void split(const struct t_case *c)
{
	size_t page = odp_page(), at, len = 3 * page;
	struct rig r;

	(void)c;
	odp_needed();
	rig_open(&r, PLACE_THP, HUGE_LEN - 3 * page);
	rig_warm(&r);
	place_check_huge(&r.m.pl);
	at = page - (uintptr_t)r.m.b.p % page + 40 * page;
	t_check(!madvise(r.m.b.p + at, len, MADV_DONTNEED), "MADV_DONTNEED: %s", strerror(errno));
	buf_refill(&r.pin);
	rig_read(&r);
	buf_range(&r.pin, 0, at, r.m.b.seed, 0, "in front of what was dropped");
	zero_want(r.pin.p + at, len, "what was dropped");
	buf_range(&r.pin, at + len, r.m.b.len - at - len, r.m.b.seed, at + len,
		  "behind what was dropped");
	rig_write(&r);
	rig_written(&r, "a split huge page");
	rig_proves(&r, "after a split");
	rig_close(&r);
}

const struct t_case cases_protect[] = {
	{ "change.mprotect.anon", flips, PLACE_ANON, 0, 0 },
	{ "change.mprotect.memfd", flips, PLACE_MEMFD, 0, 0 },
	{ "change.mprotect.shared_file", flips, PLACE_SHARED_FILE, 0, 0 },
	{ "change.mprotect.private_file", flips, PLACE_PRIVATE_FILE, 0, 0 },
	{ "change.mprotect.thp", flips, PLACE_THP, 0, 0 },
	{ "change.mprotect.hugetlb", flips, PLACE_HUGETLB, 0, 0 },
	{ "change.mprotect.dax", flips, PLACE_DAX, 0, 0 },
	{ "change.mprotect.middle", middle, 0, 0, 0 },
	{ "change.thp.collapse", collapse, 0, 0, 60 },
	{ "change.thp.split", split, 0, 0, 0 },
	{ }
};
