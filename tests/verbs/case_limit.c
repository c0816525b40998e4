// SPDX-License-Identifier: GPL-2.0
/*
 * Many objects, large objects, objects in use, and arguments that must be refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cases.h"
#include "xfer.h"

enum { MANY = 1000 };

/* One kind of object: make and unmake. The page at @mem is for MRs. */
struct kind {
	const char *name;
	void *(*make)(struct ep_dev *d, struct ibv_cq *cq, void *mem);
	int (*unmake)(void *obj);
};

static void *make_pd(struct ep_dev *d, struct ibv_cq *cq, void *mem)
{
	(void)cq;
	(void)mem;
	return ibv_alloc_pd(d->ctx);
}

static void *make_cq(struct ep_dev *d, struct ibv_cq *cq, void *mem)
{
	(void)cq;
	(void)mem;
	return ibv_create_cq(d->ctx, 16, NULL, NULL, 0);
}

static void *make_mr(struct ep_dev *d, struct ibv_cq *cq, void *mem)
{
	(void)cq;
	return ibv_reg_mr(d->pd, mem, 4096, RIGHTS_ALL);
}

static void *make_qp(struct ep_dev *d, struct ibv_cq *cq, void *mem)
{
	struct ibv_qp_init_attr init = { .send_cq = cq, .recv_cq = cq, .qp_type = IBV_QPT_RC,
					 .cap = { 1, 1, 1, 1, 0 } };

	(void)mem;
	return ibv_create_qp(d->pd, &init);
}

static void *make_ah(struct ep_dev *d, struct ibv_cq *cq, void *mem)
{
	struct ibv_ah_attr attr;

	(void)cq;
	(void)mem;
	ep_ah_attr(d, &d->gid, &attr);
	return ibv_create_ah(d->pd, &attr);
}

static int unmake_pd(void *obj)
{
	return ibv_dealloc_pd(obj);
}

static int unmake_cq(void *obj)
{
	return ibv_destroy_cq(obj);
}

static int unmake_mr(void *obj)
{
	return ibv_dereg_mr(obj);
}

static int unmake_qp(void *obj)
{
	return ibv_destroy_qp(obj);
}

static int unmake_ah(void *obj)
{
	return ibv_destroy_ah(obj);
}

static const struct kind kinds[] = {
	{ "PD", make_pd, unmake_pd }, { "CQ", make_cq, unmake_cq }, { "MR", make_mr, unmake_mr },
	{ "QP", make_qp, unmake_qp }, { "AH", make_ah, unmake_ah },
};

static void *make_one(const struct kind *k, struct ep_dev *d, struct ibv_cq *cq, void *mem, int i)
{
	void *obj = k->make(d, cq, mem);

	t_check(obj, "%s number %d: %s", k->name, i, strerror(errno));
	return obj;
}

static void many(const struct t_case *c)
{
	const struct kind *k = &kinds[c->arg];
	struct ep_dev *d = ep_dev(0);
	struct ibv_cq *cq = make_cq(d, NULL, NULL);
	static void *objs[MANY];
	struct buf mem;

	buf_plain(&mem, 4096, 0);
	for (int i = 0; i < MANY; i++)
		t_zero(k->unmake(make_one(k, d, cq, mem.p, i)));
	for (int i = 0; i < MANY; i++)
		objs[i] = make_one(k, d, cq, mem.p, i);
	for (int i = 0; i < MANY; i += 2)
		t_zero(k->unmake(objs[i]));
	for (int i = 0; i < MANY; i += 2)
		objs[i] = make_one(k, d, cq, mem.p, i);
	for (int i = MANY - 1; i >= 0; i--)
		t_zero(k->unmake(objs[i]));
	t_zero(ibv_destroy_cq(cq));
}

/* MRs of every small shape: one byte, page edges, odd starts; each byte of each is reachable. */
static void mr_shapes(const struct t_case *c)
{
	static const size_t lens[] = { 1, 7, 4095, 4096, 4097, 8192, 12289, 40000 };
	static const size_t skews[] = { 0, 1, 63, 2048, 4095 };
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	for (int l = 0; l < 8; l++)
		for (int s = 0; s < 5; s++) {
			struct buf src, dst;
			struct xfer x = { IBV_WR_RDMA_WRITE, &src, &dst, 0, 0, lens[l], 0 };

			t_where("%zu bytes, %zu into a page", lens[l], skews[s]);
			buf_open(&src, p.a.dev, lens[l], skews[4 - s], 0);
			buf_open(&dst, p.b.dev, lens[l], skews[s], RIGHTS_ALL);
			xfer_run(&p, &x);
			buf_close(&src);
			buf_close(&dst);
		}
	ep_pair_close(&p);
}

static size_t mem_available(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	size_t kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %zu kB", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb << 10;
}

/* Windows of 10,000 bytes where numbers wrap or chunks end in a large region. */
static void probe_large(struct ep_pair *p, uint8_t *mem, size_t len, uint32_t rkey)
{
	size_t at[] = { 0, (1UL << 21) - 5000, len / 3 | 1, (1UL << 30) - 3, (1UL << 31) - 4999,
			(1UL << 32) - 5001, len - 10000 };
	struct buf src;

	buf_open(&src, p->a.dev, 10000, 77, 0);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct ibv_sge sge = buf_sge(&src, 0, 10000);
		struct op op = { .code = IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1, .id = i,
				 .raddr = (uintptr_t)mem + at[i], .rkey = rkey };
		struct pattern_bad bad;

		if (at[i] + 10000 > len)
			continue;
		t_where("WRITE at offset %zu of %zu", at[i], len);
		ep_post(&p->a, &op);
		cq_want(p->a.scq, IBV_WC_SUCCESS, i, "WRITE");
		t_check(!pattern_check(mem + at[i], 10000, src.seed, 0, &bad),
			"byte %zu is %#x, expected %#x", bad.off, bad.got, bad.want);
	}
}

static void mr_large(const struct t_case *c)
{
	size_t len = (size_t)c->arg << 20;
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;
	struct ibv_mr *mr;
	uint8_t *mem;
	double start;

	if (mem_available() < len + (len >> 2) + (64 << 20))
		t_skip("%zu MiB available, the case needs %zu MiB", mem_available() >> 20,
		       (len + (len >> 2)) >> 20);
	if (len > ep_dev(1)->attr.max_mr_size)
		t_skip("max_mr_size is %lu", ep_dev(1)->attr.max_mr_size);
	ep_pair_open(&p, &cfg);
	mem = mmap(NULL, len + 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	t_check(mem != MAP_FAILED, "mmap: %s", strerror(errno));
	mem += 123;
	start = t_now();
	t_wait("ibv_reg_mr of %zu bytes", len);
	mr = ibv_reg_mr(p.b.dev->pd, mem, len, RIGHTS_ALL);
	t_check(mr, "ibv_reg_mr of %zu bytes: %s", len, strerror(errno));
	t_note("registered %ld MiB in %.3f s", c->arg, t_now() - start);
	probe_large(&p, mem, len, mr->rkey);
	t_wait("ibv_dereg_mr of %zu bytes", len);
	t_zero(ibv_dereg_mr(mr));
	ep_pair_close(&p);
}

/* A read-only file mapping can be sent from, and cannot be registered for writing. */
static void mr_read_only(const struct t_case *c)
{
	enum { LEN = 20000 };
	char name[] = "/tmp/rxe_verbs_XXXXXX";
	int fd = mkstemp(name);
	struct ep_cfg cfg = ep_rc();
	struct buf fill, dst;
	struct ibv_sge sge, rsge;
	struct op op = { .code = IBV_WR_SEND, .sge = &sge, .nsge = 1, .id = 1 };
	struct ep_pair p;
	struct ibv_mr *mr;
	uint8_t *ro;

	unlink(name);
	/* They pin what they could write to, if need be a copy. */
	if (c->arg == MAP_SHARED && t_linux_before(6, 3))
		t_skip("Linux before 6.3 does not pin a shared file that may not be written");
	ep_pair_open(&p, &cfg);
	buf_plain(&fill, LEN, 0);
	t_check(fd >= 0 && write(fd, fill.p, LEN) == LEN, "write a file: %s", strerror(errno));
	ro = mmap(NULL, LEN, PROT_READ, c->arg, fd, 0);
	t_check(ro != MAP_FAILED, "mmap: %s", strerror(errno));
	mr = ibv_reg_mr(p.a.dev->pd, ro + 1, LEN - 1, IBV_ACCESS_REMOTE_READ);
	t_check(mr, "ibv_reg_mr of read-only memory: %s", strerror(errno));
	buf_open(&dst, p.b.dev, LEN, 7, IBV_ACCESS_LOCAL_WRITE);
	sge = (struct ibv_sge){ (uintptr_t)ro + 1, LEN - 1, mr->lkey };
	rsge = buf_sge(&dst, 0, LEN - 1);
	ep_recv(&p.b, &rsge, 1, 2);
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_SUCCESS, 1, "SEND from read-only memory");
	cq_want(p.b.rcq, IBV_WC_SUCCESS, 2, "receive");
	buf_expect(&dst, 0, LEN - 1, fill.seed, 1, "destination");
	t_check(!ibv_reg_mr(p.a.dev->pd, ro, LEN, IBV_ACCESS_LOCAL_WRITE) && errno == EFAULT,
		"LOCAL_WRITE on read-only memory: got %s, expected EFAULT", t_errname(errno));
}

struct bad_mr {
	const char *what;
	uint64_t addr;		/* 0: a good page */
	size_t len;
	unsigned int access;
	int want, or_want;
};

static void mr_refused(const struct t_case *c)
{
	static const struct bad_mr bad[] = {
		{ "REMOTE_WRITE alone", 0, 4096, IBV_ACCESS_REMOTE_WRITE, EINVAL, 0 },
		{ "REMOTE_ATOMIC alone", 0, 4096, IBV_ACCESS_REMOTE_ATOMIC, EINVAL, 0 },
		{ "an unknown flag", 0, 4096, 1 << 15, EINVAL, EOPNOTSUPP },
		{ "absent memory", 0x10000, 4096, IBV_ACCESS_LOCAL_WRITE, EFAULT, ENOMEM },
		{ "a range that wraps", -4096UL, 8192, IBV_ACCESS_LOCAL_WRITE, EINVAL, EFAULT },
		{ "kernel addresses", 0xffff888000000000UL, 4096, 0, EFAULT, EINVAL },
		{ "zero bytes", 0, 0, IBV_ACCESS_LOCAL_WRITE, EINVAL, 0 },
	};
	struct ep_dev *d = ep_dev(0);
	struct buf page;

	(void)c;
	buf_plain(&page, 4096, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		void *addr = bad[i].addr ? (void *)bad[i].addr : page.p;
		struct ibv_mr *mr;

		errno = 0;
		mr = ibv_reg_mr(d->pd, addr, bad[i].len, bad[i].access);
		t_check(!mr, "%s: registered, expected %s", bad[i].what, t_errname(bad[i].want));
		t_check(errno == bad[i].want || (bad[i].or_want && errno == bad[i].or_want),
			"%s: got %s, expected errno %d", bad[i].what, t_errname(errno),
			bad[i].want);
	}
	buf_same(&page, "the page");
}

/* The optional flags (bits 20 to 29, RELAXED_ORDERING the first) are accepted by every driver. */
static void mr_optional(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct buf src, dst;
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	for (int bit = 20; bit < 30; bit++) {
		struct xfer x = { IBV_WR_RDMA_WRITE, &src, &dst, 1, 2, 9000, 0 };

		t_where("access bit %d", bit);
		buf_open(&src, p.a.dev, 9010, 1, 1 << bit);
		buf_open(&dst, p.b.dev, 9010, 4095, RIGHTS_ALL | 1 << bit);
		xfer_run(&p, &x);
		buf_close(&src);
		buf_close(&dst);
	}
	ep_pair_close(&p);
}

static void cq_args(const struct t_case *c)
{
	struct ibv_context *ctx = ep_dev(0)->ctx;
	struct ibv_cq *cq;

	(void)c;
	t_check(!ibv_create_cq(ctx, 0, NULL, NULL, 0) && errno == EINVAL,
		"0 entries: got %s, expected EINVAL", t_errname(errno));
	t_check(!ibv_create_cq(ctx, ep_dev(0)->attr.max_cqe + 1, NULL, NULL, 0) &&
		errno == EINVAL, "max_cqe + 1 entries: got %s, expected EINVAL", t_errname(errno));
	t_check(!ibv_create_cq(ctx, 8, NULL, NULL, ctx->num_comp_vectors) && errno == EINVAL,
		"comp_vector past the last: got %s, expected EINVAL", t_errname(errno));
	cq = ibv_create_cq(ctx, ep_dev(0)->attr.max_cqe, NULL, NULL, ctx->num_comp_vectors - 1);
	t_check(cq, "max_cqe entries: %s", strerror(errno));
	t_check(cq->cqe >= ep_dev(0)->attr.max_cqe, "cqe: got %d", cq->cqe);
	t_zero(ibv_destroy_cq(cq));
}

static void qp_refused(struct ibv_qp_init_attr *init, const char *what)
{
	errno = 0;
	t_check(!ibv_create_qp(ep_dev(0)->pd, init), "%s: created, expected EINVAL", what);
	t_check(errno == EINVAL, "%s: got %s, expected EINVAL", what, t_errname(errno));
}

static void qp_args(const struct t_case *c)
{
	const struct ibv_device_attr *a = &ep_dev(0)->attr;
	struct ibv_cq *cq = make_cq(ep_dev(0), NULL, NULL);
	struct ibv_qp_init_attr good = { .send_cq = cq, .recv_cq = cq, .qp_type = IBV_QPT_RC,
					 .cap = { 4, 4, 1, 1, 0 } }, bad;

	(void)c;
	bad = good;
	bad.cap.max_send_wr = a->max_qp_wr + 1;
	qp_refused(&bad, "max_send_wr past the device's");
	bad = good;
	bad.cap.max_recv_wr = a->max_qp_wr + 1;
	qp_refused(&bad, "max_recv_wr past the device's");
	bad = good;
	bad.cap.max_send_sge = a->max_sge + 1;
	qp_refused(&bad, "max_send_sge past the device's");
	bad = good;
	bad.cap.max_recv_sge = a->max_sge + 1;
	qp_refused(&bad, "max_recv_sge past the device's");
	bad = good;
	bad.cap.max_inline_data = 1 << 20;
	qp_refused(&bad, "max_inline_data of 1 MiB");
}

/* What a QP is said to have, the device would grant. */
static void caps_within(const struct ep *e, const struct ibv_device_attr *a)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	t_zero(ibv_query_qp(e->qp, &attr, IBV_QP_CAP, &init));
	t_check(init.cap.max_send_wr >= (uint32_t)a->max_qp_wr / 2 &&
		init.cap.max_send_wr <= (uint32_t)a->max_qp_wr &&
		init.cap.max_recv_wr <= (uint32_t)a->max_qp_wr,
		"it has %u and %u work requests, the device at most %d", init.cap.max_send_wr,
		init.cap.max_recv_wr, a->max_qp_wr);
}

/* The largest QP that the device names, used. */
static void qp_max(const struct t_case *c)
{
	const struct ibv_device_attr *a = &ep_dev(0)->attr;
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	(void)c;
	cfg.send_wr = cfg.recv_wr = a->max_qp_wr;
	cfg.send_sge = cfg.recv_sge = 1;
	cfg.cqe = 1000;
	ep_pair_open(&p, &cfg);
	caps_within(&p.a, a);
	pair_proves(&p);
	ep_pair_close(&p);
	cfg.send_wr = cfg.recv_wr = 4;
	cfg.send_sge = cfg.recv_sge = a->max_sge;
	ep_pair_open(&p, &cfg);
	pair_proves(&p);
	ep_pair_close(&p);
}

/* What is in use cannot be destroyed: EBUSY, and it still works. */
static void in_use(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;
	int rc;

	(void)c;
	ep_pair_open(&p, &cfg);
	rc = ibv_destroy_cq(p.a.scq);
	t_check(rc == EBUSY, "destroy a CQ with QPs: got %s, expected EBUSY", t_errname(rc));
	rc = ibv_dealloc_pd(p.a.dev->pd);
	t_check(rc == EBUSY, "dealloc a PD with QPs: got %s, expected EBUSY", t_errname(rc));
	pair_proves(&p);
	ep_pair_close(&p);
}

static void query_bounds(const struct t_case *c)
{
	struct ep_dev *d = ep_dev(0);
	struct ibv_port_attr port;
	union ibv_gid gid;
	__be16 pkey;
	int rc;

	(void)c;
	rc = ibv_query_port(d->ctx, d->attr.phys_port_cnt + 1, &port);
	t_check(rc == EINVAL, "port past the last: got %s, expected EINVAL", t_errname(rc));
	t_check(ibv_query_gid(d->ctx, 1, d->port.gid_tbl_len, &gid), "GID past the table");
	t_check(ibv_query_pkey(d->ctx, 1, d->port.pkey_tbl_len, &pkey), "P_Key past the table");
	t_zero(ibv_query_pkey(d->ctx, 1, 0, &pkey));
	t_check((pkey & 0xff7f) == 0xff7f, "P_Key 0: got %#x, expected the default", pkey);
	t_check(d->attr.max_cqe >= 32767 && d->attr.max_qp_wr >= 1000 && d->attr.max_sge >= 2 &&
		d->attr.max_qp_rd_atom >= 1 && d->attr.max_pkeys >= 1, "limits are too low");
	t_check(d->attr.vendor_id, "vendor_id is 0");
	t_check(d->port.link_layer == IBV_LINK_LAYER_ETHERNET, "link layer is not Ethernet");
}

const struct t_case cases_limit[] = {
	{ "limit.many.pd", many, 0, 0, 60 },
	{ "limit.many.cq", many, 1, 0, 60 },
	{ "limit.many.mr", many, 2, 0, 60 },
	{ "limit.many.qp", many, 3, 0, 120 },
	{ "limit.many.ah", many, 4, 0, 60 },
	{ "limit.mr.shapes", mr_shapes, 0, 0, 0 },
	{ "limit.mr.512m", mr_large, 512, 0, 60 },
	{ "limit.mr.4g", mr_large, 4096, 0, 120 },
	{ "limit.mr.read_only.private", mr_read_only, MAP_PRIVATE, 0, 0 },
	{ "limit.mr.read_only.shared", mr_read_only, MAP_SHARED, 0, 0 },
	{ "limit.mr.refused", mr_refused, 0, 0, 0 },
	{ "limit.mr.optional", mr_optional, 0, 0, 0 },
	{ "limit.cq.args", cq_args, 0, 0, 0 },
	{ "limit.qp.args", qp_args, 0, 0, 0 },
	{ "limit.qp.max", qp_max, 0, 0, 0 },
	{ "limit.in_use", in_use, 0, 0, 0 },
	{ "limit.query", query_bounds, 0, 0, 0 },
	{ }
};
