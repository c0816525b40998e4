// SPDX-License-Identifier: GPL-2.0
/* Steps of the cases about changing memory; see rig.h. */
#include <string.h>

#include "rig.h"

enum { SKEW = 1001 };

void rig_around(struct rig *r, const struct mem *m)
{
	struct ep_cfg cfg = ep_rc();

	memset(r, 0, sizeof(*r));
	ep_pair_open(&r->p, &cfg);
	r->m = *m;
	mem_reg(&r->m, r->p.b.dev, RIGHTS_ALL);
	buf_open(&r->pin, r->p.a.dev, m->b.len, 37, RIGHTS_ALL);
	r->off = m->b.len > 64 ? 13 : 0;
	r->len = m->b.len - 2 * r->off - (m->b.len > 64 ? 6 : 0);
}

void rig_open(struct rig *r, enum place_kind kind, size_t len)
{
	struct mem m;

	mem_plain(&m, kind, len, SKEW, false);
	rig_around(r, &m);
}

void rig_close(struct rig *r)
{
	ep_pair_close(&r->p);
	mem_close(&r->m);
	buf_close(&r->pin);
}

void rig_op(struct rig *r, enum ibv_wr_opcode code, size_t off, size_t len)
{
	struct ibv_sge sge = buf_sge(&r->pin, off, len);
	struct op op = { .code = code, .sge = &sge, .nsge = 1, .id = RIG_ID,
			 .raddr = buf_sge(&r->m.b, off, len).addr, .rkey = r->m.b.mr->rkey };

	ep_post(&r->p.a, &op);
}

enum ibv_wc_status rig_try(struct rig *r, enum ibv_wr_opcode code)
{
	struct ibv_wc wc;

	rig_op(r, code, r->off, r->len);
	cq_poll_for(r->p.a.scq, &wc, op_name(code), 15);
	t_check(wc.wr_id == RIG_ID, "%s: got wr_id %#lx, expected %#x", op_name(code), wc.wr_id,
		RIG_ID);
	return wc.status;
}

void rig_refused(struct rig *r, enum ibv_wr_opcode code, enum ibv_wc_status want)
{
	enum ibv_wc_status got = rig_try(r, code);

	t_check(got == want, "%s: got \"%s\", expected \"%s\"", op_name(code),
		ibv_wc_status_str(got), ibv_wc_status_str(want));
	ep_await_state(&r->p.b, IBV_QPS_ERR, "responder's", 5);
	ep_pair_again(&r->p);
}

void rig_read(struct rig *r)
{
	rig_op(r, IBV_WR_RDMA_READ, 0, r->m.b.len);
	cq_want(r->p.a.scq, IBV_WC_SUCCESS, RIG_ID, "READ of the region");
}

void rig_reads_same(struct rig *r, const char *who)
{
	buf_refill(&r->pin);
	rig_read(r);
	buf_expect(&r->pin, 0, r->m.b.len, r->m.b.seed, 0, who);
}

void rig_reads_zero(struct rig *r, const char *who)
{
	buf_refill(&r->pin);
	rig_read(r);
	zero_want(r->pin.p, r->pin.len, who);
}

void rig_write(struct rig *r)
{
	buf_refill(&r->pin);
	rig_op(r, IBV_WR_RDMA_WRITE, r->off, r->len);
	cq_want(r->p.a.scq, IBV_WC_SUCCESS, RIG_ID, "WRITE of the window");
}

void rig_written(struct rig *r, const char *who)
{
	buf_expect(&r->m.b, r->off, r->len, r->pin.seed, r->off, who);
	buf_same(&r->pin, "source");
}

void rig_written_zero(struct rig *r, const char *who)
{
	mem_zero(&r->m, r->off, r->len, r->pin.seed, r->off, who);
	buf_same(&r->pin, "source");
}

void rig_warm(struct rig *r)
{
	buf_refill(&r->m.b);
	rig_reads_same(r, "first READ");
	rig_write(r);
	rig_written(r, "first WRITE");
	buf_refill(&r->m.b);
}

void rig_proves(struct rig *r, const char *who)
{
	struct ep_pair back = { r->p.b, r->p.a };
	struct xfer in = { IBV_WR_RDMA_WRITE, &r->pin, &r->m.b, r->off, r->off, r->len, 0 };
	struct xfer out = { IBV_WR_RDMA_READ, &r->m.b, &r->pin, r->off, r->off, r->len, 0 };

	t_where("%s, then WRITE to it", who);
	buf_refill(&r->m.b);
	buf_refill(&r->pin);
	xfer_run(&r->p, &in);
	t_where("%s, then READ from it", who);
	buf_refill(&r->m.b);
	xfer_run(&r->p, &out);
	t_where("%s, then SEND from it", who);
	buf_refill(&r->pin);
	out.code = IBV_WR_SEND;
	xfer_run(&back, &out);
	t_where("%s, then READ into it", who);
	buf_refill(&r->pin);
	in.code = IBV_WR_RDMA_READ;
	xfer_run(&back, &in);
	buf_refill(&r->m.b);
	t_where("%s", "");
}
