// SPDX-License-Identifier: GPL-2.0
/*
 * The invariant CRC: against packets from the wire whose ICRC is known, against a plain sum over a
 * fully masked copy, and bit by bit: a variant bit never counts, any other bit always does.
 *
 * The packets are those that scapy's tests of its RoCE layer list (test/contrib/roce.uts): a SEND
 * over UC, and a congestion notification captured from a ConnectX-4 Lx.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/array_size.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/types.h>
#include <linux/udp.h>

#include <asm/byteorder.h>

#include "../../drivers/infiniband/sw/rxe/compat/crc32.h"
#include "../../drivers/infiniband/sw/rxe/wire/icrc.h"
#include "unit.h"

#define V4_HEADERS	(20 + 8 + 12)
#define V6_HEADERS	(40 + 8 + 12)

static const u8 uc_send[] = {
	0x45, 0x01, 0x00, 0x40, 0x04, 0x78, 0x40, 0x00, 0x40, 0x11, 0xb4, 0xd5,
	0xc0, 0xa8, 0x00, 0x07, 0xc0, 0xa8, 0x00, 0x07,
	0xc0, 0x00, 0x12, 0xb7, 0x00, 0x2c, 0xac, 0xa2,
	0x24, 0x60, 0xff, 0xff, 0x00, 0x00, 0x00, 0xd3, 0x00, 0xcf, 0x17, 0x10,
	0x46, 0x30, 0x81, 0x8b, 0xe2, 0x89, 0x35, 0xd9, 0x0e, 0x9a,
	0x95, 0x50, 0x54, 0x01, 0xbe, 0x88, 0x5e, 0x50, 0x00, 0x00,
	0x78, 0xf3, 0x53, 0xf3,
};

static const u8 cnp[] = {
	0x45, 0xc2, 0x00, 0x3c, 0x71, 0x8c, 0x40, 0x00, 0x40, 0x11, 0x91, 0x61,
	0x0a, 0x00, 0x11, 0x01, 0x0a, 0x00, 0x12, 0x01,
	0x00, 0x00, 0x12, 0xb7, 0x00, 0x28, 0x00, 0x00,
	0x81, 0x00, 0xff, 0xff, 0x40, 0x00, 0x01, 0x18, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x82, 0xfd, 0x00, 0x2a,
};

/* Of a packet from the IP header up to the ICRC, in heap blocks of the exact sizes. */
static u32 icrc_of(const u8 *pkt, u32 len)
{
	u32 ip_len = pkt[0] >> 4 == 4 ? 20 : 40;
	void *ip = unit_copy(pkt, ip_len);
	void *udp = unit_copy(pkt + ip_len, 8);
	void *bth = unit_copy(pkt + ip_len + 8, 12);
	u32 crc;

	crc = ip_len == 20 ? rxe_icrc_start4(ip, udp, bth) : rxe_icrc_start6(ip, udp, bth);
	free(ip);
	free(udp);
	free(bth);
	return rxe_icrc_add(crc, pkt + ip_len + 20, len - ip_len - 20);
}

static void check_captured(const u8 *pkt, u32 len)
{
	__le32 icrc = rxe_icrc_finish(icrc_of(pkt, len - 4));

	CHECK_MEM(&icrc, pkt + len - 4, 4);
}

UNIT_CASE(crc_check_value)
{
	/* The catalogue's check value of CRC-32/ISO-HDLC. */
	CHECK_EQ(~rxc_crc32(~0U, "123456789", 9), 0xcbf43926);
}

UNIT_CASE(captured_uc_send)
{
	check_captured(uc_send, sizeof(uc_send));
}

UNIT_CASE(captured_connectx_cnp)
{
	check_captured(cnp, sizeof(cnp));
}

static u32 random_packet(u8 *buf, u32 headers, u32 rest)
{
	unit_fill(buf, headers + rest, unit_rand());
	buf[0] = (headers == V4_HEADERS ? 0x40 : 0x60) | (buf[0] & 0x0f);
	return headers + rest;
}

/* A mask of the variant bits, 8 bytes of pseudo header not included. */
static void variant_bits(u8 *mask, u32 headers)
{
	u32 ip_len = headers - 20;

	memset(mask, 0, headers);
	if (ip_len == 20) {
		mask[1] = 0xff;				/* type of service */
		mask[8] = 0xff;				/* TTL */
		mask[10] = mask[11] = 0xff;		/* header checksum */
	} else {
		mask[0] = 0x0f;				/* traffic class, flow label */
		mask[1] = mask[2] = mask[3] = 0xff;
		mask[7] = 0xff;				/* hop limit */
	}
	mask[ip_len + 6] = mask[ip_len + 7] = 0xff;	/* UDP checksum */
	mask[ip_len + 8 + 4] = 0xff;			/* FECN, BECN, reserved */
}

/* The definition: one sum over eight ones and a masked copy of everything. */
static void check_definition(u32 headers)
{
	static const u8 ones[8] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	u8 pkt[512], ref[8 + 512], mask[V6_HEADERS];
	u32 i, n, len;

	variant_bits(mask, headers);
	for (i = 0; i < 500; i++) {
		len = random_packet(pkt, headers, unit_below(400));
		unit_note("round %u len %u", i, len);
		memcpy(ref, ones, 8);
		memcpy(ref + 8, pkt, len);
		for (n = 0; n < headers; n++)
			ref[8 + n] |= mask[n];
		CHECK_EQ(icrc_of(pkt, len), rxc_crc32(~0U, ref, 8 + len));
	}
}

UNIT_CASE(v4_by_definition)
{
	check_definition(V4_HEADERS);
}

UNIT_CASE(v6_by_definition)
{
	check_definition(V6_HEADERS);
}

/* The version nibble tells the two apart here, so it stays as it is. */
static void check_every_bit(u32 headers)
{
	u8 pkt[128], mask[V6_HEADERS];
	u32 bit, len, before;
	bool variant;

	variant_bits(mask, headers);
	len = random_packet(pkt, headers, 37);
	before = icrc_of(pkt, len);
	for (bit = 0; bit < len * 8; bit++) {
		if (bit / 8 == 0 && bit % 8 >= 4)
			continue;
		unit_note("byte %u bit %u", bit / 8, bit % 8);
		pkt[bit / 8] ^= 1 << bit % 8;
		variant = bit / 8 < headers && mask[bit / 8] >> bit % 8 & 1;
		CHECK_EQ(icrc_of(pkt, len) == before, variant);
		pkt[bit / 8] ^= 1 << bit % 8;
	}
}

UNIT_CASE(v4_every_bit_counts_or_not)
{
	check_every_bit(V4_HEADERS);
}

UNIT_CASE(v6_every_bit_counts_or_not)
{
	check_every_bit(V6_HEADERS);
}

/* The version nibble is not masked either: the same IPv6 packet with another one. */
UNIT_CASE(v6_version_counts)
{
	u8 pkt[V6_HEADERS];
	const struct ipv6hdr *ip = (const void *)pkt;
	const struct udphdr *udp = (const void *)(pkt + 40);
	u32 before, bit;

	random_packet(pkt, V6_HEADERS, 0);
	before = rxe_icrc_start6(ip, udp, pkt + 48);
	for (bit = 4; bit < 8; bit++) {
		pkt[0] ^= 1 << bit;
		CHECK(rxe_icrc_start6(ip, udp, pkt + 48) != before);
		pkt[0] ^= 1 << bit;
	}
}

UNIT_CASE(inputs_are_not_written)
{
	u8 pkt[V6_HEADERS], copy[V6_HEADERS];

	random_packet(pkt, V6_HEADERS, 0);
	memcpy(copy, pkt, sizeof(pkt));
	rxe_icrc_start6((void *)pkt, (void *)(pkt + 40), pkt + 48);
	CHECK_MEM(pkt, copy, sizeof(pkt));
	rxe_icrc_start4((void *)pkt, (void *)(pkt + 20), pkt + 28);
	CHECK_MEM(pkt, copy, sizeof(pkt));
}

UNIT_CASE(sum_in_pieces)
{
	u8 data[200];
	u32 whole, cut;

	unit_fill(data, sizeof(data), 7);
	whole = rxe_icrc_add(0x12345678, data, sizeof(data));
	for (cut = 0; cut <= sizeof(data); cut++)
		CHECK_EQ(rxe_icrc_add(rxe_icrc_add(0x12345678, data, cut), data + cut,
				      sizeof(data) - cut), whole);
}
