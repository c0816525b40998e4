// SPDX-License-Identifier: GPL-2.0
/*
 * Posting work requests and waiting for what comes of them.
 *
 * Between two empty polls the poller yields, so that a driver which needs a CPU gets one. After a
 * completion it makes one cheap system call: on user-mode Linux a process sees page-table changes
 * made by another CPU only once it has entered the kernel.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "xfer.h"

static const struct {
	enum ibv_wr_opcode code;
	const char *name;
	bool recv;
} ops[] = {
	{ IBV_WR_RDMA_WRITE, "WRITE", false },
	{ IBV_WR_RDMA_WRITE_WITH_IMM, "WRITE_WITH_IMM", true },
	{ IBV_WR_SEND, "SEND", true },
	{ IBV_WR_SEND_WITH_IMM, "SEND_WITH_IMM", true },
	{ IBV_WR_RDMA_READ, "READ", false },
	{ IBV_WR_ATOMIC_CMP_AND_SWP, "CMP_AND_SWP", false },
	{ IBV_WR_ATOMIC_FETCH_AND_ADD, "FETCH_AND_ADD", false },
	{ IBV_WR_LOCAL_INV, "LOCAL_INV", false },
	{ IBV_WR_BIND_MW, "BIND_MW", false },
	{ IBV_WR_SEND_WITH_INV, "SEND_WITH_INV", true },
};

const char *op_name(enum ibv_wr_opcode code)
{
	return code < sizeof(ops) / sizeof(ops[0]) ? ops[code].name : "other";
}

bool op_takes_recv(enum ibv_wr_opcode code)
{
	return code < sizeof(ops) / sizeof(ops[0]) && ops[code].recv;
}

bool op_has_imm(enum ibv_wr_opcode code)
{
	return code == IBV_WR_SEND_WITH_IMM || code == IBV_WR_RDMA_WRITE_WITH_IMM;
}

static void fill_wr(const struct ep *e, const struct op *op, struct ibv_send_wr *wr)
{
	memset(wr, 0, sizeof(*wr));
	wr->wr_id = op->id;
	wr->sg_list = op->sge;
	wr->num_sge = op->nsge;
	wr->opcode = op->code;
	wr->send_flags = op->flags;
	wr->imm_data = htonl(op->imm);
	if (e->cfg.type == IBV_QPT_UD) {
		wr->wr.ud.ah = op->ah;
		wr->wr.ud.remote_qpn = op->qpn;
		wr->wr.ud.remote_qkey = op->qkey;
	} else if (op->code == IBV_WR_ATOMIC_CMP_AND_SWP ||
		   op->code == IBV_WR_ATOMIC_FETCH_AND_ADD) {
		wr->wr.atomic.remote_addr = op->raddr;
		wr->wr.atomic.compare_add = op->add;
		wr->wr.atomic.swap = op->swap;
		wr->wr.atomic.rkey = op->rkey;
	} else if (op->code == IBV_WR_LOCAL_INV || op->code == IBV_WR_SEND_WITH_INV) {
		wr->invalidate_rkey = op->rkey;
	} else if (op->code == IBV_WR_BIND_MW) {
		wr->imm_data = 0;
		wr->bind_mw.mw = op->mw;
		wr->bind_mw.rkey = op->rkey;
		wr->bind_mw.bind_info = op->bind;
	} else {
		wr->wr.rdma.remote_addr = op->raddr;
		wr->wr.rdma.rkey = op->rkey;
	}
}

int ep_post_try(struct ep *e, const struct op *op)
{
	struct ibv_send_wr wr, *bad;

	fill_wr(e, op, &wr);
	t_wait("ibv_post_send of %s", op_name(op->code));
	return ibv_post_send(e->qp, &wr, &bad);
}

void ep_post(struct ep *e, const struct op *op)
{
	struct op o = *op;
	int rc;

	o.flags |= IBV_SEND_SIGNALED;
	rc = ep_post_try(e, &o);
	t_check(!rc, "post %s: got %s, expected success", op_name(op->code), t_errname(rc));
}

int ep_recv_try(struct ep *e, struct ibv_sge *sge, int nsge, uint64_t id)
{
	struct ibv_recv_wr wr = { .wr_id = id, .sg_list = sge, .num_sge = nsge }, *bad;

	return ibv_post_recv(e->qp, &wr, &bad);
}

void ep_recv(struct ep *e, struct ibv_sge *sge, int nsge, uint64_t id)
{
	int rc = ep_recv_try(e, sge, nsge, id);

	t_check(!rc, "post receive: got %s, expected success", t_errname(rc));
}

/* Poll until @end. True when a completion came. */
static bool poll_until(struct ibv_cq *cq, struct ibv_wc *wc, double end, const char *what)
{
	memset(wc, 0, sizeof(*wc));
	for (unsigned int i = 0;; i++) {
		int n = ibv_poll_cq(cq, 1, wc);

		t_check(n >= 0, "ibv_poll_cq for %s: got %d", what, n);
		if (n) {
			getppid();
			return true;
		}
		sched_yield();
		if (i % 256 == 255) {
			if (t_now() > end)
				return false;
			usleep(50);
		}
	}
}

void cq_poll_for(struct ibv_cq *cq, struct ibv_wc *wc, const char *what, double s)
{
	t_wait("completion of %s", what);
	if (!poll_until(cq, wc, t_now() + t_seconds(s), what))
		t_fail("no completion of %s within %.0f s", what, t_seconds(s));
}

void cq_poll(struct ibv_cq *cq, struct ibv_wc *wc, const char *what)
{
	cq_poll_for(cq, wc, what, 10);
}

void wc_want(const struct ibv_wc *wc, enum ibv_wc_status status, const char *what)
{
	t_check(wc->status == status,
		"%s: got \"%s\" (%d, vendor %#x), expected \"%s\" (%d)", what,
		ibv_wc_status_str(wc->status), wc->status, wc->vendor_err,
		ibv_wc_status_str(status), status);
}

void cq_want(struct ibv_cq *cq, enum ibv_wc_status status, uint64_t id, const char *what)
{
	struct ibv_wc wc;

	cq_poll(cq, &wc, what);
	wc_want(&wc, status, what);
	t_check(wc.wr_id == id, "%s: got wr_id %#lx, expected %#lx", what, wc.wr_id, id);
}

void cq_none(struct ibv_cq *cq, int ms, const char *what)
{
	struct ibv_wc wc;

	t_wait("no completion: %s", what);
	if (poll_until(cq, &wc, t_now() + ms / 1000.0, what))
		t_fail("%s: got a completion \"%s\" (wr_id %#lx), expected none", what,
		       ibv_wc_status_str(wc.status), wc.wr_id);
}

/* Wait for an async event. True when one came; it is acknowledged already. */
static bool next_event(struct ibv_context *ctx, int ms, struct ibv_async_event *ev)
{
	struct pollfd pfd = { .fd = ctx->async_fd, .events = POLLIN };

	if (poll(&pfd, 1, ms) <= 0)
		return false;
	t_zero(ibv_get_async_event(ctx, ev));
	ibv_ack_async_event(ev);
	return true;
}

void event_want(struct ibv_context *ctx, enum ibv_event_type type, const void *element)
{
	struct ibv_async_event ev;

	t_wait("async event \"%s\"", ibv_event_type_str(type));
	if (!next_event(ctx, t_seconds(5) * 1000, &ev))
		t_fail("no async event \"%s\" within %.0f s", ibv_event_type_str(type),
		       t_seconds(5));
	t_check(ev.event_type == type, "async event: got \"%s\", expected \"%s\"",
		ibv_event_type_str(ev.event_type), ibv_event_type_str(type));
	t_check(!element || ev.element.qp == element, "async event \"%s\" names another object",
		ibv_event_type_str(type));
}

bool event_gone(struct ibv_context *ctx)
{
	struct ibv_async_event ev;

	while (next_event(ctx, 0, &ev))
		if (ev.event_type == IBV_EVENT_DEVICE_FATAL)
			return true;
	return false;
}

void event_none(struct ibv_context *ctx, int ms)
{
	struct ibv_async_event ev;

	if (next_event(ctx, ms, &ev))
		t_fail("got async event \"%s\", expected none",
		       ibv_event_type_str(ev.event_type));
}
