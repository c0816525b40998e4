// SPDX-License-Identifier: GPL-2.0
/*
 * parse.c and build.c: every opcode with random fields against an encoder of our own, every length
 * that is too short, every pad, every version. Buffers are heap blocks of the exact size, so that
 * the sanitizer sees a read or write one byte too far.
 */
#include <stdlib.h>

#include <linux/types.h>

#include "packet.h"

#define ROUNDS	200

static enum rxe_parse_err parse_copy(struct rxe_pkt *pkt, const u8 *data, u32 readable, u32 len)
{
	void *copy = unit_copy(data, readable);
	enum rxe_parse_err err;

	unit_fill(pkt, sizeof(*pkt), 99);
	err = rxe_pkt_parse(pkt, copy, len);
	free(copy);
	return err;
}

static void over_all_opcodes(void (*fn)(const struct iba_opcode *op))
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(iba_opcodes); i++)
		fn(&iba_opcodes[i]);
}

static void parse_one(const struct iba_opcode *op)
{
	struct rxe_pkt want, got;
	u8 buf[PACKET_MAX];
	u32 i, len;

	for (i = 0; i < ROUNDS; i++) {
		unit_note("%s round %u", op->name, i);
		packet_random(&want, op, unit_below(64));
		len = packet_encode(&want, op, buf, i);
		CHECK_EQ(parse_copy(&got, buf, len, len), RXE_PARSE_OK);
		packet_check_same(&got, &want);
		CHECK_EQ(unit_differs(buf + got.payload_off, got.payload_len, i, 0),
			 got.payload_len);
	}
}

UNIT_CASE(parse_every_opcode)
{
	over_all_opcodes(parse_one);
}

static void build_one(const struct iba_opcode *op)
{
	u32 i, n, hdr_len = iba_headers_bytes(op);
	struct rxe_pkt pkt, want;
	u8 expected[PACKET_MAX];
	u8 *got;

	for (i = 0; i < ROUNDS; i++) {
		unit_note("%s round %u", op->name, i);
		packet_random(&want, op, unit_below(64));
		packet_encode(&want, op, expected, i);
		pkt = want;
		/* Both are the builder's to compute. */
		pkt.pad = unit_rand();
		pkt.payload_off = unit_rand();
		got = malloc(hdr_len);
		n = rxe_pkt_build(&pkt, got);
		CHECK_EQ(n, hdr_len);
		CHECK_MEM(got, expected, hdr_len);
		packet_check_same(&pkt, &want);
		free(got);
	}
}

UNIT_CASE(build_every_opcode)
{
	over_all_opcodes(build_one);
}

/* Fields of headers that the opcode lacks must not show, nor bits above the 24 of a number. */
static void build_with_noise(const struct iba_opcode *op)
{
	u8 clean[RXE_MAX_HDR_LEN], noisy[RXE_MAX_HDR_LEN];
	struct rxe_pkt pkt, noise;
	u32 n;

	unit_note("%s", op->name);
	packet_random(&pkt, op, 4);
	n = rxe_pkt_build(&pkt, clean);

	noise = pkt;
	if (!strchr(op->headers, 'D'))
		noise.qkey = noise.src_qpn = ~0U;
	if (!strpbrk(op->headers, "RT"))
		noise.va = noise.rkey = ~0U;
	if (!strchr(op->headers, 'R'))
		noise.dma_len = ~0U;
	if (!strchr(op->headers, 'E'))
		noise.flush_type = noise.flush_level = 0xff;
	if (!strchr(op->headers, 'T'))
		noise.swap_add = noise.compare = ~0ULL;
	if (!strchr(op->headers, 'A'))
		noise.syndrome = noise.msn = 0xff;
	noise.qpn |= 0xa5000000;
	noise.psn |= 0x5a000000;
	noise.msn |= 0xa5000000;
	noise.src_qpn |= 0x5a000000;
	CHECK_EQ(rxe_pkt_build(&noise, noisy), n);
	CHECK_MEM(noisy, clean, n);
}

UNIT_CASE(build_ignores_what_does_not_travel)
{
	over_all_opcodes(build_with_noise);
}

/* What a packet of @op cut to @len bytes is. */
static enum rxe_parse_err verdict_on_cut(const struct iba_opcode *op, u8 pad, u32 len)
{
	u32 headers = iba_headers_bytes(op);

	if (len < headers + 4)
		return RXE_PARSE_SHORT;
	if (len % 4 || len - headers - 4 < pad)
		return RXE_PARSE_LENGTH;
	return RXE_PARSE_OK;
}

static void truncate_one(const struct iba_opcode *op)
{
	struct rxe_pkt want, got;
	enum rxe_parse_err err;
	u8 buf[PACKET_MAX];
	u32 payload, full, len;

	for (payload = 0; payload <= (op->payload ? 9 : 0); payload++) {
		packet_random(&want, op, payload);
		full = packet_encode(&want, op, buf, payload);
		for (len = 0; len <= full; len++) {
			unit_note("%s payload %u cut to %u of %u", op->name, payload, len, full);
			err = parse_copy(&got, buf, len, len);
			CHECK_EQ(err, verdict_on_cut(op, want.pad, len));
			if (err)
				continue;
			CHECK_EQ(got.payload_off, want.payload_off);
			CHECK_EQ(got.payload_off + got.payload_len + got.pad + 4, len);
		}
	}
}

UNIT_CASE(truncation_at_every_length)
{
	over_all_opcodes(truncate_one);
}

/* No word of a packet that cannot hold a BTH and an ICRC is believed, not even a bad version. */
UNIT_CASE(short_comes_before_all_else)
{
	u8 buf[16];
	struct rxe_pkt pkt;
	u32 len, i;

	for (i = 0; i < 64; i++) {
		unit_fill(buf, sizeof(buf), i);
		for (len = 0; len < sizeof(buf); len++) {
			unit_note("fill %u len %u", i, len);
			CHECK_EQ(parse_copy(&pkt, buf, len, len), RXE_PARSE_SHORT);
		}
	}
}

/* A paged buffer: only the longest headers are readable in one piece, the packet goes on. */
static void headers_only(const struct iba_opcode *op)
{
	struct rxe_pkt want, got;
	u8 buf[PACKET_MAX];
	u32 len;

	if (!op->payload)
		return;
	packet_random(&want, op, 101);
	len = packet_encode(&want, op, buf, 3);
	unit_note("%s len %u", op->name, len);
	CHECK(len > RXE_MAX_HDR_LEN);
	CHECK_EQ(parse_copy(&got, buf, RXE_MAX_HDR_LEN, len), RXE_PARSE_OK);
	packet_check_same(&got, &want);
}

UNIT_CASE(reads_no_further_than_the_headers)
{
	over_all_opcodes(headers_only);
}

static void pad_one(const struct iba_opcode *op)
{
	struct rxe_pkt pkt, got;
	enum rxe_parse_err want;
	u8 buf[PACKET_MAX];
	u32 rest, pad, len;

	packet_random(&pkt, op, 0);
	for (rest = 0; rest <= 16; rest++) {
		for (pad = 0; pad < 4; pad++) {
			pkt.pad = pad;
			packet_encode_bth(&pkt, buf);
			len = iba_headers_bytes(op) + rest + 4;
			unit_note("%s payload and pad %u, pad %u", op->name, rest, pad);
			want = rest % 4 || rest < pad || (rest && !op->payload) ?
				RXE_PARSE_LENGTH : RXE_PARSE_OK;
			CHECK_EQ(parse_copy(&got, buf, len, len), want);
			if (want)
				continue;
			CHECK_EQ(got.pad, pad);
			CHECK_EQ(got.payload_len, rest - pad);
		}
	}
}

UNIT_CASE(every_pad)
{
	over_all_opcodes(pad_one);
}

/* The payload alone is long; what is read is the headers. */
static void longest_one(const struct iba_opcode *op)
{
	struct rxe_pkt pkt, got;
	u8 buf[PACKET_MAX];
	u32 headers = iba_headers_bytes(op);

	if (!op->payload)
		return;
	packet_random(&pkt, op, 0);
	packet_encode(&pkt, op, buf, 0);
	unit_note("%s", op->name);
	CHECK_EQ(parse_copy(&got, buf, headers, headers + 4096 + 4), RXE_PARSE_OK);
	CHECK_EQ(got.payload_len, 4096);
	CHECK_EQ(parse_copy(&got, buf, headers, headers + 4100 + 4), RXE_PARSE_LENGTH);
}

UNIT_CASE(no_more_than_the_largest_mtu)
{
	over_all_opcodes(longest_one);
}

UNIT_CASE(build_pads_to_four)
{
	struct rxe_pkt pkt;
	u8 buf[RXE_MAX_HDR_LEN];
	u32 len;

	packet_random(&pkt, iba_find(0x04), 0);
	for (len = 0; len < 5000; len++) {
		unit_note("payload %u", len);
		pkt.payload_len = len;
		rxe_pkt_build(&pkt, buf);
		CHECK_EQ((len + pkt.pad) % 4, 0);
		CHECK(pkt.pad < 4);
		CHECK_EQ(buf[1] >> 4 & 3, pkt.pad);
	}
}

UNIT_CASE(every_version_but_zero_is_refused)
{
	struct rxe_pkt want, got;
	u8 buf[PACKET_MAX];
	u32 len, version;

	packet_random(&want, iba_find(0x04), 20);
	len = packet_encode(&want, iba_find(0x04), buf, 1);
	for (version = 1; version < 16; version++) {
		buf[1] = (buf[1] & 0xf0) | version;
		CHECK_EQ(parse_copy(&got, buf, len, len), RXE_PARSE_VERSION);
	}
}

UNIT_CASE(every_unknown_opcode_is_refused)
{
	struct rxe_pkt want, got;
	u8 buf[PACKET_MAX];
	u32 len, opcode;

	packet_random(&want, iba_find(0x04), 60);
	len = packet_encode(&want, iba_find(0x04), buf, 1);
	for (opcode = 0; opcode < 256; opcode++) {
		unit_note("opcode 0x%02x", opcode);
		buf[0] = opcode;
		if (!iba_find(opcode))
			CHECK_EQ(parse_copy(&got, buf, len, len), RXE_PARSE_OPCODE);
	}
}

/* A receiver ignores reserved bits (IBA 9.2): six beside BECN, seven beside the ack bit, and 8. */
UNIT_CASE(reserved_bits_are_ignored)
{
	const struct iba_opcode *op = iba_find(0x64);
	struct rxe_pkt want, got;
	u8 buf[PACKET_MAX];
	u32 len;

	packet_random(&want, op, 21);
	len = packet_encode(&want, op, buf, 1);
	buf[4] |= 0x3f;
	buf[8] |= 0x7f;
	buf[16] = 0xff;
	CHECK_EQ(parse_copy(&got, buf, len, len), RXE_PARSE_OK);
	packet_check_same(&got, &want);
}

/* The BTH of a packet that was captured from the wire; see icrc_test.c. */
UNIT_CASE(captured_uc_send)
{
	static const u8 bth[] = {
		0x24, 0x60, 0xff, 0xff, 0x00, 0x00, 0x00, 0xd3, 0x00, 0xcf, 0x17, 0x10,
	};
	u8 buf[36];
	struct rxe_pkt pkt;

	unit_fill(buf, sizeof(buf), 5);
	memcpy(buf, bth, sizeof(bth));
	CHECK_EQ(parse_copy(&pkt, buf, sizeof(buf), sizeof(buf)), RXE_PARSE_OK);
	CHECK_EQ(pkt.opcode, RXE_SVC_UC | RXE_WOP_SEND_ONLY);
	CHECK(!pkt.se && pkt.mig && !pkt.ack_req && !pkt.fecn && !pkt.becn);
	CHECK_EQ(pkt.pad, 2);
	CHECK_EQ(pkt.pkey, 0xffff);
	CHECK_EQ(pkt.qpn, 211);
	CHECK_EQ(pkt.psn, 13571856);
	CHECK_EQ(pkt.payload_off, 12);
	CHECK_EQ(pkt.payload_len, 18);
}
