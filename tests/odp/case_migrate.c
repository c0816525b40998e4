// SPDX-License-Identifier: GPL-2.0
/*
 * change.compact, offline, numa: pages that go to other frames, with their content, while a region
 * is over them. A driver that holds a reference to a page keeps it where it is, so that these cases
 * look at where the pages are, not only at the data.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/mempolicy.h>

#include "cases.h"
#include "rig.h"

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif

enum {
	LEN = 24 * 4096 + 77,
	FRAMES = 64, COMPACT_LEN = FRAMES * 4096 + 33, COMPACTIONS = 6, SKEW = 1001,
	TRIES = 50,		/* others may hold a page for a moment, but not for so long */
	MAP_PAGES = 512,	/* of a region in a huge page; others are smaller */
};

static void note_frames(const struct rig *r, uint64_t *frames)
{
	for (size_t i = 0; i < FRAMES; i++)
		frames[i] = page_frame(r->m.b.p + i * odp_page());
}

static int moved_frames(const struct rig *r, const uint64_t *frames)
{
	int n = 0;

	for (size_t i = 0; i < FRAMES; i++) {
		uint64_t now = page_frame(r->m.b.p + i * odp_page());

		n += now && now != frames[i];
	}
	return n;
}

/* The window of @len bytes whose frames lie lowest; touches all pages. */
static uint8_t *lowest_frames(const struct place *pool, size_t len)
{
	uint64_t lowest = UINT64_MAX;
	uint8_t *best = pool->p;

	for (uint8_t *at = pool->p; at + len <= pool->p + pool->len; at += len) {
		uint64_t sum = 0;

		for (size_t i = 0; i < len; i += odp_page()) {
			at[i] = 1;
			sum += page_frame(at + i);
		}
		if (sum < lowest)
			best = at;
		lowest = sum < lowest ? sum : lowest;
	}
	return best;
}

/*
 * Compaction takes pages from the low end of a zone to holes near the high end, and does not look
 * beyond where both meet. So the region is the lowest part of @pool; the holes come in the rest.
 */
static void open_low(struct rig *r, enum place_kind kind, struct place *pool)
{
	size_t page = odp_page(), keep = (FRAMES + 4) * page;
	struct mem m;

	mem_holes(&m, kind, 64 << 20, SKEW);
	*pool = m.pl;
	m.pl.p = m.b.map = lowest_frames(pool, keep);
	m.pl.len = m.b.map_len = keep;
	m.b.p = m.b.map + page + SKEW;
	m.b.len = COMPACT_LEN;
	buf_refill(&m.b);
	rig_around(r, &m);
}

/* Every other page of @pool goes, but none of the region's. */
static void fragment(const struct place *pool, const struct rig *r)
{
	const struct place *own = &r->m.pl;
	int advice = place_has_file(pool) ? MADV_REMOVE : MADV_DONTNEED;

	for (uint8_t *at = pool->p; at < pool->p + pool->len; at += 2 * odp_page())
		if (at < own->p || at >= own->p + own->len)
			t_check(!madvise(at, odp_page(), advice), "madvise: %s", t_errname(-1));
	file_write("/proc/sys/vm/drop_caches", "1");
}

/* One round; returns how many pages of the region have moved. */
static int compact_once(enum place_kind kind)
{
	uint64_t frames[FRAMES];
	struct place pool;
	struct rig r;
	int ours;

	open_low(&r, kind, &pool);
	rig_warm(&r);
	fragment(&pool, &r);
	note_frames(&r, frames);
	t_wait("compaction");
	file_need("/proc/sys/vm/compact_memory", "1");
	settle();
	ours = moved_frames(&r, frames);
	rig_reads_same(&r, "READ after compaction");
	rig_write(&r);
	file_need("/proc/sys/vm/compact_memory", "1");
	rig_written(&r, "WRITE between compactions");
	rig_close(&r);
	munmap(pool.p, pool.len);
	return ours;
}

/*
 * Compaction moves pages about; between, RDMA reads and writes. Which ones it moves is its own
 * choice, so that there may be none of ours; huge pages it never moves.
 */
static void compact(const struct t_case *c)
{
	long moved = file_number("/proc/vmstat", "pgmigrate_success");
	int ours = 0;

	odp_needed();
	if (moved < 0)
		t_skip("no pgmigrate_success in /proc/vmstat: no migration");
	for (int round = 0; round < COMPACTIONS; round++) {
		t_where("round %d", round);
		ours += compact_once(c->arg);
	}
	t_where("%s", "");
	moved = file_number("/proc/vmstat", "pgmigrate_success") - moved;
	if (!ours)
		t_skip("compaction migrated %ld pages in %d rounds, none of them ours", moved,
		       COMPACTIONS);
	t_note("%ld pages migrated, %d of them ours", moved, ours);
}

/* Does the kernel lack the advice, switch it off, or not let us? */
static bool no_soft_offline(int err)
{
	return err == EINVAL || err == EOPNOTSUPP || err == EPERM;
}

/* A page that somebody holds cannot be retired: EBUSY. */
static void retire(void *at)
{
	int err = EBUSY;

	t_wait("madvise(MADV_SOFT_OFFLINE)");
	for (int i = 0; i < TRIES && err; i++) {
		err = madvise(at, odp_page(), MADV_SOFT_OFFLINE) ? errno : 0;
		if (no_soft_offline(err))
			t_skip("MADV_SOFT_OFFLINE: %s", strerror(err));
		if (err)
			usleep(10000);
	}
	t_check(!err, "MADV_SOFT_OFFLINE, %d times: %s", TRIES, t_errname(err));
}

/* A page that the kernel has doubts about: its content goes to another, the old one is retired. */
static void soft_offline(const struct t_case *c)
{
	struct rig r;

	odp_needed();
	rig_open(&r, c->arg, FRAMES * 4096 + 77);
	for (int round = 0; round < 6; round++) {
		uint8_t *at = (void *)((uintptr_t)(r.m.b.p + 7 * round * odp_page()) &
				       -odp_page());
		uint64_t frame;

		t_where("round %d", round);
		rig_warm(&r);
		frame = page_frame(at);
		retire(at);
		settle();
		if (round & 1)
			rig_reads_same(&r, "READ after a page moved");
		rig_write(&r);
		rig_written(&r, "WRITE after a page moved");
		t_check(page_frame(at) != frame, "the page has not moved");
	}
	rig_close(&r);
}

struct moving {
	void *at[MAP_PAGES];
	uint64_t frame[MAP_PAGES];
	int was[MAP_PAGES], want[MAP_PAGES], is[MAP_PAGES];
	size_t n;
};

/* move_pages(2), or with @want NULL a query; the node of each page, or its error, is in @status. */
static void nodes(struct moving *mv, const int *want, int *status)
{
	if (syscall(SYS_move_pages, 0, mv->n, mv->at, want, status, MPOL_MF_MOVE) < 0)
		t_fail("move_pages: %s", t_errname(-1));
}

static void note_nodes(struct moving *mv, const struct rig *r, int node)
{
	mv->n = r->m.b.map_len / odp_page();
	t_check(mv->n <= MAP_PAGES, "bad test geometry");
	for (size_t i = 0; i < mv->n; i++) {
		mv->at[i] = r->m.b.map + i * odp_page();
		mv->frame[i] = page_frame(mv->at[i]);
		mv->want[i] = node;
	}
	nodes(mv, NULL, mv->was);
}

static size_t elsewhere(const struct moving *mv)
{
	size_t n = 0;

	for (size_t i = 0; i < mv->n; i++)
		n += mv->is[i] != mv->want[i];
	return n;
}

/* All must get there, and whoever was not there must have another frame. Returns how many moved. */
static size_t move_all(struct moving *mv, int node)
{
	size_t moved = 0, left = mv->n;

	t_wait("move_pages() of %zu pages to node %d", mv->n, node);
	for (int i = 0; i < TRIES && left; i++) {
		usleep(i ? 10000 : 0);
		nodes(mv, mv->want, mv->is);
		left = elsewhere(mv);
	}
	for (size_t i = 0; i < mv->n; i++)
		t_check(mv->is[i] == node, "%zu of %zu pages do not go to node %d; page %zu: %s",
			left, mv->n, node, i, mv->is[i] < 0 ? t_errname(mv->is[i]) : "elsewhere");
	for (size_t i = 0; i < mv->n; i++) {
		if (mv->was[i] == node)
			continue;
		t_check(!mv->frame[i] || page_frame(mv->at[i]) != mv->frame[i],
			"page %zu is on node %d by word, but still in frame %#lx", i, node,
			mv->frame[i]);
		moved++;
	}
	return moved;
}

/* move_pages(2) to the other node and back; huge pages go as a whole. */
static void numa(const struct t_case *c)
{
	static struct moving mv;
	size_t moved = 0;
	struct rig r;

	odp_needed();
	if (access("/sys/devices/system/node/node1", F_OK))
		t_skip("one NUMA node");
	rig_open(&r, c->arg, LEN);
	for (int round = 0; round < 6; round++) {
		int node = !(round & 1);

		t_where("round %d", round);
		rig_warm(&r);
		note_nodes(&mv, &r, node);
		moved += move_all(&mv, node);
		settle();
		rig_reads_same(&r, "READ of migrated pages");
		rig_write(&r);
		rig_written(&r, "WRITE to migrated pages");
	}
	t_check(moved >= mv.n, "%zu pages moved in 6 rounds, expected %zu at least", moved, mv.n);
	t_note("%zu moves of %zu pages", moved, mv.n);
	rig_close(&r);
}

const struct t_case cases_migrate[] = {
	{ "change.compact.anon", compact, PLACE_ANON, 0, 60 },
	{ "change.compact.memfd", compact, PLACE_MEMFD, 0, 60 },
	{ "change.offline.anon", soft_offline, PLACE_ANON, 0, 60 },
	{ "change.offline.memfd", soft_offline, PLACE_MEMFD, 0, 60 },
	{ "change.numa.anon", numa, PLACE_ANON, 0, 60 },
	{ "change.numa.memfd", numa, PLACE_MEMFD, 0, 60 },
	{ "change.numa.thp", numa, PLACE_THP, 0, 60 },
	{ "change.numa.hugetlb", numa, PLACE_HUGETLB, 0, 60 },
	{ "change.numa.shared_file", numa, PLACE_SHARED_FILE, 0, 60 },
	{ "change.numa.private_file", numa, PLACE_PRIVATE_FILE, 0, 60 },
	{ }
};
