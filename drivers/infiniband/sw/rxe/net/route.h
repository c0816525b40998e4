/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Routes of paths.
 */
#ifndef RXE_NET_ROUTE_H
#define RXE_NET_ROUTE_H

struct dst_entry;
struct net;
struct rxe_path;

/**
 * rxe_route_get() - the route that a path takes now
 * @net: namespace of the device
 * @path: the path; its cache is used and filled
 *
 * Context: bottom halves off, RCU read side.
 * Return: the route with a reference, or ERR_PTR.
 */
struct dst_entry *rxe_route_get(struct net *net, struct rxe_path *path);

#endif
