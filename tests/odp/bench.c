// SPDX-License-Identifier: GPL-2.0
/*
 * rxe_odp_bench: what on-demand paging costs, each figure beside the one that it compares with.
 *
 * Nothing is asserted about time: a case fails if a verb or a transfer does. A case is a process
 * (harness.h), so each one begins with an address space that no region has been on. Run on an idle
 * machine, as `rxe_odp_bench [-d DEVICE] [CASE...]`; tests/odp/bench.sh does, some times in turn.
 *
 * The first case, "prime", touches most of the free memory once: a guest's memory is the host's,
 * and who touches it first would pay for the host's page too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

void area_map(struct area *a, size_t len)
{
	memset(a, 0, sizeof(*a));
	a->len = len;
	a->p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	t_check(a->p != MAP_FAILED, "mmap of %zu bytes: %s", len, strerror(errno));
	/* A kernel without huge pages refuses, and has none to give either. */
	if (madvise(a->p, len, MADV_NOHUGEPAGE) && errno != EINVAL)
		t_fail("madvise(MADV_NOHUGEPAGE): %s", strerror(errno));
}

void area_touch(const struct area *a)
{
	for (size_t at = 0; at < a->len; at += PAGE)
		a->p[at] = pattern_byte(a->len, at);
}

struct ibv_mr *reg_region(void *p, size_t len, enum area_kind kind)
{
	int access = RIGHTS_ALL | (kind == AREA_PINNED ? 0 : IBV_ACCESS_ON_DEMAND);
	struct ibv_mr *mr;

	if (kind == AREA_IMPLICIT) {
		p = NULL;
		len = SIZE_MAX;
	}
	t_wait("ibv_reg_mr of %zu bytes", len);
	mr = ibv_reg_mr(ep_dev(0)->pd, p, len, access);
	t_check(mr, "ibv_reg_mr(%p, %zu, access %#x): %s", p, len, access, strerror(errno));
	return mr;
}

void area_reg(struct area *a, enum area_kind kind)
{
	a->mr = reg_region(a->p, a->len, kind);
}

void area_open(struct area *a, size_t len, enum area_kind kind, uint64_t seed)
{
	area_map(a, len);
	pattern_fill(a->p, len, seed, 0);
	area_reg(a, kind);
}

void area_unmap(struct area *a)
{
	t_check(!munmap(a->p, a->len), "munmap: %s", strerror(errno));
	a->p = NULL;
}

void figure(const char *metric, const char *variant, double value)
{
	printf("= %s %s %.9g\n", metric, variant, value);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* One line of /proc/meminfo, in bytes. */
static double meminfo(const char *name)
{
	char line[128];
	double kib = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	t_check(f, "/proc/meminfo: %s", strerror(errno));
	while (kib < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			kib = atof(line + strlen(name) + 1);
	fclose(f);
	t_check(kib >= 0, "/proc/meminfo has no %s", name);
	return kib * KIB;
}

double kernel_bytes(void)
{
	return meminfo("Slab") + meminfo("VmallocUsed") + meminfo("Percpu");
}

double guest_cpu(void)
{
	unsigned long user, nice, system, idle, wait, irq, softirq;
	FILE *f = fopen("/proc/stat", "r");
	int n;

	t_check(f, "/proc/stat: %s", strerror(errno));
	n = fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu", &user, &nice, &system, &idle, &wait, &irq,
		   &softirq);
	fclose(f);
	t_check(n == 7, "/proc/stat: %d figures of 7", n);
	return (double)(user + nice + system + irq + softirq) / sysconf(_SC_CLK_TCK);
}

static void prime(const struct t_case *c)
{
	struct area a;

	(void)c;
	area_map(&a, (size_t)(meminfo("MemAvailable") * 0.9) / PAGE * PAGE);
	t_wait("the CPU touching %zu bytes", a.len);
	area_touch(&a);
}

int main(int argc, char **argv)
{
	static const struct t_case first[] = { { "prime", prime, 0, 0, 120 }, { } };
	static const struct t_table tables[] = {
		{ first }, { bench_reg }, { bench_warm }, { bench_cold }, { NULL },
	};

	return t_main(argc, argv, tables);
}
