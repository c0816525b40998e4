/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets that a QP keeps for later.
 */
#ifndef RXE_QP_BACKLOG_H
#define RXE_QP_BACKLOG_H

#include <linux/types.h>

#include "../base/stats.h"

struct rxe_pkt;
struct rxe_qp;
struct sk_buff;
struct sk_buff_head;

/**
 * rxe_backlog_add() - keep a packet for later, as the last of a queue
 * @queue: of delivered packets, the caller's
 * @limit: packets that it has at most
 * @skb: delivered (net/rx.c); the queue's on success, else still the caller's
 *
 * Context: any; the caller keeps others from the queue.
 * Return: false when the queue, or what all QPs of the host keep, is at its limit.
 */
bool rxe_backlog_add(struct sk_buff_head *queue, u32 limit, struct sk_buff *skb);

/**
 * rxe_backlog_next() - the first packet of a queue, taken out
 * @queue: of delivered packets, the caller's
 * @pkt: its header, parsed again rather than carried along
 *
 * Context: any; the caller keeps others from the queue.
 * Return: the packet, or NULL when there is none left.
 */
struct sk_buff *rxe_backlog_next(struct sk_buff_head *queue, struct rxe_pkt *pkt);

/**
 * rxe_backlog_drop() - lose all packets of a queue
 * @qp: whose they are
 * @queue: of delivered packets, the caller's
 * @reason: counted for each
 *
 * Context: any; the caller keeps others from the queue.
 */
void rxe_backlog_drop(struct rxe_qp *qp, struct sk_buff_head *queue, enum rxe_stat reason);

/* Before anything is received; module load. */
void rxe_backlog_module_init(void);

#endif
