/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rings mapped into a process. An entry owns the ring's memory from rxe_mmap_publish() on; a
 * mapping keeps the pages by itself, so a device can go while a process still has its rings mapped.
 */
#ifndef RXE_BASE_MMAP_H
#define RXE_BASE_MMAP_H

#include <linux/types.h>

struct ib_ucontext;
struct mminfo;
struct rdma_user_mmap_entry;
struct rxe_ring;
struct vm_area_struct;

/**
 * rxe_mmap_publish() - give a ring an offset that the process can map
 * @uctx: the process' context
 * @ring: an allocated ring; owned by the entry on success
 * @info: offset and length to tell the process
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int rxe_mmap_publish(struct ib_ucontext *uctx, struct rxe_ring *ring, struct mminfo *info);

/* The ring is no longer needed: no new mapping; its memory goes with the last mmap(). Sleeps. */
void rxe_mmap_withdraw(struct rxe_ring *ring);

/* ib_device_ops.mmap and .mmap_free */
int rxe_mmap(struct ib_ucontext *uctx, struct vm_area_struct *vma);
void rxe_mmap_free(struct rdma_user_mmap_entry *entry);

#endif
