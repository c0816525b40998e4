/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two connected ends of a kernel consumer on one device, memory in pieces with a pattern in it, and
 * the steps of a test. What goes wrong is printed, and the case ends with an error.
 */
#ifndef TESTS_KMOD_RIG_H
#define TESTS_KMOD_RIG_H

#include <linux/scatterlist.h>
#include <rdma/ib_verbs.h>

#define MAX_PIECES	64

/* What a case returns for which this kernel has nothing to offer. */
#define NOT_HERE	1

/* End the case: what was expected is not so. */
#define expect(cond, fmt, ...)							\
	do {									\
		if (!(cond)) {							\
			pr_err("%s:%d: " fmt "\n", __func__, __LINE__, ##__VA_ARGS__);	\
			return -EPROTO;						\
		}								\
	} while (0)

/* End the case if @call returns an error, which has been told of. */
#define must(call)								\
	do {									\
		int must_err = (call);						\
										\
		if (must_err)							\
			return must_err;					\
	} while (0)

struct end {
	struct ib_cq *cq;
	struct ib_qp *qp;
};

/**
 * struct mem - a message's memory: pieces that are apart, of one order each
 * @num: pieces
 * @order: pages of each, as a power of two
 * @skip: bytes at the start of the first piece that are not the message's
 * @len: bytes of the message
 * @seed: of the pattern; position 0 is the first byte of the first piece
 * @page: the pieces
 * @sg: the list: the first entry is shorter by @skip, the last ends where the message does
 */
struct mem {
	u32 num;
	u32 order;
	u32 skip;
	u32 len;
	u64 seed;
	struct page *page[MAX_PIECES];
	struct scatterlist sg[MAX_PIECES];
};

struct rig {
	struct ib_device *dev;
	u32 gid_index;
	struct ib_pd *pd;
	struct end a, b;
	struct mem local;
	struct mem far;
	struct mem spare;
	struct ib_mr *mr;
};

/* rig_open - two ends that are connected. rig_close() takes what was made, also after an error. */
int rig_open(struct rig *rig, struct ib_device *dev);
void rig_close(struct rig *rig);

/* rig_again - both ends through RESET and connected anew; what was to complete is forgotten. */
int rig_again(struct rig *rig);

/* mem_make - @num pieces of 2^@order pages, all filled; the last one is used by half. */
int mem_make(struct mem *mem, struct ib_device *dev, u32 num, u32 order, u32 skip);
void mem_free(struct mem *mem, struct ib_device *dev);
void mem_fill(struct mem *mem);

/* mem_expect - the message is @from's from byte @at on, and all around it is as filled. */
int mem_expect(const struct mem *mem, const struct mem *from, u32 at);
int mem_same(const struct mem *mem);

/* want - the next completion of @end is this one. */
int want(struct end *end, u64 id, enum ib_wc_status status, struct ib_wc *wc);

/* rig_reg - @far is registered by b under the next key. */
int rig_reg(struct rig *rig, u32 page_size, int access);
int rig_inv(struct rig *rig);

/* rig_rdma - a WRITE or READ by a of @len bytes at @addr, whose completion is @status. */
int rig_rdma(struct rig *rig, enum ib_wr_opcode opcode, u64 addr, u32 rkey, u32 len,
	     enum ib_wc_status status);

/* One work request, signaled. */
int post(struct end *end, struct ib_send_wr *wr, u64 id);

/* A registration of rig->mr under its present key. */
struct ib_reg_wr reg_of(const struct rig *rig, int access);

/* Cases: return 0, an error that was printed, or NOT_HERE, with the reason printed. */
int case_global_key(struct rig *rig);
int case_global_holes(struct rig *rig);
int case_sizes(struct rig *rig);
int case_edges(struct rig *rig);
int case_rights(struct rig *rig);
int case_keys(struct rig *rig);
int case_local_key(struct rig *rig);
int case_zero_based(struct rig *rig);
int case_limits(struct rig *rig);
int case_errors(struct rig *rig);
int case_chain(struct rig *rig);
int case_staged(struct rig *rig);
int case_fence(struct rig *rig);
int case_irqs_off(struct rig *rig);
int case_send_inv(struct rig *rig);
int case_send_inv_refused(struct rig *rig);

#endif
