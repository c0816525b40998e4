/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a suite may ask of the shim. The headers in linux/ and asm/ stand in for the kernel's own
 * where code of the driver is compiled as an ordinary program; those of the uapi (ip.h, udp.h,
 * ipv6.h and more) come from the system, unchanged.
 */
#ifndef SHIM_H
#define SHIM_H

#include <stdbool.h>

/**
 * shim_fail_nth() - let one allocation fail
 * @n: 1 is the next allocation; 0 lets none fail
 *
 * To walk every error path: for n = 1, 2, ... arm, run, and stop when shim_fail_pending() says that
 * the run made fewer than n allocations.
 */
void shim_fail_nth(unsigned long n);

/* The armed failure did not come to pass yet. */
bool shim_fail_pending(void);

/* Allocations not freed; the runner fails a case that ends with any. */
long shim_live(void);

/* Allocations made or refused so far. */
unsigned long shim_calls(void);

/* Spinlocks that the calling thread holds; the runner fails a case that ends with any. */
int shim_atomic_depth(void);

#endif
