// SPDX-License-Identifier: GPL-2.0
/*
 * Hostile bytes into the parser. Whatever is accepted must add up, and building it again must give
 * the same bytes, reserved bits aside. Bounded in count; once with a fixed seed, once with a fresh
 * one that is printed.
 */
#include <stdlib.h>

#include <linux/types.h>

#include "packet.h"

#define ROUNDS	300000
#define SEED	0x1234567ULL

/* Clear the bits of header bytes @p that a receiver ignores. */
static void clear_reserved(u8 *p, const struct iba_opcode *op)
{
	p[4] &= 0xc0;
	p[8] &= 0x80;
	if (op->headers[0] == 'D')
		p[16] = 0;
	if (op->headers[0] == 'E') {
		p[12] = p[13] = p[14] = 0;
		p[15] &= 0x3f;
	}
}

static void check_accepted(const struct rxe_pkt *pkt, u8 *data, u32 len)
{
	const struct iba_opcode *op = iba_find(data[0]);
	struct rxe_pkt again = *pkt;
	u8 built[RXE_MAX_HDR_LEN];

	CHECK(op);
	CHECK_EQ(pkt->payload_off, iba_headers_bytes(op));
	CHECK_EQ((u64)pkt->payload_off + pkt->payload_len + pkt->pad + 4, len);
	CHECK(op->payload || pkt->payload_len + pkt->pad == 0);
	CHECK_EQ(rxe_pkt_build(&again, built), pkt->payload_off);
	packet_check_same(&again, pkt);
	clear_reserved(data, op);
	CHECK_MEM(built, data, pkt->payload_off);
}

static bool try_bytes(const u8 *data, u32 len)
{
	u8 *copy = unit_copy(data, len);
	enum rxe_parse_err err;
	struct rxe_pkt pkt;

	unit_fill(&pkt, sizeof(pkt), len);
	err = rxe_pkt_parse(&pkt, copy, len);
	CHECK(err <= RXE_PARSE_LENGTH);
	if (err == RXE_PARSE_OK)
		check_accepted(&pkt, copy, len);
	free(copy);
	return err == RXE_PARSE_OK;
}

/* Nearly all of these end at the version or the opcode. */
static u32 noise(u8 *buf)
{
	u32 len = unit_below(80);

	unit_fill(buf, len, unit_rand());
	return len;
}

/* These get past them, with a random length. */
static u32 plausible(u8 *buf)
{
	u32 len = 16 + unit_below(64);

	unit_fill(buf, len, unit_rand());
	buf[0] = iba_opcodes[unit_below(ARRAY_SIZE(iba_opcodes))].opcode;
	buf[1] &= 0xf0;
	return len;
}

/* A good packet with a few bits turned, or cut, or with something behind it. */
static u32 mutated(u8 *buf)
{
	const struct iba_opcode *op = &iba_opcodes[unit_below(ARRAY_SIZE(iba_opcodes))];
	struct rxe_pkt pkt;
	u32 len, flips;

	packet_random(&pkt, op, unit_below(32));
	len = packet_encode(&pkt, op, buf, unit_rand());
	for (flips = unit_below(4); flips; flips--)
		buf[unit_below(len)] ^= 1 << unit_below(8);
	if (!unit_below(4))
		len = unit_below(len + 1);
	return len;
}

static void fuzz(uint64_t seed)
{
	static u32 (*const makers[])(u8 *buf) = { noise, plausible, mutated };
	u32 accepted[ARRAY_SIZE(makers)] = { 0 };
	u8 buf[PACKET_MAX];
	u32 i, maker;

	unit_seed(seed);
	for (i = 0; i < ROUNDS; i++) {
		maker = i % ARRAY_SIZE(makers);
		accepted[maker] += try_bytes(buf, makers[maker](buf));
	}
	/* A fuzzer whose packets are all refused tests nothing but the first check. */
	CHECK(accepted[1] > ROUNDS / 100);
	CHECK(accepted[2] > ROUNDS / 10);
}

UNIT_CASE(fixed_seed)
{
	fuzz(SEED);
}

UNIT_CASE(fresh_seed)
{
	fuzz(unit_fresh_seed());
}
