/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A queue pair: all of its protocol state, and who may touch it.
 *
 * Ownership. A QP has at most one owner at a time (run.h). Everything here that is not marked
 * otherwise belongs to the owner and has no lock of its own; functions that need it assert it with
 * rxe_assert_owned(). Ownership is a state, not a held lock: the owner transmits, completes and
 * copies, and who comes meanwhile leaves an event or a packet behind.
 *
 * Lock order, outermost first:
 *	ib_core's object locks
 *	qp->verbs_lock		mutex: modify, query and destroy
 *	ownership of the QP	waited for by verbs alone, one waiter at a time
 *	qp->sq.lock, rq.lock	kernel consumers' posts, and who takes from an SRQ; interrupts off
 *	qp->run.lock		interrupts off; nothing but run.c's fields
 *	run queue lock		interrupts off (run.c)
 *	cq->lock		interrupts off; innermost
 * On-demand memory: a chunk's lock is taken by accesses, with nothing above but ownership and the
 * lock of a memory window, and nothing below; run.lock is taken under the lock of waiters, by a
 * wake (core/odp_mirror.h).
 *
 * Words: PSNs and indices are those of wire/psn.h; "tail" is the oldest entry that is not complete,
 * "next" the next one to send, "head" where the next post goes.
 */
#ifndef RXE_QP_QP_H
#define RXE_QP_QP_H

#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
#include <rdma/ib_verbs.h>

#include "../base/dev.h"
#include "../base/idtab.h"
#include "../base/ring.h"
#include "../mem/mem.h"
#include "../net/net.h"
#include "../wire/pkt.h"

struct rxe_ah;
struct rxe_cq;
struct rxe_srq;
struct rxe_stretch;

/**
 * struct rxe_run - who runs the QP (run.c)
 * @lock: guards all below
 * @owned: somebody is the owner
 * @running: the owner runs it, just now; not while its packets are delivered. The owner's alone:
 *	only its own CPU looks, where @keeper is that CPU's stretch
 * @granted: ownership is being handed to the waiting verb
 * @waiting: a verb waits for ownership
 * @queued: on a CPU's run queue
 * @dead: being destroyed; packets and events are refused
 * @elsewhere: to be run on @cpu; the owner sets it before it takes @lock to let go
 * @cpu: of an unreliable connection: sent from last; belongs to the owner
 * @stays: jiffies until when it sends from nowhere else; likewise
 * @events: RXE_EV_* that came while there was an owner, or that a run queue entry will serve
 * @backlog: packets likewise; bounded
 * @node: on the run queue
 * @keeper: the CPU's stretch of runs that owns the QP while its packets are delivered, or NULL
 * @kept: in the list of @keeper
 * @wait: the verb
 */
struct rxe_run {
	spinlock_t lock;
	bool owned;
	bool running;
	bool granted;
	bool waiting;
	bool queued;
	bool dead;
	bool elsewhere;
	int cpu;
	unsigned long stays;
	u32 events;
	struct sk_buff_head backlog;
	struct list_head node;
	struct rxe_stretch *keeper;
	struct list_head kept;
	wait_queue_head_t wait;
};

enum rxe_swqe_state {
	RXE_SWQE_POSTED,	/* nothing of it was sent */
	RXE_SWQE_SENT,		/* its PSNs are assigned; it waits for its answer */
	RXE_SWQE_EXECUTED,	/* local, done; it waits for those before it */
};

/**
 * struct rxe_swqe - the private copy of a send work request
 * @wr_id: for the completion
 * @opcode: IB_WR_*
 * @posted: the same as it was asked for: masked, too (sq.c)
 * @flags: IB_SEND_*
 * @err: enum rxe_req_err: RXE_REQ_OK, or why it fails when its turn comes
 * @state: how far it is
 * @length: bytes of the message
 * @num_sge: entries of @sge; 0 when the data is inline
 * @is_inline: the data itself follows instead of the list
 * @imm: immediate data as on the wire
 * @rkey: remote key; the one to invalidate
 * @remote_addr: RDMA, atomics
 * @compare: atomics
 * @swap_add: atomics
 * @flush_type: FLUSH: RXE_FLUSH_* bits
 * @flush_level: FLUSH: RXE_FLUSH_RANGE or RXE_FLUSH_REGION
 * @flush_len: FLUSH: bytes of the range
 * @remote_qpn: UD
 * @remote_qkey: UD
 * @ah_num: UD of user space
 * @ah: UD of the kernel
 * @bind: BIND_MW
 * @reg: REG_MR
 * @first_psn: of its packets, or of the answers to a READ
 * @last_psn: likewise
 * @sge: scatter/gather list
 * @data: inline data
 *
 * Filled once from what was posted; no later step looks at shared memory again.
 */
struct rxe_swqe {
	u64 wr_id;
	u32 opcode;
	u32 posted;
	u32 flags;
	u8 err;
	u8 state;
	u8 num_sge;
	bool is_inline;
	u32 length;
	__be32 imm;
	u32 rkey;
	u64 remote_addr;
	u64 compare;
	u64 swap_add;
	u8 flush_type;
	u8 flush_level;
	u32 flush_len;
	u32 remote_qpn;
	u32 remote_qkey;
	u32 ah_num;
	u32 first_psn;
	u32 last_psn;
	struct rxe_ah *ah;
	union {
		struct rxe_mw_bind bind;
		struct rxe_fast_reg reg;
	};
	union {
		DECLARE_FLEX_ARRAY(struct ib_sge, sge);
		DECLARE_FLEX_ARRAY(u8, data);
	};
};

/**
 * struct rxe_sq - the send queue
 * @lock: kernel QPs: posters; interrupts off
 * @ring: user QPs: the shared ring; its own index is how far it was copied
 * @slots: private work requests
 * @stride: bytes of one
 * @mask: slots - 1
 * @head: next slot to fill; the owner's (user) or under @lock (kernel), read by the owner with
 * acquire
 * @next: next to send
 * @tail: oldest incomplete; posters read it with acquire
 * @max_sge: entries that a work request may have
 * @max_inline: inline bytes that a work request may have
 * @sig_all: every work request completes visibly
 */
struct rxe_sq {
	spinlock_t lock;
	struct rxe_ring ring;
	void *slots;
	u32 stride;
	u32 mask;
	u32 head;
	u32 next;
	u32 tail;
	u32 max_sge;
	u32 max_inline;
	bool sig_all;
};

/**
 * struct rxe_rwqe - the private copy of a receive work request
 * @wr_id: for the completion
 * @num_sge: entries of @sge
 * @sge: scatter list
 */
struct rxe_rwqe {
	u64 wr_id;
	u32 num_sge;
	struct ib_sge sge[RXE_MAX_SGE];
};

/**
 * struct rxe_rq - the receive queue
 * @lock: kernel QPs: posters; interrupts off
 * @ring: user QPs: the shared ring; its own index is the consumer
 * @slots: kernel QPs: work requests
 * @stride: bytes of one
 * @mask: slots - 1, of @ring or of @slots
 * @head: kernel QPs: next slot to fill, under @lock
 * @tail: kernel QPs: next slot to take
 * @max_sge: entries that a work request may have
 */
struct rxe_rq {
	spinlock_t lock;
	struct rxe_ring ring;
	void *slots;
	u32 stride;
	u32 mask;
	u32 head;
	u32 tail;
	u32 max_sge;
};

/**
 * struct rxe_req - the requester
 * @psn: of the next packet
 * @limit: one after the highest PSN that was ever sent, or that READ answers were asked for
 * @sent: bytes of the work request at sq.next that went out (or were asked for)
 * @started: the work request at sq.next has its PSNs
 * @rnr_wait: peer had no receive posted; nothing is sent until the timer ends it
 * @sgl: source of the work request at sq.next
 * @wait: for the page that the next packet needs
 * @held: the work request at sq.next has stopped for a page, and did not go on yet
 * @rd_atomic: requests of READs and atomics that wait for their answer
 * @since_ack: packets since one that asked for an acknowledgement
 */
struct rxe_req {
	u32 psn;
	u32 limit;
	u32 sent;
	bool started;
	bool rnr_wait;
	struct rxe_sgl sgl;
	struct rxe_mem_wait wait;
	bool held;
	u32 rd_atomic;
	u32 since_ack;
};

/**
 * struct rxe_comp - the completer
 * @psn: oldest PSN that is not acknowledged
 * @sgl: destination of the READ at sq.tail
 * @sgl_valid: @sgl belongs to a READ
 * @wait: for the page that the first answer of @queue needs
 * @queue: answers: the one that waits, and those behind it; bounded
 * @refusal: syndrome of a NAK that has overtaken answers from before it, or 0
 * @refused_psn: the PSN that it refuses
 * @rewound: a loss at @psn, or a silence, made the requester go back already; the window is small
 *	until progress, or the end of an RNR wait, clears it
 * @silences: timeouts in a row, without progress; stops at the longest back-off
 * @retries: what is left of retry_cnt
 * @rnr_retries: what is left of rnr_retry
 * @deadline: jiffies when silence becomes a loss
 * @timer: checks @deadline; in the error state looks for late posts
 * @rnr_timer: ends rnr_wait
 */
struct rxe_comp {
	u32 psn;
	struct rxe_sgl sgl;
	bool sgl_valid;
	struct rxe_mem_wait wait;
	struct sk_buff_head queue;
	u8 refusal;
	u32 refused_psn;
	bool rewound;
	u8 silences;
	u8 retries;
	u8 rnr_retries;
	unsigned long deadline;
	struct timer_list timer;
	struct hrtimer rnr_timer;
};

/**
 * struct rxe_replay - the result of an atomic, for its duplicates (IBA 9.7.5.1.5)
 * @valid: holds one
 * @psn: of the request
 * @orig: value before
 */
struct rxe_replay {
	bool valid;
	u32 psn;
	u64 orig;
};

/**
 * struct rxe_reply - a READ whose answer is being sent
 * @active: there is one
 * @psn: of the next packet
 * @rkey: of the source
 * @mr: source, held within a run only; NULL when it is to be looked up
 * @va: of the next byte
 * @resid: bytes left
 * @first: nothing was sent yet
 * @again: it was answered before
 * @msn: for the AETH
 */
struct rxe_reply {
	bool active;
	bool first;
	bool again;
	u32 psn;
	u32 msn;
	u32 resid;
	u32 rkey;
	u64 va;
	struct rxe_mr *mr;
};

/**
 * struct rxe_resp - the responder
 * @psn: expected
 * @msn: messages completed, 24 bits
 * @in_message: RXE_KIND_SEND or RXE_KIND_WRITE between FIRST and LAST, else RXE_KIND_NONE
 * @nak_sent: told the peer to go back to @psn; more packets after the gap say nothing
 * @ack_due: the peer wants to know how far we are; answered at the end of the run
 * @ack_psn: of the last SEND or WRITE packet that was executed
 * @has_wqe: @wqe is taken
 * @wqe: receive work request of the message
 * @sgl: where the message goes, SEND
 * @received: bytes of the message
 * @rkey: where the message goes, WRITE
 * @mr: the region of @rkey, held within a run only; NULL when it is to be looked up
 * @va: of the next byte of a WRITE
 * @resid: bytes that a WRITE still has to bring
 * @replay: past atomics, a ring
 * @replay_size: its entries, max_dest_rd_atomic
 * @replay_next: the entry that the next atomic takes
 * @reply: READ answer in progress
 * @wait: for the page that @reply, or the first request of @queue, needs
 * @queue: requests behind @reply, or a request that waits and those behind it; bounded
 * @queue_psn: after the new requests of @queue, which follow @psn without a gap
 * @gap: one came from beyond @queue_psn, and was dropped: the peer is to be told
 * @gap_psn: its PSN
 */
struct rxe_resp {
	u32 psn;
	u32 msn;
	u8 in_message;
	bool nak_sent;
	bool ack_due;
	u32 ack_psn;
	bool has_wqe;
	struct rxe_rwqe wqe;
	struct rxe_sgl sgl;
	u32 received;
	u32 rkey;
	struct rxe_mr *mr;
	u64 va;
	u32 resid;
	struct rxe_replay *replay;
	u32 replay_size;
	u32 replay_next;
	struct rxe_reply reply;
	struct rxe_mem_wait wait;
	struct sk_buff_head queue;
	u32 queue_psn;
	bool gap;
	u32 gap_psn;
};

/**
 * struct rxe_qp - a queue pair
 * @ib: the core's part; must be first
 * @dev: its device
 * @stats: what it counts in: a counter's set, or the device's; by rxe_qp_stats(). Changes under
 *	@verbs_lock; a counter's goes an RCU grace period after the last QP has left it
 * @handle: entry in the device's table
 * @is_user: rings are shared with a process
 * @srq: where receives come from, or NULL: from @rq
 * @verbs_lock: serialises modify, query and destroy
 * @run: ownership
 * @state: written by the owner (state.c); read anywhere with READ_ONCE()
 * @attr: attributes as modified so far; written under @verbs_lock by the owner
 * @mtu: bytes of payload of a full packet (connected, from RTR on)
 * @has_path: @path is set (connected, from RTR on)
 * @path: path to the peer
 * @flight: buffers in the network stack
 * @sqd_notify: raise SQ_DRAINED when the send queue has drained
 * @comm_est: COMM_EST was raised
 * @last_wqe: QP_LAST_WQE_REACHED was raised
 * @flush_delay: jiffies until the next look for posts to a QP in error
 * @windows: type 2 memory windows that are bound to the QP; belongs to the memory room
 * @sq: send queue
 * @rq: receive queue; with @srq only its max_sge is used
 * @req: requester
 * @comp: completer
 * @resp: responder
 */
struct rxe_qp {
	struct ib_qp ib;
	struct rxe_dev *dev;
	struct rxe_stats __percpu *stats;
	struct rxe_handle *handle;
	bool is_user;
	struct rxe_srq *srq;
	struct mutex verbs_lock;
	struct rxe_run run;
	enum ib_qp_state state;
	struct ib_qp_attr attr;
	u32 mtu;
	bool has_path;
	struct rxe_path path;
	struct rxe_flight *flight;
	bool sqd_notify;
	bool comm_est;
	bool last_wqe;
	unsigned long flush_delay;
	struct rxe_mw_set windows;
	struct rxe_sq sq;
	struct rxe_rq rq;
	struct rxe_req req;
	struct rxe_comp comp;
	struct rxe_resp resp;
};

static inline struct rxe_qp *rxe_qp(struct ib_qp *ib)
{
	return container_of(ib, struct rxe_qp, ib);
}

/* Reliable connection: what is sent is acknowledged, or sent again. */
static inline bool rxe_qp_is_rc(const struct rxe_qp *qp)
{
	return qp->ib.qp_type == IB_QPT_RC;
}

/* Unreliable connection: messages arrive whole, or not at all. */
static inline bool rxe_qp_is_uc(const struct rxe_qp *qp)
{
	return qp->ib.qp_type == IB_QPT_UC;
}

/* Datagram service: UD and the general services interface. */
static inline bool rxe_qp_is_ud(const struct rxe_qp *qp)
{
	return !rxe_qp_is_rc(qp) && !rxe_qp_is_uc(qp);
}

/* The set of counters that the QP counts in, for as long as the RCU read side lasts. */
static inline struct rxe_stats __percpu *rxe_qp_stats(const struct rxe_qp *qp)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "a QP's counters outside of RCU");
	return READ_ONCE(qp->stats);
}

/* Count an event of the QP. RCU read side. */
static inline void rxe_qp_count(struct rxe_qp *qp, enum rxe_stat stat)
{
	rxe_count_in(qp->dev, rxe_qp_stats(qp), stat);
}

/* The owner's fields may be touched: by the owner, or before publication and after retirement. */
static inline void rxe_assert_owned(const struct rxe_qp *qp)
{
	WARN_ON_ONCE(IS_ENABLED(CONFIG_PROVE_LOCKING) && !READ_ONCE(qp->run.owned));
}

static inline struct rxe_swqe *rxe_sq_slot(const struct rxe_sq *sq, u32 index)
{
	return sq->slots + (size_t)(index & sq->mask) * sq->stride;
}

#endif
