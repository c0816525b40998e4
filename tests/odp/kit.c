// SPDX-License-Identifier: GPL-2.0
/*
 * Readings: /proc/self/pagemap, numbers in files of proc and sysfs, and the tables of rdma(8). The
 * tool is used, not netlink by hand, so that what a user sees is what is tested.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>

#include "kit.h"

struct odp_opts odp_opts;

int odp_access(int access)
{
	return odp_opts.pinned ? access : access | IBV_ACCESS_ON_DEMAND;
}

void odp_needed(void)
{
	if (odp_opts.pinned)
		t_skip("--pinned: the case is about memory that changes");
}

static struct ibv_device_attr_ex query(int side)
{
	struct ibv_device_attr_ex attr;

	t_zero(ibv_query_device_ex(ep_dev(side)->ctx, NULL, &attr));
	return attr;
}

struct ibv_odp_caps odp_caps(int side)
{
	return query(side).odp_caps;
}

uint64_t device_flags(int side)
{
	return query(side).device_cap_flags_ex;
}

bool odp_claims(int side, enum ibv_qp_type type, uint32_t bits)
{
	struct ibv_odp_caps caps = odp_caps(side);
	uint32_t has = type == IBV_QPT_UD ? caps.per_transport_caps.ud_odp_caps :
					    caps.per_transport_caps.rc_odp_caps;

	return odp_opts.pinned || ((caps.general_caps & IBV_ODP_SUPPORT) && (has & bits) == bits);
}

struct ibv_mr *odp_reg(struct ep_dev *dev, void *p, size_t len, int access)
{
	struct ibv_mr *mr;

	if (t_opts.implicit) {
		p = NULL;
		len = SIZE_MAX;
	}
	t_wait("ibv_reg_mr of %zu bytes", len);
	mr = ibv_reg_mr(dev->pd, p, len, odp_access(access));
	t_check(mr, "ibv_reg_mr(%p, %zu, access %#x): %s", p, len, odp_access(access),
		strerror(errno));
	return mr;
}

size_t odp_page(void)
{
	return sysconf(_SC_PAGESIZE);
}

size_t odp_pages(size_t n)
{
	return n * odp_page();
}

void zero_want(const void *p, size_t len, const char *who)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < len; i++)
		t_check(!b[i], "%s: byte %zu of %zu is %#x, expected 0", who, i, len, b[i]);
}

void settle(void)
{
	getppid();
}

/* The entry of a page in pagemap: bit 63 present, 62 swapped, 0-54 the frame. */
static uint64_t page_entry(const void *p)
{
	static int fd = -1;
	uint64_t e;

	if (fd < 0)
		fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		t_skip("/proc/self/pagemap: %s", strerror(errno));
	t_check(pread(fd, &e, 8, (uintptr_t)p / odp_page() * 8) == 8, "pagemap at %p: %s", p,
		strerror(errno));
	return e;
}

bool page_present(const void *p)
{
	return page_entry(p) >> 63;
}

bool page_swapped(const void *p)
{
	return page_entry(p) >> 62 & 1;
}

uint64_t page_frame(const void *p)
{
	uint64_t e = page_entry(p);

	return e >> 63 ? e & ((1ULL << 55) - 1) : 0;
}

size_t page_count(const void *p, size_t len, bool (*is)(const void *p))
{
	size_t page = odp_page(), n = 0;
	const uint8_t *at = (void *)((uintptr_t)p / page * page), *end = (uint8_t *)p + len;

	for (; at < end; at += page)
		n += is(at);
	return n;
}

void pages_stay(void)
{
	if (!access("/proc/sys/kernel/numa_balancing", F_OK))
		t_check(!syscall(SYS_set_mempolicy, MPOL_LOCAL, NULL, 0), "set_mempolicy: %s",
			strerror(errno));
}

long file_number(const char *path, const char *key)
{
	size_t room = key ? strlen(key) : 0;
	FILE *f = fopen(path, "re");
	char line[512];
	long n = -1;

	while (f && fgets(line, sizeof(line), f)) {
		if (key && strncmp(line, key, room))
			continue;
		if (key && !strchr(" :\t=", line[room]))
			continue;
		n = atol(line + room + strspn(line + room, " :\t="));
		break;
	}
	if (f)
		fclose(f);
	return n;
}

bool file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
	return n == (ssize_t)strlen(text);
}

void file_need(const char *path, const char *text)
{
	if (!file_write(path, text))
		t_skip("cannot write %s to %s: %s", text, path, strerror(errno));
}

void swap_needed(size_t bytes)
{
	long kib = file_number("/proc/meminfo", "SwapFree");

	if (kib < (long)(bytes >> 10))
		t_skip("free swap space is %ld KiB, the case needs %zu", kib < 0 ? 0 : kib,
		       bytes >> 10);
}

static const char *dev_name(int side)
{
	return ibv_get_device_name(ep_dev(side)->ctx->device);
}

/* The number behind the word @key in @line. */
static bool number_behind(const char *line, const char *key, uint64_t *n)
{
	char word[64];
	const char *at;

	snprintf(word, sizeof(word), " %s ", key);
	at = strstr(line, word);
	if (!at)
		return false;
	*n = strtoull(at + strlen(word), NULL, 0);
	return true;
}

/* The line of `rdma resource show mr` that has the L_Key: its mrn. */
static uint64_t mr_number(struct ep_dev *dev, const struct ibv_mr *mr)
{
	char line[1024], cmd[128];
	uint64_t key, mrn, found = 0;
	FILE *f;

	snprintf(cmd, sizeof(cmd), "rdma -dd resource show mr dev %s 2>&1",
		 ibv_get_device_name(dev->ctx->device));
	f = popen(cmd, "re");
	t_check(f, "cannot run rdma");
	while (fgets(line, sizeof(line), f))
		if (number_behind(line, "lkey", &key) && key == mr->lkey &&
		    number_behind(line, "mrn", &mrn))
			found = mrn + 1;
	pclose(f);
	t_check(found, "`%s` does not show lkey %#x", cmd, mr->lkey);
	return found - 1;
}

/* The tool prints a line "dev NAME mrn N", then an indented line for each counter. */
struct mr_stats mr_stats(struct ep_dev *dev, const struct ibv_mr *mr)
{
	uint64_t mrn = mr_number(dev, mr);
	struct mr_stats s = { };
	char line[1024], head[128];
	bool inside = false;
	int found = 0;
	FILE *f;

	snprintf(head, sizeof(head), "dev %s mrn %lu ",
		 ibv_get_device_name(dev->ctx->device), mrn);
	f = popen("rdma statistic show mr 2>&1", "re");
	t_check(f, "cannot run rdma");
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = ' ';
		if (line[0] != ' ')
			inside = !strncmp(line, head, strlen(head));
		if (!inside)
			continue;
		found += number_behind(line, "page_faults", &s.faults) +
			 number_behind(line, "page_invalidations", &s.invalidations) +
			 number_behind(line, "page_prefetch", &s.prefetches) +
			 number_behind(line, "page_retries", &s.retries);
	}
	pclose(f);
	t_check(found == 4, "`rdma statistic show mr` has %d of the four page counters for \"%s\"",
		found, head);
	return s;
}

/* The counter may stand on the line of the link, or on one of its own below. */
uint64_t link_stat(int side, const char *name)
{
	char line[8192], cmd[128];
	bool found = false;
	uint64_t n = 0;
	FILE *f;

	snprintf(cmd, sizeof(cmd), "rdma statistic show link %s/%d 2>&1", dev_name(side),
		 t_opts.port);
	f = popen(cmd, "re");
	t_check(f, "cannot run rdma");
	while (!found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = ' ';
		found = number_behind(line, name, &n);
	}
	pclose(f);
	t_check(found, "`%s` has no %s", cmd, name);
	return n;
}

int objects(int side, const char *what)
{
	char line[1024], word[64];
	uint64_t n = 0;
	FILE *f;

	snprintf(word, sizeof(word), ": %s: ", dev_name(side));
	f = popen("rdma resource show 2>&1", "re");
	t_check(f, "cannot run rdma");
	while (fgets(line, sizeof(line), f))
		if (strstr(line, word) && number_behind(line, what, &n))
			break;
	pclose(f);
	return n;
}
