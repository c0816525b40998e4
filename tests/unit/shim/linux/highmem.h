/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_HIGHMEM_H
#define SHIM_LINUX_HIGHMEM_H

#include <linux/mm.h>

/* A page is its bytes; a suite allocates it. One does not run on into the next. */
struct page {
	u8 bytes[PAGE_SIZE];
	u8 gap[PAGE_SIZE];
};

/* All that a frame number is good for here is to find the page again. */
#define page_to_pfn(page)	((unsigned long)(uintptr_t)(page))

/* Mappings in use; the suite compares. */
extern int shim_kmaps;

static inline void *kmap_local_page(struct page *page)
{
	shim_kmaps++;
	return page->bytes;
}

#define kunmap_local(addr)	((void)(addr), (void)shim_kmaps--)

#endif
