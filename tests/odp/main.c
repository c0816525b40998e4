// SPDX-License-Identifier: GPL-2.0
/*
 * rxe_odp: on-demand paging of one RoCE device, or of two. `rxe_odp --list` names the cases,
 * `rxe_odp 'change.*'` runs some; see ../verbs/harness.h. Options of its own, before all others:
 *   --pinned      register without on-demand paging; cases about changing memory skip
 *   --full        longer storms and bigger regions
 *   --files DIR   where ordinary files can be made
 *   --dax DIR     the same on a file system mounted with dax
 */
#include <string.h>

#include "cases.h"
#include "kit.h"

/* Returns how many arguments it took from the front of @argv, 0 for a word of the harness. */
static int own_option(int argc, char **argv)
{
	if (!argc)
		return 0;
	if (!strcmp(argv[0], "--pinned")) {
		odp_opts.pinned = true;
		return 1;
	}
	if (!strcmp(argv[0], "--full")) {
		odp_opts.full = true;
		return 1;
	}
	if (argc > 1 && !strcmp(argv[0], "--files")) {
		odp_opts.files = argv[1];
		return 2;
	}
	if (argc > 1 && !strcmp(argv[0], "--dax")) {
		odp_opts.dax = argv[1];
		return 2;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct t_table tables[] = {
		{ cases_verbs }, { cases_matrix }, { cases_kinds }, { cases_touch },
		{ cases_region }, { cases_change }, { cases_paging }, { cases_migrate },
		{ cases_protect }, { cases_fork }, { cases_uffd }, { cases_flow },
		{ cases_reach }, { cases_company }, { cases_err }, { cases_cpu },
		{ cases_advise }, { cases_persist }, { cases_life }, { cases_limit },
		{ cases_oom }, { cases_storm }, { NULL },
	};
	int n;

	for (; (n = own_option(argc - 1, argv + 1)); argc -= n, argv += n)
		argv[n] = argv[0];
	return t_main(argc, argv, tables);
}
