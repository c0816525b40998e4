/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events of the transport, in /sys/kernel/tracing/events/rxe; Documentation/tracing.rst tells
 * how to use them. One that is off costs a jump label. Fields are numbers as on the wire and in
 * verbs: the room below all others knows no packet and no queue pair.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM rxe

#if !defined(RXE_BASE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define RXE_BASE_TRACE_H

#include <linux/tracepoint.h>

#include "../compat/rxc_trace.h"
#include "dev.h"

#define RXE_TRACE_WHY_LOSS	0
#define RXE_TRACE_WHY_TIMEOUT	1
#define RXE_TRACE_WHY_RNR	2

/* A packet, at the sender or at the receiver. @qpn is the destination's. */
DECLARE_EVENT_CLASS(rxe_packet,
	TP_PROTO(const struct rxe_dev *dev, u32 qpn, u8 opcode, u32 psn, u32 payload),
	TP_ARGS(dev, qpn, opcode, psn, payload),
	TP_STRUCT__entry(
		__string(dev, dev_name(&dev->ib.dev))
		__field(u32, qpn)
		__field(u32, psn)
		__field(u32, payload)
		__field(u8, opcode)
	),
	TP_fast_assign(
		RXC_ASSIGN_STR(dev, dev_name(&dev->ib.dev));
		__entry->qpn = qpn;
		__entry->psn = psn;
		__entry->payload = payload;
		__entry->opcode = opcode;
	),
	TP_printk("dev=%s to_qp=%u opcode=0x%02x psn=%u payload=%u", __get_str(dev), __entry->qpn,
		  __entry->opcode, __entry->psn, __entry->payload)
);

DEFINE_EVENT(rxe_packet, rxe_sent,
	TP_PROTO(const struct rxe_dev *dev, u32 qpn, u8 opcode, u32 psn, u32 payload),
	TP_ARGS(dev, qpn, opcode, psn, payload));

DEFINE_EVENT(rxe_packet, rxe_received,
	TP_PROTO(const struct rxe_dev *dev, u32 qpn, u8 opcode, u32 psn, u32 payload),
	TP_ARGS(dev, qpn, opcode, psn, payload));

/* A packet is lost here; the reason is the name of the counter that counts it. */
TRACE_EVENT(rxe_drop,
	TP_PROTO(const struct rxe_dev *dev, const char *reason),
	TP_ARGS(dev, reason),
	TP_STRUCT__entry(
		__string(dev, dev_name(&dev->ib.dev))
		__string(reason, reason)
	),
	TP_fast_assign(
		RXC_ASSIGN_STR(dev, dev_name(&dev->ib.dev));
		RXC_ASSIGN_STR(reason, reason);
	),
	TP_printk("dev=%s reason=%s", __get_str(dev), __get_str(reason))
);

/* States are those of enum ib_qp_state. */
TRACE_EVENT(rxe_qp_state,
	TP_PROTO(const struct rxe_dev *dev, u32 qpn, int from, int to),
	TP_ARGS(dev, qpn, from, to),
	TP_STRUCT__entry(
		__string(dev, dev_name(&dev->ib.dev))
		__field(u32, qpn)
		__field(int, from)
		__field(int, to)
	),
	TP_fast_assign(
		RXC_ASSIGN_STR(dev, dev_name(&dev->ib.dev));
		__entry->qpn = qpn;
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("dev=%s qp=%u from=%s to=%s", __get_str(dev), __entry->qpn,
		  __print_symbolic(__entry->from, { 0, "RESET" }, { 1, "INIT" }, { 2, "RTR" },
				   { 3, "RTS" }, { 4, "SQD" }, { 5, "SQE" }, { 6, "ERR" }),
		  __print_symbolic(__entry->to, { 0, "RESET" }, { 1, "INIT" }, { 2, "RTR" },
				   { 3, "RTS" }, { 4, "SQD" }, { 5, "SQE" }, { 6, "ERR" }))
);

/* The requester goes back to @psn. */
TRACE_EVENT(rxe_retry,
	TP_PROTO(const struct rxe_dev *dev, u32 qpn, int why, u32 psn, u32 left),
	TP_ARGS(dev, qpn, why, psn, left),
	TP_STRUCT__entry(
		__string(dev, dev_name(&dev->ib.dev))
		__field(u32, qpn)
		__field(u32, psn)
		__field(u32, left)
		__field(int, why)
	),
	TP_fast_assign(
		RXC_ASSIGN_STR(dev, dev_name(&dev->ib.dev));
		__entry->qpn = qpn;
		__entry->psn = psn;
		__entry->left = left;
		__entry->why = why;
	),
	TP_printk("dev=%s qp=%u why=%s psn=%u left=%u", __get_str(dev), __entry->qpn,
		  __print_symbolic(__entry->why, { RXE_TRACE_WHY_LOSS, "loss" },
				   { RXE_TRACE_WHY_TIMEOUT, "timeout" },
				   { RXE_TRACE_WHY_RNR, "rnr" }),
		  __entry->psn, __entry->left)
);

/* A completion becomes visible. @status is enum ib_wc_status, @opcode enum ib_wc_opcode. */
TRACE_EVENT(rxe_completion,
	TP_PROTO(const struct rxe_dev *dev, u32 qpn, u64 wr_id, int status, int opcode, u32 bytes),
	TP_ARGS(dev, qpn, wr_id, status, opcode, bytes),
	TP_STRUCT__entry(
		__string(dev, dev_name(&dev->ib.dev))
		__field(u64, wr_id)
		__field(u32, qpn)
		__field(u32, bytes)
		__field(int, status)
		__field(int, opcode)
	),
	TP_fast_assign(
		RXC_ASSIGN_STR(dev, dev_name(&dev->ib.dev));
		__entry->wr_id = wr_id;
		__entry->qpn = qpn;
		__entry->bytes = bytes;
		__entry->status = status;
		__entry->opcode = opcode;
	),
	TP_printk("dev=%s qp=%u wr_id=0x%llx status=%d opcode=%d bytes=%u", __get_str(dev),
		  __entry->qpn, __entry->wr_id, __entry->status, __entry->opcode, __entry->bytes)
);

#endif

/* Found by way of -I$(src)/include. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ../drivers/infiniband/sw/rxe/base
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
