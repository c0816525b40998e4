// SPDX-License-Identifier: GPL-2.0
/*
 * A program that changes its queues while the driver reads them.
 *
 *   rxe_scribble SECONDS [options] [NAME or GLOB ...]
 *
 * librxe's rings are memory of the program: indices, work requests, completions. Here a process
 * scribbles on all of them from a seeded stream, all the time, while another posts to them, rings
 * the doorbell, brings its queue pairs up again when they have failed, resizes queues, and destroys
 * them. Each case is that for one service.
 *
 * What must hold all the same: other processes, on this device and others, transfer right bytes;
 * not a byte changes but in regions that the program may write itself; every verb returns; and the
 * device works afterwards. The regions that the scribbler knows the keys of are those of `regions`
 * and those of the witnesses.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rdma/ib_user_verbs.h>

#include "scribble_ring.h"
#include "xfer.h"

enum { LENGTH = 13001, OFF = 1003, REACH = 9005, SGES = 3, INLINE = 128, WITNESSES = 3, AHS = 3 };
/* On a machine that is too busy for anything: at least so many posts, so many times. */
enum { ROUNDS = 30, EPOCHS = 4 };

static double seconds;

/* struct world - what the processes of a case share. */
struct world {
	int stop;
	struct {
		unsigned int rounds;
		struct target treasure;
	} witness[WITNESSES];
};

/* Bystanders: every byte of their traffic is right, and their memory is nobody's business. */
static void witness(struct world *w, int i)
{
	int side = i == 2 ? 1 : 0;
	struct ep_cfg cfg = ep_rc();
	struct buf treasure;
	struct ep_pair p;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	t_opts.odp = i == 1;
	/* Streams of their own, not those of the scribbling process. */
	for (int n = 0; n < 1000 * (i + 1); n++)
		t_rand();
	ep_open(&p.a, side, &cfg);
	ep_open(&p.b, side, &cfg);
	ep_pair_connect(&p);
	buf_open(&treasure, p.a.dev, 9001, 17 + i, RIGHTS_ALL);
	w->witness[i].treasure = (struct target) { (uintptr_t)treasure.p, treasure.len,
						   treasure.mr->rkey };
	__atomic_store_n(&w->witness[i].rounds, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		pair_proves(&p);
		w->witness[i].rounds++;
		buf_same(&treasure, "witness");
		/* There are not many CPUs, and those who scribble and post at once need two. */
		usleep(3000);
	}
	buf_close(&treasure);
	ep_pair_close(&p);
	_exit(0);
}

static void start_witnesses(struct world *w, pid_t *pids)
{
	for (int i = 0; i < WITNESSES; i++) {
		pids[i] = fork();
		t_check(pids[i] >= 0, "fork: %s", strerror(errno));
		if (!pids[i])
			witness(w, i);
	}
	t_wait("the witnesses");
	for (int i = 0; i < WITNESSES; i++)
		while (!__atomic_load_n(&w->witness[i].rounds, __ATOMIC_ACQUIRE)) {
			t_check(!waitpid(pids[i], NULL, WNOHANG), "witness %d has ended", i);
			usleep(10000);
		}
}

/* A witness that has failed has left the reason itself. */
static void end_witnesses(struct world *w, const pid_t *pids)
{
	int status, failed = 0;

	__atomic_store_n(&w->stop, 1, __ATOMIC_RELEASE);
	t_wait("the end of the witnesses");
	for (int i = 0; i < WITNESSES; i++) {
		t_check(waitpid(pids[i], &status, 0) == pids[i], "waitpid: %s", strerror(errno));
		if (WIFSIGNALED(status))
			t_fail("witness %d was ended by signal %d", i, WTERMSIG(status));
		failed += WEXITSTATUS(status);
	}
	if (failed)
		_exit(1);
	for (int i = 0; i < WITNESSES; i++)
		t_check(w->witness[i].rounds > 2, "witness %d did %u rounds only", i,
			w->witness[i].rounds);
	t_note("rounds of the witnesses: %u, %u, %u", w->witness[0].rounds, w->witness[1].rounds,
	       w->witness[2].rounds);
}

/* Memory of the program. Bytes [OFF, OFF + REACH) are registered; only open ones may change. */
static const struct region_kind {
	int access;
	bool open;
	bool other_pd;
	bool stale;
} kinds[] = {
	{ RIGHTS_ALL | IBV_ACCESS_MW_BIND, true, false, false },
	{ RIGHTS_ALL | IBV_ACCESS_MW_BIND | IBV_ACCESS_ON_DEMAND, true, false, false },
	{ 0, false, false, false },
	{ IBV_ACCESS_ON_DEMAND, false, false, false },
	{ IBV_ACCESS_REMOTE_READ, false, false, false },
	{ IBV_ACCESS_REMOTE_READ | IBV_ACCESS_ON_DEMAND, false, false, false },
	{ RIGHTS_ALL, false, true, false },
	{ RIGHTS_ALL, false, false, true },
};

enum { REGIONS = sizeof(kinds) / sizeof(kinds[0]) };

/* struct actor - the program that scribbles. */
struct actor {
	struct ep_cfg cfg;
	struct ep_pair p;
	struct ep_dev *other;		/* the device again, with a PD of its own */
	struct ibv_srq *srq;
	struct ibv_ah *ahs[AHS];
	struct buf regions[REGIONS];
	struct ibv_mr *mrs[REGIONS];
	struct scribble s;
	struct {
		struct ring ring;
		uint32_t handle;
	} sq[2];
	uint64_t posts, revivals, epochs;
};

static void open_regions(struct actor *a)
{
	a->other = ep_dev_open(0);
	for (int i = 0; i < REGIONS; i++) {
		struct buf *b = &a->regions[i];
		struct ibv_pd *pd = kinds[i].other_pd ? a->other->pd : ep_dev(0)->pd;

		buf_plain(b, LENGTH, 4091 + i);
		a->mrs[i] = ibv_reg_mr(pd, b->p + OFF, REACH, kinds[i].access);
		t_check(a->mrs[i], "region %d: %s", i, strerror(errno));
		a->s.targets[a->s.num_targets++] = (struct target) {
			(uintptr_t)b->p + OFF, REACH, a->mrs[i]->rkey,
		};
		if (kinds[i].stale) {
			t_zero(ibv_dereg_mr(a->mrs[i]));
			a->mrs[i] = NULL;
		}
	}
}

/* Nobody transfers now. What is open is put right again, so that all of it can be compared. */
static void check_regions(struct actor *a)
{
	for (int i = 0; i < REGIONS; i++) {
		struct buf *b = &a->regions[i];

		t_where("region %d, access %#x", i, kinds[i].access);
		if (kinds[i].open)
			pattern_fill(b->p + OFF, REACH, b->seed, OFF);
		buf_same(b, kinds[i].open ? "around an open region" : "a closed region");
	}
	t_where("%s", "");
}

static void close_regions(struct actor *a)
{
	for (int i = 0; i < REGIONS; i++) {
		if (a->mrs[i])
			t_zero(ibv_dereg_mr(a->mrs[i]));
		buf_close(&a->regions[i]);
	}
}

/* The QP's state changes under us, so any step may fail; the next time around it may not. */
static void bring_up(struct ep *e, const struct ep_peer *peer)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };
	int mask;

	t_wait("ibv_modify_qp of a QP that is scribbled on");
	ibv_modify_qp(e->qp, &attr, IBV_QP_STATE);
	mask = ep_attr_init(e, &attr);
	ibv_modify_qp(e->qp, &attr, mask);
	mask = ep_attr_rtr(e, peer, &attr);
	ibv_modify_qp(e->qp, &attr, mask);
	mask = ep_attr_rts(e, &attr);
	ibv_modify_qp(e->qp, &attr, mask);
}

static void revive(struct actor *a)
{
	struct ep_peer peer_a = ep_self(&a->p.a), peer_b = ep_self(&a->p.b);

	if (ep_state(&a->p.a) == IBV_QPS_RTS && ep_state(&a->p.b) == IBV_QPS_RTS)
		return;
	bring_up(&a->p.a, &peer_b);
	bring_up(&a->p.b, &peer_a);
	a->revivals++;
}

/* What librxe does when it has something posted; it would itself trust what was scribbled. */
static void doorbell(const struct ep *e, uint32_t handle)
{
	struct ib_uverbs_post_send_resp resp;
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_post_send cmd;
	} it = {
		.hdr = {
			.command = IB_USER_VERBS_CMD_POST_SEND,
			.in_words = sizeof(it) / 4,
			.out_words = sizeof(resp) / 4,
		},
		.cmd = {
			.response = (uintptr_t)&resp,
			.qp_handle = handle,
			.wqe_size = sizeof(struct ib_uverbs_send_wr),
		},
	};

	t_wait("the doorbell");
	if (write(e->dev->ctx->cmd_fd, &it, sizeof(it)) < 0)
		t_check(errno == EINVAL, "doorbell: got %s, expected EINVAL", t_errname(errno));
}

static struct rxe_sge a_sge(struct actor *a, uint32_t len)
{
	int open = scribble_rand(&a->s) % 2;

	return (struct rxe_sge) {
		.addr = (uintptr_t)a->regions[open].p + OFF + scribble_rand(&a->s) % 3000,
		.length = len,
		.lkey = a->mrs[open]->lkey,
	};
}

/* A work request that nothing is wrong with. */
static void fill_send(struct actor *a, struct rxe_send_wqe *wqe, const struct ep *to)
{
	static const uint8_t opcodes[] = {
		IBV_WR_SEND, IBV_WR_RDMA_WRITE, IBV_WR_RDMA_WRITE_WITH_IMM, IBV_WR_RDMA_READ,
		IBV_WR_ATOMIC_CMP_AND_SWP, IBV_WR_ATOMIC_FETCH_AND_ADD,
	};
	int kinds_of = a->cfg.type == IBV_QPT_UD ? 1 : a->cfg.type == IBV_QPT_UC ? 3 : 6;
	uint32_t opcode = opcodes[scribble_rand(&a->s) % kinds_of];
	int open = scribble_rand(&a->s) % 2;
	uint64_t addr = (uintptr_t)a->regions[open].p + OFF;
	/* Not read again: the scribbler may change it meanwhile. */
	uint32_t num = 1 + scribble_rand(&a->s) % SGES;

	memset(wqe, 0, sizeof(*wqe));
	wqe->wr.opcode = opcode;
	wqe->wr.send_flags = IBV_SEND_SIGNALED;
	wqe->dma.num_sge = num;
	for (uint32_t i = 0; i < num; i++)
		wqe->dma.sge[i] = a_sge(a, scribble_rand(&a->s) % 300);
	if (a->cfg.type == IBV_QPT_UD) {
		wqe->wr.wr.ud.remote_qpn = to->qp->qp_num;
		wqe->wr.wr.ud.remote_qkey = a->cfg.qkey;
		wqe->wr.wr.ud.ah_num = 1 + scribble_rand(&a->s) % AHS;
	} else if (opcode == IBV_WR_ATOMIC_CMP_AND_SWP || opcode == IBV_WR_ATOMIC_FETCH_AND_ADD) {
		wqe->wr.wr.atomic.remote_addr = (addr + 7) & ~7ULL;
		wqe->wr.wr.atomic.rkey = a->mrs[open]->rkey;
		wqe->dma.num_sge = 1;
		wqe->dma.sge[0] = a_sge(a, 8);
	} else {
		wqe->wr.wr.rdma.remote_addr = addr + scribble_rand(&a->s) % 3000;
		wqe->wr.wr.rdma.rkey = a->mrs[open]->rkey;
	}
}

static void fill_recv(struct actor *a, struct rxe_recv_wqe *wqe)
{
	memset(wqe, 0, sizeof(*wqe));
	wqe->dma.num_sge = 1;
	wqe->dma.sge[0] = a_sge(a, 1200);
	wqe->dma.length = 1200;
}

static void publish(uint32_t *index, uint32_t value)
{
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

/* A few good sends behind what the driver has taken, good receives everywhere, and empty CQs. */
static void post(struct actor *a, int side)
{
	const struct ring *sq = &a->sq[side].ring;
	const struct ep *e = side ? &a->p.b : &a->p.a, *to = side ? &a->p.a : &a->p.b;
	uint32_t at = sq->buf->consumer_index, n = 1 + scribble_rand(&a->s) % 6;

	for (int i = 0; i < a->s.n; i++) {
		const struct ring *r = &a->s.rings[i];

		if (r->mask == CQ_MASK)
			publish(&r->buf->consumer_index, r->buf->producer_index);
		if (r->mask != RQ_MASK && r->mask != SRQ_MASK)
			continue;
		for (int k = 0; k < 4; k++)
			fill_recv(a, ring_elem(r, scribble_rand(&a->s)));
		publish(&r->buf->producer_index, (r->buf->consumer_index - 1) & r->mask);
	}
	for (uint32_t i = 0; i < n; i++)
		fill_send(a, ring_elem(sq, at + i), to);
	publish(&sq->buf->producer_index, (at + n) & sq->mask);
	doorbell(e, a->sq[side].handle);
	a->posts += n;
}

static void open_queues(struct actor *a)
{
	struct ibv_srq_init_attr init = { .attr = { .max_wr = SRQ_MASK, .max_sge = SGES } };

	if (a->cfg.srq) {
		a->srq = ibv_create_srq(ep_dev(0)->pd, &init);
		t_check(a->srq, "ibv_create_srq: %s", strerror(errno));
		a->cfg.srq = a->srq;
	}
	/* Found one after the other, as their rings look alike. */
	ep_open(&a->p.a, 0, &a->cfg);
	scribble_find(&a->s);
	for (int i = 0; i < a->s.n; i++)
		if (a->s.rings[i].mask == SQ_MASK)
			a->sq[0].ring = a->s.rings[i];
	a->sq[0].handle = a->p.a.qp->handle;
	ep_open(&a->p.b, 0, &a->cfg);
	scribble_find(&a->s);
	for (int i = 0; i < a->s.n; i++)
		if (a->s.rings[i].mask == SQ_MASK && a->s.rings[i].buf != a->sq[0].ring.buf)
			a->sq[1].ring = a->s.rings[i];
	a->sq[1].handle = a->p.b.qp->handle;
	/* Two CQs and an SQ of each, and either an RQ of each or what they share. */
	t_check(a->s.n == (a->srq ? 7 : 8), "%d rings are mapped", a->s.n);
	t_check(a->sq[0].ring.buf && a->sq[1].ring.buf, "a send queue was not found");
}

/* While it is scribbled on: other sizes, and the end. What the old content fits in is chance. */
static void close_queues(struct actor *a)
{
	struct ibv_srq_attr attr = { .max_wr = scribble_rand(&a->s) & 1 ? 40 : 400 };

	t_wait("resizing and destroying queues that are scribbled on");
	if (scribble_rand(&a->s) & 1)
		ibv_resize_cq(a->p.a.scq, 100 + scribble_rand(&a->s) % 1000);
	if (a->srq && (scribble_rand(&a->s) & 1))
		ibv_modify_srq(a->srq, &attr, IBV_SRQ_MAX_WR);
	ep_pair_close(&a->p);
	if (a->srq)
		t_zero(ibv_destroy_srq(a->srq));
	a->srq = NULL;
}

static void epoch(struct actor *a, double length)
{
	double end;
	pid_t scribbler;

	open_queues(a);
	scribbler = scribble_start(&a->s, a->epochs & 1);
	a->s.seed = t_rand();
	end = t_now() + length;
	for (int i = 0; i < ROUNDS || t_now() < end; i++) {
		revive(a);
		post(a, 0);
		post(a, 1);
	}
	close_queues(a);
	scribble_stop(scribbler);
	check_regions(a);
	a->epochs++;
}

/* struct reasons - counters that a scribbled work request ends in. */
static const char *const reasons[] = {
	"send_err", "remote_access_err", "remote_invalid_req_err", "remote_op_err",
	"duplicate_request", "drop_qp_state", "drop_ud_memory", "drop_ud_length", "cq_overflow",
};

enum { REASONS = sizeof(reasons) / sizeof(reasons[0]) };

static void read_reasons(uint64_t *values)
{
	for (int i = 0; i < REASONS; i++)
		values[i] = ep_counter(ep_dev(0), reasons[i]);
}

/* Things went wrong, as they should, and the counters say which. */
static void tell_reasons(const uint64_t *before, enum ibv_qp_type type)
{
	uint64_t now[REASONS];
	char text[400] = "";
	size_t used = 0;

	read_reasons(now);
	for (int i = 0; i < REASONS; i++)
		if (now[i] != before[i])
			used += snprintf(text + used, sizeof(text) - used, " %s %lu", reasons[i],
					 now[i] - before[i]);
	t_note("counted:%s", text);
	t_check(now[0] > before[0], "no work request has failed");
	if (type == IBV_QPT_RC)
		t_check(now[1] + now[2] + now[3] > before[1] + before[2] + before[3],
			"nothing was refused by the other end");
}

static void act(struct actor *a, struct world *w)
{
	double end = t_now() + seconds / 4;
	uint64_t before[REASONS];

	for (int i = 0; i < WITNESSES; i++)
		a->s.targets[a->s.num_targets++] = w->witness[i].treasure;
	a->s.seed = t_rand();
	open_regions(a);
	/* Address handles are numbers, too, which a datagram names. */
	for (int i = 0; i < AHS; i++)
		a->ahs[i] = ep_make_ah(ep_dev(0), ep_dev(0)->pd, &ep_dev(0)->gid);
	read_reasons(before);
	do
		epoch(a, 0.15);
	while (a->epochs < EPOCHS || t_now() < end);
	t_note("%lu epochs, %lu posts, QPs brought up %lu times", a->epochs, a->posts,
	       a->revivals);
	tell_reasons(before, a->cfg.type);
	for (int i = 0; i < AHS; i++)
		t_zero(ibv_destroy_ah(a->ahs[i]));
	close_regions(a);
}

static void works(int side)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;

	ep_open(&p.a, side, &cfg);
	ep_open(&p.b, side, &cfg);
	ep_pair_connect(&p);
	pair_proves(&p);
	ep_pair_close(&p);
}

static void run(const struct t_case *c)
{
	struct world *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			       -1, 0);
	struct actor *a = calloc(1, sizeof(*a));
	pid_t witnesses[WITNESSES];

	t_check(w != MAP_FAILED && a, "no memory");
	start_witnesses(w, witnesses);
	a->cfg = c->arg == IBV_QPT_UD ? ep_ud() : c->arg == IBV_QPT_UC ? ep_uc() : ep_rc();
	a->cfg.send_wr = SQ_MASK;
	a->cfg.recv_wr = RQ_MASK;
	a->cfg.send_sge = a->cfg.recv_sge = SGES;
	a->cfg.inline_bytes = INLINE;
	a->cfg.cqe = CQ_MASK;
	a->cfg.timeout = 8;
	a->cfg.mtu = 1024;
	/* Any that is not NULL: one is made for each epoch. */
	a->cfg.srq = c->arg2 ? (void *)a : NULL;
	act(a, w);
	end_witnesses(w, witnesses);
	works(0);
	works(1);
}

static const struct t_case cases[] = {
	{ "scribble.rc", run, IBV_QPT_RC, 0, 90 },
	{ "scribble.srq", run, IBV_QPT_RC, 1, 90 },
	{ "scribble.uc", run, IBV_QPT_UC, 0, 90 },
	{ "scribble.ud", run, IBV_QPT_UD, 0, 90 },
	{ }
};

int main(int argc, char **argv)
{
	static const struct t_table tables[] = { { cases }, { NULL } };

	seconds = argc > 1 ? atof(argv[1]) : 0;
	if (seconds <= 0) {
		fprintf(stderr, "usage: %s SECONDS [options] [NAME or GLOB ...]\n", argv[0]);
		return 2;
	}
	argv[1] = argv[0];
	return t_main(argc - 1, argv + 1, tables);
}
