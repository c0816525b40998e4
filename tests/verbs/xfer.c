// SPDX-License-Identifier: GPL-2.0
/*
 * Whole transfers with every byte checked: where the data should be, around it, and at the source,
 * which must be unchanged.
 */
#include <string.h>

#include <arpa/inet.h>

#include "xfer.h"

enum { ID_SEND = 0x51d0, ID_RECV = 0x4ec0, ID_CHASE = 0xc4a5e, IMM = 0xc0ffee42 };

static bool is_send(enum ibv_wr_opcode code)
{
	return code == IBV_WR_SEND || code == IBV_WR_SEND_WITH_IMM;
}

static void post_receive(struct ep *b, const struct xfer *x)
{
	struct ibv_sge sge = buf_sge(x->dst, x->dof, x->len);

	if (is_send(x->code))
		ep_recv(b, &sge, 1, ID_RECV);
	else if (op_takes_recv(x->code))
		ep_recv(b, NULL, 0, ID_RECV);
}

static void check_receive(struct ep *b, const struct xfer *x)
{
	enum ibv_wc_opcode want = is_send(x->code) ? IBV_WC_RECV : IBV_WC_RECV_RDMA_WITH_IMM;
	struct ibv_wc wc;

	cq_poll(b->rcq, &wc, "receive");
	wc_want(&wc, IBV_WC_SUCCESS, "receive");
	t_check(wc.wr_id == ID_RECV && wc.opcode == want,
		"receive: got wr_id %#lx opcode %d, expected %#x %d", wc.wr_id, wc.opcode,
		ID_RECV, want);
	t_check(wc.byte_len == x->len, "receive: got byte_len %u, expected %zu", wc.byte_len,
		x->len);
	t_check(wc.qp_num == b->qp->qp_num, "receive: got qp_num %#x, expected %#x", wc.qp_num,
		b->qp->qp_num);
	t_check(!!(wc.wc_flags & IBV_WC_WITH_IMM) == op_has_imm(x->code),
		"receive: got wc_flags %#x, expected immediate data %d", wc.wc_flags,
		op_has_imm(x->code));
	t_check(!op_has_imm(x->code) || ntohl(wc.imm_data) == IMM,
		"receive: got immediate data %#x, expected %#x", ntohl(wc.imm_data), IMM);
}

static enum ibv_wc_opcode wc_opcode(enum ibv_wr_opcode code)
{
	if (code == IBV_WR_RDMA_READ)
		return IBV_WC_RDMA_READ;
	return is_send(code) ? IBV_WC_SEND : IBV_WC_RDMA_WRITE;
}

static void check_send(struct ep *a, const struct xfer *x)
{
	struct ibv_wc wc;

	cq_poll(a->scq, &wc, op_name(x->code));
	wc_want(&wc, IBV_WC_SUCCESS, op_name(x->code));
	t_check(wc.wr_id == ID_SEND && wc.opcode == wc_opcode(x->code),
		"%s: got wr_id %#lx opcode %d, expected %#x %d", op_name(x->code), wc.wr_id,
		wc.opcode, ID_SEND, wc_opcode(x->code));
	t_check(wc.qp_num == a->qp->qp_num, "%s: got qp_num %#x, expected %#x", op_name(x->code),
		wc.qp_num, a->qp->qp_num);
}

void pair_chase(struct ep_pair *p)
{
	struct op op = { .code = IBV_WR_SEND, .id = ID_CHASE };

	ep_recv(&p->b, NULL, 0, ID_CHASE);
	ep_post(&p->a, &op);
	cq_want(p->a.scq, IBV_WC_SUCCESS, ID_CHASE, "SEND behind a WRITE");
	cq_want(p->b.rcq, IBV_WC_SUCCESS, ID_CHASE, "receive behind a WRITE");
}

void xfer_run(struct ep_pair *p, const struct xfer *x)
{
	bool read = x->code == IBV_WR_RDMA_READ;
	const struct buf *local = read ? x->dst : x->src, *remote = read ? x->src : x->dst;
	size_t loff = read ? x->dof : x->so, roff = read ? x->so : x->dof;
	struct ibv_sge sge = buf_sge(local, loff, x->len);
	struct op op = {
		.code = x->code, .sge = &sge, .nsge = 1, .id = ID_SEND, .imm = IMM,
		.raddr = buf_sge(remote, roff, 0).addr, .rkey = remote->mr->rkey, .flags = x->flags,
	};

	post_receive(&p->b, x);
	ep_post(&p->a, &op);
	if (op_takes_recv(x->code))
		check_receive(&p->b, x);
	check_send(&p->a, x);
	if (p->a.cfg.type == IBV_QPT_UC && !op_takes_recv(x->code))
		pair_chase(p);
	buf_expect(x->dst, x->dof, x->len, x->src->seed, x->so, "destination");
	buf_same(x->src, "source");
}

void xfer_fresh(struct ep_pair *p, enum ibv_wr_opcode code, size_t len, unsigned int flags)
{
	bool read = code == IBV_WR_RDMA_READ;
	struct buf src, dst;
	struct xfer x = { code, &src, &dst, 1 + t_rand() % 70, 1 + t_rand() % 70, len, flags };

	buf_open(&src, read ? p->b.dev : p->a.dev, len + 150, t_rand(),
		 read ? IBV_ACCESS_REMOTE_READ : 0);
	buf_open(&dst, read ? p->a.dev : p->b.dev, len + 150, t_rand(),
		 IBV_ACCESS_LOCAL_WRITE | (is_send(code) || read ? 0 : IBV_ACCESS_REMOTE_WRITE));
	xfer_run(p, &x);
	buf_close(&src);
	buf_close(&dst);
}

void pair_proves(struct ep_pair *p)
{
	struct ep_pair back = { p->b, p->a };

	xfer_fresh(p, IBV_WR_SEND, 2 * p->a.cfg.mtu + 77, 0);
	xfer_fresh(p, IBV_WR_RDMA_WRITE, 5001, 0);
	xfer_fresh(p, IBV_WR_RDMA_READ, 5003, 0);
	xfer_fresh(&back, IBV_WR_SEND, 777, 0);
	xfer_fresh(&back, IBV_WR_RDMA_WRITE, 4099, 0);
}
