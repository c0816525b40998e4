// SPDX-License-Identifier: GPL-2.0
/*
 * Warm transfers: on-demand regions whose pages are all there, against pinned ones, in turn. Both
 * ends of a flow are of the same kind, and all kinds move the same bytes between areas of the same
 * size; each area is filled by the CPU, passed over once, and checked byte by byte at the end.
 */
#include "bench.h"

enum { AREA = 4 << 20, TURNS = 5, SLICES = 21, SMALL = 8, BIG = 64 << 10 };

static const struct {
	enum area_kind kind;
	const char *name;
} kinds[] = {
	{ AREA_PINNED, "pinned" }, { AREA_ON_DEMAND, "on_demand" }, { AREA_IMPLICIT, "implicit" },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

struct ends {
	struct area local, remote;
};

static void open_ends(struct ep_pair *p, struct ends *ends, enum ibv_wr_opcode code)
{
	for (int k = 0; k < KINDS; k++) {
		struct ends *e = &ends[k];
		struct flow f = { code, &e->local, &e->remote, BIG, AREA / BIG, NULL, FLOW_WINDOW };

		area_open(&e->local, AREA, kinds[k].kind, 2 * k + 10);
		area_open(&e->remote, AREA, kinds[k].kind, 2 * k + 11);
		flow_run(p, &f);
	}
}

/* Each byte of both areas is the source's. */
static void check_ends(const struct ends *ends, enum ibv_wr_opcode code)
{
	for (int k = 0; k < KINDS; k++) {
		uint64_t seed = 2 * k + (code == IBV_WR_RDMA_READ ? 11 : 10);
		struct pattern_bad bad;

		t_check(!pattern_check(ends[k].local.p, AREA, seed, 0, &bad) &&
			!pattern_check(ends[k].remote.p, AREA, seed, 0, &bad),
			"%s: byte %zu is %#x, expected %#x; %zu wrong", kinds[k].name, bad.off,
			bad.got, bad.want, bad.count);
	}
}

/*
 * Seconds of a message of each kind, the median of slices: short ones, each kind the first in its
 * turn, for a host that is busy for a moment is busy with all of them.
 */
static void turn(struct ep_pair *p, const struct ends *ends, struct flow f, double s[KINDS])
{
	double took[KINDS][SLICES];

	for (int i = 0; i < SLICES; i++)
		for (int n = 0; n < KINDS; n++) {
			int k = (i + n) % KINDS;

			f.local = &ends[k].local;
			f.remote = &ends[k].remote;
			took[k][i] = flow_run(p, &f) / f.count;
		}
	for (int k = 0; k < KINDS; k++)
		s[k] = median(took[k], SLICES);
}

/* MiB/s of 64 KiB messages. */
static void bandwidth(const struct t_case *c)
{
	struct flow f = { .code = c->arg, .len = BIG, .count = 100, .window = FLOW_WINDOW };
	struct ends ends[KINDS];
	struct ep_pair p;
	double s[KINDS];

	flow_pair(&p, false);
	open_ends(&p, ends, c->arg);
	for (int i = 0; i < TURNS; i++) {
		turn(&p, ends, f, s);
		for (int k = 0; k < KINDS; k++)
			figure(c->name, kinds[k].name, BIG / (double)MIB / s[k]);
	}
	check_ends(ends, c->arg);
}

/* Microseconds from posting 8 bytes to their completion. */
static void latency(const struct t_case *c)
{
	struct flow f = { .code = c->arg, .len = SMALL, .count = 200, .window = 1 };
	struct ends ends[KINDS];
	struct ep_pair p;
	double s[KINDS];

	flow_pair(&p, false);
	open_ends(&p, ends, c->arg);
	for (int i = 0; i < TURNS; i++) {
		turn(&p, ends, f, s);
		for (int k = 0; k < KINDS; k++)
			figure(c->name, kinds[k].name, s[k] * 1e6);
	}
	check_ends(ends, c->arg);
}

const struct t_case bench_warm[] = {
	{ "write_bw", bandwidth, IBV_WR_RDMA_WRITE, 0, 120 },
	{ "read_bw", bandwidth, IBV_WR_RDMA_READ, 0, 120 },
	{ "write_lat", latency, IBV_WR_RDMA_WRITE, 0, 120 },
	{ "read_lat", latency, IBV_WR_RDMA_READ, 0, 120 },
	{ }
};
