// SPDX-License-Identifier: GPL-2.0
/*
 * A part of a dma-buf: memory of another driver, which stays its exporter's to place.
 *
 * There is no DMA here, and the pages in a buffer's scatter list are not an importer's to touch.
 * The way in for a CPU is the exporter's mapping of the whole buffer, dma_buf_vmap(). It is made
 * when the region is registered, so that what cannot be mapped is refused then. Memory behind a bus
 * that has to be accessed by other means than loads and stores is refused: it has no atomics.
 *
 * An exporter that moves its buffer tells who is attached. Each access holds our lock for reading,
 * the notification takes it for writing: when that returns, nobody touches the old place, and it is
 * unmapped. The next access misses, as one of memory on demand does, and a work item asks for the
 * mapping again, once the move is over. When the exporter does not give it any more, the access
 * fails like one of memory that is not there; the next one asks anew.
 *
 * The framework has one mapping of a buffer for all who want it, and counts. So the old one must be
 * given back by everybody before anybody asks for a new one: in the notification itself, under the
 * reservation lock that the exporter holds meanwhile. Kernels before 6.2 do not allow that. There
 * the buffer of an exporter that moves is pinned for the life of the region, and should it be taken
 * back nevertheless, it is gone.
 *
 * An exporter that does not tell of moves makes none while somebody is attached, which may be all
 * that keeps the buffer in its place: a mapping for CPUs need not (drm_gem_map_attach() pins it).
 * So we are attached to every buffer; without mapping it for a device, which we have not.
 *
 * CPU access is begun before the mapping is asked for, which waits for work under way and lets the
 * exporter bring the buffer to where the CPU can reach it; it ends when the mapping has ended.
 * Between them lie all accesses, as accesses themselves must not sleep.
 *
 * Lock order: the buffer's reservation lock, its lock here; neither is held when waiters are woken.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/iosys-map.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../compat/rxc_dmabuf.h"
#include "mr.h"

RXC_IMPORT_DMABUF;

/* Moves in a row that a mapping may run into before whoever wants it has to come again. */
#define MAP_TRIES	16

/**
 * struct rxe_dmabuf - a buffer as one region uses it
 * @dmabuf: held
 * @attach: keeps it in its place, or has its exporter tell of moves
 * @pinned: it does not move
 * @begun: CPU access has begun; belongs to whoever maps
 * @mapped: @map is to be given back; under the reservation lock, where mapping is
 * @map: the mapping of the whole buffer
 * @lock: guards @kva and @moves; each access holds it for reading
 * @moving: somebody waits for @lock to write; readers let them pass
 * @kva: the mapping's first byte; NULL when it must not be used
 * @moves: notifications so far
 * @waiters: who has missed it
 * @work: maps it again and wakes them
 */
struct rxe_dmabuf {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	bool pinned;
	bool begun;
	bool mapped;
	struct iosys_map map;
	rwlock_t lock;
	bool moving;
	u8 *kva;
	u32 moves;
	struct list_head waiters;
	struct work_struct work;
};

/* A chunk is in use under the buffer's lock, until done(). All of the buffer is contiguous. */
static enum rxe_mem_err chunk(struct rxe_mr *mr, u64 iova, bool write, struct rxe_chunk *chunk)
{
	struct rxe_dmabuf *buf = mr->dmabuf;

	/* Readers with bottom halves off would pass a waiting writer for ever. */
	if (READ_ONCE(buf->moving))
		return RXE_MEM_MISS;
	read_lock_bh(&buf->lock);
	if (!buf->kva) {
		read_unlock_bh(&buf->lock);
		return RXE_MEM_MISS;
	}
	chunk->kva = buf->kva + mr->uva + (iova - mr->iova);
	return RXE_MEM_OK;
}

static void done(struct rxe_mr *mr, struct rxe_chunk *chunk)
{
	read_unlock_bh(&mr->dmabuf->lock);
}

/* A mapping that was waited for in vain fails the access that comes for it again, and only that. */
static enum rxe_mem_err wait_for(struct rxe_mr *mr, u64 iova, u64 ahead, bool write,
				 struct rxe_mem_wait *wait)
{
	struct rxe_dmabuf *buf = mr->dmabuf;
	int err = wait->odp.err;

	wait->odp.err = 0;
	if (err && wait->odp.page == (unsigned long)&buf->waiters)
		return RXE_MEM_FAULT;
	odp_wait_on(&buf->waiters, &wait->odp);
	/* One that runs already is going to run again. */
	queue_work(system_long_wq, &buf->work);
	return RXE_MEM_MISS;
}

static void unmap(struct rxe_dmabuf *buf)
{
	if (RXC_DMABUF_LOCKED_VMAP)
		dma_resv_assert_held(buf->dmabuf->resv);
	if (buf->mapped)
		dma_buf_vunmap(buf->dmabuf, &buf->map);
	buf->mapped = false;
}

/* The exporter is about to move the buffer, or takes it back; it holds the reservation lock. */
static void buffer_moves(struct dma_buf_attachment *attach)
{
	struct rxe_dmabuf *buf = attach->importer_priv;

	dma_resv_assert_held(buf->dmabuf->resv);
	WRITE_ONCE(buf->moving, true);
	write_lock_bh(&buf->lock);
	buf->kva = NULL;
	buf->moves++;
	write_unlock_bh(&buf->lock);
	WRITE_ONCE(buf->moving, false);
	if (RXC_DMABUF_LOCKED_VMAP)
		unmap(buf);
}

static const struct dma_buf_attach_ops importer_ops = {
	.RXC_DMABUF_MOVES = buffer_moves,
};

static int pin(struct rxe_dmabuf *buf)
{
	int err;

	dma_resv_lock(buf->dmabuf->resv, NULL);
	err = dma_buf_pin(buf->attach);
	/* It may have been moved to where it can be pinned. */
	buf->moves = 0;
	dma_resv_unlock(buf->dmabuf->resv);
	buf->pinned = !err;
	return err;
}

static int attach(struct rxe_dmabuf *buf, struct device *dev)
{
	bool moves = dma_buf_is_dynamic(buf->dmabuf);
	struct dma_buf_attachment *attach;

	/* Where only one of the two knows of moves, the framework maps it for the device. */
	attach = dma_buf_dynamic_attach(buf->dmabuf, dev, moves ? &importer_ops : NULL, buf);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	buf->attach = attach;
	return moves && !RXC_DMABUF_LOCKED_VMAP ? pin(buf) : 0;
}

static void end_cpu_access(struct rxe_dmabuf *buf)
{
	if (buf->begun)
		dma_buf_end_cpu_access(buf->dmabuf, DMA_BIDIRECTIONAL);
	buf->begun = false;
}

static int begin_cpu_access(struct rxe_dmabuf *buf)
{
	int err;

	end_cpu_access(buf);
	err = dma_buf_begin_cpu_access(buf->dmabuf, DMA_BIDIRECTIONAL);
	buf->begun = !err;
	return err;
}

/* Let it be used, unless it has moved since there had been @seen notifications. */
static int publish(struct rxe_dmabuf *buf, u32 seen)
{
	int err = 0;

	write_lock_bh(&buf->lock);
	if (buf->moves == seen)
		buf->kva = buf->map.vaddr;
	else
		err = -EAGAIN;
	write_unlock_bh(&buf->lock);
	return err;
}

static int map_here(struct rxe_dmabuf *buf, u32 seen)
{
	int err;

	err = dma_buf_vmap(buf->dmabuf, &buf->map);
	if (err)
		return err;
	buf->mapped = true;
	err = buf->map.is_iomem ? -EOPNOTSUPP : publish(buf, seen);
	/* There are exporters that move the buffer to map it, and tell us of that from within. */
	if (err)
		unmap(buf);
	return err;
}

/* No move begins meanwhile, and what an earlier one still copies is waited for. */
static int map_locked(struct rxe_dmabuf *buf, u32 seen)
{
	struct dma_resv *resv = buf->dmabuf->resv;
	long left;
	int err;

	err = dma_resv_lock_interruptible(resv, NULL);
	if (err)
		return err;
	left = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_KERNEL, true, MAX_SCHEDULE_TIMEOUT);
	if (left < 0)
		err = left;
	else if (READ_ONCE(buf->moves) != seen)
		err = -EAGAIN;
	else
		err = map_here(buf, seen);
	dma_resv_unlock(resv);
	return err;
}

static int map_once(struct rxe_dmabuf *buf)
{
	u32 seen = READ_ONCE(buf->moves);
	int err;

	/* Pinned, and taken back nevertheless. */
	if (buf->pinned && seen)
		return -ENODEV;
	err = begin_cpu_access(buf);
	if (err)
		return err;
	return RXC_DMABUF_LOCKED_VMAP ? map_locked(buf, seen) : map_here(buf, seen);
}

static bool is_usable(struct rxe_dmabuf *buf)
{
	return READ_ONCE(buf->kva) && !READ_ONCE(buf->moving);
}

/* One at a time: whoever registers the region, then the work item. */
static int map(struct rxe_dmabuf *buf)
{
	int tries, err = -EAGAIN;

	for (tries = 0; tries < MAP_TRIES && err == -EAGAIN; tries++) {
		if (is_usable(buf))
			return 0;
		err = map_once(buf);
	}
	/* Not refused, but moved again and again: whoever wants it comes back. */
	return err == -EAGAIN ? 0 : err;
}

static void map_again(struct work_struct *work)
{
	struct rxe_dmabuf *buf = container_of(work, struct rxe_dmabuf, work);

	odp_wait_done(&buf->waiters, map(buf));
}

static void let_go(struct rxe_dmabuf *buf)
{
	struct dma_resv *resv = buf->dmabuf->resv;

	if (!RXC_DMABUF_LOCKED_VMAP)
		unmap(buf);
	dma_resv_lock(resv, NULL);
	if (RXC_DMABUF_LOCKED_VMAP)
		unmap(buf);
	if (buf->pinned)
		dma_buf_unpin(buf->attach);
	dma_resv_unlock(resv);
	end_cpu_access(buf);
	if (buf->attach)
		dma_buf_detach(buf->dmabuf, buf->attach);
}

/* Nobody can miss it any more. Who still waits looks its key up again, in vain. */
static void destroy(struct rxe_mr *mr)
{
	struct rxe_dmabuf *buf = mr->dmabuf;

	if (!buf)
		return;
	cancel_work_sync(&buf->work);
	odp_wait_done(&buf->waiters, 0);
	let_go(buf);
	dma_buf_put(buf->dmabuf);
	kfree(buf);
}

static const struct rxe_mr_ops dmabuf_ops = {
	.kind = "dma_buf",
	.chunk = chunk,
	.done = done,
	.wait = wait_for,
	.destroy = destroy,
};

static struct rxe_dmabuf *new_buffer(int fd)
{
	struct rxe_dmabuf *buf = kzalloc(sizeof(*buf), GFP_KERNEL_ACCOUNT);
	struct dma_buf *dmabuf;

	if (!buf)
		return ERR_PTR(-ENOMEM);
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf)) {
		kfree(buf);
		return ERR_CAST(dmabuf);
	}
	buf->dmabuf = dmabuf;
	rwlock_init(&buf->lock);
	INIT_LIST_HEAD(&buf->waiters);
	INIT_WORK(&buf->work, map_again);
	return buf;
}

/* What has been done when it fails is destroy()'s to undo. */
static int import(struct rxe_mr *mr, int fd, u64 offset)
{
	struct rxe_dmabuf *buf = new_buffer(fd);
	u64 size;
	int err;

	if (IS_ERR(buf))
		return PTR_ERR(buf);
	mr->dmabuf = buf;
	mr->uva = offset;
	size = buf->dmabuf->size;
	if (offset > size || mr->length > size - offset)
		return -EINVAL;
	/*
	 * Asked for by us, not found out by a call: the framework warns of a mapping that fails.
	 * There is no asking whether an exporter's call for it will.
	 */
	if (!buf->dmabuf->ops->vmap)
		return -EOPNOTSUPP;
	err = attach(buf, &mr->pd->device->dev);
	return err ?: map(buf);
}

struct rxe_mr *rxe_mr_reg_dmabuf(struct ib_pd *pd, int fd, u64 offset, u64 length, u64 iova,
				 int access)
{
	struct rxe_mr *mr;
	int err;

	if (!rxe_mr_addressable(offset, iova, length))
		return ERR_PTR(-EINVAL);
	mr = rxe_mr_alloc(pd, &dmabuf_ops, iova, length, access);
	if (IS_ERR(mr))
		return mr;
	err = import(mr, fd, offset);
	if (err) {
		rxe_mr_destroy(mr);
		return ERR_PTR(err);
	}
	rxe_mr_publish(mr);
	return mr;
}
