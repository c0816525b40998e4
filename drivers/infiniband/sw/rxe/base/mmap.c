// SPDX-License-Identifier: GPL-2.0
/*
 * Rings in a process' address space. The core hands out offsets and finds the entry of one; the
 * entry owns the ring's memory. A mapping consists of the pages themselves, each with a reference
 * of its own, so it outlives the entry, the ring and the device: the process then looks at memory
 * that nobody else does, until it unmaps it.
 *
 * Who may still use the memory after rxe_mmap_withdraw(): an mmap() call that found the entry
 * before and is inserting pages. It holds a reference to the entry, the last of which frees the
 * memory.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <rdma/ib_verbs.h>
#include <rdma/rdma_user_rxe.h>

#include "mmap.h"
#include "ring.h"

/**
 * struct rxe_mmap - memory that can be mapped
 * @entry: the core's part
 * @mem: from __vmalloc(); kept out of remap_vmalloc_range(), which takes only memory that cannot be
 *	charged to anybody
 */
struct rxe_mmap {
	struct rdma_user_mmap_entry entry;
	void *mem;
};

int rxe_mmap_publish(struct ib_ucontext *uctx, struct rxe_ring *ring, struct mminfo *info)
{
	size_t bytes = rxe_ring_bytes(ring);
	struct rxe_mmap *map;
	int err;

	map = kzalloc(sizeof(*map), GFP_KERNEL);
	if (!map)
		return -ENOMEM;
	map->mem = ring->buf;
	err = rdma_user_mmap_entry_insert(uctx, &map->entry, bytes);
	if (err) {
		kfree(map);
		return -ENOMEM;
	}
	ring->map = map;
	info->offset = rdma_user_mmap_get_offset(&map->entry);
	info->size = bytes;
	info->pad = 0;
	return 0;
}

void rxe_mmap_withdraw(struct rxe_ring *ring)
{
	struct rxe_mmap *map = ring->map;

	ring->map = NULL;
	ring->buf = NULL;
	rdma_user_mmap_entry_remove(&map->entry);
}

static int insert(struct vm_area_struct *vma, void *mem)
{
	unsigned long uva;
	int err;

	for (uva = vma->vm_start; uva < vma->vm_end; uva += PAGE_SIZE) {
		err = vm_insert_page(vma, uva, vmalloc_to_page(mem + (uva - vma->vm_start)));
		if (err)
			return err;
	}
	return 0;
}

int rxe_mmap(struct ib_ucontext *uctx, struct vm_area_struct *vma)
{
	struct rdma_user_mmap_entry *entry = rdma_user_mmap_entry_get(uctx, vma);
	int err;

	/* The core has compared the length, and refused private mappings. */
	if (!entry)
		return -EINVAL;
	err = insert(vma, container_of(entry, struct rxe_mmap, entry)->mem);
	rdma_user_mmap_entry_put(entry);
	return err;
}

void rxe_mmap_free(struct rdma_user_mmap_entry *entry)
{
	struct rxe_mmap *map = container_of(entry, struct rxe_mmap, entry);

	vfree(map->mem);
	kfree(map);
}
