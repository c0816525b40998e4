// SPDX-License-Identifier: GPL-2.0
/*
 * See dbuf.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_ioctl_cmds.h>

#include "dbuf.h"

/* A device that this kernel may lack. */
static int need_device(const char *path, const char *why)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		t_skip("no %s: %s", path, why);
	t_check(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

static int make_udmabuf(size_t size)
{
	int device = need_device("/dev/udmabuf", "the kernel has no CONFIG_UDMABUF");
	struct udmabuf_create make = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = size };
	int fd;

	make.memfd = memfd_create("dbuf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	t_check((int)make.memfd >= 0, "memfd_create: %s", strerror(errno));
	t_check(!ftruncate(make.memfd, size), "ftruncate: %s", strerror(errno));
	t_check(!fcntl(make.memfd, F_ADD_SEALS, F_SEAL_SHRINK), "F_SEAL_SHRINK: %s",
		strerror(errno));
	fd = ioctl(device, UDMABUF_CREATE, &make);
	t_check(fd >= 0, "UDMABUF_CREATE: %s", strerror(errno));
	close(make.memfd);
	close(device);
	return fd;
}

static int make_heap(size_t size)
{
	int device = need_device("/dev/dma_heap/system",
				 "the kernel has no CONFIG_DMABUF_HEAPS_SYSTEM");
	struct dma_heap_allocation_data make = { .len = size, .fd_flags = O_RDWR | O_CLOEXEC };

	t_check(!ioctl(device, DMA_HEAP_IOCTL_ALLOC, &make), "DMA_HEAP_IOCTL_ALLOC: %s",
		strerror(errno));
	close(device);
	return make.fd;
}

static int exporter(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = need_device(EXPORTER_DEVICE, "the test exporter is not loaded");
	return fd;
}

int dbuf_make(size_t size, unsigned int flags)
{
	struct exporter_make make = { .size = size, .flags = flags };

	t_check(!ioctl(exporter(), EXPORTER_MAKE, &make), "EXPORTER_MAKE of %zu bytes: %s", size,
		strerror(errno));
	return make.fd;
}

static int make(enum dbuf_kind kind, size_t size)
{
	switch (kind) {
	case UDMABUF:
		return make_udmabuf(size);
	case HEAP:
		return make_heap(size);
	default:
		return dbuf_make(size, kind == STATIC ? EXPORTER_STATIC : 0);
	}
}

void dbuf_plain(struct dbuf *d, enum dbuf_kind kind, size_t len, size_t skew)
{
	size_t page = sysconf(_SC_PAGESIZE);

	memset(d, 0, sizeof(*d));
	d->offset = page + skew % page;
	d->b.len = len;
	d->b.map_len = (d->offset + len + page + page - 1) / page * page;
	d->fd = make(kind, d->b.map_len);
	d->b.map = mmap(NULL, d->b.map_len, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd, 0);
	t_check(d->b.map != MAP_FAILED, "mmap of a dma-buf: %s", strerror(errno));
	d->b.p = d->b.map + d->offset;
	buf_refill(&d->b);
}

void dbuf_open(struct dbuf *d, enum dbuf_kind kind, struct ep_dev *dev, size_t len, size_t skew,
	       int access)
{
	struct dbuf_reg reg;

	dbuf_plain(d, kind, len, skew);
	reg = (struct dbuf_reg) { d->fd, d->offset, len, (uintptr_t)d->b.p, access };
	t_zero(dbuf_reg_try(dev->pd, &reg, &d->mr));
	d->b.mr = &d->mr;
}

void dbuf_close(struct dbuf *d)
{
	if (d->b.mr)
		t_zero(dbuf_dereg(d->b.mr));
	d->b.mr = NULL;
	buf_close(&d->b);
	if (d->fd >= 0)
		close(d->fd);
}

/* struct reg_command - the method's attributes, in the order of its enumeration. */
struct reg_command {
	struct ib_uverbs_ioctl_hdr hdr;
	struct ib_uverbs_attr attr[9];
};

static void put_attr(struct reg_command *c, uint16_t id, uint16_t len, uint64_t data)
{
	c->attr[c->hdr.num_attrs++] = (struct ib_uverbs_attr) {
		.attr_id = id, .len = len, .flags = UVERBS_ATTR_F_MANDATORY, .data = data,
	};
}

int dbuf_reg_try(struct ibv_pd *pd, const struct dbuf_reg *reg, struct ibv_mr *mr)
{
	struct reg_command c = {
		.hdr = {
			.length = sizeof(c), .object_id = UVERBS_OBJECT_MR,
			.method_id = UVERBS_METHOD_REG_DMABUF_MR, .driver_id = RDMA_DRIVER_RXE,
		},
	};

	*mr = (struct ibv_mr) { .context = pd->context, .pd = pd };
	put_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_HANDLE, 0, 0);
	put_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_PD_HANDLE, 0, pd->handle);
	put_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_OFFSET, 8, reg->offset);
	put_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_LENGTH, 8, reg->length);
	put_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_IOVA, 8, reg->iova);
	put_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_FD, 4, (uint32_t)reg->fd);
	put_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_ACCESS_FLAGS, 4, reg->access);
	put_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_RESP_LKEY, 4, (uintptr_t)&mr->lkey);
	put_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_RESP_RKEY, 4, (uintptr_t)&mr->rkey);
	t_wait("registration of %lu bytes of a dma-buf", (unsigned long)reg->length);
	if (ioctl(pd->context->cmd_fd, RDMA_VERBS_IOCTL, &c))
		return errno;
	mr->handle = c.attr[0].data;
	mr->addr = (void *)(uintptr_t)reg->iova;
	mr->length = reg->length;
	return 0;
}

int dbuf_dereg(struct ibv_mr *mr)
{
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_dereg_mr cmd;
	} c = {
		.hdr = { IB_USER_VERBS_CMD_DEREG_MR, sizeof(c) / 4, 0 },
		.cmd = { .mr_handle = mr->handle },
	};

	t_wait("deregistration of a dma-buf");
	return write(mr->context->cmd_fd, &c, sizeof(c)) == sizeof(c) ? 0 : errno;
}

int dbuf_move_try(int fd, unsigned int ms)
{
	struct exporter_move move = { fd, ms };

	return ioctl(exporter(), EXPORTER_MOVE, &move) ? errno : 0;
}

bool dbuf_pins(void)
{
	return t_linux_before(6, 2);
}

void dbuf_need_moves(void)
{
	if (dbuf_pins())
		t_skip("a kernel before 6.2: buffers are pinned while they are registered");
}

void dbuf_move(int fd, unsigned int ms)
{
	int err = dbuf_move_try(fd, ms);

	t_check(!err || (err == EBUSY && dbuf_pins()), "EXPORTER_MOVE: %s", strerror(err));
}

void dbuf_revoke(int fd, bool on)
{
	struct exporter_revoke revoke = { fd, on };

	t_check(!ioctl(exporter(), EXPORTER_REVOKE, &revoke), "EXPORTER_REVOKE: %s",
		strerror(errno));
}

struct exporter_stat dbuf_stat(int fd)
{
	struct exporter_stat stat = { .fd = fd };

	t_check(!ioctl(exporter(), EXPORTER_STAT, &stat), "EXPORTER_STAT: %s", strerror(errno));
	return stat;
}

void dbuf_clean(int fd)
{
	struct exporter_stat stat = dbuf_stat(fd);

	t_check(!stat.attached, "%u attachments are left", stat.attached);
	t_check(!stat.mapped, "a mapping is left");
	t_check(!stat.access, "%d CPU accesses have not ended", stat.access);
	t_check(!stat.stale, "%llu bytes were written to where the buffer had been", stat.stale);
}

static int exporter_number(const char *name)
{
	char path[80];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/sys/module/rxe_exporter/parameters/%s", name);
	f = fopen(path, "r");
	t_check(f && fscanf(f, "%d", &n) == 1, "the exporter does not tell how many %s", name);
	fclose(f);
	return n;
}

int dbuf_count(void)
{
	return exporter_number("buffers");
}

static void *move_slowly(void *arg)
{
	struct slow_move *m = arg;

	dbuf_move(m->fd, m->ms);
	__atomic_store_n(&m->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void slow_move_begin(struct slow_move *m)
{
	int before = exporter_number("moves");
	double end = t_now() + t_seconds(10);

	m->done = false;
	t_zero(pthread_create(&m->thread, NULL, move_slowly, m));
	while (exporter_number("moves") == before) {
		t_check(t_now() < end, "the move does not begin");
		usleep(1000);
	}
}

void slow_move_lasts(const struct slow_move *m, const char *what)
{
	t_check(!__atomic_load_n(&m->done, __ATOMIC_ACQUIRE), "the move has ended: %s", what);
}

void slow_move_end(struct slow_move *m)
{
	t_zero(pthread_join(m->thread, NULL));
}
