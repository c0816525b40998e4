/* SPDX-License-Identifier: GPL-2.0 */
/*
 * May this request be executed? Pure verdicts over a few numbers, so that they can be tested alone.
 */
#ifndef RXE_QP_RESP_CHECK_H
#define RXE_QP_RESP_CHECK_H

#include <linux/types.h>

#include "../wire/pkt.h"

/*
 * What can be wrong with a request; resp_err.c says what follows from it. The last two are no
 * errors and have no consequence but that the request is not executed now.
 */
enum rxe_resp_err {
	RXE_RESP_OK,
	RXE_RESP_DUPLICATE,	/* PSN before the expected one */
	RXE_RESP_GAP,		/* PSN after the expected one */
	RXE_RESP_RNR,		/* nothing posted to receive it */
	RXE_RESP_SEQUENCE,	/* not the packet that this message goes on with */
	RXE_RESP_UNSUPPORTED,	/* an operation that this QP does not accept */
	RXE_RESP_LENGTH,	/* payload and announced lengths do not fit together */
	RXE_RESP_MISALIGNED,	/* atomic not on an 8-byte boundary */
	RXE_RESP_ACCESS,	/* R_Key, range or rights */
	RXE_RESP_INVALIDATE,	/* R_Key that a SEND cannot invalidate */
	RXE_RESP_TOO_LONG,	/* more than the receive work request has room for */
	RXE_RESP_RECV_MEMORY,	/* the receive work request's own memory is not accessible */
	RXE_RESP_RECV_WQE,	/* the receive work request is malformed */
	RXE_RESP_MEMORY,	/* memory behind a valid R_Key is not accessible */
	RXE_RESP_NUM_ERRS,
	RXE_RESP_WAIT,		/* a page is being brought in: execute it when that is done */
	RXE_RESP_LOST,		/* likewise, without memory to wait with: let the peer send again */
};

/**
 * struct rxe_resp_view - what a verdict depends on
 * @psn: expected PSN
 * @in_message: enum rxe_kind of the message in progress, or RXE_KIND_NONE
 * @resid: bytes that a WRITE in progress still has to bring
 * @mtu: bytes of payload of a full packet
 * @remote_write: the QP accepts WRITEs
 * @remote_read: the QP accepts READs
 * @remote_atomic: the QP accepts atomics
 * @flush_types: RXE_FLUSH_* that the QP accepts
 * @max_rd_atomic: READs and atomics that the QP accepts at a time; 0 is none
 */
struct rxe_resp_view {
	u32 psn;
	u8 in_message;
	u32 resid;
	u32 mtu;
	bool remote_write;
	bool remote_read;
	bool remote_atomic;
	u8 flush_types;
	u32 max_rd_atomic;
};

/**
 * rxe_resp_check() - the first thing wrong with a request packet, in IBA's order (9.7.4.1)
 * @view: the responder
 * @pkt: an RC or UC request
 *
 * Context: any.
 * Return: RXE_RESP_OK, or one of those down to RXE_RESP_MISALIGNED.
 */
enum rxe_resp_err rxe_resp_check(const struct rxe_resp_view *view, const struct rxe_pkt *pkt);

#endif
