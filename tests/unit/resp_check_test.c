// SPDX-License-Identifier: GPL-2.0
/*
 * Verdicts on requests against the oracle in resp_oracle.h, over the whole domain of what a verdict
 * depends on. Packets are such as rxe_pkt_parse() lets through: a request that cannot have payload
 * has none, and the fields of headers that are not there are zero.
 */
#include <string.h>

#include <linux/array_size.h>
#include <linux/types.h>

#include "resp_oracle.h"
#include "unit.h"

static const u32 mtus[] = { 256, 512, 1024, 2048, 4096 };

/* What the domain below was seen to reach: per opcode and verdict. */
static u32 reached[32][RXE_RESP_NUM_ERRS];

static void note_point(const struct rxe_resp_view *view, const struct rxe_pkt *pkt)
{
	unit_note("op %02x psn %x/%x in %u rights %d%d%d/%u mtu %u len %u dma %u resid %u va %llx",
		  pkt->opcode, pkt->psn, view->psn, view->in_message, view->remote_write,
		  view->remote_read, view->remote_atomic, view->max_rd_atomic, view->mtu,
		  pkt->payload_len, pkt->dma_len, view->resid, (unsigned long long)pkt->va);
}

/*
 * Responses and unknown opcodes go elsewhere long before. Should one come here it is an invalid
 * request, be it for its place or for what it is.
 */
static void check_stray(const struct rxe_resp_view *view, const struct rxe_pkt *pkt)
{
	enum rxe_resp_err psn = oracle_psn(view->psn, pkt->psn), got = rxe_resp_check(view, pkt);
	bool refused = got == RXE_RESP_SEQUENCE || got == RXE_RESP_UNSUPPORTED;

	if (psn ? got == psn : refused)
		return;
	note_point(view, pkt);
	unit_fail(__FILE__, __LINE__, "verdict %d on what is no request", got);
}

static void check_point(const struct rxe_resp_view *view, const struct rxe_pkt *pkt)
{
	enum rxe_resp_err got, want;

	if (!oracle_is_request(pkt->opcode)) {
		check_stray(view, pkt);
		return;
	}
	got = rxe_resp_check(view, pkt);
	want = oracle_verdict(view, pkt);
	reached[pkt->opcode][want]++;
	if (got == want)
		return;
	note_point(view, pkt);
	CHECK_EQ(got, want);
}

/* Lengths that a header or the message in progress may announce; some are meant for @payload. */
#define NUM_LENGTHS	14

static void announced(u32 *lengths, u32 payload, u32 mtu)
{
	const u32 all[NUM_LENGTHS] = {
		0, 1, 8, mtu - 1, mtu, mtu + 1, 2 * mtu, payload - 1, payload, payload + 1,
		LONGEST_MESSAGE - 1, LONGEST_MESSAGE, LONGEST_MESSAGE + 1, ~0U,
	};

	memcpy(lengths, all, sizeof(all));
}

/* Only the low three bits of an address can matter, and only to an atomic. */
static void over_addresses(const struct rxe_resp_view *view, struct rxe_pkt *pkt,
			   const struct iba_opcode *op)
{
	u32 low, step = op && (op->kind == 'X' || op->kind == 'B') ? 1 : 5;

	for (low = 0; low < 8; low += step) {
		pkt->va = op && strpbrk(op->headers, "RT") ? 0x7f1234567000ULL + low : 0;
		check_point(view, pkt);
	}
}

static void over_announced(struct rxe_resp_view *view, struct rxe_pkt *pkt,
			   const struct iba_opcode *op)
{
	bool reth = op && strchr(op->headers, 'R');
	u32 lengths[NUM_LENGTHS], i, j;

	announced(lengths, pkt->payload_len, view->mtu);
	for (i = 0; i < (reth ? NUM_LENGTHS : 1); i++) {
		pkt->dma_len = reth ? lengths[i] : 0;
		/* Of a message that is over, or of one in progress. */
		for (j = 0; j < NUM_LENGTHS; j++) {
			view->resid = lengths[j];
			over_addresses(view, pkt, op);
		}
	}
}

static void over_lengths(struct rxe_resp_view *view, struct rxe_pkt *pkt)
{
	const struct iba_opcode *op = iba_find(pkt->opcode);
	const u32 payloads[] = { 0, 1, 7, 8, 9, view->mtu - 1, view->mtu, view->mtu + 1 };
	size_t i;

	for (i = 0; i < (op && op->payload ? ARRAY_SIZE(payloads) : 1); i++) {
		pkt->payload_len = payloads[i];
		over_announced(view, pkt, op);
	}
}

/* What a FLUSH asks for, and what was agreed to; for others the two do not matter. */
static void over_flush(struct rxe_resp_view *view, struct rxe_pkt *pkt)
{
	const struct iba_opcode *op = iba_find(pkt->opcode);
	u32 bits, n = op && op->kind == 'F' ? 4 * 4 * 4 : 1;

	for (bits = 0; bits < n; bits++) {
		pkt->flush_type = bits & 3;
		pkt->flush_level = bits >> 2 & 3;
		view->flush_types = bits >> 4;
		over_lengths(view, pkt);
	}
}

static void over_rights(struct rxe_resp_view *view, struct rxe_pkt *pkt)
{
	static const u32 rd_atomic[] = { 0, 1, 128 };
	u32 bits, i;

	for (bits = 0; bits < 8; bits++) {
		view->remote_write = bits & 1;
		view->remote_read = bits & 2;
		view->remote_atomic = bits & 4;
		for (i = 0; i < ARRAY_SIZE(rd_atomic); i++) {
			view->max_rd_atomic = rd_atomic[i];
			over_flush(view, pkt);
		}
	}
}

/* The 32 opcodes under the service RC, with any message in progress. */
static void over_opcodes(struct rxe_resp_view *view, struct rxe_pkt *pkt,
			 void (*over)(struct rxe_resp_view *view, struct rxe_pkt *pkt))
{
	u32 opcode, in_message;

	for (opcode = 0; opcode < 32; opcode++) {
		pkt->opcode = opcode;
		for (in_message = 0; in_message <= RXE_KIND_ATOMIC_ACK; in_message++) {
			view->in_message = in_message;
			over(view, pkt);
		}
	}
}

/* A domain that never gets as far as some verdict would show nothing about it. */
static void check_reach(void)
{
	u32 i, opcode;

	for (opcode = 0; opcode < 32; opcode++) {
		const struct iba_opcode *op = iba_find(opcode);

		if (!oracle_is_request(opcode))
			continue;
		unit_note("opcode 0x%02x", opcode);
		for (i = RXE_RESP_OK; i <= RXE_RESP_MISALIGNED; i++) {
			bool never = i == RXE_RESP_DUPLICATE || i == RXE_RESP_GAP ||
				     i == RXE_RESP_RNR;

			never |= i == RXE_RESP_UNSUPPORTED && op->kind == 'S';
			never |= i == RXE_RESP_LENGTH && op->kind == 'X';
			never |= i == RXE_RESP_MISALIGNED && op->kind != 'X' && op->kind != 'B';
			CHECK_EQ(reached[opcode][i] == 0, never);
		}
	}
}

UNIT_CASE(whole_domain_at_the_expected_psn)
{
	struct rxe_resp_view view = { .psn = 0xfffffe };
	struct rxe_pkt pkt = { .psn = 0xfffffe };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mtus); i++) {
		view.mtu = mtus[i];
		over_opcodes(&view, &pkt, over_rights);
	}
	check_reach();
}

static void with_rights_and_without(struct rxe_resp_view *view, struct rxe_pkt *pkt)
{
	u32 on;

	for (on = 0; on < 2; on++) {
		view->remote_write = on;
		view->remote_read = on;
		view->remote_atomic = on;
		view->max_rd_atomic = on;
		over_lengths(view, pkt);
	}
}

/* A PSN that is not expected decides alone, whatever else is wrong. */
UNIT_CASE(psn_comes_before_all_else)
{
	static const u32 expected[] = {
		0, 1, PSN_WINDOW - 1, PSN_WINDOW, PSN_CIRCLE - 1, 0x5a17c3,
	};
	static const u32 ahead[] = {
		0, 1, 2, PSN_WINDOW - 1, PSN_WINDOW, PSN_WINDOW + 1, PSN_CIRCLE - 2, PSN_CIRCLE - 1,
	};
	struct rxe_resp_view view = { .mtu = 1024 };
	struct rxe_pkt pkt = { 0 };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		view.psn = expected[i];
		for (j = 0; j < ARRAY_SIZE(ahead); j++) {
			pkt.psn = (expected[i] + ahead[j]) % PSN_CIRCLE;
			over_opcodes(&view, &pkt, with_rights_and_without);
		}
	}
}

/* Every PSN there is, with the wrap on one side and then on the other. */
UNIT_CASE(whole_circle)
{
	static const u32 expected[] = { 1000, PSN_CIRCLE - 1000 };
	struct rxe_pkt pkt = { .opcode = 0x04 };
	u32 i, ahead;

	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct rxe_resp_view view = { .psn = expected[i], .mtu = 256 };

		for (ahead = 0; ahead < PSN_CIRCLE; ahead++) {
			pkt.psn = (expected[i] + ahead) % PSN_CIRCLE;
			check_point(&view, &pkt);
		}
	}
	CHECK_EQ(reached[0x04][RXE_RESP_OK], 2);
	CHECK_EQ(reached[0x04][RXE_RESP_GAP], 2 * (PSN_WINDOW - 1));
	CHECK_EQ(reached[0x04][RXE_RESP_DUPLICATE], 2 * PSN_WINDOW);
}

/* Opcodes of a SEND and of a WRITE by position, the last ones with immediate data or without. */
static u8 opcode_of(bool write, char position, bool imm)
{
	static const char positions[] = "FMLLOO";
	u8 at = strchr(positions, position) - positions;

	return (write ? 0x06 : 0x00) + at + (imm && at >= 2);
}

static void refused(const struct rxe_resp_view *view, struct rxe_pkt pkt, s32 len)
{
	pkt.payload_len += len;
	CHECK_EQ(rxe_resp_check(view, &pkt), RXE_RESP_LENGTH);
}

/* The next packet: it is right, it would be a gap if early, and one byte more or less is wrong. */
static void accept_one(const struct rxe_resp_view *view, struct rxe_pkt *pkt, bool write)
{
	const struct rxe_resp_view late = { .psn = (view->psn + PSN_CIRCLE - 1) % PSN_CIRCLE };

	note_point(view, pkt);
	CHECK_EQ(rxe_resp_check(view, pkt), RXE_RESP_OK);
	CHECK_EQ(rxe_resp_check(&late, pkt), RXE_RESP_GAP);
	if (write) {
		refused(view, *pkt, 1);
		if (pkt->payload_len)
			refused(view, *pkt, -1);
	}
}

/* What a responder keeps of a packet that it took. */
static void go_on(struct rxe_resp_view *view, bool write, const struct oracle_cut *cut, u32 left)
{
	bool ends = cut->position == 'L' || cut->position == 'O';

	view->psn = (view->psn + 1) % PSN_CIRCLE;
	view->in_message = ends ? RXE_KIND_NONE : write ? RXE_KIND_WRITE : RXE_KIND_SEND;
	view->resid = write ? left : 0;
}

static u32 send_message(struct rxe_resp_view *view, bool write, u32 len, bool imm)
{
	struct rxe_pkt pkt = { 0 };
	u32 left = len, packets = 0;
	struct oracle_cut cut;

	do {
		cut = oracle_next_cut(packets, left, view->mtu);
		pkt.opcode = opcode_of(write, cut.position, imm);
		pkt.psn = view->psn;
		pkt.dma_len = write && !packets ? len : 0;
		pkt.payload_len = cut.payload;
		accept_one(view, &pkt, write);
		left -= cut.payload;
		go_on(view, write, &cut, left);
		CHECK_EQ(rxe_resp_check(view, &pkt), RXE_RESP_DUPLICATE);
		packets++;
	} while (left);
	CHECK_EQ(view->in_message, RXE_KIND_NONE);
	return packets;
}

/* Messages of every shape one behind the other; the PSN wraps in the midst of them. */
UNIT_CASE(messages_in_a_row)
{
	u32 i, form, len;

	for (i = 0; i < ARRAY_SIZE(mtus); i++) {
		struct rxe_resp_view view = {
			.psn = PSN_CIRCLE - 200, .mtu = mtus[i], .remote_write = true,
		};

		for (len = 0; len <= 5 * view.mtu + 3; len += unit_below(view.mtu / 8) + 1)
			for (form = 0; form < 4; form++)
				send_message(&view, form & 1, len, form & 2);
		for (len = 1; len <= 5; len++)
			for (form = 0; form < 12; form++)
				send_message(&view, form & 1, len * view.mtu + form / 4 - 1,
					     form & 2);
		CHECK(view.psn < PSN_WINDOW);
	}
}

/* 2^31 bytes in packets of 256 are a window of PSNs. */
UNIT_CASE(longest_message)
{
	struct rxe_resp_view view = { .psn = 77, .mtu = 4096, .remote_write = true };
	struct rxe_pkt pkt = { .psn = 5, .opcode = 0x06 };

	CHECK_EQ(send_message(&view, true, LONGEST_MESSAGE, false), LONGEST_MESSAGE / 4096);
	view.psn = 5;
	view.mtu = 256;
	pkt.payload_len = 256;
	pkt.dma_len = LONGEST_MESSAGE;
	CHECK_EQ(rxe_resp_check(&view, &pkt), RXE_RESP_OK);
	pkt.dma_len = LONGEST_MESSAGE + 1;
	CHECK_EQ(rxe_resp_check(&view, &pkt), RXE_RESP_LENGTH);
	CHECK_EQ(LONGEST_MESSAGE / 256, PSN_WINDOW);
}

/* Said by the specification in as many words, so that the oracle is not believed either. */
static const struct sentence {
	const char *text;
	u8 opcode;
	u8 in_message;
	u32 payload, dma_len, resid;
	u64 va;
	enum rxe_resp_err want;
} sentences[] = {
	{ "a SEND may be empty", 0x04, 0, 0, 0, 0, 0, RXE_RESP_OK },
	{ "only is at most the MTU", 0x04, 0, 1025, 0, 0, 0, RXE_RESP_LENGTH },
	{ "first is the MTU", 0x00, 0, 1023, 0, 0, 0, RXE_RESP_LENGTH },
	{ "middle is the MTU", 0x01, RXE_KIND_SEND, 1023, 0, 0, 0, RXE_RESP_LENGTH },
	{ "last is at least a byte", 0x02, RXE_KIND_SEND, 0, 0, 0, 0, RXE_RESP_LENGTH },
	{ "last may be the MTU", 0x03, RXE_KIND_SEND, 1024, 0, 0, 0, RXE_RESP_OK },
	{ "no READ within a SEND", 0x0c, RXE_KIND_SEND, 0, 8, 0, 0, RXE_RESP_SEQUENCE },
	{ "no atomic within a WRITE", 0x13, RXE_KIND_WRITE, 0, 0, 8, 0, RXE_RESP_SEQUENCE },
	{ "no SEND goes on as WRITE", 0x08, RXE_KIND_SEND, 9, 0, 9, 0, RXE_RESP_SEQUENCE },
	{ "first after first", 0x00, RXE_KIND_SEND, 1024, 0, 0, 0, RXE_RESP_SEQUENCE },
	{ "last after none", 0x02, 0, 9, 0, 0, 0, RXE_RESP_SEQUENCE },
	{ "a SEND may invalidate", 0x17, 0, 9, 0, 0, 0, RXE_RESP_OK },
	{ "a WRITE may be empty", 0x0a, 0, 0, 0, 0, 0, RXE_RESP_OK },
	{ "less than DMALen", 0x0a, 0, 9, 10, 0, 0, RXE_RESP_LENGTH },
	{ "more than DMALen", 0x0b, 0, 10, 9, 0, 0, RXE_RESP_LENGTH },
	{ "less than DMALen in all", 0x08, RXE_KIND_WRITE, 9, 0, 10, 0, RXE_RESP_LENGTH },
	{ "exactly DMALen in all", 0x09, RXE_KIND_WRITE, 10, 0, 10, 3, RXE_RESP_OK },
	{ "a READ may be empty", 0x0c, 0, 0, 0, 0, 0, RXE_RESP_OK },
	{ "a READ of 2^31", 0x0c, 0, 0, 1U << 31, 0, 3, RXE_RESP_OK },
	{ "no READ of more", 0x0c, 0, 0, (1U << 31) + 1, 0, 0, RXE_RESP_LENGTH },
	{ "an atomic is aligned", 0x13, 0, 0, 0, 0, 0x1008, RXE_RESP_OK },
	{ "a word is written as it is", 0x1d, 0, 8, 8, 0, 0x1008, RXE_RESP_OK },
	{ "and no other size", 0x1d, 0, 4, 4, 0, 0x1008, RXE_RESP_LENGTH },
	{ "nor at an odd place", 0x1d, 0, 8, 8, 0, 0x1004, RXE_RESP_MISALIGNED },
	{ "by eight, not by four", 0x14, 0, 0, 0, 0, 0x100c, RXE_RESP_MISALIGNED },
};

UNIT_CASE(by_the_book)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sentences); i++) {
		const struct sentence *s = &sentences[i];
		const struct rxe_resp_view view = {
			.psn = 3, .in_message = s->in_message, .resid = s->resid, .mtu = 1024,
			.remote_write = true, .remote_read = true, .remote_atomic = true,
			.max_rd_atomic = 1,
		};
		const struct rxe_pkt pkt = {
			.psn = 3, .opcode = s->opcode, .payload_len = s->payload,
			.dma_len = s->dma_len, .va = s->va,
		};

		unit_note("%s", s->text);
		CHECK_EQ(rxe_resp_check(&view, &pkt), s->want);
		CHECK_EQ(oracle_verdict(&view, &pkt), s->want);
	}
}
