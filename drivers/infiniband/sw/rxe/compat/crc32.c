// SPDX-License-Identifier: GPL-2.0
/*
 * CRC32 by the fastest means. Kernels that say how well crc32_le() is optimized (since 6.14) have
 * the CPU's carry-less multiplication inside of it. Before, crc32_le() is a table, about one byte
 * in a nanosecond, and the fast code is a module behind the crypto API's "crc32".
 *
 * That hash's state is the running value itself, 32 bits in the descriptor. The value goes in and
 * out there, since init() and final() would know only the default seed. Nobody promises that a
 * provider keeps it so; each is tried against crc32_le() before it is used.
 */
#include <linux/crc32.h>
#include <linux/errno.h>

#include "crc32.h"

#ifdef RXC_HAVE_CRC32_IN_LIB

int rxc_crc32_init(void)
{
	return 0;
}

void rxc_crc32_exit(void)
{
}

u32 rxc_crc32(u32 crc, const void *data, size_t len)
{
	return crc32_le(crc, data, len);
}

#else

#include <crypto/hash.h>
#include <linux/err.h>
#include <linux/string.h>

/* Shorter spans do not pay for saving the FPU's registers; the provider itself needs 79 bytes. */
#define MIN_HASH_SPAN	128

/* NULL when there is nothing better than crc32_le(); constant while the module is in use. */
static struct crypto_shash *hash;

static bool update_by_hash(u32 *crc, const void *data, size_t len)
{
	SHASH_DESC_ON_STACK(desc, hash);
	u32 *state = (u32 *)shash_desc_ctx(desc);

	desc->tfm = hash;
	*state = *crc;
	if (crypto_shash_update(desc, data, len))
		return false;
	*crc = *state;
	return true;
}

/* Is the hash no wrapper of the table, and does it do what is expected of it? */
static bool usable(void)
{
	const u32 seed = 0x92d4e3b8;
	u8 sample[2 * MIN_HASH_SPAN + 3];
	u32 crc = seed;
	size_t i;

	for (i = 0; i < sizeof(sample); i++)
		sample[i] = i * 37 + (i >> 5);
	return strcmp(crypto_tfm_alg_driver_name(crypto_shash_tfm(hash)), "crc32-generic") &&
	       crypto_shash_descsize(hash) == sizeof(crc) &&
	       update_by_hash(&crc, sample, sizeof(sample)) &&
	       crc == crc32_le(seed, sample, sizeof(sample));
}

int rxc_crc32_init(void)
{
	hash = crypto_alloc_shash("crc32", 0, 0);
	if (IS_ERR(hash)) {
		int err = PTR_ERR(hash);

		hash = NULL;
		/* -ENOENT and the like: this kernel has none. */
		return err == -ENOMEM ? err : 0;
	}
	if (!usable())
		rxc_crc32_exit();
	return 0;
}

void rxc_crc32_exit(void)
{
	crypto_free_shash(hash);
	hash = NULL;
}

u32 rxc_crc32(u32 crc, const void *data, size_t len)
{
	if (hash && len >= MIN_HASH_SPAN && update_by_hash(&crc, data, len))
		return crc;
	return crc32_le(crc, data, len);
}

#endif
