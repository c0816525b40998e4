// SPDX-License-Identifier: GPL-2.0
/*
 * Packets out: headers by wire/, the buffer by net/, the payload by whoever sends. A packet that
 * cannot be had or sent is lost, as it could be on any wire; the transport's retries are the cure,
 * so no caller needs to look at more than whether there is a buffer to fill.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/string.h>
#include <linux/udp.h>

#include "../base/trace.h"
#include "../wire/icrc.h"
#include "egress.h"
#include "qp.h"

int rxe_egress_begin(struct rxe_qp *qp, struct rxe_path *path, struct rxe_pkt *pkt,
		     struct rxe_out *out)
{
	u32 pad = -pkt->payload_len & 3;
	u32 len = rxe_opcode_info(pkt->opcode)->hdr_len + pkt->payload_len + pad + RXE_ICRC_LEN;

	rxe_assert_owned(qp);
	out->skb = rxe_net_alloc(qp->dev, rxe_qp_stats(qp), path, qp->flight, len, &out->bth);
	if (IS_ERR(out->skb))
		return PTR_ERR(out->skb);
	pkt->pkey = RXE_DEFAULT_PKEY;
	pkt->mig = true;
	out->payload = out->bth + rxe_pkt_build(pkt, out->bth);
	out->tail = out->payload + pkt->payload_len;
	return 0;
}

static void seal(struct rxe_out *out, u32 pad)
{
	const struct sk_buff *skb = out->skb;
	__le32 icrc = 0;
	u32 crc;

	memset(out->tail, 0, pad);
	if (rxe_net_tx_needs_icrc(skb)) {
		if (skb->protocol == htons(ETH_P_IP))
			crc = rxe_icrc_start4(ip_hdr(skb), udp_hdr(skb), out->bth);
		else
			crc = rxe_icrc_start6(ipv6_hdr(skb), udp_hdr(skb), out->bth);
		crc = rxe_icrc_add(crc, out->bth + RXE_BTH_LEN,
				   out->tail + pad - out->bth - RXE_BTH_LEN);
		icrc = rxe_icrc_finish(crc);
	}
	memcpy(out->tail + pad, &icrc, sizeof(icrc));
}

void rxe_egress_send(struct rxe_qp *qp, struct rxe_pkt *pkt, struct rxe_out *out)
{
	seal(out, pkt->pad);
	trace_rxe_sent(qp->dev, pkt->qpn, pkt->opcode, pkt->psn, pkt->payload_len);
	rxe_net_xmit(qp->dev, rxe_qp_stats(qp), out->skb);
}

void rxe_egress_abort(struct rxe_out *out)
{
	kfree_skb(out->skb);
}

void rxe_egress_bare(struct rxe_qp *qp, struct rxe_pkt *pkt)
{
	struct rxe_out out;

	if (!rxe_egress_begin(qp, &qp->path, pkt, &out))
		rxe_egress_send(qp, pkt, &out);
}
