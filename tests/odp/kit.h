/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the cases about on-demand paging share: options, the kernel's view of pages, counters.
 *
 * Words: "ODP" is on-demand paging: a region whose pages are found when they are used, and are free
 * to change in between. "--pinned" registers the same memory without it, to try the cases
 * themselves on a driver that lacks ODP; a case whose point is that pages change then skips.
 */
#ifndef TESTS_ODP_KIT_H
#define TESTS_ODP_KIT_H

#include "endpoint.h"

/* struct odp_opts - the options that rxe_odp has beyond the harness. */
struct odp_opts {
	bool pinned;		/* --pinned: register without IBV_ACCESS_ON_DEMAND */
	bool full;		/* --full: longer storms, bigger regions */
	const char *files;	/* --files DIR: where to make ordinary files */
	const char *dax;	/* --dax DIR: the same on a file system mounted with dax */
};

extern struct odp_opts odp_opts;

/* odp_access - @access plus the flag for on-demand paging, unless --pinned. */
int odp_access(int access);

/* odp_needed - skip the case under --pinned. */
void odp_needed(void);

/* odp_caps - what ibv_query_device_ex() says of the device of a side. */
struct ibv_odp_caps odp_caps(int side);
/* device_flags - its device_cap_flags_ex. */
uint64_t device_flags(int side);

/* odp_claims - does the device of a side claim all of @bits for RC or UD? --pinned: always. */
bool odp_claims(int side, enum ibv_qp_type type, uint32_t bits);

/*
 * odp_reg - register [@p, @p + @len) of @dev on demand, or the whole address space under
 * --implicit; fails the case when refused.
 */
struct ibv_mr *odp_reg(struct ep_dev *dev, void *p, size_t len, int access);

/* odp_page - bytes of a page; odp_pages - @n of them. */
size_t odp_page(void);
size_t odp_pages(size_t n);

/* zero_want - fail unless all @len bytes at @p are zero. */
void zero_want(const void *p, size_t len, const char *who);

/* The kernel's view of the page at @p, from /proc/self/pagemap. */
bool page_present(const void *p);
bool page_swapped(const void *p);
/* page_frame - the frame number, 0 when there is none or it is hidden. */
uint64_t page_frame(const void *p);
/* page_count - how many of the pages of [@p, @p + @len) @is() true of. */
size_t page_count(const void *p, size_t len, bool (*is)(const void *p));

/*
 * pages_stay - keep the kernel from balancing this process' memory between nodes, for which it
 * takes page table entries away that nobody asked it to.
 */
void pages_stay(void);

/*
 * file_number - the number behind @key (a word at the start of a line) in the file @path; with @key
 * NULL the file's first number. -1 when there is none.
 */
long file_number(const char *path, const char *key);
/* file_write - write @text to @path; false with errno when that fails. */
bool file_write(const char *path, const char *text);
/* file_need - the same, but skip the case with the path's name when it fails. */
void file_need(const char *path, const char *text);

/* swap_needed - skip unless there is free swap space of @bytes. */
void swap_needed(size_t bytes);

/* struct mr_stats - the statistics of one MR, as `rdma statistic show mr` prints them. */
struct mr_stats {
	uint64_t faults, invalidations, prefetches, retries;
};

/* mr_stats - read them; fails the case when the tool does not print them. */
struct mr_stats mr_stats(struct ep_dev *dev, const struct ibv_mr *mr);

/* link_stat - the counter @name of a side's port, as `rdma statistic show link` prints it. */
uint64_t link_stat(int side, const char *name);

/* objects - how many of @what ("qp", "cq", "mr", "pd") the RDMA core knows on a side's device. */
int objects(int side, const char *what);

/* settle - one cheap system call, which on user-mode Linux makes page-table changes visible. */
void settle(void);

#endif
