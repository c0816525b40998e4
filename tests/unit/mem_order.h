/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Forced into the code under test: its write barriers call the suite, which looks at what a program
 * could see at that moment.
 */
#ifndef MEM_ORDER_H
#define MEM_ORDER_H

#include <asm/barrier.h>

void mem_order_barrier(void);

#undef smp_wmb
/* What pairs with it is a program that polls. */
#define smp_wmb()	mem_order_barrier()

#endif
