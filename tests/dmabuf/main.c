// SPDX-License-Identifier: GPL-2.0
/*
 * rxe_dmabuf: memory regions over dma-bufs. `rxe_dmabuf --list` names the cases; see harness.h.
 */
#include "cases.h"

int main(int argc, char **argv)
{
	static const struct t_table tables[] = {
		{ cases_data },
		{ cases_reg },
		{ cases_move },
		{ cases_revoke },
		{ cases_life },
		{ NULL },
	};

	return t_main(argc, argv, tables);
}
