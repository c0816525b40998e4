// SPDX-License-Identifier: GPL-2.0
/*
 * rxe_hostile: packets that no honest peer sends, with a right ICRC.
 *
 *   rxe_hostile NETNS ADDRESS COUNTER|- [options] [NAME or GLOB ...]
 *
 * The rules, whatever the packet: memory that it names wrongly is not touched, nothing completes
 * with success, what is no valid request of the connected peer leaves the QP in RTS, a malformed
 * request of the peer is answered with the NAK that the specification names and stops that QP
 * alone, and the live pair beside it keeps carrying good data.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hostile.h"

enum { NAK_SEQUENCE = 0x60, NAK_INVALID = 0x61, NAK_ACCESS = 0x62, ANY_NAK = 0 };

static uint8_t data[9000];

/* The AETH syndrome of the next answer to the phantom. */
static uint8_t answer(struct victim *v)
{
	static struct roce_img img;

	victim_answer(v, OP_ACK, &img);
	return img.p[img.bth + ROCE_BTH];
}

/* A request of the peer that is malformed: NAK, QP in ERR, memory as it was, and alive again. */
static void refused(struct victim *v, const struct roce *r, uint8_t nak)
{
	struct ibv_wc wc;
	uint8_t got;

	victim_send(v, r);
	got = answer(v);
	t_check((got & 0xe0) == 0x60 && (nak == ANY_NAK || got == nak),
		"answer: got syndrome %#x, expected %#x", got, nak);
	ep_await_state(&v->e, IBV_QPS_ERR, "victim's", 2);
	while (ibv_poll_cq(v->e.rcq, 1, &wc) > 0)
		t_check(wc.status != IBV_WC_SUCCESS, "a receive completed with success");
	buf_same(&v->buf, "victim's memory");
	victim_again(v);
}

/* Memory is as it was and no receive was posted; bring the QP back if it left RTS. */
static void unharmed(struct victim *v, const char *what)
{
	buf_same(&v->buf, what);
	if (ep_state(&v->e) != IBV_QPS_RTS)
		victim_again(v);
}

/* The same once all that was sent has been worked off; the QP is connected afresh. */
static void settled(struct victim *v, const char *what)
{
	usleep(t_seconds(0.05) * 1000000);
	buf_same(&v->buf, what);
	victim_again(v);
}

void aimed(struct victim *v, struct roce *r, uint8_t opcode)
{
	uint64_t addr = ((uintptr_t)v->buf.p + 64) & ~7ULL;
	uint32_t rkey = v->buf.mr->rkey;

	victim_packet(v, r, opcode);
	switch (opcode) {
	case OP_WRITE_FIRST:
	case OP_WRITE_ONLY:
	case OP_READ_REQUEST:
		roce_reth(r, addr, rkey, 64);
		break;
	case OP_CMP_SWP:
	case OP_FETCH_ADD:
		roce_atmeth(r, addr, rkey, 1, 2);
		break;
	case OP_ACK:
	case OP_READ_RESP_ONLY:
	case OP_ATOMIC_ACK:
		roce_aeth(r, 0x1f, 5);
		break;
	case OP_UD_SEND_ONLY:
		roce_deth(r, 0x1ab2c3d4, 5);
		break;
	default:
		break;
	}
}

/* Every opcode that has headers, cut off at every length, with and without an ICRC. */
static void truncated(const struct t_case *c)
{
	static const uint8_t opcodes[] = {
		OP_SEND_ONLY, OP_WRITE_FIRST, OP_WRITE_ONLY, OP_READ_REQUEST, OP_ACK,
		OP_READ_RESP_ONLY, OP_ATOMIC_ACK, OP_CMP_SWP, OP_FETCH_ADD, OP_UD_SEND_ONLY,
	};
	static struct roce_img img;
	struct victim v;
	struct roce r;

	(void)c;
	victim_open(&v);
	for (size_t i = 0; i < sizeof(opcodes); i++) {
		size_t full;

		aimed(&v, &r, opcodes[i]);
		full = ROCE_BTH + r.ext_len;
		for (size_t len = 0; len < full; len++) {
			t_where("opcode %#x cut to %zu bytes", opcodes[i], len);
			aimed(&v, &r, opcodes[i]);
			roce_build(&r, &img);
			roce_resize(&img, len);
			roce_send(&v.wire, &img);
			img.len = img.icrc;
			img.p[img.ip + 4] = (img.len - img.ip) >> 8;
			img.p[img.ip + 5] = img.len - img.ip;
			roce_rechecksum(&img);
			if (img.len > img.bth)
				roce_send(&v.wire, &img);
			unharmed(&v, "truncated packet");
		}
		t_where("%s", "");
		settled(&v, "truncated packets");
		victim_lives(&v);
	}
}

/* All 256 opcodes with 64 bytes of noise behind the BTH. */
static void all_opcodes(const struct t_case *c)
{
	struct victim v;
	struct roce r;

	(void)c;
	victim_open(&v);
	for (int opcode = 0; opcode < 256; opcode++) {
		t_where("opcode %#x", opcode);
		pattern_fill(data, 64, t_rand(), 0);
		victim_packet(&v, &r, opcode);
		r.payload = data;
		r.len = 64;
		victim_send(&v, &r);
		unharmed(&v, "noise behind the BTH");
	}
	settled(&v, "noise behind the BTH");
	victim_lives(&v);
}

/* Reserved opcodes of reliable connections, and opcodes of other services: nothing, or a NAK. */
static void ignored(struct victim *v, const struct roce *r, const char *what)
{
	victim_send(v, r);
	victim_ignores(v, what);
}

static void wrong_header(const struct t_case *c)
{
	static const uint16_t pkeys[] = { 0x0000, 0x1234, 0x8001, 0x7ffe };
	static const uint32_t qpns[] = { 0, 1, 2, 0xffffff };
	struct victim v;
	uint64_t before;
	struct roce r;

	(void)c;
	victim_open(&v);
	victim_recv(&v, 0, 64);
	before = victim_drops(&v, "drop_version");
	for (int version = 1; version < 16; version++) {
		victim_packet(&v, &r, OP_SEND_ONLY);
		r.flags |= version;
		t_where("version %d", version);
		ignored(&v, &r, "wrong version");
	}
	victim_dropped(&v, "drop_version", before, 15);
	before = victim_drops(&v, "drop_pkey");
	for (int i = 0; i < 4; i++) {
		victim_packet(&v, &r, OP_SEND_ONLY);
		r.pkey = pkeys[i];
		t_where("P_Key %#x", pkeys[i]);
		ignored(&v, &r, "wrong P_Key");
	}
	victim_dropped(&v, "drop_pkey", before, 4);
	for (int i = 0; i < 40; i++) {
		victim_packet(&v, &r, OP_SEND_ONLY);
		r.qpn = i < 4 ? qpns[i] : t_rand() & 0xffffff;
		t_where("QPN %#x", r.qpn);
		if (r.qpn != v.e.qp->qp_num)
			ignored(&v, &r, "wrong QPN");
	}
	t_where("%s", "");
	before = victim_drops(&v, "drop_service");
	for (int opcode = 0x20; opcode < 0x100; opcode += 0x20) {
		victim_packet(&v, &r, opcode + OP_SEND_ONLY);
		r.ext_len = opcode == 0x60 ? 8 : 0;
		t_where("opcode %#x of another service", r.opcode);
		ignored(&v, &r, "another service");
	}
	/* UC and UD are services of ours, the others have no opcode that is known. */
	victim_dropped(&v, "drop_service", before, 2);
	victim_again(&v);
	victim_lives(&v);
}

/* A datagram from an address that is not the peer's. */
static void wrong_source(const struct t_case *c)
{
	struct victim v;
	uint64_t before;
	struct roce r;

	(void)c;
	victim_open(&v);
	before = victim_drops(&v, "drop_address");
	victim_recv(&v, 0, 64);
	for (int i = 0; i < 20; i++) {
		victim_packet(&v, &r, i & 1 ? OP_SEND_ONLY : OP_WRITE_ONLY);
		if (!(i & 1))
			roce_reth(&r, (uintptr_t)v.buf.p, v.buf.mr->rkey, 64);
		pattern_fill(data, 64, i, 0);
		r.payload = data;
		r.len = 64;
		r.src.raw[v.me.family == 6 ? 15 : 3] = 77 + i;
		ignored(&v, &r, "packet of a stranger");
	}
	victim_dropped(&v, "drop_address", before, 20);
	victim_again(&v);
	victim_lives(&v);
}

/* Lengths in the RETH that do not fit the packet, the region, or the largest message. */
static void reth_length(const struct t_case *c)
{
	static const struct {
		uint8_t opcode;
		uint32_t reth;
		size_t payload;
		uint8_t nak;
	} t[] = {
		{ OP_WRITE_ONLY, 65, 64, NAK_INVALID },
		{ OP_WRITE_ONLY, 63, 64, NAK_INVALID },
		{ OP_WRITE_ONLY, 0, 64, NAK_INVALID },
		{ OP_WRITE_ONLY, 64, 0, NAK_INVALID },
		{ OP_WRITE_ONLY, 0xffffffff, 64, ANY_NAK },
		{ OP_WRITE_ONLY, 0x80000001, 64, ANY_NAK },
		{ OP_WRITE_ONLY, 0x7fffffff, 64, ANY_NAK },
		{ OP_WRITE_FIRST, 0xffffffff, 1024, ANY_NAK },
		{ OP_WRITE_FIRST, VICTIM_ROOM + 1, 1024, NAK_ACCESS },
		{ OP_READ_REQUEST, 0xffffffff, 0, ANY_NAK },
		{ OP_READ_REQUEST, 0x80000001, 0, ANY_NAK },
		{ OP_READ_REQUEST, VICTIM_ROOM + 1, 0, NAK_ACCESS },
	};
	struct victim v;
	struct roce r;

	(void)c;
	t_opts.mtu = 1024;
	victim_open(&v);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		t_where("opcode %#x, RETH %u, payload %zu", t[i].opcode, t[i].reth, t[i].payload);
		victim_packet(&v, &r, t[i].opcode);
		roce_reth(&r, (uintptr_t)v.buf.p, v.buf.mr->rkey, t[i].reth);
		pattern_fill(data, t[i].payload, i, 0);
		r.payload = data;
		r.len = t[i].payload;
		refused(&v, &r, t[i].nak);
	}
	victim_lives(&v);
}

/* A READ request with a payload: dropped or refused, never executed. */
static void read_payload(const struct t_case *c)
{
	static struct roce_img img;
	struct victim v;
	struct roce r;

	(void)c;
	victim_open(&v);
	victim_packet(&v, &r, OP_READ_REQUEST);
	roce_reth(&r, (uintptr_t)v.buf.p, v.buf.mr->rkey, 64);
	pattern_fill(data, 8, 1, 0);
	r.payload = data;
	r.len = 8;
	victim_send(&v, &r);
	while (!roce_catch(&v.wire, &img, 200))
		t_check(roce_opcode(&img) == OP_ACK && img.p[img.bth + ROCE_BTH] == NAK_INVALID,
			"answered with opcode %#x", roce_opcode(&img));
	settled(&v, "READ request with a payload");
	victim_lives(&v);
}

/*
 * A message that began and does not go on must not keep its MR: deregistration returns, and what
 * comes later is refused. @c->arg: the message is a SEND into a receive, else a WRITE.
 */
static void dereg_mid(const struct t_case *c)
{
	struct victim v;
	struct roce r;

	t_opts.mtu = 1024;
	victim_open(&v);
	if (c->arg)
		victim_recv(&v, 0, 4096);
	victim_packet(&v, &r, c->arg ? OP_SEND_FIRST : OP_WRITE_FIRST);
	if (!c->arg)
		roce_reth(&r, (uintptr_t)v.buf.p, v.buf.mr->rkey, 4096);
	pattern_fill(data, 1024, 1, 0);
	r.payload = data;
	r.len = 1024;
	victim_send(&v, &r);
	usleep(50000);
	t_wait("ibv_dereg_mr in the middle of a message");
	t_zero(ibv_dereg_mr(v.buf.mr));
	buf_refill(&v.buf);
	v.psn = (v.psn + 1) & 0xffffff;
	victim_packet(&v, &r, c->arg ? OP_SEND_MIDDLE : OP_WRITE_MIDDLE);
	r.payload = data;
	r.len = 1024;
	victim_send(&v, &r);
	ep_await_state(&v.e, IBV_QPS_ERR, "victim's", 2);
	buf_same(&v.buf, "memory after its MR was deregistered");
	buf_reg(&v.buf, v.e.dev, RIGHTS_ALL);
	victim_again(&v);
	victim_lives(&v);
}

/* A process may end in the middle of a message; the harness sees whether it does. */
static void exit_mid(const struct t_case *c)
{
	struct victim v;
	struct roce r;

	(void)c;
	t_opts.mtu = 1024;
	victim_open(&v);
	victim_packet(&v, &r, OP_WRITE_FIRST);
	roce_reth(&r, (uintptr_t)v.buf.p, v.buf.mr->rkey, 4096);
	pattern_fill(data, 1024, 1, 0);
	r.payload = data;
	r.len = 1024;
	victim_send(&v, &r);
	usleep(50000);
	t_wait("the end of a process with a message half arrived");
}

/* Keys and addresses from the wire, also where librxe would not let them pass. */
static void bad_target(const struct t_case *c)
{
	struct victim v;
	struct roce r;

	(void)c;
	victim_open(&v);
	for (int i = 0; i < 6; i++) {
		uint64_t base = (uintptr_t)v.buf.p;
		uint64_t addrs[] = { base, base - 1, base + VICTIM_ROOM - 63, 0, ~0ULL - 31, base };

		t_where("target %d", i);
		victim_packet(&v, &r, OP_WRITE_ONLY);
		roce_reth(&r, addrs[i], v.buf.mr->rkey ^ (i == 0 ? 1 : i == 5 ? 0xffff00 : 0), 64);
		pattern_fill(data, 64, i, 0);
		r.payload = data;
		r.len = 64;
		refused(&v, &r, NAK_ACCESS);
	}
	for (int off = 1; off < 8; off++) {
		t_where("atomic %d mod 8", off);
		victim_packet(&v, &r, off & 1 ? OP_CMP_SWP : OP_FETCH_ADD);
		roce_atmeth(&r, (((uintptr_t)v.buf.p + 64) & ~7ULL) + off, v.buf.mr->rkey, 3, 4);
		refused(&v, &r, NAK_INVALID);
	}
	victim_lives(&v);
}

/* struct packet - one of a sequence: opcode and payload; 0xffff stands for a full path MTU. */
struct packet {
	uint8_t opcode;
	uint16_t len;
};

enum { FULL = 0xffff };

/* Send all but the last of a sequence, then the last, which must be refused. */
static void sequence(struct victim *v, const struct packet *p, int n)
{
	struct roce r;

	for (int i = 0; i < n; i++) {
		victim_packet(v, &r, p[i].opcode);
		if (p[i].opcode == OP_WRITE_FIRST || p[i].opcode == OP_WRITE_ONLY ||
		    p[i].opcode == OP_READ_REQUEST)
			roce_reth(&r, (uintptr_t)v->buf.p + 8192, v->buf.mr->rkey, 4096);
		r.len = p[i].len == FULL ? (size_t)v->e.cfg.mtu : p[i].len;
		pattern_fill(data, r.len, v->psn, 0);
		r.payload = data;
		if (i == n - 1)
			break;
		victim_send(v, &r);
		v->psn = (v->psn + 1) & 0xffffff;
	}
	victim_send(v, &r);
}

/* Orders and sizes of FIRST, MIDDLE, LAST and ONLY that the specification does not know. */
static void bad_sequence(const struct t_case *c)
{
	static const struct packet t[][3] = {
		{ { OP_SEND_MIDDLE, FULL } },
		{ { OP_SEND_LAST, 5 } },
		{ { OP_WRITE_MIDDLE, FULL } },
		{ { OP_WRITE_LAST, 5 } },
		{ { OP_SEND_FIRST, FULL }, { OP_SEND_FIRST, FULL } },
		{ { OP_SEND_FIRST, FULL }, { OP_SEND_ONLY, 5 } },
		{ { OP_SEND_FIRST, FULL }, { OP_WRITE_MIDDLE, FULL } },
		{ { OP_SEND_FIRST, FULL }, { OP_WRITE_LAST, 5 } },
		{ { OP_WRITE_FIRST, FULL }, { OP_SEND_LAST, 5 } },
		{ { OP_WRITE_FIRST, FULL }, { OP_WRITE_FIRST, FULL } },
		{ { OP_WRITE_FIRST, FULL }, { OP_READ_REQUEST, 0 } },
		{ { OP_SEND_FIRST, 100 } },
		{ { OP_SEND_FIRST, 0 } },
		{ { OP_SEND_FIRST, FULL }, { OP_SEND_MIDDLE, 0 } },
		{ { OP_SEND_FIRST, FULL }, { OP_SEND_MIDDLE, 1000 } },
		{ { OP_SEND_FIRST, FULL }, { OP_SEND_LAST, 0 } },
		{ { OP_SEND_FIRST, FULL }, { OP_SEND_LAST, FULL - 1 } },
		{ { OP_SEND_ONLY, FULL - 1 } },
		{ { OP_WRITE_FIRST, 100 } },
		{ { OP_WRITE_FIRST, FULL }, { OP_WRITE_MIDDLE, 0 } },
		{ { OP_WRITE_FIRST, FULL }, { OP_WRITE_LAST, 5 } },
	};
	struct victim v;
	struct ibv_wc wc;

	(void)c;
	t_opts.mtu = 1024;
	victim_open(&v);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct packet p[3];
		int n = t[i][1].opcode || t[i][1].len ? 2 : 1;

		memcpy(p, t[i], sizeof(p));
		if (p[n - 1].len == FULL - 1)
			p[n - 1].len = v.e.cfg.mtu + 4;
		t_where("sequence %zu: %#x/%u, %#x/%u", i, p[0].opcode, p[0].len, p[1].opcode,
			p[1].len);
		victim_recv(&v, 0, 4096);
		sequence(&v, p, n);
		ep_await_state(&v.e, IBV_QPS_ERR, "victim's", 2);
		while (ibv_poll_cq(v.e.rcq, 1, &wc) > 0)
			t_check(wc.status != IBV_WC_SUCCESS, "a receive completed with success");
		/* What came before the bad packet may have been placed, but only in its place. */
		buf_range(&v.buf, 4096, 4096, v.buf.seed, 4096, "beside the receive");
		buf_range(&v.buf, 12288, VICTIM_ROOM - 12288, v.buf.seed, 12288, "behind");
		victim_again(&v);
	}
	victim_lives(&v);
}

/* More pad bytes than payload, in a packet that would else be a good SEND. */
static void bad_pad(const struct t_case *c)
{
	static struct roce_img img;
	uint64_t before;
	struct victim v;
	struct roce r;

	(void)c;
	victim_open(&v);
	for (int pad = 1; pad < 4; pad++) {
		before = victim_drops(&v, "drop_length");
		t_where("pad count %d without payload", pad);
		victim_recv(&v, 0, 64);
		victim_packet(&v, &r, OP_SEND_ONLY);
		roce_build(&r, &img);
		img.p[img.bth + 1] |= pad << 4;
		roce_seal(&img);
		roce_send(&v.wire, &img);
		victim_dropped(&v, "drop_length", before, 1);
		victim_ignores(&v, "more pad bytes than payload");
		victim_again(&v);
	}
	victim_lives(&v);
}

/* Answers that nobody asked for change nothing. */
static void unsolicited(const struct t_case *c)
{
	static const uint8_t opcodes[] = { OP_ACK, OP_READ_RESP_FIRST, 0x0e, 0x0f,
					   OP_READ_RESP_ONLY, OP_ATOMIC_ACK };
	struct victim v;
	struct roce r;

	victim_open(&v);
	for (int i = 0; i < c->arg; i++) {
		victim_packet(&v, &r, opcodes[t_rand() % 6]);
		r.psn = t_rand() & 1 ? t_rand() : v.e.psn + t_rand() % 9 - 4;
		r.psn &= 0xffffff;
		if (r.opcode != 0x0e)
			roce_aeth(&r, t_rand(), t_rand());
		r.len = t_rand() % 128;
		pattern_fill(data, r.len, i, 0);
		r.payload = data;
		victim_send(&v, &r);
		t_where("answer %d of opcode %#x", i, r.opcode);
		if (i % 20 == 19)
			victim_ignores(&v, "unsolicited answer");
	}
	victim_lives(&v);
}

/* With a SEND outstanding, answers for PSNs that were not sent do not complete it. */
static void ghost_acks(const struct t_case *c)
{
	struct op op = { .code = IBV_WR_SEND, .id = 9 };
	static struct roce_img img;
	uint64_t stale, bad;
	struct victim v;
	struct roce r;

	(void)c;
	victim_open(&v);
	stale = victim_drops(&v, "drop_stale_response");
	bad = victim_drops(&v, "drop_bad_response");
	ep_post(&v.e, &op);
	victim_answer(&v, OP_SEND_ONLY, &img);
	for (int i = 1; i < 50; i++) {
		victim_packet(&v, &r, OP_ACK);
		r.psn = (roce_psn(&img) + (i & 1 ? i * 1000 : -i)) & 0xffffff;
		roce_aeth(&r, i % 3 ? 0x1f : NAK_ACCESS, i);
		victim_send(&v, &r);
	}
	cq_none(v.e.scq, 20, "acknowledgements of PSNs that were not sent");
	ep_want_state(&v.e, IBV_QPS_RTS, "victim's");
	victim_ack(&v, roce_psn(&img));
	cq_want(v.e.scq, IBV_WC_SUCCESS, 9, "SEND");
	victim_dropped(&v, "drop_stale_response", stale, 24);
	victim_dropped(&v, "drop_bad_response", bad, 25);
	victim_lives(&v);
}

/* READ answers that are longer or shorter than what was asked for: an error, nothing overrun. */
static void read_answers(const struct t_case *c)
{
	static const size_t lens[] = { 0, 60, 99, 101, 104, 1000 };
	static struct roce_img img;
	struct victim v;
	uint64_t before;
	struct roce r;
	struct ibv_wc wc;

	(void)c;
	victim_open(&v);
	before = victim_drops(&v, "drop_bad_response");
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct ibv_sge sge = buf_sge(&v.buf, 500, 100);
		struct op op = { .code = IBV_WR_RDMA_READ, .sge = &sge, .nsge = 1, .id = 4,
				 .raddr = 0x1000, .rkey = 0x1234 };

		t_where("READ of 100 bytes answered with %zu", lens[i]);
		ep_post(&v.e, &op);
		victim_request(&v, OP_READ_REQUEST, v.e.psn, &img);
		victim_packet(&v, &r, OP_READ_RESP_ONLY);
		r.psn = roce_psn(&img);
		roce_aeth(&r, 0x1f, 1);
		pattern_fill(data, lens[i], i, 0);
		r.payload = data;
		r.len = lens[i];
		victim_send(&v, &r);
		cq_poll(v.e.scq, &wc, "READ");
		t_check(wc.status != IBV_WC_SUCCESS, "completed with success");
		buf_range(&v.buf, 0, 500, v.buf.seed, 0, "before the READ's entry");
		buf_range(&v.buf, 600, VICTIM_ROOM - 600, v.buf.seed, 600, "behind it");
		victim_again(&v);
	}
	t_where("%s", "");
	victim_dropped(&v, "drop_bad_response", before, sizeof(lens) / sizeof(lens[0]));
	victim_lives(&v);
}

static void noise(struct victim *v, struct roce *r, uint32_t qpn)
{
	victim_packet(v, r, t_rand() & 1 ? t_rand() % 0x17 : t_rand());
	r->qpn = qpn;
	if (t_rand() & 1)
		r->psn = t_rand();
	if (t_rand() & 1)
		roce_reth(r, (uintptr_t)v->buf.p + t_rand() % VICTIM_ROOM, t_rand(),
			  t_rand() % 9000);
	r->flags = t_rand() % 8 ? 0x40 | (t_rand() & 0xb0) : t_rand();
	r->len = t_rand() % (t_rand() & 1 ? 64 : 1500);
	pattern_fill(data, r->len, t_rand(), 0);
	r->payload = data;
}

/* Noise with right ICRCs from a stranger's address at the live pair, whose data stays whole. */
static void random_stranger(const struct t_case *c)
{
	struct victim v;
	struct roce r;

	victim_open(&v);
	for (int i = 0; i < c->arg; i++) {
		noise(&v, &r, (i & 1 ? &v.live.a : &v.live.b)->qp->qp_num);
		if (i % 3)
			r.psn = ((i & 1 ? v.live.b : v.live.a).psn + i / 100) & 0xffffff;
		victim_send(&v, &r);
		if (i % 250 == 249) {
			t_where("after %d packets", i + 1);
			pair_proves(&v.live);
		}
	}
	t_where("%s", "");
	victim_lives(&v);
}

/* The same from the peer's own address at the victim, which may stop, but touches no memory. */
static void random_peer(const struct t_case *c)
{
	struct victim v;
	struct roce r;

	victim_open(&v);
	for (int i = 0; i < c->arg; i++) {
		noise(&v, &r, v.e.qp->qp_num);
		victim_send(&v, &r);
		if (i % 20 == 19)
			unharmed(&v, "noise from the peer");
		if (i % 100 == 99) {
			settled(&v, "noise from the peer");
			pair_proves(&v.live);
		}
	}
	victim_lives(&v);
}

static const struct t_case cases[] = {
	{ "hostile.truncated", truncated, 0, 0, 60 },
	{ "hostile.opcodes", all_opcodes, 0, 0, 60 },
	{ "hostile.header", wrong_header, 0, 0, 60 },
	{ "hostile.source", wrong_source, 0, 0, 0 },
	{ "hostile.reth_length", reth_length, 0, 0, 60 },
	{ "hostile.target", bad_target, 0, 0, 60 },
	{ "hostile.sequence", bad_sequence, 0, 0, 60 },
	{ "hostile.read_payload", read_payload, 0, 0, 0 },
	{ "hostile.dereg_mid.write", dereg_mid, 0, 0, 10 },
	{ "hostile.dereg_mid.send", dereg_mid, 1, 0, 10 },
	{ "hostile.exit_mid", exit_mid, 0, 0, 10 },
	{ "hostile.pad", bad_pad, 0, 0, 0 },
	{ "hostile.unsolicited", unsolicited, 1000, 0, 60 },
	{ "hostile.ghost_acks", ghost_acks, 0, 0, 0 },
	{ "hostile.read_answers", read_answers, 0, 0, 0 },
	{ "hostile.random.stranger", random_stranger, 5000, 0, 60 },
	{ "hostile.random.peer", random_peer, 3000, 0, 120 },
	{ }
};

int main(int argc, char **argv)
{
	static const struct t_table tables[] = { { cases }, { cases_hostile_drop }, { NULL } };

	if (victim_args(&argc, &argv))
		return 2;
	return t_main(argc, argv, tables);
}
