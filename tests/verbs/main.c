// SPDX-License-Identifier: GPL-2.0
/*
 * rxe_verbs: the verbs of one RoCE device, or of two, against the IBA specification.
 * `rxe_verbs --list` names the cases, `rxe_verbs 'err.*'` runs some of them; see harness.h.
 */
#include "cases.h"

int main(int argc, char **argv)
{
	static const struct t_table tables[] = {
		{ cases_data },
		{ cases_sgl },
		{ cases_atomic },
		{ cases_queue },
		{ cases_srq },
		{ cases_cq },
		{ cases_state },
		{ cases_flush },
		{ cases_ring },
		{ cases_access },
		{ cases_rereg },
		{ cases_local },
		{ cases_retry },
		{ cases_long },
		{ cases_ud }, { cases_uc },
		{ cases_place },
		{ cases_mcast },
		{ cases_mw },
		{ cases_inv },
		{ cases_order },
		{ cases_pma },
		{ cases_show },
		{ cases_count },
		{ cases_limit },
		{ NULL },
	};

	return t_main(argc, argv, tables);
}
