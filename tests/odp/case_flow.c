// SPDX-License-Identifier: GPL-2.0
/*
 * flow.*: what a slow page fault does to connections. It is a wait and no error: no RNR NAK is
 * sent, nothing that arrives meanwhile is lost, other connections go on, order is kept, and many
 * that wait for one page make one fault.
 *
 * Slow pages come from a userfaultfd handler that sleeps first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "kit.h"
#include "place.h"
#include "uffd.h"

enum { PAGES = 8, ID = 0xf10 };

/* Slow memory at the responder (or the requester), ordinary memory at the other end. */
struct flow {
	struct ep_pair p;
	struct mem slow;
	struct buf pin;
	struct uffd u;
};

static void flow_open(struct flow *f, const struct ep_cfg *cfg, int side, double delay)
{
	odp_needed();
	ep_pair_open(&f->p, cfg);
	mem_holes(&f->slow, PLACE_ANON, PAGES * odp_page(), 0);
	uffd_open(&f->u, &f->slow, delay);
	mem_reg(&f->slow, side ? f->p.b.dev : f->p.a.dev, RIGHTS_ALL);
	buf_open(&f->pin, side ? f->p.a.dev : f->p.b.dev, PAGES * odp_page(), 0, RIGHTS_ALL);
}

static void post(struct ep *e, enum ibv_wr_opcode code, struct ibv_sge local,
		 const struct buf *remote, size_t roff, uint64_t id)
{
	struct op op = { .code = code, .sge = &local, .nsge = 1, .id = id, .add = 5,
			 .raddr = (uintptr_t)remote->p + roff, .rkey = remote->mr->rkey };

	ep_post(e, &op);
}

/* One timeout is 67 or 537 ms; and what is several times as long. */
static unsigned int short_timeout(void)
{
	return t_opts.slow > 1 ? 17 : 14;
}

static double longer_than_that(void)
{
	return t_opts.slow > 1 ? 3.2 : 0.4;
}

/*
 * A fault of several times the requester's timeout, which its retries outlast: the transfer
 * succeeds, and no RNR NAK is counted on either side.
 */
static void longer(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	uint64_t rnr[2], retries;
	size_t len = c->arg == IBV_WR_ATOMIC_FETCH_AND_ADD ? 8 : 3001;
	struct flow f;

	cfg.timeout = short_timeout();
	cfg.mtu = 1024;
	flow_open(&f, &cfg, 1, longer_than_that());
	rnr[0] = ep_counter(ep_dev(1), "send_rnr_err");
	rnr[1] = ep_counter(ep_dev(0), "rcvd_rnr_err");
	retries = ep_counter(ep_dev(0), "retry_count");
	if (op_takes_recv(c->arg)) {
		struct ibv_sge at = buf_sge(&f.slow.b, 16, len);

		ep_recv(&f.p.b, &at, 1, ID);
	}
	post(&f.p.a, c->arg, buf_sge(&f.pin, 16, len), &f.slow.b, 16, ID);
	cq_want(f.p.a.scq, IBV_WC_SUCCESS, ID, "operation on a slow page");
	if (op_takes_recv(c->arg))
		cq_want(f.p.b.rcq, IBV_WC_SUCCESS, ID, "receive into a slow page");
	f.u.delay = 0;
	if (c->arg == IBV_WR_RDMA_READ) {
		buf_expect(&f.pin, 16, len, f.slow.b.seed, 16, "what was READ from slow pages");
	} else if (len == 8) {
		uint64_t want, got;

		pattern_fill(&want, 8, f.slow.b.seed, 16);
		memcpy(&got, f.slow.b.p + 16, 8);
		t_check(got == want + 5, "FETCH_ADD: got %#lx, expected %#lx", got, want + 5);
	} else {
		buf_expect(&f.slow.b, 16, len, f.pin.seed, 16, "what slow pages hold");
	}
	t_check(ep_counter(ep_dev(1), "send_rnr_err") == rnr[0] &&
		ep_counter(ep_dev(0), "rcvd_rnr_err") == rnr[1],
		"a page fault was answered by RNR NAK");
	t_check(ep_counter(ep_dev(0), "retry_count") > retries, "the fault was not that long");
	uffd_close(&f.u);
}

/*
 * The requester's own page takes several times its timeout. Nothing was sent, or the answer is
 * there: the time is ours, and a requester that may not retry at all must not give up.
 */
static void own(const struct t_case *c)
{
	size_t len = c->arg == IBV_WR_ATOMIC_FETCH_AND_ADD ? 8 : 3001, at = 16;
	struct ep_cfg cfg = ep_rc();
	uint64_t before[2];
	struct ibv_sge rsge;
	struct flow f;

	cfg.timeout = short_timeout();
	cfg.retry_cnt = 0;
	cfg.mtu = 1024;
	flow_open(&f, &cfg, 0, longer_than_that());
	before[0] = ep_counter(ep_dev(0), "retry_count");
	before[1] = ep_counter(ep_dev(0), "ack_timeout");
	rsge = buf_sge(&f.pin, at, len);
	if (op_takes_recv(c->arg))
		ep_recv(&f.p.b, &rsge, 1, ID);
	post(&f.p.a, c->arg, buf_sge(&f.slow.b, at, len), &f.pin, at, ID);
	cq_want(f.p.a.scq, IBV_WC_SUCCESS, ID, "operation with a slow page of one's own");
	f.u.delay = 0;
	/* Told before the page comes; it is counted as one that came a moment after. */
	t_check(__atomic_load_n(&f.u.messages, __ATOMIC_RELAXED), "it did not take the slow page");
	if (c->arg == IBV_WR_SEND || c->arg == IBV_WR_RDMA_WRITE)
		buf_expect(&f.pin, at, len, f.slow.b.seed, at, "what came from slow pages");
	else
		buf_expect(&f.slow.b, at, len, f.pin.seed, at, "what came into slow pages");
	t_check(ep_counter(ep_dev(0), "retry_count") == before[0] &&
		ep_counter(ep_dev(0), "ack_timeout") == before[1],
		"the requester's own page was counted as the peer's silence");
	uffd_close(&f.u);
}

/* For a requester that may not retry: 2000 bytes up to a page's end are there, what follows not. */
static size_t midst_open(struct flow *f, unsigned int timeout)
{
	struct ep_cfg cfg = ep_rc();
	size_t off = odp_page() - 2000;

	cfg.timeout = timeout;
	cfg.mtu = 1024;
	cfg.retry_cnt = 0;
	flow_open(f, &cfg, 0, 0);
	buf_range(&f->slow.b, off, 2000, f->slow.b.seed, off, "the page that is there");
	return off;
}

/*
 * A message stops in its midst, as its next page is slow. What has been sent of it needs no answer
 * yet, so the time is ours, and a requester that may not retry at all must not give up.
 */
static void midst(const struct t_case *c)
{
	size_t len = 4001, off;
	struct ibv_sge at;
	struct flow f;

	/* One timeout is all that the answer has at the end. */
	off = midst_open(&f, short_timeout());
	f.u.delay = longer_than_that();
	at = buf_sge(&f.pin, 16, len);
	if (op_takes_recv(c->arg))
		ep_recv(&f.p.b, &at, 1, ID);
	post(&f.p.a, c->arg, buf_sge(&f.slow.b, off, len), &f.pin, 16, ID);
	cq_want(f.p.a.scq, IBV_WC_SUCCESS, ID, "a message with a slow page in its midst");
	f.u.delay = 0;
	buf_expect(&f.pin, 16, len, f.slow.b.seed, off, "what has arrived");
	uffd_close(&f.u);
}

/*
 * A page of the requester's takes most of a timeout, and then one of the responder's more than what
 * is left of it. The peer has a whole timeout for its answer, whatever we took ourselves: nothing
 * was lost, and a requester that may not retry must not give up.
 */
static void both(const struct t_case *c)
{
	size_t len = 4001, off;
	struct uffd u;
	struct flow f;
	struct mem m;

	/* One timeout is 0.54 or 4.3 s. */
	off = midst_open(&f, t_opts.slow > 1 ? 20 : 17);
	mem_holes(&m, PLACE_ANON, PAGES * odp_page(), 0);
	uffd_open(&u, &m, 0);
	mem_reg(&m, f.p.b.dev, RIGHTS_ALL);
	buf_range(&m.b, off, 2000, m.b.seed, off, "the page that is there");
	f.u.delay = t_opts.slow > 1 ? 3.8 : 0.46;
	u.delay = t_opts.slow > 1 ? 1.2 : 0.15;
	post(&f.p.a, c->arg, buf_sge(&f.slow.b, off, len), &m.b, off, ID);
	cq_want(f.p.a.scq, IBV_WC_SUCCESS, ID, "a message with a slow page at either end");
	f.u.delay = 0;
	u.delay = 0;
	buf_expect(&m.b, off, len, f.slow.b.seed, off, "what has arrived");
	uffd_close(&u);
	uffd_close(&f.u);
}

/*
 * A message waits for a page of its own, and the one before it is lost for good: that is found out
 * in its time, however long the page takes.
 */
static void behind(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct buf ready;
	struct flow f;

	cfg.timeout = 14;
	cfg.retry_cnt = 1;
	flow_open(&f, &cfg, 0, t_seconds(10));
	buf_open(&ready, f.p.a.dev, 5000, 3, RIGHTS_ALL);
	t_zero(ibv_destroy_qp(f.p.b.qp));
	f.p.b.qp = NULL;
	post(&f.p.a, IBV_WR_RDMA_WRITE, buf_sge(&ready, 1, 777), &f.pin, 0, 1);
	post(&f.p.a, c->arg, buf_sge(&f.slow.b, 0, 999), &f.pin, 1000, 2);
	cq_want(f.p.a.scq, IBV_WC_RETRY_EXC_ERR, 1, "WRITE to nobody");
	t_check(!__atomic_load_n(&f.u.pages, __ATOMIC_RELAXED), "it took as long as the page");
	cq_want(f.p.a.scq, IBV_WC_WR_FLUSH_ERR, 2, "a message behind it with a slow page");
	f.u.delay = 0;
	buf_same(&f.pin, "memory of nobody");
	uffd_close(&f.u);
}

static const char *const loss[] = {
	"retry_count", "ack_timeout", "duplicate_request", "out_of_seq_request", "rcvd_seq_err",
	"drop_backlog", "send_rnr_err",
};

enum { N_LOSS = sizeof(loss) / sizeof(loss[0]), MESSAGES = 16 };

static void read_loss(uint64_t *sum)
{
	for (int i = 0; i < N_LOSS; i++)
		sum[i] = ep_counter(ep_dev(0), loss[i]) + ep_counter(ep_dev(1), loss[i]);
}

/* A queue full of messages arrives behind one that faults: none is asked for or sent twice. */
static void kept(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	uint64_t before[N_LOSS], after[N_LOSS];
	struct flow f;
	size_t page = odp_page();

	cfg.timeout = 19;
	cfg.send_wr = cfg.recv_wr = MESSAGES;
	flow_open(&f, &cfg, 1, c->arg / 1000.0);
	read_loss(before);
	for (int i = 0; i < MESSAGES; i++)
		post(&f.p.a, IBV_WR_RDMA_WRITE, buf_sge(&f.pin, i * page / 2, page / 2),
		     &f.slow.b, i * page / 2, i);
	for (int i = 0; i < MESSAGES; i++)
		cq_want(f.p.a.scq, IBV_WC_SUCCESS, i, "WRITE behind a fault");
	read_loss(after);
	f.u.delay = 0;
	buf_expect(&f.slow.b, 0, PAGES * page, f.pin.seed, 0, "what was written");
	for (int i = 0; i < N_LOSS; i++)
		t_check(after[i] == before[i], "%s went up by %lu", loss[i],
			after[i] - before[i]);
	uffd_close(&f.u);
}

#define BACKLOG "/sys/module/rdma_rxe/parameters/backlog_kib"

/*
 * What QPs keep while they wait for a page is bounded for the host: with little memory for it most
 * of what comes behind the fault is lost, which is counted, and asked for again.
 */
static void crowded(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	size_t len = (PAGES - 1) * odp_page();
	uint64_t before, lost;
	long most = file_number(BACKLOG, NULL);
	char text[32];
	struct flow f;

	(void)c;
	t_check(most > 0, "%s: got %ld", BACKLOG, most);
	cfg.mtu = 1024;
	cfg.timeout = 14;
	cfg.send_wr = MESSAGES;
	flow_open(&f, &cfg, 1, 0.2);
	before = ep_counter(f.p.b.dev, "drop_backlog");
	file_need(BACKLOG, "64");
	for (int i = 0; i < MESSAGES; i++)
		post(&f.p.a, IBV_WR_RDMA_WRITE, buf_sge(&f.pin, i, len), &f.slow.b, 5 + i, i);
	usleep(100000);
	lost = ep_counter(f.p.b.dev, "drop_backlog") - before;
	snprintf(text, sizeof(text), "%ld", most);
	file_need(BACKLOG, text);
	t_check(lost, "%zu bytes were kept in 64 KiB", MESSAGES * len);
	for (int i = 0; i < MESSAGES; i++)
		cq_want(f.p.a.scq, IBV_WC_SUCCESS, i, "WRITE behind a slow page");
	f.u.delay = 0;
	t_note("%lu packets were lost", lost);
	buf_expect(&f.slow.b, 5, MESSAGES - 1 + len, f.pin.seed, 0, "what was written");
	uffd_close(&f.u);
}

/*
 * What a QP has kept for when its page comes is lost with the connection, and counted: the packet
 * that waits, and those behind it. @c->arg: reset, and not destroyed.
 */
static void dropped(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	uint64_t before, lost;
	struct flow f;

	cfg.timeout = 19;
	cfg.send_wr = MESSAGES;
	flow_open(&f, &cfg, 1, t_seconds(0.3));
	before = ep_counter(f.p.b.dev, "drop_qp_state");
	for (int i = 0; i < MESSAGES; i++)
		post(&f.p.a, IBV_WR_RDMA_WRITE, buf_sge(&f.pin, 9 * i, 9), &f.slow.b, 9 * i, i);
	usleep(100000);
	if (c->arg) {
		ep_to(&f.p.b, IBV_QPS_RESET);
	} else {
		t_zero(ibv_destroy_qp(f.p.b.qp));
		f.p.b.qp = NULL;
	}
	lost = ep_counter(f.p.b.dev, "drop_qp_state") - before;
	t_check(lost == MESSAGES, "drop_qp_state rose by %lu, expected %d", lost, MESSAGES);
	f.u.delay = 0;
	buf_same(&f.slow.b, "memory that nothing was written to");
	uffd_close(&f.u);
}

enum { MANY = 16 };

/* Many QPs write to one page that is not there: one fault, all data right. */
static void one_page(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p[MANY];
	struct mr_stats before, after;
	struct flow f;

	(void)c;
	pages_stay();
	cfg.timeout = 19;
	for (int i = 0; i < MANY; i++)
		ep_pair_open(&p[i], &cfg);
	flow_open(&f, &cfg, 1, 0.2);
	before = mr_stats(f.p.b.dev, f.slow.b.mr);
	for (int i = 0; i < MANY; i++)
		post(&p[i].a, IBV_WR_RDMA_WRITE, buf_sge(&f.pin, 200 * i, 199), &f.slow.b,
		     200 * i, i);
	for (int i = 0; i < MANY; i++)
		cq_want(p[i].a.scq, IBV_WC_SUCCESS, i, "WRITE to a page that others wait for");
	f.u.delay = 0;
	for (int i = 0; i < MANY; i++) {
		t_where("QP %d", i);
		buf_range(&f.slow.b, 200 * i, 199, f.pin.seed, 200 * i, "what was written");
		buf_range(&f.slow.b, 200 * i + 199, 1, f.slow.b.seed, 200 * i + 199, "between");
	}
	t_where("%s", "");
	after = mr_stats(f.p.b.dev, f.slow.b.mr);
	t_check(f.u.messages == 1, "the kernel asked %u times for one page", f.u.messages);
	t_check(after.faults - before.faults == 1, "page_faults went up by %lu, expected 1",
		after.faults - before.faults);
	uffd_close(&f.u);
}

/* While one QP waits, at either end, another one on the same device works. */
static void others(const struct t_case *c)
{
	double delay = t_seconds(1);
	struct ep_cfg cfg = ep_rc();
	struct buf src, dst;
	struct ep_pair p;
	struct flow f;

	cfg.timeout = 20;
	ep_pair_open(&p, &cfg);
	buf_open(&src, p.a.dev, 20000, 3, RIGHTS_ALL);
	buf_open(&dst, p.b.dev, 20000, 5, RIGHTS_ALL);
	flow_open(&f, &cfg, c->arg, delay);
	if (c->arg)
		post(&f.p.a, IBV_WR_RDMA_WRITE, buf_sge(&f.pin, 0, 100), &f.slow.b, 0, ID);
	else
		post(&f.p.a, IBV_WR_RDMA_WRITE, buf_sge(&f.slow.b, 0, 100), &f.pin, 0, ID);
	for (int i = 0; i < 20; i++) {
		struct xfer x = { IBV_WR_RDMA_WRITE, &src, &dst, 7, 9, 10001, 0 };

		buf_refill(&src);
		buf_refill(&dst);
		xfer_run(&p, &x);
	}
	t_check(!__atomic_load_n(&f.u.pages, __ATOMIC_RELAXED),
		"20 WRITEs of another QP took longer than a fault of %.0f s", delay);
	cq_want(f.p.a.scq, IBV_WC_SUCCESS, ID, "WRITE with a slow page");
	f.u.delay = 0;
	if (c->arg)
		buf_expect(&f.slow.b, 0, 100, f.pin.seed, 0, "slow page");
	else
		buf_expect(&f.pin, 0, 100, f.slow.b.seed, 0, "data from the slow page");
	uffd_close(&f.u);
}

/* A SEND behind a WRITE that faults is not delivered before the WRITE's data are there. */
static void order(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct buf note, at;
	struct ibv_sge rsge;
	struct flow f;

	cfg.timeout = 19;
	flow_open(&f, &cfg, c->arg, 0.3);
	buf_open(&note, f.p.a.dev, 500, 3, RIGHTS_ALL);
	buf_open(&at, f.p.b.dev, 500, 5, RIGHTS_ALL);
	rsge = buf_sge(&at, 0, 500);
	ep_recv(&f.p.b, &rsge, 1, 2);
	if (c->arg)
		post(&f.p.a, IBV_WR_RDMA_WRITE, buf_sge(&f.pin, 0, 9000), &f.slow.b, 0, 1);
	else
		post(&f.p.a, IBV_WR_RDMA_WRITE, buf_sge(&f.slow.b, 0, 9000), &f.pin, 0, 1);
	post(&f.p.a, IBV_WR_SEND, buf_sge(&note, 0, 500), &at, 0, 2);
	cq_want(f.p.b.rcq, IBV_WC_SUCCESS, 2, "SEND behind a slow WRITE");
	f.u.delay = 0;
	if (c->arg)
		buf_expect(&f.slow.b, 0, 9000, f.pin.seed, 0, "the WRITE's data at the SEND");
	else
		buf_expect(&f.pin, 0, 9000, f.slow.b.seed, 0, "the WRITE's data at the SEND");
	buf_expect(&at, 0, 500, note.seed, 0, "the SEND");
	cq_want(f.p.a.scq, IBV_WC_SUCCESS, 1, "WRITE");
	cq_want(f.p.a.scq, IBV_WC_SUCCESS, 2, "SEND");
	uffd_close(&f.u);
}

/* A QP that waits for a page can be destroyed, with its region, and can be reset. */
static void destroy(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct flow f;

	for (int i = 0; i < 4; i++) {
		int side = i & 1;

		t_where("slow page at the %s, %s", side ? "responder" : "requester",
			i < 2 ? "destroy" : "reset");
		flow_open(&f, &cfg, side, c->arg / 1000.0);
		if (side)
			post(&f.p.a, IBV_WR_RDMA_WRITE, buf_sge(&f.pin, 0, 9000), &f.slow.b, 0, 1);
		else
			post(&f.p.a, IBV_WR_RDMA_WRITE, buf_sge(&f.slow.b, 0, 9000), &f.pin, 0, 1);
		usleep(20000);
		if (i < 2) {
			ep_pair_close(&f.p);
			t_wait("dereg of slow memory");
			t_zero(ibv_dereg_mr(f.slow.b.mr));
		} else {
			ep_pair_again(&f.p);
			pair_proves(&f.p);
		}
		f.u.delay = 0;
		buf_same(&f.slow.b, "slow memory seen by the CPU");
		uffd_close(&f.u);
	}
}

const struct t_case cases_flow[] = {
	{ "flow.longer.write", longer, IBV_WR_RDMA_WRITE, 0, 0 },
	{ "flow.longer.read", longer, IBV_WR_RDMA_READ, 0, 0 },
	{ "flow.longer.send", longer, IBV_WR_SEND, 0, 0 },
	{ "flow.longer.fetch_add", longer, IBV_WR_ATOMIC_FETCH_AND_ADD, 0, 0 },
	{ "flow.own.write", own, IBV_WR_RDMA_WRITE, 0, 0 },
	{ "flow.own.read", own, IBV_WR_RDMA_READ, 0, 0 },
	{ "flow.own.send", own, IBV_WR_SEND, 0, 0 },
	{ "flow.own.fetch_add", own, IBV_WR_ATOMIC_FETCH_AND_ADD, 0, 0 },
	{ "flow.midst.write", midst, IBV_WR_RDMA_WRITE, 0, 0 },
	{ "flow.midst.send", midst, IBV_WR_SEND, 0, 0 },
	{ "flow.both.write", both, IBV_WR_RDMA_WRITE, 0, 0 },
	{ "flow.behind.write", behind, IBV_WR_RDMA_WRITE, 0, 0 },
	{ "flow.behind.send", behind, IBV_WR_SEND, 0, 0 },
	{ "flow.kept.short", kept, 5, 0, 0 },
	{ "flow.kept.long", kept, 100, 0, 0 },
	{ "flow.crowded", crowded, 0, 0, 0 },
	{ "flow.dropped.reset", dropped, 1, 0, 0 },
	{ "flow.dropped.destroy", dropped, 0, 0, 0 },
	{ "flow.one_page", one_page, 0, 0, 0 },
	{ "flow.others.responder", others, 1, 0, 0 },
	{ "flow.others.requester", others, 0, 0, 0 },
	{ "flow.order.responder", order, 1, 0, 0 },
	{ "flow.order.requester", order, 0, 0, 0 },
	{ "flow.destroy", destroy, 300, 0, 60 },
	{ }
};
