/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of rxe_hostile share.
 */
#ifndef TESTS_VERBS_HOSTILE_H
#define TESTS_VERBS_HOSTILE_H

#include "victim.h"

extern const struct t_case cases_hostile_drop[];	/* hostile_drop.c */

/* aimed - a packet with all extended headers of its opcode, aimed at the victim's memory. */
void aimed(struct victim *v, struct roce *r, uint8_t opcode);

#endif
