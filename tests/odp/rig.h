/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A connected pair with memory of some kind at the responder and an ordinary buffer of the same
 * size at the requester, and the steps that cases about changing memory are made of.
 *
 * Words: the "region" is r->m, under test, registered on demand at p.b; the "pin" is the ordinary
 * buffer at p.a. The "window" is the part of the region that rig_write() writes; it begins and ends
 * at odd places, a bit inside of the region.
 */
#ifndef TESTS_ODP_RIG_H
#define TESTS_ODP_RIG_H

#include "place.h"

enum { RIG_ID = 0x416 };	/* of every work request */

struct rig {
	struct ep_pair p;	/* a is the requester */
	struct mem m;
	struct buf pin;
	size_t off, len;	/* the window */
};

/* rig_open - a region of @len bytes in memory of @kind, filled; both ends connected. */
void rig_open(struct rig *r, enum place_kind kind, size_t len);
void rig_close(struct rig *r);

/* rig_around - the same around a mem that the caller has made, without an MR. */
void rig_around(struct rig *r, const struct mem *m);

/* rig_op - post @code between region and pin at offset @off, @len bytes; the caller polls. */
void rig_op(struct rig *r, enum ibv_wr_opcode code, size_t off, size_t len);

/* rig_try - rig_op() over the window, and its completion's status. */
enum ibv_wc_status rig_try(struct rig *r, enum ibv_wr_opcode code);

/* rig_refused - rig_try() must end with @want; both QPs are connected again afterwards. */
void rig_refused(struct rig *r, enum ibv_wr_opcode code, enum ibv_wc_status want);

/* rig_read - READ the whole region into the pin. */
void rig_read(struct rig *r);
/* rig_reads_same, rig_reads_zero - and see there what the region was filled with, or zeros. */
void rig_reads_same(struct rig *r, const char *who);
void rig_reads_zero(struct rig *r, const char *who);

/* rig_write - fill the pin anew and WRITE the window. */
void rig_write(struct rig *r);
/* rig_written - the CPU sees the window in the region, and all else as filled, or zero. */
void rig_written(struct rig *r, const char *who);
void rig_written_zero(struct rig *r, const char *who);

/* rig_warm - WRITE and READ everything, so that the driver has found each page. */
void rig_warm(struct rig *r);

/* rig_proves - fill anew, then data both ways with the region at both ends of a connection. */
void rig_proves(struct rig *r, const char *who);

#endif
