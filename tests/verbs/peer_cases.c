// SPDX-License-Identifier: GPL-2.0
/*
 * What two rxe_peer processes do with each other: every operation by size, atomics, datagrams, a
 * random mix, roles turned; and a load that goes on until the peer is gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "peer.h"

enum { ROOM = (1 << 20) + 4096, GRH = 40 };

static bool is_send(enum ibv_wr_opcode code)
{
	return code == IBV_WR_SEND || code == IBV_WR_SEND_WITH_IMM;
}

static bool is_atomic(enum ibv_wr_opcode code)
{
	return code == IBV_WR_ATOMIC_CMP_AND_SWP || code == IBV_WR_ATOMIC_FETCH_AND_ADD;
}

/* ---- follower ---- */

static void prepare(struct peer_link *l, struct peer_msg *m)
{
	bool ud = l->e.cfg.type == IBV_QPT_UD;
	struct ibv_sge sge = buf_sge(&l->buf, m->off - (ud ? GRH : 0), m->len + (ud ? GRH : 0));

	buf_refill(&l->buf);
	if (is_atomic(m->code))
		memcpy(l->buf.p + m->off, &m->value, 8);
	if (op_takes_recv(m->code))
		ep_recv(&l->e, &sge, is_send(m->code) ? 1 : 0, 0xf0);
	m->addr = (uintptr_t)l->buf.p + m->off;
	m->rkey = l->buf.mr->rkey;
	m->seed = l->buf.seed;
}

/* The buffer but for the GRH area and the transfer is as filled; the transfer is the driver's. */
static void check_buffer(struct peer_link *l, const struct peer_msg *m)
{
	uint8_t *grh = l->buf.p + m->off - GRH;

	if (l->e.cfg.type == IBV_QPT_UD)
		pattern_fill(grh, GRH, l->buf.seed, m->off - GRH);
	if (is_atomic(m->code)) {
		uint64_t got;

		memcpy(&got, l->buf.p + m->off, 8);
		t_check(got == m->value, "value left: got %#lx, expected %#lx", got, m->value);
		pattern_fill(l->buf.p + m->off, 8, l->buf.seed, m->off);
	}
	if (is_atomic(m->code) || m->code == IBV_WR_RDMA_READ)
		buf_same(&l->buf, "responder's buffer");
	else
		buf_expect(&l->buf, m->off, m->len, m->seed, m->pos, "destination");
}

static void check_imm(const struct ibv_wc *wc, const struct peer_msg *m)
{
	enum ibv_wc_opcode want = is_send(m->code) ? IBV_WC_RECV : IBV_WC_RECV_RDMA_WITH_IMM;
	bool imm = op_has_imm(m->code);

	t_check(wc->opcode == want, "opcode: got %d, expected %d", wc->opcode, want);
	t_check(!!(wc->wc_flags & IBV_WC_WITH_IMM) == imm,
		"wc_flags: got %#x, expected immediate data %d", wc->wc_flags, imm);
	t_check(!imm || ntohl(wc->imm_data) == m->imm, "immediate data: got %#x, expected %#x",
		ntohl(wc->imm_data), m->imm);
}

static void check(struct peer_link *l, struct peer_msg *m)
{
	size_t extra = l->e.cfg.type == IBV_QPT_UD ? GRH : 0;
	struct ibv_wc wc;

	t_where("%s of %zu bytes", op_name(m->code), m->len);
	if (op_takes_recv(m->code)) {
		cq_poll(l->e.rcq, &wc, "receive");
		wc_want(&wc, IBV_WC_SUCCESS, "receive");
		t_check(wc.byte_len == m->len + extra, "byte_len: got %u, expected %zu",
			wc.byte_len, m->len + extra);
		check_imm(&wc, m);
	}
	check_buffer(l, m);
}

/* Serve load: keep receives posted until the driver's process closes the connection or dies. */
static void follow_traffic(struct peer_link *l)
{
	struct ibv_sge sge = buf_sge(&l->buf, ROOM / 2, 65536);
	struct ibv_wc wc;
	char c;

	for (int i = 0; i < 64; i++)
		ep_recv(&l->e, &sge, 1, i);
	while (recv(l->sock, &c, 1, MSG_DONTWAIT | MSG_PEEK) < 0) {
		int n = ibv_poll_cq(l->e.rcq, 1, &wc);

		if (!n && event_gone(l->e.dev->ctx)) {
			t_note("the device went away");
			return;
		}
		if (n < 0 || (n && wc.status != IBV_WC_SUCCESS)) {
			t_note("receive ended by \"%s\"", n < 0 ? "poll_cq" :
			       ibv_wc_status_str(wc.status));
			return;
		}
		if (n)
			ep_recv_try(&l->e, &sge, 1, 0);
		else
			usleep(200);
	}
}

void peer_follow(struct peer_link *l, const struct peer_msg *hello)
{
	struct peer_msg m;

	buf_open(&l->buf, l->e.dev, ROOM, 4001, RIGHTS_ALL);
	if (hello->traffic) {
		m = *hello;
		m.off = 0;
		prepare(l, &m);
		peer_send(l, &m);
		follow_traffic(l);
		return;
	}
	while (peer_try_get(l, &m) && m.kind != PEER_BYE) {
		if (m.kind == PEER_PREPARE)
			prepare(l, &m);
		else
			check(l, &m);
		peer_send(l, &m);
	}
}

/* ---- driver ---- */

/* One operation: agree, post, complete, have it checked, check the own side. */
static void drive(struct peer_link *l, struct buf *local, enum ibv_wr_opcode code, size_t len,
		  struct ibv_ah *ah)
{
	size_t off = 1 + t_rand() % 90;
	struct ibv_sge sge = buf_sge(local, off, len);
	struct peer_msg m = { .kind = PEER_PREPARE, .code = code, .len = len,
			      .off = 41 + t_rand() % 99, .value = t_rand(), .imm = t_rand() },
			ready = m;
	struct op op = { .code = code, .sge = &sge, .nsge = 1, .id = 0xd0, .imm = m.imm,
			 .add = t_rand(), .swap = t_rand(), .ah = ah,
			 .qpn = l->other.qpn, .qkey = l->e.cfg.qkey };

	t_where("%s of %zu bytes at path MTU %d", op_name(code), len, l->e.cfg.mtu);
	buf_refill(local);
	if (is_atomic(code))
		m.off = 95;	/* the follower's buffer is 4001 bytes into a page: 4096 */
	peer_send(l, &m);
	peer_get(l, &ready);
	op.raddr = ready.addr;
	op.rkey = ready.rkey;
	ep_post(&l->e, &op);
	cq_want(l->e.scq, IBV_WC_SUCCESS, 0xd0, op_name(code));
	m.kind = PEER_CHECK;
	m.seed = local->seed;
	m.pos = off;
	if (code == IBV_WR_ATOMIC_FETCH_AND_ADD) {
		t_check(!memcmp(local->p + off, &m.value, 8), "value returned is wrong");
		m.value += op.add;
	} else if (code == IBV_WR_ATOMIC_CMP_AND_SWP) {
		t_check(!memcmp(local->p + off, &m.value, 8), "value returned is wrong");
		m.value = m.value == op.add ? op.swap : m.value;
	} else if (code == IBV_WR_RDMA_READ) {
		buf_expect(local, off, len, ready.seed, m.off, "destination");
	} else {
		buf_same(local, "source");
	}
	peer_send(l, &m);
	peer_get(l, &m);
}

static void finish(struct peer_link *l)
{
	struct peer_msg bye = { .kind = PEER_BYE };

	peer_send(l, &bye);
	ep_close(&l->e);
}

static void drive_sizes(struct peer_link *l, enum ibv_wr_opcode code)
{
	size_t m = l->e.cfg.mtu, page = sysconf(_SC_PAGESIZE);
	size_t list[] = { 0, 1, 3, 7, 8, 63, 64, 65, m - 1, m, m + 1, 2 * m - 1, 2 * m, 2 * m + 1,
			  page - 1, page, page + 1, 3 * page + 5, 65535, 65536, 65537,
			  (1 << 20) + 3 };
	struct buf local;

	buf_open(&local, l->e.dev, ROOM, 4095, IBV_ACCESS_LOCAL_WRITE);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		drive(l, &local, code, list[i], NULL);
}

static void drive_mixed(struct peer_link *l, int rounds)
{
	static const enum ibv_wr_opcode codes[] = {
		IBV_WR_RDMA_WRITE, IBV_WR_RDMA_WRITE_WITH_IMM, IBV_WR_SEND, IBV_WR_SEND_WITH_IMM,
		IBV_WR_RDMA_READ, IBV_WR_ATOMIC_FETCH_AND_ADD, IBV_WR_ATOMIC_CMP_AND_SWP,
	};
	struct buf local;

	buf_open(&local, l->e.dev, 70000, 4095, IBV_ACCESS_LOCAL_WRITE);
	for (int i = 0; i < rounds; i++) {
		enum ibv_wr_opcode code = codes[t_rand() % 7];

		drive(l, &local, code, is_atomic(code) ? 8 : t_rand() % 60000, NULL);
	}
}

/* The server's side of a connection: follow, or drive if the client asked to turn the roles. */
void peer_served(struct peer_link *l, const struct peer_msg *hello)
{
	struct peer_msg bye = { .kind = PEER_BYE };

	if (!hello->turned) {
		peer_follow(l, hello);
		return;
	}
	drive_mixed(l, 60);
	peer_send(l, &bye);
}

static void op_sizes(const struct t_case *c)
{
	struct peer_msg hello = { .type = IBV_QPT_RC };
	struct peer_link l;

	peer_dial(&l, &hello);
	drive_sizes(&l, c->arg);
	finish(&l);
}

static void op_atomic(const struct t_case *c)
{
	struct peer_msg hello = { .type = IBV_QPT_RC };
	struct peer_link l;
	struct buf local;

	peer_dial(&l, &hello);
	buf_open(&local, l.e.dev, 200, 4095, IBV_ACCESS_LOCAL_WRITE);
	for (int i = 0; i < 100; i++)
		drive(&l, &local, c->arg, 8, NULL);
	finish(&l);
}

static void mixed(const struct t_case *c)
{
	struct peer_msg hello = { .type = IBV_QPT_RC };
	struct peer_link l;

	peer_dial(&l, &hello);
	drive_mixed(&l, c->arg);
	finish(&l);
}

static void turned(const struct t_case *c)
{
	struct peer_msg hello = { .type = IBV_QPT_RC, .turned = true };
	struct peer_link l;

	(void)c;
	peer_dial(&l, &hello);
	peer_follow(&l, &hello);
	ep_close(&l.e);
}

static void datagrams(const struct t_case *c)
{
	struct peer_msg hello = { .type = IBV_QPT_UD };
	struct peer_link l;
	struct ibv_ah *ah;
	struct buf local;

	peer_dial(&l, &hello);
	ah = ep_make_ah(l.e.dev, l.e.dev->pd, &l.other.gid);
	buf_open(&local, l.e.dev, 5000, 4095, 0);
	for (int i = 0; i < 200; i++)
		drive(&l, &local, i & 1 ? IBV_WR_SEND : IBV_WR_SEND_WITH_IMM,
		      i == 1 ? 0 : i == 2 ? (size_t)hello.mtu : t_rand() % (hello.mtu + 1), ah);
	finish(&l);
	(void)c;
}

/* Many connections at once to one server process each after the other: connect, use, close. */
static void connections(const struct t_case *c)
{
	for (int i = 0; i < c->arg; i++) {
		struct peer_msg hello = { .type = IBV_QPT_RC };
		struct peer_link l;

		peer_dial(&l, &hello);
		drive_mixed(&l, 3);
		finish(&l);
		close(l.sock);
	}
}

/* ---- load ---- */

static int load_seconds;

/* The next completion of the load; false when there will be none, with the reason noted. */
static bool load_completion(struct peer_link *l, struct ibv_wc *wc)
{
	double end = t_now() + t_seconds(20);
	int n = 0;

	t_wait("completion of load");
	while (!n && t_now() < end) {
		n = ibv_poll_cq(l->e.scq, 1, wc);
		if (!n && event_gone(l->e.dev->ctx)) {
			t_note("the device went away");
			return false;
		}
	}
	t_check(n, "no completion and no event for %.0f s", t_seconds(20));
	if (n < 0 || wc->status != IBV_WC_SUCCESS) {
		t_note("ended by \"%s\"", n < 0 ? "poll_cq" : ibv_wc_status_str(wc->status));
		return false;
	}
	return true;
}

/* WRITE a window with a fresh stream, SEND it too, READ it back. False when the peer is gone. */
static bool load_round(struct peer_link *l, struct buf *out, struct buf *in,
		       const struct peer_msg *remote)
{
	size_t len = 1 + t_rand() % 60000;
	struct ibv_sge so = buf_sge(out, 3, len), si = buf_sge(in, 7, len);
	struct op ops[] = {
		{ .code = IBV_WR_RDMA_WRITE, .sge = &so, .nsge = 1, .id = 0,
		  .raddr = remote->addr + 11, .rkey = remote->rkey },
		{ .code = IBV_WR_SEND, .sge = &so, .nsge = 1, .id = 1 },
		{ .code = IBV_WR_RDMA_READ, .sge = &si, .nsge = 1, .id = 2,
		  .raddr = remote->addr + 11, .rkey = remote->rkey, .flags = IBV_SEND_FENCE },
	};
	struct ibv_wc wc;

	buf_refill(out);
	buf_refill(in);
	for (int i = 0; i < 3; i++) {
		ops[i].flags |= IBV_SEND_SIGNALED;
		if (ep_post_try(&l->e, &ops[i])) {
			t_note("post refused");
			return false;
		}
	}
	for (int i = 0; i < 3; i++)
		if (!load_completion(l, &wc))
			return false;
	getppid();
	buf_expect(in, 7, len, out->seed, 3, "what was read back");
	return true;
}

static void load(const struct t_case *c)
{
	struct peer_msg hello = { .type = IBV_QPT_RC, .traffic = true }, remote;
	struct peer_link l;
	struct buf out, in;
	double end = t_now() + load_seconds;
	int rounds = 0;

	(void)c;
	peer_dial(&l, &hello);
	peer_get(&l, &remote);
	buf_open(&out, l.e.dev, 60010, 4095, 0);
	buf_open(&in, l.e.dev, 60010, 1, IBV_ACCESS_LOCAL_WRITE);
	printf("# load begins\n");
	fflush(stdout);
	while (t_now() < end && load_round(&l, &out, &in, &remote))
		rounds++;
	t_note("%d rounds", rounds);
	t_check(rounds > 0, "not one round of load");
}

int peer_traffic(int seconds)
{
	struct t_case c = { "load", load, 0, 0, seconds + 40 };

	load_seconds = seconds;
	t_run_one(&c);
	return t_summary();
}

const struct t_case peer_cases[] = {
	{ "peer.write", op_sizes, IBV_WR_RDMA_WRITE, 0, 60 },
	{ "peer.write_imm", op_sizes, IBV_WR_RDMA_WRITE_WITH_IMM, 0, 60 },
	{ "peer.send", op_sizes, IBV_WR_SEND, 0, 60 },
	{ "peer.send_imm", op_sizes, IBV_WR_SEND_WITH_IMM, 0, 60 },
	{ "peer.read", op_sizes, IBV_WR_RDMA_READ, 0, 60 },
	{ "peer.fetch_add", op_atomic, IBV_WR_ATOMIC_FETCH_AND_ADD, 0, 0 },
	{ "peer.cmp_swap", op_atomic, IBV_WR_ATOMIC_CMP_AND_SWP, 0, 0 },
	{ "peer.mixed", mixed, 200, 0, 60 },
	{ "peer.turned", turned, 0, 0, 60 },
	{ "peer.datagrams", datagrams, 0, 0, 0 },
	{ "peer.connections", connections, 30, 0, 60 },
	{ }
};
