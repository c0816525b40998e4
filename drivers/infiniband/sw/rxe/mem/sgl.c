// SPDX-License-Identifier: GPL-2.0
/*
 * A message laid over a scatter/gather list, taken a few bytes at a time: packets know nothing of
 * where entries begin.
 *
 * The cursor holds the region of the entry that it stands in, if it has touched it. Between two
 * entries it holds none. An entry of no bytes accesses nothing, so it is passed over without a look
 * at its key: programs leave there what they like.
 */
#include "mem.h"

void rxe_sgl_init(struct rxe_sgl *sgl, struct ib_pd *pd, const struct ib_sge *sge, u32 num,
		  int access)
{
	*sgl = (struct rxe_sgl) {
		.pd = pd,
		.sge = sge,
		.num = num,
		.access = access,
	};
}

void rxe_sgl_release(struct rxe_sgl *sgl)
{
	if (!sgl->mr)
		return;
	rxe_mem_put(sgl->mr);
	sgl->mr = NULL;
}

static void enter(struct rxe_sgl *sgl, u32 entry)
{
	rxe_sgl_release(sgl);
	sgl->cur = entry;
	sgl->off = 0;
}

/* Leave behind what is done. Return: whether there are bytes left. */
static bool settle(struct rxe_sgl *sgl)
{
	while (sgl->cur < sgl->num && sgl->off == sgl->sge[sgl->cur].length)
		enter(sgl, sgl->cur + 1);
	return sgl->cur < sgl->num;
}

void rxe_sgl_seek(struct rxe_sgl *sgl, u64 pos)
{
	u32 entry;

	for (entry = 0; entry < sgl->num && pos >= sgl->sge[entry].length; entry++)
		pos -= sgl->sge[entry].length;
	if (entry != sgl->cur)
		enter(sgl, entry);
	sgl->off = pos;
}

/*
 * Hold the region of the current entry. What is sent is checked as a whole, before any of it
 * leaves. An entry to receive into may be longer than its region, as long as the message is not:
 * each access to a region checks its own range.
 */
static enum rxe_mem_err grab(struct rxe_sgl *sgl, bool whole)
{
	const struct ib_sge *sge = &sgl->sge[sgl->cur];

	if (sgl->mr)
		return RXE_MEM_OK;
	return rxe_mem_get(sgl->pd, NULL, sge->lkey, sge->addr, whole ? sge->length : 0,
			   sgl->access, &sgl->mr);
}

static enum rxe_mem_err move(struct rxe_sgl *sgl, void *to, const void *from, u32 len,
			     struct rxe_mem_wait *wait)
{
	const struct ib_sge *sge;
	enum rxe_mem_err err;
	u64 ahead = wait->ahead;
	u32 n;

	for (; len; len -= n) {
		if (!settle(sgl))
			return RXE_MEM_LENGTH;
		err = grab(sgl, to);
		if (err)
			return err;

		sge = &sgl->sge[sgl->cur];
		n = min(len, sge->length - sgl->off);
		wait->ahead = min_t(u64, ahead, sge->length - sgl->off);
		err = to ? rxe_mem_read(sgl->mr, sge->addr + sgl->off, to, n, wait) :
			   rxe_mem_write(sgl->mr, sge->addr + sgl->off, from, n, wait);
		if (err)
			return err;
		sgl->off += n;
		ahead -= min_t(u64, ahead, n);
		if (to)
			to += n;
		else
			from += n;
	}
	settle(sgl);
	return RXE_MEM_OK;
}

enum rxe_mem_err rxe_sgl_gather(struct rxe_sgl *sgl, void *buf, u32 len,
				struct rxe_mem_wait *wait)
{
	return move(sgl, buf, NULL, len, wait);
}

enum rxe_mem_err rxe_sgl_scatter(struct rxe_sgl *sgl, const void *buf, u32 len,
				 struct rxe_mem_wait *wait)
{
	return move(sgl, NULL, buf, len, wait);
}

u64 rxe_sgl_length(const struct ib_sge *sge, u32 num)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < num; i++)
		sum += sge[i].length;
	return sum;
}
