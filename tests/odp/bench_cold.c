// SPDX-License-Identifier: GPL-2.0
/*
 * Cold memory: what it costs that RDMA is the first to touch a page, and that a page goes away on
 * which RDMA has been.
 *
 * A first WRITE to a page does what the CPU's first write would do, and the transfer: so it is
 * compared with both of them together. CPU seconds are the whole guest's; the program sleeps while
 * it waits. The latency of one fault is that of a WRITE of 8 bytes to a new page less that to one
 * that is there, against the CPU's first write to a page; pages are visited in random order, one of
 * sixteen, so that nothing reads ahead of the next visit.
 *
 * munmap is measured for memory that was touched by the CPU, with no region in the process; by
 * RDMA; and by both.
 */
#include <stdlib.h>

#include "bench.h"

enum { BULK_MIB = 1024, SPREAD = 16, VISITS = 64, ROUNDS = 32 };

/* struct cost - what a step took: the clock's and the guest's CPU seconds. */
struct cost {
	double wall, cpu;
};

static struct cost cost_now(void)
{
	return (struct cost){ t_now(), guest_cpu() };
}

static void cost_figure(const char *variant, struct cost start)
{
	struct cost now = cost_now();
	double gib = BULK_MIB / 1024.0;

	figure("first_wall", variant, (now.wall - start.wall) / gib);
	figure("first_cpu", variant, (now.cpu - start.cpu) / gib);
}

/* The pages that a flow wrote have its source's bytes: every 61st is looked at. */
static void check_pages(const struct area *dst, const struct area *src, uint64_t seed)
{
	struct pattern_bad bad;

	for (size_t at = 0; at < dst->len; at += 61 * PAGE)
		t_check(!pattern_check(dst->p + at, PAGE, seed, at % src->len, &bad),
			"page at %zu, byte %zu: got %#x, expected %#x", at, bad.off, bad.got,
			bad.want);
}

static void bulk_write(const struct t_case *c)
{
	uint64_t seed = t_rand();
	struct area src, dst;
	struct ep_pair p;
	struct flow f = { IBV_WR_RDMA_WRITE, &src, &dst, MIB, BULK_MIB, NULL, 4 };
	struct cost start;

	(void)c;
	flow_pair(&p, true);
	area_open(&src, MIB, AREA_PINNED, seed);
	area_map(&dst, f.count * f.len);
	area_reg(&dst, AREA_ON_DEMAND);
	start = cost_now();
	flow_run(&p, &f);
	cost_figure("cold", start);
	start = cost_now();
	flow_run(&p, &f);
	cost_figure("warm", start);
	check_pages(&dst, &src, seed);
}

static void bulk_touch(const struct t_case *c)
{
	struct cost start;
	struct area a;

	(void)c;
	area_map(&a, BULK_MIB * MIB);
	start = cost_now();
	t_wait("the CPU touching %zu bytes", a.len);
	area_touch(&a);
	cost_figure("touch", start);
}

/* Places in an area, one in each group of SPREAD pages, in random order. */
static size_t *random_places(size_t n)
{
	size_t *at = calloc(n, sizeof(*at));

	t_check(at, "out of memory");
	for (size_t i = 0; i < n; i++) {
		size_t j = t_rand() % (i + 1);

		at[i] = at[j];
		at[j] = (i * SPREAD + t_rand() % SPREAD) * PAGE + t_rand() % (PAGE / 8) * 8;
	}
	return at;
}

/* Seconds for the CPU's first write to each of @n places. */
static double touch_places(const struct area *a, const size_t *at, size_t n)
{
	double start = t_now();

	for (size_t i = 0; i < n; i++)
		*(uint64_t *)(a->p + at[i]) = pattern_word(1, i);
	return t_now() - start;
}

static void fault_latency(const struct t_case *c)
{
	size_t *at = random_places(VISITS * ROUNDS);
	double cold[ROUNDS], warm[ROUNDS], touch[ROUNDS];
	struct area src, dst, other;
	struct ep_pair p;

	(void)c;
	flow_pair(&p, false);
	area_open(&src, PAGE, AREA_PINNED, t_rand());
	area_map(&dst, (size_t)VISITS * ROUNDS * SPREAD * PAGE);
	area_map(&other, dst.len);
	area_reg(&dst, AREA_ON_DEMAND);
	for (int i = 0; i < ROUNDS; i++) {
		const size_t *part = at + i * VISITS;
		struct flow f = { IBV_WR_RDMA_WRITE, &src, &dst, 8, VISITS, part, 1 };

		cold[i] = flow_run(&p, &f) / VISITS * 1e6;
		warm[i] = flow_run(&p, &f) / VISITS * 1e6;
		touch[i] = touch_places(&other, part, VISITS) / VISITS * 1e6;
	}
	figure("fault_us", "cold", median(cold, ROUNDS));
	figure("fault_us", "warm", median(warm, ROUNDS));
	figure("fault_us", "touch", median(touch, ROUNDS));
	free(at);
}

enum { BY_CPU = 1, BY_RDMA = 2 };

/* Milliseconds of munmap of 1 GiB. Without BY_RDMA there is no region in the process. */
static void unmap_time(const struct t_case *c)
{
	struct area src, dst;
	struct ep_pair p;
	struct flow f = { IBV_WR_RDMA_WRITE, &src, &dst, MIB, 1024, NULL, 4 };
	double start;

	area_map(&dst, f.count * f.len);
	if (c->arg & BY_CPU)
		area_touch(&dst);
	if (c->arg & BY_RDMA) {
		flow_pair(&p, false);
		area_open(&src, MIB, AREA_PINNED, t_rand());
		area_reg(&dst, AREA_ON_DEMAND);
		flow_run(&p, &f);
	}
	t_wait("munmap of %zu bytes", dst.len);
	start = t_now();
	area_unmap(&dst);
	figure("munmap_ms", c->name + sizeof("munmap.") - 1, (t_now() - start) * 1e3);
}

const struct t_case bench_cold[] = {
	{ "first.touch", bulk_touch, 0, 0, 120 },
	{ "first.write", bulk_write, 0, 0, 120 },
	{ "fault", fault_latency, 0, 0, 120 },
	{ "munmap.cpu", unmap_time, BY_CPU, 0, 120 },
	{ "munmap.both", unmap_time, BY_CPU | BY_RDMA, 0, 120 },
	{ "munmap.rdma", unmap_time, BY_RDMA, 0, 120 },
	{ }
};
