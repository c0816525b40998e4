/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets for the suites of the wire room: random ones, and an encoder written from the figures of
 * IBA chapter 9 with plain byte offsets, to compare the driver's with.
 */
#ifndef UNIT_PACKET_H
#define UNIT_PACKET_H

#include <string.h>

#include "../../drivers/infiniband/sw/rxe/wire/pkt.h"
#include "opcodes.h"
#include "unit.h"

/* The longest headers, a few bytes of payload with pad, and the ICRC. */
#define PACKET_MAX	256

static inline void packet_put(u8 *p, u32 bytes, u64 value)
{
	while (bytes--) {
		p[bytes] = value;
		value >>= 8;
	}
}

static inline void packet_random_bth(struct rxe_pkt *pkt)
{
	u64 bits = unit_rand();

	pkt->se = bits & 1;
	pkt->mig = bits & 2;
	pkt->ack_req = bits & 4;
	pkt->becn = bits & 8;
	pkt->fecn = bits & 16;
	pkt->pkey = unit_rand();
	pkt->qpn = unit_below(1 << 24);
	pkt->psn = unit_below(1 << 24);
}

/* Random fields of exactly the headers that @op has; all others zero. */
static inline void packet_random(struct rxe_pkt *pkt, const struct iba_opcode *op, u32 payload_len)
{
	memset(pkt, 0, sizeof(*pkt));
	pkt->opcode = op->opcode;
	packet_random_bth(pkt);
	if (strchr(op->headers, 'D')) {
		pkt->qkey = unit_rand();
		pkt->src_qpn = unit_below(1 << 24);
	}
	if (strpbrk(op->headers, "RT")) {
		pkt->va = unit_rand();
		pkt->rkey = unit_rand();
	}
	if (strchr(op->headers, 'R'))
		pkt->dma_len = unit_rand();
	if (strchr(op->headers, 'E')) {
		pkt->flush_type = unit_below(16);
		pkt->flush_level = unit_below(4);
	}
	if (strchr(op->headers, 'T')) {
		pkt->swap_add = unit_rand();
		pkt->compare = unit_rand();
	}
	if (strchr(op->headers, 'A')) {
		pkt->syndrome = unit_rand();
		pkt->msn = unit_below(1 << 24);
	}
	if (strchr(op->headers, 'K'))
		pkt->atomic_orig = unit_rand();
	if (strchr(op->headers, 'I'))
		pkt->imm = (__be32)(u32)unit_rand();
	if (strchr(op->headers, 'V'))
		pkt->inv_rkey = unit_rand();
	pkt->payload_len = op->payload ? payload_len : 0;
	pkt->pad = (4 - pkt->payload_len % 4) % 4;
	pkt->payload_off = iba_headers_bytes(op);
}

static inline void packet_encode_bth(const struct rxe_pkt *pkt, u8 *p)
{
	p[0] = pkt->opcode;
	p[1] = pkt->se << 7 | pkt->mig << 6 | pkt->pad << 4;
	packet_put(p + 2, 2, pkt->pkey);
	p[4] = pkt->fecn << 7 | pkt->becn << 6;
	packet_put(p + 5, 3, pkt->qpn);
	p[8] = pkt->ack_req << 7;
	packet_put(p + 9, 3, pkt->psn);
}

static inline void packet_encode_header(const struct rxe_pkt *pkt, char header, u8 *p)
{
	switch (header) {
	case 'D':
		packet_put(p, 4, pkt->qkey);
		packet_put(p + 4, 4, pkt->src_qpn);
		break;
	case 'E':
		packet_put(p, 4, pkt->flush_level << 4 | pkt->flush_type);
		break;
	case 'R':
		packet_put(p, 8, pkt->va);
		packet_put(p + 8, 4, pkt->rkey);
		packet_put(p + 12, 4, pkt->dma_len);
		break;
	case 'T':
		packet_put(p, 8, pkt->va);
		packet_put(p + 8, 4, pkt->rkey);
		packet_put(p + 12, 8, pkt->swap_add);
		packet_put(p + 20, 8, pkt->compare);
		break;
	case 'A':
		p[0] = pkt->syndrome;
		packet_put(p + 1, 3, pkt->msn);
		break;
	case 'K':
		packet_put(p, 8, pkt->atomic_orig);
		break;
	case 'I':
		memcpy(p, &pkt->imm, 4);
		break;
	case 'V':
		packet_put(p, 4, pkt->inv_rkey);
		break;
	}
}

/* The whole packet, payload and ICRC being bytes of @seed; returns its length. */
static inline u32 packet_encode(const struct rxe_pkt *pkt, const struct iba_opcode *op, u8 *buf,
				u64 seed)
{
	const char *h;
	u8 *p = buf + 12;
	u32 rest;

	packet_encode_bth(pkt, buf);
	for (h = op->headers; *h; h++) {
		packet_encode_header(pkt, *h, p);
		p += iba_header_bytes(*h);
	}
	rest = pkt->payload_len + pkt->pad + 4;
	unit_fill(p, rest, seed);
	return p - buf + rest;
}

/* Field by field, for structs have holes. */
#define PACKET_FIELDS(F)							\
	F(opcode), F(pad), F(se), F(mig), F(ack_req), F(becn), F(fecn),		\
	F(syndrome), F(pkey), F(payload_off), F(payload_len), F(qpn),		\
	F(psn), F(qkey), F(src_qpn), F(rkey), F(dma_len), F(msn),		\
	F(flush_type), F(flush_level), F(inv_rkey), F(imm), F(va), F(swap_add),	\
	F(compare), F(atomic_orig)

static inline void packet_check_same(const struct rxe_pkt *got, const struct rxe_pkt *want)
{
#define SAME(f) CHECK_EQ(got->f, want->f)
	PACKET_FIELDS(SAME);
#undef SAME
}

#endif
