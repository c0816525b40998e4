// SPDX-License-Identifier: GPL-2.0
/*
 * An exporter of dma-bufs for tests: plain pages, which it moves, and takes back, when told to.
 *
 * A move follows the rules of the framework: the reservation lock, the importers' notification,
 * then other pages. Pages left behind get a pattern and are kept as long as the buffer is: whoever
 * writes there afterwards is found out, and whoever reads there reads wrong data.
 *
 * All of a buffer is guarded by its reservation lock.
 */
#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "exporter.h"
#include "rxc_dmabuf.h"

RXC_IMPORT_DMABUF;

#define MAX_BYTES	(64UL << 20)

static atomic_t num_buffers;
static atomic_t num_moves;

static int get_atomic(char *text, const struct kernel_param *kp)
{
	return sysfs_emit(text, "%d\n", atomic_read((atomic_t *)kp->arg));
}

static const struct kernel_param_ops atomic_ops = { .get = get_atomic };

module_param_cb(buffers, &atomic_ops, &num_buffers, 0444);
MODULE_PARM_DESC(buffers, "Buffers that there are");

module_param_cb(moves, &atomic_ops, &num_moves, 0444);
MODULE_PARM_DESC(moves, "Moves of which the importers have been told");

/**
 * struct store - pages that a buffer has, or had
 * @node: among those left behind
 * @num: pages
 * @seed: left behind: of the pattern
 * @pages: they
 */
struct store {
	struct list_head node;
	u32 num;
	u64 seed;
	struct page *pages[];
};

/**
 * struct buffer - what is behind a dma-buf
 * @now: its pages
 * @before: stores left behind
 * @flags: EXPORTER_*
 * @revoked: nobody may use it
 * @pins: who has pinned it
 * @stat: what is told of it
 */
struct buffer {
	struct store *now;
	struct list_head before;
	u32 flags;
	bool revoked;
	u32 pins;
	struct exporter_stat stat;
};

static u8 pattern(u64 seed, u64 pos)
{
	u64 x = (seed ^ (pos / 8)) * 0x9e3779b97f4a7c15ULL;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ULL;
	return x >> (8 * (pos % 8));
}

static void free_store(struct store *store)
{
	while (store->num)
		__free_page(store->pages[--store->num]);
	kvfree(store);
}

static struct store *new_store(u32 num)
{
	struct store *store = kvzalloc(struct_size(store, pages, num), GFP_KERNEL);

	for (; store && store->num < num; store->num++) {
		store->pages[store->num] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!store->pages[store->num]) {
			free_store(store);
			return NULL;
		}
	}
	return store;
}

static u8 *byte_of(const struct store *store, u64 pos)
{
	return (u8 *)page_address(store->pages[pos >> PAGE_SHIFT]) + offset_in_page(pos);
}

static void leave(struct buffer *buffer, struct store *store)
{
	u64 pos;

	store->seed = get_random_u64();
	for (pos = 0; pos < (u64)store->num << PAGE_SHIFT; pos++)
		*byte_of(store, pos) = pattern(store->seed, pos);
	list_add(&store->node, &buffer->before);
}

static u64 stale_bytes(const struct buffer *buffer)
{
	struct store *store;
	u64 pos, sum = 0;

	list_for_each_entry(store, &buffer->before, node)
		for (pos = 0; pos < (u64)store->num << PAGE_SHIFT; pos++)
			sum += *byte_of(store, pos) != pattern(store->seed, pos);
	return sum;
}

/* Before 6.2 the framework calls some operations without the lock. */
static void lock_old(struct dma_buf *dmabuf)
{
	if (!RXC_DMABUF_LOCKED_VMAP)
		dma_resv_lock(dmabuf->resv, NULL);
}

static void unlock_old(struct dma_buf *dmabuf)
{
	if (!RXC_DMABUF_LOCKED_VMAP)
		dma_resv_unlock(dmabuf->resv);
}

static int attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	struct buffer *buffer = dmabuf->priv;

	dma_resv_lock(dmabuf->resv, NULL);
	buffer->stat.attached++;
	dma_resv_unlock(dmabuf->resv);
	return 0;
}

static void detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	struct buffer *buffer = dmabuf->priv;

	dma_resv_lock(dmabuf->resv, NULL);
	buffer->stat.attached--;
	dma_resv_unlock(dmabuf->resv);
}

static int pin(struct dma_buf_attachment *attachment)
{
	struct buffer *buffer = attachment->dmabuf->priv;

	dma_resv_assert_held(attachment->dmabuf->resv);
	if (buffer->revoked)
		return -ENODEV;
	buffer->pins++;
	return 0;
}

static void unpin(struct dma_buf_attachment *attachment)
{
	struct buffer *buffer = attachment->dmabuf->priv;

	dma_resv_assert_held(attachment->dmabuf->resv);
	buffer->pins--;
}

/* There is no device to map it for. */
static struct sg_table *map(struct dma_buf_attachment *attachment, enum dma_data_direction dir)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void unmap(struct dma_buf_attachment *attachment, struct sg_table *table,
		  enum dma_data_direction dir)
{
}

static int begin(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct buffer *buffer = dmabuf->priv;
	int err = 0;

	dma_resv_lock(dmabuf->resv, NULL);
	if (buffer->revoked)
		err = -ENODEV;
	else
		buffer->stat.access++;
	dma_resv_unlock(dmabuf->resv);
	return err;
}

static int end(struct dma_buf *dmabuf, enum dma_data_direction dir)
{
	struct buffer *buffer = dmabuf->priv;

	dma_resv_lock(dmabuf->resv, NULL);
	buffer->stat.access--;
	dma_resv_unlock(dmabuf->resv);
	return 0;
}

static int map_for_cpu(struct dma_buf *dmabuf, struct iosys_map *to)
{
	struct buffer *buffer = dmabuf->priv;
	struct store *store = buffer->now;
	int err = -ENODEV;
	void *kva;

	lock_old(dmabuf);
	if (!buffer->revoked) {
		err = -ENOMEM;
		kva = vmap(store->pages, store->num, VM_MAP, PAGE_KERNEL);
		if (kva) {
			err = 0;
			buffer->stat.mapped++;
			buffer->stat.maps++;
		}
	}
	unlock_old(dmabuf);
	if (err)
		return err;
	if (buffer->flags & EXPORTER_IOMEM)
		iosys_map_set_vaddr_iomem(to, (void __iomem *)kva);
	else
		iosys_map_set_vaddr(to, kva);
	return 0;
}

static void unmap_for_cpu(struct dma_buf *dmabuf, struct iosys_map *from)
{
	struct buffer *buffer = dmabuf->priv;

	lock_old(dmabuf);
	buffer->stat.mapped--;
	unlock_old(dmabuf);
	vunmap(from->is_iomem ? (void __force *)from->vaddr_iomem : from->vaddr);
}

/* The page stays locked until it is mapped: a move waits for that, or it would miss the mapping. */
static vm_fault_t fault(struct vm_fault *vmf)
{
	struct dma_buf *dmabuf = vmf->vma->vm_private_data;
	struct buffer *buffer = dmabuf->priv;
	vm_fault_t result = VM_FAULT_SIGBUS;

	dma_resv_lock(dmabuf->resv, NULL);
	if (vmf->pgoff < buffer->now->num) {
		vmf->page = buffer->now->pages[vmf->pgoff];
		get_page(vmf->page);
		lock_page(vmf->page);
		result = VM_FAULT_LOCKED;
	}
	dma_resv_unlock(dmabuf->resv);
	return result;
}

static const struct vm_operations_struct vm_ops = { .fault = fault };

static int map_for_program(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_ops = &vm_ops;
	vma->vm_private_data = dmabuf;
	return 0;
}

static void release(struct dma_buf *dmabuf)
{
	struct buffer *buffer = dmabuf->priv;
	struct store *store, *next;

	list_for_each_entry_safe(store, next, &buffer->before, node)
		free_store(store);
	free_store(buffer->now);
	kfree(buffer);
	atomic_dec(&num_buffers);
}

#define COMMON_OPS			\
	.attach = attach,		\
	.detach = detach,		\
	.map_dma_buf = map,		\
	.unmap_dma_buf = unmap,		\
	.begin_cpu_access = begin,	\
	.end_cpu_access = end,		\
	.mmap = map_for_program,	\
	.release = release

/* By the two flags that operations tell: EXPORTER_STATIC and EXPORTER_NO_VMAP. */
static const struct dma_buf_ops ops[] = {
	{ COMMON_OPS, .vmap = map_for_cpu, .vunmap = unmap_for_cpu, .pin = pin, .unpin = unpin },
	{ COMMON_OPS, .vmap = map_for_cpu, .vunmap = unmap_for_cpu },
	{ COMMON_OPS, .pin = pin, .unpin = unpin },
	{ COMMON_OPS },
};

static struct buffer *new_buffer(const struct exporter_make *make)
{
	struct buffer *buffer;

	if (!make->size || make->size % PAGE_SIZE || make->size > MAX_BYTES)
		return ERR_PTR(-EINVAL);
	buffer = kzalloc(sizeof(*buffer), GFP_KERNEL);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&buffer->before);
	buffer->flags = make->flags;
	buffer->now = new_store(make->size >> PAGE_SHIFT);
	if (!buffer->now) {
		kfree(buffer);
		return ERR_PTR(-ENOMEM);
	}
	return buffer;
}

static int make_buffer(struct exporter_make *make)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct buffer *buffer = new_buffer(make);
	struct dma_buf *dmabuf;

	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	info.ops = &ops[make->flags & (EXPORTER_STATIC | EXPORTER_NO_VMAP)];
	info.size = make->size;
	info.flags = O_RDWR | O_CLOEXEC;
	info.priv = buffer;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		free_store(buffer->now);
		kfree(buffer);
		return PTR_ERR(dmabuf);
	}
	atomic_inc(&num_buffers);
	make->fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (make->fd < 0)
		dma_buf_put(dmabuf);
	return min(make->fd, 0);
}

static void tell_importers(struct dma_buf *dmabuf)
{
#ifdef RXC_HAVE_DMABUF_INVALIDATE
	dma_buf_invalidate_mappings(dmabuf);
#else
	dma_buf_move_notify(dmabuf);
#endif
}

static void move_to(struct dma_buf *dmabuf, struct store *store)
{
	struct buffer *buffer = dmabuf->priv;
	struct store *old = buffer->now;
	u32 i;

	tell_importers(dmabuf);
	for (i = 0; i < old->num; i++)
		lock_page(old->pages[i]);
	unmap_mapping_range(dmabuf->file->f_mapping, 0, 0, 1);
	for (i = 0; i < old->num; i++)
		unlock_page(old->pages[i]);
	for (i = 0; i < old->num; i++)
		copy_page(page_address(store->pages[i]), page_address(old->pages[i]));
	leave(buffer, old);
	buffer->now = store;
	buffer->stat.moves++;
}

static int move_buffer(struct dma_buf *dmabuf, const struct exporter_move *what)
{
	struct buffer *buffer = dmabuf->priv;
	struct store *store = new_store(dmabuf->size >> PAGE_SHIFT);
	int err = 0;

	if (!store)
		return -ENOMEM;
	dma_resv_lock(dmabuf->resv, NULL);
	if (buffer->pins || (buffer->flags & EXPORTER_STATIC && buffer->stat.attached)) {
		free_store(store);
		err = -EBUSY;
	} else {
		move_to(dmabuf, store);
		atomic_inc(&num_moves);
		msleep(what->ms);
	}
	dma_resv_unlock(dmabuf->resv);
	return err;
}

static int revoke_buffer(struct dma_buf *dmabuf, const struct exporter_revoke *what)
{
	struct buffer *buffer = dmabuf->priv;

	if (buffer->flags & EXPORTER_STATIC)
		return -EBUSY;
	dma_resv_lock(dmabuf->resv, NULL);
	buffer->revoked = what->on;
	if (what->on)
		tell_importers(dmabuf);
	dma_resv_unlock(dmabuf->resv);
	return 0;
}

static int tell_of(struct dma_buf *dmabuf, struct exporter_stat *stat)
{
	struct buffer *buffer = dmabuf->priv;
	int fd = stat->fd;

	dma_resv_lock(dmabuf->resv, NULL);
	*stat = buffer->stat;
	stat->stale = stale_bytes(buffer);
	dma_resv_unlock(dmabuf->resv);
	stat->fd = fd;
	return 0;
}

union command {
	struct exporter_make make;
	struct exporter_move move;
	struct exporter_revoke revoke;
	struct exporter_stat stat;
};

static bool is_ours(const struct dma_buf *dmabuf)
{
	return dmabuf->ops >= ops && dmabuf->ops < ops + ARRAY_SIZE(ops);
}

static long run_on(struct dma_buf *dmabuf, unsigned int cmd, union command *c)
{
	if (!is_ours(dmabuf))
		return -EINVAL;
	switch (cmd) {
	case EXPORTER_MOVE:
		return move_buffer(dmabuf, &c->move);
	case EXPORTER_REVOKE:
		return revoke_buffer(dmabuf, &c->revoke);
	case EXPORTER_STAT:
		return tell_of(dmabuf, &c->stat);
	default:
		return -ENOTTY;
	}
}

static long run(unsigned int cmd, union command *c)
{
	struct dma_buf *dmabuf;
	long err;

	if (cmd == EXPORTER_MAKE)
		return make_buffer(&c->make);
	/* All begin with the descriptor. */
	dmabuf = dma_buf_get(c->move.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	err = run_on(dmabuf, cmd, c);
	dma_buf_put(dmabuf);
	return err;
}

static long command(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *p = (void __user *)arg;
	union command c = {};
	long err;

	if (_IOC_SIZE(cmd) > sizeof(c))
		return -ENOTTY;
	if (copy_from_user(&c, p, _IOC_SIZE(cmd)))
		return -EFAULT;
	err = run(cmd, &c);
	if (!err && _IOC_DIR(cmd) & _IOC_READ && copy_to_user(p, &c, _IOC_SIZE(cmd)))
		return -EFAULT;
	return err;
}

static const struct file_operations file_ops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = command,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = KBUILD_MODNAME,
	.fops = &file_ops,
};
module_misc_device(device);

MODULE_DESCRIPTION("Exporter of dma-bufs that move, for tests");
MODULE_LICENSE("GPL");
