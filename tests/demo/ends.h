/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every program with verbs has: a device, two reliably connected queue pairs, here both of
 * this process, and work requests that are posted and waited for. It knows nothing of on-demand
 * paging: that concerns memory only.
 */
#ifndef TESTS_DEMO_ENDS_H
#define TESTS_DEMO_ENDS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <infiniband/verbs.h>

typedef unsigned long long u64;

#define die(...) do {								\
	printf("FAILED      " __VA_ARGS__);					\
	putchar('\n');								\
	exit(1);								\
} while (0)

/* need - the program ends with the words that follow, unless @cond. */
#define need(cond, ...) do { if (!(cond)) die(__VA_ARGS__); } while (0)

struct ends {
	const char *device;
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_qp *near, *far;
};

/* ends_open - open device @name, the first one if NULL. */
void ends_open(struct ends *e, const char *name);

/* ends_connect - two queue pairs, connected, the far one open for the remote @rights. */
void ends_connect(struct ends *e, int gid_index, unsigned int rights);

/* ends_post - @wr with the local bytes @sge from the near end; returns when it has completed. */
void ends_post(struct ends *e, struct ibv_send_wr *wr, struct ibv_sge *sge);

/* ends_close - give all back; memory regions are gone before. */
void ends_close(struct ends *e);

/* seconds - monotonic clock. */
double seconds(void);

#endif
