// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams in. Everything that can be judged without the QP's protocol state is judged here,
 * before the QP is run: form, ICRC, partition, and whether this peer may talk to this QP at all.
 * What passes is handed to the QP; nothing here answers a packet.
 *
 * The order is that of IBA 9.6: form, ICRC, destination QP, its state and service, partition,
 * address. Each refusal is one counter. Multicast that nobody here wants is told before the ICRC:
 * every host of the network may get it.
 *
 * A packet counts as the QP's when its ICRC is good and the QP is there, whether that takes it or
 * not. Before, it is only the port's, and so is multicast.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "../base/dev.h"
#include "../base/trace.h"
#include "../wire/icrc.h"
#include "ingress.h"
#include "mcast.h"
#include "qp.h"
#include "run.h"

static const enum rxe_stat parse_stat[] = {
	[RXE_PARSE_SHORT]	= RXE_STAT_DROP_SHORT,
	[RXE_PARSE_VERSION]	= RXE_STAT_DROP_VERSION,
	[RXE_PARSE_OPCODE]	= RXE_STAT_DROP_OPCODE,
	[RXE_PARSE_LENGTH]	= RXE_STAT_DROP_LENGTH,
};

static bool icrc_good(const struct sk_buff *skb)
{
	u32 covered = skb->len - RXE_ICRC_LEN;
	__le32 icrc;
	u32 crc;

	if (!rxe_net_rx_needs_icrc(skb))
		return true;
	if (skb->protocol == htons(ETH_P_IP))
		crc = rxe_icrc_start4(ip_hdr(skb), udp_hdr(skb), skb->data);
	else
		crc = rxe_icrc_start6(ipv6_hdr(skb), udp_hdr(skb), skb->data);
	crc = rxe_icrc_add(crc, skb->data + RXE_BTH_LEN, covered - RXE_BTH_LEN);
	memcpy(&icrc, skb->data + covered, sizeof(icrc));
	return icrc == rxe_icrc_finish(crc);
}

/* Requests are heard from RTR on; answers while requests may be outstanding. */
static bool state_hears(enum ib_qp_state state, bool response)
{
	if (response)
		return state == IB_QPS_RTS || state == IB_QPS_SQD;
	return state == IB_QPS_RTR || state == IB_QPS_RTS || state == IB_QPS_SQD ||
	       state == IB_QPS_SQE;
}

static u8 service_of(const struct rxe_qp *qp)
{
	if (rxe_qp_is_rc(qp))
		return RXE_SVC_RC;
	return rxe_qp_is_uc(qp) ? RXE_SVC_UC : RXE_SVC_UD;
}

/* Full and limited members of the one partition; two limited ones do not talk (IBA 10.9.3). */
static bool pkey_matches(u16 pkey)
{
	return (pkey & 0x7fff) == (RXE_DEFAULT_PKEY & 0x7fff);
}

/* Return: why the QP refuses the packet, or RXE_NUM_STATS. */
static enum rxe_stat refuse(struct rxe_qp *qp, const struct rxe_pkt *pkt, const struct sk_buff *skb)
{
	bool response = rxe_opcode_info(pkt->opcode)->flags & RXE_OPF_RESPONSE;

	if (!state_hears(READ_ONCE(qp->state), response))
		return RXE_STAT_DROP_QP_STATE;
	if ((pkt->opcode & RXE_SVC_MASK) != service_of(qp))
		return RXE_STAT_DROP_SERVICE;
	if (!pkey_matches(pkt->pkey))
		return RXE_STAT_DROP_PKEY;
	if (rxe_qp_is_ud(qp))
		return pkt->qkey == READ_ONCE(qp->attr.qkey) ? RXE_NUM_STATS :
								RXE_STAT_DROP_QKEY;
	return rxe_net_from_peer(skb, &qp->path) ? RXE_NUM_STATS : RXE_STAT_DROP_ADDRESS;
}

static void count_received(struct rxe_dev *dev, struct rxe_stats __percpu *stats,
			   const struct sk_buff *skb)
{
	rxe_count_in(dev, stats, RXE_STAT_RCVD_PKTS);
	rxe_stats_add(stats, RXE_STAT_RCVD_BYTES, skb->len);
	if (rxe_net_is_multicast(skb))
		rxe_count_in(dev, stats, RXE_STAT_RCVD_MULTICAST);
}

/* Received, and lost before anybody knows whose it is. */
static void drop(struct rxe_dev *dev, struct sk_buff *skb, enum rxe_stat reason)
{
	count_received(dev, dev->stats, skb);
	rxe_count(dev, reason);
	kfree_skb(skb);
}

void rxe_qp_deliver(struct rxe_qp *qp, const struct rxe_pkt *pkt, struct sk_buff *skb)
{
	enum rxe_stat reason = refuse(qp, pkt, skb);

	if (reason == RXE_NUM_STATS) {
		rxe_run_packet(qp, pkt, skb);
		return;
	}
	rxe_qp_count(qp, reason);
	kfree_skb(skb);
}

/* The multicast QPN is no QP's, so a datagram for it that is no multicast finds nobody. */
static void deliver_unicast(struct rxe_dev *dev, const struct rxe_pkt *pkt, struct sk_buff *skb)
{
	struct rxe_handle *handle = rxe_idtab_get(&dev->qps, pkt->qpn);

	if (!handle) {
		drop(dev, skb, RXE_STAT_DROP_QPN);
		return;
	}
	count_received(dev, rxe_qp_stats(handle->obj), skb);
	rxe_qp_deliver(handle->obj, pkt, skb);
	rxe_handle_put(handle);
}

/* The port has received one datagram, whatever the number of copies. */
static void deliver_multicast(struct rxe_dev *dev, const struct rxe_pkt *pkt, struct sk_buff *skb)
{
	count_received(dev, dev->stats, skb);
	rxe_mcast_rx(dev, pkt, skb);
}

void rxe_qp_rx(struct rxe_dev *dev, struct sk_buff *skb)
{
	bool multicast = rxe_net_is_multicast(skb);
	enum rxe_parse_err err;
	struct rxe_pkt pkt;

	err = rxe_pkt_parse(&pkt, skb->data, skb->len);
	if (!err)
		trace_rxe_received(dev, pkt.qpn, pkt.opcode, pkt.psn, pkt.payload_len);
	if (err)
		drop(dev, skb, parse_stat[err]);
	else if (multicast && !rxe_mcast_wants(dev, &pkt, skb))
		drop(dev, skb, RXE_STAT_DROP_MULTICAST);
	else if (!icrc_good(skb))
		drop(dev, skb, RXE_STAT_DROP_ICRC);
	else if (multicast)
		deliver_multicast(dev, &pkt, skb);
	else
		deliver_unicast(dev, &pkt, skb);
}
