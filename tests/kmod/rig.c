// SPDX-License-Identifier: GPL-2.0
/*
 * Ends, memory and steps, see rig.h. Completions are polled, so a case is one thread.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <rdma/ib_cache.h>

#include "rig.h"

#define ACCESS	(IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_READ | IB_ACCESS_REMOTE_ATOMIC)
#define PSN_A	0xfffff0
#define PSN_B	0x1234

static u8 pattern(u64 seed, u32 pos)
{
	u64 x = (seed ^ (pos / 8)) * 0x9e3779b97f4a7c15ULL;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ULL;
	return x >> (8 * (pos % 8));
}

static u32 piece_bytes(const struct mem *mem)
{
	return PAGE_SIZE << mem->order;
}

static u8 *byte_at(const struct mem *mem, u32 pos)
{
	return (u8 *)page_address(mem->page[pos / piece_bytes(mem)]) + pos % piece_bytes(mem);
}

void mem_fill(struct mem *mem)
{
	u32 pos;

	mem->seed = get_random_u64();
	for (pos = 0; pos < mem->num * piece_bytes(mem); pos++)
		*byte_at(mem, pos) = pattern(mem->seed, pos);
}

/* The list's entries begin and end with the pieces, but for the message's own ends. */
static void make_list(struct mem *mem)
{
	u32 i, from, to;

	sg_init_table(mem->sg, mem->num);
	for (i = 0; i < mem->num; i++) {
		from = i ? 0 : mem->skip;
		to = i == mem->num - 1 ? piece_bytes(mem) - 1001 : piece_bytes(mem);
		sg_set_page(&mem->sg[i], mem->page[i], to - from, from);
		mem->len += to - from;
	}
}

int mem_make(struct mem *mem, struct ib_device *dev, u32 num, u32 order, u32 skip)
{
	*mem = (struct mem) { .order = order, .skip = skip };
	for (; mem->num < num; mem->num++) {
		mem->page[mem->num] = alloc_pages(GFP_KERNEL, order);
		expect(mem->page[mem->num], "no memory");
	}
	mem_fill(mem);
	make_list(mem);
	expect(ib_dma_map_sg(dev, mem->sg, num, DMA_BIDIRECTIONAL) == num, "ib_dma_map_sg");
	return 0;
}

void mem_free(struct mem *mem, struct ib_device *dev)
{
	if (mem->len)
		ib_dma_unmap_sg(dev, mem->sg, mem->num, DMA_BIDIRECTIONAL);
	while (mem->num)
		__free_pages(mem->page[--mem->num], mem->order);
	mem->len = 0;
}

int mem_expect(const struct mem *mem, const struct mem *from, u32 at)
{
	u32 pos, in;
	u8 wanted;

	for (pos = 0; pos < mem->num * piece_bytes(mem); pos++) {
		in = pos - mem->skip;
		wanted = from && pos >= mem->skip && in < mem->len ?
			 pattern(from->seed, from->skip + at + in) : pattern(mem->seed, pos);
		expect(*byte_at(mem, pos) == wanted, "byte %u of %u at %u: got %02x, want %02x",
		       pos, mem->len, mem->skip, *byte_at(mem, pos), wanted);
	}
	return 0;
}

int mem_same(const struct mem *mem)
{
	return mem_expect(mem, NULL, 0);
}

static int make_end(struct rig *rig, struct end *end)
{
	struct ib_qp_init_attr init = {
		.qp_type = IB_QPT_RC,
		.sq_sig_type = IB_SIGNAL_REQ_WR,
		.cap = {
			.max_send_wr = 16, .max_recv_wr = 16,
			.max_send_sge = 32, .max_recv_sge = 4,
		},
	};

	end->cq = ib_alloc_cq(rig->dev, NULL, 64, 0, IB_POLL_DIRECT);
	if (IS_ERR(end->cq))
		end->cq = NULL;
	expect(end->cq, "ib_alloc_cq");
	init.send_cq = end->cq;
	init.recv_cq = end->cq;
	end->qp = ib_create_qp(rig->pd, &init);
	if (IS_ERR(end->qp))
		end->qp = NULL;
	expect(end->qp, "ib_create_qp");
	return 0;
}

static void free_end(struct end *end)
{
	if (end->qp)
		ib_destroy_qp(end->qp);
	if (end->cq)
		ib_free_cq(end->cq);
	*end = (struct end) {};
}

static int to_init(struct end *end)
{
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_INIT, .port_num = 1, .qp_access_flags = ACCESS,
	};

	return ib_modify_qp(end->qp, &attr, IB_QP_STATE | IB_QP_PKEY_INDEX | IB_QP_PORT |
			    IB_QP_ACCESS_FLAGS);
}

static int to_rtr(struct rig *rig, struct end *end, struct end *peer, u32 psn)
{
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_RTR, .path_mtu = IB_MTU_1024, .dest_qp_num = peer->qp->qp_num,
		.rq_psn = psn, .max_dest_rd_atomic = 4, .min_rnr_timer = 1,
	};
	union ib_gid gid;

	expect(!rdma_query_gid(rig->dev, 1, rig->gid_index, &gid), "rdma_query_gid");
	attr.ah_attr.type = RDMA_AH_ATTR_TYPE_ROCE;
	rdma_ah_set_port_num(&attr.ah_attr, 1);
	rdma_ah_set_grh(&attr.ah_attr, &gid, 0, rig->gid_index, 64, 0);
	return ib_modify_qp(end->qp, &attr, IB_QP_STATE | IB_QP_AV | IB_QP_PATH_MTU |
			    IB_QP_DEST_QPN | IB_QP_RQ_PSN | IB_QP_MAX_DEST_RD_ATOMIC |
			    IB_QP_MIN_RNR_TIMER);
}

static int to_rts(struct end *end, u32 psn)
{
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_RTS, .sq_psn = psn, .timeout = 16, .retry_cnt = 7,
		.rnr_retry = 7, .max_rd_atomic = 4,
	};

	return ib_modify_qp(end->qp, &attr, IB_QP_STATE | IB_QP_SQ_PSN | IB_QP_TIMEOUT |
			    IB_QP_RETRY_CNT | IB_QP_RNR_RETRY | IB_QP_MAX_QP_RD_ATOMIC);
}

static int connect(struct rig *rig)
{
	expect(!to_init(&rig->a) && !to_init(&rig->b), "to INIT");
	expect(!to_rtr(rig, &rig->a, &rig->b, PSN_B) && !to_rtr(rig, &rig->b, &rig->a, PSN_A),
	       "to RTR");
	expect(!to_rts(&rig->a, PSN_A) && !to_rts(&rig->b, PSN_B), "to RTS");
	return 0;
}

static int reset(struct end *end)
{
	struct ib_qp_attr attr = { .qp_state = IB_QPS_RESET };
	struct ib_wc wc;

	expect(!ib_modify_qp(end->qp, &attr, IB_QP_STATE), "to RESET");
	while (ib_poll_cq(end->cq, 1, &wc) > 0)
		;
	return 0;
}

int rig_again(struct rig *rig)
{
	must(reset(&rig->a));
	must(reset(&rig->b));
	return connect(rig);
}

/* The first GID that datagrams can be routed by, and that needs no neighbour: an IPv4 address. */
static int find_gid(struct rig *rig)
{
	const struct ib_gid_attr *attr;
	bool found;
	u32 i;

	for (i = 0; i < 256; i++) {
		attr = rdma_get_gid_attr(rig->dev, 1, i);
		if (IS_ERR(attr))
			continue;
		found = attr->gid_type == IB_GID_TYPE_ROCE_UDP_ENCAP &&
			ipv6_addr_v4mapped((struct in6_addr *)&attr->gid);
		rdma_put_gid_attr(attr);
		if (!found)
			continue;
		rig->gid_index = i;
		return 0;
	}
	expect(false, "no IPv4 GID");
}

int rig_open(struct rig *rig, struct ib_device *dev)
{
	*rig = (struct rig) { .dev = dev };
	must(find_gid(rig));
	/* With a key for all memory: one case names what it likes by it. */
	rig->pd = ib_alloc_pd(dev, IB_PD_UNSAFE_GLOBAL_RKEY);
	if (IS_ERR(rig->pd))
		rig->pd = NULL;
	expect(rig->pd, "ib_alloc_pd");
	must(make_end(rig, &rig->a));
	must(make_end(rig, &rig->b));
	rig->mr = ib_alloc_mr(rig->pd, IB_MR_TYPE_MEM_REG, 512);
	if (IS_ERR(rig->mr))
		rig->mr = NULL;
	expect(rig->mr, "ib_alloc_mr");
	return connect(rig);
}

void rig_close(struct rig *rig)
{
	free_end(&rig->a);
	free_end(&rig->b);
	if (rig->mr)
		ib_dereg_mr(rig->mr);
	mem_free(&rig->local, rig->dev);
	mem_free(&rig->far, rig->dev);
	mem_free(&rig->spare, rig->dev);
	if (rig->pd)
		ib_dealloc_pd(rig->pd);
}

int want(struct end *end, u64 id, enum ib_wc_status status, struct ib_wc *wc)
{
	unsigned long late = jiffies + 10 * HZ;
	struct ib_wc own;

	wc = wc ?: &own;
	while (ib_poll_cq(end->cq, 1, wc) < 1) {
		expect(time_before(jiffies, late), "no completion of %llu", id);
		usleep_range(10, 50);
	}
	expect(wc->wr_id == id && wc->status == status, "got %s (%llu), want %s (%llu)",
	       ib_wc_status_msg(wc->status), wc->wr_id, ib_wc_status_msg(status), id);
	return 0;
}

int post(struct end *end, struct ib_send_wr *wr, u64 id)
{
	int err;

	wr->wr_id = id;
	wr->send_flags |= IB_SEND_SIGNALED;
	err = ib_post_send(end->qp, wr, NULL);
	expect(!err, "ib_post_send: %d", err);
	return 0;
}

struct ib_reg_wr reg_of(const struct rig *rig, int access)
{
	return (struct ib_reg_wr) {
		.wr.opcode = IB_WR_REG_MR,
		.mr = rig->mr,
		.key = rig->mr->rkey,
		.access = access,
	};
}

int rig_reg(struct rig *rig, u32 page_size, int access)
{
	struct mem *far = &rig->far;
	struct ib_reg_wr reg;
	struct ib_wc wc;
	int n;

	ib_update_fast_reg_key(rig->mr, ib_inc_rkey(rig->mr->rkey));
	n = ib_map_mr_sg(rig->mr, far->sg, far->num, NULL, page_size);
	expect(n == far->num, "ib_map_mr_sg: %d of %u, pages of %u", n, far->num, page_size);
	expect(rig->mr->length == far->len, "length: got %llu, want %u", rig->mr->length, far->len);
	reg = reg_of(rig, access);
	must(post(&rig->b, &reg.wr, 1));
	must(want(&rig->b, 1, IB_WC_SUCCESS, &wc));
	expect(wc.opcode == IB_WC_REG_MR, "opcode %d", wc.opcode);
	return 0;
}

int rig_inv(struct rig *rig)
{
	struct ib_send_wr inv = {
		.opcode = IB_WR_LOCAL_INV, .ex.invalidate_rkey = rig->mr->rkey,
	};
	struct ib_wc wc;

	must(post(&rig->b, &inv, 2));
	must(want(&rig->b, 2, IB_WC_SUCCESS, &wc));
	expect(wc.opcode == IB_WC_LOCAL_INV, "opcode %d", wc.opcode);
	return 0;
}

int rig_rdma(struct rig *rig, enum ib_wr_opcode opcode, u64 addr, u32 rkey, u32 len,
	     enum ib_wc_status status)
{
	struct ib_sge sge[32];
	struct ib_rdma_wr wr = {
		.wr = { .opcode = opcode, .sg_list = sge },
		.remote_addr = addr,
		.rkey = rkey,
	};
	struct scatterlist *sg = rig->local.sg;
	u32 n, i;

	for (i = 0; len && i < rig->local.num; i++, len -= n) {
		n = min(len, sg_dma_len(&sg[i]));
		sge[i] = (struct ib_sge) {
			.addr = sg_dma_address(&sg[i]), .length = n,
			.lkey = rig->pd->local_dma_lkey,
		};
	}
	expect(!len, "the local memory is too short");
	wr.wr.num_sge = i;
	must(post(&rig->a, &wr.wr, 3));
	must(want(&rig->a, 3, status, NULL));
	return status ? rig_again(rig) : 0;
}
