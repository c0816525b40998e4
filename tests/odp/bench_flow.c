// SPDX-License-Identifier: GPL-2.0
/*
 * Flows: work requests posted one by one, as a program does that has nothing to batch, and their
 * completions. Every one is signaled and must succeed.
 *
 * While a completion is awaited, the program yields the CPU in a loop, or with a completion channel
 * sleeps: then CPU time is what the transfer took, whoever worked for it.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "bench.h"

void flow_pair(struct ep_pair *p, bool asleep)
{
	struct ep_cfg cfg = ep_rc();

	cfg.send_wr = FLOW_WINDOW;
	cfg.rd_atomic = FLOW_WINDOW;
	if (cfg.rd_atomic > ep_dev(0)->attr.max_qp_rd_atom)
		cfg.rd_atomic = ep_dev(0)->attr.max_qp_rd_atom;
	cfg.events = asleep;
	ep_pair_open(p, &cfg);
}

static void post(struct ep *e, const struct flow *f, size_t i)
{
	size_t step = i * f->len, from = step % f->local->len;
	size_t to = f->at ? f->at[i] : step % f->remote->len;
	struct ibv_sge sge = { (uintptr_t)f->local->p + from, f->len, f->local->mr->lkey };
	struct ibv_send_wr wr = {
		.wr_id = i, .sg_list = &sge, .num_sge = 1, .opcode = f->code,
		.send_flags = IBV_SEND_SIGNALED,
		.wr.rdma = { (uintptr_t)f->remote->p + to, f->remote->mr->rkey },
	}, *bad;
	int rc = ibv_post_send(e->qp, &wr, &bad);

	t_check(!rc, "ibv_post_send, number %zu: %s", i, t_errname(rc));
}

static void sleep_until_event(struct ep *e)
{
	struct ibv_cq *cq;
	void *context;

	t_check(!ibv_get_cq_event(e->chan, &cq, &context), "ibv_get_cq_event: %s",
		strerror(errno));
	ibv_ack_cq_events(cq, 1);
}

/* The next completion. A CQ is armed first and polled once more before the program may sleep. */
static void take(struct ep *e)
{
	bool armed = false;
	struct ibv_wc wc;
	int n;

	while (!(n = ibv_poll_cq(e->scq, 1, &wc))) {
		if (!e->chan) {
			sched_yield();
		} else if (armed) {
			sleep_until_event(e);
			armed = false;
		} else {
			t_zero(ibv_req_notify_cq(e->scq, 0));
			armed = true;
		}
	}
	t_check(n == 1, "ibv_poll_cq: got %d", n);
	t_check(wc.status == IBV_WC_SUCCESS, "work request %lu: got \"%s\" (vendor %#x)", wc.wr_id,
		ibv_wc_status_str(wc.status), wc.vendor_err);
}

double flow_run(struct ep_pair *p, const struct flow *f)
{
	double start = t_now();
	size_t i, taken = 0;

	t_wait("%zu x %s of %zu bytes", f->count, op_name(f->code), f->len);
	for (i = 0; i < f->count; i++) {
		if (i - taken == f->window) {
			take(&p->a);
			taken++;
		}
		post(&p->a, f, i);
	}
	for (; taken < f->count; taken++)
		take(&p->a);
	return t_now() - start;
}
