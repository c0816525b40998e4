/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The test exporter's commands: an ioctl each, on its device. Their descriptors name the buffers.
 */
#ifndef TESTS_DMABUF_EXPORTER_H
#define TESTS_DMABUF_EXPORTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define EXPORTER_DEVICE	"/dev/rxe_exporter"

enum exporter_flags {
	EXPORTER_STATIC		= 1,	/* no moves while attached to, and nobody is told of them */
	EXPORTER_NO_VMAP	= 2,	/* no CPU can map it */
	EXPORTER_IOMEM		= 4,	/* it claims to be memory behind a bus */
};

/**
 * struct exporter_make - a new buffer
 * @size: bytes, whole pages
 * @flags: EXPORTER_*
 * @fd: out: the buffer
 */
struct exporter_make {
	__u64 size;
	__u32 flags;
	__s32 fd;
};

/**
 * struct exporter_move - other pages for the buffer, with the same bytes
 * @fd: the buffer
 * @ms: how long that takes
 *
 * The pages left behind are kept, under a pattern that nobody may change.
 */
struct exporter_move {
	__s32 fd;
	__u32 ms;
};

/**
 * struct exporter_revoke - nobody may use the buffer, or anybody may again
 * @fd: the buffer
 * @on: nobody
 */
struct exporter_revoke {
	__s32 fd;
	__u32 on;
};

/**
 * struct exporter_stat - what has become of a buffer
 * @fd: in: the buffer
 * @attached: out: attachments
 * @mapped: out: it has a mapping for CPUs
 * @maps: out: how often it has got one
 * @moves: out: how often it has moved
 * @access: out: CPU accesses that were begun and have not ended
 * @stale: out: bytes that were changed in pages left behind
 */
struct exporter_stat {
	__s32 fd;
	__u32 attached;
	__u32 mapped;
	__u32 maps;
	__u32 moves;
	__s32 access;
	__u64 stale;
};

#define EXPORTER_MAKE	_IOWR('x', 1, struct exporter_make)
#define EXPORTER_MOVE	_IOW('x', 2, struct exporter_move)
#define EXPORTER_REVOKE	_IOW('x', 3, struct exporter_revoke)
#define EXPORTER_STAT	_IOWR('x', 4, struct exporter_stat)

#endif
