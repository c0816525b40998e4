// SPDX-License-Identifier: GPL-2.0
/*
 * QP states: which transitions are legal, what each step must be told, what query_qp answers, what
 * may be posted where, and the asynchronous events around it.
 *
 * The table `legal` is the state diagram of the specification as Linux's core has it (any state
 * to RESET, any but RESET to ERR; up through INIT, RTR, RTS; between RTS and SQD). Every cell is
 * tried on a fresh QP.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "xfer.h"

enum { N_STATES = 7 };	/* RESET, INIT, RTR, RTS, SQD, SQE, ERR as in enum ibv_qp_state */

static const bool legal[N_STATES][N_STATES] = {
	/* from	             RESET INIT RTR  RTS  SQD  SQE  ERR */
	[IBV_QPS_RESET] = { true, true, false, false, false, false, false },
	[IBV_QPS_INIT]  = { true, true, true, false, false, false, true },
	[IBV_QPS_RTR]   = { true, false, false, true, false, false, true },
	[IBV_QPS_RTS]   = { true, false, false, true, true, false, true },
	[IBV_QPS_SQD]   = { true, false, false, true, true, false, true },
	[IBV_QPS_ERR]   = { true, false, false, false, false, false, true },
};

/* Take a fresh QP, connected to itself, up to @state. */
static void raise_to(struct ep *e, enum ibv_qp_state state)
{
	struct ep_peer me = ep_self(e);

	if (state == IBV_QPS_RESET)
		return;
	if (state == IBV_QPS_ERR) {
		ep_to_init(e);
		ep_to(e, IBV_QPS_ERR);
		return;
	}
	ep_to_init(e);
	if (state == IBV_QPS_INIT)
		return;
	ep_to_rtr(e, &me);
	if (state == IBV_QPS_RTR)
		return;
	ep_to_rts(e);
	if (state == IBV_QPS_SQD)
		ep_to(e, IBV_QPS_SQD);
}

/* The attributes of a step to @to from @from, as far as the step exists. */
static int attr_for(struct ep *e, enum ibv_qp_state from, enum ibv_qp_state to,
		    struct ibv_qp_attr *attr)
{
	struct ep_peer me = ep_self(e);

	memset(attr, 0, sizeof(*attr));
	attr->qp_state = to;
	if (to == IBV_QPS_INIT)
		return ep_attr_init(e, attr);
	if (to == IBV_QPS_RTR)
		return ep_attr_rtr(e, &me, attr);
	if (to == IBV_QPS_RTS && from != IBV_QPS_RTS && from != IBV_QPS_SQD)
		return ep_attr_rts(e, attr);
	return IBV_QP_STATE;
}

static void try_step(enum ibv_qp_state from, enum ibv_qp_state to)
{
	struct ep_cfg cfg = ep_rc();
	struct ibv_qp_attr attr;
	int mask, rc, want;
	struct ep e;

	t_where("%s to %s", ep_state_name(from), ep_state_name(to));
	ep_open(&e, 0, &cfg);
	raise_to(&e, from);
	mask = attr_for(&e, from, to, &attr);
	want = legal[from][to] ? 0 : EINVAL;
	t_wait("ibv_modify_qp");
	rc = ibv_modify_qp(e.qp, &attr, mask);
	t_check(rc == want, "modify_qp: got %s, expected %s", t_errname(rc),
		want ? "EINVAL" : "success");
	ep_want_state(&e, legal[from][to] ? to : from, "the");
	ep_close(&e);
}

static void table(const struct t_case *c)
{
	(void)c;
	for (int from = 0; from < N_STATES; from++)
		for (int to = 0; to < N_STATES; to++)
			if (from != IBV_QPS_SQE)
				try_step(from, to);
}

/* Leave one required attribute out of a step: EINVAL, and the step still works afterwards. */
static void missing_of(enum ibv_qp_state from, enum ibv_qp_state to)
{
	struct ep_cfg cfg = ep_rc();
	struct ibv_qp_attr attr;
	struct ep e;
	int mask;

	ep_open(&e, 0, &cfg);
	raise_to(&e, from);
	mask = attr_for(&e, from, to, &attr);
	for (int bit = 1; bit && bit <= mask; bit <<= 1) {
		int rc;

		if (!(mask & bit) || bit == IBV_QP_STATE)
			continue;
		t_where("%s to %s without attribute %#x", ep_state_name(from),
			ep_state_name(to), bit);
		rc = ibv_modify_qp(e.qp, &attr, mask & ~bit);
		t_check(rc == EINVAL, "modify_qp: got %s, expected EINVAL", t_errname(rc));
		ep_want_state(&e, from, "the");
	}
	t_zero(ibv_modify_qp(e.qp, &attr, mask));
	ep_close(&e);
}

static void missing(const struct t_case *c)
{
	(void)c;
	missing_of(IBV_QPS_RESET, IBV_QPS_INIT);
	missing_of(IBV_QPS_INIT, IBV_QPS_RTR);
	missing_of(IBV_QPS_RTR, IBV_QPS_RTS);
}

/* One step with one attribute out of range. */
struct bad_attr {
	const char *what;
	enum ibv_qp_state to;
	void (*spoil)(struct ep *e, struct ibv_qp_attr *a);
};

static void bad_port(struct ep *e, struct ibv_qp_attr *a)
{
	(void)e;
	a->port_num = 7;
}

static void bad_pkey(struct ep *e, struct ibv_qp_attr *a)
{
	a->pkey_index = e->dev->attr.max_pkeys;
}

static void bad_mtu(struct ep *e, struct ibv_qp_attr *a)
{
	(void)e;
	a->path_mtu = 6;
}

static void big_mtu(struct ep *e, struct ibv_qp_attr *a)
{
	a->path_mtu = e->dev->port.active_mtu + 1;
}

static void bad_gid_index(struct ep *e, struct ibv_qp_attr *a)
{
	/* The field has eight bits: in a table that is longer, an entry that is surely empty. */
	a->ah_attr.grh.sgid_index = e->dev->port.gid_tbl_len < 255 ? e->dev->port.gid_tbl_len : 255;
}

static void bad_dest_rd(struct ep *e, struct ibv_qp_attr *a)
{
	a->max_dest_rd_atomic = e->dev->attr.max_qp_rd_atom + 1;
}

static void no_grh(struct ep *e, struct ibv_qp_attr *a)
{
	(void)e;
	a->ah_attr.is_global = 0;
}

/* 239.1.1.1 or ff15::...: a group cannot be a connection's peer. */
static void group(struct ep *e, struct ibv_qp_attr *a)
{
	union ibv_gid *gid = &a->ah_attr.grh.dgid;

	(void)e;
	if (!gid->raw[0] && gid->raw[10] == 0xff) {
		gid->raw[12] = 239;
	} else {
		gid->raw[0] = 0xff;
		gid->raw[1] = 0x15;
	}
}

static void bad_rd(struct ep *e, struct ibv_qp_attr *a)
{
	a->max_rd_atomic = e->dev->attr.max_qp_init_rd_atom + 1;
}

static const struct bad_attr bad_attrs[] = {
	{ "port 7", IBV_QPS_INIT, bad_port },
	{ "pkey_index past the table", IBV_QPS_INIT, bad_pkey },
	{ "path_mtu 6", IBV_QPS_RTR, bad_mtu },
	{ "path_mtu above the active one", IBV_QPS_RTR, big_mtu },
	{ "sgid_index past the table", IBV_QPS_RTR, bad_gid_index },
	{ "max_dest_rd_atomic past the device's", IBV_QPS_RTR, bad_dest_rd },
	{ "address without GRH", IBV_QPS_RTR, no_grh },
	{ "max_rd_atomic past the device's", IBV_QPS_RTS, bad_rd },
	{ "a group as the peer", IBV_QPS_RTR, group },
};

static void out_of_range(const struct t_case *c)
{
	const struct bad_attr *b = &bad_attrs[c->arg];
	enum ibv_qp_state from = b->to - 1;
	struct ep_cfg cfg = ep_rc();
	struct ibv_qp_attr attr;
	int mask, rc;
	struct ep e;

	t_where("%s", b->what);
	ep_open(&e, 0, &cfg);
	if (b->spoil == big_mtu && e.dev->port.active_mtu == IBV_MTU_4096)
		t_skip("the active MTU is the largest");
	if ((b->spoil == bad_dest_rd && e.dev->attr.max_qp_rd_atom > 254) ||
	    (b->spoil == bad_rd && e.dev->attr.max_qp_init_rd_atom > 254))
		t_skip("the device's limit is the field's largest value");
	raise_to(&e, from);
	mask = attr_for(&e, from, b->to, &attr);
	b->spoil(&e, &attr);
	rc = ibv_modify_qp(e.qp, &attr, mask);
	/* An empty GID entry is refused by the core, in newer kernels with ENODATA. */
	t_check(rc == EINVAL || (rc == ENODATA && b->spoil == bad_gid_index),
		"modify_qp: got %s, expected EINVAL", t_errname(rc));
	ep_want_state(&e, from, "the");
	ep_close(&e);
}

enum { ALL_ATTRS = (IBV_QP_DEST_QPN << 1) - 1 };

#define WANT(field, value) t_check((long)attr.field == (long)(value),		\
	#field ": got %ld, expected %ld", (long)attr.field, (long)(value))

/* query_qp gives back all that was set. */
static void query(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	struct ep_peer to;
	struct ep e;

	(void)c;
	cfg.timeout = 13;
	cfg.retry_cnt = 5;
	cfg.rnr_retry = 3;
	cfg.min_rnr_timer = 9;
	cfg.rd_atomic = 3;
	cfg.access = IBV_ACCESS_REMOTE_READ;
	ep_open(&e, 0, &cfg);
	to = ep_self(&e);
	to.qpn = 0xabcdef;
	to.psn = 0x123456;
	e.psn = 0xfedcba;
	ep_up(&e, &to);
	pattern_fill(&attr, sizeof(attr), 1, 0);
	t_zero(ibv_query_qp(e.qp, &attr, ALL_ATTRS, &init));
	WANT(qp_state, IBV_QPS_RTS);
	WANT(cur_qp_state, IBV_QPS_RTS);
	WANT(path_mtu, ep_mtu(cfg.mtu));
	WANT(rq_psn, 0x123456);
	WANT(sq_psn, 0xfedcba);
	WANT(dest_qp_num, 0xabcdef);
	WANT(qp_access_flags, IBV_ACCESS_REMOTE_READ);
	WANT(pkey_index, 0);
	WANT(port_num, t_opts.port);
	WANT(timeout, 13);
	WANT(retry_cnt, 5);
	WANT(rnr_retry, 3);
	WANT(min_rnr_timer, 9);
	WANT(max_rd_atomic, 3);
	/* A responder may offer more than it was asked for; a requester must not use more. */
	t_check(attr.max_dest_rd_atomic >= 3, "max_dest_rd_atomic: got %u, asked for 3",
		attr.max_dest_rd_atomic);
	WANT(ah_attr.is_global, 1);
	WANT(ah_attr.port_num, t_opts.port);
	WANT(ah_attr.grh.sgid_index, e.dev->gid_index);
	WANT(ah_attr.grh.hop_limit, 64);
	t_check(!memcmp(&attr.ah_attr.grh.dgid, &to.gid, 16), "dgid is not the one set");
	t_check(attr.cap.max_send_wr >= cfg.send_wr && attr.cap.max_recv_wr >= cfg.recv_wr &&
		attr.cap.max_send_sge >= cfg.send_sge && attr.cap.max_recv_sge >= cfg.recv_sge,
		"capabilities are below what was asked for");
	t_check(init.qp_type == IBV_QPT_RC && !init.sq_sig_all && init.send_cq == e.scq &&
		init.recv_cq == e.rcq, "init attributes are not the ones set");
	ep_close(&e);
}

/* Changing attributes in RTS that may change there. */
static void modify_live(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr = {
		.min_rnr_timer = 20, .qp_access_flags = IBV_ACCESS_REMOTE_READ,
	};
	struct ep_pair p;
	int rc;

	(void)c;
	ep_pair_open(&p, &cfg);
	t_zero(ibv_modify_qp(p.b.qp, &attr, IBV_QP_MIN_RNR_TIMER | IBV_QP_ACCESS_FLAGS));
	t_zero(ibv_query_qp(p.b.qp, &attr, ALL_ATTRS, &init));
	WANT(min_rnr_timer, 20);
	WANT(qp_access_flags, IBV_ACCESS_REMOTE_READ);
	WANT(qp_state, IBV_QPS_RTS);
	rc = ibv_modify_qp(p.b.qp, &attr, IBV_QP_PATH_MTU);
	t_check(rc == EINVAL, "path_mtu in RTS: got %s, expected EINVAL", t_errname(rc));
	xfer_fresh(&p, IBV_WR_RDMA_READ, 3000, 0);
	attr.qp_access_flags = cfg.access;
	t_zero(ibv_modify_qp(p.b.qp, &attr, IBV_QP_ACCESS_FLAGS));
	pair_proves(&p);
	ep_pair_close(&p);
}

/*
 * There is no path migration on RoCE: no capability says so, what asks for it is refused and
 * changes nothing, and the answer of query_qp is that of a QP that has migrated. Alternate paths
 * are refused by the core.
 */
static void migration(const struct t_case *c)
{
	static const enum ibv_mig_state wrong[] = { IBV_MIG_ARMED, IBV_MIG_REARM };
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	struct ep_pair p;
	int mask, rc;

	(void)c;
	struct ep_cfg cfg = ep_rc();

	t_check(!(ep_dev(0)->attr.device_cap_flags & IBV_DEVICE_AUTO_PATH_MIG),
		"the device claims automatic path migration");
	ep_pair_open(&p, &cfg);
	for (int i = 0; i < 2; i++) {
		memset(&attr, 0, sizeof(attr));
		attr.path_mig_state = wrong[i];
		rc = ibv_modify_qp(p.a.qp, &attr, IBV_QP_PATH_MIG_STATE);
		t_check(rc == EOPNOTSUPP, "migration state %d: got %s, expected EOPNOTSUPP",
			wrong[i], t_errname(rc));
	}
	attr.path_mig_state = IBV_MIG_MIGRATED;
	t_zero(ibv_modify_qp(p.a.qp, &attr, IBV_QP_PATH_MIG_STATE));

	memset(&attr, 0, sizeof(attr));
	ep_ah_attr(p.a.dev, &p.b.dev->gid, &attr.alt_ah_attr);
	attr.alt_port_num = t_opts.port;
	attr.alt_timeout = 14;
	rc = ibv_modify_qp(p.a.qp, &attr, IBV_QP_ALT_PATH);
	t_check(rc == EINVAL || rc == EOPNOTSUPP,
		"alternate path: got %s, expected EINVAL or EOPNOTSUPP", t_errname(rc));
	t_zero(ibv_query_qp(p.a.qp, &attr, IBV_QP_PATH_MIG_STATE, &init));
	t_check(attr.path_mig_state == IBV_MIG_MIGRATED, "migration state is %d, expected MIGRATED",
		attr.path_mig_state);
	ep_want_state(&p.a, IBV_QPS_RTS, "the");
	pair_proves(&p);
	ep_pair_close(&p);

	/* On the way up, too, and the step still works without. */
	ep_pair_open(&p, &cfg);
	ep_to(&p.a, IBV_QPS_RESET);
	ep_to_init(&p.a);

	struct ep_peer peer = ep_self(&p.b);

	mask = ep_attr_rtr(&p.a, &peer, &attr);
	attr.alt_ah_attr = attr.ah_attr;
	attr.alt_port_num = t_opts.port;
	rc = ibv_modify_qp(p.a.qp, &attr, mask | IBV_QP_ALT_PATH);
	t_check(rc == EINVAL || rc == EOPNOTSUPP,
		"RTR with an alternate path: got %s, expected EINVAL or EOPNOTSUPP", t_errname(rc));
	ep_want_state(&p.a, IBV_QPS_INIT, "the");
	t_zero(ibv_modify_qp(p.a.qp, &attr, mask));
	ep_pair_close(&p);
}

/* A wrong cur_qp_state is refused. */
static void cur_state(const struct t_case *c)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_SQD, .cur_qp_state = IBV_QPS_RTR };
	struct ep_cfg cfg = ep_rc();
	struct ep_pair p;
	int rc;

	(void)c;
	ep_pair_open(&p, &cfg);
	rc = ibv_modify_qp(p.a.qp, &attr, IBV_QP_STATE | IBV_QP_CUR_STATE);
	t_check(rc == EINVAL, "cur_qp_state RTR in RTS: got %s, expected EINVAL", t_errname(rc));
	ep_want_state(&p.a, IBV_QPS_RTS, "the");
	pair_proves(&p);
	ep_pair_close(&p);
}

/*
 * A SEND posted below RTS is refused, by whatever layer. What librxe already put in the ring must
 * not come out later: after RESET and a new connection only new work is done.
 */
static void post_early(const struct t_case *c)
{
	static const enum ibv_qp_state states[] = { IBV_QPS_RESET, IBV_QPS_INIT, IBV_QPS_RTR };
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND, .id = 0xbad, .flags = IBV_SEND_SIGNALED };
	struct ep_pair p;
	int rc;

	(void)c;
	ep_open(&p.a, 0, &cfg);
	ep_open(&p.b, 1, &cfg);
	for (int i = 0; i < 3; i++) {
		t_where("in %s", ep_state_name(states[i]));
		ep_to(&p.a, IBV_QPS_RESET);
		raise_to(&p.a, states[i]);
		rc = ep_post_try(&p.a, &op);
		t_check(rc == EINVAL, "post_send: got %s, expected EINVAL", t_errname(rc));
		cq_none(p.a.scq, 20, "refused post");
	}
	t_where("connected after a refused post");
	ep_to(&p.a, IBV_QPS_RESET);
	ep_pair_connect(&p);
	ep_recv(&p.b, NULL, 0, 1);
	op.id = 0x600d;
	ep_post(&p.a, &op);
	cq_want(p.a.scq, IBV_WC_SUCCESS, 0x600d, "SEND");
	cq_want(p.b.rcq, IBV_WC_SUCCESS, 1, "receive");
	cq_none(p.a.scq, 50, "the refused posts");
	pair_proves(&p);
	ep_pair_close(&p);
}

/* Receives may be posted in INIT and RTR, and serve once the QP is up. */
static void recv_early(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND };
	struct ep_peer a, b;
	struct ep_pair p;

	(void)c;
	ep_open(&p.a, 0, &cfg);
	ep_open(&p.b, 1, &cfg);
	a = ep_self(&p.a);
	b = ep_self(&p.b);
	ep_to_init(&p.b);
	ep_recv(&p.b, NULL, 0, 10);
	ep_to_rtr(&p.b, &a);
	ep_recv(&p.b, NULL, 0, 11);
	ep_up(&p.a, &b);
	for (int i = 0; i < 2; i++) {
		ep_post(&p.a, &op);
		cq_want(p.a.scq, IBV_WC_SUCCESS, 0, "SEND to a QP in RTR");
		cq_want(p.b.rcq, IBV_WC_SUCCESS, 10 + i, "receive");
	}
	ep_to_rts(&p.b);
	pair_proves(&p);
	ep_pair_close(&p);
}

/* The first packet that reaches a QP in RTR raises COMM_EST, once. */
static void comm_est(const struct t_case *c)
{
	struct ep_cfg cfg = ep_rc();
	struct op op = { .code = IBV_WR_SEND };
	struct ep_peer a, b;
	struct ep_pair p;

	(void)c;
	ep_open(&p.a, 0, &cfg);
	ep_open(&p.b, 1, &cfg);
	a = ep_self(&p.a);
	b = ep_self(&p.b);
	ep_to_init(&p.b);
	ep_to_rtr(&p.b, &a);
	ep_up(&p.a, &b);
	event_none(p.b.dev->ctx, 50);
	for (int i = 0; i < 2; i++) {
		ep_recv(&p.b, NULL, 0, 0);
		ep_post(&p.a, &op);
		cq_want(p.a.scq, IBV_WC_SUCCESS, 0, "SEND to a QP in RTR");
	}
	event_want(p.b.dev->ctx, IBV_EVENT_COMM_EST, p.b.qp);
	event_none(p.b.dev->ctx, 50);
	ep_pair_close(&p);
}

#define BAD(n, name) { "state.out_of_range." name, out_of_range, n, 0, 0 }

const struct t_case cases_state[] = {
	{ "state.table", table, 0, 0, 60 },
	{ "state.missing_attr", missing, 0, 0, 0 },
	BAD(0, "port"), BAD(1, "pkey"), BAD(2, "mtu"), BAD(3, "mtu_above_active"),
	BAD(4, "sgid"), BAD(5, "dest_rd"), BAD(6, "no_grh"), BAD(7, "rd"),
	BAD(8, "group"),
	{ "state.query", query, 0, 0, 0 },
	{ "state.modify_live", modify_live, 0, 0, 0 },
	{ "state.cur_state", cur_state, 0, 0, 0 },
	{ "state.migration", migration, 0, 0, 0 },
	{ "state.post_early", post_early, 0, 0, 0 },
	{ "state.recv_early", recv_early, 0, 0, 0 },
	{ "state.comm_est", comm_est, 0, 0, 0 },
	{ }
};
