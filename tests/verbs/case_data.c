// SPDX-License-Identifier: GPL-2.0
/*
 * Data on connections: every operation, at every size where an implementation may go wrong
 * (nothing, one byte, around eight bytes, cache line, path MTU, page, 64 KiB, 1 MiB, 8 MiB), at
 * every path MTU.
 *
 * Both buffers start at random places in a page and the windows in them at odd offsets; xfer_run()
 * checks the moved bytes, the bytes around them, the guards, and that the source is unchanged.
 */
#include <unistd.h>

#include "cases.h"
#include "xfer.h"

static const enum ibv_wr_opcode kinds[] = {
	IBV_WR_RDMA_WRITE, IBV_WR_RDMA_WRITE_WITH_IMM, IBV_WR_SEND, IBV_WR_SEND_WITH_IMM,
	IBV_WR_RDMA_READ,
};

static void one_size(struct ep_pair *p, enum ibv_wr_opcode code, size_t len)
{
	t_where("%s of %zu bytes at path MTU %d", op_name(code), len, p->a.cfg.mtu);
	xfer_fresh(p, code, len, 0);
	t_where("%s", "");
}

/* The operation of a row, and whether its connection is unreliable. */
enum { UC = 0x100 };

static struct ep_cfg cfg_of(const struct t_case *c)
{
	return c->arg2 & UC ? ep_uc() : ep_rc();
}

static enum ibv_wr_opcode code_of(const struct t_case *c)
{
	return c->arg2 & ~UC;
}

/* All small and middle sizes of one operation at one path MTU. @c->arg is the MTU, 0 the port's. */
static void sizes(const struct t_case *c)
{
	enum ibv_wr_opcode code = code_of(c);
	struct ep_cfg cfg = cfg_of(c);
	struct ep_pair p;

	if (c->arg) {
		ep_need_mtu(c->arg);
		cfg.mtu = c->arg;
	}
	ep_pair_open(&p, &cfg);

	size_t m = cfg.mtu, page = sysconf(_SC_PAGESIZE);
	size_t list[] = { 0, 1, 7, 8, 63, 64, 65, m - 1, m, m + 1, 2 * m - 1, 2 * m, 2 * m + 1,
			  page - 1, page, page + 1, 3 * page + 5, 65535, 65536, 65537 };

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		one_size(&p, code, list[i]);
	ep_pair_close(&p);
}

/* @c->arg bytes in one message. */
static void big(const struct t_case *c)
{
	struct ep_cfg cfg = cfg_of(c);
	struct ep_pair p;

	ep_pair_open(&p, &cfg);
	one_size(&p, code_of(c), c->arg);
	ep_pair_close(&p);
}

/* Random operations of random sizes, one after the other, roles exchanged at random. */
static void mixed(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p, back;

	ep_pair_open(&p, &cfg);
	back = (struct ep_pair){ p.b, p.a };
	for (int i = 0; i < c->arg; i++) {
		enum ibv_wr_opcode code = kinds[t_rand() % 5];

		one_size(t_rand() & 1 ? &p : &back, code, t_rand() % 30000);
	}
	ep_pair_close(&p);
}

/* PSNs that wrap from 0xffffff to 0 in the middle of a message, in both directions. */
static void psn_wrap(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	(void)c;
	for (int ahead = 0; ahead < 4; ahead++) {
		ep_open(&p.a, 0, &cfg);
		ep_open(&p.b, 1, &cfg);
		p.a.psn = p.b.psn = 0x1000000 - 1 - 2 * ahead;
		ep_pair_connect(&p);
		for (int i = 0; i < 5; i++)
			one_size(&p, kinds[i], 3 * cfg.mtu + 17);
		pair_proves(&p);
		ep_pair_close(&p);
	}
}

/* Adjacent windows written by many small messages make one gapless stream. */
static void adjacent(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	size_t total = 40000, off = 0;
	struct buf src, dst;
	struct ep_pair p;

	(void)c;
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, total, 3, 0);
	buf_open(&dst, p.b.dev, total, 4091, RIGHTS_ALL);
	while (off < total) {
		size_t len = 1 + t_rand() % 700;
		struct ibv_sge sge;
		struct op op = { .code = IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1, .id = off };

		if (len > total - off)
			len = total - off;
		sge = buf_sge(&src, off, len);
		op.raddr = (uintptr_t)dst.p + off;
		op.rkey = dst.mr->rkey;
		ep_post(&p.a, &op);
		cq_want(p.a.scq, IBV_WC_SUCCESS, off, "WRITE");
		off += len;
	}
	buf_expect(&dst, 0, total, src.seed, 0, "destination");
	buf_same(&src, "source");
	ep_pair_close(&p);
}

#define MTUS(op, code)						\
	{ op ".sizes", sizes, 0, code, 60 },			\
	{ op ".mtu256", sizes, 256, code, 60 },			\
	{ op ".mtu512", sizes, 512, code, 60 },			\
	{ op ".mtu1024", sizes, 1024, code, 60 },		\
	{ op ".mtu2048", sizes, 2048, code, 60 },		\
	{ op ".mtu4096", sizes, 4096, code, 60 },		\
	{ op ".1m", big, (1 << 20) + 3, code, 60 },		\
	{ op ".8m", big, 8 << 20, code, 60 }

const struct t_case cases_data[] = {
	MTUS("rc.write", IBV_WR_RDMA_WRITE),
	MTUS("rc.write_imm", IBV_WR_RDMA_WRITE_WITH_IMM),
	MTUS("rc.send", IBV_WR_SEND),
	MTUS("rc.send_imm", IBV_WR_SEND_WITH_IMM),
	MTUS("rc.read", IBV_WR_RDMA_READ),
	MTUS("uc.write", UC | IBV_WR_RDMA_WRITE),
	MTUS("uc.write_imm", UC | IBV_WR_RDMA_WRITE_WITH_IMM),
	MTUS("uc.send", UC | IBV_WR_SEND),
	MTUS("uc.send_imm", UC | IBV_WR_SEND_WITH_IMM),
	{ "rc.mixed", mixed, 200, 0, 120 },
	{ "rc.psn_wrap", psn_wrap, 0, 0, 0 },
	{ "rc.adjacent", adjacent, 0, 0, 0 },
	{ }
};
