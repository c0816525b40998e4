#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# scribble.sh [SECONDS]: a program that scribbles on its mapped queues for SECONDS (10) in all,
# beside verified traffic on the same device and on another one. Afterwards every object is gone,
# and the kernel log has not been filled.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip rdma dmesg rxe_scribble

up() {
	net_one 9000
	ip link add veth8 mtu 1500 type veth peer name veth9 mtu 1500
	net_quiet veth8
	net_quiet veth9
	ip link set veth9 up
	ip addr add 10.0.8.1/24 dev veth8
	ip link set veth8 up
	rdma link add rxe8 type rxe netdev veth8
	resources >"$WORK/objects"
	dmesg | wc -l >"$WORK/lines"
}

nothing_left() {
	expect "$(resources)" "$(cat "$WORK/objects")" "objects after it"
}

# Whoever may open a device may do this, so it says nothing; a few lines may be of others.
quiet() {
	local lines
	lines=$(($(dmesg | wc -l) - $(cat "$WORK/lines")))
	echo "# $lines lines in the kernel log"
	[ $lines -le 10 ] || {
		dmesg | tail -n 20
		fail "$lines lines were added to the kernel log"
	}
}

down() {
	rdma link delete rxe8
	ip link del veth8
	net_one_down
}

run_case driver 10 driver_is_loaded
run_case scribble.up 20 up
run_program all rxe_scribble "${1:-10}" -d rxe0 -D rxe8 -x "$RXE_SLOW"
run_case scribble.nothing_left 20 nothing_left
run_case scribble.quiet 10 quiet
run_case scribble.down 20 down
summary
