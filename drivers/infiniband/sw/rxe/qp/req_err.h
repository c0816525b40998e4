/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a send work request fails, and what its completion says then.
 */
#ifndef RXE_QP_REQ_ERR_H
#define RXE_QP_REQ_ERR_H

#include <rdma/ib_verbs.h>

#include "../base/stats.h"
#include "../mem/mem.h"

enum rxe_req_err {
	RXE_REQ_OK,
	RXE_REQ_NAK_REQUEST,	/* the peer: invalid request */
	RXE_REQ_NAK_ACCESS,	/* the peer: remote access */
	RXE_REQ_NAK_OPERATION,	/* the peer: remote operation */
	RXE_REQ_NAK_RD,		/* the peer: invalid RD request */
	RXE_REQ_SILENCE,	/* or loss, more than retry_cnt times in a row */
	RXE_REQ_NOT_READY,	/* RNR NAK, more than rnr_retry times in a row */
	RXE_REQ_BAD_ANSWER,	/* one that does not fit what is waited for */
	RXE_REQ_MEMORY,		/* L_Key, range or rights of a list */
	RXE_REQ_LENGTH,		/* a list, or inline data, that is too long */
	RXE_REQ_UNSUPPORTED,	/* an operation that the QP does not have */
	RXE_REQ_BIND,		/* binding or invalidating that is not allowed */
	RXE_REQ_NUM_ERRS
};

/**
 * struct rxe_req_fate - the consequences of an error at the requester
 * @status: how the work request completes
 * @stat: counter of such errors; 0: none but that of all
 */
struct rxe_req_fate {
	enum ib_wc_status status;
	u8 stat;
};

/**
 * rxe_req_fate() - the row for an error (IBA 9.9.2 and 11.6.2)
 * @err: less than RXE_REQ_NUM_ERRS, and not RXE_REQ_OK
 *
 * Return: never NULL.
 */
const struct rxe_req_fate *rxe_req_fate(enum rxe_req_err err);

/**
 * rxe_req_nak_err() - what a NAK tells
 * @code: of the AETH (IBA table 46)
 *
 * Return: RXE_REQ_OK for a code that is none, or does not end the connection.
 */
enum rxe_req_err rxe_req_nak_err(u8 code);

/**
 * rxe_req_mem_err() - what is wrong with the consumer's own memory
 * @err: neither RXE_MEM_OK, nor RXE_MEM_MISS, nor RXE_MEM_BUSY
 */
enum rxe_req_err rxe_req_mem_err(enum rxe_mem_err err);

#endif
