// SPDX-License-Identifier: GPL-2.0
/*
 * wire.uc_*: an unreliable connection and a peer made of hand-made packets. Whatever is lost or
 * wrong, the rest of its message is dropped, nobody is told, and the next message is received: into
 * the receive that the lost one had taken (IBA 9.8.3).
 */
#include <string.h>

#include "wire.h"

enum { UC = 0x20, MTU = 256, OFF = 101, LEN = 2 * MTU + 57 };

static uint8_t data[MTU];

static void uc_open(struct victim *v)
{
	struct ep_cfg cfg = ep_uc();

	victim_open(v);
	ep_close(&v->e);
	cfg.mtu = MTU;
	cfg.recv_wr = 64;
	ep_open(&v->e, 0, &cfg);
	victim_again(v);
}

/* A packet @ahead of the next PSN, with bytes of stream @seed from @pos. */
static void packet(struct victim *v, uint8_t opcode, int ahead, size_t len, uint64_t seed,
		   size_t pos)
{
	struct roce r;

	pattern_fill(data, len, seed, pos);
	victim_packet(v, &r, UC | opcode);
	r.psn = (v->psn + ahead) & 0xffffff;
	r.payload = data;
	r.len = len;
	victim_send(v, &r);
}

/* A good message of three packets, wherever its PSNs are, and its completion. */
static void good_send(struct victim *v, int ahead, uint64_t seed)
{
	struct ibv_wc wc;

	packet(v, OP_SEND_FIRST, ahead, MTU, seed, 0);
	packet(v, OP_SEND_MIDDLE, ahead + 1, MTU, seed, MTU);
	packet(v, OP_SEND_LAST, ahead + 2, LEN - 2 * MTU, seed, 2 * MTU);
	cq_poll(v->e.rcq, &wc, "good message");
	wc_want(&wc, IBV_WC_SUCCESS, "good message");
	t_check(wc.byte_len == LEN, "byte_len: got %u, expected %d", wc.byte_len, LEN);
	buf_expect(&v->buf, OFF, LEN, seed, 0, "victim's memory");
	cq_none(v->e.rcq, 20, "a second completion");
	silence(v, 50, "an answer on an unreliable connection");
	ep_want_state(&v->e, IBV_QPS_RTS, "victim's");
}

/* What comes before a good message, and must leave no trace. @c->arg: which. */
enum spoil { LOST_MIDDLE, LOST_FIRST, LOST_LAST, OLD_PSN, TOO_LONG, SHORT_MIDDLE, BAD_KEY,
	     OUT_OF_BOUNDS, WRITE_IN_SEND, LENGTH_DIFFERS, NO_RIGHT };

/* How many of the packets are counted, and as what; what has just been forgotten is not. */
static const struct {
	int out_of_seq, uc_request;
} drops[] = {
	[LOST_MIDDLE] = { 1, 0 }, [LOST_FIRST] = { 2, 0 }, [LOST_LAST] = { 0, 0 },
	[OLD_PSN] = { 1, 0 }, [TOO_LONG] = { 1, 1 }, [SHORT_MIDDLE] = { 1, 1 },
	[BAD_KEY] = { 0, 1 }, [OUT_OF_BOUNDS] = { 0, 1 }, [WRITE_IN_SEND] = { 1, 0 },
	[LENGTH_DIFFERS] = { 0, 1 }, [NO_RIGHT] = { 0, 1 },
};

/* A WRITE of 100 bytes that says that it has @len. */
static void spoiled_write(struct victim *v, uint32_t rkey, uint64_t addr, uint32_t len)
{
	struct roce r;

	victim_packet(v, &r, UC | OP_WRITE_ONLY);
	r.psn = v->psn;
	pattern_fill(data, 100, 5, 0);
	roce_reth(&r, addr, rkey, len);
	r.payload = data;
	r.len = 100;
	victim_send(v, &r);
}

static void spoil(struct victim *v, enum spoil how)
{
	switch (how) {
	case LOST_MIDDLE:
		packet(v, OP_SEND_FIRST, 0, MTU, 1, 0);
		packet(v, OP_SEND_LAST, 2, 9, 1, 2 * MTU);
		break;
	case LOST_FIRST:
		packet(v, OP_SEND_MIDDLE, 1, MTU, 1, MTU);
		packet(v, OP_SEND_LAST, 2, 9, 1, 2 * MTU);
		break;
	case LOST_LAST:
		packet(v, OP_SEND_FIRST, 0, MTU, 1, 0);
		packet(v, OP_SEND_MIDDLE, 1, MTU, 1, MTU);
		break;
	case OLD_PSN:
		packet(v, OP_SEND_FIRST, 0, MTU, 1, 0);
		packet(v, OP_SEND_LAST, -1, 9, 1, 2 * MTU);
		break;
	case TOO_LONG:
		packet(v, OP_SEND_FIRST, 0, MTU, 1, 0);
		packet(v, OP_SEND_MIDDLE, 1, MTU, 1, MTU);
		packet(v, OP_SEND_MIDDLE, 2, MTU, 1, 2 * MTU);
		packet(v, OP_SEND_LAST, 3, 9, 1, 3 * MTU);
		break;
	case SHORT_MIDDLE:
		packet(v, OP_SEND_FIRST, 0, MTU, 1, 0);
		packet(v, OP_SEND_MIDDLE, 1, MTU - 4, 1, MTU);
		packet(v, OP_SEND_LAST, 2, 9, 1, 2 * MTU);
		break;
	case BAD_KEY:
		spoiled_write(v, v->buf.mr->rkey ^ 0x100, (uintptr_t)v->buf.p, 100);
		break;
	case OUT_OF_BOUNDS:
		spoiled_write(v, v->buf.mr->rkey, (uintptr_t)v->buf.p + v->buf.len - 99, 100);
		break;
	case WRITE_IN_SEND:
		packet(v, OP_SEND_FIRST, 0, MTU, 1, 0);
		packet(v, OP_WRITE_LAST, 1, 9, 1, 0);
		break;
	case LENGTH_DIFFERS:
		spoiled_write(v, v->buf.mr->rkey, (uintptr_t)v->buf.p, 101);
		break;
	case NO_RIGHT:
		v->e.cfg.access = 0;
		victim_again(v);
		victim_recv(v, OFF, LEN);
		spoiled_write(v, v->buf.mr->rkey, (uintptr_t)v->buf.p, 100);
		break;
	}
}

static void spoiled(const struct t_case *c)
{
	uint64_t out_of_seq, uc_request, no_recv;
	struct victim v;

	uc_open(&v);
	out_of_seq = victim_drops(&v, "out_of_seq_request");
	uc_request = victim_drops(&v, "drop_uc_request");
	no_recv = victim_drops(&v, "drop_no_recv");
	victim_recv(&v, OFF, LEN);
	spoil(&v, c->arg);
	cq_none(v.e.rcq, 30, "a message that is not whole");
	silence(&v, 50, "an answer on an unreliable connection");
	good_send(&v, 5, 77);
	/* The one receive was used once: there is none for another message. */
	packet(&v, OP_SEND_ONLY, 8, 30, 2, 0);
	cq_none(v.e.rcq, 50, "a message without a receive");
	victim_dropped(&v, "out_of_seq_request", out_of_seq, drops[c->arg].out_of_seq);
	victim_dropped(&v, "drop_uc_request", uc_request, drops[c->arg].uc_request);
	victim_dropped(&v, "drop_no_recv", no_recv, 1);
	buf_expect(&v.buf, OFF, LEN, 77, 0, "victim's memory");
	victim_recv(&v, OFF, LEN);
	good_send(&v, 1000, 78);
	pair_proves(&v.live);
}

/* The requester asks for nothing, waits for nothing, and sends nothing twice. */
static void sends_once(const struct t_case *c)
{
	static struct roce_img img;
	struct ibv_sge sge;
	struct op op = { .code = IBV_WR_SEND, .sge = &sge, .nsge = 1, .id = 3 };
	struct pattern_bad bad;
	struct victim v;

	(void)c;
	uc_open(&v);
	sge = buf_sge(&v.buf, 11, MTU + 40);
	ep_post(&v.e, &op);
	cq_want(v.e.scq, IBV_WC_SUCCESS, 3, "SEND without an answer");
	for (int i = 0; i < 2; i++) {
		victim_answer(&v, UC | (i ? OP_SEND_LAST : OP_SEND_FIRST), &img);
		t_check(roce_psn(&img) == ((v.e.psn + i) & 0xffffff), "PSN %#x, expected %#x",
			roce_psn(&img), (v.e.psn + i) & 0xffffff);
		t_check(!(img.p[img.bth + 8] & 0x80), "an acknowledgement is asked for");
		t_check(!pattern_check(img.p + img.bth + ROCE_BTH, i ? 40 : MTU, v.buf.seed,
				       11 + i * MTU, &bad),
			"packet %d: byte %zu is %#x, expected %#x", i, bad.off, bad.got, bad.want);
	}
	silence(&v, 400, "a packet sent again");
	op.id = 4;
	ep_post(&v.e, &op);
	cq_want(v.e.scq, IBV_WC_SUCCESS, 4, "second SEND");
	victim_answer(&v, UC | OP_SEND_FIRST, &img);
	t_check(roce_psn(&img) == ((v.e.psn + 2) & 0xffffff), "PSN %#x after two packets",
		roce_psn(&img));
}

const struct t_case cases_wire_uc[] = {
	{ "wire.uc_lost_middle", spoiled, LOST_MIDDLE, 0, 0 },
	{ "wire.uc_lost_first", spoiled, LOST_FIRST, 0, 0 },
	{ "wire.uc_lost_last", spoiled, LOST_LAST, 0, 0 },
	{ "wire.uc_old_psn", spoiled, OLD_PSN, 0, 0 },
	{ "wire.uc_too_long", spoiled, TOO_LONG, 0, 0 },
	{ "wire.uc_short_middle", spoiled, SHORT_MIDDLE, 0, 0 },
	{ "wire.uc_bad_key", spoiled, BAD_KEY, 0, 0 },
	{ "wire.uc_out_of_bounds", spoiled, OUT_OF_BOUNDS, 0, 0 },
	{ "wire.uc_write_in_send", spoiled, WRITE_IN_SEND, 0, 0 },
	{ "wire.uc_length_differs", spoiled, LENGTH_DIFFERS, 0, 0 },
	{ "wire.uc_no_right", spoiled, NO_RIGHT, 0, 0 },
	{ "wire.uc_sends_once", sends_once, 0, 0, 0 },
	{ }
};
