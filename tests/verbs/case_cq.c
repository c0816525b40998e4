// SPDX-License-Identifier: GPL-2.0
/*
 * Completion queues: events and their arming, resize, sharing, overflow.
 *
 * Arming: a completion that is added after the arming call raises one event and disarms; so does
 * one that waits already, if it came after the last event; "solicited only" waits for a message
 * whose sender asked for an event, or for a completion in error; the stronger of two armings holds.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "cases.h"
#include "xfer.h"

static bool cq_event(struct ep *e, int ms)
{
	struct pollfd pfd = { .fd = e->chan->fd, .events = POLLIN };
	struct ibv_cq *cq;
	void *ctx;

	if (poll(&pfd, 1, ms) <= 0)
		return false;
	t_zero(ibv_get_cq_event(e->chan, &cq, &ctx));
	t_check(ctx == e, "completion event: wrong cq_context");
	ibv_ack_cq_events(cq, 1);
	return true;
}

static void event_comes(struct ep *e, const char *what)
{
	t_wait("completion event: %s", what);
	t_check(cq_event(e, t_seconds(5) * 1000), "no completion event: %s", what);
}

static void no_event(struct ep *e, const char *what)
{
	t_check(!cq_event(e, 100), "got a completion event, expected none: %s", what);
}

static void arm(struct ibv_cq *cq, int solicited)
{
	t_zero(ibv_req_notify_cq(cq, solicited));
}

static void open_events(struct ep_pair *p)
{
	struct ep_cfg cfg = ep_rc();

	cfg.events = true;
	ep_pair_open(p, &cfg);
	for (int i = 0; i < 12; i++)
		ep_recv(&p->b, NULL, 0, i);
}

/* One empty SEND, waited for at the sender; the receiver's completion is left in its CQ. */
static void send_one(struct ep_pair *p, unsigned int flags)
{
	struct op op = { .code = IBV_WR_SEND, .flags = flags, .id = 1 };

	ep_post(&p->a, &op);
	cq_want(p->a.scq, IBV_WC_SUCCESS, 1, "SEND");
}

static void next_comp(const struct t_case *c)
{
	struct ep_pair p;

	(void)c;
	open_events(&p);
	send_one(&p, 0);
	no_event(&p.b, "never armed");
	arm(p.b.rcq, 0);
	event_comes(&p.b, "armed with an entry that no event told of");
	arm(p.b.rcq, 0);
	no_event(&p.b, "armed with an entry that was told of");
	send_one(&p, 0);
	event_comes(&p.b, "entry added after arming");
	send_one(&p, 0);
	no_event(&p.b, "not armed again");
	for (int i = 0; i < 3; i++)
		cq_want(p.b.rcq, IBV_WC_SUCCESS, i, "receive");
	arm(p.b.rcq, 0);
	no_event(&p.b, "armed when all was polled");
	arm(p.b.rcq, 0);
	send_one(&p, 0);
	event_comes(&p.b, "armed again, twice");
	no_event(&p.b, "one entry, one event");
	ep_pair_close(&p);
}

static void vector_pair(struct ep_pair *p, int vector)
{
	struct ep_cfg cfg = ep_rc();

	cfg.events = true;
	cfg.vector = vector;
	ep_pair_open(p, &cfg);
	ep_recv(&p->b, NULL, 0, vector);
	arm(p->b.rcq, 0);
}

/*
 * A queue of each completion vector, all armed: each event tells of the queue that has the
 * completion, and no other. What is no vector is refused.
 */
static void vectors(const struct t_case *c)
{
	enum { MOST = 64 };
	struct ibv_context *ctx = ep_dev(0)->ctx;
	struct ep_pair p[MOST];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int n = ctx->num_comp_vectors;
	int wrong[] = { -1, n, INT_MAX };

	(void)c;
	t_check(n == cpus, "completion vectors: got %d, expected one for each of %ld CPUs", n,
		cpus);
	n = n < MOST ? n : MOST;
	for (int i = 0; i < n; i++)
		vector_pair(&p[i], i);
	for (int i = n - 1; i >= 0; i--) {
		t_where("vector %d", i);
		send_one(&p[i], 0);
		event_comes(&p[i].b, "entry added after arming");
		cq_want(p[i].b.rcq, IBV_WC_SUCCESS, i, "receive");
		for (int j = 0; j < n; j++)
			t_check(!cq_event(&p[j].b, 0), "an event of vector %d, too", j);
	}
	t_where("%s", "");
	for (int i = 0; i < n; i++)
		ep_pair_close(&p[i]);
	for (int i = 0; i < 3; i++)
		t_check(!ibv_create_cq(ctx, 4, NULL, NULL, wrong[i]) && errno == EINVAL,
			"completion vector %d: got %s, expected EINVAL", wrong[i],
			t_errname(errno));
}

static void send_side(const struct t_case *c)
{
	struct op op = { .code = IBV_WR_SEND, .id = 4 };
	struct ep_pair p;

	(void)c;
	open_events(&p);
	arm(p.a.scq, 0);
	ep_post(&p.a, &op);
	event_comes(&p.a, "send completion");
	cq_want(p.a.scq, IBV_WC_SUCCESS, 4, "SEND");
	arm(p.a.scq, 0);
	t_zero(ep_post_try(&p.a, &op));
	no_event(&p.a, "an unsignaled SEND has no completion");
	ep_pair_close(&p);
}

static void solicited(const struct t_case *c)
{
	struct op op = { .code = IBV_WR_RDMA_WRITE_WITH_IMM, .flags = IBV_SEND_SOLICITED, .id = 2 };
	struct ep_pair p;

	(void)c;
	open_events(&p);
	arm(p.b.rcq, 1);
	send_one(&p, 0);
	no_event(&p.b, "armed for solicited, SEND not solicited");
	send_one(&p, IBV_SEND_SOLICITED);
	event_comes(&p.b, "solicited SEND");
	send_one(&p, IBV_SEND_SOLICITED);
	no_event(&p.b, "not armed again");
	send_one(&p, 0);
	arm(p.b.rcq, 1);
	event_comes(&p.b, "armed with a solicited SEND that no event told of");
	send_one(&p, 0);
	arm(p.b.rcq, 1);
	no_event(&p.b, "armed for solicited with a SEND that was not");
	ep_post(&p.a, &op);
	event_comes(&p.b, "solicited WRITE_WITH_IMM");
	cq_want(p.a.scq, IBV_WC_SUCCESS, 2, "WRITE_WITH_IMM");
	for (int i = 0; i < 6; i++)
		cq_want(p.b.rcq, IBV_WC_SUCCESS, i, "receive");
	arm(p.b.rcq, 1);
	arm(p.b.rcq, 0);
	send_one(&p, 0);
	event_comes(&p.b, "armed solicited, then for any");
	arm(p.b.rcq, 0);
	arm(p.b.rcq, 1);
	send_one(&p, 0);
	event_comes(&p.b, "armed for any, then solicited: the stronger holds");
	ep_pair_close(&p);
}

/* A multi-packet solicited SEND: the event comes with its last packet. */
static void solicited_long(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ibv_sge s, d;
	struct op op = { .code = IBV_WR_SEND, .sge = &s, .nsge = 1, .id = 3,
			 .flags = IBV_SEND_SOLICITED };
	struct buf src, dst;
	struct ep_pair p;

	(void)c;
	cfg.events = true;
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, 50001, 5, 0);
	buf_open(&dst, p.b.dev, 50001, 6, IBV_ACCESS_LOCAL_WRITE);
	s = buf_sge(&src, 0, 50001);
	d = buf_sge(&dst, 0, 50001);
	ep_recv(&p.b, &d, 1, 8);
	arm(p.b.rcq, 1);
	ep_post(&p.a, &op);
	event_comes(&p.b, "solicited SEND of many packets");
	cq_want(p.b.rcq, IBV_WC_SUCCESS, 8, "receive");
	buf_expect(&dst, 0, 50001, src.seed, 0, "destination");
	ep_pair_close(&p);
}

/* A completion in error is a solicited event on either side. */
static void solicited_error(const struct t_case *c)
{
	struct op op = { .code = IBV_WR_RDMA_WRITE, .id = 2, .rkey = 0x123456 };
	struct ibv_sge sge;
	struct ep_pair p;
	struct buf src;

	(void)c;
	open_events(&p);
	buf_open(&src, p.a.dev, 64, 0, 0);
	sge = buf_sge(&src, 0, 64);
	op.sge = &sge;
	op.nsge = 1;
	arm(p.a.scq, 1);
	arm(p.b.rcq, 1);
	ep_post(&p.a, &op);
	event_comes(&p.a, "WRITE with a bad R_Key at the requester");
	cq_want(p.a.scq, IBV_WC_REM_ACCESS_ERR, 2, "WRITE");
	event_comes(&p.b, "flushed receives at the responder");
	cq_want(p.b.rcq, IBV_WC_WR_FLUSH_ERR, 0, "receive");
	ep_pair_close(&p);
}

/* Sleep on the channel for every message, never poll for it: no event may be lost. */
static void sleeper(const struct t_case *c)
{
	struct ep_pair p;
	struct ibv_wc wc;

	(void)c;
	open_events(&p);
	arm(p.b.rcq, 0);
	for (int i = 0; i < 300; i++) {
		t_where("message %d", i);
		send_one(&p, 0);
		event_comes(&p.b, "message");
		arm(p.b.rcq, 0);
		while (ibv_poll_cq(p.b.rcq, 1, &wc) > 0) {
			wc_want(&wc, IBV_WC_SUCCESS, "receive");
			ep_recv(&p.b, NULL, 0, 0);
		}
	}
	ep_pair_close(&p);
}

/* Leave @n receive completions with immediate data first, first+1, ... in b's CQ. */
static void pile_up(struct ep_pair *p, int first, int n)
{
	struct op op = { .code = IBV_WR_SEND_WITH_IMM };

	for (int i = first; i < first + n; i++) {
		ep_recv(&p->b, NULL, 0, i);
		op.imm = i;
		op.id = i;
		ep_post(&p->a, &op);
		cq_want(p->a.scq, IBV_WC_SUCCESS, i, "SEND_WITH_IMM");
	}
}

static void take(struct ep_pair *p, int first, int n)
{
	struct ibv_wc wc;

	for (int i = first; i < first + n; i++) {
		cq_poll(p->b.rcq, &wc, "receive");
		wc_want(&wc, IBV_WC_SUCCESS, "receive");
		t_check(wc.wr_id == (uint64_t)i && ntohl(wc.imm_data) == (uint32_t)i,
			"entry %d: got wr_id %lu, immediate %u", i, wc.wr_id, ntohl(wc.imm_data));
	}
}

static void resize_keeps(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;
	int rc;

	(void)c;
	cfg.cqe = 40;
	cfg.recv_wr = 64;
	ep_pair_open(&p, &cfg);
	for (int round = 0; round < 6; round++) {
		t_where("round %d", round);
		pile_up(&p, 0, 20);
		take(&p, 0, 3);
		t_zero(ibv_resize_cq(p.b.rcq, 100 + 37 * round));
		t_check(p.b.rcq->cqe >= 100 + 37 * round, "cqe after resize: got %d, asked for %d",
			p.b.rcq->cqe, 100 + 37 * round);
		pile_up(&p, 20, 20);
		rc = ibv_resize_cq(p.b.rcq, 10);
		t_check(rc == EINVAL, "resize below 37 unpolled entries: got %s, expected EINVAL",
			t_errname(rc));
		take(&p, 3, 30);
		t_zero(ibv_resize_cq(p.b.rcq, 40));
		take(&p, 33, 7);
		cq_none(p.b.rcq, 10, "after all entries were taken");
	}
	ep_pair_close(&p);
}

static void resize_limits(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;
	int rc;

	(void)c;
	ep_pair_open(&p, &cfg);
	rc = ibv_resize_cq(p.b.rcq, p.b.dev->attr.max_cqe + 1);
	t_check(rc == EINVAL, "resize to max_cqe + 1: got %s, expected EINVAL", t_errname(rc));
	rc = ibv_resize_cq(p.b.rcq, 0);
	t_check(rc == EINVAL, "resize to 0: got %s, expected EINVAL", t_errname(rc));
	t_zero(ibv_resize_cq(p.b.rcq, p.b.dev->attr.max_cqe));
	pair_proves(&p);
	ep_pair_close(&p);
}

static void *resizer(void *arg)
{
	struct ep_pair *p = arg;

	for (int i = 0; i < 200; i++)
		t_zero(ibv_resize_cq(p->b.rcq, 64 + 61 * (i % 7)));
	return NULL;
}

/* Completions keep coming while another thread resizes: none lost, none twice, in order. */
static void resize_busy(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	pthread_t thread;
	struct ep_pair p;

	(void)c;
	cfg.cqe = 64;
	ep_pair_open(&p, &cfg);
	t_zero(pthread_create(&thread, NULL, resizer, &p));
	for (int i = 0; i < 400; i += 8) {
		pile_up(&p, i, 8);
		take(&p, i, 8);
	}
	t_zero(pthread_join(thread, NULL));
	cq_none(p.b.rcq, 20, "after all entries were taken");
	pair_proves(&p);
	ep_pair_close(&p);
}

/* More completions than the CQ holds: an event says so, and everything can still be destroyed. */
static void overflow(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND };
	struct ep_pair p;

	(void)c;
	cfg.cqe = 8;
	ep_pair_open(&p, &cfg);
	for (int i = 0; i <= p.b.rcq->cqe; i++) {
		ep_recv(&p.b, NULL, 0, i);
		op.id = i;
		ep_post(&p.a, &op);
		if (i < p.b.rcq->cqe)
			cq_want(p.a.scq, IBV_WC_SUCCESS, i, "SEND");
	}
	event_want(p.b.dev->ctx, IBV_EVENT_CQ_ERR, NULL);
	ep_pair_close(&p);
}

/* One CQ for both queues of 8 QPs: per queue in order, all with their qp_num. */
static void shared(const struct t_case *c)
{
	enum { QPS = 8, EACH = 12 };
	struct ep_cfg cfg = ep_rc();
	struct ibv_cq *cq = ibv_create_cq(ep_dev(0)->ctx, 4 * QPS * EACH, NULL, NULL, 0);
	struct op op = { .code = IBV_WR_SEND };
	struct ep_peer me[QPS];
	struct ep e[QPS];
	int sent[QPS] = { }, got[QPS] = { };
	struct ibv_wc wc;

	(void)c;
	t_check(cq, "ibv_create_cq: %s", strerror(errno));
	for (int i = 0; i < QPS; i++) {
		struct ibv_qp_init_attr init = { .send_cq = cq, .recv_cq = cq,
			.cap = { 16, 16, 1, 1, 0 }, .qp_type = IBV_QPT_RC };

		e[i] = (struct ep){ .dev = ep_dev(0), .cfg = cfg, .psn = 5 * i };
		e[i].qp = ibv_create_qp(ep_dev(0)->pd, &init);
		t_check(e[i].qp, "ibv_create_qp: %s", strerror(errno));
		me[i] = ep_self(&e[i]);
		ep_up(&e[i], &me[i]);
	}
	for (op.id = 0; op.id < EACH; op.id++)
		for (int i = 0; i < QPS; i++) {
			ep_recv(&e[i], NULL, 0, op.id);
			ep_post(&e[i], &op);
		}
	for (int n = 0; n < 2 * QPS * EACH; n++) {
		int i = 0;

		cq_poll(cq, &wc, "SEND or receive");
		wc_want(&wc, IBV_WC_SUCCESS, "SEND or receive");
		while (i < QPS && e[i].qp->qp_num != wc.qp_num)
			i++;
		t_check(i < QPS, "qp_num %#x is none of ours", wc.qp_num);
		int *next = wc.opcode == IBV_WC_RECV ? &got[i] : &sent[i];

		t_check(wc.wr_id == (uint64_t)*next, "QP %d, opcode %d: got wr_id %lu, expected %d",
			i, wc.opcode, wc.wr_id, *next);
		++*next;
	}
	cq_none(cq, 20, "after all were taken");
}

const struct t_case cases_cq[] = {
	{ "cq.event.next", next_comp, 0, 0, 0 },
	{ "cq.event.send_side", send_side, 0, 0, 0 },
	{ "cq.event.solicited", solicited, 0, 0, 0 },
	{ "cq.event.solicited_long", solicited_long, 0, 0, 0 },
	{ "cq.event.solicited_error", solicited_error, 0, 0, 0 },
	{ "cq.event.sleeper", sleeper, 0, 0, 0 },
	{ "cq.event.vectors", vectors, 0, 0, 0 },
	{ "cq.resize.keeps", resize_keeps, 0, 0, 0 },
	{ "cq.resize.limits", resize_limits, 0, 0, 0 },
	{ "cq.resize.busy", resize_busy, 0, 0, 60 },
	{ "cq.overflow", overflow, 0, 0, 0 },
	{ "cq.shared", shared, 0, 0, 0 },
	{ }
};
