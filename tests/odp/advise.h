/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Advice about regions: ibv_advise_mr(), and the same by the ioctl that it would make, because the
 * library's rxe provider has no such call before version 59 and answers EOPNOTSUPP.
 */
#ifndef TESTS_ODP_ADVISE_H
#define TESTS_ODP_ADVISE_H

#include "kit.h"

/* advise_ioctl - give the advice past the library. Returns 0 or an errno value. */
int advise_ioctl(struct ibv_pd *pd, unsigned int advice, uint32_t flags,
		 const struct ibv_sge *sge, unsigned int nsge);

#endif
