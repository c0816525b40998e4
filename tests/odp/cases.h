/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tables of cases, one a file. main.c runs them in this order.
 */
#ifndef TESTS_ODP_CASES_H
#define TESTS_ODP_CASES_H

#include "harness.h"

extern const struct t_case cases_verbs[];	/* capabilities, limits, counters */
extern const struct t_case cases_matrix[];	/* every operation on every kind of memory */
extern const struct t_case cases_kinds[];	/* other operations and transports on each kind */
extern const struct t_case cases_touch[];	/* memory that nobody touched before */
extern const struct t_case cases_region[];	/* iova, implicit, overlapping, sparse, read-only */
extern const struct t_case cases_change[];	/* memory replaced under a region */
extern const struct t_case cases_paging[];	/* paged out, merged, written back */
extern const struct t_case cases_migrate[];	/* moved to other frames */
extern const struct t_case cases_protect[];	/* mprotect, huge pages made and split */
extern const struct t_case cases_fork[];	/* copy-on-write */
extern const struct t_case cases_uffd[];	/* memory behind userfaultfd */
extern const struct t_case cases_flow[];	/* what a slow fault does to connections */
extern const struct t_case cases_reach[];	/* how much one fault brings */
extern const struct t_case cases_company[];	/* what one access does to others */
extern const struct t_case cases_err[];		/* memory that is not there or is not allowed */
extern const struct t_case cases_cpu[];		/* atomics against those of the CPU */
extern const struct t_case cases_advise[];	/* prefetch */
extern const struct t_case cases_persist[];	/* FLUSH to memory that lasts */
extern const struct t_case cases_life[];	/* processes that end */
extern const struct t_case cases_limit[];	/* memory that runs short */
extern const struct t_case cases_oom[];		/* processes killed for want of it */
extern const struct t_case cases_storm[];	/* changes without end beside many QPs */

#endif
