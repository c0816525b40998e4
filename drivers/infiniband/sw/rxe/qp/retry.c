// SPDX-License-Identifier: GPL-2.0
/*
 * When to send again, and when to give up.
 *
 * The transport timer (IBA 9.7.6.1.3) is lazy: sending and progress move comp.deadline, a plain
 * field; the timer fires at most once per timeout, finds the deadline moved, and goes to sleep
 * again.
 *
 * retry_cnt counts losses without progress in between, whether told by a NAK or found by silence;
 * rnr_retry counts RNR NAKs likewise, 7 being for ever (IBA 9.7.5.2.8).
 */
#include <linux/jiffies.h>

#include "../base/trace.h"
#include "../compat/rxc.h"
#include "../wire/aeth.h"
#include "../wire/psn.h"
#include "comp.h"
#include "qp.h"
#include "req.h"
#include "req_err.h"
#include "retry.h"
#include "run.h"
#include "sq.h"
#include "state.h"

#define RNR_RETRY_FOREVER	7
/* A timeout may be four times what was asked for (IBA 9.7.6.1.3), but programs wait for the end. */
#define MAX_BACKOFF_SHIFT	1
/* A shorter silence is the scheduler's, not the network's. */
#define MIN_TIMEOUT		msecs_to_jiffies(20)

static void timer_fired(struct timer_list *timer)
{
	struct rxe_qp *qp = container_of(timer, struct rxe_qp, comp.timer);

	rxe_run_kick(qp, RXE_EV_TIMER);
}

static enum hrtimer_restart rnr_timer_fired(struct hrtimer *timer)
{
	struct rxe_qp *qp = container_of(timer, struct rxe_qp, comp.rnr_timer);

	rxe_run_kick(qp, RXE_EV_RNR);
	return HRTIMER_NORESTART;
}

void rxe_retry_init(struct rxe_qp *qp)
{
	timer_setup(&qp->comp.timer, timer_fired, 0);
	rxc_hrtimer_setup(&qp->comp.rnr_timer, rnr_timer_fired, HRTIMER_MODE_REL_SOFT);
}

void rxe_retry_stop(struct rxe_qp *qp)
{
	rxe_assert_owned(qp);
	timer_shutdown_sync(&qp->comp.timer);
	/* Only the owner starts it again, which is the caller, for good. */
	hrtimer_cancel(&qp->comp.rnr_timer);
}

static void full_counts(struct rxe_qp *qp)
{
	struct rxe_comp *comp = &qp->comp;

	rxe_assert_owned(qp);
	comp->silences = 0;
	comp->retries = qp->attr.retry_cnt;
	comp->rnr_retries = qp->attr.rnr_retry;
	comp->rewound = false;
}

void rxe_retry_reset(struct rxe_qp *qp)
{
	full_counts(qp);
	qp->req.rnr_wait = false;
}

/* 4.096 us * 2^timeout; 0 is for ever (IBA 9.7.6.1.3). Return: jiffies, 0 for ever. */
static unsigned long timeout_jiffies(const struct rxe_qp *qp)
{
	u8 exponent = qp->attr.timeout;

	if (!exponent)
		return 0;
	return max_t(unsigned long, nsecs_to_jiffies(4096ULL << exponent), MIN_TIMEOUT);
}

/* A peer that is slow rather than deaf is given more time with each silence. */
static unsigned long patience(const struct rxe_qp *qp)
{
	return timeout_jiffies(qp) << qp->comp.silences;
}

static bool outstanding(const struct rxe_qp *qp)
{
	return qp->comp.psn != qp->req.limit;
}

/*
 * What is outstanding is the beginning of a message that goes on when our own page is there: the
 * peer has nothing to answer before. If there is an older message, it is to answer that.
 */
static bool holds_itself(const struct rxe_qp *qp)
{
	return qp->req.held && qp->sq.next == qp->sq.tail;
}

static void arm(struct rxe_qp *qp)
{
	struct timer_list *timer = &qp->comp.timer;
	unsigned long timeout = patience(qp);

	if (!timeout)
		return;
	qp->comp.deadline = jiffies + timeout;
	/* The timeout may have been a longer one when the timer was set. */
	if (!timer_pending(timer) || time_after(timer->expires, qp->comp.deadline))
		mod_timer(timer, qp->comp.deadline);
}

void rxe_retry_new_timeout(struct rxe_qp *qp)
{
	rxe_assert_owned(qp);
	if (outstanding(qp))
		arm(qp);
}

void rxe_retry_sent(struct rxe_qp *qp)
{
	struct rxe_req *req = &qp->req;

	rxe_assert_owned(qp);
	if (!outstanding(qp) || !timer_pending(&qp->comp.timer) || holds_itself(qp))
		arm(qp);
	req->held = false;
	if (rxe_psn_after(req->psn, req->limit))
		req->limit = req->psn;
}

void rxe_retry_progress(struct rxe_qp *qp)
{
	full_counts(qp);
	qp->comp.deadline = jiffies + timeout_jiffies(qp);
	/* The peer got past what it had no receive for, from a copy sent before the NAK. */
	if (qp->req.rnr_wait)
		rxe_retry_cancel_rnr(qp);
}

void rxe_retry_cancel_rnr(struct rxe_qp *qp)
{
	rxe_assert_owned(qp);
	hrtimer_try_to_cancel(&qp->comp.rnr_timer);
	qp->req.rnr_wait = false;
}

/* Go back to comp.psn, at the price of one retry; @why is RXE_TRACE_WHY_*. */
static void go_back(struct rxe_qp *qp, int why)
{
	struct rxe_comp *comp = &qp->comp;

	if (!comp->retries) {
		rxe_state_send_failed(qp, RXE_REQ_SILENCE);
		return;
	}
	comp->retries--;
	rxe_qp_count(qp, RXE_STAT_RETRY);
	trace_rxe_retry(qp->dev, qp->ib.qp_num, why, comp->psn, comp->retries);
	rxe_req_seek(qp);
	arm(qp);
}

void rxe_retry_lost(struct rxe_qp *qp)
{
	rxe_assert_owned(qp);
	if (qp->comp.rewound || qp->req.rnr_wait || !rxe_sq_oldest(qp))
		return;
	qp->comp.rewound = true;
	go_back(qp, RXE_TRACE_WHY_LOSS);
}

void rxe_retry_rnr(struct rxe_qp *qp, u8 code)
{
	struct rxe_comp *comp = &qp->comp;

	rxe_assert_owned(qp);
	if (qp->req.rnr_wait || !rxe_sq_oldest(qp))
		return;
	rxe_qp_count(qp, RXE_STAT_RCVD_RNR);
	if (!comp->rnr_retries) {
		rxe_state_send_failed(qp, RXE_REQ_NOT_READY);
		return;
	}
	if (comp->rnr_retries != RNR_RETRY_FOREVER)
		comp->rnr_retries--;
	trace_rxe_retry(qp->dev, qp->ib.qp_num, RXE_TRACE_WHY_RNR, comp->psn, comp->rnr_retries);
	rxe_req_seek(qp);
	qp->req.rnr_wait = true;
	hrtimer_start(&comp->rnr_timer, ns_to_ktime(NSEC_PER_USEC * (u64)rxe_rnr_delay_us(code)),
		      HRTIMER_MODE_REL_SOFT);
}

void rxe_retry_rnr_over(struct rxe_qp *qp)
{
	rxe_assert_owned(qp);
	/* Late, by a timer that was on its way when its wait ended otherwise. */
	if (!qp->req.rnr_wait || hrtimer_is_queued(&qp->comp.rnr_timer))
		return;
	qp->req.rnr_wait = false;
	/* The old flight is gone by now; what is lost from here on is a new loss. */
	qp->comp.rewound = false;
	if (outstanding(qp))
		arm(qp);
}

void rxe_retry_timer(struct rxe_qp *qp)
{
	struct rxe_comp *comp = &qp->comp;

	rxe_assert_owned(qp);
	if (qp->state != IB_QPS_RTS && qp->state != IB_QPS_SQD)
		return;
	if (!timeout_jiffies(qp) || !outstanding(qp))
		return;
	/* It is us who wait. */
	if (qp->req.rnr_wait || rxe_comp_stalled(qp) || holds_itself(qp)) {
		arm(qp);
	} else if (time_before(jiffies, comp->deadline)) {
		mod_timer(&comp->timer, comp->deadline);
	} else {
		rxe_qp_count(qp, RXE_STAT_TIMEOUT);
		/* Late answers of the old flight are no further loss. */
		comp->rewound = true;
		comp->silences = min(comp->silences + 1, MAX_BACKOFF_SHIFT);
		go_back(qp, RXE_TRACE_WHY_TIMEOUT);
	}
}
