#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# hostile.sh: malformed and random packets with a right ICRC, made in one namespace, against a
# device in the other, beside a live pair of QPs whose data must stay whole. IPv4 and IPv6.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip rdma rxe_hostile

run_case driver 10 driver_is_loaded
run_case hostile.up 20 up_victim
run_program v4 rxe_hostile ns1 10.0.0.1 - -d rxe2 -n ns2 -x "$RXE_SLOW"
run_program v6 rxe_hostile ns1 fd00::1 - -d rxe2 -n ns2 -x "$RXE_SLOW"
run_case hostile.down 20 down_two
summary
