#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# usage: probe.sh <kernel>/include
#
# Prints -DRXC_HAVE_x for every feature x that the kernel's headers show. Versions say little, since
# stable and distribution kernels take changes back; a prototype says what will compile. A header is
# read as one line, comments included, so that a prototype may span lines.
set -eu

include=${1:?usage: probe.sh <kernel>/include}

# have NAME HEADER EXTENDED-REGEX
have()
{
	if tr -s '\t\n' '  ' <"$include/$2" 2>/dev/null | grep -qE "$3"; then
		printf -- '-DRXC_HAVE_%s ' "$1"
	fi
}

have ALLOC_DEVICE_NET	rdma/ib_verbs.h		'define ib_alloc_device_with_net\('
have CREATE_CQ_ATTRS	rdma/ib_verbs.h		'\(\*create_cq\)\([^)]*uverbs_attr_bundle'
have RESIZE_USER_CQ	rdma/ib_verbs.h		'\(\*resize_user_cq\)\('
have REG_MR_DMAH	rdma/ib_verbs.h		'\(\*reg_user_mr\)\([^)]*ib_dmah'
have CORE_PORT_EVENTS	rdma/ib_verbs.h		'\(\*report_port_event\)\('
have MARK_USER_NAME	rdma/ib_verbs.h		'ib_mark_name_assigned_by_user\('
have COUNTER_PORT	rdma/ib_verbs.h		'\(\*counter_bind_qp\)\([^)]*u32 port'
have COUNTER_OBJECT	rdma/ib_verbs.h		'DECLARE_RDMA_OBJ_SIZE\(rdma_counter\)'
have RES_SRQ		rdma/ib_verbs.h		'\(\*fill_res_srq_entry\)\('
have ACCESS_FLUSH	rdma/ib_verbs.h		'IB_ACCESS_FLUSH_GLOBAL ='
have REG_DMABUF_ATTRS	rdma/ib_verbs.h		'\(\*reg_user_mr_dmabuf\)\([^)]*uverbs_attr_bundle'
have DMABUF_LOCKED_VMAP	linux/dma-buf.h		'int dma_buf_vmap_unlocked\('
have DMABUF_INVALIDATE	linux/dma-buf.h		'\(\*invalidate_mappings\)\('
have UMEM_GET_VA	rdma/ib_umem.h		'ib_umem_get_va\('
have UDP_TUNNEL_SK	net/udp_tunnel.h	'setup_udp_tunnel_sock\([^)]*struct sock \*'
have HRTIMER_SETUP	linux/hrtimer.h		'void hrtimer_setup\('
have ASSIGN_STR_DST	trace/stages/stage6_event_callback.h	'define __assign_str\(dst\)'
have CRC32_IN_LIB	linux/crc32.h		'define CRC32_LE_OPTIMIZATION'
