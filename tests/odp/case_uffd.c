// SPDX-License-Identifier: GPL-2.0
/*
 * change.uffd: memory whose pages another thread brings, later, with content of its own choice. The
 * transfer waits for it and then carries just that content.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "cases.h"
#include "rig.h"
#include "uffd.h"

enum { LEN = 6 * 4096 + 77 };

static void open_missing(struct rig *r, struct uffd *u, enum place_kind kind, double delay)
{
	struct mem m;

	mem_holes(&m, kind, LEN, 1001);
	uffd_open(u, &m, delay);
	rig_around(r, &m);
}

/* The first access is one of four, with the region at either end. */
static void missing(const struct t_case *c)
{
	static const char *const words[] = { "READ", "WRITE", "SEND from", "READ into" };

	for (int first = 0; first < 4; first++) {
		struct xfer out = { IBV_WR_SEND, NULL, NULL, 13, 13, LEN - 32, 0 };
		struct ep_pair back;
		struct uffd u;
		struct rig r;

		t_where("first access %s", words[first]);
		open_missing(&r, &u, c->arg, 0.02);
		back = (struct ep_pair){ r.p.b, r.p.a };
		if (first == 0) {
			rig_reads_same(&r, "READ of pages that a handler brings");
		} else if (first == 1) {
			rig_write(&r);
			rig_written(&r, "WRITE to pages that a handler brings");
		} else {
			out.code = first == 2 ? IBV_WR_SEND : IBV_WR_RDMA_READ;
			out.src = first == 2 ? &r.m.b : &r.pin;
			out.dst = first == 2 ? &r.pin : &r.m.b;
			xfer_run(&back, &out);
		}
		t_check(u.pages >= LEN / odp_page(), "the handler brought %u pages", u.pages);
		rig_proves(&r, "all pages there");
		uffd_close(&u);
		rig_close(&r);
	}
}

/* Thrown away, the pages are missing again, and are asked for again. */
static void again(const struct t_case *c)
{
	struct uffd u;
	struct rig r;
	unsigned int before;

	odp_needed();
	open_missing(&r, &u, c->arg, 0.005);
	for (int round = 0; round < 5; round++) {
		uint64_t seed = r.m.b.seed;

		t_where("round %d", round);
		before = u.pages;
		rig_reads_same(&r, "READ of pages that a handler brings");
		rig_write(&r);
		rig_written(&r, "WRITE to them");
		t_check(u.pages - before >= LEN / odp_page(), "the handler brought %u pages",
			u.pages - before);
		t_check(!madvise(r.m.b.map, r.m.b.map_len, MADV_DONTNEED), "MADV_DONTNEED: %s",
			strerror(errno));
		r.m.b.seed = seed;
	}
	uffd_close(&u);
	rig_close(&r);
}

/* Write-protected: READ goes through, WRITE waits until the handler lifts the protection. */
static void protected(const struct t_case *c)
{
	struct uffd u;
	struct mem m;
	struct rig r;

	odp_needed();
	mem_plain(&m, c->arg, LEN, 1001, false);
	rig_around(&r, &m);
	rig_warm(&r);
	uffd_open_wp(&u, &r.m, 0.05);
	rig_reads_same(&r, "READ of write-protected pages");
	t_check(!u.protects, "READ asked to write: %u messages", u.protects);
	rig_write(&r);
	t_check(u.protects >= LEN / odp_page(), "WRITE to %d protected pages: %u messages",
		LEN / 4096, u.protects);
	rig_written(&r, "WRITE to pages that were write-protected");
	rig_proves(&r, "protection lifted");
	uffd_close(&u);
	rig_close(&r);
}

const struct t_case cases_uffd[] = {
	{ "change.uffd.missing.anon", missing, PLACE_ANON, 0, 60 },
	{ "change.uffd.missing.memfd", missing, PLACE_MEMFD, 0, 60 },
	{ "change.uffd.again", again, PLACE_ANON, 0, 60 },
	{ "change.uffd.wp.anon", protected, PLACE_ANON, 0, 60 },
	{ "change.uffd.wp.memfd", protected, PLACE_MEMFD, 0, 60 },
	{ }
};
