// SPDX-License-Identifier: GPL-2.0
/*
 * Regions: how long one takes to make and to end, and what memory the kernel needs for it.
 *
 * Registration must not depend on the length: regions of 1 GiB to 64 TiB on memory that nobody
 * touched, and of the whole address space, against each other; and against one of 1 GiB pinned,
 * whose pages are there already. What a page costs that RDMA has been on is measured on memory that
 * the CPU had touched before, so that only the driver's own records are counted; and once more with
 * a thousand regions on the same memory.
 *
 * Memory is counted while nothing is given back: the kernel frees late, and in whole slabs.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

enum { BATCHES = 20, BATCH = 10, PINNED = 3, MANY = 1000, LATE = 6, STRIDE = 256, SPARSE = 1024 };

static const struct {
	const char *name;
	size_t len;		/* 0: the whole address space */
} sizes[] = {
	{ "1GiB", GIB }, { "64GiB", 64 * GIB }, { "1TiB", TIB }, { "64TiB", 64 * TIB },
	{ "implicit", 0 },
};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

/* What others freed, the kernel has freed, and holds no free objects that would be used first. */
static void settle(void)
{
	glob_t g;

	t_wait("the kernel freeing what others freed");
	sleep(LATE);
	t_check(!glob("/sys/kernel/slab/*/shrink", 0, NULL, &g), "no /sys/kernel/slab/*/shrink");
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "w");

		t_check(f && fputs("1", f) >= 0 && !fclose(f), "%s: %s", g.gl_pathv[i],
			strerror(errno));
	}
	globfree(&g);
}

/* Seconds for each of @batch regions to be made, and then to be ended. */
struct times {
	double make, end;
};

static struct times time_regions(const struct area *a, enum area_kind kind, size_t batch)
{
	struct ibv_mr *mr[BATCH];
	double start = t_now(), made;

	for (size_t j = 0; j < batch; j++)
		mr[j] = reg_region(a->p, a->len, kind);
	made = t_now();
	for (size_t j = 0; j < batch; j++)
		t_zero(ibv_dereg_mr(mr[j]));
	return (struct times){ (made - start) / batch, (t_now() - made) / batch };
}

/* Seconds for one of the least system calls: a region takes one to be made and one to be ended. */
static double time_call(size_t batch)
{
	double start = t_now();

	for (size_t j = 0; j < batch; j++)
		syscall(SYS_getppid);
	return (t_now() - start) / batch;
}

static enum area_kind size_kind(int size)
{
	return sizes[size].len ? AREA_ON_DEMAND : AREA_IMPLICIT;
}

static struct ibv_mr *reg_size(const struct area *a, int size)
{
	return reg_region(a->p, a->len, size_kind(size));
}

static void map_size(struct area *a, int size)
{
	area_map(a, sizes[size].len ?: GIB);
}

/* The sizes in turn; the first region of all is not counted. */
static void reg_time(const struct t_case *c)
{
	double make[SIZES][BATCHES], end[SIZES][BATCHES], call[BATCHES];
	struct area a[SIZES];
	struct times took;

	(void)c;
	for (int i = 0; i < SIZES; i++)
		map_size(&a[i], i);
	t_zero(ibv_dereg_mr(reg_size(&a[0], 0)));
	for (int j = 0; j < BATCHES; j++) {
		call[j] = time_call(BATCH);
		for (int i = 0; i < SIZES; i++) {
			took = time_regions(&a[i], size_kind(i), BATCH);
			make[i][j] = took.make;
			end[i][j] = took.end;
		}
	}
	figure("reg_us", "call", median(call, BATCHES) * 1e6);
	for (int i = 0; i < SIZES; i++) {
		figure("reg_us", sizes[i].name, median(make[i], BATCHES) * 1e6);
		figure("dereg_us", sizes[i].name, median(end[i], BATCHES) * 1e6);
	}
}

/*
 * A thousand regions of each size, all at the same time. As many before are not counted: they may
 * take what was left over.
 */
static void reg_memory(const struct t_case *c)
{
	struct area a;
	double before;

	(void)c;
	map_size(&a, 0);
	settle();
	for (int j = 0; j < MANY; j++)
		reg_size(&a, 0);
	for (int i = 0; i < SIZES; i++) {
		map_size(&a, i);
		before = kernel_bytes();
		for (int j = 0; j < MANY; j++)
			reg_size(&a, i);
		figure("reg_bytes", sizes[i].name, (kernel_bytes() - before) / MANY);
	}
}

static void pinned(const struct t_case *c)
{
	double make[PINNED], end[PINNED];
	struct times took;
	struct area a;

	(void)c;
	area_map(&a, GIB);
	area_touch(&a);
	for (int j = 0; j < PINNED; j++) {
		took = time_regions(&a, AREA_PINNED, 1);
		make[j] = took.make;
		end[j] = took.end;
	}
	figure("reg_us", "pinned", median(make, PINNED) * 1e6);
	figure("dereg_us", "pinned", median(end, PINNED) * 1e6);
}

/* Traffic needs memory too: it is taken here, from and to memory that is pinned. */
static void run_in(struct ep_pair *p, const struct area *src)
{
	struct area dst;
	struct flow f = { IBV_WR_RDMA_WRITE, src, &dst, MIB, 256, NULL, 4 };

	area_open(&dst, MIB, AREA_PINNED, t_rand());
	flow_run(p, &f);
}

/* So do faults: the threads that serve them stay for minutes. */
static void run_in_faults(struct ep_pair *p, const struct area *src, size_t len)
{
	struct area dst;
	struct flow f = { IBV_WR_RDMA_WRITE, src, &dst, MIB, len / MIB, NULL, 4 };

	area_map(&dst, len);
	area_touch(&dst);
	area_reg(&dst, AREA_ON_DEMAND);
	flow_run(p, &f);
	t_zero(ibv_dereg_mr(dst.mr));
	area_unmap(&dst);
}

/* 8 bytes to every 256th page of @dst, from page @first on. */
static void write_sparse(struct ep_pair *p, const struct area *src, const struct area *dst,
			 size_t first)
{
	static size_t at[SPARSE];
	struct flow f = { IBV_WR_RDMA_WRITE, src, dst, 8, SPARSE, at, FLOW_WINDOW };

	for (size_t i = 0; i < SPARSE; i++)
		at[i] = (i * STRIDE + first) * PAGE;
	flow_run(p, &f);
}

/*
 * A thousand regions on the same GiB: what the pages cost when one region has been used on all
 * of them, and when each other one has been on a thousand of them as well.
 */
static void shared_pages(const struct t_case *c)
{
	static struct ibv_mr *mr[MANY];
	struct area src, dst;
	struct ep_pair p;
	struct flow f = { IBV_WR_RDMA_WRITE, &src, &dst, MIB, 1024, NULL, 4 };
	double before;

	(void)c;
	flow_pair(&p, false);
	area_open(&src, MIB, AREA_PINNED, t_rand());
	area_map(&dst, f.count * f.len);
	area_touch(&dst);
	for (size_t i = 0; i < MANY; i++)
		mr[i] = reg_region(dst.p, dst.len, AREA_ON_DEMAND);
	run_in(&p, &src);
	run_in_faults(&p, &src, dst.len);
	settle();
	before = kernel_bytes();
	dst.mr = mr[0];
	flow_run(&p, &f);
	settle();
	figure("page_bytes", "on_demand", (kernel_bytes() - before) / (dst.len / PAGE));
	figure("shared_bytes", "one", kernel_bytes() - before);
	for (size_t i = 1; i < MANY; i++) {
		dst.mr = mr[i];
		write_sparse(&p, &src, &dst, i % STRIDE);
	}
	figure("shared_bytes", "thousand", kernel_bytes() - before);
}

const struct t_case bench_reg[] = {
	{ "reg.time", reg_time, 0, 0, 60 },
	{ "reg.pinned", pinned, 0, 0, 120 },
	{ "mem.regions", reg_memory, 0, 0, 60 },
	{ "mem.pages", shared_pages, 0, 0, 300 },
	{ }
};
