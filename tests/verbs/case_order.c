// SPDX-License-Identifier: GPL-2.0
/*
 * The order in which a message becomes visible, while it is placed: a program that has seen the
 * last byte may rely on all bytes before it, without looking at a completion.
 *
 * A thread watches one byte of the destination while the message arrives; the message is posted
 * after its first look in vain, lest it come too late. The moment that the byte changes, everything
 * before it must be there: of the last byte, all; of one in the middle, all up to its cache line,
 * within which there is no order. The bytes are looked at backwards, since those written shortly
 * before are the ones that could be missing.
 *
 * On-demand regions fault in between: half of their pages are taken away before each message.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cases.h"
#include "xfer.h"

enum { LINE = 64, MAX_LEN = 30000, ID = 0x0de4, ON_DEMAND = IBV_ACCESS_ON_DEMAND };

/* In turn: who sends asks to WATCH, the watcher has LOOKED, the message is SENT, it was SEEN. */
enum phase { IDLE, WATCH, LOOKED, SENT, SEEN, STOP };

/* struct order_rig - source, destination, and who watches it. */
struct order_rig {
	struct ep_pair p;
	enum ibv_wr_opcode code;
	struct buf src, dst;
	size_t off, len;		/* of the message, in the destination */
	size_t probe;			/* in the message: the byte that is watched */
	pthread_t watcher;
	atomic_int phase;		/* enum phase */
	size_t missing;			/* SEEN: a byte before the probe that is old, or len */
	size_t looks;			/* in vain, with a message SENT */
	bool drop;			/* take pages away between messages */
};

static uint8_t byte_at(const uint8_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* Bytes of the message that must be there when the probe is. */
static size_t promised(const struct order_rig *r)
{
	const uint8_t *line = r->dst.p + r->off + r->probe;
	size_t into = (uintptr_t)line % LINE;

	if (r->probe == r->len - 1)
		return r->len;
	return r->probe > into ? r->probe - into : 0;
}

static size_t find_missing(const struct order_rig *r)
{
	for (size_t i = promised(r); i-- > 0;)
		if (byte_at(r->dst.p + r->off + i) != r->src.p[i])
			return i;
	return r->len;
}

/* User-mode Linux shows another CPU's change of a mapping after a system call only. */
static void look_afresh(void)
{
	getppid();
}

static void watch(struct order_rig *r)
{
	const uint8_t *at = r->dst.p + r->off + r->probe;

	for (size_t n = 1; byte_at(at) != r->src.p[r->probe]; n++) {
		switch (atomic_load(&r->phase)) {
		case WATCH:
			atomic_store(&r->phase, LOOKED);
			break;
		case SENT:
			r->looks++;
			break;
		case STOP:
			return;
		}
		if (n % 64 == 0)
			look_afresh();
	}
	if (r->drop)
		look_afresh();
	r->missing = find_missing(r);
	atomic_store(&r->phase, SEEN);
}

/* Who watches and who sends must not share a CPU, or nothing is seen on the way. */
static void stay_on_cpu(int n)
{
	cpu_set_t all, one;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof(all), &all))
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && !n--)
			CPU_SET(cpu, &one);
	if (CPU_COUNT(&one))
		sched_setaffinity(0, sizeof(one), &one);
}

static void *watcher(void *arg)
{
	struct order_rig *r = arg;

	stay_on_cpu(1);
	for (;;) {
		switch (atomic_load(&r->phase)) {
		case WATCH:
			watch(r);
			break;
		case STOP:
			return NULL;
		default:
			sched_yield();
		}
	}
}

/* A new stream in the source, and an old byte at the probe. */
static void renew(struct order_rig *r)
{
	size_t page = sysconf(_SC_PAGESIZE);

	do {
		r->src.seed = t_rand();
		pattern_fill(r->src.p, r->len, r->src.seed, 0);
	} while (r->src.p[r->probe] == r->dst.p[r->off + r->probe] || !r->src.p[r->probe]);
	if (!r->drop)
		return;
	for (size_t at = 0; at < r->dst.map_len; at += page)
		if (t_rand() & 1)
			madvise(r->dst.map + at, page, MADV_DONTNEED);
}

static void await_watcher(struct order_rig *r, int phase, const char *what)
{
	t_wait("the watcher to %s byte %zu of %zu", what, r->probe, r->len);
	while (atomic_load(&r->phase) != phase)
		sched_yield();
}

static void send_one(struct order_rig *r)
{
	bool read = r->code == IBV_WR_RDMA_READ;
	struct ibv_sge from = buf_sge(&r->src, 0, r->len), to = buf_sge(&r->dst, r->off, r->len);
	struct op op = {
		.code = r->code, .sge = read ? &to : &from, .nsge = 1, .id = ID,
		.raddr = read ? from.addr : to.addr,
		.rkey = read ? r->src.mr->rkey : r->dst.mr->rkey,
	};

	if (op_takes_recv(r->code))
		ep_recv(&r->p.b, &to, 1, ID + 1);
	atomic_store(&r->phase, SENT);
	ep_post(&r->p.a, &op);
	cq_want(r->p.a.scq, IBV_WC_SUCCESS, ID, op_name(r->code));
	if (op_takes_recv(r->code))
		cq_want(r->p.b.rcq, IBV_WC_SUCCESS, ID + 1, "receive");
}

static void one_round(struct order_rig *r)
{
	r->off = t_rand() % (r->dst.len - r->len + 1);
	r->probe = t_rand() % 4 ? r->len - 1 : t_rand() % r->len;
	renew(r);
	atomic_store(&r->phase, WATCH);
	await_watcher(r, LOOKED, "look at");
	send_one(r);
	await_watcher(r, SEEN, "see");
	t_check(r->missing == r->len,
		"%s of %zu bytes to offset %zu: byte %zu was there before byte %zu",
		op_name(r->code), r->len, r->off, r->probe, r->missing);
	buf_range(&r->dst, r->off, r->len, r->src.seed, 0, "destination");
}

static void rig_open(struct order_rig *r, int access)
{
	struct ep_cfg cfg = ep_rc();
	bool read = r->code == IBV_WR_RDMA_READ;

	ep_pair_open(&r->p, &cfg);
	buf_open(&r->src, read ? r->p.b.dev : r->p.a.dev, MAX_LEN, 3,
		 IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ);
	buf_open(&r->dst, read ? r->p.a.dev : r->p.b.dev, MAX_LEN + 4096, 1717, access);
	t_check(!pthread_create(&r->watcher, NULL, watcher, r), "no thread");
	stay_on_cpu(0);
}

static void rig_close(struct order_rig *r)
{
	atomic_store(&r->phase, STOP);
	pthread_join(r->watcher, NULL);
	buf_close(&r->src);
	buf_close(&r->dst);
	ep_pair_close(&r->p);
}

/* @c->arg is the operation, @c->arg2 more access flags. */
static void run_order(const struct t_case *c)
{
	struct order_rig r = { .code = c->arg, .drop = c->arg2 & ON_DEMAND || t_opts.odp };

	rig_open(&r, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | (int)c->arg2);

	size_t m = r.p.a.cfg.mtu;
	const size_t sizes[] = { 8, 9, 16, 63, 64, 65, 200, 1000, m - 1, m, m + 1, 2 * m + 17,
				 3 * m + 1023, MAX_LEN - 1, MAX_LEN };
	const size_t n = sizeof(sizes) / sizeof(sizes[0]);
	double until = t_now() + 4;
	size_t i;

	/* On a busy machine the watcher may get no turn for long: then some more. */
	for (i = 0; i < 2 * n || (i < 40 * n && t_now() < until) ||
		    (!r.looks && t_now() < until + t_seconds(10)); i++) {
		r.len = sizes[i % n] < MAX_LEN ? sizes[i % n] : MAX_LEN;
		one_round(&r);
	}
	t_note("%zu messages, %zu looks between post and arrival", i, r.looks);
	t_check(r.looks, "nobody looked while one of %zu messages was on its way", i);
	rig_close(&r);
}

const struct t_case cases_order[] = {
	{ "order.write", run_order, IBV_WR_RDMA_WRITE, 0, 60 },
	{ "order.send", run_order, IBV_WR_SEND, 0, 60 },
	{ "order.read", run_order, IBV_WR_RDMA_READ, 0, 60 },
	{ "order.write.odp", run_order, IBV_WR_RDMA_WRITE, ON_DEMAND, 60 },
	{ "order.send.odp", run_order, IBV_WR_SEND, ON_DEMAND, 60 },
	{ "order.read.odp", run_order, IBV_WR_RDMA_READ, ON_DEMAND, 60 },
	{ }
};
