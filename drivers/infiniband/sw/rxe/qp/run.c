// SPDX-License-Identifier: GPL-2.0
/*
 * Run to completion: whoever has something for a QP becomes its owner and does it, right there.
 *
 * There are four who come: a program at the doorbell, a packet in softirq, a timer or a kernel
 * consumer through the run queue, and a verb that waits its turn. Who finds the QP owned leaves his
 * event or packet under run.lock and goes; the owner looks there again before it lets go, so
 * nothing is forgotten:
 *
 *	owner				other
 *	-----				-----
 *	... works ...			lock
 *	lock				owned: events |= e, or backlog += skb
 *	events or backlog? go on	unlock
 *	else owned = false
 *	unlock
 *
 * Runs of a CPU are within a stretch, with bottom halves off, so an owner is never preempted while
 * others wait. At the end of the stretch what was sent to this host is delivered, which makes more
 * runs, nested in the stretch, not in another run.
 *
 * Until then the QPs that were run stay the stretch's: on another CPU, the next run would deliver
 * its packets before ours. Runs within the stretch may have them, everybody else leaves an event or
 * a packet, which the stretch serves at its end, as long as its budget lasts.
 *
 * Everything is bounded: a run sends at most its quota of packets, and a stretch its budget;
 * answers that are not READ data are not counted, as there are no more of them than requests. What
 * is left continues from the run queue, one per CPU, served in softirq by a tasklet.
 *
 * What two CPUs send at a time may overtake each other on the way: each has a queue of its own in
 * the network stack. A reliable connection asks again; an unreliable one has lost a message. So
 * that one sends from one CPU, to whose run queue it goes when it is run elsewhere, and stays there
 * until nothing has been sent for a while.
 *
 * A kernel consumer may post with interrupts off or under locks that its completion handler takes.
 * Its post therefore only kicks the run queue; see rxe_run_kick() for when that runs.
 */
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/smp.h>

#include "../base/dev.h"
#include "backlog.h"
#include "comp.h"
#include "qp.h"
#include "req.h"
#include "resp.h"
#include "retry.h"
#include "run.h"
#include "sq.h"
#include "state.h"

/* Packets that may wait for an owner: the peer's window and then some. */
#define BACKLOG_LIMIT		2048
/* Packets that a run may send, or requests flush: in the caller of a doorbell, and elsewhere. */
#define DOORBELL_QUOTA		64
#define QUOTA			16
/* Packets that all runs of a stretch may send. */
#define STRETCH_BUDGET		128
/* Times that a run looks for what came meanwhile. */
#define ROUNDS			4
/* For so long packets may lie in a CPU's queue. */
#define STAY			(HZ / 10)

/**
 * struct rxe_stretch - a CPU's runs, from the first with bottom halves off to the last
 * @depth: nesting of enter(): 1 is the outermost, 2 a run for a datagram that it delivers
 * @budget: packets that may still be sent
 * @kept: QPs that it owns while what they sent is delivered, by run.kept
 */
struct rxe_stretch {
	unsigned int depth;
	int budget;
	struct list_head kept;
};

/**
 * struct run_queue - QPs of one CPU that want to run
 * @lock: guards @qps and @call; interrupts off
 * @qps: by run.node
 * @tasklet: serves them
 * @call: has the tasklet run, from another CPU
 */
struct run_queue {
	spinlock_t lock;
	struct list_head qps;
	struct tasklet_struct tasklet;
	call_single_data_t call;
};

static DEFINE_PER_CPU(struct run_queue, run_queues);
static DEFINE_PER_CPU(struct rxe_stretch, stretches);

void rxe_run_init(struct rxe_qp *qp)
{
	struct rxe_run *run = &qp->run;

	spin_lock_init(&run->lock);
	run->stays = jiffies;
	__skb_queue_head_init(&run->backlog);
	INIT_LIST_HEAD(&run->node);
	INIT_LIST_HEAD(&run->kept);
	init_waitqueue_head(&run->wait);
}

/* One packet, of a QP in whatever state; the two halves know what to do with it. */
static void receive(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb)
{
	if (rxe_opcode_info(pkt->opcode)->flags & RXE_OPF_RESPONSE)
		rxe_comp_packet(qp, pkt, skb);
	else
		rxe_resp_packet(qp, pkt, skb);
}

static void receive_all(struct rxe_qp *qp, struct sk_buff_head *batch)
{
	struct sk_buff *skb;
	struct rxe_pkt pkt;

	while ((skb = rxe_backlog_next(batch, &pkt)))
		receive(qp, &pkt, skb);
}

/*
 * Between runs nothing holds a region: the peer may be silent for ever, and whoever deregisters it
 * waits (mem/mr.c).
 */
static void release_regions(struct rxe_qp *qp)
{
	rxe_sgl_release(&qp->req.sgl);
	rxe_sgl_release(&qp->comp.sgl);
	rxe_resp_release_regions(qp);
}

/* A peer's READ may be long: of the quota our own sends get at least half. */
static bool transmit(struct rxe_qp *qp, int *quota)
{
	int sends = rxe_sq_next(qp) ? *quota / 2 : 0;
	bool more;

	*quota -= sends;
	more = rxe_resp_run(qp, quota);
	*quota += sends;
	return rxe_req_run(qp, quota) || more;
}

/*
 * Packets come before timers: what a timer misses may be among them. Return: true when the quota
 * ended before the work did.
 */
static bool work(struct rxe_qp *qp, u32 events, struct sk_buff_head *batch, int *quota)
{
	bool more;

	more = rxe_comp_run(qp, quota);
	receive_all(qp, batch);
	if (events & RXE_EV_MEMORY)
		rxe_qp_count(qp, RXE_STAT_MEM_WAITS);
	if (events & RXE_EV_TIMER)
		rxe_retry_timer(qp);
	if (events & RXE_EV_RNR)
		rxe_retry_rnr_over(qp);
	more |= transmit(qp, quota);
	more |= rxe_state_settle(qp, quota);
	release_regions(qp);
	return more;
}

bool rxe_run_may_send(struct rxe_qp *qp)
{
	struct rxe_run *run = &qp->run;
	int cpu = smp_processor_id();

	rxe_assert_owned(qp);
	if (qp->ib.qp_type != IB_QPT_UC)
		return true;
	if (run->cpu != cpu && time_before(jiffies, run->stays) && cpu_online(run->cpu)) {
		run->elsewhere = true;
		return false;
	}
	run->elsewhere = false;
	run->cpu = cpu;
	run->stays = jiffies + STAY;
	return true;
}

/*
 * Have the tasklet of @cpu run there. One that goes offline now has its tasklet run here. Of those
 * who come together one calls: a call that is on its way has not begun to serve. Caller holds
 * rq->lock.
 */
static void call(struct run_queue *rq, int cpu)
{
	lockdep_assert_held(&rq->lock);
	if (cpu == smp_processor_id() ||
	    smp_call_function_single_async(cpu, &rq->call) == -ENXIO)
		tasklet_schedule(&rq->tasklet);
}

/* Caller holds run->lock. The entry holds the QP: retiring its number waits for the tasklet. */
static void enqueue(struct rxe_qp *qp)
{
	struct rxe_run *run = &qp->run;
	int cpu = run->elsewhere ? run->cpu : smp_processor_id();
	struct run_queue *rq = per_cpu_ptr(&run_queues, cpu);

	lockdep_assert_held(&run->lock);
	if (run->queued)
		return;
	run->elsewhere = false;
	run->queued = true;
	rxe_handle_hold(qp->handle);
	spin_lock(&rq->lock);
	list_add_tail(&run->node, &rq->qps);
	call(rq, cpu);
	spin_unlock(&rq->lock);
}

/*
 * A run is over: its stretch keeps the QP until the packets are delivered. The entry holds the QP.
 * Caller holds run->lock and is the owner.
 */
static void keep(struct rxe_qp *qp, struct rxe_stretch *stretch)
{
	struct rxe_run *run = &qp->run;

	lockdep_assert_held(&run->lock);
	run->running = false;
	if (run->keeper)
		return;
	run->keeper = stretch;
	rxe_handle_hold(qp->handle);
	list_add_tail(&run->kept, &stretch->kept);
}

/* Caller holds run->lock and is the owner. */
static void let_go(struct rxe_qp *qp)
{
	struct rxe_run *run = &qp->run;

	lockdep_assert_held(&run->lock);
	if (run->waiting) {
		run->waiting = false;
		run->granted = true;
		wake_up(&run->wait);
		return;
	}
	run->owned = false;
	if (run->elsewhere || run->events || !skb_queue_empty(&run->backlog))
		enqueue(qp);
}

/* Take what waits. Caller holds run->lock. Return: whether there was anything. */
static bool take_work(struct rxe_run *run, u32 *events, struct sk_buff_head *batch)
{
	lockdep_assert_held(&run->lock);
	if (!run->events && skb_queue_empty(&run->backlog))
		return false;
	*events = run->events;
	run->events = 0;
	skb_queue_splice_tail_init(&run->backlog, batch);
	return true;
}

/* What came before the run, too: one that spends its quota at once never looks again. */
static u32 take_earlier(struct rxe_run *run, struct sk_buff_head *batch)
{
	unsigned long flags;
	u32 events = 0;

	if (!READ_ONCE(run->events) && skb_queue_empty_lockless(&run->backlog))
		return 0;
	spin_lock_irqsave(&run->lock, flags);
	take_work(run, &events, batch);
	spin_unlock_irqrestore(&run->lock, flags);
	return events;
}

/*
 * Run as the owner, first for @events, until there is nothing left, the quota or the rounds are
 * spent, or a verb waits. Within a stretch, which is the owner afterwards.
 */
static void run_owned(struct rxe_qp *qp, u32 events, int quota)
{
	struct rxe_stretch *stretch = this_cpu_ptr(&stretches);
	int left = clamp(stretch->budget, 0, quota);
	struct rxe_run *run = &qp->run;
	struct sk_buff_head batch;
	unsigned long flags;
	int round;
	bool more;

	run->running = true;
	stretch->budget -= left;
	__skb_queue_head_init(&batch);
	events |= take_earlier(run, &batch);
	for (round = 1;; round++) {
		more = work(qp, events, &batch, &left);
		spin_lock_irqsave(&run->lock, flags);
		if (more)
			run->events |= RXE_EV_SEND;
		if (more || run->waiting || round == ROUNDS || !take_work(run, &events, &batch))
			break;
		spin_unlock_irqrestore(&run->lock, flags);
	}
	keep(qp, stretch);
	spin_unlock_irqrestore(&run->lock, flags);
	stretch->budget += left;
}

/*
 * The end of a stretch, for one QP, whose packets are delivered: run it again for what came
 * meanwhile, or let go of it. Return: whether it was run.
 */
static bool continue_or_let_go(struct rxe_qp *qp, struct rxe_stretch *stretch)
{
	struct rxe_run *run = &qp->run;
	unsigned long flags;
	bool go_on;

	spin_lock_irqsave(&run->lock, flags);
	go_on = stretch->budget > 0 && !run->waiting &&
		(run->events || !skb_queue_empty(&run->backlog));
	if (go_on) {
		/* Who fills the backlog may be as fast as we are: packets are paid for. */
		stretch->budget -= 1 + skb_queue_len(&run->backlog);
	} else {
		list_del_init(&run->kept);
		run->keeper = NULL;
		let_go(qp);
	}
	spin_unlock_irqrestore(&run->lock, flags);
	if (go_on)
		run_owned(qp, 0, QUOTA);
	else
		rxe_handle_put(qp->handle);
	return go_on;
}

/* Begin a stretch, or nest in one. */
static void enter(void)
{
	struct rxe_stretch *stretch;

	local_bh_disable();
	rcu_read_lock();
	stretch = this_cpu_ptr(&stretches);
	if (!stretch->depth++)
		stretch->budget = STRETCH_BUDGET;
}

/* Of the outermost: nothing that was sent is left, and no QP is kept. */
static void end_stretch(struct rxe_stretch *stretch)
{
	struct rxe_qp *qp, *next;
	bool again;

	do {
		rxe_net_deliver_looped();
		again = false;
		list_for_each_entry_safe(qp, next, &stretch->kept, run.kept)
			again |= continue_or_let_go(qp, stretch);
	} while (again);
}

static void leave(void)
{
	struct rxe_stretch *stretch = this_cpu_ptr(&stretches);

	if (stretch->depth == 1)
		end_stretch(stretch);
	stretch->depth--;
	rcu_read_unlock();
	local_bh_enable();
}

/*
 * May this stretch run the QP? It is nobody's, or kept by the stretch and not being run: there are
 * actions of traffic control by which what is sent comes in before the call returns. Caller holds
 * run->lock.
 */
static bool is_free(const struct rxe_run *run)
{
	lockdep_assert_held(&run->lock);
	if (!run->owned)
		return !run->dead;
	return !run->dead && !run->running && run->keeper == this_cpu_ptr(&stretches);
}

/* Caller holds run->lock, and the QP is free. */
static void own(struct rxe_run *run)
{
	lockdep_assert_held(&run->lock);
	run->owned = true;
	run->running = true;
}

/*
 * Own the QP, or leave @event for its owner. One on a run queue is left to that CPU, which is at it
 * anyway: the poster goes on posting meanwhile.
 *
 * Return: true when the caller is the owner now.
 */
static bool try_own(struct rxe_qp *qp, u32 event)
{
	struct rxe_run *run = &qp->run;
	unsigned long flags;
	bool mine;

	spin_lock_irqsave(&run->lock, flags);
	mine = is_free(run) && !run->queued;
	if (mine)
		own(run);
	else
		run->events |= event;
	spin_unlock_irqrestore(&run->lock, flags);
	return mine;
}

void rxe_run_doorbell(struct rxe_qp *qp)
{
	enter();
	if (try_own(qp, RXE_EV_SEND))
		run_owned(qp, RXE_EV_SEND, DOORBELL_QUOTA);
	leave();
}

/*
 * Where nothing forbids it, bottom halves are off and on again around the kick: the tasklet then
 * runs at once, in the caller, as it would at the end of an interrupt. With interrupts or bottom
 * halves off already it runs when they come on again, which is when completion handlers may be
 * called, too.
 */
void rxe_run_kick(struct rxe_qp *qp, u32 event)
{
	struct rxe_run *run = &qp->run;
	bool run_now = !irqs_disabled() && !in_interrupt();
	unsigned long flags;

	if (run_now)
		local_bh_disable();
	spin_lock_irqsave(&run->lock, flags);
	run->events |= event;
	if (!run->owned && !run->dead)
		enqueue(qp);
	spin_unlock_irqrestore(&run->lock, flags);
	if (run_now)
		local_bh_enable();
}

/* Own the QP, or leave @skb to its owner. Return: true when the caller is the owner now. */
static bool own_or_queue(struct rxe_qp *qp, struct sk_buff *skb)
{
	struct rxe_run *run = &qp->run;
	enum rxe_stat reason = RXE_STAT_DROP_BACKLOG;
	bool mine, queued = false;
	unsigned long flags;

	spin_lock_irqsave(&run->lock, flags);
	mine = is_free(run) && skb_queue_empty(&run->backlog);
	if (mine)
		own(run);
	else if (run->dead)
		reason = RXE_STAT_DROP_QP_STATE;
	else
		queued = rxe_backlog_add(&run->backlog, BACKLOG_LIMIT, skb);
	spin_unlock_irqrestore(&run->lock, flags);
	if (!mine && !queued) {
		rxe_qp_count(qp, reason);
		kfree_skb(skb);
	}
	return mine;
}

void rxe_run_packet(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb)
{
	enter();
	if (own_or_queue(qp, skb)) {
		receive(qp, pkt, skb);
		run_owned(qp, 0, QUOTA);
	}
	leave();
}

bool rxe_run_lock(struct rxe_qp *qp)
{
	struct rxe_run *run = &qp->run;
	bool dead, mine;

	lockdep_assert_held(&qp->verbs_lock);
	spin_lock_irq(&run->lock);
	dead = run->dead;
	mine = !run->owned;
	run->owned = true;
	run->waiting = !dead && !mine;
	spin_unlock_irq(&run->lock);
	if (dead)
		return false;
	if (mine)
		return true;

	wait_event(run->wait, READ_ONCE(run->granted));
	spin_lock_irq(&run->lock);
	run->granted = false;
	spin_unlock_irq(&run->lock);
	return true;
}

void rxe_run_unlock(struct rxe_qp *qp)
{
	enter();
	run_owned(qp, 0, QUOTA);
	leave();
}

void rxe_run_stop(struct rxe_qp *qp)
{
	struct rxe_run *run = &qp->run;
	struct sk_buff_head batch;

	__skb_queue_head_init(&batch);
	spin_lock_irq(&run->lock);
	run->dead = true;
	skb_queue_splice_init(&run->backlog, &batch);
	spin_unlock_irq(&run->lock);
	rxe_backlog_drop(qp, &batch, RXE_STAT_DROP_QP_STATE);
}

static struct rxe_qp *pop(struct run_queue *rq)
{
	struct rxe_qp *qp;

	spin_lock_irq(&rq->lock);
	qp = list_first_entry_or_null(&rq->qps, struct rxe_qp, run.node);
	if (qp)
		list_del_init(&qp->run.node);
	spin_unlock_irq(&rq->lock);
	return qp;
}

/* Own the QP, unless somebody does and will see its events. */
static bool take_from_queue(struct rxe_qp *qp)
{
	struct rxe_run *run = &qp->run;
	bool mine;

	spin_lock_irq(&run->lock);
	run->queued = false;
	mine = is_free(run);
	if (mine)
		own(run);
	spin_unlock_irq(&run->lock);
	return mine;
}

static void serve_queue(struct tasklet_struct *tasklet)
{
	struct run_queue *rq = container_of(tasklet, struct run_queue, tasklet);
	struct rxe_qp *qp;

	enter();
	while (this_cpu_read(stretches.budget) > 0 && (qp = pop(rq))) {
		this_cpu_dec(stretches.budget);
		if (take_from_queue(qp))
			run_owned(qp, 0, QUOTA);
		rxe_handle_put(qp->handle);
	}
	leave();
	if (!list_empty(&rq->qps))
		tasklet_schedule(&rq->tasklet);
}

static void have_served(void *arg)
{
	struct run_queue *rq = arg;

	tasklet_schedule(&rq->tasklet);
}

void rxe_run_module_init(void)
{
	struct run_queue *rq;
	int cpu;

	for_each_possible_cpu(cpu) {
		rq = per_cpu_ptr(&run_queues, cpu);
		INIT_LIST_HEAD(&per_cpu_ptr(&stretches, cpu)->kept);
		spin_lock_init(&rq->lock);
		INIT_LIST_HEAD(&rq->qps);
		tasklet_setup(&rq->tasklet, serve_queue);
		INIT_CSD(&rq->call, have_served, rq);
	}
}

static void nothing(void *arg)
{
}

void rxe_run_module_exit(void)
{
	int cpu;

	/* The second comes behind what came with the first, and so behind calls on their way. */
	on_each_cpu(nothing, NULL, 1);
	on_each_cpu(nothing, NULL, 1);
	for_each_possible_cpu(cpu)
		tasklet_kill(&per_cpu_ptr(&run_queues, cpu)->tasklet);
}
