// SPDX-License-Identifier: GPL-2.0
/*
 * Shared receive queues: work requests are taken in the order in which they were posted, whichever
 * QP takes them; the limit event; resizing with work requests in the queue; and the ends of QPs,
 * which leave the queue to the others.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "cases.h"
#include "xfer.h"

enum { QPS = 4, SLOT = 1500, ROOM = 2000 };

/* A queue with a buffer of many slots, and QPs that take from it, each with a peer. */
struct shared {
	struct ibv_srq *srq;
	struct buf in, out;
	struct ep_pair p[QPS];
	int slots;
	uint64_t posted, taken;
};

static struct ibv_srq *make_srq(struct ibv_pd *pd, uint32_t wr, uint32_t sge)
{
	struct ibv_srq_init_attr init = { .attr = { .max_wr = wr, .max_sge = sge } };
	struct ibv_srq *srq = ibv_create_srq(pd, &init);

	t_check(srq, "ibv_create_srq of %u work requests: %s", wr, strerror(errno));
	t_check(init.attr.max_wr >= wr && init.attr.max_sge >= sge,
		"asked for %u work requests of %u entries, got %u of %u", wr, sge,
		init.attr.max_wr, init.attr.max_sge);
	return srq;
}

/* The receiving end's own queue is the shared one; the sender has none. */
static void pair_open(struct ep_pair *p, struct ibv_srq *srq, enum ibv_qp_type type)
{
	struct ep_cfg cfg = type == IBV_QPT_UD ? ep_ud() : type == IBV_QPT_UC ? ep_uc() : ep_rc();

	cfg.cqe = 1000;
	ep_open(&p->a, 0, &cfg);
	cfg.srq = srq;
	ep_open(&p->b, 1, &cfg);
	ep_pair_connect(p);
}

static void shared_open(struct shared *s, uint32_t wr, int slots)
{
	memset(s, 0, sizeof(*s));
	s->slots = slots;
	s->srq = make_srq(ep_dev(1)->pd, wr, 2);
	for (int i = 0; i < QPS; i++)
		pair_open(&s->p[i], s->srq, IBV_QPT_RC);
	buf_open(&s->in, s->p[0].b.dev, (size_t)slots * ROOM, 4001, IBV_ACCESS_LOCAL_WRITE);
	buf_open(&s->out, s->p[0].a.dev, (size_t)slots * ROOM, 33, 0);
}

static void shared_close(struct shared *s)
{
	for (int i = 0; i < QPS; i++)
		ep_pair_close(&s->p[i]);
	t_zero(ibv_destroy_srq(s->srq));
}

static int post_try(struct ibv_srq *srq, struct ibv_sge *sge, int nsge, uint64_t id)
{
	struct ibv_recv_wr wr = { .wr_id = id, .sg_list = sge, .num_sge = nsge }, *bad;

	return ibv_post_srq_recv(srq, &wr, &bad);
}

/* The next slot: two entries, the first of an odd length. */
static void post_slot(struct shared *s)
{
	size_t off = s->posted % s->slots * ROOM;
	struct ibv_sge sge[2] = { buf_sge(&s->in, off, 701), buf_sge(&s->in, off + 701, 1100) };
	int rc = post_try(s->srq, sge, 2, s->posted);

	t_check(!rc, "ibv_post_srq_recv number %lu: %s", s->posted, t_errname(rc));
	s->posted++;
}

static size_t message_len(uint64_t n)
{
	return 1 + n * 257 % SLOT;
}

/* Message number s->taken, from QP @i: it goes to the oldest slot. */
static void take(struct shared *s, int i)
{
	uint64_t n = s->taken++;
	size_t off = n % s->slots * ROOM;
	struct ibv_sge sge = buf_sge(&s->out, off, message_len(n));
	struct op op = { .code = IBV_WR_SEND, .sge = &sge, .nsge = 1, .id = n };
	struct ibv_wc wc;

	t_where("message %lu by QP %d", n, i);
	ep_post(&s->p[i].a, &op);
	cq_want(s->p[i].a.scq, IBV_WC_SUCCESS, n, "SEND");
	cq_poll(s->p[i].b.rcq, &wc, "receive");
	wc_want(&wc, IBV_WC_SUCCESS, "receive");
	t_check(wc.wr_id == n && wc.byte_len == sge.length && wc.qp_num == s->p[i].b.qp->qp_num,
		"receive: wr_id %lu, %u bytes, QP %#x; expected %lu, %u, %#x", wc.wr_id,
		wc.byte_len, wc.qp_num, n, sge.length, s->p[i].b.qp->qp_num);
	buf_range(&s->in, off, sge.length, s->out.seed, off, "receive");
	buf_range(&s->in, off + sge.length, ROOM - sge.length, s->in.seed, off + sge.length,
		  "behind the receive");
}

static void in_order(const struct t_case *c)
{
	struct shared s;

	(void)c;
	shared_open(&s, 60, 60);
	for (int i = 0; i < 60; i++)
		post_slot(&s);
	for (int i = 0; i < 60; i++)
		take(&s, i * 7 % 5 % QPS);
	shared_close(&s);
}

static struct ibv_srq_attr query(struct ibv_srq *srq)
{
	struct ibv_srq_attr attr;

	t_zero(ibv_query_srq(srq, &attr));
	return attr;
}

static int resize(struct ibv_srq *srq, uint32_t wr)
{
	return ibv_modify_srq(srq, &(struct ibv_srq_attr){ .max_wr = wr }, IBV_SRQ_MAX_WR);
}

static int set_limit(struct ibv_srq *srq, uint32_t limit)
{
	return ibv_modify_srq(srq, &(struct ibv_srq_attr){ .srq_limit = limit }, IBV_SRQ_LIMIT);
}

/* The event comes when fewer than the limit are left, once, and not before. */
static void limit(const struct t_case *c)
{
	struct ibv_context *ctx = ep_dev(1)->ctx;
	struct shared s;

	(void)c;
	shared_open(&s, 20, 20);
	for (int i = 0; i < 20; i++)
		post_slot(&s);
	t_zero(set_limit(s.srq, 8));
	t_check(query(s.srq).srq_limit == 8, "limit is %u, expected 8", query(s.srq).srq_limit);
	for (int i = 0; i < 12; i++)
		take(&s, i % QPS);
	event_none(ctx, 100);
	take(&s, 0);
	event_want(ctx, IBV_EVENT_SRQ_LIMIT_REACHED, s.srq);
	t_check(!query(s.srq).srq_limit, "limit is %u after its event", query(s.srq).srq_limit);
	take(&s, 1);
	event_none(ctx, 100);
	t_zero(set_limit(s.srq, 3));
	t_zero(set_limit(s.srq, 0));
	for (int i = 0; i < 6; i++)
		take(&s, 2);
	event_none(ctx, 100);
	shared_close(&s);
}

static void sizes(const struct t_case *c)
{
	struct ibv_device_attr *dev = &ep_dev(1)->attr;
	uint32_t max_wr;
	struct shared s;
	int rc;

	(void)c;
	shared_open(&s, 21, 64);
	max_wr = query(s.srq).max_wr;
	t_check(max_wr >= 21 && query(s.srq).max_sge >= 2, "max_wr %u, max_sge %u", max_wr,
		query(s.srq).max_sge);
	for (uint32_t i = 0; i < max_wr; i++)
		post_slot(&s);
	rc = post_try(s.srq, NULL, 0, 99);
	t_check(rc == ENOMEM, "post number max_wr + 1: got %s, expected ENOMEM", t_errname(rc));
	rc = set_limit(s.srq, max_wr + 1);
	t_check(rc == EINVAL, "limit above max_wr: got %s, expected EINVAL", t_errname(rc));
	rc = resize(s.srq, dev->max_srq_wr + 1);
	t_check(rc == EINVAL, "resize above the device's limit: got %s", t_errname(rc));
	rc = resize(s.srq, 4);
	t_check(rc == EINVAL, "resize to less than is posted: got %s", t_errname(rc));
	for (uint32_t i = 0; i < max_wr; i++)
		take(&s, i % QPS);
	t_zero(set_limit(s.srq, 10));
	rc = resize(s.srq, 4);
	t_check(rc == EINVAL, "resize below the limit: got %s", t_errname(rc));
	rc = ibv_destroy_srq(s.srq);
	t_check(rc == EBUSY, "destroying what QPs use: got %s, expected EBUSY", t_errname(rc));
	rc = ep_recv_try(&s.p[0].b, NULL, 0, 1);
	t_check(rc, "a receive was posted to a QP that has a shared queue");
	shared_close(&s);
}

static void refused(const struct t_case *c)
{
	struct ibv_device_attr *dev = &ep_dev(1)->attr;
	struct ibv_srq_attr bad[] = {
		{ .max_wr = dev->max_srq_wr + 1, .max_sge = 1 },
		{ .max_wr = 10, .max_sge = dev->max_srq_sge + 1 },
		{ .max_wr = 0, .max_sge = 1 },
	};

	(void)c;
	t_check(dev->max_srq > 0 && dev->max_srq_wr > 0 && dev->max_srq_sge > 0,
		"max_srq %d, max_srq_wr %d, max_srq_sge %d", dev->max_srq, dev->max_srq_wr,
		dev->max_srq_sge);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ibv_srq_init_attr init = { .attr = bad[i] };
		struct ibv_srq *srq = ibv_create_srq(ep_dev(1)->pd, &init);

		t_check(!srq && errno == EINVAL, "%u work requests of %u entries: got %s",
			bad[i].max_wr, bad[i].max_sge, srq ? "a queue" : t_errname(errno));
	}
}

/* Work requests that are posted stay, in order, through every change of size. */
static void resized(const struct t_case *c)
{
	static const uint32_t size[] = { 200, 70, 129, 64, 300, 65 };
	struct shared s;

	(void)c;
	shared_open(&s, 80, 400);
	for (int i = 0; i < 40; i++)
		post_slot(&s);
	for (size_t n = 0; n < sizeof(size) / sizeof(size[0]); n++) {
		t_where("resize to %u", size[n]);
		for (int i = 0; i < 13; i++)
			take(&s, i % QPS);
		t_zero(resize(s.srq, size[n]));
		t_check(query(s.srq).max_wr >= size[n], "max_wr is %u, expected %u at least",
			query(s.srq).max_wr, size[n]);
		while (s.posted - s.taken < 60)
			post_slot(&s);
	}
	while (s.taken < s.posted)
		take(&s, s.taken % QPS);
	shared_close(&s);
}

static int resize_to_limit(struct ibv_srq *srq, uint32_t wr, uint32_t limit)
{
	return ibv_modify_srq(srq, &(struct ibv_srq_attr){ .max_wr = wr, .srq_limit = limit },
			      IBV_SRQ_MAX_WR | IBV_SRQ_LIMIT);
}

/* Size and limit in one call: both, or nothing, and then the queue goes on as it was. */
static void resized_to_limit(const struct t_case *c)
{
	uint32_t size;
	struct shared s;
	int rc;

	(void)c;
	shared_open(&s, 80, 80);
	post_slot(&s);
	size = query(s.srq).max_wr;
	rc = resize_to_limit(s.srq, 300, 1000);
	t_check(rc == EINVAL, "a limit above the new size: got %s", t_errname(rc));
	t_check(query(s.srq).max_wr == size, "max_wr is %u after that, expected %u",
		query(s.srq).max_wr, size);
	post_slot(&s);
	take(&s, 0);
	take(&s, 1);
	t_zero(set_limit(s.srq, 70));
	t_zero(resize_to_limit(s.srq, 20, 1));
	t_check(query(s.srq).srq_limit == 1, "limit is %u, expected 1", query(s.srq).srq_limit);
	post_slot(&s);
	take(&s, 0);
	event_want(ep_dev(1)->ctx, IBV_EVENT_SRQ_LIMIT_REACHED, s.srq);
	shared_close(&s);
}

/* A peer that sends while the queue is resized. */
struct sender {
	struct shared *s;
	int messages;
};

static void *send_all(void *arg)
{
	struct sender *w = arg;
	struct shared *s = w->s;

	for (int n = 0; n < w->messages; n++) {
		size_t off = n % s->slots * ROOM;
		struct ibv_sge sge = buf_sge(&s->out, off, message_len(n));
		struct op op = { .code = IBV_WR_SEND, .sge = &sge, .nsge = 1, .id = n };

		ep_post(&s->p[0].a, &op);
		cq_want(s->p[0].a.scq, IBV_WC_SUCCESS, n, "SEND");
	}
	return NULL;
}

static void resized_under_traffic(const struct t_case *c)
{
	struct sender w = { .messages = 3000 };
	struct shared s;
	pthread_t thread;
	struct ibv_wc wc;
	int sizes = 0;

	(void)c;
	shared_open(&s, 100, 90);
	for (int i = 0; i < 60; i++)
		post_slot(&s);
	w.s = &s;
	t_zero(pthread_create(&thread, NULL, send_all, &w));
	while (s.taken < (uint64_t)w.messages) {
		size_t off = s.taken % s.slots * ROOM;

		if (ibv_poll_cq(s.p[0].b.rcq, 1, &wc) == 1) {
			t_where("message %lu", s.taken);
			wc_want(&wc, IBV_WC_SUCCESS, "receive");
			t_check(wc.wr_id == s.taken, "receive: wr_id %lu", wc.wr_id);
			buf_range(&s.in, off, message_len(s.taken), s.out.seed, off, "receive");
			s.taken++;
			post_slot(&s);
		} else {
			t_zero(resize(s.srq, 80 + sizes++ * 37 % 200));
		}
	}
	t_zero(pthread_join(thread, NULL));
	t_check(sizes > 20, "resized %d times only", sizes);
	t_note("resized %d times", sizes);
	shared_close(&s);
}

/* Nothing posted: the sender is told to wait, and goes on when there is something. */
static void empty(const struct t_case *c)
{
	struct op op = { .code = IBV_WR_SEND, .id = 4 };
	struct shared s;

	(void)c;
	shared_open(&s, 8, 8);
	ep_post(&s.p[1].a, &op);
	cq_none(s.p[1].a.scq, 60, "a SEND that nothing is posted for");
	post_slot(&s);
	cq_want(s.p[1].a.scq, IBV_WC_SUCCESS, 4, "SEND");
	cq_want(s.p[1].b.rcq, IBV_WC_SUCCESS, 0, "receive");
	shared_close(&s);
}

/* A QP in error leaves what is posted to the others, and says when it takes no more. */
static void last_wqe(const struct t_case *c)
{
	struct ibv_context *ctx = ep_dev(1)->ctx;
	struct shared s;

	(void)c;
	shared_open(&s, 20, 20);
	for (int i = 0; i < 10; i++)
		post_slot(&s);
	take(&s, 3);
	ep_to(&s.p[3].b, IBV_QPS_ERR);
	event_want(ctx, IBV_EVENT_QP_LAST_WQE_REACHED, s.p[3].b.qp);
	cq_none(s.p[3].b.rcq, 100, "a flushed receive of a shared queue");
	for (int i = 0; i < 9; i++)
		take(&s, i % 3);
	ep_to(&s.p[2].b, IBV_QPS_RESET);
	post_slot(&s);
	take(&s, 1);
	event_none(ctx, 50);
	shared_close(&s);
}

/* Receives are looked up in the queue's protection domain, not in the QP's. */
static void other_pd(const struct t_case *c)
{
	struct ibv_pd *pd = ibv_alloc_pd(ep_dev(1)->ctx);
	struct op op = { .code = IBV_WR_SEND, .nsge = 1, .id = 1 };
	struct buf out, in, wrong;
	struct ibv_srq *srq;
	struct ibv_sge sge;
	struct ep_dev dev;
	struct ep_pair p;

	(void)c;
	t_check(pd, "ibv_alloc_pd: %s", strerror(errno));
	srq = make_srq(pd, 10, 1);
	pair_open(&p, srq, IBV_QPT_RC);
	dev = *p.b.dev;
	dev.pd = pd;
	buf_open(&out, p.a.dev, 600, 5, 0);
	buf_open(&in, &dev, 700, 9, IBV_ACCESS_LOCAL_WRITE);
	buf_open(&wrong, p.b.dev, 700, 9, IBV_ACCESS_LOCAL_WRITE);
	sge = buf_sge(&in, 50, 600);
	t_zero(post_try(srq, &sge, 1, 7));
	sge = buf_sge(&wrong, 50, 600);
	t_zero(post_try(srq, &sge, 1, 8));
	sge = buf_sge(&out, 0, 600);
	op.sge = &sge;
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_SUCCESS, 1, "SEND");
	cq_want(p.b.rcq, IBV_WC_SUCCESS, 7, "receive in the queue's domain");
	buf_expect(&in, 50, 600, out.seed, 0, "receive");
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_REM_OP_ERR, 1, "SEND to a receive of another domain");
	cq_want(p.b.rcq, IBV_WC_LOC_PROT_ERR, 8, "receive in another domain");
	buf_same(&wrong, "memory of another domain");
	ep_pair_close(&p);
	buf_close(&in);
	t_zero(ibv_destroy_srq(srq));
	t_zero(ibv_dealloc_pd(pd));
}

/* @c->arg: the service. @c->arg2: bytes in front of each message. */
static void unreliable(const struct t_case *c)
{
	struct ibv_srq *srq = make_srq(ep_dev(1)->pd, 20, 1);
	struct op op = { .code = IBV_WR_SEND, .nsge = 1 };
	struct ibv_sge sge;
	struct buf in, out;
	struct ep_pair p;

	pair_open(&p, srq, c->arg);
	buf_open(&in, p.b.dev, 10 * 600, 77, IBV_ACCESS_LOCAL_WRITE);
	buf_open(&out, p.a.dev, 10 * 600, 3, 0);
	op.ah = ep_make_ah(p.a.dev, p.a.dev->pd, &p.b.dev->gid);
	op.qpn = p.b.qp->qp_num;
	op.qkey = p.b.cfg.qkey;
	op.sge = &sge;
	for (int i = 0; i < 10; i++) {
		sge = buf_sge(&in, i * 600, 600);
		t_zero(post_try(srq, &sge, 1, i));
	}
	for (int i = 0; i < 10; i++) {
		sge = buf_sge(&out, i * 600, 501 - i);
		op.id = i;
		ep_post(&p.a, &op);
		cq_want(p.a.scq, IBV_WC_SUCCESS, i, "SEND");
		cq_want(p.b.rcq, IBV_WC_SUCCESS, i, "receive");
		buf_range(&in, i * 600 + c->arg2, 501 - i, out.seed, i * 600, "receive");
	}
	t_zero(ibv_destroy_ah(op.ah));
	ep_pair_close(&p);
	t_zero(ibv_destroy_srq(srq));
}

const struct t_case cases_srq[] = {
	{ "srq.in_order", in_order, 0, 0, 0 },
	{ "srq.limit", limit, 0, 0, 0 },
	{ "srq.sizes", sizes, 0, 0, 0 },
	{ "srq.refused", refused, 0, 0, 0 },
	{ "srq.resized", resized, 0, 0, 0 },
	{ "srq.resized_to_limit", resized_to_limit, 0, 0, 0 },
	{ "srq.resized_under_traffic", resized_under_traffic, 0, 0, 60 },
	{ "srq.empty", empty, 0, 0, 0 },
	{ "srq.last_wqe", last_wqe, 0, 0, 0 },
	{ "srq.other_pd", other_pd, 0, 0, 0 },
	{ "srq.datagrams", unreliable, IBV_QPT_UD, 40, 0 },
	{ "srq.unreliable", unreliable, IBV_QPT_UC, 0, 0 },
	{ }
};
