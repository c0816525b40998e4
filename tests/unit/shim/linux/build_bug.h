/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_BUILD_BUG_H
#define SHIM_LINUX_BUILD_BUG_H

/* The kernel's one-argument static_assert(), under the name that <assert.h> also gives it. */
#undef static_assert
#define static_assert(expr, ...)	shim_static_assert(expr, ##__VA_ARGS__, #expr)
#define shim_static_assert(expr, msg, ...)	_Static_assert(expr, msg)

#define BUILD_BUG_ON_MSG(cond, msg)	_Static_assert(!(cond), msg)
#define BUILD_BUG_ON(cond)		BUILD_BUG_ON_MSG(cond, "BUILD_BUG_ON: " #cond)
#define BUILD_BUG_ON_ZERO(e)		((int)sizeof(struct { int : (-!!(e)); }))

#endif
