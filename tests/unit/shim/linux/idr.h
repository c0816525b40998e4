/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers that are handed out: only the type, for structures that contain one.
 */
#ifndef SHIM_LINUX_IDR_H
#define SHIM_LINUX_IDR_H

struct ida {
	int unused;
};

#endif
