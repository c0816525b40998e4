/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the cases of rxe_odp_bench share: areas of memory, flows of work requests, and figures.
 *
 * An "area" is an anonymous mapping of whole pages, without a reservation of memory for it, so that
 * one of 64 TiB costs nothing until it is touched; and a region (MR) on it. "Touched" means that a
 * page is there: the CPU wrote to it, or RDMA did. "Cold" is the first access through a region,
 * which has to get the page; "warm" every later one. A "flow" is a number of equal RDMA WRITEs or
 * READs between two areas, from one QP to another one of the same process.
 *
 * A figure is one measurement, a line "= METRIC VARIANT VALUE" on standard output; the script runs
 * the program several times and makes medians and ratios of them (bench-table.py).
 */
#ifndef TESTS_ODP_BENCH_H
#define TESTS_ODP_BENCH_H

#include "../verbs/xfer.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

enum { PAGE = 4096 };

/* What a region does for its memory. */
enum area_kind { AREA_PINNED, AREA_ON_DEMAND, AREA_IMPLICIT };

struct area {
	uint8_t *p;
	size_t len;
	struct ibv_mr *mr;
};

/* area_map - a mapping that nobody touched yet, in pages of 4 KiB. */
void area_map(struct area *a, size_t len);
/* area_touch - the CPU writes to each page. */
void area_touch(const struct area *a);
/* area_reg - a region on it, with all rights; for AREA_IMPLICIT one on the whole address space. */
void area_reg(struct area *a, enum area_kind kind);
/* area_open - map, fill with stream @seed, and register: the usual end of a warm flow. */
void area_open(struct area *a, size_t len, enum area_kind kind, uint64_t seed);
void area_unmap(struct area *a);

/* reg_region - a region of [@p, @p + @len), or of the whole address space. */
struct ibv_mr *reg_region(void *p, size_t len, enum area_kind kind);

/*
 * struct flow - @count work requests of @len bytes each.
 * @window: how many are outstanding at most, up to FLOW_WINDOW. @at: the places in the remote area,
 * one for each work request; NULL: one behind the other, from the start again at the end.
 */
struct flow {
	enum ibv_wr_opcode code;
	const struct area *local, *remote;
	size_t len, count;
	const size_t *at;
	unsigned int window;
};

enum { FLOW_WINDOW = 16 };

/* flow_pair - two connected QPs for flows; with @asleep, waiting costs no CPU time. */
void flow_pair(struct ep_pair *p, bool asleep);
/* flow_run - do it; returns the seconds it took. */
double flow_run(struct ep_pair *p, const struct flow *f);

/* figure - one line of the result. */
void figure(const char *metric, const char *variant, double value);

/* median - of @n figures, which it sorts. */
double median(double *v, size_t n);

/*
 * kernel_bytes - memory that the kernel has for objects of its own: slabs, vmalloc, per-CPU areas.
 * Not the pages of programs, nor their page tables.
 */
double kernel_bytes(void);

/* guest_cpu - CPU seconds of all programs and kernel threads since boot, in steps of a tick. */
double guest_cpu(void);

extern const struct t_case bench_reg[], bench_warm[], bench_cold[];

#endif
