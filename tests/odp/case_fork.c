// SPDX-License-Identifier: GPL-2.0
/*
 * fork.*: a region whose pages are shared with a child, copy-on-write. Whoever writes first, the
 * parent's region must show the parent's memory, and the child must see nothing of what RDMA writes
 * after the fork.
 *
 * The driver has found every page writable before the fork, which takes that right away from the
 * page table: one that does not hear of it writes into the child's memory, too.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "crew.h"
#include "rig.h"

enum { LEN = 6 * 4096 + 77 };

enum first { FIRST_WRITE, FIRST_READ, FIRST_RECV, FIRST_CHILD, FIRST_PARENT };

/* The child's view: what was there at the fork, or what it writes itself; and later still that. */
static void watch(struct crew *self, void *arg)
{
	struct rig *r = arg;
	char first;

	crew_hear(self, &first, 1, "what the child is to do");
	if (first == FIRST_CHILD) {
		r->m.b.seed ^= 0x6368696c64;
		pattern_fill(r->m.b.p, r->m.b.len, r->m.b.seed, 0);
	}
	buf_same(&r->m.b, "the child's memory at first");
	crew_step(self);
	crew_await(self, "the parent's work");
	buf_same(&r->m.b, "the child's memory after RDMA wrote to the parent's");
	crew_step(self);
	crew_await(self, "leave to end");
}

/* What arrives in the window is the pin's: by a WRITE, by a READ of our own, or in a receive. */
static void arrive(struct rig *r, enum first how)
{
	struct ibv_sge into = buf_sge(&r->m.b, r->off, r->len);
	struct ibv_sge from = buf_sge(&r->pin, r->off, r->len);
	struct op read = { .code = IBV_WR_RDMA_READ, .sge = &into, .nsge = 1, .id = RIG_ID,
			   .raddr = from.addr, .rkey = r->pin.mr->rkey };
	struct op send = { .code = IBV_WR_SEND, .sge = &from, .nsge = 1, .id = RIG_ID };

	if (how != FIRST_READ && how != FIRST_RECV) {
		rig_write(r);
		return;
	}
	buf_refill(&r->pin);
	if (how == FIRST_READ) {
		ep_post(&r->p.b, &read);
		cq_want(r->p.b.scq, IBV_WC_SUCCESS, RIG_ID, "READ into what is shared");
		return;
	}
	ep_recv(&r->p.b, &into, 1, RIG_ID);
	ep_post(&r->p.a, &send);
	cq_want(r->p.a.scq, IBV_WC_SUCCESS, RIG_ID, "SEND");
	cq_want(r->p.b.rcq, IBV_WC_SUCCESS, RIG_ID, "receive into what is shared");
}

static void one(struct rig *r, enum first first)
{
	char word = first;
	struct crew c;

	rig_warm(r);
	crew_start(&c, watch, r);
	crew_tell(&c, &word, 1);
	crew_await(&c, "the child's first look");
	if (first == FIRST_PARENT)
		buf_refill(&r->m.b);
	if (first == FIRST_CHILD || first == FIRST_PARENT)
		rig_reads_same(r, "the parent's memory after the fork");
	arrive(r, first);
	rig_written(r, "what RDMA wrote to the parent's memory");
	crew_step(&c);
	crew_await(&c, "the child's second look");
	rig_proves(r, "beside a child");
	crew_step(&c);
	crew_end(&c);
	rig_proves(r, "after the child's end");
}

/* @c->arg: the kind of memory. @c->arg2: who writes first. */
static void cow(const struct t_case *c)
{
	struct rig r;

	rig_open(&r, c->arg, LEN);
	for (int round = 0; round < 4; round++)
		one(&r, c->arg2);
	rig_close(&r);
}

/* Pages of a shared mapping stay shared: the child sees what RDMA writes. */
static void see_shared(struct crew *self, void *arg)
{
	struct rig *r = arg;
	uint64_t seed;

	crew_step(self);
	crew_hear(self, &seed, sizeof(seed), "the seed of what was written");
	buf_expect(&r->m.b, r->off, r->len, seed, r->off, "shared memory seen by the child");
}

static void shared(const struct t_case *c)
{
	struct crew kid;
	struct rig r;

	rig_open(&r, c->arg, LEN);
	rig_warm(&r);
	crew_start(&kid, see_shared, &r);
	crew_await(&kid, "the child");
	rig_write(&r);
	crew_tell(&kid, &r.pin.seed, sizeof(r.pin.seed));
	crew_end(&kid);
	rig_written(&r, "shared memory seen by the parent");
	rig_proves(&r, "shared with a child that ended");
	rig_close(&r);
}

static void tell_frame(struct crew *self, void *arg)
{
	struct rig *r = arg;
	uint64_t frame;

	for (int i = 0; i < 2; i++) {
		crew_await(self, "leave to look");
		frame = page_frame(r->m.b.p + 4096);
		crew_tell(self, &frame, sizeof(frame));
	}
}

/* READ leaves pages shared: no copy is made for a reader. */
static void read_shares(const struct t_case *c)
{
	uint64_t before, after, own;
	struct crew kid;
	struct rig r;

	(void)c;
	odp_needed();
	rig_open(&r, PLACE_ANON, LEN);
	rig_warm(&r);
	crew_start(&kid, tell_frame, &r);
	crew_step(&kid);
	crew_hear(&kid, &before, sizeof(before), "the child's page frame");
	if (!before)
		t_skip("/proc/self/pagemap shows no frames");
	rig_reads_same(&r, "READ beside a child");
	own = page_frame(r.m.b.p + 4096);
	crew_step(&kid);
	crew_hear(&kid, &after, sizeof(after), "the child's page frame");
	t_check(own == before && after == before,
		"READ broke the sharing: parent's frame %#lx, child's %#lx, was %#lx", own, after,
		before);
	crew_end(&kid);
	rig_close(&r);
}

static void touch_all(struct crew *self, void *arg)
{
	struct rig *r = arg;

	(void)self;
	for (size_t i = 0; i < r->m.b.len; i += 4096)
		r->m.b.p[i] ^= 0x5a;
}

/* Children come and go while messages are under way. */
static void loop(const struct t_case *c)
{
	double end;
	struct rig r;
	int rounds = 0;

	rig_open(&r, c->arg, LEN);
	end = t_now() + (odp_opts.full ? 6 : 2);
	while (t_now() < end) {
		struct crew kid;

		t_where("child %d", rounds++);
		buf_refill(&r.m.b);
		buf_refill(&r.pin);
		rig_op(&r, IBV_WR_RDMA_WRITE, r.off, r.len);
		crew_start(&kid, touch_all, &r);
		cq_want(r.p.a.scq, IBV_WC_SUCCESS, RIG_ID, "WRITE beside fork");
		rig_written(&r, "what RDMA wrote around a fork");
		rig_op(&r, IBV_WR_RDMA_READ, r.off, r.len);
		cq_want(r.p.a.scq, IBV_WC_SUCCESS, RIG_ID, "READ beside fork");
		buf_same(&r.pin, "what came back");
		crew_end(&kid);
	}
	t_note("%d children", rounds);
	rig_close(&r);
}

/* vfork and exec, as system() and posix_spawn() do, under traffic. */
static void spawn(const struct t_case *c)
{
	struct rig r;

	rig_open(&r, c->arg, LEN);
	rig_warm(&r);
	for (int i = 0; i < 20; i++) {
		t_where("round %d", i);
		buf_refill(&r.m.b);
		buf_refill(&r.pin);
		rig_op(&r, IBV_WR_RDMA_WRITE, r.off, r.len);
		t_check(!system("true"), "system()");
		cq_want(r.p.a.scq, IBV_WC_SUCCESS, RIG_ID, "WRITE beside vfork");
		rig_written(&r, "what RDMA wrote beside vfork and exec");
	}
	rig_proves(&r, "after vfork and exec");
	rig_close(&r);
}

const struct t_case cases_fork[] = {
	{ "fork.rdma_first.anon", cow, PLACE_ANON, FIRST_WRITE, 0 },
	{ "fork.read_into.anon", cow, PLACE_ANON, FIRST_READ, 0 },
	{ "fork.receive.anon", cow, PLACE_ANON, FIRST_RECV, 0 },
	{ "fork.child_first.anon", cow, PLACE_ANON, FIRST_CHILD, 0 },
	{ "fork.parent_first.anon", cow, PLACE_ANON, FIRST_PARENT, 0 },
	{ "fork.rdma_first.thp", cow, PLACE_THP, FIRST_WRITE, 0 },
	{ "fork.read_into.thp", cow, PLACE_THP, FIRST_READ, 0 },
	{ "fork.child_first.thp", cow, PLACE_THP, FIRST_CHILD, 0 },
	{ "fork.rdma_first.hugetlb", cow, PLACE_HUGETLB, FIRST_WRITE, 0 },
	{ "fork.read_into.hugetlb", cow, PLACE_HUGETLB, FIRST_READ, 0 },
	{ "fork.receive.hugetlb", cow, PLACE_HUGETLB, FIRST_RECV, 0 },
	{ "fork.child_first.hugetlb", cow, PLACE_HUGETLB, FIRST_CHILD, 0 },
	{ "fork.parent_first.hugetlb", cow, PLACE_HUGETLB, FIRST_PARENT, 0 },
	{ "fork.rdma_first.private_file", cow, PLACE_PRIVATE_FILE, FIRST_WRITE, 0 },
	{ "fork.read_into.private_file", cow, PLACE_PRIVATE_FILE, FIRST_READ, 0 },
	{ "fork.receive.private_file", cow, PLACE_PRIVATE_FILE, FIRST_RECV, 0 },
	{ "fork.child_first.private_file", cow, PLACE_PRIVATE_FILE, FIRST_CHILD, 0 },
	{ "fork.parent_first.private_file", cow, PLACE_PRIVATE_FILE, FIRST_PARENT, 0 },
	{ "fork.shared.memfd", shared, PLACE_MEMFD, 0, 0 },
	{ "fork.shared.shared_file", shared, PLACE_SHARED_FILE, 0, 0 },
	{ "fork.shared.dax", shared, PLACE_DAX, 0, 0 },
	{ "fork.read_shares", read_shares, 0, 0, 0 },
	{ "fork.loop.anon", loop, PLACE_ANON, 0, 0 },
	{ "fork.spawn.anon", spawn, PLACE_ANON, 0, 0 },
	{ }
};
