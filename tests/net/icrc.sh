#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# icrc.sh: packets made by hand in one namespace, a device in the other. Each covered bit that is
# flipped on the way drops the packet and raises one counter; masked bits do not matter; good
# packets are taken; what the device sends has the right ICRC. IPv4 and IPv6.
#   ICRC_COUNTER  the counter of packets with a bad ICRC, "-" for none (default: drop_icrc of ours)
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip rdma rxe_flip

if [ -z "${ICRC_COUNTER:-}" ]; then
	ICRC_COUNTER=drop_icrc
	[ "$RXE_DRIVER" = ours ] || ICRC_COUNTER=-
fi

run_case driver 10 driver_is_loaded
run_case icrc.up 20 up_victim
run_program v4 rxe_flip ns1 10.0.0.1 "$ICRC_COUNTER" -d rxe2 -n ns2 -x "$RXE_SLOW"
run_program v6 rxe_flip ns1 fd00::1 "$ICRC_COUNTER" -d rxe2 -n ns2 -x "$RXE_SLOW"
run_case icrc.down 20 down_two
summary
