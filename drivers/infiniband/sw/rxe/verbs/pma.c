// SPDX-License-Identifier: GPL-2.0
/*
 * The performance management agent of the port (IBA 16.1): who asks are `perfquery` of peers, by a
 * MAD, and the core, for /sys/class/infiniband/DEVICE/ports/1/counters.
 *
 * Data is counted from the BTH to the ICRC: what an InfiniBand port would count is that and a
 * header or two which do not exist here. In the classic PortCounters a full counter stays full; the
 * extended ones are what they are. Counters are never cleared, as others read the same ones: Set is
 * refused.
 *
 * Other classes are none of our business, nor are answers; the core finds who they are for.
 */
#include <linux/minmax.h>
#include <linux/string.h>
#include <rdma/ib_mad.h>
#include <rdma/ib_pma.h>

#include "../base/dev.h"
#include "verbs.h"

/* 4.096 us * 2^18, a second: software may be slow to answer. */
#define RESPONSE_TIME	18
/* IBA 13.4.7, table 127; MADs name them by bits 2 to 4. */
#define BAD_VERSION		cpu_to_be16(1 << 2)
#define NO_SUCH_METHOD		cpu_to_be16(2 << 2)
#define NO_SUCH_ATTRIBUTE	cpu_to_be16(3 << 2)
#define BAD_VALUE		cpu_to_be16(7 << 2)

static u64 sum(struct rxe_dev *dev, const enum rxe_stat *stats, int num)
{
	u64 n = 0;
	int i;

	for (i = 0; i < num; i++)
		n += rxe_dev_total(dev, stats[i]);
	return n;
}

/* Packets that are no packets (16.1.3.5: malformed, or damaged). */
static u64 receive_errors(struct rxe_dev *dev)
{
	static const enum rxe_stat stats[] = {
		RXE_STAT_DROP_IP_HEADER, RXE_STAT_DROP_SHORT, RXE_STAT_DROP_VERSION,
		RXE_STAT_DROP_OPCODE, RXE_STAT_DROP_LENGTH, RXE_STAT_DROP_ICRC,
	};

	return sum(dev, stats, ARRAY_SIZE(stats));
}

static u64 transmit_discards(struct rxe_dev *dev)
{
	static const enum rxe_stat stats[] = {
		RXE_STAT_TX_NO_ROUTE, RXE_STAT_TX_NOMEM, RXE_STAT_TX_REFUSED, RXE_STAT_TX_ABOVE_MTU,
	};

	return sum(dev, stats, ARRAY_SIZE(stats));
}

/* The counters in the units of the MADs: data in words of four bytes. */
struct traffic {
	u64 xmit_data;
	u64 rcv_data;
	u64 xmit_packets;
	u64 rcv_packets;
	u64 xmit_multicast;
	u64 rcv_multicast;
};

/* Multicast is read first: there is never more of it than there are packets. */
static struct traffic read_traffic(struct rxe_dev *dev)
{
	u64 xmit_multicast = rxe_dev_total(dev, RXE_STAT_SENT_MULTICAST);
	u64 rcv_multicast = rxe_dev_total(dev, RXE_STAT_RCVD_MULTICAST);

	return (struct traffic) {
		.xmit_data = rxe_dev_total(dev, RXE_STAT_SENT_BYTES) / 4,
		.rcv_data = rxe_dev_total(dev, RXE_STAT_RCVD_BYTES) / 4,
		.xmit_packets = rxe_dev_total(dev, RXE_STAT_SENT_PKTS),
		.rcv_packets = rxe_dev_total(dev, RXE_STAT_RCVD_PKTS),
		.xmit_multicast = xmit_multicast,
		.rcv_multicast = rcv_multicast,
	};
}

static __be16 get_class_port_info(struct ib_pma_mad *out)
{
	struct ib_class_port_info *info = (struct ib_class_port_info *)out->data;

	info->base_version = IB_MGMT_BASE_VERSION;
	info->class_version = 1;
	info->capability_mask = IB_PMA_CLASS_CAP_EXT_WIDTH;
	ib_set_cpi_resp_time(info, RESPONSE_TIME);
	return 0;
}

static __be32 saturated(u64 n)
{
	return cpu_to_be32(min_t(u64, n, U32_MAX));
}

static __be16 get_port_counters(struct rxe_dev *dev, struct ib_pma_mad *out)
{
	struct ib_pma_portcounters *c = (struct ib_pma_portcounters *)out->data;
	struct traffic traffic = read_traffic(dev);

	c->port_select = RXE_PORT;
	c->link_downed_counter = min_t(u64, U8_MAX,
				       rxe_dev_total(dev, RXE_STAT_LINK_DOWNED));
	c->port_rcv_errors = cpu_to_be16(min_t(u64, U16_MAX, receive_errors(dev)));
	c->port_xmit_discards = cpu_to_be16(min_t(u64, U16_MAX, transmit_discards(dev)));
	c->port_xmit_data = saturated(traffic.xmit_data);
	c->port_rcv_data = saturated(traffic.rcv_data);
	c->port_xmit_packets = saturated(traffic.xmit_packets);
	c->port_rcv_packets = saturated(traffic.rcv_packets);
	return 0;
}

static __be16 get_port_counters_ext(struct rxe_dev *dev, struct ib_pma_mad *out)
{
	struct ib_pma_portcounters_ext *c = (struct ib_pma_portcounters_ext *)out->data;
	struct traffic traffic = read_traffic(dev);

	c->port_select = RXE_PORT;
	c->port_xmit_data = cpu_to_be64(traffic.xmit_data);
	c->port_rcv_data = cpu_to_be64(traffic.rcv_data);
	c->port_xmit_packets = cpu_to_be64(traffic.xmit_packets);
	c->port_rcv_packets = cpu_to_be64(traffic.rcv_packets);
	c->port_unicast_xmit_packets = cpu_to_be64(traffic.xmit_packets - traffic.xmit_multicast);
	c->port_unicast_rcv_packets = cpu_to_be64(traffic.rcv_packets - traffic.rcv_multicast);
	c->port_multicast_xmit_packets = cpu_to_be64(traffic.xmit_multicast);
	c->port_multicast_rcv_packets = cpu_to_be64(traffic.rcv_multicast);
	return 0;
}

/* The attributes that are about a port have its number as their second byte. */
static bool names_our_port(const struct ib_pma_mad *in)
{
	return in->data[1] == RXE_PORT;
}

/* Return: the status of the answer; 0 when @out has the attribute. */
static __be16 get(struct rxe_dev *dev, const struct ib_pma_mad *in, struct ib_pma_mad *out)
{
	switch (in->mad_hdr.attr_id) {
	case IB_PMA_CLASS_PORT_INFO:
		return get_class_port_info(out);
	case IB_PMA_PORT_COUNTERS:
		return names_our_port(in) ? get_port_counters(dev, out) : BAD_VALUE;
	case IB_PMA_PORT_COUNTERS_EXT:
		return names_our_port(in) ? get_port_counters_ext(dev, out) : BAD_VALUE;
	default:
		return NO_SUCH_ATTRIBUTE;
	}
}

static __be16 answer(struct rxe_dev *dev, const struct ib_pma_mad *in,
		     struct ib_pma_mad *out)
{
	const struct ib_mad_hdr *hdr = &in->mad_hdr;

	if (hdr->base_version != IB_MGMT_BASE_VERSION || hdr->class_version != 1)
		return BAD_VERSION;
	switch (hdr->method) {
	case IB_MGMT_METHOD_GET:
		return get(dev, in, out);
	case IB_MGMT_METHOD_SET:
		return NO_SUCH_ATTRIBUTE;
	default:
		return NO_SUCH_METHOD;
	}
}

static int process_mad(struct ib_device *ib, int flags, u32 port, const struct ib_wc *wc,
		       const struct ib_grh *grh, const struct ib_mad *in, struct ib_mad *out,
		       size_t *out_size, u16 *out_pkey_index)
{
	struct ib_pma_mad *reply = (struct ib_pma_mad *)out;

	BUILD_BUG_ON(sizeof(struct ib_pma_mad) != sizeof(struct ib_mad));
	if (in->mad_hdr.mgmt_class != IB_MGMT_CLASS_PERF_MGMT ||
	    (in->mad_hdr.method & IB_MGMT_METHOD_RESP))
		return IB_MAD_RESULT_SUCCESS;
	memset(reply, 0, sizeof(*reply));
	reply->mad_hdr = in->mad_hdr;
	reply->mad_hdr.method = IB_MGMT_METHOD_GET_RESP;
	reply->mad_hdr.status = answer(rxe_dev(ib), (const struct ib_pma_mad *)in, reply);
	return IB_MAD_RESULT_SUCCESS | IB_MAD_RESULT_REPLY;
}

const struct ib_device_ops rxe_pma_ops = {
	.process_mad = process_mad,
};
