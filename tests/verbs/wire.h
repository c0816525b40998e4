/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of rxe_wire share.
 */
#ifndef TESTS_VERBS_WIRE_H
#define TESTS_VERBS_WIRE_H

#include "victim.h"

extern const struct t_case cases_wire_uc[];	/* wire_uc.c */

/* silence - nothing more comes to the phantom for @ms milliseconds. */
void silence(struct victim *v, int ms, const char *what);

#endif
