// SPDX-License-Identifier: GPL-2.0
/*
 * life.*: a process with regions ends, however it ends, while a peer writes to it and reads from
 * it. The peer sees an error in bounded time, all objects of the process go, and where the queue
 * pair outlives the memory (another process, or another program, holds the file open) nothing is
 * written into memory that is not the region's any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "crew.h"
#include "rig.h"

enum { LEN = 40 * 4096 + 77, ID = 0x11fe };

enum end { END_EXIT, END_KILL, END_EXEC, END_EXEC_KEEP, END_ORPHAN };

struct card {
	struct ep_peer at;
	uint64_t addr;
	uint32_t rkey;
	uint64_t seed;
};

/* Bare _exit without any verb: what the process held, the kernel takes back. */
static void run_out(enum end how, struct ep *e)
{
	if (how == END_EXIT)
		_exit(0);
	if (how == END_KILL)
		pause();
	if (how == END_EXEC_KEEP)
		fcntl(e->dev->ctx->cmd_fd, F_SETFD, 0);
	if (how == END_ORPHAN) {
		if (!fork()) {
			sleep(60);
			_exit(0);
		}
		_exit(0);
	}
	execlp("sleep", "sleep", "60", NULL);
	_exit(3);
}

/* The child: responder with a region on demand; waits for the word, then ends as told. */
static void serve(struct crew *self, void *arg)
{
	enum end how = *(int *)arg;
	struct ep_cfg cfg = ep_rc();
	struct ep_peer peer;
	struct card card;
	struct mem m;
	struct ep e;

	ep_open(&e, 1, &cfg);
	mem_open(&m, e.dev, PLACE_ANON, LEN, 1001, RIGHTS_ALL, false);
	card = (struct card){ ep_self(&e), (uintptr_t)m.b.p, m.b.mr->rkey, m.b.seed };
	crew_tell(self, &card, sizeof(card));
	crew_hear(self, &peer, sizeof(peer), "the peer's QP");
	ep_up(&e, &peer);
	crew_step(self);
	crew_await(self, "the peer's word to end");
	run_out(how, &e);
}

static void post(struct ep *e, struct buf *b, const struct card *card, int i)
{
	struct ibv_sge sge = buf_sge(b, 0, LEN);
	struct op op = { .code = i & 1 ? IBV_WR_RDMA_READ : IBV_WR_RDMA_WRITE, .sge = &sge,
			 .nsge = 1, .id = ID + i, .raddr = card->addr, .rkey = card->rkey };

	ep_post(e, &op);
}

/* One message after the other until one fails; returns its status. */
static enum ibv_wc_status until_error(struct ep *e, struct buf *b, const struct card *card)
{
	double end = t_now() + t_seconds(12);
	struct ibv_wc wc = { };

	for (int i = 0; wc.status == IBV_WC_SUCCESS; i++) {
		t_check(t_now() < end, "the peer is gone for long, and WRITEs still succeed");
		post(e, b, card, i);
		cq_poll_for(e->scq, &wc, "message to a process that ends", 12);
	}
	return wc.status;
}

static void meet(struct crew *kid, struct ep *e, struct buf *b, struct card *card)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_peer self;
	struct ibv_wc wc;

	crew_hear(kid, card, sizeof(*card), "the child's region");
	cfg.timeout = 14;
	ep_open(e, 0, &cfg);
	buf_open(b, e->dev, LEN, 3, RIGHTS_ALL);
	self = ep_self(e);
	crew_tell(kid, &self, sizeof(self));
	crew_await(kid, "the child's QP");
	ep_up(e, &card->at);
	post(e, b, card, 1);
	cq_poll(e->scq, &wc, "READ while all is well");
	wc_want(&wc, IBV_WC_SUCCESS, "READ while all is well");
	buf_expect(b, 0, LEN, card->seed, 0, "what the child has");
}

static bool counts_are(int side, int mrs, int qps)
{
	double end = t_now() + t_seconds(10);

	t_wait("objects of the process to go");
	while (objects(side, "mr") != mrs || objects(side, "qp") != qps) {
		if (t_now() > end)
			return false;
		usleep(50000);
	}
	return true;
}

/* @c->arg: how it ends. */
static void ends(const struct t_case *c)
{
	int how = c->arg, mrs, qps;
	bool outlives = how == END_EXEC_KEEP || how == END_ORPHAN;
	enum ibv_wc_status status = IBV_WC_SUCCESS;
	struct card card;
	struct crew kid;
	struct buf b;
	struct ep e;

	odp_needed();
	crew_start(&kid, serve, &how);
	meet(&kid, &e, &b, &card);
	mrs = objects(1, "mr");
	qps = objects(1, "qp");
	for (int i = 0; i < 8; i++)
		post(&e, &b, &card, 100 + i);
	crew_step(&kid);
	if (how == END_KILL)
		kill(kid.pid, SIGKILL);
	for (int i = 0; i < 8; i++) {
		struct ibv_wc wc;

		cq_poll_for(e.scq, &wc, "message under way when the process ended", 12);
		status = status == IBV_WC_SUCCESS ? wc.status : status;
	}
	if (status == IBV_WC_SUCCESS)
		status = until_error(&e, &b, &card);
	/* Of a process that ends, the region may go first, the memory, or the QP. */
	t_check(status == IBV_WC_REM_OP_ERR || (!outlives && (status == IBV_WC_RETRY_EXC_ERR ||
							      status == IBV_WC_REM_ACCESS_ERR)),
		"got \"%s\" from a peer that ended", ibv_wc_status_str(status));
	t_note("the peer's end shows as \"%s\"", ibv_wc_status_str(status));
	if (outlives)
		return;
	if (how == END_EXEC)
		kill(kid.pid, SIGKILL);
	crew_reap(&kid, 10, "the process that ended");
	t_check(counts_are(1, mrs - 1, qps - 1),
		"%d regions and %d QPs are left, expected %d and %d", objects(1, "mr"),
		objects(1, "qp"), mrs - 1, qps - 1);
}

/*
 * The QP lives on in a file that another program holds, the memory is gone: each message that is
 * sent then is refused as an operational error. The child is quiet when it execs, so that the error
 * comes from a whole message.
 */
static void memory_gone(const struct t_case *c)
{
	int how = c->arg;
	enum ibv_wc_status status;
	struct card card;
	struct crew kid;
	struct buf b;
	struct ep e;

	odp_needed();
	crew_start(&kid, serve, &how);
	meet(&kid, &e, &b, &card);
	crew_step(&kid);
	usleep(t_seconds(0.2) * 1e6);
	buf_refill(&b);
	status = until_error(&e, &b, &card);
	t_check(status == IBV_WC_REM_OP_ERR, "got \"%s\" where memory is gone, expected \"%s\"",
		ibv_wc_status_str(status), ibv_wc_status_str(IBV_WC_REM_OP_ERR));
	kill(kid.pid, SIGKILL);
}

/* A region deregistered under traffic: what comes behind is refused, nothing more is written. */
static void dereg(const struct t_case *c)
{
	struct ibv_wc wc;
	struct rig r;

	rig_open(&r, c->arg, LEN);
	for (int round = 0; round < 20; round++) {
		bool bad = false;

		t_where("round %d", round);
		if (round & 1)
			rig_warm(&r);
		for (int i = 0; i < 12; i++)
			rig_op(&r, IBV_WR_RDMA_WRITE, r.off, r.len);
		t_wait("ibv_dereg_mr under traffic");
		t_zero(ibv_dereg_mr(r.m.b.mr));
		buf_refill(&r.m.b);
		for (int i = 0; i < 12; i++) {
			cq_poll(r.p.a.scq, &wc, "WRITE to a region that goes away");
			bad |= wc.status != IBV_WC_SUCCESS;
			t_check(!bad || wc.status == IBV_WC_REM_ACCESS_ERR ||
				wc.status == IBV_WC_WR_FLUSH_ERR, "got \"%s\"",
				ibv_wc_status_str(wc.status));
		}
		buf_same(&r.m.b, "memory after its region was deregistered");
		mem_reg(&r.m, r.p.b.dev, RIGHTS_ALL);
		ep_pair_again(&r.p);
	}
	rig_proves(&r, "registered again");
	rig_close(&r);
}

/* The mapping goes under traffic: success or an operational error, then all is well again. */
static void unmapped(const struct t_case *c)
{
	struct ibv_wc wc;
	struct rig r;

	odp_needed();
	rig_open(&r, PLACE_ANON, LEN);
	for (int round = 0; round < 20; round++) {
		enum ibv_wr_opcode code = round & 1 ? IBV_WR_RDMA_READ : IBV_WR_RDMA_WRITE;
		bool bad = false;

		t_where("round %d, %s", round, op_name(code));
		if (round & 2)
			rig_warm(&r);
		for (int i = 0; i < 8; i++)
			rig_op(&r, code, r.off, r.len);
		if (c->arg)
			usleep(t_rand() % 2000);
		t_wait("munmap under traffic");
		t_check(!munmap(r.m.b.map, r.m.b.map_len), "munmap");
		for (int i = 0; i < 8; i++) {
			cq_poll(r.p.a.scq, &wc, "message to memory that goes away");
			t_check(wc.status == IBV_WC_SUCCESS ? !bad : wc.status ==
				(bad ? IBV_WC_WR_FLUSH_ERR : IBV_WC_REM_OP_ERR), "got \"%s\"",
				ibv_wc_status_str(wc.status));
			bad |= wc.status != IBV_WC_SUCCESS;
		}
		t_check(mmap(r.m.b.map, r.m.b.map_len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == r.m.b.map, "mmap");
		zero_want(r.m.b.map, r.m.b.map_len, "new memory where a WRITE may have been late");
		ep_pair_again(&r.p);
		rig_proves(&r, "mapped again");
	}
	rig_close(&r);
}

const struct t_case cases_life[] = {
	{ "life.exit", ends, END_EXIT, 0, 60 },
	{ "life.kill", ends, END_KILL, 0, 60 },
	{ "life.exec", ends, END_EXEC, 0, 60 },
	{ "life.exec_keep.busy", ends, END_EXEC_KEEP, 0, 60 },
	{ "life.exec_keep.quiet", memory_gone, END_EXEC_KEEP, 0, 60 },
	{ "life.orphan.busy", ends, END_ORPHAN, 0, 60 },
	{ "life.orphan.quiet", memory_gone, END_ORPHAN, 0, 60 },
	{ "life.dereg.anon", dereg, PLACE_ANON, 0, 0 },
	{ "life.munmap", unmapped, 0, 0, 60 },
	{ "life.munmap.late", unmapped, 1, 0, 60 },
	{ }
};
