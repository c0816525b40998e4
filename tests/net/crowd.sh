#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# crowd.sh [QPS MRS]: QPS (10,000) queue pairs and MRS (100,000) memory regions on one device: made,
# each used once, destroyed. Prints what each takes of memory, and of time, the first and the last;
# fails if memory does not come back.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip rdma rxe_crowd

nothing_left() {
	expect "$(resources)" "$1" "objects after it"
}

run_case driver 10 driver_is_loaded
net_one 9000
before=$(resources)
run_program all rxe_crowd "${1:-10000}" "${2:-100000}" -d rxe0 -x "$RXE_SLOW"
run_case crowd.nothing_left 20 nothing_left "$before"
net_one_down
summary
