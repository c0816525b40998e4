// SPDX-License-Identifier: GPL-2.0
/*
 * Warm transfers: on-demand regions whose pages are all there, against pinned ones, in turn. Both
 * ends of a flow are of the same kind, and all kinds move the same bytes between areas of the same
 * size; each area is filled by the CPU, passed over once, and checked byte by byte at the end.
 */
#include "bench.h"

enum { AREA = 4 << 20, TURNS = 5, SMALL = 8, BIG = 64 << 10, BATCH = 200, BATCHES = 10 };

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

/* MiB/s of 64 KiB messages. */
static void bandwidth(const struct t_case *c)
{
	struct ends ends[KINDS];
	struct ep_pair p;

	flow_pair(&p, false);
	open_ends(&p, ends, c->arg);
	for (int turn = 0; turn < TURNS; turn++)
		for (int k = 0; k < KINDS; k++) {
			struct flow f = { c->arg, &ends[k].local, &ends[k].remote, BIG, 2000, NULL,
					  FLOW_WINDOW };
			double s = flow_run(&p, &f);

			figure(c->name, kinds[k].name, f.count * (f.len / (double)MIB) / s);
		}
	check_ends(ends, c->arg);
}

/* Microseconds from posting 8 bytes to their completion: the median of batches. */
static void latency(const struct t_case *c)
{
	struct ends ends[KINDS];
	double took[KINDS][BATCHES];
	struct ep_pair p;

	flow_pair(&p, false);
	open_ends(&p, ends, c->arg);
	for (int turn = 0; turn < TURNS; turn++) {
		for (int i = 0; i < BATCHES; i++)
			for (int k = 0; k < KINDS; k++) {
				struct flow f = { c->arg, &ends[k].local, &ends[k].remote, SMALL,
						  BATCH, NULL, 1 };

				took[k][i] = flow_run(&p, &f) / BATCH * 1e6;
			}
		for (int k = 0; k < KINDS; k++)
			figure(c->name, kinds[k].name, median(took[k], BATCHES));
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
