// SPDX-License-Identifier: GPL-2.0
/*
 * Fast registration: that a key stands for exactly the bytes that were mapped, with exactly the
 * rights that were granted, from its registration to its invalidation.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>

#include "rig.h"

#define ALL	(IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_READ | \
		 IB_ACCESS_REMOTE_ATOMIC)

/* Register, write, read back, invalidate, and be refused; every byte is looked at. */
static int one_size(struct rig *rig, u32 num, u32 order, u32 skip, u32 page_size)
{
	struct mem *far = &rig->far, *local = &rig->local;
	struct ib_mr *mr = rig->mr;

	must(mem_make(far, rig->dev, num, order, skip));
	must(mem_make(local, rig->dev, num, order, 17));
	/* Both ends of the copy hold the message; the shorter of the two lists is the longest. */
	if (skip < 17)
		sg_dma_len(&far->sg[num - 1]) -= 17 - skip;
	if (skip < 17)
		far->len -= 17 - skip;
	must(rig_reg(rig, page_size, ALL));
	must(rig_rdma(rig, IB_WR_RDMA_WRITE, mr->iova, mr->rkey, far->len, IB_WC_SUCCESS));
	must(mem_expect(far, local, 0));
	must(mem_same(local));
	mem_fill(far);
	must(rig_rdma(rig, IB_WR_RDMA_READ, mr->iova, mr->rkey, far->len, IB_WC_SUCCESS));
	local->len -= local->len - far->len;
	must(mem_expect(local, far, 0));
	must(mem_same(far));
	must(rig_inv(rig));
	must(rig_rdma(rig, IB_WR_RDMA_WRITE, mr->iova, mr->rkey, far->len, IB_WC_REM_ACCESS_ERR));
	must(mem_same(far));
	mem_free(far, rig->dev);
	mem_free(local, rig->dev);
	return 0;
}

int case_sizes(struct rig *rig)
{
	static const u32 skips[] = { 0, 1, 8, 511, 1000, 4095 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(skips); i++) {
		must(one_size(rig, 1, 0, skips[i] % 3000, PAGE_SIZE));
		must(one_size(rig, 20, 0, skips[i], PAGE_SIZE));
		must(one_size(rig, 20, 0, skips[i], 512));
		must(one_size(rig, 20, 0, skips[i], 2048));
		must(one_size(rig, 5, 1, skips[i], 2 * PAGE_SIZE));
		must(one_size(rig, 3, 4, skips[i], 16 * PAGE_SIZE));
		must(one_size(rig, 3, 4, skips[i], PAGE_SIZE));
	}
	return 0;
}

static int make_both(struct rig *rig)
{
	must(mem_make(&rig->local, rig->dev, 8, 0, 5));
	return mem_make(&rig->far, rig->dev, 6, 0, 1234);
}

int case_edges(struct rig *rig)
{
	struct ib_mr *mr = rig->mr;
	u64 end;
	u32 len;

	must(make_both(rig));
	must(rig_reg(rig, PAGE_SIZE, ALL));
	end = mr->iova + mr->length;
	for (len = 1; len <= 9000; len += 2999) {
		must(rig_rdma(rig, IB_WR_RDMA_READ, mr->iova, mr->rkey, len, IB_WC_SUCCESS));
		must(rig_rdma(rig, IB_WR_RDMA_READ, end - len, mr->rkey, len, IB_WC_SUCCESS));
		must(rig_rdma(rig, IB_WR_RDMA_WRITE, mr->iova - 1, mr->rkey, len,
			      IB_WC_REM_ACCESS_ERR));
		must(rig_rdma(rig, IB_WR_RDMA_WRITE, end - len + 1, mr->rkey, len,
			      IB_WC_REM_ACCESS_ERR));
		must(rig_rdma(rig, IB_WR_RDMA_READ, end, mr->rkey, len, IB_WC_REM_ACCESS_ERR));
	}
	return mem_same(&rig->far);
}

int case_rights(struct rig *rig)
{
	static const int rights[] = {
		IB_ACCESS_LOCAL_WRITE, IB_ACCESS_REMOTE_READ,
		IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE,
	};
	enum ib_wc_status read, write;
	u32 i;

	must(make_both(rig));
	for (i = 0; i < ARRAY_SIZE(rights); i++) {
		read = rights[i] & IB_ACCESS_REMOTE_READ ? IB_WC_SUCCESS : IB_WC_REM_ACCESS_ERR;
		write = rights[i] & IB_ACCESS_REMOTE_WRITE ? IB_WC_SUCCESS : IB_WC_REM_ACCESS_ERR;
		must(rig_reg(rig, PAGE_SIZE, rights[i]));
		must(rig_rdma(rig, IB_WR_RDMA_READ, rig->mr->iova, rig->mr->rkey, 5000, read));
		must(rig_rdma(rig, IB_WR_RDMA_WRITE, rig->mr->iova, rig->mr->rkey, 5000, write));
		must(rig_inv(rig));
	}
	return 0;
}

/* Every variant of the key in turn: only the last one is good. */
int case_keys(struct rig *rig)
{
	u32 i, old;

	must(make_both(rig));
	for (i = 0; i < 300; i++) {
		old = rig->mr->rkey;
		must(rig_reg(rig, PAGE_SIZE, ALL));
		expect(old != rig->mr->rkey && old >> 8 == rig->mr->rkey >> 8, "key %x after %x",
		       rig->mr->rkey, old);
		must(rig_rdma(rig, IB_WR_RDMA_READ, rig->mr->iova, rig->mr->rkey, 100,
			      IB_WC_SUCCESS));
		if (i % 10 == 0)
			must(rig_rdma(rig, IB_WR_RDMA_READ, rig->mr->iova, old, 100,
				      IB_WC_REM_ACCESS_ERR));
		must(rig_inv(rig));
	}
	/* A region may go while its key is valid. */
	return rig_reg(rig, PAGE_SIZE, ALL);
}

/* A SEND from @from to @to, each a list of one entry. */
static int send(struct end *a, struct ib_sge *from, struct end *b, struct ib_sge *to)
{
	struct ib_send_wr wr = { .opcode = IB_WR_SEND, .sg_list = from, .num_sge = 1 };
	struct ib_recv_wr recv = { .wr_id = 6, .sg_list = to, .num_sge = 1 };

	expect(!ib_post_recv(b->qp, &recv, NULL), "ib_post_recv");
	must(post(a, &wr, 5));
	must(want(a, 5, IB_WC_SUCCESS, NULL));
	return want(b, 6, IB_WC_SUCCESS, NULL);
}

/* The registered memory by its lkey: source of a SEND, and destination; and when it is no more. */
int case_local_key(struct rig *rig)
{
	struct mem *far = &rig->far, *spare = &rig->spare;
	struct ib_send_wr wr = { .opcode = IB_WR_SEND, .num_sge = 1 };
	struct ib_sge mine, theirs;

	must(make_both(rig));
	must(rig_reg(rig, PAGE_SIZE, ALL));
	must(mem_make(spare, rig->dev, 1, 3, 9));
	mine = (struct ib_sge) { rig->mr->iova + 77, 12000, rig->mr->lkey };
	theirs = (struct ib_sge) { sg_dma_address(&spare->sg[0]), 12000,
				   rig->pd->local_dma_lkey };
	spare->len = 12000;
	must(send(&rig->b, &mine, &rig->a, &theirs));
	must(mem_expect(spare, far, 77));
	must(mem_same(far));

	mem_fill(spare);
	must(send(&rig->a, &theirs, &rig->b, &mine));
	far->skip += 77;
	far->len = 12000;
	must(mem_expect(far, spare, 0));
	must(rig_inv(rig));
	wr.sg_list = &mine;
	must(post(&rig->b, &wr, 5));
	must(want(&rig->b, 5, IB_WC_LOC_PROT_ERR, NULL));
	return rig_again(rig);
}

int case_zero_based(struct rig *rig)
{
	struct ib_mr *mr = rig->mr;
	struct ib_reg_wr reg;
	int n;

	must(make_both(rig));
	rig->local.len = rig->far.len;
	ib_update_fast_reg_key(mr, ib_inc_rkey(mr->rkey));
	n = ib_map_mr_sg_zbva(mr, rig->far.sg, rig->far.num, NULL, PAGE_SIZE);
	expect(n == rig->far.num, "ib_map_mr_sg_zbva: %d", n);
	expect(!mr->iova, "iova: got %llx", mr->iova);
	reg = reg_of(rig, ALL);
	must(post(&rig->b, &reg.wr, 1));
	must(want(&rig->b, 1, IB_WC_SUCCESS, NULL));
	must(rig_rdma(rig, IB_WR_RDMA_WRITE, mr->iova, mr->rkey, rig->far.len, IB_WC_SUCCESS));
	must(mem_expect(&rig->far, &rig->local, 0));
	return rig_rdma(rig, IB_WR_RDMA_WRITE, mr->iova - 1, mr->rkey, 1, IB_WC_REM_ACCESS_ERR);
}

static int refused(struct rig *rig, enum ib_mr_type type, u32 num)
{
	struct ib_mr *mr = ib_alloc_mr(rig->pd, type, num);

	if (IS_ERR(mr))
		return 0;
	ib_dereg_mr(mr);
	expect(false, "ib_alloc_mr(%d, %u) succeeded", type, num);
}

int case_limits(struct rig *rig)
{
	u32 max = rig->dev->attrs.max_fast_reg_page_list_len;

	expect(max >= 256, "max_fast_reg_page_list_len %u", max);
	expect(rig->dev->attrs.device_cap_flags & IB_DEVICE_MEM_MGT_EXTENSIONS, "no capability");
	must(refused(rig, IB_MR_TYPE_MEM_REG, 0));
	must(refused(rig, IB_MR_TYPE_MEM_REG, max + 1));
	must(refused(rig, IB_MR_TYPE_SG_GAPS, 16));
	ib_dereg_mr(rig->mr);
	rig->mr = ib_alloc_mr(rig->pd, IB_MR_TYPE_MEM_REG, 4);
	if (IS_ERR(rig->mr))
		rig->mr = NULL;
	expect(rig->mr, "ib_alloc_mr");
	/* More pages than there is room for: as many as there is. */
	must(make_both(rig));
	expect(ib_map_mr_sg(rig->mr, rig->far.sg, rig->far.num, NULL, PAGE_SIZE) == 4,
	       "more pages went in than there is room for");
	return 0;
}
