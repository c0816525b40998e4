#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# one.sh [GLOB...]: both QPs on one device, looped back: all of rxe_verbs, or the cases that the
# GLOBs name, over IPv4; then, over IPv6, with the ICRC that looped packets can do without, and with
# smaller packets, the cases that move data.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip rdma rxe_verbs

MOVES=('rc.*' 'ud.*')
# Those of them that do not choose a path MTU themselves.
WHOLE=('rc.*.sizes' 'rc.*.1m' rc.mixed rc.psn_wrap rc.adjacent 'sgl.*')
PARAMETER=/sys/module/rdma_rxe/parameters/loopback_icrc

# with TAG [OPTION...]: rxe_verbs on rxe0.
with() {
	local tag=$1
	shift
	run_program "$tag" rxe_verbs -d rxe0 -x "$RXE_SLOW" "$@"
}

run_case driver 10 driver_is_loaded
net_one 9000
with v4 "$@"
if [ $# = 0 ]; then
	with v6 -6 "${MOVES[@]}"
	echo 1 >$PARAMETER
	with icrc "${MOVES[@]}"
	echo 0 >$PARAMETER
	net_one_down
	net_one 1500
	with mtu1024 "${WHOLE[@]}" 'ud.*' 'state.*'
	with mtu256 -m 256 "${WHOLE[@]}"
fi
net_one_down
summary
