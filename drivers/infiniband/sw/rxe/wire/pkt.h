/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A packet between the wire and the protocol: what parse.c makes of received bytes, and what
 * build.c turns into bytes. Numbers are in host order; nobody else touches raw headers.
 */
#ifndef RXE_WIRE_PKT_H
#define RXE_WIRE_PKT_H

#include <linux/types.h>

#include "opcode.h"

/* Bytes of the ICRC that ends each packet, and the longest header set that we send or accept. */
#define RXE_ICRC_LEN		4
#define RXE_BTH_LEN		12
#define RXE_MAX_HDR_LEN		(RXE_BTH_LEN + 28)
#define RXE_DEFAULT_PKEY	0xffff
/* Of the largest path MTU that there is (IBA 9.2.2). */
#define RXE_MAX_PAYLOAD		4096

/* What a FLUSH is to achieve, and for what (IBA A19.4.1). */
#define RXE_FLUSH_GLOBAL	0x1
#define RXE_FLUSH_PERSISTENT	0x2
#define RXE_FLUSH_RANGE		0
#define RXE_FLUSH_REGION	1

/**
 * struct rxe_pkt - one packet, in host order
 * @opcode: BTH opcode, service included
 * @pad: bytes that pad the payload to four
 * @se: solicited event
 * @mig: migration state bit
 * @ack_req: acknowledgement requested
 * @becn: backward explicit congestion notification
 * @fecn: forward explicit congestion notification
 * @pkey: partition key
 * @qpn: destination QP
 * @psn: packet sequence number
 * @qkey: DETH
 * @src_qpn: DETH
 * @va: RETH or AtomicETH remote address
 * @rkey: RETH or AtomicETH key
 * @dma_len: RETH message length in bytes
 * @flush_type: FETH, RXE_FLUSH_* bits
 * @flush_level: FETH, RXE_FLUSH_RANGE or RXE_FLUSH_REGION
 * @swap_add: AtomicETH swap or add operand
 * @compare: AtomicETH compare operand
 * @syndrome: AETH
 * @msn: AETH
 * @atomic_orig: AtomicAckETH
 * @imm: immediate data, never swapped
 * @inv_rkey: IETH
 * @payload_off: offset of the payload from the BTH, bytes
 * @payload_len: payload without pad, bytes
 *
 * Fields of headers that the opcode does not have are zero after rxe_pkt_parse() and ignored by
 * rxe_pkt_build().
 */
struct rxe_pkt {
	u8 opcode;
	u8 pad;
	bool se;
	bool mig;
	bool ack_req;
	bool becn;
	bool fecn;
	u8 syndrome;
	u8 flush_type;
	u8 flush_level;
	u16 pkey;
	u16 payload_off;
	u32 payload_len;
	u32 qpn;
	u32 psn;
	u32 qkey;
	u32 src_qpn;
	u32 rkey;
	u32 dma_len;
	u32 msn;
	u32 inv_rkey;
	__be32 imm;
	u64 va;
	u64 swap_add;
	u64 compare;
	u64 atomic_orig;
};

/* Why bytes are no packet; base/stats.h has a counter for each. */
enum rxe_parse_err {
	RXE_PARSE_OK,
	RXE_PARSE_SHORT,	/* ends before its headers or its ICRC do */
	RXE_PARSE_VERSION,	/* transport header version is not 0 */
	RXE_PARSE_OPCODE,	/* no such opcode */
	RXE_PARSE_LENGTH,	/* payload where none may be, pad without payload, not by fours */
};

/**
 * rxe_pkt_parse() - received bytes to struct rxe_pkt
 * @pkt: the result; undefined unless RXE_PARSE_OK is returned
 * @bth: first byte of the BTH; at least min(@len, RXE_MAX_HDR_LEN) bytes are readable there
 * @len: bytes from the BTH to the end of the ICRC, from the UDP header
 *
 * Every length is checked before what it covers is read. Nothing but form is judged: whether the
 * opcode fits the QP, and whether the payload fits the MTU, is for the QP.
 *
 * Context: any.
 * Return: RXE_PARSE_OK or the first reason found.
 */
enum rxe_parse_err rxe_pkt_parse(struct rxe_pkt *pkt, const void *bth, u32 len);

/**
 * rxe_pkt_build() - struct rxe_pkt to header bytes
 * @pkt: the packet; @pad and @payload_off are computed here from @payload_len
 * @bth: where the BTH begins; RXE_MAX_HDR_LEN bytes are writable
 *
 * Payload, pad and ICRC are the caller's to append, in this order.
 *
 * Context: any.
 * Return: bytes written, which is where the payload begins.
 */
u32 rxe_pkt_build(struct rxe_pkt *pkt, void *bth);

#endif
