// SPDX-License-Identifier: GPL-2.0
/*
 * Registrations and invalidations among other work requests: in a chain, with interrupts off, by
 * the peer, and in error.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/mm.h>

#include "rig.h"

#define ALL	(IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_READ)
#define ROUNDS	200

static int make_both(struct rig *rig)
{
	must(mem_make(&rig->local, rig->dev, 8, 0, 5));
	return mem_make(&rig->far, rig->dev, 6, 0, 1234);
}

static int fails(struct rig *rig, struct ib_send_wr *wr, enum ib_wc_status status)
{
	must(post(&rig->b, wr, 7));
	must(want(&rig->b, 7, status, NULL));
	return rig_again(rig);
}

int case_errors(struct rig *rig)
{
	struct ib_send_wr inv = { .opcode = IB_WR_LOCAL_INV };
	struct ib_mr *mr = rig->mr;
	struct ib_reg_wr reg;
	u64 length;

	must(make_both(rig));
	/* Nothing mapped yet. */
	reg = reg_of(rig, ALL);
	must(fails(rig, &reg.wr, IB_WC_MW_BIND_ERR));
	must(rig_reg(rig, PAGE_SIZE, ALL));
	/* It is valid. */
	reg = reg_of(rig, ALL);
	must(fails(rig, &reg.wr, IB_WC_MW_BIND_ERR));
	must(rig_rdma(rig, IB_WR_RDMA_READ, mr->iova, mr->rkey, 100, IB_WC_SUCCESS));
	inv.ex.invalidate_rkey = mr->rkey ^ 1;
	must(fails(rig, &inv, IB_WC_MW_BIND_ERR));
	inv.ex.invalidate_rkey = rig->pd->local_dma_lkey;
	must(fails(rig, &inv, IB_WC_MW_BIND_ERR));
	must(rig_rdma(rig, IB_WR_RDMA_READ, mr->iova, mr->rkey, 100, IB_WC_SUCCESS));
	must(rig_inv(rig));
	/* Another region's number; more than was mapped; rights that contradict each other. */
	reg = reg_of(rig, ALL);
	reg.key += 0x100;
	must(fails(rig, &reg.wr, IB_WC_MW_BIND_ERR));
	length = mr->length;
	mr->length += PAGE_SIZE;
	reg = reg_of(rig, ALL);
	must(fails(rig, &reg.wr, IB_WC_MW_BIND_ERR));
	mr->length = length;
	reg = reg_of(rig, IB_ACCESS_REMOTE_WRITE);
	expect(ib_post_send(rig->b.qp, &reg.wr, NULL) == -EINVAL, "remote write without local");
	reg = reg_of(rig, ALL);
	must(post(&rig->b, &reg.wr, 8));
	return want(&rig->b, 8, IB_WC_SUCCESS, NULL);
}

/* Invalidate, register and tell the peer, in one post, with or without interrupts. */
static int chain(struct rig *rig, bool irqs_off)
{
	struct ib_mr *mr = rig->mr;
	struct ib_send_wr inv = {
		.wr_id = 1, .opcode = IB_WR_LOCAL_INV, .ex.invalidate_rkey = mr->rkey,
		.send_flags = IB_SEND_SIGNALED,
	};
	struct ib_send_wr tell = {
		.wr_id = 3, .opcode = IB_WR_SEND, .send_flags = IB_SEND_SIGNALED,
	};
	struct ib_recv_wr recv = { .wr_id = 4 };
	struct ib_reg_wr reg;
	unsigned long flags;
	int err;

	expect(!ib_post_recv(rig->a.qp, &recv, NULL), "ib_post_recv");
	ib_update_fast_reg_key(mr, ib_inc_rkey(mr->rkey));
	expect(ib_map_mr_sg(mr, rig->far.sg, rig->far.num, NULL, 1024) == rig->far.num,
	       "ib_map_mr_sg");
	reg = reg_of(rig, ALL);
	reg.wr.wr_id = 2;
	reg.wr.send_flags = IB_SEND_SIGNALED;
	inv.next = &reg.wr;
	reg.wr.next = &tell;
	if (irqs_off)
		local_irq_save(flags);
	err = ib_post_send(rig->b.qp, &inv, NULL);
	if (irqs_off)
		local_irq_restore(flags);
	expect(!err, "ib_post_send: %d", err);
	must(want(&rig->a, 4, IB_WC_SUCCESS, NULL));
	must(rig_rdma(rig, IB_WR_RDMA_WRITE, mr->iova, mr->rkey, rig->far.len, IB_WC_SUCCESS));
	must(want(&rig->b, 1, IB_WC_SUCCESS, NULL));
	must(want(&rig->b, 2, IB_WC_SUCCESS, NULL));
	must(want(&rig->b, 3, IB_WC_SUCCESS, NULL));
	must(mem_expect(&rig->far, &rig->local, 0));
	mem_fill(&rig->far);
	return 0;
}

static int chains(struct rig *rig, bool irqs_off)
{
	u32 i;

	must(make_both(rig));
	must(rig_reg(rig, PAGE_SIZE, ALL));
	for (i = 0; i < ROUNDS; i++)
		must(chain(rig, irqs_off));
	return 0;
}

int case_chain(struct rig *rig)
{
	return chains(rig, false);
}

int case_irqs_off(struct rig *rig)
{
	return chains(rig, true);
}

/* What is mapped while the key is valid is not what the key stands for. */
int case_staged(struct rig *rig)
{
	struct ib_mr *mr = rig->mr;
	struct mem *old = &rig->spare;
	u64 iova;

	must(make_both(rig));
	rig->local.len = rig->far.len;
	must(rig_reg(rig, PAGE_SIZE, ALL));
	iova = mr->iova;
	*old = rig->far;
	must(mem_make(&rig->far, rig->dev, 6, 0, 1234));
	expect(ib_map_mr_sg(mr, rig->far.sg, rig->far.num, NULL, PAGE_SIZE) == rig->far.num,
	       "ib_map_mr_sg");
	must(rig_rdma(rig, IB_WR_RDMA_WRITE, iova, mr->rkey, old->len, IB_WC_SUCCESS));
	must(mem_expect(old, &rig->local, 0));
	must(mem_same(&rig->far));
	return rig_inv(rig);
}

/*
 * A SEND from registered memory for which the peer has no receive yet comes again later: a fenced
 * invalidation behind it leaves it its source till then.
 */
int case_fence(struct rig *rig)
{
	struct mem *in = &rig->spare;
	struct ib_sge from, to;
	struct ib_send_wr wr = { .opcode = IB_WR_SEND, .sg_list = &from, .num_sge = 1 };
	struct ib_send_wr inv = { .opcode = IB_WR_LOCAL_INV, .send_flags = IB_SEND_FENCE };
	struct ib_recv_wr recv = { .wr_id = 4, .sg_list = &to, .num_sge = 1 };

	must(make_both(rig));
	must(rig_reg(rig, PAGE_SIZE, ALL));
	must(mem_make(in, rig->dev, 1, 3, 9));
	in->len = 9000;
	from = (struct ib_sge) { rig->mr->iova + 5, 9000, rig->mr->lkey };
	to = (struct ib_sge) { sg_dma_address(&in->sg[0]), 9000, rig->pd->local_dma_lkey };
	inv.ex.invalidate_rkey = rig->mr->rkey;
	must(post(&rig->b, &wr, 1));
	must(post(&rig->b, &inv, 2));
	msleep(30);
	expect(!ib_post_recv(rig->a.qp, &recv, NULL), "ib_post_recv");
	must(want(&rig->a, 4, IB_WC_SUCCESS, NULL));
	must(want(&rig->b, 1, IB_WC_SUCCESS, NULL));
	must(want(&rig->b, 2, IB_WC_SUCCESS, NULL));
	must(mem_expect(in, &rig->far, 5));
	return rig_rdma(rig, IB_WR_RDMA_READ, rig->mr->iova, rig->mr->rkey, 9,
			IB_WC_REM_ACCESS_ERR);
}

/* The peer takes back what it was given, by messages of none, one and several packets. */
int case_send_inv(struct rig *rig)
{
	static const u32 lens[] = { 0, 1, 1024, 3000 };
	struct ib_recv_wr recv = { .wr_id = 4, .num_sge = 1 };
	struct ib_send_wr inv = { .opcode = IB_WR_SEND_WITH_INV };
	struct ib_sge from, to;
	struct mem *in = &rig->spare;
	struct ib_wc wc;
	u32 i;

	must(make_both(rig));
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		must(rig_reg(rig, PAGE_SIZE, ALL));
		must(mem_make(in, rig->dev, 1, 0, 11));
		in->len = lens[i];
		to = (struct ib_sge) { sg_dma_address(&in->sg[0]), 3000,
				       rig->pd->local_dma_lkey };
		from = (struct ib_sge) { sg_dma_address(&rig->local.sg[0]), lens[i],
					 rig->pd->local_dma_lkey };
		recv.sg_list = &to;
		expect(!ib_post_recv(rig->b.qp, &recv, NULL), "ib_post_recv");
		inv.sg_list = &from;
		inv.num_sge = 1;
		inv.ex.invalidate_rkey = rig->mr->rkey;
		must(post(&rig->a, &inv, 5));
		must(want(&rig->b, 4, IB_WC_SUCCESS, &wc));
		expect(wc.wc_flags & IB_WC_WITH_INVALIDATE, "flags %x", wc.wc_flags);
		expect(wc.ex.invalidate_rkey == rig->mr->rkey, "key %x", wc.ex.invalidate_rkey);
		expect(wc.byte_len == lens[i], "%u bytes", wc.byte_len);
		must(want(&rig->a, 5, IB_WC_SUCCESS, NULL));
		must(mem_expect(in, &rig->local, 0));
		must(rig_rdma(rig, IB_WR_RDMA_READ, rig->mr->iova, rig->mr->rkey, 100,
			      IB_WC_REM_ACCESS_ERR));
		in->len = 1;
		mem_free(in, rig->dev);
	}
	return 0;
}

int case_send_inv_refused(struct rig *rig)
{
	struct ib_recv_wr recv = { .wr_id = 4 };
	struct ib_send_wr inv = { .opcode = IB_WR_SEND_WITH_INV };

	must(make_both(rig));
	must(rig_reg(rig, PAGE_SIZE, ALL));
	expect(!ib_post_recv(rig->b.qp, &recv, NULL), "ib_post_recv");
	inv.ex.invalidate_rkey = rig->mr->rkey ^ 1;
	must(post(&rig->a, &inv, 5));
	must(want(&rig->a, 5, IB_WC_REM_ACCESS_ERR, NULL));
	must(want(&rig->b, 4, IB_WC_MW_BIND_ERR, NULL));
	must(rig_again(rig));
	return rig_rdma(rig, IB_WR_RDMA_READ, rig->mr->iova, rig->mr->rkey, 100, IB_WC_SUCCESS);
}
