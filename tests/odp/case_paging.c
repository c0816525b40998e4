// SPDX-License-Identifier: GPL-2.0
/*
 * change.free, pageout, ksm, sync: what the kernel does with pages by itself, or when asked: throw
 * away, swap out, merge, write back.
 *
 * What RDMA wrote must survive all of it: a driver that forgets to mark a page as dirty loses data
 * here. The page that was written by RDMA is therefore not touched by the CPU before it is put out.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cases.h"
#include "rig.h"

enum {
	PAGES = 24, LEN = PAGES * 4096 + 77,
	SCANS = 64,		/* of ksmd, which merges at the second or looks again later */
};

/* Pages of the buffer alone, without the guards'. */
static size_t present(const struct rig *r)
{
	return page_count(r->m.b.p, r->m.b.len, page_present);
}

/*
 * A page that somebody has just touched may still wait on a list of that CPU's, where nobody can
 * take it; MADV_PAGEOUT empties only the list of the CPU that it runs on.
 */
static void page_out_on(struct rig *r, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	t_check(!sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity: %s", strerror(errno));
	t_wait("madvise(MADV_PAGEOUT) on CPU %d", cpu);
	t_check(!madvise(r->m.b.map, r->m.b.map_len, MADV_PAGEOUT), "MADV_PAGEOUT: %s",
		strerror(errno));
	settle();
}

/* Ask for it on every CPU, a few times: a page that somebody holds for a moment stays. */
static void page_out(struct rig *r, bool must)
{
	double end = t_now() + t_seconds(5);
	cpu_set_t all;

	t_check(!sched_getaffinity(0, sizeof(all), &all), "sched_getaffinity: %s", strerror(errno));
	do {
		for (int cpu = 0; cpu < CPU_SETSIZE && present(r); cpu++)
			if (CPU_ISSET(cpu, &all))
				page_out_on(r, cpu);
		sched_setaffinity(0, sizeof(all), &all);
		if (!present(r))
			return;
		usleep(10000);
	} while (t_now() < end);
	t_check(!must, "%zu of %d pages stay in memory after MADV_PAGEOUT", present(r), PAGES + 1);
}

static bool needs_swap(enum place_kind kind)
{
	return kind != PLACE_SHARED_FILE;
}

/* Written by RDMA, paged out, seen by RDMA; written again, paged out, seen by the CPU. */
static void pageout(const struct t_case *c)
{
	struct rig r;

	odp_needed();
	if (needs_swap(c->arg))
		swap_needed(4 << 20);
	rig_open(&r, c->arg, LEN);
	for (int round = 0; round < 3; round++) {
		t_where("round %d", round);
		rig_warm(&r);
		page_out(&r, true);
		rig_reads_same(&r, "READ of pages that were out");
		page_out(&r, true);
		rig_write(&r);
		page_out(&r, true);
		rig_op(&r, IBV_WR_RDMA_READ, r.off, r.len);
		cq_want(r.p.a.scq, IBV_WC_SUCCESS, 0x416, "READ back");
		buf_same(&r.pin, "what RDMA wrote, read back after a page-out");
		page_out(&r, true);
		rig_written(&r, "what RDMA wrote, seen by the CPU after a page-out");
	}
	rig_proves(&r, "after page-outs");
	rig_close(&r);
}

/*
 * Pages that are in the page table, writable and clean, because they were only read so far: RDMA
 * writes to them, and it is the driver alone that can say so. They go out and must come back.
 */
static void clean_pages(const struct t_case *c)
{
	odp_needed();
	swap_needed(4 << 20);
	for (int by_cpu = 0; by_cpu < 2; by_cpu++) {
		struct mem m;
		struct rig r;

		t_where("first read by %s", by_cpu ? "the CPU" : "RDMA");
		mem_holes(&m, c->arg, LEN, 1001);
		if (by_cpu)
			zero_want(m.b.map, m.b.map_len, "holes");
		rig_around(&r, &m);
		rig_reads_zero(&r, "holes");
		rig_write(&r);
		page_out(&r, true);
		rig_written_zero(&r, "what RDMA wrote to clean pages, after a page-out");
		rig_close(&r);
	}
}

/* A page of @b is as filled, or all zeros. */
static bool page_whole(const struct buf *seen, const struct buf *want, size_t off, size_t len)
{
	struct pattern_bad bad;

	if (!pattern_check(seen->p + off, len, want->seed, off, &bad))
		return true;
	for (size_t i = 0; i < len; i++)
		if (seen->p[off + i])
			return false;
	return true;
}

/*
 * MADV_FREE: until something is written, a page may go at any time. What RDMA writes afterwards is
 * no longer free to go.
 */
static void free_pages(const struct t_case *c)
{
	struct rig r;
	size_t first, page = odp_page();

	odp_needed();
	swap_needed(4 << 20);
	rig_open(&r, c->arg, LEN);
	first = page - (uintptr_t)r.m.b.p % page;
	for (int round = 0; round < 4; round++) {
		t_where("round %d", round);
		rig_warm(&r);
		t_check(!madvise(r.m.b.map, r.m.b.map_len, MADV_FREE), "MADV_FREE: %s",
			strerror(errno));
		if (round & 1)
			page_out(&r, false);
		buf_refill(&r.pin);
		rig_read(&r);
		for (size_t off = first; off + page <= r.m.b.len; off += page)
			t_check(page_whole(&r.pin, &r.m.b, off, page),
				"the page at %zu is neither old nor empty", off);
		rig_write(&r);
		page_out(&r, false);
		settle();
		buf_range(&r.m.b, r.off, r.len, r.pin.seed, r.off,
			  "what RDMA wrote after MADV_FREE");
		rig_proves(&r, "after MADV_FREE");
	}
	rig_close(&r);
}

static long ksm_shared(void)
{
	return file_number("/sys/kernel/mm/ksm/pages_sharing", NULL);
}

static void ksm_start(void)
{
	file_need("/sys/kernel/mm/ksm/run", "1");
	file_write("/sys/kernel/mm/ksm/sleep_millisecs", "1");
	file_write("/sys/kernel/mm/ksm/pages_to_scan", "5000");
}

static long ksm_scans(void)
{
	return file_number("/sys/kernel/mm/ksm/full_scans", NULL);
}

/* ksmd cannot merge a page that somebody holds. The measure is its scans, not the time. */
static void await_merged(long before)
{
	double end = t_now() + t_seconds(30);
	long first = ksm_scans(), merged, scans;

	t_wait("ksmd to merge %d pages", PAGES);
	do {
		usleep(10000);
		scans = ksm_scans() - first;
		merged = ksm_shared() - before;
	} while (merged < PAGES && scans < SCANS && t_now() < end);
	t_check(merged >= PAGES, "ksmd merged %ld of %d pages in %ld scans of all memory", merged,
		PAGES, scans);
}

/* Two copies of the same bytes are merged; a WRITE to one must not be seen in the other. */
static void ksm(const struct t_case *c)
{
	struct mem twin;
	struct rig r;
	long before;

	(void)c;
	odp_needed();
	ksm_start();
	rig_open(&r, PLACE_ANON, LEN);
	rig_warm(&r);
	mem_holes(&twin, PLACE_ANON, LEN, 1001);
	memcpy(twin.b.map, r.m.b.map, r.m.b.map_len);
	twin.b.seed = r.m.b.seed;
	before = ksm_shared();
	t_check(!madvise(r.m.b.map, r.m.b.map_len, MADV_MERGEABLE) &&
		!madvise(twin.b.map, twin.b.map_len, MADV_MERGEABLE), "MADV_MERGEABLE: %s",
		strerror(errno));
	await_merged(before);
	rig_reads_same(&r, "merged pages");
	rig_write(&r);
	rig_written(&r, "the copy that RDMA wrote to");
	buf_same(&twin.b, "the twin that was merged with it");
	file_write("/sys/kernel/mm/ksm/run", "2");
	rig_proves(&r, "after merging");
	file_write("/sys/kernel/mm/ksm/run", "0");
}

/* Pages of the file that are cached, of those that the mapping covers. */
static size_t cached(const struct rig *r)
{
	size_t n = r->m.b.map_len / odp_page(), sum = 0;
	unsigned char *in = malloc(n);

	t_check(in && !mincore(r->m.b.map, r->m.b.map_len, in), "mincore: %s", strerror(errno));
	for (size_t i = 0; i < n; i++)
		sum += in[i] & 1;
	free(in);
	return sum;
}

/*
 * Of the cache only what is clean and not mapped goes: nothing is written for it. However slow the
 * machine, half a minute later the kernel would write by itself.
 */
static void drop_cache(struct rig *r)
{
	double end = t_now() + 8;

	t_check(!madvise(r->m.b.map, r->m.b.map_len, MADV_DONTNEED), "MADV_DONTNEED: %s",
		strerror(errno));
	while (cached(r)) {
		t_check(t_now() < end, "%zu of %zu pages stay in the cache: not yet on disk?",
			cached(r), r->m.b.map_len / odp_page());
		file_need("/proc/sys/vm/drop_caches", "1");
		usleep(1000);
	}
}

/* What the file on disk holds, past every mapping and cache. */
static void on_disk(struct rig *r, const char *who)
{
	struct buf image = r->m.b;
	uint8_t *raw;

	drop_cache(r);
	raw = malloc(image.map_len);
	t_check(raw && pread(r->m.pl.fd, raw, image.map_len, 0) == (ssize_t)image.map_len,
		"pread: %s", strerror(errno));
	image.map = raw;
	image.p = raw + (r->m.b.p - r->m.b.map);
	buf_expect(&image, r->off, r->len, r->pin.seed, r->off, who);
	free(raw);
}

/*
 * Written by RDMA to a shared mapping, synced by way of the mapping or of the file, mapping and
 * cache dropped: it is in the file. Each round must make the page dirty anew, after the sync before
 * it has cleaned it.
 */
static void sync_file(const struct t_case *c)
{
	struct rig r;

	odp_needed();
	rig_open(&r, c->arg, LEN);
	for (int round = 0; round < 4; round++) {
		t_where("round %d, %s", round, round & 1 ? "msync" : "fsync");
		buf_refill(&r.m.b);
		t_check(!msync(r.m.b.map, r.m.b.map_len, MS_SYNC), "msync: %s", strerror(errno));
		rig_write(&r);
		if (round & 1)
			t_check(!msync(r.m.b.map, r.m.b.map_len, MS_SYNC), "msync: %s",
				strerror(errno));
		else
			t_check(!fsync(r.m.pl.fd), "fsync: %s", strerror(errno));
		on_disk(&r, "the file after what RDMA wrote was synced");
		rig_written(&r, "the mapping after that");
	}
	rig_proves(&r, "after syncs");
	rig_close(&r);
}

const struct t_case cases_paging[] = {
	{ "change.free.anon", free_pages, PLACE_ANON, 0, 60 },
	{ "change.free.thp", free_pages, PLACE_THP, 0, 60 },
	{ "change.pageout.anon", pageout, PLACE_ANON, 0, 60 },
	{ "change.pageout.thp", pageout, PLACE_THP, 0, 60 },
	{ "change.pageout.memfd", pageout, PLACE_MEMFD, 0, 60 },
	{ "change.pageout.shared_file", pageout, PLACE_SHARED_FILE, 0, 60 },
	{ "change.pageout.private_file", pageout, PLACE_PRIVATE_FILE, 0, 60 },
	{ "change.pageout.clean.memfd", clean_pages, PLACE_MEMFD, 0, 60 },
	{ "change.pageout.clean.anon", clean_pages, PLACE_ANON, 0, 60 },
	{ "change.ksm", ksm, 0, 0, 60 },
	{ "change.sync.shared_file", sync_file, PLACE_SHARED_FILE, 0, 60 },
	{ "change.sync.dax", sync_file, PLACE_DAX, 0, 60 },
	{ }
};
