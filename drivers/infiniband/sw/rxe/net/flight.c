// SPDX-License-Identifier: GPL-2.0
/*
 * How many of a sender's buffers lie in the network stack: in a qdisc, in a driver's ring. A sender
 * that ran on regardless would only fill the queue and see its packets dropped. A buffer counts
 * until it is freed, or received on this host.
 *
 * The account is not the QP's memory, for a buffer may lie in a queue when the QP is long gone. It
 * goes with its last reference. A buffer's end looks at the account after it gave up its reference,
 * so it does so within an RCU read side, and the memory waits for that.
 *
 *	sender, at the limit		last buffers' end
 *	--------------------		-----------------
 *	starved = true			refs--
 *	full barrier			full barrier
 *	refs still at the limit?	starved and refs low? wake
 *
 * One of the two sees what the other did.
 *
 * A buffer's end runs code of this module, so the module stays until all accounts are gone.
 */
#include <linux/slab.h>
#include <linux/wait.h>

#include "flight.h"
#include "net.h"

static atomic_t accounts = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(no_accounts);

/* Buffers that are out; the owner's own reference does not count. */
static u32 in_flight(const struct rxe_flight *flight)
{
	return refcount_read(&flight->refs) - 1;
}

struct rxe_flight *rxe_flight_create(u32 limit, void (*wake)(void *arg), void *arg)
{
	struct rxe_flight *flight = kzalloc(sizeof(*flight), GFP_KERNEL);

	if (!flight)
		return NULL;
	refcount_set(&flight->refs, 1);
	flight->limit = limit;
	spin_lock_init(&flight->lock);
	flight->wake = wake;
	flight->arg = arg;
	atomic_inc(&accounts);
	return flight;
}

static void put(struct rxe_flight *flight)
{
	if (!refcount_dec_and_test(&flight->refs))
		return;
	kfree_rcu(flight, rcu);
	if (atomic_dec_and_test(&accounts))
		wake_up(&no_accounts);
}

void rxe_flight_release(struct rxe_flight *flight)
{
	spin_lock_irq(&flight->lock);
	flight->wake = NULL;
	flight->arg = NULL;
	spin_unlock_irq(&flight->lock);
	put(flight);
}

bool rxe_flight_ready(struct rxe_flight *flight)
{
	if (in_flight(flight) < flight->limit)
		return true;
	WRITE_ONCE(flight->starved, true);
	/* Pairs with the barrier in end_of_buffer(). */
	smp_mb();
	if (in_flight(flight) >= flight->limit)
		return false;
	WRITE_ONCE(flight->starved, false);
	return true;
}

/* Buffers may end in any context, and the sender may go at the same time. */
static void wake_sender(struct rxe_flight *flight)
{
	unsigned long flags;

	spin_lock_irqsave(&flight->lock, flags);
	if (flight->wake && READ_ONCE(flight->starved)) {
		WRITE_ONCE(flight->starved, false);
		flight->wake(flight->arg);
	}
	spin_unlock_irqrestore(&flight->lock, flags);
}

static void end_of_buffer(struct sk_buff *skb)
{
	struct rxe_flight *flight = skb_shinfo(skb)->destructor_arg;

	rcu_read_lock();
	put(flight);
	/* Pairs with the barrier in rxe_flight_ready(). */
	smp_mb__after_atomic();
	if (READ_ONCE(flight->starved) && in_flight(flight) <= flight->limit / 2)
		wake_sender(flight);
	rcu_read_unlock();
}

void rxe_flight_charge(struct rxe_flight *flight, struct sk_buff *skb)
{
	refcount_inc(&flight->refs);
	skb_shinfo(skb)->destructor_arg = flight;
	skb->destructor = end_of_buffer;
}

void rxe_flight_wait_all(void)
{
	wait_event(no_accounts, !atomic_read(&accounts));
	/* The last buffer's end, which we did not necessarily wait for to wake us. */
	synchronize_rcu();
}
