/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buffers with guards, posting, polling under a deadline, and whole checked transfers.
 *
 * A buffer is a stretch of memory with an MR over exactly its bytes, filled with a stream of its
 * own, inside a mapping whose remaining bytes (at least a page on each side) are guards.
 * buf_expect() checks all of it: the window that a transfer should have changed, every other byte
 * of the buffer, and the guards.
 */
#ifndef TESTS_VERBS_XFER_H
#define TESTS_VERBS_XFER_H

#include "endpoint.h"
#include "pattern.h"

enum {
	RIGHTS_ALL = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
		     IBV_ACCESS_REMOTE_ATOMIC,
	GUARD_SEED = 0x5ead,	/* of every guard; never used for data */
};

struct buf {
	uint8_t *map;		/* the whole mapping, guards included */
	size_t map_len;
	uint8_t *p;		/* the buffer's first byte */
	size_t len;
	uint64_t seed;		/* the stream that it was filled with, from position 0 */
	struct ibv_mr *mr;
	uint64_t shift;		/* of a region whose iova is not its address: iova - address */
};

/*
 * buf_open - @len bytes whose first lies @skew bytes into a page, filled and guarded, with an MR of
 * @dev with rights @access over exactly these bytes.
 */
void buf_open(struct buf *b, struct ep_dev *dev, size_t len, size_t skew, int access);
/* buf_plain - the same without an MR. */
void buf_plain(struct buf *b, size_t len, size_t skew);
void buf_reg(struct buf *b, struct ep_dev *dev, int access);
void buf_close(struct buf *b);

/* buf_refill - a new stream, in buffer and guards. */
void buf_refill(struct buf *b);

/* buf_same - nothing of the buffer or its guards changed. @who names it in the failure. */
void buf_same(const struct buf *b, const char *who);

/*
 * buf_expect - bytes [@off, @off + @len) are those of stream @seed from @pos on, all others as
 * filled.
 */
void buf_expect(const struct buf *b, size_t off, size_t len, uint64_t seed, uint64_t pos,
		const char *who);

/* buf_range - compare a part only. */
void buf_range(const struct buf *b, size_t off, size_t len, uint64_t seed, uint64_t pos,
	       const char *who);

enum { REREG_TRANS = 1, REREG_PD = 2, REREG_ACCESS = 4 };

/*
 * mr_rereg - the region again, with @flags of REREG_*: on the memory of @to, in @pd, with rights
 * @access. The keys must stay. Most user libraries have no such call, so the kernel's command is
 * written as it is. Returns 0, or an errno value.
 */
int mr_rereg(struct ibv_mr *mr, uint32_t flags, const struct buf *to, struct ibv_pd *pd,
	     uint32_t access);

struct ibv_sge buf_sge(const struct buf *b, size_t off, size_t len);

/* struct op - one send work request, in the words of the verbs. */
struct op {
	enum ibv_wr_opcode code;
	struct ibv_sge *sge;
	int nsge;
	uint64_t raddr;
	uint32_t rkey;		/* also the one to invalidate */
	uint32_t imm;		/* host order */
	unsigned int flags;	/* IBV_SEND_*; ep_post adds SIGNALED */
	uint64_t id;
	uint64_t add;		/* compare value or addend */
	uint64_t swap;
	struct ibv_ah *ah;	/* UD */
	uint32_t qpn, qkey;
	struct ibv_mw *mw;	/* BIND_MW; @rkey is the new key */
	struct ibv_mw_bind_info bind;
};

/* ep_post_try - post as it is; returns what ibv_post_send() returned. */
int ep_post_try(struct ep *e, const struct op *op);
/* ep_post - post, signaled. */
void ep_post(struct ep *e, const struct op *op);
int ep_recv_try(struct ep *e, struct ibv_sge *sge, int nsge, uint64_t id);
void ep_recv(struct ep *e, struct ibv_sge *sge, int nsge, uint64_t id);

/* cq_poll - the next completion of @cq; fails the case after 10 s. */
void cq_poll(struct ibv_cq *cq, struct ibv_wc *wc, const char *what);
/* cq_poll_for - the same with a limit of @s seconds. */
void cq_poll_for(struct ibv_cq *cq, struct ibv_wc *wc, const char *what, double s);
/* cq_want - the next completion has this status and wr_id. */
void cq_want(struct ibv_cq *cq, enum ibv_wc_status status, uint64_t id, const char *what);
/* cq_none - no completion comes for @ms milliseconds. */
void cq_none(struct ibv_cq *cq, int ms, const char *what);
void wc_want(const struct ibv_wc *wc, enum ibv_wc_status status, const char *what);

/*
 * event_want - the next async event of @ctx is @type and about @element (a QP, an SRQ;
 * NULL: any), within 5 s.
 */
void event_want(struct ibv_context *ctx, enum ibv_event_type type, const void *element);
/* event_gone - has the device of @ctx been taken away (DEVICE_FATAL)? Other events are dropped. */
bool event_gone(struct ibv_context *ctx);
/* event_none - none comes for @ms milliseconds. */
void event_none(struct ibv_context *ctx, int ms);

/* op_name - "RDMA WRITE" for IBV_WR_RDMA_WRITE and so on. */
const char *op_name(enum ibv_wr_opcode code);
bool op_takes_recv(enum ibv_wr_opcode code);
bool op_has_imm(enum ibv_wr_opcode code);

/* struct xfer - a transfer of @len bytes from @src + @so to @dst + @dof (READ: from b to a). */
struct xfer {
	enum ibv_wr_opcode code;
	struct buf *src, *dst;
	size_t so, dof, len;
	unsigned int flags;
};

/* xfer_run - do it from p->a (sends and writes) or into p->a (READ), check every byte. */
void xfer_run(struct ep_pair *p, const struct xfer *x);

/*
 * pair_chase - a SEND of no bytes from p->a has arrived, and so has all before it: on an unreliable
 * connection a WRITE completes when it has left.
 */
void pair_chase(struct ep_pair *p);

/* xfer_fresh - buffers of its own, @len bytes at odd places, one transfer, all checked. */
void xfer_fresh(struct ep_pair *p, enum ibv_wr_opcode code, size_t len, unsigned int flags);

/* pair_proves - both directions carry good data: a SEND and a WRITE each way, and a READ. */
void pair_proves(struct ep_pair *p);

#endif
