// SPDX-License-Identifier: GPL-2.0
/*
 * Received bytes to struct rxe_pkt.
 *
 * The order is the point of this file. The sender chose every byte, the UDP length included, so:
 * first that a BTH and an ICRC fit, then the BTH is read; its opcode tells how long the headers
 * are, and only once that many bytes are known to be there are the extended headers read; what is
 * left before the ICRC is payload and pad. Words: "rest" is payload plus pad.
 *
 * Reserved bits are ignored, as IBA 9.2 asks of a receiver.
 */
#include <linux/string.h>
#include <linux/types.h>

#include <asm/byteorder.h>

#include "hdr.h"
#include "opcode.h"
#include "pkt.h"

static void parse_bth(struct rxe_pkt *pkt, const struct rxe_bth *bth)
{
	u32 qpn = be32_to_cpu(bth->qpn);
	u32 psn = be32_to_cpu(bth->psn);

	pkt->opcode = bth->opcode;
	pkt->pad = (bth->flags & RXE_BTH_PAD_MASK) >> RXE_BTH_PAD_SHIFT;
	pkt->se = bth->flags & RXE_BTH_SE;
	pkt->mig = bth->flags & RXE_BTH_MIG;
	pkt->pkey = be16_to_cpu(bth->pkey);
	pkt->fecn = qpn & RXE_BTH_FECN;
	pkt->becn = qpn & RXE_BTH_BECN;
	pkt->qpn = qpn & RXE_WIRE_24BIT;
	pkt->ack_req = psn & RXE_BTH_ACK_REQ;
	pkt->psn = psn & RXE_WIRE_24BIT;
}

static const void *parse_deth(struct rxe_pkt *pkt, const struct rxe_deth *deth)
{
	pkt->qkey = be32_to_cpu(deth->qkey);
	pkt->src_qpn = be32_to_cpu(deth->src_qpn) & RXE_WIRE_24BIT;
	return deth + 1;
}

static const void *parse_feth(struct rxe_pkt *pkt, const struct rxe_feth *feth)
{
	u32 bits = be32_to_cpu(feth->bits);

	pkt->flush_type = bits & RXE_FETH_TYPE_MASK;
	pkt->flush_level = (bits & RXE_FETH_LEVEL_MASK) >> RXE_FETH_LEVEL_SHIFT;
	return feth + 1;
}

static const void *parse_reth(struct rxe_pkt *pkt, const struct rxe_reth *reth)
{
	pkt->va = be64_to_cpu(reth->va);
	pkt->rkey = be32_to_cpu(reth->rkey);
	pkt->dma_len = be32_to_cpu(reth->dma_len);
	return reth + 1;
}

static const void *parse_atmeth(struct rxe_pkt *pkt, const struct rxe_atmeth *atmeth)
{
	pkt->va = be64_to_cpu(atmeth->va);
	pkt->rkey = be32_to_cpu(atmeth->rkey);
	pkt->swap_add = be64_to_cpu(atmeth->swap_add);
	pkt->compare = be64_to_cpu(atmeth->compare);
	return atmeth + 1;
}

static const void *parse_aeth(struct rxe_pkt *pkt, const struct rxe_aeth *aeth)
{
	u32 word = be32_to_cpu(aeth->syndrome_msn);

	pkt->syndrome = word >> RXE_AETH_SYNDROME_SHIFT;
	pkt->msn = word & RXE_WIRE_24BIT;
	return aeth + 1;
}

static const void *parse_atmack(struct rxe_pkt *pkt, const struct rxe_atmack *atmack)
{
	pkt->atomic_orig = be64_to_cpu(atmack->orig);
	return atmack + 1;
}

static const void *parse_immdt(struct rxe_pkt *pkt, const struct rxe_immdt *immdt)
{
	pkt->imm = immdt->imm;
	return immdt + 1;
}

static void parse_ieth(struct rxe_pkt *pkt, const struct rxe_ieth *ieth)
{
	pkt->inv_rkey = be32_to_cpu(ieth->rkey);
}

static void parse_extended(struct rxe_pkt *pkt, u16 flags, const void *p)
{
	if (flags & RXE_OPF_DETH)
		p = parse_deth(pkt, p);
	if (flags & RXE_OPF_FETH)
		p = parse_feth(pkt, p);
	if (flags & RXE_OPF_RETH)
		p = parse_reth(pkt, p);
	if (flags & RXE_OPF_ATMETH)
		p = parse_atmeth(pkt, p);
	if (flags & RXE_OPF_AETH)
		p = parse_aeth(pkt, p);
	if (flags & RXE_OPF_ATMACK)
		p = parse_atmack(pkt, p);
	if (flags & RXE_OPF_IMMDT)
		p = parse_immdt(pkt, p);
	if (flags & RXE_OPF_IETH)
		parse_ieth(pkt, p);
}

/*
 * Every header, the padded payload and the ICRC are multiples of four (IBA 9.2.2). No path carries
 * more payload than the largest MTU there is, whatever UDP can: what waits for its turn is counted
 * in packets.
 */
static bool rest_is_sound(const struct rxe_opcode *op, u8 pad, u32 rest)
{
	if (rest & 3 || rest > RXE_MAX_PAYLOAD)
		return false;
	if (!(op->flags & RXE_OPF_PAYLOAD) && rest)
		return false;
	return pad <= rest;
}

enum rxe_parse_err rxe_pkt_parse(struct rxe_pkt *pkt, const void *bth, u32 len)
{
	const struct rxe_bth *h = bth;
	const struct rxe_opcode *op;
	u32 rest;

	if (len < sizeof(*h) + RXE_ICRC_LEN)
		return RXE_PARSE_SHORT;
	if (h->flags & RXE_BTH_TVER_MASK)
		return RXE_PARSE_VERSION;
	op = rxe_opcode_info(h->opcode);
	if (op->kind == RXE_KIND_NONE)
		return RXE_PARSE_OPCODE;
	if (len < op->hdr_len + RXE_ICRC_LEN)
		return RXE_PARSE_SHORT;
	rest = len - op->hdr_len - RXE_ICRC_LEN;

	memset(pkt, 0, sizeof(*pkt));
	parse_bth(pkt, h);
	if (!rest_is_sound(op, pkt->pad, rest))
		return RXE_PARSE_LENGTH;
	parse_extended(pkt, op->flags, h + 1);
	pkt->payload_off = op->hdr_len;
	pkt->payload_len = rest - pkt->pad;
	return RXE_PARSE_OK;
}
