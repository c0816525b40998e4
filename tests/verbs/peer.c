// SPDX-License-Identifier: GPL-2.0
/*
 * rxe_peer: the data cases between two processes, usually in two network namespaces.
 *
 *   rxe_peer server HOST PORT IDLE [options]        until IDLE seconds pass without a client
 *   rxe_peer client HOST PORT [options] [GLOB ...]  run cases against it
 *   rxe_peer traffic HOST PORT SECONDS [options]    load until then, or until the peer is gone
 *
 * HOST is the server's address for the TCP connection; options as in harness.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

static int usage(void)
{
	fprintf(stderr, "usage: rxe_peer server HOST PORT IDLE [options]\n"
		"       rxe_peer client HOST PORT [options] [NAME or GLOB ...]\n"
		"       rxe_peer traffic HOST PORT SECONDS [options]\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct t_table tables[] = { { peer_cases }, { NULL } };

	if (argc < 4)
		return usage();
	peer_host = argv[2];
	peer_port = argv[3];
	if (!strcmp(argv[1], "client"))
		return t_main(argc - 3, argv + 3, tables);
	if (argc < 5)
		return usage();
	t_begin(argc - 4, argv + 4);
	if (!strcmp(argv[1], "server"))
		return peer_serve(atoi(argv[4]), peer_served);
	if (!strcmp(argv[1], "traffic"))
		return peer_traffic(atoi(argv[4]));
	return usage();
}
