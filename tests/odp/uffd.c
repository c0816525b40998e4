// SPDX-License-Identifier: GPL-2.0
/* A userfaultfd and its thread; see uffd.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "uffd.h"

static void copy_page(struct uffd *u, size_t off)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)u->base + off, .src = (uintptr_t)u->image + off,
		.len = odp_page(),
	};

	/* EAGAIN: the mapping was changing. EEXIST: the page came another way. */
	while (ioctl(u->fd, UFFDIO_COPY, &copy) && errno == EAGAIN)
		copy.copy = 0;
	if (!copy.copy || copy.copy == (__s64)odp_page())
		__atomic_fetch_add(&u->pages, 1, __ATOMIC_RELAXED);
}

static void lift_protection(struct uffd *u, size_t off)
{
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)u->base + off, odp_page() },
	};

	__atomic_fetch_add(&u->protects, 1, __ATOMIC_RELAXED);
	while (ioctl(u->fd, UFFDIO_WRITEPROTECT, &wp) && errno == EAGAIN)
		;
}

/* All messages that are there are answered after one delay: faults that wait together. */
static void *serve(void *arg)
{
	struct uffd *u = arg;
	struct pollfd pfd = { .fd = u->fd, .events = POLLIN };
	struct uffd_msg msg;

	for (;;) {
		if (poll(&pfd, 1, -1) < 0)
			continue;
		pthread_testcancel();
		if (u->delay)
			usleep(u->delay * 1e6);
		while (read(u->fd, &msg, sizeof(msg)) == sizeof(msg)) {
			size_t off = msg.arg.pagefault.address - (uintptr_t)u->base;

			off -= off % odp_page();
			if (msg.event != UFFD_EVENT_PAGEFAULT || off >= u->len)
				continue;
			__atomic_fetch_add(&u->messages, 1, __ATOMIC_RELAXED);
			if (msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP)
				lift_protection(u, off);
			else
				copy_page(u, off);
		}
	}
	return NULL;
}

static void start(struct uffd *u, struct mem *m, double delay, uint64_t mode, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = {
		.range = { (uintptr_t)m->b.map, m->b.map_len }, .mode = mode,
	};

	u->base = m->b.map;
	u->len = m->b.map_len;
	u->delay = delay;
	u->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (u->fd < 0)
		t_skip("no userfaultfd: %s", strerror(errno));
	if (ioctl(u->fd, UFFDIO_API, &api))
		t_skip("userfaultfd lacks features %#lx: %s", features, strerror(errno));
	if (ioctl(u->fd, UFFDIO_REGISTER, &reg))
		t_skip("userfaultfd of %s memory in mode %#lx: %s", place_name(m->pl.kind), mode,
		       strerror(errno));
}

/* The image is written before the thread starts, in memory that is the thread's own. */
void uffd_open(struct uffd *u, struct mem *m, double delay)
{
	struct buf image = m->b;

	memset(u, 0, sizeof(*u));
	start(u, m, delay, UFFDIO_REGISTER_MODE_MISSING, 0);
	image.map = malloc(image.map_len);
	t_check(image.map, "out of memory");
	image.p = image.map + (m->b.p - m->b.map);
	buf_refill(&image);
	m->b.seed = image.seed;
	u->image = image.map;
	t_zero(pthread_create(&u->thread, NULL, serve, u));
}

void uffd_open_idle(struct uffd *u, struct mem *m)
{
	memset(u, 0, sizeof(*u));
	start(u, m, 0, UFFDIO_REGISTER_MODE_MISSING, 0);
}

void uffd_open_wp(struct uffd *u, struct mem *m, double delay)
{
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)m->b.map, m->b.map_len },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	memset(u, 0, sizeof(*u));
	start(u, m, delay, UFFDIO_REGISTER_MODE_WP, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	t_check(!ioctl(u->fd, UFFDIO_WRITEPROTECT, &wp), "UFFDIO_WRITEPROTECT: %s",
		strerror(errno));
	t_zero(pthread_create(&u->thread, NULL, serve, u));
}

void uffd_close(struct uffd *u)
{
	pthread_cancel(u->thread);
	pthread_join(u->thread, NULL);
	close(u->fd);
	free(u->image);
}
