/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fastest CRC32 (IEEE 802.3, little endian) that the kernel has: the library where it uses the
 * CPU's instructions itself, else the crypto API's "crc32".
 */
#ifndef RXE_COMPAT_CRC32_H
#define RXE_COMPAT_CRC32_H

#include <linux/types.h>

/**
 * rxc_crc32_init() - find the provider
 *
 * Context: process, module load only; may sleep.
 * Return: 0 or a negative errno.
 */
int rxc_crc32_init(void);

/* Undo rxc_crc32_init(); nobody may compute any more. */
void rxc_crc32_exit(void);

/**
 * rxc_crc32() - CRC32 over a span, no inversion before or after
 * @crc: the running value, ~0 at the start
 * @data: the span
 * @len: bytes
 *
 * Context: process or softirq; not hard interrupt.
 * Return: the new running value.
 */
u32 rxc_crc32(u32 crc, const void *data, size_t len);

#endif
