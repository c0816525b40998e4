/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tables of cases, one a file. main.c runs them in this order.
 */
#ifndef TESTS_DMABUF_CASES_H
#define TESTS_DMABUF_CASES_H

#include "harness.h"

extern const struct t_case cases_data[];	/* every operation, every exporter */
extern const struct t_case cases_reg[];		/* registration: bounds, rights, what is refused */
extern const struct t_case cases_move[];	/* the exporter moves the buffer */
extern const struct t_case cases_revoke[];	/* the exporter takes it back */
extern const struct t_case cases_life[];	/* descriptors, regions, processes, devices go */

#endif
