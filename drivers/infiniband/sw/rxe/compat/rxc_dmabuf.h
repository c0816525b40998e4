/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels 6.1 and 7.2 in dma-buf. RXC_HAVE_* come from probe.sh.
 */
#ifndef RXE_COMPAT_RXC_DMABUF_H
#define RXE_COMPAT_RXC_DMABUF_H

#include <linux/dma-buf.h>
#include <linux/module.h>

/*
 * RXC_IMPORT_DMABUF - the namespace of dma-buf's symbols. MODULE_IMPORT_NS() takes a word before
 * 6.13 and a string from then on; what it leaves in the module is this.
 */
#define RXC_IMPORT_DMABUF	MODULE_INFO(import_ns, "DMA_BUF")

/* RXC_DMABUF_MOVES - the name of the importer's operation that tells of a move */
#ifdef RXC_HAVE_DMABUF_INVALIDATE
#define RXC_DMABUF_MOVES	invalidate_mappings
#else
#define RXC_DMABUF_MOVES	move_notify
#endif

/*
 * RXC_DMABUF_LOCKED_VMAP - dma_buf_vmap() and dma_buf_vunmap() are called under the reservation
 * lock (since 6.2). Before, exporters take that lock in them.
 */
#ifdef RXC_HAVE_DMABUF_LOCKED_VMAP
#define RXC_DMABUF_LOCKED_VMAP	1
#else
#define RXC_DMABUF_LOCKED_VMAP	0
#endif

#endif
