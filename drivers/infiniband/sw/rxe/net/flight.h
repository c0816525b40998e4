/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Charging buffers to a flight account.
 */
#ifndef RXE_NET_FLIGHT_H
#define RXE_NET_FLIGHT_H

struct rxe_flight;
struct sk_buff;

/* Charge @skb, which has no owner yet, to @flight until it is freed or received. Any context. */
void rxe_flight_charge(struct rxe_flight *flight, struct sk_buff *skb);

/* Wait until every account is released and every buffer ended. Module unload; sleeps. */
void rxe_flight_wait_all(void);

#endif
