// SPDX-License-Identifier: GPL-2.0
/*
 * What `rdma resource show ... -dd` tells of our objects beyond what the core does: of a queue pair
 * why it may not get on, of a region what is in force. Attributes are a flat list of names and
 * values; the tool puts "drv_" in front of each name.
 *
 * The core holds the object while it asks, but may have begun to destroy it. Anybody may ask, so
 * nothing here tells an address of a process.
 */
#include <linux/limits.h>
#include <linux/mm.h>
#include <net/netlink.h>
#include <rdma/rdma_netlink.h>
#include <rdma/restrack.h>

#include "../compat/rxc_ib.h"
#include "../mem/mem.h"
#include "../qp/cqe.h"
#include "../qp/qp.h"
#include "../qp/srq.h"
#include "../qp/view.h"
#include "verbs.h"

struct word {
	u32 bit;
	const char *name;
};

static const struct word access_words[] = {
	{ IB_ACCESS_LOCAL_WRITE, "local_write" },
	{ IB_ACCESS_REMOTE_WRITE, "remote_write" },
	{ IB_ACCESS_REMOTE_READ, "remote_read" },
	{ IB_ACCESS_REMOTE_ATOMIC, "remote_atomic" },
	{ IB_ACCESS_MW_BIND, "mw_bind" },
	{ IB_ZERO_BASED, "zero_based" },
	{ IB_ACCESS_ON_DEMAND, "on_demand" },
	{ IB_ACCESS_HUGETLB, "hugetlb" },
	{ IB_ACCESS_RELAXED_ORDERING, "relaxed" },
};

static const struct word wait_words[] = {
	{ RXE_VIEW_REQUESTER, "requester" },
	{ RXE_VIEW_COMPLETER, "completer" },
	{ RXE_VIEW_RESPONDER, "responder" },
};

/* Names of the bits that are set, then @otherwise if that is not NULL; @text holds them all. */
static void spell(char *text, size_t size, const struct word *words, int num, u32 bits,
		  const char *otherwise)
{
	int i, len = 0;

	text[0] = 0;
	for (i = 0; i < num; i++)
		if (bits & words[i].bit)
			len += scnprintf(text + len, size - len, "%s%s", len ? "," : "",
					 words[i].name);
	if (otherwise)
		scnprintf(text + len, size - len, "%s%s", len ? "," : "", otherwise);
}

static int put_access(struct sk_buff *msg, const char *name, u32 access)
{
	bool strict = !(access & IB_ACCESS_RELAXED_ORDERING);
	char text[128];

	spell(text, sizeof(text), access_words, ARRAY_SIZE(access_words), access,
	      strict ? "strict" : NULL);
	return rdma_nl_put_driver_string(msg, name, text);
}

/* Begin and end the list of attributes; what does not fit makes the core try with more room. */
static int put_list(struct sk_buff *msg, int (*put)(struct sk_buff *msg, const void *arg),
		    const void *arg)
{
	struct nlattr *list = nla_nest_start(msg, RDMA_NLDEV_ATTR_DRIVER);

	if (!list)
		return -EMSGSIZE;
	if (put(msg, arg)) {
		nla_nest_cancel(msg, list);
		return -EMSGSIZE;
	}
	nla_nest_end(msg, list);
	return 0;
}

static int put_numbers(struct sk_buff *msg, const struct rxe_qp_view *view)
{
	const struct {
		const char *name;
		u32 value;
	} numbers[] = {
		{ "send_psn", view->send_psn },
		{ "sent_psn", view->sent_psn },
		{ "acked_psn", view->acked_psn },
		{ "recv_psn", view->recv_psn },
		{ "msn", view->msn },
		{ "window", view->window },
		{ "rd_atomic", view->rd_atomic },
		{ "retries_left", view->retries },
		{ "rnr_retries_left", view->rnr_retries },
		{ "rnr_wait", view->rnr_wait },
		{ "sq_posted", view->sq_posted },
		{ "sq_sent", view->sq_sent },
		{ "backlog", view->backlog },
		{ "requests_waiting", view->requests },
		{ "answers_waiting", view->answers },
	};
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(numbers) && !err; i++)
		err = rdma_nl_put_driver_u32(msg, numbers[i].name, numbers[i].value);
	return err;
}

static int put_qp(struct sk_buff *msg, const void *arg)
{
	const struct rxe_qp_view *view = arg;
	char text[64];
	int err;

	err = put_numbers(msg, view);
	if (err)
		return err;
	spell(text, sizeof(text), wait_words, ARRAY_SIZE(wait_words), view->mem_wait,
	      view->mem_wait ? NULL : "nobody");
	err = rdma_nl_put_driver_string(msg, "waits_for_memory", text);
	if (!err && view->dma_access)
		err = put_access(msg, "dma_access", view->dma_access);
	return err;
}

static int fill_res_qp_entry(struct sk_buff *msg, struct ib_qp *ib)
{
	struct rxe_qp_view view;

	return rxe_qp_view(rxe_qp(ib), &view) ? put_list(msg, put_qp, &view) : 0;
}

static int put_cq(struct sk_buff *msg, const void *arg)
{
	const struct rxe_cq_view *view = arg;
	int err;

	err = rdma_nl_put_driver_u32(msg, "used", view->used);
	if (!err)
		err = rdma_nl_put_driver_u32(msg, "armed", view->armed);
	if (!err)
		err = rdma_nl_put_driver_u32(msg, "dead", view->dead);
	return err;
}

static int fill_res_cq_entry(struct sk_buff *msg, struct ib_cq *ib)
{
	struct rxe_cq_view view;

	rxe_cq_view(rxe_cq(ib), &view);
	return put_list(msg, put_cq, &view);
}

/* Pages that the region spans; of those on demand, few may be there. */
static u64 pages_of(const struct rxe_mr *mr)
{
	if (!mr->length)
		return 0;
	return ((mr->uva + (mr->length - 1)) >> PAGE_SHIFT) - (mr->uva >> PAGE_SHIFT) + 1;
}

static int put_srq(struct sk_buff *msg, const void *arg)
{
	const struct rxe_srq_view *view = arg;
	int err;

	err = rdma_nl_put_driver_u32(msg, "size", view->size);
	if (!err)
		err = rdma_nl_put_driver_u32(msg, "posted", view->posted);
	if (!err)
		err = rdma_nl_put_driver_u32(msg, "limit", view->limit);
	return err;
}

static int __maybe_unused fill_res_srq_entry(struct sk_buff *msg, struct ib_srq *ib)
{
	struct rxe_srq_view view;

	rxe_srq_view(rxe_srq(ib), &view);
	return put_list(msg, put_srq, &view);
}

static int put_mr(struct sk_buff *msg, const void *arg)
{
	const struct rxe_mr *mr = arg;
	int err;

	err = rdma_nl_put_driver_string(msg, "kind", READ_ONCE(mr->ops)->kind);
	if (!err)
		err = put_access(msg, "access", mr->access);
	if (!err)
		err = rdma_nl_put_driver_u32(msg, "iova_is_va",
					     !mr->dmabuf && mr->iova == mr->uva);
	if (!err)
		err = rdma_nl_put_driver_u64(msg, "pages", pages_of(mr));
	return err;
}

static int fill_res_mr_entry(struct sk_buff *msg, struct ib_mr *ib)
{
	return put_list(msg, put_mr, rxe_mr(ib));
}

const struct ib_device_ops rxe_restrack_ops = {
	.fill_res_cq_entry = fill_res_cq_entry,
	.fill_res_mr_entry = fill_res_mr_entry,
	.fill_res_qp_entry = fill_res_qp_entry,
	RXC_RES_SRQ(fill_res_srq_entry)
};
