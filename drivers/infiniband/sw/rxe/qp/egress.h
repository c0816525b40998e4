/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From struct rxe_pkt and payload to a datagram on its way.
 */
#ifndef RXE_QP_EGRESS_H
#define RXE_QP_EGRESS_H

#include <linux/types.h>

struct rxe_flight;
struct rxe_path;
struct rxe_pkt;
struct rxe_qp;
struct sk_buff;

/**
 * struct rxe_out - a packet being put together
 * @skb: the buffer
 * @bth: its first header
 * @payload: where pkt->payload_len bytes go, before rxe_egress_send()
 * @tail: pad and ICRC, right behind
 */
struct rxe_out {
	struct sk_buff *skb;
	void *bth;
	void *payload;
	void *tail;
};

/**
 * rxe_egress_begin() - a buffer with all headers written
 * @qp: sender, owned
 * @path: where to
 * @pkt: what; opcode, qpn, psn and payload_len at least
 * @out: the result
 *
 * Context: bottom halves off.
 * Return: 0 or a negative errno (counted): the packet is as good as lost.
 */
int rxe_egress_begin(struct rxe_qp *qp, struct rxe_path *path, struct rxe_pkt *pkt,
		     struct rxe_out *out);

/* Pad, sum and send. Consumes the buffer. */
void rxe_egress_send(struct rxe_qp *qp, struct rxe_pkt *pkt, struct rxe_out *out);

/* The payload could not be had: forget the packet. */
void rxe_egress_abort(struct rxe_out *out);

/**
 * rxe_egress_bare() - send a packet without payload
 * @qp: sender, owned; connected
 * @pkt: what
 *
 * Context: bottom halves off.
 */
void rxe_egress_bare(struct rxe_qp *qp, struct rxe_pkt *pkt);

#endif
