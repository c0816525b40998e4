// SPDX-License-Identifier: GPL-2.0
/*
 * Which memory survives a loss of power. That a device has it does not tell: there is memory of
 * devices that is as fleeting as any (HBM, a file of the host that a guest maps), and such whose
 * writes only the host can make last. The firmware's map of memory tells, or the administrator's
 * (memmap=), and it is what the persistent memory's own drivers go by.
 */
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <rdma/odp_umem.h>

static bool is_all(unsigned long pfn, unsigned long num, unsigned long desc)
{
	return region_intersects(PFN_PHYS(pfn), num << PAGE_SHIFT, IORESOURCE_MEM, desc) ==
	       REGION_INTERSECTS;
}

bool odp_frames_last(unsigned long pfn, unsigned long num)
{
	might_sleep();
	/* Elsewhere nobody can have a write leave the caches. */
	if (!IS_ENABLED(CONFIG_ARCH_HAS_PMEM_API))
		return false;
	return is_all(pfn, num, IORES_DESC_PERSISTENT_MEMORY) ||
	       is_all(pfn, num, IORES_DESC_PERSISTENT_MEMORY_LEGACY);
}
