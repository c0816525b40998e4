/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The invariant CRC of RoCEv2 (annex A17.3.3): CRC32 over a dummy LRH of ones, the IP and UDP
 * headers with their variant fields masked to ones, the BTH with its reserved byte masked, and all
 * the rest up to the ICRC itself.
 */
#ifndef RXE_WIRE_ICRC_H
#define RXE_WIRE_ICRC_H

#include <linux/types.h>

struct iphdr;
struct ipv6hdr;
struct udphdr;

/**
 * rxe_icrc_start4() - CRC state after the IPv4, UDP and base transport headers
 * @ip: IPv4 header without options, fields as they travel
 * @udp: UDP header
 * @bth: the 12 bytes of the base transport header
 *
 * Context: any that may use the CRC provider (not hard interrupt).
 * Return: running CRC32, to be continued by rxe_icrc_add() from the byte after the BTH.
 */
u32 rxe_icrc_start4(const struct iphdr *ip, const struct udphdr *udp, const void *bth);

/**
 * rxe_icrc_start6() - the same under IPv6
 * @ip: IPv6 header, no extension headers
 * @udp: UDP header
 * @bth: the 12 bytes of the base transport header
 *
 * Context: as rxe_icrc_start4().
 * Return: running CRC32.
 */
u32 rxe_icrc_start6(const struct ipv6hdr *ip, const struct udphdr *udp, const void *bth);

/**
 * rxe_icrc_add() - continue over the next span
 * @crc: running CRC32
 * @data: the span
 * @len: its length in bytes
 *
 * Return: running CRC32.
 */
u32 rxe_icrc_add(u32 crc, const void *data, u32 len);

/**
 * rxe_icrc_finish() - running CRC to the value on the wire
 * @crc: running CRC32 after the last byte before the ICRC (pad included)
 *
 * Return: the four bytes as they travel.
 */
__le32 rxe_icrc_finish(u32 crc);

#endif
