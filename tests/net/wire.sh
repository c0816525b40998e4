#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# wire.sh: a peer made of hand-made packets, which answers when the case says so: fences, windows,
# retransmission, RNR waits, NAKs and duplicates as the peer sees them. IPv4 and IPv6.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip rdma rxe_wire

# What is dropped is counted by reason: by ours alone.
counter=drop_icrc
[ "$RXE_DRIVER" = ours ] || counter=-

run_case driver 10 driver_is_loaded
run_case wire.up 20 up_victim
run_program v4 rxe_wire ns1 10.0.0.1 "$counter" -d rxe2 -n ns2 -x "$RXE_SLOW"
run_program v6 rxe_wire ns1 fd00::1 "$counter" -d rxe2 -n ns2 -x "$RXE_SLOW"
run_case wire.down 20 down_two
summary
