// SPDX-License-Identifier: GPL-2.0
/*
 * RNR NAK timer codes (IBA 9.7.5.2.8, table 45). A code is five bits; the times climb by factors of
 * 1.5 and 1.33 in turn, from 10 us at code 1 to 491.52 ms at code 31. Code 0 is the odd one: it is
 * the longest of all.
 */
#include <linux/types.h>

#include "aeth.h"

static const u32 delay_us[RXE_AETH_VALUE_MASK + 1] = {
	655360, 10, 20, 30, 40, 60, 80, 120,
	160, 240, 320, 480, 640, 960, 1280, 1920,
	2560, 3840, 5120, 7680, 10240, 15360, 20480, 30720,
	40960, 61440, 81920, 122880, 163840, 245760, 327680, 491520,
};

u32 rxe_rnr_delay_us(u8 code)
{
	return delay_us[code & RXE_AETH_VALUE_MASK];
}
