/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_LIST_H
#define SHIM_LINUX_LIST_H

#include <linux/container_of.h>
#include <linux/types.h>

#define LIST_HEAD_INIT(name)	{ &(name), &(name) }
#define LIST_HEAD(name)		struct list_head name = LIST_HEAD_INIT(name)
#define list_entry(p, t, m)	container_of(p, t, m)
#define list_first_entry(h, t, m)	list_entry((h)->next, t, m)
#define list_last_entry(h, t, m)	list_entry((h)->prev, t, m)
#define list_next_entry(e, m)	list_entry((e)->m.next, __typeof__(*(e)), m)
#define list_first_entry_or_null(h, t, m)	\
	(list_empty(h) ? NULL : list_first_entry(h, t, m))
#define list_for_each_entry(e, h, m)					\
	for ((e) = list_first_entry(h, __typeof__(*(e)), m);		\
	     &(e)->m != (h); (e) = list_next_entry(e, m))
#define list_for_each_entry_safe(e, n, h, m)				\
	for ((e) = list_first_entry(h, __typeof__(*(e)), m), (n) = list_next_entry(e, m); \
	     &(e)->m != (h); (e) = (n), (n) = list_next_entry(n, m))

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	h->next = h;
	h->prev = h;
}

static inline bool list_empty(const struct list_head *h)
{
	return h->next == h;
}

static inline void shim_list_insert(struct list_head *e, struct list_head *prev,
				    struct list_head *next)
{
	e->prev = prev;
	e->next = next;
	prev->next = e;
	next->prev = e;
}

static inline void list_add(struct list_head *e, struct list_head *h)
{
	shim_list_insert(e, h, h->next);
}

static inline void list_add_tail(struct list_head *e, struct list_head *h)
{
	shim_list_insert(e, h->prev, h);
}

static inline void list_del_init(struct list_head *e)
{
	e->prev->next = e->next;
	e->next->prev = e->prev;
	INIT_LIST_HEAD(e);
}

/* A second removal, or a walk through what was removed, is a null dereference. */
static inline void list_del(struct list_head *e)
{
	list_del_init(e);
	e->next = NULL;
	e->prev = NULL;
}

static inline void list_move_tail(struct list_head *e, struct list_head *h)
{
	list_del_init(e);
	list_add_tail(e, h);
}

static inline void list_splice_tail_init(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	INIT_LIST_HEAD(from);
}

#endif
