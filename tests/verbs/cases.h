/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tables of cases, one a file. main.c runs them in this order.
 */
#ifndef TESTS_VERBS_CASES_H
#define TESTS_VERBS_CASES_H

#include "harness.h"

extern const struct t_case cases_data[];	/* every operation by size and path MTU */
extern const struct t_case cases_sgl[];		/* scatter-gather lists, inline data */
extern const struct t_case cases_atomic[];	/* compare-and-swap, fetch-and-add */
extern const struct t_case cases_srq[];		/* shared receive queues */
extern const struct t_case cases_place[];	/* FLUSH and ATOMIC WRITE */
extern const struct t_case cases_queue[];	/* depth, order, fence, signaling, many QPs */
extern const struct t_case cases_cq[];		/* completion events, resize */
extern const struct t_case cases_state[];	/* QP states, attributes, async events */
extern const struct t_case cases_flush[];	/* ERR, RESET and SQD with work in the queues */
extern const struct t_case cases_ring[];	/* programs that scribble on their queues */
extern const struct t_case cases_access[];	/* R_Keys, ranges, rights at the responder */
extern const struct t_case cases_rereg[];	/* regions that change under their keys */
extern const struct t_case cases_mw[];		/* memory windows */
extern const struct t_case cases_inv[];		/* keys that are invalidated, from either end */
extern const struct t_case cases_local[];	/* L_Keys and lengths at both ends */
extern const struct t_case cases_retry[];	/* RNR, timeouts, wrong peers */
extern const struct t_case cases_long[];	/* READs of very many packets */
extern const struct t_case cases_ud[];		/* datagrams and address handles */
extern const struct t_case cases_uc[];		/* what unreliable services lack */
extern const struct t_case cases_mcast[];	/* multicast groups */
extern const struct t_case cases_limit[];	/* many objects, big objects, bad arguments */
extern const struct t_case cases_order[];	/* bytes become visible in increasing order */
extern const struct t_case cases_pma[];		/* performance counters of the port */
extern const struct t_case cases_show[];	/* what `rdma resource show -dd` tells */
extern const struct t_case cases_count[];	/* counters of single QPs */

#endif
