/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_SLAB_H
#define SHIM_LINUX_SLAB_H

#include <linux/gfp.h>
#include <linux/overflow.h>
#include <linux/types.h>

/* See shim.h: counted, may be told to fail, and a sleeping one aborts under a spinlock. */
void *shim_alloc(size_t size, gfp_t gfp);
void shim_free(const void *p);

#define kmalloc(size, gfp)		shim_alloc(size, gfp)
#define kzalloc(size, gfp)		shim_alloc(size, (gfp) | __GFP_ZERO)
#define kmalloc_array(n, size, gfp)	shim_alloc(size_mul(n, size), gfp)
#define kcalloc(n, size, gfp)		shim_alloc(size_mul(n, size), (gfp) | __GFP_ZERO)
#define kvmalloc(size, gfp)		kmalloc(size, gfp)
#define kvzalloc(size, gfp)		kzalloc(size, gfp)
#define kvmalloc_array(n, size, gfp)	kmalloc_array(n, size, gfp)
#define kvcalloc(n, size, gfp)		kcalloc(n, size, gfp)
#define kfree(p)			shim_free(p)
#define kvfree(p)			shim_free(p)

#endif
