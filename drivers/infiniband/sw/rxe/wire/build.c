// SPDX-License-Identifier: GPL-2.0
/*
 * struct rxe_pkt to header bytes: the inverse of parse.c, header by header. Reserved bits leave as
 * zero (IBA 9.2). Numbers of 24 bits are cut to 24 bits, so that a number too wide can never spill
 * into the flags beside it.
 */
#include <linux/types.h>

#include <asm/byteorder.h>

#include "hdr.h"
#include "opcode.h"
#include "pkt.h"

static void build_bth(const struct rxe_pkt *pkt, struct rxe_bth *bth)
{
	u32 qpn = pkt->qpn & RXE_WIRE_24BIT;
	u32 psn = pkt->psn & RXE_WIRE_24BIT;
	u8 flags = pkt->pad << RXE_BTH_PAD_SHIFT;

	if (pkt->se)
		flags |= RXE_BTH_SE;
	if (pkt->mig)
		flags |= RXE_BTH_MIG;
	if (pkt->fecn)
		qpn |= RXE_BTH_FECN;
	if (pkt->becn)
		qpn |= RXE_BTH_BECN;
	if (pkt->ack_req)
		psn |= RXE_BTH_ACK_REQ;

	bth->opcode = pkt->opcode;
	bth->flags = flags;
	bth->pkey = cpu_to_be16(pkt->pkey);
	bth->qpn = cpu_to_be32(qpn);
	bth->psn = cpu_to_be32(psn);
}

static void *build_deth(const struct rxe_pkt *pkt, struct rxe_deth *deth)
{
	deth->qkey = cpu_to_be32(pkt->qkey);
	deth->src_qpn = cpu_to_be32(pkt->src_qpn & RXE_WIRE_24BIT);
	return deth + 1;
}

static void *build_feth(const struct rxe_pkt *pkt, struct rxe_feth *feth)
{
	u32 level = (u32)pkt->flush_level << RXE_FETH_LEVEL_SHIFT;

	feth->bits = cpu_to_be32((level & RXE_FETH_LEVEL_MASK) |
				 (pkt->flush_type & RXE_FETH_TYPE_MASK));
	return feth + 1;
}

static void *build_reth(const struct rxe_pkt *pkt, struct rxe_reth *reth)
{
	reth->va = cpu_to_be64(pkt->va);
	reth->rkey = cpu_to_be32(pkt->rkey);
	reth->dma_len = cpu_to_be32(pkt->dma_len);
	return reth + 1;
}

static void *build_atmeth(const struct rxe_pkt *pkt, struct rxe_atmeth *atmeth)
{
	atmeth->va = cpu_to_be64(pkt->va);
	atmeth->rkey = cpu_to_be32(pkt->rkey);
	atmeth->swap_add = cpu_to_be64(pkt->swap_add);
	atmeth->compare = cpu_to_be64(pkt->compare);
	return atmeth + 1;
}

static void *build_aeth(const struct rxe_pkt *pkt, struct rxe_aeth *aeth)
{
	u32 word = (u32)pkt->syndrome << RXE_AETH_SYNDROME_SHIFT;

	aeth->syndrome_msn = cpu_to_be32(word | (pkt->msn & RXE_WIRE_24BIT));
	return aeth + 1;
}

static void *build_atmack(const struct rxe_pkt *pkt, struct rxe_atmack *atmack)
{
	atmack->orig = cpu_to_be64(pkt->atomic_orig);
	return atmack + 1;
}

static void *build_immdt(const struct rxe_pkt *pkt, struct rxe_immdt *immdt)
{
	immdt->imm = pkt->imm;
	return immdt + 1;
}

static void build_ieth(const struct rxe_pkt *pkt, struct rxe_ieth *ieth)
{
	ieth->rkey = cpu_to_be32(pkt->inv_rkey);
}

static void build_extended(const struct rxe_pkt *pkt, u16 flags, void *p)
{
	if (flags & RXE_OPF_DETH)
		p = build_deth(pkt, p);
	if (flags & RXE_OPF_FETH)
		p = build_feth(pkt, p);
	if (flags & RXE_OPF_RETH)
		p = build_reth(pkt, p);
	if (flags & RXE_OPF_ATMETH)
		p = build_atmeth(pkt, p);
	if (flags & RXE_OPF_AETH)
		p = build_aeth(pkt, p);
	if (flags & RXE_OPF_ATMACK)
		p = build_atmack(pkt, p);
	if (flags & RXE_OPF_IMMDT)
		p = build_immdt(pkt, p);
	if (flags & RXE_OPF_IETH)
		build_ieth(pkt, p);
}

u32 rxe_pkt_build(struct rxe_pkt *pkt, void *bth)
{
	const struct rxe_opcode *op = rxe_opcode_info(pkt->opcode);
	struct rxe_bth *h = bth;

	pkt->pad = -pkt->payload_len & 3;
	pkt->payload_off = op->hdr_len;
	build_bth(pkt, h);
	build_extended(pkt, op->flags, h + 1);
	return op->hdr_len;
}
