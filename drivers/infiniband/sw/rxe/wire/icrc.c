// SPDX-License-Identifier: GPL-2.0
/*
 * The invariant CRC (IBA 9.8.1, annex A17.3.3): what no router may change is summed, what a router
 * may change counts as ones. The sum runs over
 *
 *	8 bytes of ones, where InfiniBand has its local route header
 *	the IP header, the UDP header and the BTH, variant fields as ones
 *	the extended headers, the payload and the pad, as they travel
 *
 * The first 8 bytes never differ, so the sum starts from the state that they lead to. The middle is
 * masked in a copy on the stack, 40 or 60 bytes; the long rest is summed where it lies.
 *
 * Variant are (A17.3.3) the type of service, TTL and checksum of IPv4; the traffic class, flow
 * label and hop limit of IPv6; the UDP checksum; the byte of the BTH with FECN and BECN.
 */
#include <linux/build_bug.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/udp.h>

#include <asm/byteorder.h>

#include "../compat/crc32.h"
#include "icrc.h"
#include "pkt.h"

/* CRC32 state after ~0 and eight bytes of ones. */
#define AFTER_ONES		0xdebb20e3U
/* Byte of the BTH with FECN, BECN and six reserved bits: "resv8a" to the annex. */
#define BTH_RESV8A		4

/* IPv6 begins with version, traffic class and flow label; only the version nibble is invariant. */
#define V6_VARIANT_NIBBLE	0x0f
#define V6_VARIANT_BYTES	3

static_assert(sizeof(struct iphdr) == 20);
static_assert(sizeof(struct ipv6hdr) == 40);
static_assert(sizeof(struct udphdr) == 8);

/* Append the masked UDP header and BTH to the masked IP header, and sum all of it. */
static u32 sum_headers(u8 *buf, u32 ip_len, const struct udphdr *udp, const void *bth)
{
	u8 *u = buf + ip_len;
	u8 *b = u + sizeof(*udp);

	memcpy(u, udp, sizeof(*udp));
	memset(u + offsetof(struct udphdr, check), 0xff, sizeof(udp->check));
	memcpy(b, bth, RXE_BTH_LEN);
	b[BTH_RESV8A] = 0xff;
	return rxc_crc32(AFTER_ONES, buf, ip_len + sizeof(*udp) + RXE_BTH_LEN);
}

u32 rxe_icrc_start4(const struct iphdr *ip, const struct udphdr *udp, const void *bth)
{
	u8 buf[sizeof(*ip) + sizeof(*udp) + RXE_BTH_LEN];

	memcpy(buf, ip, sizeof(*ip));
	buf[offsetof(struct iphdr, tos)] = 0xff;
	buf[offsetof(struct iphdr, ttl)] = 0xff;
	memset(buf + offsetof(struct iphdr, check), 0xff, sizeof(ip->check));
	return sum_headers(buf, sizeof(*ip), udp, bth);
}

u32 rxe_icrc_start6(const struct ipv6hdr *ip, const struct udphdr *udp, const void *bth)
{
	u8 buf[sizeof(*ip) + sizeof(*udp) + RXE_BTH_LEN];

	memcpy(buf, ip, sizeof(*ip));
	buf[0] |= V6_VARIANT_NIBBLE;
	memset(buf + 1, 0xff, V6_VARIANT_BYTES);
	buf[offsetof(struct ipv6hdr, hop_limit)] = 0xff;
	return sum_headers(buf, sizeof(*ip), udp, bth);
}

u32 rxe_icrc_add(u32 crc, const void *data, u32 len)
{
	return rxc_crc32(crc, data, len);
}

__le32 rxe_icrc_finish(u32 crc)
{
	return cpu_to_le32(~crc);
}
