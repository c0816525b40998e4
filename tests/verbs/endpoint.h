/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One end of a connection: device, queue pair, completion queues; and the steps that join two ends.
 *
 * Every function fails the running case (t_fail) when a verb does what it should not, so that a
 * case reads as the list of what it does. The few that return an error say so, with "try".
 *
 * Words: "side" 0 is the requester's device and 1 the responder's; without a second device on the
 * command line both are one device, looped back. A "peer" is what one end must know of the other,
 * whether it lives in this process, in another, or nowhere.
 */
#ifndef TESTS_VERBS_ENDPOINT_H
#define TESTS_VERBS_ENDPOINT_H

#include <infiniband/verbs.h>

#include "harness.h"

/* struct ep_dev - an open device and its one PD, shared by the ends on it. */
struct ep_dev {
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct ibv_device_attr attr;
	struct ibv_port_attr port;
	union ibv_gid gid;
	int gid_index;
	int mtu;		/* bytes: the smaller of --mtu and the active MTU */
};

/* struct ep_cfg - what ep_open() makes; start from ep_rc() or ep_ud() and change fields. */
struct ep_cfg {
	enum ibv_qp_type type;
	uint32_t send_wr, recv_wr, send_sge, recv_sge, inline_bytes;
	int cqe;		/* of each CQ; 0: enough for send_wr and recv_wr */
	bool sig_all;		/* sq_sig_all */
	bool events;		/* CQs get a completion channel */
	int vector;		/* their completion vector */
	int mtu;		/* bytes */
	int timeout, retry_cnt, rnr_retry, min_rnr_timer;
	int rd_atomic;		/* both directions */
	unsigned int access;	/* qp_access_flags */
	uint32_t qkey;		/* UD */
	uint64_t send_ops;	/* IBV_QP_EX_WITH_*, beyond those that any device has */
	struct ibv_srq *srq;	/* where receives come from; NULL: the QP's own queue */
};

/* struct ep_peer - where a QP is: what the other end must be told. */
struct ep_peer {
	uint32_t qpn;
	uint32_t psn;		/* the first PSN it sends */
	union ibv_gid gid;
};

struct ep {
	struct ep_dev *dev;
	struct ep_cfg cfg;
	struct ibv_comp_channel *chan;
	struct ibv_cq *scq, *rcq;
	struct ibv_qp *qp;
	struct ibv_qp_ex *qpx;	/* of an RC or UD QP: the ibv_wr_* interface */
	uint32_t psn;		/* the first PSN this end sends */
};

struct ep_pair {
	struct ep a, b;
};

/* ep_dev - the device of a side, opened at first use. */
struct ep_dev *ep_dev(int side);

/* ep_dev_open - a further open of the device of a side, with a PD of its own. */
struct ep_dev *ep_dev_open(int side);

struct ep_cfg ep_rc(void);
struct ep_cfg ep_uc(void);
struct ep_cfg ep_ud(void);

/* ep_open - CQs and a QP in RESET. */
void ep_open(struct ep *e, int side, const struct ep_cfg *cfg);
/* ep_open_on - the same on a device from ep_dev_open(). */
void ep_open_on(struct ep *e, struct ep_dev *dev, const struct ep_cfg *cfg);
void ep_close(struct ep *e);

struct ep_peer ep_self(const struct ep *e);

/* The attributes of each step up, for cases that vary them. Each returns the attribute mask. */
int ep_attr_init(const struct ep *e, struct ibv_qp_attr *attr);
int ep_attr_rtr(const struct ep *e, const struct ep_peer *peer, struct ibv_qp_attr *attr);
int ep_attr_rts(const struct ep *e, struct ibv_qp_attr *attr);

void ep_to_init(struct ep *e);
void ep_to_rtr(struct ep *e, const struct ep_peer *peer);
void ep_to_rts(struct ep *e);
/* ep_to - move with the state alone in the mask: RESET, ERR, SQD, and from SQD back to RTS. */
void ep_to(struct ep *e, enum ibv_qp_state state);
enum ibv_qp_state ep_state(struct ep *e);
void ep_want_state(struct ep *e, enum ibv_qp_state want, const char *who);
/* ep_await_state - poll query_qp until the QP is in @want, at most @s seconds. */
void ep_await_state(struct ep *e, enum ibv_qp_state want, const char *who, double s);
const char *ep_state_name(enum ibv_qp_state state);

/* ep_up - RESET to RTS, towards @peer. */
void ep_up(struct ep *e, const struct ep_peer *peer);

/* ep_pair_open - two ends, connected; for UD both in RTS. */
void ep_pair_open(struct ep_pair *p, const struct ep_cfg *cfg);
void ep_pair_connect(struct ep_pair *p);
void ep_pair_close(struct ep_pair *p);

/* ep_pair_again - RESET both QPs, throw stale completions away, connect with new PSNs. */
void ep_pair_again(struct ep_pair *p);

/* ep_mtu - bytes as the verbs enum, 0 for a size that is none. */
enum ibv_mtu ep_mtu(int bytes);

/*
 * ep_counter - a hardware counter of the device. The core reads those of a device at most every
 * 10 ms, counted in jiffies, and shows the old ones between: it waits for that.
 */
uint64_t ep_counter(const struct ep_dev *dev, const char *name);

/* ep_need_mtu - skip the case unless both ports can do a path MTU of @bytes. */
void ep_need_mtu(int bytes);

/* ep_ah_attr - the path to @gid. */
void ep_ah_attr(const struct ep_dev *dev, const union ibv_gid *gid, struct ibv_ah_attr *ah);

/* ep_make_ah - an AH in @pd for the path from @dev to @gid. */
struct ibv_ah *ep_make_ah(const struct ep_dev *dev, struct ibv_pd *pd, const union ibv_gid *gid);

/* ep_gid_is_v4 - is it an IPv4-mapped GID? */
bool ep_gid_is_v4(const union ibv_gid *gid);

#endif
