// SPDX-License-Identifier: GPL-2.0
/*
 * The only writer of qp->state: transitions that a verb asks for, and those that errors force.
 *
 * A verb waits for ownership, so a transition never meets a run half way. An error is found within
 * a run and only sets the state; what follows from it, flushing both queues, is done when the run
 * settles, after every packet of it.
 *
 * A program posts receives without a system call. While its QP is in the error state nobody would
 * notice such a post, so a timer looks now and then, less often the longer nothing comes.
 */
#include <rdma/ib_cache.h>

#include "../base/dev.h"
#include "../base/trace.h"
#include "../wire/psn.h"
#include "comp.h"
#include "qp.h"
#include "req.h"
#include "req_err.h"
#include "resp.h"
#include "retry.h"
#include "rq.h"
#include "run.h"
#include "sq.h"
#include "state.h"
#include "wc.h"

#define FLUSH_DELAY_MIN		msecs_to_jiffies(20)
#define FLUSH_DELAY_MAX		msecs_to_jiffies(1000)
/* Path migration does not exist on RoCE; rates are not kept. */
#define UNSUPPORTED_ATTRS	(IB_QP_ALT_PATH | IB_QP_RATE_LIMIT)

static void wake_requester(struct odp_waiter *waiter)
{
	rxe_run_kick(container_of(waiter, struct rxe_qp, req.wait.odp), RXE_EV_MEMORY);
}

static void wake_responder(struct odp_waiter *waiter)
{
	rxe_run_kick(container_of(waiter, struct rxe_qp, resp.wait.odp), RXE_EV_MEMORY);
}

static void wake_completer(struct odp_waiter *waiter)
{
	rxe_run_kick(container_of(waiter, struct rxe_qp, comp.wait.odp), RXE_EV_MEMORY);
}

void rxe_state_init(struct rxe_qp *qp)
{
	qp->state = IB_QPS_RESET;
	qp->attr.path_mig_state = IB_MIG_MIGRATED;
	qp->flush_delay = FLUSH_DELAY_MIN;
	__skb_queue_head_init(&qp->resp.queue);
	__skb_queue_head_init(&qp->comp.queue);
	rxe_mw_set_init(&qp->windows);
	rxe_mem_wait_init(&qp->req.wait, wake_requester);
	rxe_mem_wait_init(&qp->resp.wait, wake_responder);
	rxe_mem_wait_init(&qp->comp.wait, wake_completer);
	rxe_retry_init(qp);
}

void rxe_state_event(struct rxe_qp *qp, enum ib_event_type type)
{
	struct ib_event event = {
		.device = qp->ib.device,
		.element.qp = &qp->ib,
		.event = type,
	};

	if (qp->ib.event_handler)
		qp->ib.event_handler(&event, qp->ib.qp_context);
}

static void set_state(struct rxe_qp *qp, enum ib_qp_state state)
{
	rxe_assert_owned(qp);
	trace_rxe_qp_state(qp->dev, qp->ib.qp_num, qp->state, state);
	WRITE_ONCE(qp->state, state);
	/* Before the queues are looked at: pairs with post_recv() of verbs/post.c. */
	smp_mb();
}

/* Nothing of the transport goes on; what is posted stays posted. */
static void stop_transport(struct rxe_qp *qp)
{
	timer_delete(&qp->comp.timer);
	rxe_retry_cancel_rnr(qp);
	rxe_req_reset(qp);
	rxe_comp_reset(qp);
	rxe_resp_reset(qp);
}

void rxe_state_error(struct rxe_qp *qp)
{
	if (qp->state == IB_QPS_ERR || qp->state == IB_QPS_RESET)
		return;
	set_state(qp, IB_QPS_ERR);
	qp->attr.sq_draining = 0;
	stop_transport(qp);
	qp->flush_delay = FLUSH_DELAY_MIN;
}

void rxe_state_send_failed(struct rxe_qp *qp, enum rxe_req_err err)
{
	const struct rxe_req_fate *fate = rxe_req_fate(err);

	rxe_qp_count(qp, RXE_STAT_SEND_ERR);
	if (fate->stat)
		rxe_qp_count(qp, fate->stat);
	rxe_wc_send(qp, fate->status);
	if (rxe_qp_is_rc(qp)) {
		rxe_state_error(qp);
	} else {
		set_state(qp, IB_QPS_SQE);
		qp->attr.sq_draining = 0;
		rxe_req_reset(qp);
		/* Nobody acknowledges what was sent of the message. */
		qp->comp.psn = qp->req.limit = qp->req.psn;
	}
}

void rxe_state_heard_peer(struct rxe_qp *qp)
{
	if (qp->comm_est)
		return;
	qp->comm_est = true;
	if (qp->state == IB_QPS_RTR)
		rxe_state_event(qp, IB_EVENT_COMM_EST);
}

/*
 * A program may post as fast as we flush, or set its index at random, so both are paid for like
 * packets. Return: whether anything was flushed.
 */
static bool flush_send(struct rxe_qp *qp, int *quota)
{
	int before = *quota;

	for (; *quota > 0 && rxe_sq_oldest(qp); (*quota)--)
		rxe_wc_send(qp, IB_WC_WR_FLUSH_ERR);
	return *quota != before;
}

static bool flush_recv(struct rxe_qp *qp, int *quota)
{
	struct rxe_resp *resp = &qp->resp;
	int before = *quota;

	/* What waits in a shared queue is for others. */
	for (; *quota > 0 && (resp->has_wqe || (!qp->srq && rxe_rq_take(qp, &resp->wqe)));
	     (*quota)--) {
		struct ib_wc wc = { .status = IB_WC_WR_FLUSH_ERR, .opcode = IB_WC_RECV };

		rxe_wc_recv(qp, &wc, true);
	}
	return *quota != before;
}

/* The QP takes no more from its shared queue (IBA 11.6.3.2). */
static void last_wqe_reached(struct rxe_qp *qp)
{
	if (!qp->srq || qp->last_wqe)
		return;
	qp->last_wqe = true;
	rxe_state_event(qp, IB_EVENT_QP_LAST_WQE_REACHED);
}

static void look_again_later(struct rxe_qp *qp, bool flushed)
{
	if (!qp->is_user || qp->srq)
		return;
	if (flushed)
		qp->flush_delay = FLUSH_DELAY_MIN;
	if (timer_pending(&qp->comp.timer))
		return;
	mod_timer(&qp->comp.timer, jiffies + qp->flush_delay);
	qp->flush_delay = min(2 * qp->flush_delay, FLUSH_DELAY_MAX);
}

/*
 * Receives first, all of them: there are consumers who post a last send, and free what they receive
 * into when it has come back.
 *
 * Return: true when there may be more to flush.
 */
static bool flush_both(struct rxe_qp *qp, int *quota)
{
	bool any = flush_recv(qp, quota);

	any |= flush_send(qp, quota);
	if (*quota <= 0)
		return true;
	last_wqe_reached(qp);
	look_again_later(qp, any);
	return false;
}

static void notice_drained(struct rxe_qp *qp)
{
	const struct rxe_swqe *wqe = rxe_sq_oldest(qp);

	if (!qp->attr.sq_draining || (wqe && wqe->state == RXE_SWQE_SENT))
		return;
	qp->attr.sq_draining = 0;
	if (qp->sqd_notify)
		rxe_state_event(qp, IB_EVENT_SQ_DRAINED);
}

bool rxe_state_settle(struct rxe_qp *qp, int *quota)
{
	rxe_assert_owned(qp);
	switch (qp->state) {
	case IB_QPS_ERR:
		return flush_both(qp, quota);
	case IB_QPS_SQE:
		flush_send(qp, quota);
		return *quota <= 0;
	case IB_QPS_SQD:
		notice_drained(qp);
		return false;
	default:
		return false;
	}
}

static void to_reset(struct rxe_qp *qp)
{
	stop_transport(qp);
	rxe_mw_unbind_all(&qp->windows);
	rxe_sq_discard(qp);
	rxe_rq_discard(qp);
	qp->resp.has_wqe = false;
	qp->resp.msn = 0;
	qp->resp.nak_sent = false;
	qp->comm_est = false;
	qp->last_wqe = false;
	qp->attr.sq_draining = 0;
	qp->has_path = false;
	rxe_path_destroy(&qp->path);
	memset(&qp->path, 0, sizeof(qp->path));
	memset(qp->resp.replay, 0, qp->resp.replay_size * sizeof(*qp->resp.replay));
}

/* RTR: the responder's half is set up. */
static void start_responder(struct rxe_qp *qp)
{
	qp->resp.psn = qp->attr.rq_psn;
	qp->resp.ack_psn = rxe_psn_add(qp->attr.rq_psn, -1);
	qp->resp.nak_sent = false;
}

/* RTS from RTR: the requester's half. */
static void start_requester(struct rxe_qp *qp)
{
	qp->req.psn = qp->attr.sq_psn;
	qp->req.limit = qp->attr.sq_psn;
	qp->comp.psn = qp->attr.sq_psn;
	rxe_req_reset(qp);
	rxe_retry_reset(qp);
}

/*
 * RTS from SQE: what stood behind the request that failed is flushed, not sent (IBA 10.3.1.5). The
 * run that found the failure may have had to stop before the end.
 */
static void flush_failed(struct rxe_qp *qp)
{
	int quota = qp->sq.mask + 1;

	local_bh_disable();
	rcu_read_lock();
	flush_send(qp, &quota);
	rcu_read_unlock();
	local_bh_enable();
}

static void enter(struct rxe_qp *qp, enum ib_qp_state from, enum ib_qp_state to)
{
	switch (to) {
	case IB_QPS_RESET:
		set_state(qp, IB_QPS_RESET);
		to_reset(qp);
		return;
	case IB_QPS_ERR:
		rxe_state_error(qp);
		return;
	case IB_QPS_RTR:
		start_responder(qp);
		break;
	case IB_QPS_RTS:
		qp->attr.sq_draining = 0;
		if (from == IB_QPS_RTR)
			start_requester(qp);
		else if (from == IB_QPS_SQE)
			flush_failed(qp);
		break;
	case IB_QPS_SQD:
		if (from == IB_QPS_RTS)
			qp->attr.sq_draining = 1;
		break;
	default:
		break;
	}
	set_state(qp, to);
}

/* What the transition needs beforehand and may fail. */
struct prepared {
	struct rxe_path path;
	struct rxe_replay *replay;
	u32 replay_size;
};

static int prepare(struct rxe_qp *qp, const struct ib_qp_attr *attr, int mask, struct prepared *p)
{
	u32 peer = mask & IB_QP_DEST_QPN ? attr->dest_qp_num : qp->attr.dest_qp_num;
	int err;

	if ((mask & IB_QP_MAX_DEST_RD_ATOMIC) && attr->max_dest_rd_atomic) {
		p->replay_size = attr->max_dest_rd_atomic;
		p->replay = kcalloc(p->replay_size, sizeof(*p->replay), GFP_KERNEL_ACCOUNT);
		if (!p->replay)
			return -ENOMEM;
	}
	if (!(mask & IB_QP_AV))
		return 0;
	err = rxe_path_init(&p->path, &attr->ah_attr, qp->ib.qp_num ^ peer, GFP_KERNEL);
	/* A group has nobody who would acknowledge. */
	if (!err && rxe_path_is_multicast(&p->path)) {
		rxe_path_destroy(&p->path);
		err = -EINVAL;
	}
	if (err)
		kfree(p->replay);
	return err;
}

/* The latest results that there is room for, oldest first: the peer may still ask for them. */
static void exchange_results(struct rxe_resp *resp, struct prepared *p)
{
	u32 num = min(resp->replay_size, p->replay_size), i;

	for (i = 1; i <= num; i++)
		p->replay[num - i] = resp->replay[(resp->replay_next + resp->replay_size - i) %
						  resp->replay_size];
	swap(resp->replay, p->replay);
	swap(resp->replay_size, p->replay_size);
	resp->replay_next = num < resp->replay_size ? num : 0;
}

/* Take over what was prepared; @p holds what is to be freed afterwards. */
static void exchange(struct rxe_qp *qp, int mask, struct prepared *p)
{
	if (mask & IB_QP_AV) {
		swap(qp->path, p->path);
		qp->has_path = true;
	}
	if (mask & IB_QP_MAX_DEST_RD_ATOMIC)
		exchange_results(&qp->resp, p);
}

static void release(struct prepared *p)
{
	rxe_path_destroy(&p->path);
	kfree(p->replay);
}

static void copy_path_attrs(struct rxe_qp *qp, const struct ib_qp_attr *attr, int mask)
{
	if (mask & IB_QP_AV) {
		qp->attr.ah_attr = attr->ah_attr;
		/* The reference is the core's. */
		qp->attr.ah_attr.grh.sgid_attr = NULL;
	}
	if (mask & IB_QP_DEST_QPN)
		qp->attr.dest_qp_num = attr->dest_qp_num;
	if (mask & IB_QP_PATH_MTU) {
		qp->attr.path_mtu = attr->path_mtu;
		qp->mtu = ib_mtu_enum_to_int(attr->path_mtu);
	}
	if (mask & IB_QP_PKEY_INDEX)
		qp->attr.pkey_index = attr->pkey_index;
	if (mask & IB_QP_PORT)
		qp->attr.port_num = attr->port_num;
}

static void copy_request_attrs(struct rxe_qp *qp, const struct ib_qp_attr *attr, int mask)
{
	if (mask & IB_QP_SQ_PSN)
		qp->attr.sq_psn = attr->sq_psn & RXE_PSN_MASK;
	if (mask & IB_QP_TIMEOUT) {
		qp->attr.timeout = attr->timeout;
		if (qp->state == IB_QPS_SQD)
			rxe_retry_new_timeout(qp);
	}
	if (mask & IB_QP_RETRY_CNT)
		qp->comp.retries = qp->attr.retry_cnt = attr->retry_cnt;
	if (mask & IB_QP_RNR_RETRY)
		qp->comp.rnr_retries = qp->attr.rnr_retry = attr->rnr_retry;
	if (mask & IB_QP_MAX_QP_RD_ATOMIC)
		qp->attr.max_rd_atomic = attr->max_rd_atomic;
	/* For this time of draining, and no other. */
	if ((mask & IB_QP_STATE) && attr->qp_state == IB_QPS_SQD && qp->state == IB_QPS_RTS)
		qp->sqd_notify = (mask & IB_QP_EN_SQD_ASYNC_NOTIFY) && attr->en_sqd_async_notify;
}

static void copy_response_attrs(struct rxe_qp *qp, const struct ib_qp_attr *attr, int mask)
{
	if (mask & IB_QP_ACCESS_FLAGS)
		qp->attr.qp_access_flags = attr->qp_access_flags;
	if (mask & IB_QP_QKEY)
		WRITE_ONCE(qp->attr.qkey, attr->qkey);
	if (mask & IB_QP_RQ_PSN)
		qp->attr.rq_psn = attr->rq_psn & RXE_PSN_MASK;
	if (mask & IB_QP_MIN_RNR_TIMER)
		qp->attr.min_rnr_timer = attr->min_rnr_timer;
	if (mask & IB_QP_MAX_DEST_RD_ATOMIC)
		qp->attr.max_dest_rd_atomic = attr->max_dest_rd_atomic;
}

static bool within(int mask, int bit, u32 value, u32 max)
{
	return !(mask & bit) || value <= max;
}

static int check_values(struct rxe_qp *qp, const struct ib_qp_attr *attr, int mask)
{
	enum ib_mtu max_mtu = rxe_mtu_of_netdev(READ_ONCE(qp->dev->ndev->mtu));
	bool ok;

	if (mask & UNSUPPORTED_ATTRS)
		return -EOPNOTSUPP;
	if ((mask & IB_QP_PATH_MIG_STATE) && attr->path_mig_state != IB_MIG_MIGRATED)
		return -EOPNOTSUPP;
	ok = within(mask, IB_QP_TIMEOUT, attr->timeout, 31) &&
	     within(mask, IB_QP_RETRY_CNT, attr->retry_cnt, 7) &&
	     within(mask, IB_QP_RNR_RETRY, attr->rnr_retry, 7) &&
	     within(mask, IB_QP_MIN_RNR_TIMER, attr->min_rnr_timer, 31) &&
	     within(mask, IB_QP_MAX_QP_RD_ATOMIC, attr->max_rd_atomic, RXE_MAX_RD_ATOMIC) &&
	     within(mask, IB_QP_MAX_DEST_RD_ATOMIC, attr->max_dest_rd_atomic,
		    RXE_MAX_RD_ATOMIC) &&
	     within(mask, IB_QP_PKEY_INDEX, attr->pkey_index, 0) &&
	     within(mask, IB_QP_DEST_QPN, attr->dest_qp_num, RXE_PSN_MASK);
	if ((mask & IB_QP_PORT) && attr->port_num != RXE_PORT)
		ok = false;
	if ((mask & IB_QP_PATH_MTU) && (attr->path_mtu < IB_MTU_256 || attr->path_mtu > max_mtu))
		ok = false;
	return ok ? 0 : -EINVAL;
}

static int check_transition(const struct rxe_qp *qp, const struct ib_qp_attr *attr, int mask)
{
	enum ib_qp_state from = qp->state;
	enum ib_qp_state to = mask & IB_QP_STATE ? attr->qp_state : from;

	/* The device is being removed: programs' QPs were flushed, and stay so. */
	if (READ_ONCE(qp->dev->going) && qp->is_user && to != IB_QPS_ERR && to != IB_QPS_RESET)
		return -ENODEV;
	if ((mask & IB_QP_CUR_STATE) && attr->cur_qp_state != from)
		return -EINVAL;
	if (!ib_modify_qp_is_ok(from, to, qp->ib.qp_type, mask))
		return -EINVAL;
	/* Leaving SQD before it has drained would mix old and new attributes (IBA 10.3.1.6). */
	if (from == IB_QPS_SQD && to == IB_QPS_SQD && qp->attr.sq_draining && (mask & IB_QP_AV))
		return -EINVAL;
	return 0;
}

int rxe_state_modify(struct rxe_qp *qp, const struct ib_qp_attr *attr, int mask)
{
	struct prepared prepared = {};
	enum ib_qp_state from;
	int err;

	lockdep_assert_held(&qp->verbs_lock);
	err = check_values(qp, attr, mask);
	if (!err)
		err = prepare(qp, attr, mask, &prepared);
	if (err)
		return err;

	if (!rxe_run_lock(qp)) {
		release(&prepared);
		return -EINVAL;
	}
	err = check_transition(qp, attr, mask);
	if (!err) {
		from = qp->state;
		exchange(qp, mask, &prepared);
		copy_path_attrs(qp, attr, mask);
		copy_request_attrs(qp, attr, mask);
		copy_response_attrs(qp, attr, mask);
		if (mask & IB_QP_STATE)
			enter(qp, from, attr->qp_state);
	}
	rxe_run_unlock(qp);
	release(&prepared);
	if (!err)
		rxe_run_kick(qp, RXE_EV_SEND);
	return err;
}

void rxe_state_query(struct rxe_qp *qp, struct ib_qp_attr *attr)
{
	lockdep_assert_held(&qp->verbs_lock);
	*attr = (struct ib_qp_attr) {};
	if (!rxe_run_lock(qp))
		return;
	*attr = qp->attr;
	attr->qp_state = qp->state;
	attr->cur_qp_state = qp->state;
	attr->rq_psn = qp->resp.psn;
	attr->sq_psn = qp->req.psn;
	rxe_run_unlock(qp);
}

/*
 * Who may still know the QP, and why that ends: the owner, which is us from here on; the run queue
 * and packets being received, which hold its number's handle and find it dead; timers, which are
 * shut down; buffers in the network stack, which only know the flight account; page faults, whose
 * waiters are taken back.
 */
void rxe_state_destroy(struct rxe_qp *qp)
{
	mutex_lock(&qp->verbs_lock);
	WARN_ON(!rxe_run_lock(qp));
	rxe_run_stop(qp);
	mutex_unlock(&qp->verbs_lock);
	set_state(qp, IB_QPS_RESET);
	rxe_retry_stop(qp);
	stop_transport(qp);
	rxe_mw_unbind_all(&qp->windows);
	if (qp->flight)
		rxe_flight_release(qp->flight);
	rxe_idtab_retire(&qp->dev->qps, qp->handle);
	rxe_path_destroy(&qp->path);
	kfree(qp->resp.replay);
}

/* Kernel consumers are told by the core, and still send while they take leave. */
static void flush_one(struct rxe_qp *qp)
{
	if (!qp->is_user)
		return;
	mutex_lock(&qp->verbs_lock);
	if (rxe_run_lock(qp)) {
		rxe_state_error(qp);
		rxe_run_unlock(qp);
		rxe_run_kick(qp, RXE_EV_SEND);
	}
	mutex_unlock(&qp->verbs_lock);
}

void rxe_qp_flush_all(struct rxe_dev *dev)
{
	struct rxe_handle *handle;
	unsigned long id;

	WRITE_ONCE(dev->going, true);
	xa_for_each(&dev->qps.xa, id, handle) {
		handle = rxe_idtab_get(&dev->qps, id);
		if (!handle)
			continue;
		flush_one(handle->obj);
		rxe_handle_put(handle);
	}
}
