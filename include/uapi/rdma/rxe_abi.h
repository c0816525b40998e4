/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The user ABI that the rxe provider of rdma-core speaks, as numbers. The structures come from the
 * kernel's own <rdma/rdma_user_rxe.h> and <rdma/ib_user_verbs.h>; what is here is what those do not
 * say, and the proof, at compile time, that they have the layout which is in use in the field.
 *
 * A provider was built against one copy of the header, the kernel against another. Nothing may move
 * between the two, whatever the kernel version: hence the assertions.
 */
#ifndef RDMA_RXE_ABI_H
#define RDMA_RXE_ABI_H

#include <linux/types.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_rxe.h>

/* The provider accepts 2 alone on 64-bit machines, and ignores a device that says anything else. */
#define RXE_ABI_UVERBS_VERSION		2

/* A ring: a header, then 2^n elements whose size is a power of two of at least 64 bytes. */
#define RXE_ABI_RING_HDR_LEN		384
#define RXE_ABI_RING_MIN_ELEM		64

/* Work requests up to their scatter/gather list or inline data, and one entry of the list. */
#define RXE_ABI_SEND_WQE_LEN		208
#define RXE_ABI_RECV_WQE_LEN		40
#define RXE_ABI_SGE_LEN			16

/* What the library reads of a completion; the element is one of RXE_ABI_RING_MIN_ELEM bytes. */
#define RXE_ABI_CQE_LEN			48

/* Flags of a completion (enum ibv_wc_flags); the kernel's IB_WC_* are other numbers. */
#define RXE_ABI_WC_GRH			(1U << 0)
#define RXE_ABI_WC_WITH_IMM		(1U << 1)
#define RXE_ABI_WC_WITH_INV		(1U << 3)

#define RXE_ABI_SIZE(type, bytes)					\
	_Static_assert(sizeof(type) == (bytes), "user ABI: size of " #type)
#define RXE_ABI_AT(type, member, offset)				\
	_Static_assert(__builtin_offsetof(type, member) == (offset),	\
		       "user ABI: place of " #member " in " #type)

RXE_ABI_SIZE(struct rxe_queue_buf, RXE_ABI_RING_HDR_LEN);
RXE_ABI_AT(struct rxe_queue_buf, log2_elem_size, 0);
RXE_ABI_AT(struct rxe_queue_buf, index_mask, 4);
RXE_ABI_AT(struct rxe_queue_buf, producer_index, 128);
RXE_ABI_AT(struct rxe_queue_buf, consumer_index, 256);
RXE_ABI_AT(struct rxe_queue_buf, data, RXE_ABI_RING_HDR_LEN);

RXE_ABI_SIZE(struct rxe_send_wr, 144);
RXE_ABI_AT(struct rxe_send_wr, wr_id, 0);
RXE_ABI_AT(struct rxe_send_wr, opcode, 12);
RXE_ABI_AT(struct rxe_send_wr, send_flags, 16);
RXE_ABI_AT(struct rxe_send_wr, ex.imm_data, 20);
RXE_ABI_AT(struct rxe_send_wr, ex.invalidate_rkey, 20);
RXE_ABI_AT(struct rxe_send_wr, wr.rdma.remote_addr, 24);
RXE_ABI_AT(struct rxe_send_wr, wr.rdma.rkey, 32);
RXE_ABI_AT(struct rxe_send_wr, wr.atomic.remote_addr, 24);
RXE_ABI_AT(struct rxe_send_wr, wr.atomic.compare_add, 32);
RXE_ABI_AT(struct rxe_send_wr, wr.atomic.swap, 40);
RXE_ABI_AT(struct rxe_send_wr, wr.atomic.rkey, 48);
RXE_ABI_AT(struct rxe_send_wr, wr.mw.addr, 24);
RXE_ABI_AT(struct rxe_send_wr, wr.mw.length, 32);
RXE_ABI_AT(struct rxe_send_wr, wr.mw.mr_lkey, 40);
RXE_ABI_AT(struct rxe_send_wr, wr.mw.mw_rkey, 44);
RXE_ABI_AT(struct rxe_send_wr, wr.mw.rkey, 48);
RXE_ABI_AT(struct rxe_send_wr, wr.mw.access, 52);
RXE_ABI_AT(struct rxe_send_wr, wr.ud.remote_qpn, 24);
RXE_ABI_AT(struct rxe_send_wr, wr.ud.remote_qkey, 28);
RXE_ABI_AT(struct rxe_send_wr, wr.ud.pkey_index, 32);
RXE_ABI_AT(struct rxe_send_wr, wr.ud.ah_num, 36);

RXE_ABI_SIZE(struct rxe_sge, RXE_ABI_SGE_LEN);
RXE_ABI_AT(struct rxe_sge, addr, 0);
RXE_ABI_AT(struct rxe_sge, length, 8);
RXE_ABI_AT(struct rxe_sge, lkey, 12);

RXE_ABI_SIZE(struct rxe_send_wqe, RXE_ABI_SEND_WQE_LEN);
RXE_ABI_AT(struct rxe_send_wqe, wr, 0);
RXE_ABI_AT(struct rxe_send_wqe, dma.length, 184);
RXE_ABI_AT(struct rxe_send_wqe, dma.num_sge, 196);
RXE_ABI_AT(struct rxe_send_wqe, dma.sge, RXE_ABI_SEND_WQE_LEN);
RXE_ABI_AT(struct rxe_send_wqe, dma.inline_data, RXE_ABI_SEND_WQE_LEN);

RXE_ABI_SIZE(struct rxe_recv_wqe, RXE_ABI_RECV_WQE_LEN);
RXE_ABI_AT(struct rxe_recv_wqe, wr_id, 0);
RXE_ABI_AT(struct rxe_recv_wqe, dma.length, 16);
RXE_ABI_AT(struct rxe_recv_wqe, dma.num_sge, 28);
RXE_ABI_AT(struct rxe_recv_wqe, dma.sge, RXE_ABI_RECV_WQE_LEN);

RXE_ABI_SIZE(struct ib_uverbs_wc, RXE_ABI_CQE_LEN);
RXE_ABI_AT(struct ib_uverbs_wc, wr_id, 0);
RXE_ABI_AT(struct ib_uverbs_wc, status, 8);
RXE_ABI_AT(struct ib_uverbs_wc, opcode, 12);
RXE_ABI_AT(struct ib_uverbs_wc, vendor_err, 16);
RXE_ABI_AT(struct ib_uverbs_wc, byte_len, 20);
RXE_ABI_AT(struct ib_uverbs_wc, ex.imm_data, 24);
RXE_ABI_AT(struct ib_uverbs_wc, qp_num, 28);
RXE_ABI_AT(struct ib_uverbs_wc, src_qp, 32);
RXE_ABI_AT(struct ib_uverbs_wc, wc_flags, 36);
RXE_ABI_AT(struct ib_uverbs_wc, pkey_index, 40);
RXE_ABI_AT(struct ib_uverbs_wc, slid, 42);
RXE_ABI_AT(struct ib_uverbs_wc, sl, 44);
RXE_ABI_AT(struct ib_uverbs_wc, dlid_path_bits, 45);
RXE_ABI_AT(struct ib_uverbs_wc, port_num, 46);

RXE_ABI_SIZE(struct mminfo, 16);
RXE_ABI_AT(struct mminfo, offset, 0);
RXE_ABI_AT(struct mminfo, size, 8);

RXE_ABI_SIZE(struct rxe_create_ah_resp, 8);
RXE_ABI_AT(struct rxe_create_ah_resp, ah_num, 0);
RXE_ABI_SIZE(struct rxe_create_cq_resp, 16);
RXE_ABI_SIZE(struct rxe_resize_cq_resp, 16);
RXE_ABI_SIZE(struct rxe_create_qp_resp, 32);
RXE_ABI_AT(struct rxe_create_qp_resp, rq_mi, 0);
RXE_ABI_AT(struct rxe_create_qp_resp, sq_mi, 16);

#undef RXE_ABI_SIZE
#undef RXE_ABI_AT

#endif
