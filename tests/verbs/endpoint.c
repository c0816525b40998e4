// SPDX-License-Identifier: GPL-2.0
/*
 * Queue pairs and their way up: the half of endpoint.h that knows QP states.
 *
 * The default timers are generous (268 ms, 7 retries), because a debug kernel may need many
 * milliseconds for one packet, and a case that is about retries sets its own.
 *
 * The core resolves the neighbour when a QP is told its peer, and gives it one second, in which a
 * fresh IPv6 network may not be ready: ETIMEDOUT is tried again.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "endpoint.h"

struct ep_cfg ep_rc(void)
{
	return (struct ep_cfg) {
		.type = IBV_QPT_RC,
		.send_wr = 16, .recv_wr = 16, .send_sge = 4, .recv_sge = 4,
		.mtu = ep_dev(0)->mtu < ep_dev(1)->mtu ? ep_dev(0)->mtu : ep_dev(1)->mtu,
		.timeout = 16, .retry_cnt = 7, .rnr_retry = 7, .min_rnr_timer = 12,
		.rd_atomic = 4,
		.access = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
			  IBV_ACCESS_REMOTE_ATOMIC,
	};
}

struct ep_cfg ep_uc(void)
{
	struct ep_cfg cfg = ep_rc();

	cfg.type = IBV_QPT_UC;
	return cfg;
}

struct ep_cfg ep_ud(void)
{
	struct ep_cfg cfg = ep_rc();

	cfg.type = IBV_QPT_UD;
	cfg.qkey = 0x1ab2c3d4;
	return cfg;
}

static void make_cqs(struct ep *e)
{
	int cqe = e->cfg.cqe ?: (int)(e->cfg.send_wr + e->cfg.recv_wr);
	struct ibv_context *ctx = e->dev->ctx;

	if (e->cfg.events) {
		e->chan = ibv_create_comp_channel(ctx);
		t_check(e->chan, "ibv_create_comp_channel: %s", strerror(errno));
	}
	e->scq = ibv_create_cq(ctx, cqe, e, e->chan, e->cfg.vector);
	e->rcq = ibv_create_cq(ctx, cqe, e, e->chan, e->cfg.vector);
	t_check(e->scq && e->rcq, "ibv_create_cq(%d): %s", cqe, strerror(errno));
}

static uint64_t send_ops(enum ibv_qp_type type)
{
	uint64_t ops = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_IMM;

	if (type != IBV_QPT_UD)
		ops |= IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM;
	if (type == IBV_QPT_RC)
		ops |= IBV_QP_EX_WITH_RDMA_READ | IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP |
		       IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD;
	return ops;
}

void ep_open_on(struct ep *e, struct ep_dev *dev, const struct ep_cfg *cfg)
{
	struct ibv_qp_init_attr_ex init = {
		.qp_type = cfg->type,
		.sq_sig_all = cfg->sig_all,
		.cap = { cfg->send_wr, cfg->recv_wr, cfg->send_sge, cfg->recv_sge,
			 cfg->inline_bytes },
		.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.pd = dev->pd,
		.send_ops_flags = send_ops(cfg->type) | cfg->send_ops,
		.srq = cfg->srq,
	};

	memset(e, 0, sizeof(*e));
	e->dev = dev;
	e->cfg = *cfg;
	make_cqs(e);
	init.send_cq = e->scq;
	init.recv_cq = e->rcq;
	e->qp = ibv_create_qp_ex(dev->ctx, &init);
	t_check(e->qp, "ibv_create_qp_ex: %s", strerror(errno));
	e->qpx = ibv_qp_to_qp_ex(e->qp);
	e->psn = t_rand() & 0xffffff;
}

void ep_open(struct ep *e, int side, const struct ep_cfg *cfg)
{
	ep_open_on(e, ep_dev(side), cfg);
}

void ep_close(struct ep *e)
{
	t_wait("destroying a QP and its CQs");
	t_zero(ibv_destroy_qp(e->qp));
	t_zero(ibv_destroy_cq(e->scq));
	t_zero(ibv_destroy_cq(e->rcq));
	if (e->chan)
		t_zero(ibv_destroy_comp_channel(e->chan));
	memset(e, 0, sizeof(*e));
}

struct ep_peer ep_self(const struct ep *e)
{
	return (struct ep_peer){ e->qp->qp_num, e->psn, e->dev->gid };
}

int ep_attr_init(const struct ep *e, struct ibv_qp_attr *attr)
{
	memset(attr, 0, sizeof(*attr));
	attr->qp_state = IBV_QPS_INIT;
	attr->port_num = t_opts.port;
	attr->qkey = e->cfg.qkey;
	attr->qp_access_flags = e->cfg.access;
	return IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
	       (e->cfg.type == IBV_QPT_UD ? IBV_QP_QKEY : IBV_QP_ACCESS_FLAGS);
}

enum { RTR_CONNECTED = IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
		       IBV_QP_RQ_PSN };

int ep_attr_rtr(const struct ep *e, const struct ep_peer *peer, struct ibv_qp_attr *attr)
{
	memset(attr, 0, sizeof(*attr));
	attr->qp_state = IBV_QPS_RTR;
	if (e->cfg.type == IBV_QPT_UD)
		return IBV_QP_STATE;
	attr->path_mtu = ep_mtu(e->cfg.mtu);
	attr->dest_qp_num = peer->qpn;
	attr->rq_psn = peer->psn;
	ep_ah_attr(e->dev, &peer->gid, &attr->ah_attr);
	if (e->cfg.type == IBV_QPT_UC)
		return RTR_CONNECTED;
	attr->max_dest_rd_atomic = e->cfg.rd_atomic;
	attr->min_rnr_timer = e->cfg.min_rnr_timer;
	return RTR_CONNECTED | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
}

int ep_attr_rts(const struct ep *e, struct ibv_qp_attr *attr)
{
	memset(attr, 0, sizeof(*attr));
	attr->qp_state = IBV_QPS_RTS;
	attr->sq_psn = e->psn;
	if (e->cfg.type != IBV_QPT_RC)
		return IBV_QP_STATE | IBV_QP_SQ_PSN;
	attr->timeout = e->cfg.timeout;
	attr->retry_cnt = e->cfg.retry_cnt;
	attr->rnr_retry = e->cfg.rnr_retry;
	attr->max_rd_atomic = e->cfg.rd_atomic;
	return IBV_QP_STATE | IBV_QP_SQ_PSN | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
	       IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC;
}

const char *ep_state_name(enum ibv_qp_state state)
{
	static const char *const names[] = { "RESET", "INIT", "RTR", "RTS", "SQD", "SQE", "ERR" };

	return (unsigned int)state < 7 ? names[state] : "unknown";
}

static void modify(struct ep *e, struct ibv_qp_attr *attr, int mask)
{
	int rc, tries = 0;

	t_wait("ibv_modify_qp to %s", ep_state_name(attr->qp_state));
	do
		rc = ibv_modify_qp(e->qp, attr, mask);
	while (rc == ETIMEDOUT && ++tries < 4);
	t_check(!rc, "modify_qp to %s: got %s, expected success", ep_state_name(attr->qp_state),
		t_errname(rc));
}

void ep_to_init(struct ep *e)
{
	struct ibv_qp_attr attr;
	int mask = ep_attr_init(e, &attr);

	modify(e, &attr, mask);
}

void ep_to_rtr(struct ep *e, const struct ep_peer *peer)
{
	struct ibv_qp_attr attr;
	int mask = ep_attr_rtr(e, peer, &attr);

	modify(e, &attr, mask);
}

void ep_to_rts(struct ep *e)
{
	struct ibv_qp_attr attr;
	int mask = ep_attr_rts(e, &attr);

	modify(e, &attr, mask);
}

void ep_to(struct ep *e, enum ibv_qp_state state)
{
	struct ibv_qp_attr attr = { .qp_state = state };

	modify(e, &attr, IBV_QP_STATE);
}

enum ibv_qp_state ep_state(struct ep *e)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	t_zero(ibv_query_qp(e->qp, &attr, IBV_QP_STATE, &init));
	return attr.qp_state;
}

void ep_want_state(struct ep *e, enum ibv_qp_state want, const char *who)
{
	enum ibv_qp_state got = ep_state(e);

	t_check(got == want, "%s QP state: got %s, expected %s", who, ep_state_name(got),
		ep_state_name(want));
}

void ep_await_state(struct ep *e, enum ibv_qp_state want, const char *who, double s)
{
	double end = t_now() + t_seconds(s);

	t_wait("%s QP to become %s", who, ep_state_name(want));
	while (ep_state(e) != want && t_now() < end)
		usleep(1000);
	ep_want_state(e, want, who);
}

void ep_up(struct ep *e, const struct ep_peer *peer)
{
	ep_to_init(e);
	ep_to_rtr(e, peer);
	ep_to_rts(e);
}

void ep_pair_connect(struct ep_pair *p)
{
	struct ep_peer a = ep_self(&p->a), b = ep_self(&p->b);

	ep_to_init(&p->a);
	ep_to_init(&p->b);
	ep_to_rtr(&p->a, &b);
	ep_to_rtr(&p->b, &a);
	ep_to_rts(&p->a);
	ep_to_rts(&p->b);
}

void ep_pair_open(struct ep_pair *p, const struct ep_cfg *cfg)
{
	ep_open(&p->a, 0, cfg);
	ep_open(&p->b, 1, cfg);
	ep_pair_connect(p);
}

void ep_pair_close(struct ep_pair *p)
{
	ep_close(&p->a);
	ep_close(&p->b);
}

static void discard(struct ibv_cq *cq)
{
	struct ibv_wc wc;

	while (ibv_poll_cq(cq, 1, &wc) > 0)
		;
}

static void reset_one(struct ep *e)
{
	ep_to(e, IBV_QPS_RESET);
	discard(e->scq);
	discard(e->rcq);
	e->psn = t_rand() & 0xffffff;
}

void ep_pair_again(struct ep_pair *p)
{
	reset_one(&p->a);
	reset_one(&p->b);
	ep_pair_connect(p);
}
