// SPDX-License-Identifier: GPL-2.0
/*
 * Retries: receiver not ready, peers that do not answer, and peers at the wrong PSN.
 *
 * Time is part of the contract: the timeout code T stands for 4.096 us * 2^T, a real timeout may
 * be up to four times that, and it is waited for retry_cnt + 1 times. Upper bounds are stretched
 * by the slow factor and one second; lower bounds hold on any machine, less a tenth for coarse
 * clocks.
 */
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "cases.h"
#include "xfer.h"

static double ack_timeout(int code)
{
	return 4.096e-6 * (1 << code);
}

static void within(double took, double least, double most)
{
	most = t_seconds(most + 1);
	t_check(took >= 0.9 * least, "failed after %.3f s, expected at least %.3f s", took, least);
	t_check(took <= most, "failed after %.3f s, expected at most %.3f s", took, most);
	t_note("%.3f s, allowed %.3f to %.3f s", took, least, most);
}

static void rnr_zero(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = c->arg, .id = 6 };
	struct ep_pair p;

	cfg.rnr_retry = 0;
	ep_pair_open(&p, &cfg);
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_RNR_RETRY_EXC_ERR, 6, "no receive, rnr_retry 0");
	ep_want_state(&p.a, IBV_QPS_ERR, "requester's");
	ep_want_state(&p.b, IBV_QPS_RTS, "responder's");
	cq_none(p.b.rcq, 20, "nothing was received");
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

/* rnr_retry 3 with an RNR timer of 81.92 ms (code 26). */
static void rnr_runs_out(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND, .id = 6 };
	struct ep_pair p;
	uint64_t counted;
	double start;

	(void)c;
	cfg.rnr_retry = 3;
	cfg.min_rnr_timer = 26;
	ep_pair_open(&p, &cfg);
	counted = ep_counter(p.a.dev, "retry_rnr_exceeded_err");
	start = t_now();
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_RNR_RETRY_EXC_ERR, 6, "no receive, rnr_retry 3");
	within(t_now() - start, 3 * 0.08192, 4 * 0.08192);
	t_check(ep_counter(p.a.dev, "retry_rnr_exceeded_err") == counted + 1,
		"it was not counted once");
	ep_want_state(&p.b, IBV_QPS_RTS, "responder's");
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

/* The receive is posted @c->arg ms late, with @c->arg2 as rnr_retry: the SEND still succeeds. */
static void rnr_late(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct buf src, dst;
	struct ibv_sge s, r;
	struct op op = { .code = IBV_WR_SEND_WITH_IMM, .sge = &s, .nsge = 1, .id = 6, .imm = 77 };
	struct ep_pair p;
	struct ibv_wc wc;

	cfg.rnr_retry = c->arg2;
	cfg.min_rnr_timer = c->arg2 == 7 ? 14 : 31;
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, 20001, 5, 0);
	buf_open(&dst, p.b.dev, 20001, 4090, IBV_ACCESS_LOCAL_WRITE);
	s = buf_sge(&src, 0, 20001);
	r = buf_sge(&dst, 0, 20001);
	ep_post(&p.a, &op);
	cq_none(p.a.scq, c->arg, "no receive yet");
	ep_recv(&p.b, &r, 1, 7);
	cq_poll(p.b.rcq, &wc, "late receive");
	wc_want(&wc, IBV_WC_SUCCESS, "late receive");
	t_check(wc.byte_len == 20001 && ntohl(wc.imm_data) == 77, "late receive: byte_len %u",
		wc.byte_len);
	cq_want(p.a.scq, IBV_WC_SUCCESS, 6, "SEND_WITH_IMM");
	buf_expect(&dst, 0, 20001, src.seed, 0, "destination");
	cq_none(p.b.rcq, 50, "received once");
	pair_proves(&p);
	ep_pair_close(&p);
}

/* Every one of many SENDs meets an empty receive queue. */
static void rnr_every(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND_WITH_IMM };
	struct ep_pair p;
	struct ibv_wc wc;

	(void)c;
	cfg.min_rnr_timer = 1;
	ep_pair_open(&p, &cfg);
	for (op.imm = 0; op.imm < 16; op.imm++) {
		op.id = op.imm;
		ep_post(&p.a, &op);
	}
	for (uint32_t i = 0; i < 16; i++) {
		usleep(3000);
		ep_recv(&p.b, NULL, 0, i);
		cq_poll(p.b.rcq, &wc, "receive");
		wc_want(&wc, IBV_WC_SUCCESS, "receive");
		t_check(ntohl(wc.imm_data) == i, "got message %u, expected %u",
			ntohl(wc.imm_data), i);
		cq_want(p.a.scq, IBV_WC_SUCCESS, i, "SEND_WITH_IMM");
	}
	pair_proves(&p);
	ep_pair_close(&p);
}

enum absent { AB_DESTROYED, AB_RESET, AB_INIT, AB_ERR, AB_NEVER, AB_OTHER_TYPE };

/* Take the responder of a connected pair away in one of several ways; returns a's new peer. */
static struct ep_peer make_absent(struct ep_pair *p, enum absent how)
{
	struct ep_peer to = ep_self(&p->b);
	struct ep_cfg ud = ep_ud();
	static struct ep other;

	switch (how) {
	case AB_DESTROYED:
		ep_close(&p->b);
		break;
	case AB_RESET:
		ep_to(&p->b, IBV_QPS_RESET);
		break;
	case AB_INIT:
		ep_to(&p->b, IBV_QPS_RESET);
		ep_to_init(&p->b);
		break;
	case AB_ERR:
		ep_to(&p->b, IBV_QPS_ERR);
		break;
	case AB_NEVER:
		to.qpn = 0x7ffff0;
		break;
	case AB_OTHER_TYPE:
		ep_open(&other, 1, &ud);
		ep_up(&other, NULL);
		to.qpn = other.qp->qp_num;
		break;
	}
	return to;
}

/* Post to nobody: RETRY_EXC_ERR in the time that timeout and retry_cnt tell. */
static void nobody(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND, .id = 8 };
	struct ep_pair p;
	struct ep_peer to;
	uint64_t counted;
	double start;

	cfg.timeout = c->arg2 ? c->arg2 : 14;
	cfg.retry_cnt = 2;
	ep_pair_open(&p, &cfg);
	counted = ep_counter(p.a.dev, "retry_exceeded_err");
	to = make_absent(&p, c->arg);
	ep_to(&p.a, IBV_QPS_RESET);
	ep_up(&p.a, &to);
	start = t_now();
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_RETRY_EXC_ERR, 8, "SEND to nobody");
	within(t_now() - start, 3 * ack_timeout(cfg.timeout), 3 * 4 * ack_timeout(cfg.timeout));
	t_check(ep_counter(p.a.dev, "retry_exceeded_err") == counted + 1,
		"it was not counted once");
	ep_want_state(&p.a, IBV_QPS_ERR, "requester's");
	if (c->arg == AB_DESTROYED)
		ep_open(&p.b, 1, &cfg);
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

/* retry_cnt 0: one timeout. */
static void no_retries(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND, .id = 8 };
	struct ep_pair p;
	double start;

	(void)c;
	cfg.timeout = 15;
	cfg.retry_cnt = 0;
	ep_pair_open(&p, &cfg);
	ep_to(&p.b, IBV_QPS_RESET);
	start = t_now();
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_RETRY_EXC_ERR, 8, "SEND to a QP in RESET");
	within(t_now() - start, ack_timeout(15), 4 * ack_timeout(15));
	p.a.cfg = ep_rc();
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

/* timeout 0 is no timeout: it waits for ever. */
static void no_timeout(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND, .id = 8 };
	struct ep_pair p;

	(void)c;
	cfg.timeout = 0;
	cfg.retry_cnt = 1;
	ep_pair_open(&p, &cfg);
	ep_to(&p.b, IBV_QPS_RESET);
	ep_post(&p.a, &op);
	cq_none(p.a.scq, 1500, "timeout 0");
	ep_want_state(&p.a, IBV_QPS_RTS, "requester's");
	ep_to(&p.a, IBV_QPS_ERR);
	cq_want(p.a.scq, IBV_WC_WR_FLUSH_ERR, 8, "SEND flushed");
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

/*
 * The timeout is @c->arg, and becomes 14 while the send queue is drained, or drains. That counts
 * for what is sent afterwards, and for what was sent before without any.
 */
static void new_timeout(const struct t_case *c)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_SQD, .timeout = 14 };
	struct op op = { .code = IBV_WR_RDMA_WRITE, .id = 8 };
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	cfg.timeout = c->arg;
	cfg.retry_cnt = 1;
	ep_pair_open(&p, &cfg);
	if (!cfg.timeout)
		ep_to(&p.b, IBV_QPS_RESET);
	ep_post(&p.a, &op);
	if (cfg.timeout)
		cq_want(p.a.scq, IBV_WC_SUCCESS, 8, "WRITE of nothing");
	else
		cq_none(p.a.scq, 100, "timeout 0");
	ep_to(&p.a, IBV_QPS_SQD);
	t_check(!ibv_modify_qp(p.a.qp, &attr, IBV_QP_STATE | IBV_QP_TIMEOUT), "new timeout");
	if (cfg.timeout) {
		ep_to(&p.b, IBV_QPS_RESET);
		ep_to(&p.a, IBV_QPS_RTS);
		ep_post(&p.a, &op);
	}
	cq_want(p.a.scq, IBV_WC_RETRY_EXC_ERR, 8, "WRITE to a QP in RESET");
	p.a.cfg = ep_rc();
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

/* The peer comes up while the retries still run: the message arrives, once. */
static void late_peer(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct buf src, dst;
	struct ibv_sge s, r;
	struct op op = { .code = IBV_WR_SEND, .sge = &s, .nsge = 1, .id = 8 };
	struct ep_peer a, b;
	struct ep_pair p;

	(void)c;
	cfg.timeout = 15;
	cfg.retry_cnt = 7;
	ep_open(&p.a, 0, &cfg);
	ep_open(&p.b, 1, &cfg);
	a = ep_self(&p.a);
	b = ep_self(&p.b);
	buf_open(&src, p.a.dev, 12345, 5, 0);
	buf_open(&dst, p.b.dev, 12345, 4090, IBV_ACCESS_LOCAL_WRITE);
	s = buf_sge(&src, 0, 12345);
	r = buf_sge(&dst, 0, 12345);
	ep_up(&p.a, &b);
	ep_post(&p.a, &op);
	usleep(200000);
	ep_to_init(&p.b);
	ep_recv(&p.b, &r, 1, 9);
	ep_to_rtr(&p.b, &a);
	ep_to_rts(&p.b);
	cq_want(p.a.scq, IBV_WC_SUCCESS, 8, "SEND to a peer that came late");
	cq_want(p.b.rcq, IBV_WC_SUCCESS, 9, "receive");
	cq_none(p.b.rcq, 50, "received once");
	buf_expect(&dst, 0, 12345, src.seed, 0, "destination");
	pair_proves(&p);
	ep_pair_close(&p);
}

/*
 * The requester's first PSN is not the one that the responder expects: ahead of it the responder
 * answers "sequence error" each time, behind it takes the packet for a duplicate. Neither may move
 * data or complete well.
 */
static void wrong_psn(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = c->arg2, .id = 8, .nsge = 1 };
	struct ep_peer a, b;
	struct buf src, dst;
	struct ibv_sge sge;
	struct ep_pair p;
	bool read = c->arg2 == IBV_WR_RDMA_READ;

	cfg.timeout = 13;
	cfg.retry_cnt = 2;
	ep_open(&p.a, 0, &cfg);
	ep_open(&p.b, 1, &cfg);
	buf_open(&src, read ? p.b.dev : p.a.dev, 5000, 5, RIGHTS_ALL);
	buf_open(&dst, read ? p.a.dev : p.b.dev, 5000, 4090, RIGHTS_ALL);
	a = ep_self(&p.a);
	b = ep_self(&p.b);
	a.psn = (a.psn - c->arg) & 0xffffff;
	ep_up(&p.b, &a);
	ep_up(&p.a, &b);
	sge = buf_sge(read ? &dst : &src, 0, 5000);
	op.sge = &sge;
	op.raddr = (uintptr_t)(read ? src.p : dst.p);
	op.rkey = (read ? &src : &dst)->mr->rkey;
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_RETRY_EXC_ERR, 8, "request at a wrong PSN");
	buf_same(&dst, "destination");
	ep_want_state(&p.a, IBV_QPS_ERR, "requester's");
	ep_want_state(&p.b, IBV_QPS_RTS, "responder's");
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

/*
 * A READ from before the expected PSN looks like one whose answer was lost, but the responder never
 * executed such: its QP has the rights @c->arg and takes @c->arg2 READs. It must not answer.
 */
static void behind_read(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc(), strict;
	struct op op = { .code = IBV_WR_RDMA_READ, .id = 8, .nsge = 1 };
	struct ep_peer a, b;
	struct buf src, dst;
	struct ibv_sge sge;
	struct ep_pair p;

	cfg.timeout = 13;
	cfg.retry_cnt = 2;
	strict = cfg;
	strict.access = c->arg;
	strict.rd_atomic = c->arg2;
	ep_open(&p.a, 0, &cfg);
	ep_open(&p.b, 1, &strict);
	buf_open(&src, p.b.dev, 5000, 5, RIGHTS_ALL);
	buf_open(&dst, p.a.dev, 5000, 4090, RIGHTS_ALL);
	a = ep_self(&p.a);
	b = ep_self(&p.b);
	a.psn = (a.psn + 100) & 0xffffff;
	ep_up(&p.b, &a);
	ep_up(&p.a, &b);
	sge = buf_sge(&dst, 0, 5000);
	op.sge = &sge;
	op.raddr = (uintptr_t)src.p;
	op.rkey = src.mr->rkey;
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_RETRY_EXC_ERR, 8, "READ from before, of a QP that forbids READs");
	buf_same(&dst, "destination");
	ep_want_state(&p.a, IBV_QPS_ERR, "requester's");
	ep_want_state(&p.b, IBV_QPS_RTS, "responder's");
	p.b.cfg = cfg;
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

/* A peer that goes away under traffic: some complete, one fails, the rest flush; then again. */
static void goes_away(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ibv_sge sge;
	struct op op = { .code = IBV_WR_RDMA_WRITE, .sge = &sge, .nsge = 1 };
	struct buf src, dst;
	struct ep_pair p;
	struct ibv_wc wc;
	int fails = 0;

	(void)c;
	cfg.timeout = 13;
	cfg.retry_cnt = 1;
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, 1 << 20, 5, 0);
	buf_open(&dst, p.b.dev, 1 << 20, 4090, RIGHTS_ALL);
	sge = buf_sge(&src, 0, 1 << 20);
	op.raddr = (uintptr_t)dst.p;
	op.rkey = dst.mr->rkey;
	for (op.id = 0; op.id < 15; op.id++)
		ep_post(&p.a, &op);
	ep_close(&p.b);
	op.id = 15;
	ep_post(&p.a, &op);
	for (uint64_t i = 0; i < 16; i++) {
		cq_poll(p.a.scq, &wc, "WRITE to a peer that went away");
		t_check(wc.wr_id == i, "got wr_id %lu, expected %lu", wc.wr_id, i);
		if (fails)
			wc_want(&wc, IBV_WC_WR_FLUSH_ERR, "behind the failed one");
		else if (wc.status != IBV_WC_SUCCESS) {
			wc_want(&wc, IBV_WC_RETRY_EXC_ERR, "the first that fails");
			fails++;
		}
	}
	t_check(fails, "all succeeded, the last one was posted to nobody");
	p.a.cfg = ep_rc();
	ep_open(&p.b, 1, &cfg);
	ep_pair_again(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

const struct t_case cases_retry[] = {
	{ "err.rnr.zero", rnr_zero, IBV_WR_SEND, 0, 0 },
	{ "err.rnr.zero_imm", rnr_zero, IBV_WR_RDMA_WRITE_WITH_IMM, 0, 0 },
	{ "err.rnr.runs_out", rnr_runs_out, 0, 0, 0 },
	{ "err.rnr.late", rnr_late, 300, 6, 0 },
	{ "err.rnr.endless", rnr_late, 2000, 7, 0 },
	{ "err.rnr.every", rnr_every, 0, 0, 0 },
	{ "err.nobody.destroyed", nobody, AB_DESTROYED, 0, 0 },
	{ "err.nobody.reset", nobody, AB_RESET, 0, 0 },
	{ "err.nobody.init", nobody, AB_INIT, 0, 0 },
	{ "err.nobody.err", nobody, AB_ERR, 0, 0 },
	{ "err.nobody.never", nobody, AB_NEVER, 0, 0 },
	{ "err.nobody.ud_qp", nobody, AB_OTHER_TYPE, 0, 0 },
	{ "err.nobody.timeout16", nobody, AB_RESET, 16, 0 },
	{ "err.retry.none", no_retries, 0, 0, 0 },
	{ "err.retry.no_timeout", no_timeout, 0, 0, 0 },
	{ "err.retry.new_timeout.none", new_timeout, 0, 0, 0 },
	{ "err.retry.new_timeout.shorter", new_timeout, 24, 0, 0 },
	{ "err.retry.late_peer", late_peer, 0, 0, 0 },
	{ "err.retry.goes_away", goes_away, 0, 0, 60 },
	{ "err.psn.ahead", wrong_psn, 100, IBV_WR_RDMA_WRITE, 0 },
	{ "err.psn.behind", wrong_psn, -100, IBV_WR_RDMA_WRITE, 0 },
	{ "err.psn.ahead_read", wrong_psn, 100, IBV_WR_RDMA_READ, 0 },
	{ "err.psn.behind_read.access", behind_read, 0, 4, 0 },
	{ "err.psn.behind_read.write", behind_read, IBV_ACCESS_REMOTE_WRITE, 4, 0 },
	{ "err.psn.behind_read.none", behind_read, IBV_ACCESS_REMOTE_READ, 0, 0 },
	{ }
};
