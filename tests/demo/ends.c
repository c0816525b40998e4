// SPDX-License-Identifier: GPL-2.0
/*
 * Two ends of a connection in one process: see ends.h. One work request is under way at a time, so
 * the queues are as small as they can be; a completion that does not come in 20 seconds is taken
 * for one that never comes.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "ends.h"

#define PATIENCE	20	/* seconds */

double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

void ends_open(struct ends *e, const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	int i = 0;

	need(list, "no RDMA devices: %s", strerror(errno));
	while (name && list[i] && strcmp(name, ibv_get_device_name(list[i])))
		i++;
	need(list[i], "there is no RDMA device %s", name ? name : "at all");
	e->device = strdup(ibv_get_device_name(list[i]));
	e->ctx = ibv_open_device(list[i]);
	need(e->device && e->ctx, "cannot open the device: %s", strerror(errno));
	ibv_free_device_list(list);
	e->pd = ibv_alloc_pd(e->ctx);
	e->cq = ibv_create_cq(e->ctx, 4, NULL, NULL, 0);
	need(e->pd && e->cq, "no protection domain or completion queue: %s", strerror(errno));
}

static void modify(struct ibv_qp *qp, struct ibv_qp_attr *attr, enum ibv_qp_state state, int mask)
{
	attr->qp_state = state;
	need(!ibv_modify_qp(qp, attr, mask | IBV_QP_STATE), "queue pair to state %d: %s", state,
	     strerror(errno));
}

static void connect_to(struct ibv_qp *qp, const struct ibv_qp *peer, int gid_index,
		       unsigned int rights)
{
	struct ibv_qp_attr attr = {
		.port_num = 1,
		.qp_access_flags = rights,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = peer->qp_num,
		.max_dest_rd_atomic = 1,
		.max_rd_atomic = 1,
		.timeout = 14,
		.retry_cnt = 7,
		.ah_attr = {
			.is_global = 1,
			.port_num = 1,
			.grh = { .sgid_index = gid_index, .hop_limit = 64 },
		},
	};

	need(!ibv_query_gid(qp->context, 1, gid_index, &attr.ah_attr.grh.dgid), "no GID %d",
	     gid_index);
	modify(qp, &attr, IBV_QPS_INIT, IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
	modify(qp, &attr, IBV_QPS_RTR, IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
	       IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
	modify(qp, &attr, IBV_QPS_RTS, IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
	       IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
}

void ends_connect(struct ends *e, int gid_index, unsigned int rights)
{
	struct ibv_qp_init_attr attr = {
		.send_cq = e->cq,
		.recv_cq = e->cq,
		.cap = { .max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1 },
		.qp_type = IBV_QPT_RC,
	};

	e->near = ibv_create_qp(e->pd, &attr);
	e->far = ibv_create_qp(e->pd, &attr);
	need(e->near && e->far, "ibv_create_qp: %s", strerror(errno));
	connect_to(e->near, e->far, gid_index, 0);
	connect_to(e->far, e->near, gid_index, rights);
}

void ends_post(struct ends *e, struct ibv_send_wr *wr, struct ibv_sge *sge)
{
	double deadline = seconds() + PATIENCE;
	struct ibv_send_wr *bad;
	struct ibv_wc wc;
	int n;

	wr->sg_list = sge;
	wr->num_sge = 1;
	wr->send_flags = IBV_SEND_SIGNALED;
	need(!ibv_post_send(e->near, wr, &bad), "ibv_post_send: %s", strerror(errno));
	do {
		n = ibv_poll_cq(e->cq, 1, &wc);
	} while (!n && seconds() < deadline);
	need(n == 1, "opcode %d: no completion in %d s", wr->opcode, PATIENCE);
	need(wc.status == IBV_WC_SUCCESS, "opcode %d: %s", wr->opcode,
	     ibv_wc_status_str(wc.status));
}

void ends_close(struct ends *e)
{
	need(!ibv_destroy_qp(e->near) && !ibv_destroy_qp(e->far) && !ibv_destroy_cq(e->cq) &&
	     !ibv_dealloc_pd(e->pd) && !ibv_close_device(e->ctx),
	     "something could not be given back: %s", strerror(errno));
}
