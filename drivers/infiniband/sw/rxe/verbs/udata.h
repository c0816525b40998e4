/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Driver data of a user command. But for the resizing of a shared receive queue (srq.c) the library
 * says nothing to us beyond the core's own command, and gets one structure back at most. A newer
 * library may append zeros, which say nothing either, and may have room for a longer answer, whose
 * tail it must find zeroed.
 *
 * Kernel consumers have no udata; what is passed then is NULL and everything is fine.
 */
#ifndef RXE_VERBS_UDATA_H
#define RXE_VERBS_UDATA_H

#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/uaccess.h>
#include <rdma/ib_verbs.h>

/**
 * rxe_udata_check() - may this command be served?
 * @udata: the command's driver data, or NULL
 * @resp_len: bytes that will be answered
 *
 * To be called before anything is done, so that nothing has to be undone.
 *
 * Context: process, sleeps.
 * Return: 0; -EOPNOTSUPP when something is asked for that we do not know; -EINVAL when there is no
 * room for the answer, which means a library older than this ABI.
 */
static inline int rxe_udata_check(struct ib_udata *udata, size_t resp_len)
{
	if (!udata)
		return 0;
	if (udata->inlen && !ib_is_udata_cleared(udata, 0, udata->inlen))
		return -EOPNOTSUPP;
	return udata->outlen < resp_len ? -EINVAL : 0;
}

/**
 * rxe_udata_respond() - answer a command that rxe_udata_check() let pass
 * @udata: the command's driver data, or NULL
 * @resp: the answer, reserved fields zeroed
 * @resp_len: its size, as checked
 *
 * Context: process, sleeps.
 * Return: 0 or -EFAULT.
 */
static inline int rxe_udata_respond(struct ib_udata *udata, void *resp, size_t resp_len)
{
	if (!udata)
		return 0;
	if (ib_copy_to_udata(udata, resp, resp_len))
		return -EFAULT;
	return clear_user(udata->outbuf + resp_len, udata->outlen - resp_len) ? -EFAULT : 0;
}

#endif
