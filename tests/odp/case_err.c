// SPDX-License-Identifier: GPL-2.0
/*
 * err.*: memory that is not there or not allowed, under a region that was registered well. In every
 * role that memory can have, the work request ends in bounded time with the status that the
 * specification names, no byte of the memory around changes, and both QPs work again after a reset.
 *
 * A fault at the responder is a remote operational error to the requester (IBA 9.9.3.1, class A);
 * in one's own memory it is a local protection error; a receive that it hits ends with that, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cases.h"
#include "placed.h"
#include "transfer.h"

enum { PAGES = 5, BAD = 2, LEN = 1500, GRH = 40, ID = 0xe44, RID = 0xe45 };

enum spoil {
	SPOIL_UNMAPPED, SPOIL_NONE, SPOIL_READ_ONLY, SPOIL_PAST_EOF, SPOIL_SECRET, SPOIL_PFNMAP,
};

enum role {
	ROLE_WRITE, ROLE_WRITE_IMM, ROLE_ADD, ROLE_SWAP, ROLE_RECV, ROLE_READ_INTO, ROLE_RESULT,
	ROLE_FIRST_SOURCE, ROLE_READ = ROLE_FIRST_SOURCE, ROLE_SEND, ROLE_WRITE_FROM, ROLES,
};

static const char *const role_names[ROLES] = {
	"target of WRITE", "target of WRITE_WITH_IMM", "target of FETCH_AND_ADD",
	"target of CMP_AND_SWP", "receive buffer", "destination of READ", "result of an atomic",
	"source of READ", "source of SEND", "source of WRITE",
};

struct err_rig {
	struct ep_pair p, back;	/* back: the memory's device is the requester */
	struct mem m;		/* PAGES pages, of which BAD is spoiled */
	struct buf pin;		/* at the other end */
	uint8_t *bad;		/* the spoiled page */
	struct ibv_mr *mr;	/* over it */
};

static void map_over(void *at, size_t len, int prot, int flags, int fd, const char *what)
{
	t_check(mmap(at, len, prot, flags | MAP_FIXED, fd, 0) == at, "mmap of %s: %s", what,
		strerror(errno));
}

static void map_secret(void *at, size_t len)
{
	int fd = syscall(SYS_memfd_secret, 0);

	if (fd < 0)
		t_skip("no memfd_secret: %s", strerror(errno));
	t_check(!ftruncate(fd, len), "ftruncate: %s", strerror(errno));
	map_over(at, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, "secret memory");
	pattern_fill(at, len, 0x5ec4e7, 0);
}

static void map_past_eof(void *at, size_t len)
{
	int fd = memfd_create("rxe_odp", MFD_CLOEXEC);

	t_check(fd >= 0 && !ftruncate(fd, 0), "memfd: %s", strerror(errno));
	map_over(at, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, "an empty file");
}

/* A mapping of this process that the kernel made of bare frames: VmFlags has "io" or "pf". */
static uint8_t *find_pfnmap(void)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long start = 0, end, a;
	uint8_t *found = NULL;
	char line[512];

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &a, &end) == 2)
			start = a;
		else if (!strncmp(line, "VmFlags:", 8) &&
			 (strstr(line, " pf ") || strstr(line, " io ")))
			found = (void *)start;
	}
	if (f)
		fclose(f);
	return found;
}

static uint8_t *map_frames(void)
{
	int fd = open("/dev/mem", O_RDWR | O_CLOEXEC);
	uint8_t *p = MAP_FAILED, *found = find_pfnmap();

	if (fd >= 0)
		p = mmap(NULL, odp_page(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0xf0000);
	if (p != MAP_FAILED)
		return p;
	if (!found)
		t_skip("no mapping of bare frames: none in /proc/self/smaps, no /dev/mem");
	return found;
}

static void spoil(struct err_rig *r, enum spoil how)
{
	size_t page = odp_page();

	switch (how) {
	case SPOIL_UNMAPPED:
		t_check(!munmap(r->bad, page), "munmap");
		break;
	case SPOIL_NONE:
	case SPOIL_READ_ONLY:
		t_check(!mprotect(r->bad, page, how == SPOIL_NONE ? PROT_NONE : PROT_READ),
			"mprotect");
		break;
	case SPOIL_PAST_EOF:
		map_past_eof(r->bad, page);
		break;
	case SPOIL_SECRET:
		map_secret(r->bad, page);
		break;
	case SPOIL_PFNMAP:
		r->bad = map_frames();
		r->mr = odp_reg(r->p.b.dev, r->bad, page, RIGHTS_ALL);
		break;
	}
}

/* All pages as they were filled; the spoiled one is refilled unless it kept its content. */
static void mend(struct err_rig *r, enum spoil how)
{
	size_t page = odp_page(), off = r->bad - r->m.b.p;

	if (how == SPOIL_PFNMAP) {
		t_zero(ibv_dereg_mr(r->mr));
		return;
	}
	if (how == SPOIL_NONE || how == SPOIL_READ_ONLY) {
		t_check(!mprotect(r->bad, page, PROT_READ | PROT_WRITE), "mprotect");
		return;
	}
	if (how == SPOIL_SECRET) {
		struct pattern_bad bad;

		t_check(!pattern_check(r->bad, page, 0x5ec4e7, 0, &bad), "secret memory changed");
	}
	map_over(r->bad, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, "a page");
	pattern_fill(r->bad, page, r->m.b.seed, off);
}

/*
 * The region is used before, so that the driver knows all its pages when they are spoiled. That is
 * for the case to do when it has opened all that it needs: a hole is where the next mapping goes.
 */
static void rig_open(struct err_rig *r)
{
	struct xfer in = { IBV_WR_RDMA_WRITE, &r->pin, &r->m.b, 0, 0, PAGES * 4096, 0 };
	struct ep_cfg cfg = ep_rc();

	odp_needed();
	memset(r, 0, sizeof(*r));
	ep_pair_open(&r->p, &cfg);
	mem_open(&r->m, r->p.b.dev, PLACE_ANON, PAGES * odp_page(), 0, RIGHTS_ALL, false);
	buf_open(&r->pin, r->p.a.dev, PAGES * odp_page(), 0, RIGHTS_ALL);
	r->mr = r->m.b.mr;
	xfer_run(&r->p, &in);
	buf_refill(&r->m.b);
	buf_refill(&r->pin);
	r->bad = r->m.b.p + BAD * odp_page();
	r->back = (struct ep_pair){ r->p.b, r->p.a };
}

struct plan {
	enum ibv_wr_opcode code;
	bool local;		/* the spoiled memory is the requester's own */
};

static const struct plan plans[ROLES] = {
	[ROLE_WRITE] = { IBV_WR_RDMA_WRITE, false },
	[ROLE_WRITE_IMM] = { IBV_WR_RDMA_WRITE_WITH_IMM, false },
	[ROLE_ADD] = { IBV_WR_ATOMIC_FETCH_AND_ADD, false },
	[ROLE_SWAP] = { IBV_WR_ATOMIC_CMP_AND_SWP, false },
	[ROLE_RECV] = { IBV_WR_SEND, false },
	[ROLE_READ] = { IBV_WR_RDMA_READ, false },
	[ROLE_READ_INTO] = { IBV_WR_RDMA_READ, true },
	[ROLE_RESULT] = { IBV_WR_ATOMIC_FETCH_AND_ADD, true },
	[ROLE_SEND] = { IBV_WR_SEND, true },
	[ROLE_WRITE_FROM] = { IBV_WR_RDMA_WRITE, true },
};

/* Post role @role on [@at, @at + @len), which is bad in whole or in part. */
static void post_role(struct err_rig *r, enum role role, uint8_t *at, size_t len)
{
	const struct plan *plan = &plans[role];
	struct ep_pair *p = plan->local ? &r->back : &r->p;
	bool atomic = role == ROLE_ADD || role == ROLE_SWAP || role == ROLE_RESULT;
	struct ibv_sge bad = { (uintptr_t)at, atomic ? 8 : len, r->mr->lkey };
	struct ibv_sge good = buf_sge(&r->pin, 16, atomic ? 8 : len);
	struct op op = { .code = plan->code, .nsge = 1, .id = ID, .add = 7, .swap = 9,
			 .sge = plan->local ? &bad : &good,
			 .raddr = plan->local ? good.addr : bad.addr,
			 .rkey = plan->local ? r->pin.mr->rkey : r->mr->rkey };

	if (plan->code == IBV_WR_SEND)
		ep_recv(&p->b, plan->local ? &good : &bad, 1, RID);
	else if (plan->code == IBV_WR_RDMA_WRITE_WITH_IMM)
		ep_recv(&p->b, NULL, 0, RID);
	ep_post(&p->a, &op);
}

/*
 * The responder's user hears of it: by the receive that the operation took, else by an event. For
 * immediate data the last packet of @len bytes takes it, and the first one fails.
 */
static void responder_told(struct ep *b, enum role as, size_t len)
{
	bool took = len <= (size_t)b->cfg.mtu;

	ep_await_state(b, IBV_QPS_ERR, "responder's", 5);
	if (as == ROLE_RECV)
		cq_want(b->rcq, IBV_WC_LOC_PROT_ERR, RID, "the receive");
	else if (as == ROLE_WRITE_IMM)
		cq_want(b->rcq, took ? IBV_WC_LOC_ACCESS_ERR : IBV_WC_WR_FLUSH_ERR, RID,
			"the receive for immediate data");
	if (as != ROLE_RECV && (as != ROLE_WRITE_IMM || !took))
		event_want(b->dev->ctx, IBV_EVENT_QP_FATAL, b->qp);
}

static void refused(struct err_rig *r, enum role role, uint8_t *at, size_t len)
{
	const struct plan *plan = &plans[role];
	struct ep_pair *p = plan->local ? &r->back : &r->p;
	struct ibv_wc wc;

	post_role(r, role, at, len);
	cq_poll(p->a.scq, &wc, role_names[role]);
	wc_want(&wc, plan->local ? IBV_WC_LOC_PROT_ERR : IBV_WC_REM_OP_ERR, role_names[role]);
	ep_want_state(&p->a, IBV_QPS_ERR, "requester's");
	if (!plan->local)
		responder_told(&p->b, role, len);
	/* SEND and WRITE may have begun before they met the bad page; the atomic is done. */
	if (role != ROLE_SEND && role != ROLE_WRITE_FROM && role != ROLE_RESULT)
		buf_same(&r->pin, "the other end's buffer");
	else
		buf_refill(&r->pin);
	ep_pair_again(&r->p);
}

/* Reading is what read-only memory is for. */
static bool allowed(enum spoil how, enum role role)
{
	return how == SPOIL_READ_ONLY && role >= ROLE_FIRST_SOURCE;
}

/* Mended, nothing of the memory has changed, and data flow. */
static void rig_end(struct err_rig *r, enum spoil how, const char *who)
{
	t_where("%s", "");
	mend(r, how);
	settle();
	buf_same(&r->m.b, who);
	pair_proves(&r->p);
}

/* @c->arg: how. The access lies in the bad page whole: nothing at all may change. */
static void whole(const struct t_case *c)
{
	struct err_rig r;

	rig_open(&r);
	spoil(&r, c->arg);
	for (enum role role = 0; role < ROLES; role++) {
		t_where("%s", role_names[role]);
		if (!allowed(c->arg, role))
			refused(&r, role, r.bad + 1000, LEN);
	}
	rig_end(&r, c->arg, "memory around what was refused");
}

/* The access begins in a good page: nothing behind the bad one may change. */
static void across(const struct t_case *c)
{
	size_t page = odp_page(), start = BAD * page - 501;
	struct err_rig r;

	rig_open(&r);
	spoil(&r, c->arg);
	for (enum role role = 0; role < ROLES; role++) {
		bool atomic = role == ROLE_ADD || role == ROLE_SWAP || role == ROLE_RESULT;

		if (atomic || allowed(c->arg, role))
			continue;
		t_where("%s", role_names[role]);
		buf_refill(&r.pin);
		post_role(&r, role, r.m.b.p + start, 2 * page);

		struct ep_pair *p = plans[role].local ? &r.back : &r.p;
		struct ibv_wc wc;

		cq_poll(p->a.scq, &wc, role_names[role]);
		wc_want(&wc, plans[role].local ? IBV_WC_LOC_PROT_ERR : IBV_WC_REM_OP_ERR,
			role_names[role]);
		settle();
		buf_range(&r.m.b, 0, start, r.m.b.seed, 0, "in front");
		buf_range(&r.m.b, (BAD + 1) * page, (PAGES - BAD - 1) * page, r.m.b.seed,
			  (BAD + 1) * page, "the good pages behind the bad one");
		pattern_fill(r.m.b.p + start, 501, r.m.b.seed, start);
		ep_pair_again(&r.p);
	}
	rig_end(&r, c->arg, "memory with a bad page, mended");
}

/* Post role @role with a list of a good entry and a bad one. */
static void post_entries(struct err_rig *r, enum role role, struct ibv_sge *list)
{
	const struct plan *plan = &plans[role];
	struct ep_pair *p = plan->local ? &r->back : &r->p;
	struct ibv_sge good = buf_sge(&r->pin, 16, list[0].length + list[1].length);
	struct op op = { .code = plan->code, .id = ID, .raddr = good.addr,
			 .rkey = r->pin.mr->rkey, .nsge = plan->local ? 2 : 1,
			 .sge = plan->local ? list : &good };

	if (plan->code == IBV_WR_SEND)
		ep_recv(&p->b, plan->local ? &good : list, plan->local ? 1 : 2, RID);
	ep_post(&p->a, &op);
}

/* One packet, whose bytes begin in a good entry of a list and end in a bad one. */
static void entries(const struct t_case *c)
{
	static const enum role roles[] = { ROLE_RECV, ROLE_READ_INTO, ROLE_SEND, ROLE_WRITE_FROM };
	struct err_rig r;

	rig_open(&r);
	spoil(&r, c->arg);
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		const struct plan *plan = &plans[roles[i]];
		struct ep_pair *p = plan->local ? &r.back : &r.p;
		struct ibv_sge list[2] = {
			{ (uintptr_t)r.m.b.p + 100, 301, r.mr->lkey },
			{ (uintptr_t)r.bad + 1000, 500, r.mr->lkey },
		};
		struct ibv_wc wc;

		t_where("%s", role_names[roles[i]]);
		post_entries(&r, roles[i], list);
		cq_poll(p->a.scq, &wc, role_names[roles[i]]);
		wc_want(&wc, plan->local ? IBV_WC_LOC_PROT_ERR : IBV_WC_REM_OP_ERR,
			role_names[roles[i]]);
		if (!plan->local)
			responder_told(&p->b, roles[i], list[0].length + list[1].length);
		buf_same(&r.pin, "the other end's buffer");
		ep_pair_again(&r.p);
		pattern_fill(r.m.b.p + 100, 301, r.m.b.seed, 100);
	}
	rig_end(&r, c->arg, "memory around");
}

/* A datagram whose network header fits in front of the bad page, and whose data do not. */
static void datagram_in(const struct t_case *c)
{
	struct ep_cfg cfg = ep_ud();
	struct ibv_sge bad, good;
	struct op op = { .code = IBV_WR_SEND, .sge = &good, .nsge = 1, .id = ID };
	struct err_rig r;
	struct ep_pair p;

	rig_open(&r);
	ep_pair_open(&p, &cfg);
	spoil(&r, c->arg);
	bad = (struct ibv_sge){ (uintptr_t)r.bad - GRH, 1000, r.mr->lkey };
	good = buf_sge(&r.pin, 7, 700);
	op.ah = ep_make_ah(p.a.dev, p.a.dev->pd, &p.b.dev->gid);
	op.qpn = p.b.qp->qp_num;
	op.qkey = cfg.qkey;
	ep_recv(&p.b, &bad, 1, RID);
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_SUCCESS, ID, "datagram to bad memory");
	cq_want(p.b.rcq, IBV_WC_LOC_PROT_ERR, RID, "receive of it");
	ep_want_state(&p.b, IBV_QPS_ERR, "receiver's");
	pattern_fill(r.bad - GRH, GRH, r.m.b.seed, r.bad - GRH - r.m.b.p);
	mend(&r, c->arg);
	buf_same(&r.m.b, "memory around");
}

/* The sender's bad source is a local error. */
static void datagram(const struct t_case *c)
{
	struct ep_cfg cfg = ep_ud();
	struct err_rig r;
	struct ep_pair p;
	struct ibv_sge bad, good;
	struct op op = { .code = IBV_WR_SEND, .sge = &bad, .nsge = 1, .id = ID };

	rig_open(&r);
	ep_pair_open(&p, &cfg);
	spoil(&r, c->arg);
	bad = (struct ibv_sge){ (uintptr_t)r.bad + 100, 800, r.mr->lkey };
	good = buf_sge(&r.pin, 7, 1000);
	op.ah = ep_make_ah(p.b.dev, p.b.dev->pd, &p.a.dev->gid);
	op.qpn = p.a.qp->qp_num;
	op.qkey = cfg.qkey;
	ep_recv(&p.a, &good, 1, RID);
	ep_post(&p.b, &op);
	cq_want(p.b.scq, IBV_WC_LOC_PROT_ERR, ID, "datagram from bad memory");
	cq_none(p.a.rcq, 100, "a datagram that was never sent");
	buf_same(&r.pin, "receive buffer");
	mend(&r, c->arg);
	buf_same(&r.m.b, "memory around");
}

/*
 * An unreliable connection tells nobody: the requester is done, and the responder's user hears. Own
 * memory is a local error as ever. The connection takes the place of the reliable one meanwhile.
 */
static void unreliable(const struct t_case *c)
{
	static const enum role roles[] = { ROLE_WRITE, ROLE_WRITE_IMM, ROLE_RECV, ROLE_SEND,
					   ROLE_WRITE_FROM };
	struct ep_cfg cfg = ep_uc();
	struct ep_pair connected;
	struct err_rig r;

	rig_open(&r);
	connected = r.p;
	ep_pair_open(&r.p, &cfg);
	r.back = (struct ep_pair){ r.p.b, r.p.a };
	spoil(&r, c->arg);
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		const struct plan *plan = &plans[roles[i]];
		struct ep_pair *p = plan->local ? &r.back : &r.p;

		t_where("%s", role_names[roles[i]]);
		post_role(&r, roles[i], r.bad + 1000, LEN);
		cq_want(p->a.scq, plan->local ? IBV_WC_LOC_PROT_ERR : IBV_WC_SUCCESS, ID,
			role_names[roles[i]]);
		if (plan->local)
			ep_want_state(&p->a, IBV_QPS_SQE, "requester's");
		else
			responder_told(&p->b, roles[i], LEN);
		buf_same(&r.pin, "the other end's buffer");
		ep_pair_again(&r.p);
	}
	ep_pair_close(&r.p);
	r.p = connected;
	rig_end(&r, c->arg, "memory around");
}

/* Only the QP that took the bad receive ends; the queue serves the next one. */
static void shared_queue(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ibv_sge bad, good, from;
	struct op send = { .code = IBV_WR_SEND, .sge = &from, .nsge = 1, .id = ID };
	struct err_rig r;
	struct ep_pair p;

	rig_open(&r);
	srq_pair_open(&p, &cfg);
	spoil(&r, c->arg);
	bad = (struct ibv_sge){ (uintptr_t)r.bad + 1000, LEN, r.mr->lkey };
	good = buf_sge(&r.m.b, 77, LEN);
	from = buf_sge(&r.pin, 16, LEN);
	srq_recv(cfg.srq, &bad, RID);
	srq_recv(cfg.srq, &good, RID + 1);
	ep_post(&p.a, &send);
	cq_want(p.a.scq, IBV_WC_REM_OP_ERR, ID, "SEND to bad memory");
	cq_want(p.b.rcq, IBV_WC_LOC_PROT_ERR, RID, "the receive of the shared queue");
	ep_await_state(&p.b, IBV_QPS_ERR, "responder's", 5);
	event_want(p.b.dev->ctx, IBV_EVENT_QP_LAST_WQE_REACHED, p.b.qp);
	ep_pair_again(&p);
	ep_post(&p.a, &send);
	cq_want(p.a.scq, IBV_WC_SUCCESS, ID, "SEND to the next receive");
	cq_want(p.b.rcq, IBV_WC_SUCCESS, RID + 1, "the next receive");
	settle();
	buf_range(&r.m.b, 77, LEN, r.pin.seed, 16, "the next receive");
	pattern_fill(r.m.b.p + 77, LEN, r.m.b.seed, 77);
	ep_pair_close(&p);
	t_zero(ibv_destroy_srq(cfg.srq));
	rig_end(&r, c->arg, "memory around");
}

/* A word is not written to memory that has gone. */
static void bad_word(struct err_rig *r)
{
	t_where("target of ATOMIC WRITE");
	placed_word(&r->p.a, r->mr->rkey, (uintptr_t)r->bad + 1000, 0x0123456789abcdef, ID);
	cq_want(r->p.a.scq, IBV_WC_REM_OP_ERR, ID, "ATOMIC WRITE");
	ep_await_state(&r->p.b, IBV_QPS_ERR, "responder's", 5);
	event_want(r->p.b.dev->ctx, IBV_EVENT_QP_FATAL, r->p.b.qp);
	ep_pair_again(&r->p);
}

/* A FLUSH asks what became of that which was written, not for the memory: it does not fault. */
static void bad_flush(struct err_rig *r, struct ibv_mr *mr)
{
	t_where("FLUSH");
	placed_flush(&r->p.a, mr->rkey, (uintptr_t)r->bad + 1000, LEN, PLACED_GLOBAL, PLACED_RANGE,
		     ID);
	cq_want(r->p.a.scq, IBV_WC_SUCCESS, ID, "FLUSH");
}

static void placed(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ep_pair connected;
	struct ibv_mr *mr;
	struct err_rig r;

	placed_need(PLACED_CAP_GLOBAL | PLACED_CAP_WORD);
	rig_open(&r);
	connected = r.p;
	placed_open(&r.p, &cfg, PLACED_GLOBAL);
	mr = odp_reg(r.p.b.dev, r.m.b.p, r.m.b.len, RIGHTS_ALL | placed_rights(PLACED_GLOBAL));
	spoil(&r, c->arg);
	bad_word(&r);
	bad_flush(&r, mr);
	t_zero(ibv_dereg_mr(mr));
	ep_pair_close(&r.p);
	r.p = connected;
	rig_end(&r, c->arg, "memory around");
}

#define KIND(name, how)							\
	{ "err." name ".whole", whole, how, 0, 60 },			\
	{ "err." name ".across", across, how, 0, 60 },			\
	{ "err." name ".entries", entries, how, 0, 60 },		\
	{ "err." name ".unreliable", unreliable, how, 0, 60 },		\
	{ "err." name ".shared_queue", shared_queue, how, 0, 60 },	\
	{ "err." name ".placed", placed, how, 0, 60 },			\
	{ "err." name ".datagram", datagram, how, 0, 0 },		\
	{ "err." name ".datagram_in", datagram_in, how, 0, 0 }

const struct t_case cases_err[] = {
	KIND("unmapped", SPOIL_UNMAPPED),
	KIND("prot_none", SPOIL_NONE),
	{ "err.read_only.whole", whole, SPOIL_READ_ONLY, 0, 60 },
	{ "err.read_only.across", across, SPOIL_READ_ONLY, 0, 60 },
	{ "err.read_only.shared_queue", shared_queue, SPOIL_READ_ONLY, 0, 60 },
	{ "err.read_only.placed", placed, SPOIL_READ_ONLY, 0, 60 },
	{ "err.read_only.datagram_in", datagram_in, SPOIL_READ_ONLY, 0, 0 },
	KIND("past_eof", SPOIL_PAST_EOF),
	KIND("secret", SPOIL_SECRET),
	{ "err.pfnmap.whole", whole, SPOIL_PFNMAP, 0, 60 },
	{ }
};
