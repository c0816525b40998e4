/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_SCATTERLIST_H
#define SHIM_LINUX_SCATTERLIST_H

#include <linux/highmem.h>

/* Runs of pages, as an array. */
struct scatterlist {
	struct page *page;
	unsigned int offset;
	unsigned int length;
};

struct sg_table {
	struct scatterlist *sgl;
	unsigned int orig_nents;
};

struct sg_append_table {
	struct sg_table sgt;
};

struct sg_page_iter {
	unsigned int entry;
	unsigned int page;
	struct page *now;
};

static inline bool shim_sg_next(const struct sg_table *sgt, struct sg_page_iter *it)
{
	while (it->entry < sgt->orig_nents &&
	       it->page == sgt->sgl[it->entry].length / PAGE_SIZE) {
		it->entry++;
		it->page = 0;
	}
	if (it->entry == sgt->orig_nents)
		return false;
	it->now = sgt->sgl[it->entry].page + it->page++;
	return true;
}

#define sg_page(sg)		((sg)->page)
#define for_each_sgtable_sg(sgt, sg, i)					\
	for ((i) = 0, (sg) = (sgt)->sgl; (i) < (int)(sgt)->orig_nents; (i)++, (sg)++)

#define sg_page_iter_page(it)	((it)->now)
#define for_each_sgtable_page(sgt, it, first)				\
	for (*(it) = (struct sg_page_iter) { .page = (first) }; shim_sg_next(sgt, it);)

#endif
