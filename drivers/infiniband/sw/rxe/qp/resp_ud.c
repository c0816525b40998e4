// SPDX-License-Identifier: GPL-2.0
/*
 * The responder of a datagram QP: take a receive, put the 40 bytes of GRH and the payload there,
 * complete. The peer learns nothing of what does not fit or finds nothing posted. A receive that
 * was too short waits for the next datagram.
 */
#include <linux/ip.h>
#include <linux/skbuff.h>

#include "../base/dev.h"
#include "qp.h"
#include "resp.h"
#include "wc.h"

/*
 * The completion tells what the network header was (IBA A17.4.5.1). A program's completion has no
 * field for it but the SL, which means nothing on RoCE: Mellanox' hardware tells it there, so that
 * is where libraries look.
 */
enum { SL_UDP = 1 << 3, SL_IPV6 = 1, SL_IPV4 = 2 };

static void deliver_wc(struct rxe_qp *qp, const struct rxe_pkt *pkt, const struct sk_buff *skb)
{
	bool v4 = skb->protocol == htons(ETH_P_IP);
	struct ib_wc wc = {
		.opcode = IB_WC_RECV,
		.byte_len = RXE_GRH_LEN + pkt->payload_len,
		.src_qp = pkt->src_qpn,
		.wc_flags = IB_WC_GRH | IB_WC_WITH_NETWORK_HDR_TYPE,
		.network_hdr_type = v4 ? RDMA_NETWORK_IPV4 : RDMA_NETWORK_IPV6,
		.sl = qp->is_user ? SL_UDP | (v4 ? SL_IPV4 : SL_IPV6) : 0,
	};

	if (rxe_opcode_info(pkt->opcode)->flags & RXE_OPF_IMMDT) {
		wc.ex.imm_data = pkt->imm;
		wc.wc_flags |= IB_WC_WITH_IMM;
	}
	/* The core finds the source GID of an answer by address and VLAN. */
	if (rxe_net_vlan(qp->dev, skb, &wc.vlan_id))
		wc.wc_flags |= IB_WC_WITH_VLAN;
	rxe_qp_count(qp, RXE_STAT_RDMA_RECVS);
	rxe_wc_recv(qp, &wc, pkt->se);
}

static enum rxe_mem_err place(struct rxe_qp *qp, const struct rxe_pkt *pkt,
			      const struct sk_buff *skb)
{
	struct rxe_mem_wait *wait = &qp->resp.wait;
	struct rxe_sgl *sgl = &qp->resp.sgl;
	enum rxe_mem_err err;
	u8 grh[RXE_GRH_LEN];

	if (rxe_sgl_length(sgl->sge, sgl->num) < RXE_GRH_LEN + pkt->payload_len)
		return RXE_MEM_LENGTH;
	rxe_net_grh(skb, grh);
	rxe_sgl_seek(sgl, 0);
	wait->ahead = RXE_GRH_LEN + pkt->payload_len;
	err = rxe_sgl_scatter(sgl, grh, sizeof(grh), wait);
	if (!err)
		err = rxe_sgl_scatter(sgl, skb->data + pkt->payload_off, pkt->payload_len, wait);
	return err;
}

enum rxe_resp_err rxe_resp_ud(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb)
{
	enum rxe_resp_err err;

	rxe_assert_owned(qp);
	err = rxe_resp_take_wqe(qp);
	if (!err)
		err = rxe_resp_recv_err(place(qp, pkt, skb));
	if (!err)
		deliver_wc(qp, pkt, skb);
	return err;
}
