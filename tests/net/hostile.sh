#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# hostile.sh: malformed and random packets with a right ICRC, made in one namespace, against a
# device in the other, beside a live pair of QPs whose data must stay whole. IPv4 and IPv6.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip rdma rxe_hostile

# What is dropped is counted by reason: by ours alone.
counter=drop_icrc
[ "$RXE_DRIVER" = ours ] || counter=-

# up_elsewhere: addresses of the victim's host that are not its device's, 100 above those.
up_elsewhere() {
	up_victim
	ip -n ns2 addr add 10.0.0.102/32 dev lo
	ip -n ns2 addr add fd00::66/128 dev lo
	ip -n ns1 route add 10.0.0.102/32 via 10.0.0.2
	ip -n ns1 route add fd00::66/128 via fd00::2
}

run_case driver 10 driver_is_loaded
run_case hostile.up 20 up_elsewhere
run_program v4 rxe_hostile ns1 10.0.0.1 "$counter" -d rxe2 -n ns2 -x "$RXE_SLOW"
run_program v6 rxe_hostile ns1 fd00::1 "$counter" -d rxe2 -n ns2 -x "$RXE_SLOW"
run_case hostile.down 20 down_two
summary
