#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# two-ns.sh: two network namespaces joined by a veth pair, a device in each, and every operation
# between two processes with every byte checked: IPv4 and IPv6, path MTU 1024 and 4096, RDMA devices
# shared by all namespaces and exclusive to theirs. Before that all of rxe_verbs over the two
# devices by IPv4, its cases that move data by IPv6, and those about order with packets lost.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip tc rdma rxe_verbs rxe_peer

# peers NETDEV_MTU PATH_MTU FAMILY: server in ns2, client in ns1.
peers() {
	local server port=7471 options=(-x "$RXE_SLOW" -m "$2" "-$3") rc=0
	up_two "$1"
	start server ip netns exec ns2 rxe_peer server 10.0.0.2 $port 60 -d rxe2 "${options[@]}"
	in_ns 1 rxe_peer client 10.0.0.2 $port -d rxe1 "${options[@]}" || rc=$?
	kill "$server"
	if [ $rc != 0 ] || grep '^FAIL' "$(output_of "$server")"; then
		sed 's/^/server: /' "$(output_of "$server")"
		fail "rxe_peer client ended with status $rc"
	fi
	down_two
}

# lossy: messages still become visible in order when packets are lost and sent again.
lossy() {
	up_two 1500
	net_loss 5
	run_program two.loss rxe_verbs -n ns1 -N ns2 -d rxe1 -D rxe2 -x "$((2 * RXE_SLOW))" \
		'order.*'
	run_case two.loss.retries 10 retried
	down_two
}

# retried: without that, none of it has shown anything.
retried() {
	local n
	n=$(counter rxe1 retry_count)
	echo "# $n retries"
	[ "$n" -gt 10 ] || fail "$n retries"
}

# verbs FAMILY [GLOB...]: requester and responder on devices of different namespaces.
verbs() {
	local family=$1
	shift
	up_two 9000
	run_program "two.v$family" rxe_verbs -n ns1 -N ns2 -d rxe1 -D rxe2 -x "$RXE_SLOW" \
		"-$family" "$@"
	down_two
}

run_case driver 10 driver_is_loaded
verbs 4
verbs 6 'rc.*' 'ud.*' 'sgl.*'
lossy
for mode in shared exclusive; do
	run_case "two.mode.$mode" 20 netns_mode $mode
	for family in 4 6; do
		run_case "two.$mode.v$family.mtu1024" 120 peers 1500 1024 $family
		down_two
		run_case "two.$mode.v$family.mtu4096" 120 peers 9000 4096 $family
		down_two
	done
done
run_case "two.mode.back" 20 netns_mode shared
summary
