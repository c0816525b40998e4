// SPDX-License-Identifier: GPL-2.0
/*
 * rxe_wire: the requester as its peer sees it, with a peer made of hand-made packets.
 *
 *   rxe_wire NETNS ADDRESS COUNTER|- [options] [NAME or GLOB ...]
 *
 * A real responder on the same machine answers so fast that a missing fence, a window that is too
 * wide or a wrong timer does not show. Here the peer answers when the case says so.
 */
#include <string.h>
#include <unistd.h>

#include "victim.h"
#include "wire.h"

static uint8_t data[4096];

void silence(struct victim *v, int ms, const char *what)
{
	static struct roce_img img;

	if (!roce_catch(&v->wire, &img, ms))
		t_fail("%s: got a packet of opcode %#x, PSN %#x", what, roce_opcode(&img),
		       roce_psn(&img));
}

/* Answer a READ request of @len bytes with one packet of stream @seed. */
static void answer_read(struct victim *v, uint32_t psn, size_t len, uint64_t seed)
{
	struct roce r;

	pattern_fill(data, len, seed, 0);
	victim_packet(v, &r, OP_READ_RESP_ONLY);
	r.psn = psn;
	roce_aeth(&r, 0x1f, 1);
	r.payload = data;
	r.len = len;
	victim_send(v, &r);
}

static void answer_aeth(struct victim *v, uint32_t psn, uint8_t syndrome)
{
	struct roce r;

	victim_packet(v, &r, OP_ACK);
	r.psn = psn & 0xffffff;
	roce_aeth(&r, syndrome, 0);
	victim_send(v, &r);
}

static void post_read(struct victim *v, size_t off, size_t len, uint64_t id)
{
	struct ibv_sge sge = buf_sge(&v->buf, off, len);
	struct op op = { .code = IBV_WR_RDMA_READ, .sge = &sge, .nsge = 1, .id = id,
			 .raddr = 0x10000, .rkey = 0x1234 };

	ep_post(&v->e, &op);
}

/* victim_open() with timers of the case's own. */
static void quiet_open(struct victim *v, int timeout, int retry_cnt)
{
	victim_open(v);
	v->e.cfg.timeout = timeout;
	v->e.cfg.retry_cnt = retry_cnt;
	victim_again(v);
}

/* A fenced SEND waits for the READ before it, and carries what that fetched. */
static void fence(const struct t_case *c)
{
	static struct roce_img img;
	struct pattern_bad bad;
	struct victim v;
	struct ibv_sge sge;
	struct op op = { .code = IBV_WR_SEND, .sge = &sge, .nsge = 1, .id = 2,
			 .flags = IBV_SEND_FENCE };

	(void)c;
	quiet_open(&v, 18, 7);
	post_read(&v, 100, 50, 1);
	sge = buf_sge(&v.buf, 100, 50);
	ep_post(&v.e, &op);
	victim_answer(&v, OP_READ_REQUEST, &img);
	silence(&v, 150, "a fenced SEND before the READ is answered");
	answer_read(&v, roce_psn(&img), 50, 77);
	cq_want(v.e.scq, IBV_WC_SUCCESS, 1, "READ");
	victim_answer(&v, OP_SEND_ONLY, &img);
	t_check(!pattern_check(img.p + img.bth + ROCE_BTH, 50, 77, 0, &bad),
		"the fenced SEND's byte %zu is %#x, expected %#x", bad.off, bad.got, bad.want);
	victim_ack(&v, roce_psn(&img));
	cq_want(v.e.scq, IBV_WC_SUCCESS, 2, "fenced SEND");
}

/* No more READs are outstanding than max_rd_atomic, and the next goes when one is answered. */
static void read_window(const struct t_case *c)
{
	static struct roce_img img;
	struct victim v;
	int window;

	(void)c;
	quiet_open(&v, 18, 7);
	window = v.e.cfg.rd_atomic;
	for (int i = 0; i < 2 * window; i++)
		post_read(&v, 100 * i, 60, i);
	for (int i = 0; i < window; i++)
		victim_answer(&v, OP_READ_REQUEST, &img);
	silence(&v, 150, "a READ beyond max_rd_atomic");
	for (int i = 0; i < 2 * window; i++) {
		answer_read(&v, (v.e.psn + i) & 0xffffff, 60, i);
		cq_want(v.e.scq, IBV_WC_SUCCESS, i, "READ");
		buf_range(&v.buf, 100 * i, 60, i, 0, "what the READ fetched");
		if (i < window)
			victim_answer(&v, OP_READ_REQUEST, &img);
	}
	silence(&v, 100, "after the last READ");
}

/* A READ of several pieces: @pos is the packet of the answer that comes next. */
struct long_read {
	struct victim v;
	struct buf buf;
	uint32_t pos;
};

enum {
	LONG_MTU = 256, PIECE = 256, LONG_PACKETS = 2 * PIECE + 77, LONG_TAIL = 33,
	LONG_BYTES = (LONG_PACKETS - 1) * LONG_MTU + LONG_TAIL,
};

static uint64_t big_endian(const uint8_t *p, int bytes)
{
	uint64_t n = 0;

	for (int i = 0; i < bytes; i++)
		n = n << 8 | p[i];
	return n;
}

/* The next request asks for packets @first up to, not including, @end. */
static void want_request(struct long_read *r, uint32_t first, uint32_t end)
{
	static struct roce_img img;
	const uint8_t *reth = img.p;
	uint64_t len = (end < LONG_PACKETS ? end * LONG_MTU : LONG_BYTES) - first * LONG_MTU;

	t_where("the request of packets %u to %u", first, end);
	victim_answer(&r->v, OP_READ_REQUEST, &img);
	reth += img.bth + ROCE_BTH;
	t_check(roce_psn(&img) == ((r->v.e.psn + first) & 0xffffff), "PSN %#x, expected %#x",
		roce_psn(&img), (r->v.e.psn + first) & 0xffffff);
	t_check(big_endian(reth, 8) == 0x10000 + first * LONG_MTU, "address %#lx",
		big_endian(reth, 8));
	t_check(big_endian(reth + 12, 4) == len, "length %lu, expected %lu",
		big_endian(reth + 12, 4), len);
}

/* The answer's next packets, up to @end, where a request ends. */
static void answer_up_to(struct long_read *r, uint32_t from, uint32_t end)
{
	struct roce p;

	for (; r->pos < end; r->pos++) {
		bool first = r->pos == from, last = r->pos + 1 == end;

		victim_packet(&r->v, &p, OP_READ_RESP_FIRST + (last ? 2 : !first));
		p.psn = (r->v.e.psn + r->pos) & 0xffffff;
		p.len = r->pos + 1 < LONG_PACKETS ? LONG_MTU : LONG_TAIL;
		pattern_fill(data, p.len, 91, r->pos * LONG_MTU);
		p.payload = data;
		if (first || last)
			roce_aeth(&p, 0x1f, 1);
		victim_send(&r->v, &p);
	}
}

/*
 * A long READ is asked for a window at a time, in requests that the peer has room for, @c->arg of
 * them; what was lost of one is asked for up to where that request ended.
 */
static void long_read(const struct t_case *c)
{
	static struct long_read r;
	struct op op = { .code = IBV_WR_RDMA_READ, .nsge = 1, .id = 3, .raddr = 0x10000,
			 .rkey = 0x1234 };
	struct ibv_sge sge;

	victim_open(&r.v);
	r.v.e.cfg.mtu = LONG_MTU;
	r.v.e.cfg.timeout = 18;
	r.v.e.cfg.rd_atomic = c->arg;
	victim_again(&r.v);
	buf_open(&r.buf, r.v.e.dev, LONG_BYTES + 90, 777, IBV_ACCESS_LOCAL_WRITE);
	sge = buf_sge(&r.buf, 41, LONG_BYTES);
	op.sge = &sge;
	ep_post(&r.v.e, &op);
	want_request(&r, 0, PIECE);
	silence(&r.v, 60, "a second request before the first is answered");
	answer_up_to(&r, 0, 100);
	if (c->arg > 1)
		want_request(&r, PIECE, 2 * PIECE);
	/* The rest is lost: it is asked for again a timeout later, and what was behind it. */
	want_request(&r, 100, PIECE);
	answer_up_to(&r, 100, PIECE);
	want_request(&r, PIECE, 2 * PIECE);
	answer_up_to(&r, PIECE, 2 * PIECE);
	want_request(&r, 2 * PIECE, LONG_PACKETS);
	answer_up_to(&r, 2 * PIECE, LONG_PACKETS);
	cq_want(r.v.e.scq, IBV_WC_SUCCESS, 3, "READ");
	buf_expect(&r.buf, 41, LONG_BYTES, 91, 0, "what the READ fetched");
	silence(&r.v, 100, "after the READ");
}

/* Nobody answers: the same packet retry_cnt more times, a timeout apart, then the error. */
static void retransmits(const struct t_case *c)
{
	struct op op = { .code = IBV_WR_SEND, .id = 5 };
	static struct roce_img img;
	double least = 4.096e-6 * (1 << 14), last;
	struct victim v;

	(void)c;
	quiet_open(&v, 14, 3);
	last = t_now();
	ep_post(&v.e, &op);
	for (int i = 0; i < 4; i++) {
		double now;

		victim_answer(&v, OP_SEND_ONLY, &img);
		now = t_now();
		t_check(roce_psn(&img) == v.e.psn, "transmission %d: PSN %#x, expected %#x", i,
			roce_psn(&img), v.e.psn);
		t_check(!i || now - last >= 0.8 * least, "transmission %d after %.3f s", i,
			now - last);
		last = now;
	}
	cq_want(v.e.scq, IBV_WC_RETRY_EXC_ERR, 5, "SEND to nobody");
	t_check(t_now() - last >= 0.8 * least, "gave up after %.3f s", t_now() - last);
	silence(&v, 300, "after the last retry");
}

/* A sequence NAK makes it go back to the PSN that the responder expects, at once. */
static void go_back(const struct t_case *c)
{
	static struct roce_img img;
	struct victim v;
	double start;

	(void)c;
	quiet_open(&v, 18, 7);
	for (int i = 0; i < 5; i++) {
		struct op op = { .code = IBV_WR_SEND, .id = i };

		ep_post(&v.e, &op);
		victim_answer(&v, OP_SEND_ONLY, &img);
	}
	start = t_now();
	answer_aeth(&v, v.e.psn + 2, 0x60);
	cq_want(v.e.scq, IBV_WC_SUCCESS, 0, "SEND before the gap");
	cq_want(v.e.scq, IBV_WC_SUCCESS, 1, "SEND before the gap");
	for (int i = 2; i < 5; i++) {
		victim_answer(&v, OP_SEND_ONLY, &img);
		t_check(roce_psn(&img) == ((v.e.psn + i) & 0xffffff), "PSN %#x, expected %#x",
			roce_psn(&img), (v.e.psn + i) & 0xffffff);
	}
	t_check(t_now() - start < t_seconds(0.5), "went back after %.3f s", t_now() - start);
	victim_ack(&v, (v.e.psn + 4) & 0xffffff);
	for (int i = 2; i < 5; i++)
		cq_want(v.e.scq, IBV_WC_SUCCESS, i, "SEND after going back");
}

/* An RNR NAK is waited for as long as it says, and no shorter; code 27 is 122.88 ms. */
static void rnr_wait(const struct t_case *c)
{
	struct op op = { .code = IBV_WR_SEND, .id = 5 };
	static struct roce_img img;
	struct victim v;
	double start;
	/* Seen within the wait already: this process may sleep longer than it wants to. */
	int seen = 0;

	(void)c;
	quiet_open(&v, 18, 7);
	ep_post(&v.e, &op);
	for (int i = 0; i < 3; i++) {
		if (!seen)
			victim_answer(&v, OP_SEND_ONLY, &img);
		start = t_now();
		answer_aeth(&v, v.e.psn, 0x20 | 27);
		seen = !roce_catch(&v.wire, &img, 110);
		t_check(!seen || t_now() - start >= 0.12288, "resent after %.3f s",
			t_now() - start);
	}
	if (!seen)
		victim_answer(&v, OP_SEND_ONLY, &img);
	victim_ack(&v, v.e.psn);
	cq_want(v.e.scq, IBV_WC_SUCCESS, 5, "SEND");
}

/* Fatal NAKs, and the status that each stands for. */
static void naks(const struct t_case *c)
{
	static const struct {
		uint8_t syndrome;
		enum ibv_wc_status status;
	} t[] = {
		{ 0x61, IBV_WC_REM_INV_REQ_ERR }, { 0x62, IBV_WC_REM_ACCESS_ERR },
		{ 0x63, IBV_WC_REM_OP_ERR },
	};
	static struct roce_img img;
	struct victim v;

	(void)c;
	quiet_open(&v, 18, 7);
	for (int i = 0; i < 3; i++) {
		struct op op = { .code = IBV_WR_SEND, .id = i };

		t_where("syndrome %#x", t[i].syndrome);
		ep_post(&v.e, &op);
		victim_answer(&v, OP_SEND_ONLY, &img);
		answer_aeth(&v, v.e.psn, t[i].syndrome);
		cq_want(v.e.scq, t[i].status, i, "SEND");
		ep_want_state(&v.e, IBV_QPS_ERR, "victim's");
		victim_again(&v);
	}
}

/* A READ of three packets, whose second one the NAK for the third overtakes: nothing else comes. */
static void overtaken_within(struct victim *v)
{
	static struct roce_img img;
	struct op op = { .code = IBV_WR_RDMA_READ, .nsge = 1, .id = 1, .raddr = 0x10000,
			 .rkey = 0x1234 };
	struct ibv_sge sge = buf_sge(&v->buf, 0, 2 * LONG_MTU + 9);
	struct roce p;

	op.sge = &sge;
	ep_post(&v->e, &op);
	victim_answer(v, OP_READ_REQUEST, &img);
	victim_packet(v, &p, OP_READ_RESP_FIRST);
	p.psn = v->e.psn;
	p.len = LONG_MTU;
	pattern_fill(data, p.len, 92, 0);
	p.payload = data;
	roce_aeth(&p, 0x1f, 1);
	victim_send(v, &p);
	answer_aeth(v, v->e.psn + 2, 0x63);
	cq_want(v->e.scq, IBV_WC_REM_OP_ERR, 1, "READ whose end is refused");
}

/* Two READs: the NAK for the second overtakes the first one's answer. */
static void overtaken_before(struct victim *v)
{
	static struct roce_img img;

	for (int i = 0; i < 2; i++) {
		post_read(v, 100 * i, 60, i);
		victim_answer(v, OP_READ_REQUEST, &img);
	}
	answer_aeth(v, v->e.psn + 1, 0x62);
	silence(v, 100, "who cannot answer any more was asked again");
	answer_read(v, v->e.psn, 60, 93);
	cq_want(v->e.scq, IBV_WC_SUCCESS, 0, "READ whose answer was overtaken");
	buf_range(&v->buf, 0, 60, 93, 0, "what the READ fetched");
	cq_want(v->e.scq, IBV_WC_REM_ACCESS_ERR, 1, "READ that is refused");
}

/*
 * What a responder sends from two CPUs arrives in any order. A NAK that ends the connection is the
 * last that is heard of it, so it counts also when it comes before answers.
 */
static void overtaken(const struct t_case *c)
{
	struct victim v;

	(void)c;
	victim_open(&v);
	v.e.cfg.mtu = LONG_MTU;
	v.e.cfg.timeout = 18;
	victim_again(&v);
	overtaken_within(&v);
	ep_want_state(&v.e, IBV_QPS_ERR, "victim's");
	victim_again(&v);
	overtaken_before(&v);
	ep_want_state(&v.e, IBV_QPS_ERR, "victim's");
}

/* The solicited bit is on the last packet of a solicited message, and on no other. */
static void solicited_bit(const struct t_case *c)
{
	static struct roce_img img;
	struct victim v;

	(void)c;
	quiet_open(&v, 18, 7);
	for (int i = 0; i < 4; i++) {
		struct op op = { .code = IBV_WR_SEND, .id = i,
				 .flags = i & 1 ? IBV_SEND_SOLICITED : 0 };

		ep_post(&v.e, &op);
		victim_answer(&v, OP_SEND_ONLY, &img);
		t_check(img.p[img.bth + 1] >> 7 == (i & 1), "SEND %d: solicited bit is %u", i,
			img.p[img.bth + 1] >> 7);
		t_check(img.p[img.bth + 8] & 0x80, "SEND %d asks for no acknowledgement", i);
		victim_ack(&v, roce_psn(&img));
		cq_want(v.e.scq, IBV_WC_SUCCESS, i, "SEND");
	}
}

/* A duplicate request is acknowledged again and done once; a duplicate atomic is not done again. */
static void duplicates(const struct t_case *c)
{
	static struct roce_img first, again, sent;
	uint64_t *word, before;
	struct victim v;
	struct roce r;

	(void)c;
	victim_open(&v);
	word = (void *)(((uintptr_t)v.buf.p + 64) & ~7ULL);
	before = *word;
	victim_packet(&v, &r, OP_FETCH_ADD);
	roce_atmeth(&r, (uintptr_t)word, v.buf.mr->rkey, 5, 0);
	roce_build(&r, &sent);
	roce_send(&v.wire, &sent);
	victim_answer(&v, OP_ATOMIC_ACK, &first);
	for (int i = 0; i < 5; i++) {
		roce_send(&v.wire, &sent);
		victim_answer(&v, OP_ATOMIC_ACK, &again);
		t_check(!memcmp(first.p + first.bth + ROCE_BTH, again.p + again.bth + ROCE_BTH, 12),
			"the duplicate was answered differently");
	}
	t_check(*word == before + 5, "the word rose by %lu, expected 5", *word - before);
	v.psn = (v.psn + 1) & 0xffffff;
	victim_lives(&v);
}

/* Room for @num atomics and READs of the peer, changed while the send queue is drained. */
static void make_room(struct victim *v, int num)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_SQD, .max_dest_rd_atomic = num };
	int rc;

	ep_to(&v->e, IBV_QPS_SQD);
	rc = ibv_modify_qp(v->e.qp, &attr, IBV_QP_STATE | IBV_QP_MAX_DEST_RD_ATOMIC);
	t_check(!rc, "max_dest_rd_atomic %d: %s", num, t_errname(rc));
	ep_to(&v->e, IBV_QPS_RTS);
}

enum { KEPT_ATOMICS = 4 };

static const uint8_t *found_by(const struct roce_img *answer)
{
	return answer->p + answer->bth + ROCE_BTH + ROCE_AETH;
}

/* The last @num atomics of @sent come again, and are answered as the first time. */
static void answers_again(struct victim *v, const struct roce_img *sent,
			  const struct roce_img *answers, int num)
{
	static struct roce_img again;

	for (int i = KEPT_ATOMICS - num; i < KEPT_ATOMICS; i++) {
		roce_send(&v->wire, &sent[i]);
		victim_request(v, OP_ATOMIC_ACK, roce_psn(&sent[i]), &again);
		t_check(!memcmp(found_by(&answers[i]), found_by(&again), sizeof(uint64_t)),
			"atomic %d was answered differently", i);
	}
}

/* What atomics found is known for their duplicates when the room for it changes. */
static void duplicates_kept(const struct t_case *c)
{
	static struct roce_img sent[KEPT_ATOMICS], answers[KEPT_ATOMICS];
	uint64_t *word, before;
	struct victim v;
	struct roce r;

	(void)c;
	victim_open(&v);
	make_room(&v, KEPT_ATOMICS + 1);
	word = (void *)(((uintptr_t)v.buf.p + 64) & ~7ULL);
	before = *word;
	for (int i = 0; i < KEPT_ATOMICS; i++) {
		victim_packet(&v, &r, OP_FETCH_ADD);
		roce_atmeth(&r, (uintptr_t)word, v.buf.mr->rkey, 5, 0);
		roce_build(&r, &sent[i]);
		roce_send(&v.wire, &sent[i]);
		victim_answer(&v, OP_ATOMIC_ACK, &answers[i]);
		v.psn = (v.psn + 1) & 0xffffff;
	}
	make_room(&v, 2 * KEPT_ATOMICS);
	answers_again(&v, sent, answers, KEPT_ATOMICS);
	make_room(&v, 2);
	answers_again(&v, sent, answers, 2);
	make_room(&v, 3);
	answers_again(&v, sent, answers, 2);
	t_check(*word == before + 5 * KEPT_ATOMICS, "the word rose by %lu, expected %d",
		*word - before, 5 * KEPT_ATOMICS);
	victim_lives(&v);
}

/* The NAK for PSN @psn, of remote access. */
static void refused(struct victim *v, uint32_t psn)
{
	static struct roce_img img;

	victim_request(v, OP_ACK, psn, &img);
	t_check(img.p[img.bth + ROCE_BTH] == 0x62, "answered with syndrome %#x, expected %#x",
		img.p[img.bth + ROCE_BTH], 0x62);
}

static void request_read(struct victim *v, uint32_t psn, const void *from, size_t len,
			 uint32_t rkey)
{
	struct roce r;

	victim_packet(v, &r, OP_READ_REQUEST);
	r.psn = (psn & 0xffffff) | 1U << 31;
	roce_reth(&r, (uintptr_t)from, rkey, len);
	victim_send(v, &r);
}

/*
 * A READ that comes again is answered again; one that cannot be, as its memory or its key has gone
 * since or never was, is refused, and that is all: who has what it asked for may be done with it.
 */
static void duplicate_reads(const struct t_case *c)
{
	static struct roce_img img;
	struct pattern_bad bad;
	struct victim v;
	struct buf gone;
	uint32_t rkey;

	(void)c;
	victim_open(&v);
	buf_open(&gone, v.e.dev, 400, 4000, RIGHTS_ALL);
	for (int i = 0; i < 3; i++) {
		request_read(&v, v.psn, gone.p + 3, 301, gone.mr->rkey);
		victim_answer(&v, OP_READ_RESP_ONLY, &img);
		t_check(roce_psn(&img) == v.psn, "answer %d is for PSN %#x", i, roce_psn(&img));
		t_check(!pattern_check(img.p + img.bth + ROCE_BTH + 4, 301, gone.seed, 3, &bad),
			"answer %d: byte %zu is %#x, expected %#x", i, bad.off, bad.got, bad.want);
	}
	v.psn = (v.psn + 1) & 0xffffff;
	victim_lives(&v);
	request_read(&v, v.psn - 2, gone.p, 301, gone.mr->rkey ^ 0x5500);
	refused(&v, v.psn - 2);
	victim_lives(&v);
	request_read(&v, v.psn - (1 << 22), gone.p, 1, gone.mr->rkey ^ 0x5500);
	refused(&v, v.psn - (1 << 22));
	victim_lives(&v);
	rkey = gone.mr->rkey;
	t_zero(ibv_dereg_mr(gone.mr));
	request_read(&v, v.psn - 4, gone.p + 3, 301, rkey);
	refused(&v, v.psn - 4);
	victim_lives(&v);
}

static const struct t_case cases[] = {
	{ "wire.fence", fence, 0, 0, 0 },
	{ "wire.read_window", read_window, 0, 0, 0 },
	{ "wire.long_read.1", long_read, 1, 0, 0 },
	{ "wire.long_read.4", long_read, 4, 0, 0 },
	{ "wire.retransmits", retransmits, 0, 0, 0 },
	{ "wire.go_back", go_back, 0, 0, 0 },
	{ "wire.rnr_wait", rnr_wait, 0, 0, 0 },
	{ "wire.naks", naks, 0, 0, 0 },
	{ "wire.overtaken", overtaken, 0, 0, 0 },
	{ "wire.solicited", solicited_bit, 0, 0, 0 },
	{ "wire.duplicates", duplicates, 0, 0, 0 },
	{ "wire.duplicates.kept", duplicates_kept, 0, 0, 0 },
	{ "wire.duplicate_reads", duplicate_reads, 0, 0, 0 },
	{ }
};

int main(int argc, char **argv)
{
	static const struct t_table tables[] = { { cases }, { cases_wire_uc }, { NULL } };

	if (victim_args(&argc, &argv))
		return 2;
	return t_main(argc, argv, tables);
}
