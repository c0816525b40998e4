/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters. The list below is the only one: the enum, the names in `rdma statistic` and the drop
 * reasons all come from it. Names that the field's tools know are kept.
 *
 * A set of them belongs to the device, and one to each counter of `rdma statistic qp`. What happens
 * is counted in one set: in that of the counter that the QP is bound to, else in the device's. The
 * core adds them up for the port.
 */
#ifndef RXE_BASE_STATS_H
#define RXE_BASE_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

/* From OUT_OF_SEQ to the end are the reasons for which packets are lost; see rxe_is_loss(). */
#define RXE_FOR_EACH_STAT(X) \
	X(SENT_PKTS,		"sent_pkts") \
	X(RCVD_PKTS,		"rcvd_pkts") \
	X(SENT_BYTES,		"sent_bytes") \
	X(RCVD_BYTES,		"rcvd_bytes") \
	X(SENT_MULTICAST,	"sent_multicast_pkts") \
	X(RCVD_MULTICAST,	"rcvd_multicast_pkts") \
	X(DUP_REQUEST,		"duplicate_request") \
	X(RCVD_RNR,		"rcvd_rnr_err") \
	X(SENT_RNR,		"send_rnr_err") \
	X(RCVD_SEQ_ERR,		"rcvd_seq_err") \
	X(RETRY,		"retry_count") \
	X(RETRY_EXCEEDED,	"retry_exceeded_err") \
	X(RNR_EXCEEDED,		"retry_rnr_exceeded_err") \
	X(TIMEOUT,		"ack_timeout") \
	X(REMOTE_ACCESS_ERR,	"remote_access_err") \
	X(REMOTE_INV_REQ_ERR,	"remote_invalid_req_err") \
	X(REMOTE_OP_ERR,	"remote_op_err") \
	X(SEND_ERR,		"send_err") \
	X(LINK_DOWNED,		"link_downed") \
	X(RDMA_SENDS,		"rdma_sends") \
	X(RDMA_RECVS,		"rdma_recvs") \
	X(RX_WRITES,		"rx_write_requests") \
	X(RX_READS,		"rx_read_requests") \
	X(RX_ATOMICS,		"rx_atomic_requests") \
	X(MEM_WAITS,		"memory_waits") \
	X(CQ_OVERFLOW,		"cq_overflow") \
	X(OUT_OF_SEQ,		"out_of_seq_request") \
	X(DROP_IP_HEADER,	"drop_ip_header") \
	X(DROP_SHORT,		"drop_short") \
	X(DROP_VERSION,		"drop_version") \
	X(DROP_OPCODE,		"drop_opcode") \
	X(DROP_LENGTH,		"drop_length") \
	X(DROP_ICRC,		"drop_icrc") \
	X(DROP_QPN,		"drop_qpn") \
	X(DROP_QP_STATE,	"drop_qp_state") \
	X(DROP_SERVICE,		"drop_service") \
	X(DROP_PKEY,		"drop_pkey") \
	X(DROP_QKEY,		"drop_qkey") \
	X(DROP_ADDRESS,		"drop_address") \
	X(DROP_MULTICAST,	"drop_multicast") \
	X(DROP_BACKLOG,		"drop_backlog") \
	X(DROP_DUPLICATE,	"drop_duplicate") \
	X(DROP_NO_RECV,		"drop_no_recv") \
	X(DROP_UC_REQUEST,	"drop_uc_request") \
	X(DROP_UD_LENGTH,	"drop_ud_length") \
	X(DROP_UD_MEMORY,	"drop_ud_memory") \
	X(DROP_STALE_RESPONSE,	"drop_stale_response") \
	X(DROP_BAD_RESPONSE,	"drop_bad_response") \
	X(DROP_NOMEM,		"drop_nomem") \
	X(TX_NO_ROUTE,		"tx_no_route") \
	X(TX_NOMEM,		"tx_nomem") \
	X(TX_REFUSED,		"tx_refused") \
	X(TX_ABOVE_MTU,		"tx_above_mtu")

#define RXE_STAT_ENUM(id, name)	RXE_STAT_##id,
enum rxe_stat {
	RXE_FOR_EACH_STAT(RXE_STAT_ENUM)
	RXE_NUM_STATS
};
#undef RXE_STAT_ENUM

/* Does the counter tell why packets are lost? */
static inline bool rxe_is_loss(enum rxe_stat stat)
{
	return stat >= RXE_STAT_OUT_OF_SEQ;
}

/* One CPU's share; readers add them up. */
struct rxe_stats {
	u64 value[RXE_NUM_STATS];
};

/* Add to this CPU's share of a counter. Any context. */
static inline void rxe_stats_add(struct rxe_stats __percpu *stats, enum rxe_stat stat, u64 by)
{
	this_cpu_add(stats->value[stat], by);
}

/**
 * struct rxe_counter - what QPs can be bound to, so that what they do is counted apart
 * @stats: the set that they count in
 */
struct rxe_counter {
	struct rxe_stats __percpu *stats;
};

/**
 * rxe_stats_name() - the counter's name as users see it
 * @stat: which
 *
 * Return: a constant string.
 */
const char *rxe_stats_name(enum rxe_stat stat);

/**
 * rxe_stats_sum() - the value of one counter over all CPUs
 * @stats: a set
 * @stat: which
 *
 * Context: any.
 * Return: the sum, which may miss what is being added right now.
 */
u64 rxe_stats_sum(const struct rxe_stats __percpu *stats, enum rxe_stat stat);

#endif
