// SPDX-License-Identifier: GPL-2.0
/*
 * Very many objects on one device: what each takes of the kernel's memory and of time, and that all
 * of it comes back.
 *
 *   rxe_crowd QPS MRS [options] [NAME or GLOB ...]
 *
 * Each QP passes a message each way, and each MR is written or read once. Each has a slot of its
 * own in one buffer, with bytes around it that nobody may change; in the end all of the buffer is
 * compared.
 *
 * What an object costs should not depend on how many there are: the times of the first tenth of
 * them and of the last one are printed side by side.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "xfer.h"

enum { SLOT = 128, OFF = 3, LENGTH = 61, TENTHS = 10 };

static int num_qps, num_mrs;

/* Kernel memory in KiB: slabs that cannot be reclaimed, vmalloc, per-CPU areas, page tables. */
static long kernel_kib(void)
{
	static const char *const kinds[] = {
		"SUnreclaim:", "VmallocUsed:", "Percpu:", "PageTables:",
	};
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128], name[64];
	long sum = 0, kib;

	t_check(f, "/proc/meminfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		for (int i = 0; i < 4; i++)
			if (sscanf(line, "%63s %ld", name, &kib) == 2 && !strcmp(name, kinds[i]))
				sum += kib;
	fclose(f);
	return sum;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd >= 0) {
		if (write(fd, text, 1) < 0)
			t_note("%s: %s", path, strerror(errno));
		close(fd);
	}
}

/* What is freed later is free, and caches are as small as they get. KASAN keeps what was freed. */
static long settled_kib(void)
{
	glob_t slabs;

	sleep(2);
	put("/proc/sys/vm/drop_caches", "3");
	if (!glob("/sys/kernel/slab/*/shrink", 0, NULL, &slabs)) {
		for (size_t i = 0; i < slabs.gl_pathc; i++)
			put(slabs.gl_pathv[i], "1");
		globfree(&slabs);
	}
	sleep(1);
	return kernel_kib();
}

/* struct crowd - what a case has many of. */
struct crowd {
	int n;
	struct ep_pair p;	/* of the MRs */
	struct ibv_cq *cq;	/* of the QPs */
	struct ibv_qp **qps;
	uint32_t *psns;
	struct ibv_mr **mrs;
	int access;		/* of the MRs */
	struct buf to, from;
};

/* Do @step for each; how long do the first take, and the last? */
static void each(struct crowd *c, const char *what, void (*step)(struct crowd *c, int i))
{
	int tenth = c->n / TENTHS;
	double first = 0, last = 0;

	t_wait("%s", what);
	for (int t = 0; t < TENTHS; t++) {
		double start = t_now();

		for (int i = t * tenth; i < (t == TENTHS - 1 ? c->n : (t + 1) * tenth); i++)
			step(c, i);
		last = t_now() - start;
		if (!t)
			first = last;
	}
	t_note("%s: first %d %.0f ms, last %.0f ms", what, tenth, 1000 * first, 1000 * last);
}

/* All that came took memory, and what it took has come back, but for what allocators keep. */
static void account(const char *what, int n, long before, long full, long after)
{
	t_note("%s: %.2f KiB each; %ld KiB before, %ld with all of them, %ld after", what,
	       (double)(full - before) / n, before, full, after);
	t_check(full > before, "%d %ss took no memory", n, what);
	t_check(after - before <= (full - before) / 10 + 4096, "%ld KiB of %ld did not come back",
		after - before, full - before);
}

static void make_qp(struct crowd *c, int i)
{
	struct ibv_qp_init_attr init = {
		.send_cq = c->cq, .recv_cq = c->cq, .qp_type = IBV_QPT_RC, .cap = { 1, 1, 1, 1, 0 },
	};

	c->qps[i] = ibv_create_qp(ep_dev(0)->pd, &init);
	t_check(c->qps[i], "QP number %d: %s", i, strerror(errno));
	c->psns[i] = t_rand() & 0xffffff;
}

static void unmake_qp(struct crowd *c, int i)
{
	t_zero(ibv_destroy_qp(c->qps[i]));
}

/* The end number @i as the steps of endpoint.h know one. */
static struct ep end_of(struct crowd *c, int i)
{
	struct ep e = { .dev = ep_dev(0), .cfg = ep_rc(), .scq = c->cq, .rcq = c->cq };

	e.qp = c->qps[i];
	e.psn = c->psns[i];
	return e;
}

static void connect_qp(struct crowd *c, int i)
{
	struct ep me = end_of(c, i), other = end_of(c, i ^ 1);
	struct ep_peer peer = ep_self(&other);

	ep_up(&me, &peer);
}

/* A SEND of the slot of @from to the slot of @to, from QP @i to its partner. */
static void use_qp(struct crowd *c, int i)
{
	struct ibv_sge to = buf_sge(&c->to, (size_t)i * SLOT + OFF, LENGTH);
	struct ibv_sge from = buf_sge(&c->from, (size_t)i * SLOT + OFF, LENGTH);
	struct op op = { .code = IBV_WR_SEND, .sge = &from, .nsge = 1, .id = i };
	struct ep me = end_of(c, i), other = end_of(c, i ^ 1);
	struct ibv_wc wc;

	ep_recv(&other, &to, 1, i);
	ep_post(&me, &op);
	for (int n = 0; n < 2; n++) {
		cq_poll(c->cq, &wc, "SEND and receive");
		wc_want(&wc, IBV_WC_SUCCESS, "SEND or receive");
		t_check(wc.wr_id == (uint64_t)i, "wr_id %lu, expected %d", wc.wr_id, i);
		t_check(wc.opcode != IBV_WC_RECV || wc.byte_len == LENGTH, "%u bytes", wc.byte_len);
	}
}

static void open_buffers(struct crowd *c)
{
	size_t len = (size_t)c->n * SLOT;

	buf_open(&c->to, ep_dev(0), len, 4093, RIGHTS_ALL);
	buf_open(&c->from, ep_dev(0), len, 1, RIGHTS_ALL);
}

static void *array(int n, size_t size)
{
	void *p = calloc(n, size);

	t_check(p, "no memory");
	return p;
}

/* Each slot has its message, and the bytes between are what they were. */
static void check_slots(const struct buf *to, const struct buf *from, int n, bool (*has)(int i))
{
	for (int i = 0; i < n; i++) {
		size_t at = (size_t)i * SLOT;

		t_where("slot %d", i);
		buf_range(to, at, OFF, to->seed, at, "before a message");
		buf_range(to, at + OFF, LENGTH, has(i) ? from->seed : to->seed, at + OFF,
			  "a message");
		buf_range(to, at + OFF + LENGTH, SLOT - OFF - LENGTH, to->seed, at + OFF + LENGTH,
			  "behind a message");
	}
	t_where("%s", "");
	buf_same(from, "the source");
}

static bool all(int i)
{
	(void)i;
	return true;
}

static void open_qps(struct crowd *c)
{
	t_check(ep_dev(0)->attr.max_qp >= c->n, "max_qp is %d", ep_dev(0)->attr.max_qp);
	c->cq = ibv_create_cq(ep_dev(0)->ctx, 16, NULL, NULL, 0);
	c->qps = array(c->n, sizeof(*c->qps));
	c->psns = array(c->n, sizeof(*c->psns));
	open_buffers(c);
}

static void run_qps(const struct t_case *t)
{
	struct crowd c = { .n = num_qps };
	long before, full;

	(void)t;
	open_qps(&c);
	before = settled_kib();
	each(&c, "create_qp", make_qp);
	each(&c, "modify_qp to RTS", connect_qp);
	full = kernel_kib();
	each(&c, "SEND", use_qp);
	check_slots(&c.to, &c.from, c.n, all);
	each(&c, "destroy_qp", unmake_qp);
	account("QP", c.n, before, full, settled_kib());
}

static void make_mr(struct crowd *c, int i)
{
	c->mrs[i] = ibv_reg_mr(c->p.b.dev->pd, c->to.p + (size_t)i * SLOT + OFF, LENGTH,
			       RIGHTS_ALL | c->access);
	t_check(c->mrs[i], "MR number %d: %s", i, strerror(errno));
}

static void unmake_mr(struct crowd *c, int i)
{
	t_zero(ibv_dereg_mr(c->mrs[i]));
}

static bool is_written(int i)
{
	return i & 1;
}

static bool is_read(int i)
{
	return !is_written(i);
}

/* Every other one is the target of a WRITE, the rest are sources of READs. */
static void use_mr(struct crowd *c, int i)
{
	struct ibv_sge sge = buf_sge(&c->from, (size_t)i * SLOT + OFF, LENGTH);
	struct op op = {
		.code = is_written(i) ? IBV_WR_RDMA_WRITE : IBV_WR_RDMA_READ,
		.sge = &sge, .nsge = 1, .id = i, .rkey = c->mrs[i]->rkey,
		.raddr = (uintptr_t)c->mrs[i]->addr,
	};

	ep_post(&c->p.a, &op);
	cq_want(c->p.a.scq, IBV_WC_SUCCESS, i, op_name(op.code));
}

/* What was written came from the one buffer, what was read is in it. */
static void check_mrs(struct crowd *c)
{
	struct buf *to = &c->to, *from = &c->from;

	for (int i = 0; i < c->n; i++) {
		size_t at = (size_t)i * SLOT + OFF;
		const struct buf *source = is_read(i) ? to : from;

		t_where("MR %d", i);
		buf_range(to, at, LENGTH, source->seed, at, "the region");
		buf_range(from, at, LENGTH, source->seed, at, "the other side");
		/* As it was, so that all else can be compared at once. */
		pattern_fill(to->p + at, LENGTH, to->seed, at);
		pattern_fill(from->p + at, LENGTH, from->seed, at);
	}
	t_where("%s", "");
	buf_same(to, "between the regions");
	buf_same(from, "the other side");
}

static void open_mrs(struct crowd *c)
{
	struct ep_cfg cfg = ep_rc();

	t_check(ep_dev(0)->attr.max_mr >= c->n, "max_mr is %d", ep_dev(0)->attr.max_mr);
	ep_pair_open(&c->p, &cfg);
	c->mrs = array(c->n, sizeof(*c->mrs));
	open_buffers(c);
}

static void run_mrs(const struct t_case *t)
{
	struct crowd c = { .n = num_mrs, .access = t->arg };
	long before, full;

	open_mrs(&c);
	before = settled_kib();
	each(&c, "reg_mr", make_mr);
	full = kernel_kib();
	each(&c, "WRITE or READ", use_mr);
	check_mrs(&c);
	each(&c, "dereg_mr", unmake_mr);
	account("MR", c.n, before, full, settled_kib());
	ep_pair_close(&c.p);
}

/* All of both kinds are there at a time, and each is used then. */
static void run_both(const struct t_case *t)
{
	struct crowd q = { .n = num_qps }, m = { .n = num_mrs };
	long before;

	(void)t;
	open_qps(&q);
	open_mrs(&m);
	before = settled_kib();
	each(&q, "create_qp", make_qp);
	each(&q, "modify_qp to RTS", connect_qp);
	each(&m, "reg_mr", make_mr);
	t_note("all of them: %ld KiB", kernel_kib() - before);
	each(&q, "SEND", use_qp);
	each(&m, "WRITE or READ", use_mr);
	check_slots(&q.to, &q.from, q.n, all);
	check_mrs(&m);
	each(&m, "dereg_mr", unmake_mr);
	each(&q, "destroy_qp", unmake_qp);
	ep_pair_close(&m.p);
}

static const struct t_case cases[] = {
	{ "crowd.qp", run_qps, 0, 0, 400 },
	{ "crowd.mr.pinned", run_mrs, 0, 0, 400 },
	{ "crowd.mr.odp", run_mrs, IBV_ACCESS_ON_DEMAND, 0, 400 },
	{ "crowd.both", run_both, 0, 0, 600 },
	{ }
};

int main(int argc, char **argv)
{
	static const struct t_table tables[] = { { cases }, { NULL } };

	num_qps = argc > 2 ? atoi(argv[1]) & ~1 : 0;
	num_mrs = argc > 2 ? atoi(argv[2]) : 0;
	if (num_qps < 2 * TENTHS || num_mrs < TENTHS) {
		fprintf(stderr, "usage: %s QPS MRS [options] [NAME or GLOB ...]\n", argv[0]);
		return 2;
	}
	argv[2] = argv[0];
	return t_main(argc - 2, argv + 2, tables);
}
