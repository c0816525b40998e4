/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The room's only public header: key, address and length in, bytes moved out. Memory knows nothing
 * of QPs, packets or completions; its errors are its own and the transport's tables translate them.
 *
 * Words: an iova is an address as keys use it; a uva is the process' own. They are different
 * numbers and only a backend converts.
 */
#ifndef RXE_MEM_MEM_H
#define RXE_MEM_MEM_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <rdma/ib_verbs.h>
#include <rdma/odp_access.h>
#include <rdma/odp_umem.h>

#include "../base/idtab.h"

struct rxe_dev;
struct rxe_mr;
struct scatterlist;

enum rxe_mem_err {
	RXE_MEM_OK,
	RXE_MEM_KEY,		/* no such key, not this PD's, or it is not valid any more */
	RXE_MEM_ACCESS,		/* the region does not allow this access */
	RXE_MEM_RANGE,		/* not within the region */
	RXE_MEM_ALIGN,		/* atomic not on its natural boundary */
	RXE_MEM_LENGTH,		/* more bytes than the scatter list has room for */
	RXE_MEM_FAULT,		/* the memory behind the region is not accessible */
	RXE_MEM_MISS,		/* a page is being brought in: do it all again when woken */
	RXE_MEM_BUSY,		/* not now, and nobody to wake who waits: try later */
};

/**
 * struct rxe_mw_set - the type 2 windows that are bound to one QP, and so the name of that QP
 * @windows: by rxe_mr.bound
 *
 * Belongs to mw.c. Everybody else only points to it.
 */
struct rxe_mw_set {
	struct list_head windows;
};

/* A QP's set, empty. */
static inline void rxe_mw_set_init(struct rxe_mw_set *set)
{
	INIT_LIST_HEAD(&set->windows);
}

/**
 * struct rxe_mem_wait - who waits for pages that are not there
 * @odp: the core's part
 * @ahead: bytes from the address of an access on that the same message will touch; a hint, set
 *	before the access
 *
 * Belongs to one half of a QP. An access that misses a page begins to wait; the same packet, done
 * again after the wake from its first byte, learns how it went when it comes there, and if it is
 * done without coming there, rxe_mem_wait_over() is called.
 */
struct rxe_mem_wait {
	struct odp_waiter odp;
	u64 ahead;
};

/* @wake: as in struct odp_waiter. */
static inline void rxe_mem_wait_init(struct rxe_mem_wait *wait,
				     void (*wake)(struct odp_waiter *waiter))
{
	wait->odp.wake = wake;
}

/* Still to be woken? Then the access would miss again. */
static inline bool rxe_mem_waiting(const struct rxe_mem_wait *wait)
{
	return odp_waiting(&wait->odp);
}

/*
 * The packet that has waited is done with, all of it, whatever became of the wait. Not earlier: of
 * its pieces the first may be there and the second not.
 */
static inline void rxe_mem_wait_over(struct rxe_mem_wait *wait)
{
	if (unlikely(wait->odp.err))
		wait->odp.err = 0;
}

/* Wait no more; nobody is woken afterwards. Any context but hard interrupt. */
static inline void rxe_mem_wait_cancel(struct rxe_mem_wait *wait)
{
	odp_wait_cancel(&wait->odp);
}

/**
 * struct rxe_chunk - a contiguous piece of a region, in use
 * @kva: its first byte
 * @len: bytes
 * @lasts: it survives a loss of power; false until a backend says so
 * @odp: on-demand: what keeps it in place
 */
struct rxe_chunk {
	void *kva;
	u32 len;
	bool lasts;
	struct odp_access odp;
};

/**
 * struct rxe_mr_ops - how a kind of region finds its memory
 * @revocable: the key comes and goes while the region stays: see struct rxe_mr
 * @remote_only: there is no lkey
 * @kind: what people call it
 * @chunk: the longest contiguous piece at @iova, at most chunk->len bytes (not 0, range checked):
 *	sets @chunk; returns RXE_MEM_OK, RXE_MEM_FAULT or RXE_MEM_MISS, or RXE_MEM_KEY when it was
 *	revoked. The piece stays valid until @done.
 * @done: end of the use of a chunk. May be NULL.
 * @wait: @chunk has missed at @iova: wait there for @ahead bytes; returns RXE_MEM_MISS,
 *	RXE_MEM_BUSY, RXE_MEM_FAULT when that was waited for in vain, or RXE_MEM_KEY when it was
 *	revoked. NULL if @chunk never does.
 * @invalidate: revoke @key, as the QP @by may; returns RXE_MEM_OK or RXE_MEM_KEY. NULL if the kind
 *	of region cannot be invalidated.
 * @destroy: frees what the kind holds. Sleeps.
 */
struct rxe_mr_ops {
	bool revocable;
	bool remote_only;
	const char *kind;
	enum rxe_mem_err (*chunk)(struct rxe_mr *mr, u64 iova, bool write,
				  struct rxe_chunk *chunk);
	void (*done)(struct rxe_mr *mr, struct rxe_chunk *chunk);
	enum rxe_mem_err (*wait)(struct rxe_mr *mr, u64 iova, u64 ahead, bool write,
				 struct rxe_mem_wait *wait);
	enum rxe_mem_err (*invalidate)(struct rxe_mr *mr, const struct rxe_mw_set *by, u32 key);
	void (*destroy)(struct rxe_mr *mr);
};

/**
 * struct rxe_mr - a memory region, or a window on one
 * @ib: the core's part; not of a window
 * @handle: its entry in the table of keys; key = id << 8 | variant
 * @pd: whose it is
 * @ops: backend
 * @key: lkey, and rkey if remote access is allowed
 * @access: IB_ACCESS_* as effective
 * @iova: first address
 * @length: bytes
 * @umem: pinned: the pages' owner
 * @pages: pinned: every page of it in order
 * @page_off: pinned: offset of @iova in the first page
 * @odp: on-demand: the window on the process
 * @dmabuf: of a dma-buf: the buffer
 * @uva: a program's memory: address of @iova in the process; in a dma-buf, its offset there
 * @fleeting: was written to where it does not last, and may be flushed to persistence
 * @windows: windows that are bound to it; guarded by mw.c's lock, as are the next four
 * @closed: no more windows may be
 * @region: window: what it is bound to, or NULL
 * @set: window: the QP that it is bound to, of type 2
 * @bound: window: in @set
 * @base: window: address in @region of its first byte
 * @fast: kernel consumer's: its pages
 * @lock: revocable: guards @valid, and what a key stands for
 * @valid: revocable: @key may be used
 * @users: revocable: who holds it
 *
 * Of a region that is not revocable all but @fleeting, @windows and @closed is constant from
 * publish to retire. Of a revocable one, what the key stands for (@access, @iova, @length, and what
 * is the backend's) changes only while it is not @valid and has no @users, so that holders need no
 * lock to look at it. A key is revoked under @lock held for writing, and each chunk is accessed
 * under @lock held for reading: nothing is touched by a key any more when its revocation returns.
 *
 * Who lists regions may look at one whose memory is being handed on (reg.c): only at @access,
 * @iova, @length, @odp, @uva, whether there is a @dmabuf, and once at @ops for the kind.
 */
struct rxe_mr {
	struct ib_mr ib;
	struct rxe_handle *handle;
	struct ib_pd *pd;
	const struct rxe_mr_ops *ops;
	u32 key;
	int access;
	u64 iova;
	u64 length;
	struct ib_umem *umem;
	struct page **pages;
	u32 page_off;
	struct odp_umem *odp;
	struct rxe_dmabuf *dmabuf;
	unsigned long uva;
	bool fleeting;
	u32 windows;
	bool closed;
	struct rxe_mr *region;
	struct rxe_mw_set *set;
	struct list_head bound;
	u64 base;
	struct rxe_fast *fast;
	rwlock_t lock;
	bool valid;
	atomic_t users;
};

static inline struct rxe_mr *rxe_mr(struct ib_mr *ib)
{
	return container_of(ib, struct rxe_mr, ib);
}

/**
 * rxe_mr_reg_user() - register memory of the calling process
 * @pd: protection domain
 * @uva: first byte in the process
 * @length: bytes, not 0
 * @iova: address of the first byte for users of the key
 * @access: IB_ACCESS_*, checked by the core's policy
 *
 * With IB_ACCESS_ON_DEMAND nothing is pinned, accounted or looked at, and there need not be any
 * memory yet; U64_MAX bytes from 0 on is the whole address space, now and later.
 *
 * Context: process, may sleep.
 * Return: the region, published, or ERR_PTR: -EINVAL, -ENOMEM (also RLIMIT_MEMLOCK), -EFAULT.
 */
struct rxe_mr *rxe_mr_reg_user(struct ib_pd *pd, u64 uva, u64 length, u64 iova, int access);

/**
 * rxe_mr_reg_dmabuf() - register a part of a dma-buf
 * @pd: protection domain
 * @fd: of the calling process; may be closed afterwards
 * @offset: first byte in the buffer
 * @length: bytes, not 0
 * @iova: address of the first byte for users of the key
 * @access: IB_ACCESS_*, checked by the core's policy
 *
 * Context: process, sleeps, for as long as others have work under way on the buffer.
 * Return: the region, published, or ERR_PTR: -EINVAL (also a descriptor of something else, and more
 * than the buffer has), -EBADF, -ENOMEM, -EINTR; -EOPNOTSUPP for a buffer that the CPU cannot use
 * like memory; or what its exporter says.
 */
struct rxe_mr *rxe_mr_reg_dmabuf(struct ib_pd *pd, int fd, u64 offset, u64 length, u64 iova,
				 int access);

/**
 * struct rxe_rereg - what a region is to become
 * @flags: IB_MR_REREG_*: which of the others count
 * @uva: TRANS: first byte in the process
 * @length: TRANS: bytes
 * @iova: TRANS: address of the first byte for users of the key
 * @access: ACCESS: IB_ACCESS_*, checked by the core's policy
 * @pd: PD: protection domain
 */
struct rxe_rereg {
	int flags;
	u64 uva;
	u64 length;
	u64 iova;
	int access;
	struct ib_pd *pd;
};

/**
 * rxe_mr_rereg() - change a program's region, and keep its key
 * @old: published; on success without key and memory, left for rxe_mr_destroy()
 * @what: the change
 *
 * Whoever uses the key sees the region as it was or as it is, never neither; but no window can be
 * bound to it meanwhile.
 *
 * Context: process, sleeps until the last user of @old is gone.
 * Return: the region that has the key now; or ERR_PTR, and @old is as it was: as rxe_mr_reg_user()
 * does, -EOPNOTSUPP when the memory would have to be found anew and is not said to be the caller's,
 * or -EBUSY when a window is bound to it.
 */
struct rxe_mr *rxe_mr_rereg(struct rxe_mr *old, const struct rxe_rereg *what);

/**
 * rxe_mr_get_dma() - the region of all kernel memory, for kernel users of the PD
 * @pd: protection domain of a kernel user
 * @access: IB_ACCESS_*
 *
 * Context: process, may sleep.
 * Return: the region, published, or ERR_PTR(-ENOMEM).
 */
struct rxe_mr *rxe_mr_get_dma(struct ib_pd *pd, int access);

/**
 * rxe_mr_close() - no window can be bound to the region any more
 * @mr: published
 *
 * To be called before a program's region is destroyed. It may be called again.
 *
 * Context: any but hard interrupt.
 * Return: 0, or -EBUSY when there is a window, and nothing has changed.
 */
int rxe_mr_close(struct rxe_mr *mr);

/**
 * rxe_mr_destroy() - retire the key, wait for its users, free
 * @mr: gone afterwards
 *
 * Users are packets and work requests in execution, which end by themselves.
 *
 * Context: process, sleeps.
 */
void rxe_mr_destroy(struct rxe_mr *mr);

/**
 * rxe_mw_alloc() - a memory window, bound to nothing
 * @pd: protection domain
 * @type: IB_MW_TYPE_1 or IB_MW_TYPE_2
 *
 * A window is found by its key like a region, and given back by rxe_mr_destroy(), bound or not.
 *
 * Context: process, may sleep.
 * Return: the window, published, or ERR_PTR: -ENOMEM, -EBUSY.
 */
struct rxe_mr *rxe_mw_alloc(struct ib_pd *pd, enum ib_mw_type type);

/**
 * struct rxe_mw_bind - what a window is to become
 * @mw_rkey: the window's key so far
 * @rkey: its key from now on; only the variant differs
 * @lkey: of the region
 * @access: IB_ACCESS_REMOTE_*, and IB_ZERO_BASED for addresses from 0 on
 * @addr: address in the region of the window's first byte
 * @length: bytes
 */
struct rxe_mw_bind {
	u32 mw_rkey;
	u32 rkey;
	u32 lkey;
	int access;
	u64 addr;
	u64 length;
};

/**
 * rxe_mw_bind() - bind a window, or, type 1 with length 0, unbind it (IBA 10.6.7)
 * @pd: the QP's protection domain, which window and region must be of
 * @by: the QP; windows of type 2 belong to it (2B)
 * @what: the binding
 *
 * On any error the window is as it was, but for RXE_MEM_BUSY: a window of type 1 then has lost its
 * binding already, and the call is to be made again.
 *
 * Context: any but hard interrupt.
 * Return: RXE_MEM_OK; RXE_MEM_BUSY while somebody holds it by its former key; RXE_MEM_KEY for one
 * of the three keys; RXE_MEM_ACCESS or RXE_MEM_RANGE for what the region does not allow.
 */
enum rxe_mem_err rxe_mw_bind(struct ib_pd *pd, struct rxe_mw_set *by,
			     const struct rxe_mw_bind *what);

/**
 * rxe_mw_unbind_all() - invalidate the windows of a QP that is reset or destroyed
 * @set: the QP's
 *
 * Context: any but hard interrupt.
 */
void rxe_mw_unbind_all(struct rxe_mw_set *set);

/**
 * rxe_mr_access() - the flags that a region gets, by the core's policy
 * @origin: who asks
 * @before: IB_ACCESS_* in force so far, of a fast registration
 * @requested: IB_ACCESS_* that are asked for
 * @supported: IB_ACCESS_* that this kind of region implements
 *
 * Context: any.
 * Return: as odp_access_effective().
 */
int rxe_mr_access(enum odp_access_origin origin, u32 before, u32 requested, u32 supported);

/**
 * rxe_mr_alloc_fast() - a region for a kernel consumer's fast registration, without a valid key
 * @pd: protection domain
 * @max_pages: pages that it must have room for
 * @access: IB_ACCESS_* that its registrations begin with
 *
 * Context: process, may sleep.
 * Return: the region, published, or ERR_PTR: -ENOMEM, -EBUSY.
 */
struct rxe_mr *rxe_mr_alloc_fast(struct ib_pd *pd, u32 max_pages, int access);

/**
 * rxe_mr_map_fast() - the pages that the region is to have from the next registration on
 * @mr: from rxe_mr_alloc_fast(); @mr->ib.page_size is set, iova and length are set here
 * @sg: the memory, mapped for DMA
 * @nents: its entries
 * @offset: in the first entry, advanced; or NULL
 *
 * The key, if it is valid, stands for the old ones.
 *
 * Context: any; the consumer calls it for a region once at a time, and not while it is registered.
 * Return: entries that went in, or -EINVAL.
 */
int rxe_mr_map_fast(struct rxe_mr *mr, struct scatterlist *sg, int nents, unsigned int *offset);

/**
 * struct rxe_fast_reg - what a region is registered as
 * @key: its key; only the variant is the consumer's
 * @access: IB_ACCESS_*, checked by the core's policy
 * @iova: address of the first byte
 * @length: bytes
 */
struct rxe_fast_reg {
	u32 key;
	int access;
	u64 iova;
	u64 length;
};

/**
 * rxe_mr_fast_reg() - make the key valid, for the pages that were mapped
 * @pd: the QP's protection domain
 * @what: the registration
 *
 * Context: any but hard interrupt.
 * Return: RXE_MEM_OK; RXE_MEM_BUSY while somebody holds it by its former key; RXE_MEM_KEY for a key
 * of no such region or of one that is valid; RXE_MEM_RANGE for more than was mapped.
 */
enum rxe_mem_err rxe_mr_fast_reg(struct ib_pd *pd, const struct rxe_fast_reg *what);

/**
 * rxe_mem_invalidate() - revoke a key, of a type 2 window or for fast registration
 * @pd: the QP's protection domain
 * @by: the QP
 * @key: to be revoked
 *
 * When this returns, no access by the key happens any more, on no CPU.
 *
 * Context: any but hard interrupt.
 * Return: RXE_MEM_OK; RXE_MEM_KEY for no key that this QP can use; RXE_MEM_ACCESS for one that
 * cannot be invalidated: a window of type 1, a program's region.
 */
enum rxe_mem_err rxe_mem_invalidate(struct ib_pd *pd, const struct rxe_mw_set *by, u32 key);

/**
 * rxe_mem_get() - the one key check: look up, then PD, QP, access and range
 * @pd: the QP's protection domain
 * @by: of a remote access: the QP's windows; NULL for a local access
 * @key: lkey or rkey
 * @iova: first byte
 * @len: bytes; 0 checks the key alone
 * @access: IB_ACCESS_* that must all be granted; 0 for reading by an lkey
 * @mr: the region, held; give it back with rxe_mem_put()
 *
 * Context: any but hard interrupt.
 * Return: RXE_MEM_OK, RXE_MEM_KEY, RXE_MEM_ACCESS or RXE_MEM_RANGE.
 */
enum rxe_mem_err rxe_mem_get(struct ib_pd *pd, const struct rxe_mw_set *by, u32 key, u64 iova,
			     u64 len, int access, struct rxe_mr **mr);
void rxe_mem_put(struct rxe_mr *mr);

/**
 * rxe_mem_read() - region to buffer
 * @mr: held
 * @iova: first byte; the range was checked by rxe_mem_get()
 * @buf: where to
 * @len: bytes
 * @wait: idle; begins to wait on RXE_MEM_MISS
 *
 * Context: bottom halves off.
 * Return: RXE_MEM_OK, RXE_MEM_KEY, RXE_MEM_RANGE, RXE_MEM_FAULT, RXE_MEM_MISS or RXE_MEM_BUSY.
 */
enum rxe_mem_err rxe_mem_read(struct rxe_mr *mr, u64 iova, void *buf, u32 len,
			      struct rxe_mem_wait *wait);

/**
 * rxe_mem_write() - buffer to region, in increasing order, the last byte last
 * @mr: held
 * @iova: first byte
 * @buf: where from
 * @len: bytes
 * @wait: idle; begins to wait on RXE_MEM_MISS
 *
 * A program may poll the last byte to learn that all of them are there. After RXE_MEM_MISS some of
 * them may be; the last one is not, unless all are.
 *
 * Context: bottom halves off.
 * Return: RXE_MEM_OK, RXE_MEM_KEY, RXE_MEM_RANGE, RXE_MEM_FAULT, RXE_MEM_MISS or RXE_MEM_BUSY.
 */
enum rxe_mem_err rxe_mem_write(struct rxe_mr *mr, u64 iova, const void *buf, u32 len,
			       struct rxe_mem_wait *wait);

enum rxe_atomic_kind {
	RXE_ATOMIC_ADD,		/* fetch and add */
	RXE_ATOMIC_SWAP,	/* compare and swap */
	RXE_ATOMIC_STORE,	/* store: nobody sees a part of the value (IBA A19.4.3) */
};

/**
 * struct rxe_atomic - a 64-bit atomic (IBA 9.4.5)
 * @kind: what to do
 * @compare: value to compare with
 * @swap_add: value to store, or to add
 */
struct rxe_atomic {
	enum rxe_atomic_kind kind;
	u64 compare;
	u64 swap_add;
};

/**
 * rxe_mem_atomic() - do an atomic by the CPU's own instruction
 * @mr: held
 * @iova: the word
 * @op: what to do
 * @orig: the value before
 * @wait: idle; begins to wait on RXE_MEM_MISS
 *
 * The word is found and changed under one hold of the region's lock.
 *
 * Context: bottom halves off.
 * Return: RXE_MEM_OK, RXE_MEM_ALIGN (iova or memory not 8-byte aligned), RXE_MEM_KEY (revoked
 * since it is held), RXE_MEM_RANGE, RXE_MEM_FAULT, RXE_MEM_MISS or RXE_MEM_BUSY.
 */
enum rxe_mem_err rxe_mem_atomic(struct rxe_mr *mr, u64 iova, const struct rxe_atomic *op,
				u64 *orig, struct rxe_mem_wait *wait);

/**
 * rxe_mem_flush() - make what others wrote to the region visible, or last (IBA A19.4.2)
 * @mr: held, with the right for it
 * @persistent: survive a loss of power, else be visible to every CPU and device
 *
 * For all of the region, whatever the range that was asked for: writes to a region that may be
 * flushed to persistence leave the CPU's caches as they are done, so what is left is a barrier.
 *
 * Context: any.
 * Return: RXE_MEM_OK, or RXE_MEM_FAULT when some of it was written to memory that does not last.
 */
enum rxe_mem_err rxe_mem_flush(struct rxe_mr *mr, bool persistent);

/**
 * rxe_mem_advise() - what a program says that it will do with its on-demand memory
 * @pd: protection domain that the keys must be of
 * @what: IB_UVERBS_ADVISE_MR_ADVICE_*
 * @flags: IB_UVERBS_ADVISE_MR_FLAG_*
 * @sges: pieces of regions
 * @num: of them, not 0
 *
 * Context: process, sleeps.
 * Return: 0; -ENOENT for a key that is none of this PD; -EPERM when pages for writing are asked for
 * where the region does not allow it; -EFAULT for a range outside of the region, or, unless it is
 * done later, without memory; -EINVAL for a region that is not on demand; -EOPNOTSUPP; -ENOMEM.
 */
int rxe_mem_advise(struct ib_pd *pd, enum ib_uverbs_advise_mr_advice what, u32 flags,
		   const struct ib_sge *sges, u32 num);

/**
 * struct rxe_sgl - a cursor over a scatter/gather list
 * @pd: protection domain that the keys must be of
 * @sge: the list, a private copy
 * @num: its length
 * @access: IB_ACCESS_* needed: 0 to gather, IB_ACCESS_LOCAL_WRITE to scatter
 * @cur: current entry
 * @off: bytes of it that are done
 * @mr: region of the current entry, held, or NULL
 *
 * The keys are checked as the cursor meets them: to gather, each entry over its whole length; to
 * scatter, over what is moved. Belongs to the owner of the work request; no lock.
 */
struct rxe_sgl {
	struct ib_pd *pd;
	const struct ib_sge *sge;
	u32 num;
	int access;
	u32 cur;
	u32 off;
	struct rxe_mr *mr;
};

/* Begin at the first byte of the list. */
void rxe_sgl_init(struct rxe_sgl *sgl, struct ib_pd *pd, const struct ib_sge *sge, u32 num,
		  int access);

/* Let go of the region that the cursor holds. */
void rxe_sgl_release(struct rxe_sgl *sgl);

/**
 * rxe_sgl_seek() - go to byte @pos of the list, from wherever the cursor is
 * @sgl: the cursor
 * @pos: bytes from the first; at most the list's length
 */
void rxe_sgl_seek(struct rxe_sgl *sgl, u64 pos);

/**
 * rxe_sgl_gather() - move the next bytes out of the list
 * @sgl: the cursor; advanced by what was moved
 * @buf: where to
 * @len: bytes
 * @wait: idle; begins to wait on RXE_MEM_MISS
 *
 * Context: bottom halves off.
 * Return: RXE_MEM_OK; RXE_MEM_LENGTH when the list ends before; or what rxe_mem_get() or
 * rxe_mem_read() says.
 */
enum rxe_mem_err rxe_sgl_gather(struct rxe_sgl *sgl, void *buf, u32 len,
				struct rxe_mem_wait *wait);

/**
 * rxe_sgl_scatter() - move the next bytes into the list
 * @sgl: the cursor; advanced by what was moved
 * @buf: where from
 * @len: bytes
 * @wait: idle; begins to wait on RXE_MEM_MISS
 *
 * Context: bottom halves off.
 * Return: RXE_MEM_OK; RXE_MEM_LENGTH when the list ends before; or what rxe_mem_get() or
 * rxe_mem_write() says.
 */
enum rxe_mem_err rxe_sgl_scatter(struct rxe_sgl *sgl, const void *buf, u32 len,
				 struct rxe_mem_wait *wait);

/* Bytes of the whole list; 64 bits, as 32 entries of 4 GiB need them. */
u64 rxe_sgl_length(const struct ib_sge *sge, u32 num);

#endif
