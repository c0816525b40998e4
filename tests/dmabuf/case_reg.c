// SPDX-License-Identifier: GPL-2.0
/*
 * Registration of a dma-buf: which bytes a key stands for, with which rights, and what is refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cases.h"
#include "dbuf.h"

enum { ID = 0x4e6, LEN = 9001, PAGE = 4096 };

struct reg_rig {
	struct ep_pair p;
	struct buf local;
	struct dbuf d;
};

static void rig_open(struct reg_rig *r, enum dbuf_kind kind, int access)
{
	struct ep_cfg cfg = ep_rc();

	ep_pair_open(&r->p, &cfg);
	buf_open(&r->local, r->p.a.dev, LEN + PAGE, 77, RIGHTS_ALL);
	dbuf_open(&r->d, kind, r->p.b.dev, LEN, 1234, access);
}

static void rig_close(struct reg_rig *r)
{
	dbuf_close(&r->d);
	buf_close(&r->local);
	ep_pair_close(&r->p);
}

/* One operation of @len bytes at @raddr, from or to byte 8 of the local buffer. */
static void access_at(struct reg_rig *r, enum ibv_wr_opcode code, uint64_t raddr, size_t len,
		      enum ibv_wc_status status)
{
	struct ibv_sge sge = buf_sge(&r->local, 8, len);
	struct op op = {
		.code = code, .sge = &sge, .nsge = 1, .id = ID, .raddr = raddr,
		.rkey = r->d.mr.rkey,
	};

	ep_post(&r->p.a, &op);
	cq_want(r->p.a.scq, status, ID, op_name(code));
	if (status)
		ep_pair_again(&r->p);
}

/* All that is in the region is within reach, and nothing around. */
static void run_edges(const struct t_case *c)
{
	const enum ibv_wr_opcode codes[] = { IBV_WR_RDMA_WRITE, IBV_WR_RDMA_READ };
	struct reg_rig r;
	uint64_t at;

	rig_open(&r, c->arg, RIGHTS_ALL);
	at = (uintptr_t)r.d.b.p;
	for (int i = 0; i < 2; i++) {
		access_at(&r, codes[i], at, LEN, IBV_WC_SUCCESS);
		access_at(&r, codes[i], at + LEN - 1, 1, IBV_WC_SUCCESS);
		if (!i)
			buf_refill(&r.d.b);
		access_at(&r, codes[i], at - 1, 1, IBV_WC_REM_ACCESS_ERR);
		access_at(&r, codes[i], at - 1, LEN, IBV_WC_REM_ACCESS_ERR);
		access_at(&r, codes[i], at + 1, LEN, IBV_WC_REM_ACCESS_ERR);
		access_at(&r, codes[i], at + LEN, 1, IBV_WC_REM_ACCESS_ERR);
		access_at(&r, codes[i], at + PAGE, LEN, IBV_WC_REM_ACCESS_ERR);
		buf_same(&r.d.b, "dma-buf");
	}
	rig_close(&r);
}

/* Beginnings all over a page, with iovas that are not the addresses. */
static void run_offsets(const struct t_case *c)
{
	static const size_t at[] = { 0, 1, 7, 8, 63, 64, 511, 2048, 4000, 4095 };
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;
	struct buf local;

	ep_pair_open(&p, &cfg);
	buf_open(&local, p.a.dev, LEN, 77, RIGHTS_ALL);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct xfer x = { .so = 5, .dof = 3, .len = LEN - 100 };
		struct dbuf_reg reg;
		struct dbuf d;

		t_where("%zu bytes into a page", at[i]);
		dbuf_plain(&d, c->arg, LEN, at[i]);
		/* The last bits must be the offset's; the others are the program's. */
		d.b.shift = (t_rand() % 100000 + 1) * PAGE;
		reg = (struct dbuf_reg) { d.fd, d.offset, LEN, (uintptr_t)d.b.p + d.b.shift,
					  RIGHTS_ALL };
		t_zero(dbuf_reg_try(p.b.dev->pd, &reg, &d.mr));
		d.b.mr = &d.mr;
		x.code = IBV_WR_RDMA_WRITE;
		x.src = &local;
		x.dst = &d.b;
		xfer_run(&p, &x);
		buf_refill(&d.b);
		x.code = IBV_WR_RDMA_READ;
		x.src = &d.b;
		x.dst = &local;
		xfer_run(&p, &x);
		buf_refill(&local);
		dbuf_close(&d);
	}
	buf_close(&local);
	ep_pair_close(&p);
}

/* What each set of rights permits at the remote end, and as the destination of a receive. */
static void one_set(const struct t_case *c, int access)
{
	enum ibv_wc_status no = IBV_WC_REM_ACCESS_ERR, yes = IBV_WC_SUCCESS;
	struct op send = { .code = IBV_WR_SEND, .id = ID };
	struct ibv_sge from, to;
	struct reg_rig r;
	uint64_t at;

	t_where("rights %#x", access);
	rig_open(&r, c->arg, access);
	at = (uintptr_t)r.d.b.p + 6;
	t_check(!r.d.mr.rkey == !(access & ~IBV_ACCESS_LOCAL_WRITE), "R_Key %#x", r.d.mr.rkey);
	r.d.mr.rkey = r.d.mr.lkey;
	access_at(&r, IBV_WR_RDMA_READ, at, 5000, access & IBV_ACCESS_REMOTE_READ ? yes : no);
	access_at(&r, IBV_WR_ATOMIC_FETCH_AND_ADD, at, 8,
		  access & IBV_ACCESS_REMOTE_ATOMIC ? yes : no);
	buf_same(&r.d.b, "dma-buf");
	access_at(&r, IBV_WR_RDMA_WRITE, at, 5000, access & IBV_ACCESS_REMOTE_WRITE ? yes : no);
	if (!(access & IBV_ACCESS_REMOTE_WRITE))
		buf_same(&r.d.b, "dma-buf");
	from = buf_sge(&r.local, 5, 1000);
	to = buf_sge(&r.d.b, 5, 1000);
	send.sge = &from;
	send.nsge = 1;
	buf_refill(&r.d.b);
	ep_recv(&r.p.b, &to, 1, ID + 1);
	ep_post(&r.p.a, &send);
	cq_want(r.p.b.rcq, access & IBV_ACCESS_LOCAL_WRITE ? yes : IBV_WC_LOC_PROT_ERR, ID + 1,
		"receive");
	if (!(access & IBV_ACCESS_LOCAL_WRITE))
		buf_same(&r.d.b, "dma-buf");
	rig_close(&r);
}

static void run_rights(const struct t_case *c)
{
	one_set(c, 0);
	one_set(c, IBV_ACCESS_REMOTE_READ);
	one_set(c, IBV_ACCESS_LOCAL_WRITE);
	one_set(c, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE);
	one_set(c, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ);
}

static void refused(struct dbuf_reg reg, int want, const char *what)
{
	struct ibv_mr mr;
	int err = dbuf_reg_try(ep_dev(0)->pd, &reg, &mr);

	t_check(err == want, "%s: got %s, expected %s", what, t_errname(err), strerror(want));
}

static void run_refused(const struct t_case *c)
{
	struct dbuf_reg good;
	struct dbuf d;

	dbuf_plain(&d, c->arg, 3 * PAGE, 0);
	good = (struct dbuf_reg) { d.fd, 0, d.b.map_len, PAGE, IBV_ACCESS_LOCAL_WRITE };

#define REFUSED(err, what, ...) do {						\
	struct dbuf_reg bad = good;						\
	__VA_ARGS__;								\
	refused(bad, err, what);						\
} while (0)
	REFUSED(EINVAL, "a byte too many", bad.length++);
	REFUSED(EINVAL, "a page too far", bad.offset += PAGE);
	REFUSED(EINVAL, "begins at the end", bad.offset = good.length, bad.length = 1);
	REFUSED(EINVAL, "begins behind the end", bad.offset = good.length + PAGE, bad.length = 1);
	REFUSED(EINVAL, "no bytes", bad.length = 0);
	REFUSED(EINVAL, "the end wraps", bad.offset = -(uint64_t)PAGE);
	REFUSED(EINVAL, "the iova wraps", bad.iova = -(uint64_t)PAGE);
	REFUSED(EINVAL, "iova and offset differ in a page", bad.iova = PAGE + 8);
	REFUSED(EINVAL, "on demand", bad.access |= IBV_ACCESS_ON_DEMAND);
	REFUSED(EINVAL, "for windows", bad.access |= IBV_ACCESS_MW_BIND);
	REFUSED(EINVAL, "remote write without local write",
		bad.access = IBV_ACCESS_REMOTE_WRITE);
	REFUSED(EBADF, "a descriptor that is closed", bad.fd = 777);
	REFUSED(EINVAL, "a file", bad.fd = memfd_create("file", 0));
#undef REFUSED
	if (c->arg == MOVABLE)
		dbuf_clean(d.fd);
	t_zero(dbuf_reg_try(ep_dev(0)->pd, &good, &d.mr));
	d.b.mr = &d.mr;
	dbuf_close(&d);
}

/* Buffers that are no memory to a CPU, or nobody's any more. */
static void run_no_memory(const struct t_case *c)
{
	struct dbuf_reg reg = { dbuf_make(4 * PAGE, EXPORTER_NO_VMAP), 0, PAGE, 0, 0 };
	struct ibv_mr mr;

	(void)c;
	refused(reg, EOPNOTSUPP, "no mapping for CPUs");
	dbuf_clean(reg.fd);
	reg.fd = dbuf_make(4 * PAGE, EXPORTER_IOMEM);
	refused(reg, EOPNOTSUPP, "memory behind a bus");
	dbuf_clean(reg.fd);
	reg.fd = dbuf_make(4 * PAGE, 0);
	dbuf_revoke(reg.fd, true);
	refused(reg, ENODEV, "taken back");
	dbuf_clean(reg.fd);
	dbuf_revoke(reg.fd, false);
	t_zero(dbuf_reg_try(ep_dev(0)->pd, &reg, &mr));
	t_zero(dbuf_dereg(&mr));
	dbuf_clean(reg.fd);
}

/* Rights, protection domain, and other memory, under the same key. */
static void run_rereg(const struct t_case *c)
{
	struct ibv_pd *pd;
	struct reg_rig r;
	struct buf other;
	uint64_t at;

	rig_open(&r, c->arg, IBV_ACCESS_REMOTE_READ);
	at = (uintptr_t)r.d.b.p + 6;
	access_at(&r, IBV_WR_RDMA_WRITE, at, 5000, IBV_WC_REM_ACCESS_ERR);
	t_zero(mr_rereg(&r.d.mr, REREG_ACCESS, NULL, NULL, RIGHTS_ALL));
	access_at(&r, IBV_WR_RDMA_WRITE, at, 5000, IBV_WC_SUCCESS);
	buf_expect(&r.d.b, 6, 5000, r.local.seed, 8, "dma-buf");
	buf_refill(&r.d.b);

	pd = ibv_alloc_pd(r.p.b.dev->ctx);
	t_check(pd, "ibv_alloc_pd: %s", strerror(errno));
	t_zero(mr_rereg(&r.d.mr, REREG_PD, NULL, pd, 0));
	access_at(&r, IBV_WR_RDMA_WRITE, at, 5000, IBV_WC_REM_ACCESS_ERR);
	t_zero(mr_rereg(&r.d.mr, REREG_PD, NULL, r.p.b.dev->pd, 0));
	t_zero(ibv_dealloc_pd(pd));
	if (c->arg == MOVABLE)
		dbuf_move(r.d.fd, 0);
	access_at(&r, IBV_WR_RDMA_WRITE, at, 5000, IBV_WC_SUCCESS);
	buf_expect(&r.d.b, 6, 5000, r.local.seed, 8, "dma-buf");
	buf_refill(&r.d.b);

	int err = mr_rereg(&r.d.mr, REREG_ACCESS, NULL, NULL, RIGHTS_ALL | IBV_ACCESS_ON_DEMAND);

	t_check(err == EOPNOTSUPP, "to on demand: got %s", t_errname(err));
	buf_plain(&other, LEN - 500, 99);
	t_zero(mr_rereg(&r.d.mr, REREG_TRANS, &other, NULL, 0));
	access_at(&r, IBV_WR_RDMA_WRITE, at, 5000, IBV_WC_REM_ACCESS_ERR);
	access_at(&r, IBV_WR_RDMA_WRITE, (uintptr_t)other.p, LEN - 500, IBV_WC_SUCCESS);
	buf_expect(&other, 0, LEN - 500, r.local.seed, 8, "other memory");
	buf_same(&r.d.b, "dma-buf");
	if (c->arg == MOVABLE)
		dbuf_clean(r.d.fd);
	rig_close(&r);
	buf_close(&other);
}

/* The tool's lines about a region. */
static void run_show(const struct t_case *c)
{
	static const char *const wanted[] = {
		"drv_kind dma_buf", "drv_access local_write,remote_read,strict",
		"drv_iova_is_va 0", "drv_pages 4",
	};
	char command[200], text[8192] = "", key[32];
	size_t n;
	struct dbuf d;
	char *at;
	FILE *f;

	dbuf_open(&d, c->arg, ep_dev(0), 2 * PAGE + 3, PAGE - 2,
		  IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ);
	snprintf(command, sizeof(command), "rdma -dd resource show mr dev %s",
		 ibv_get_device_name(ep_dev(0)->ctx->device));
	f = popen(command, "r");
	t_check(f, "no process for %s", command);
	n = fread(text, 1, sizeof(text) - 1, f);
	t_check(!pclose(f) && n, "%s failed", command);
	snprintf(key, sizeof(key), "lkey %#x ", d.mr.lkey);
	at = strstr(text, key);
	t_check(at, "no region with %s", key);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		t_check(strstr(at, wanted[i]), "no '%s' in: %s", wanted[i], at);
	dbuf_close(&d);
}

const struct t_case cases_reg[] = {
	{ "reg.edges.udmabuf", run_edges, UDMABUF, 0, 0 },
	{ "reg.edges.heap", run_edges, HEAP, 0, 0 },
	{ "reg.edges.movable", run_edges, MOVABLE, 0, 0 },
	{ "reg.offsets.udmabuf", run_offsets, UDMABUF, 0, 0 },
	{ "reg.offsets.movable", run_offsets, MOVABLE, 0, 0 },
	{ "reg.rights.udmabuf", run_rights, UDMABUF, 0, 0 },
	{ "reg.rights.movable", run_rights, MOVABLE, 0, 0 },
	{ "reg.refused.udmabuf", run_refused, UDMABUF, 0, 0 },
	{ "reg.refused.movable", run_refused, MOVABLE, 0, 0 },
	{ "reg.no_memory", run_no_memory, 0, 0, 0 },
	{ "reg.rereg.udmabuf", run_rereg, UDMABUF, 0, 0 },
	{ "reg.rereg.movable", run_rereg, MOVABLE, 0, 0 },
	{ "reg.show", run_show, UDMABUF, 0, 0 },
	{ }
};
