/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_SCHED_H
#define SHIM_LINUX_SCHED_H

#include <linux/kernel.h>

struct mm_struct;

#define cond_resched()	might_sleep()

struct task_struct {
	struct mm_struct *mm;
};

/* Who runs; suites may make him another one. */
extern struct task_struct *current;

#endif
