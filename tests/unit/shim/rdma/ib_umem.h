/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_RDMA_IB_UMEM_H
#define SHIM_RDMA_IB_UMEM_H

#include <linux/scatterlist.h>
#include <linux/types.h>

struct ib_device;

struct mm_struct;

struct ib_umem {
	struct mm_struct *owning_mm;
	unsigned long address;
	bool writable;
	struct sg_append_table sgt_append;
};

/* The suite's. */
struct ib_umem *ib_umem_get(struct ib_device *device, unsigned long addr, size_t size, int access);
void ib_umem_release(struct ib_umem *umem);

#endif
