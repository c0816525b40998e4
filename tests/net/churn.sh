#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# churn.sh [ROUNDS]: things end under traffic, ROUNDS (20) times each: either process is killed,
# either device is deleted, the network goes away. The other side must notice and end by itself. A
# CPU that goes disturbs nobody. Afterwards the RDMA core's object counts are what they were, kernel
# memory is back, the kernel log has no splat, and the module can be unloaded.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip rdma rxe_peer rmmod

ROUNDS=${1:-20}

has_line() {
	grep -q "$1" "$(output_of "$2")"
}

# traffic: server in ns2, load in ns1, both running; their process ids in the variables server,
# client.
traffic() {
	start server ip netns exec ns2 rxe_peer server 10.0.0.2 7471 60 -d rxe2 -x "$RXE_SLOW"
	start client ip netns exec ns1 rxe_peer traffic 10.0.0.2 7471 60 -d rxe1 -x "$RXE_SLOW"
	until_true 20 has_line 'load begins' "$client"
	sleep "0.$((RANDOM % 5))"
}

# ends PID WHO: it ends by itself, and its last line tells no failure.
ends() {
	until_true 40 ended "$1"
	wait "$1" || fail "$2: $(grep -h FAIL "$(output_of "$1")" | tail -n 1)"
	grep -h '^#' "$(output_of "$1")" | tail -n 1 | sed "s/^/$2: /"
}

stop_server() {
	! grep -h '^FAIL' "$(output_of "$server")" || fail "the server's side failed"
	kill "$server"
	until_true 10 ended "$server"
}

# settle BASE: object counts are back at BASE.
settle() {
	until_true 20 same_resources "$1"
	forget_outputs
}

kill_client() {
	local i base server client
	base=$(resources)
	for ((i = 0; i < ROUNDS; i++)); do
		traffic
		kill -9 "$client"
		until_true 20 ended "$client"
		until_true 20 has_line '^ok server' "$server"
		stop_server
		settle "$base"
	done
}

kill_server() {
	local i base server client
	base=$(resources)
	for ((i = 0; i < ROUNDS; i++)); do
		traffic
		kill -9 "$server"
		until_true 20 ended "$server"
		ends "$client" client
		settle "$base"
	done
}

# strike COMMAND...: it must come back while the traffic's processes still hold the device open.
strike() {
	local rc=0
	timeout $((20 * RXE_SLOW)) "$@" || rc=$?
	[ $rc = 0 ] && return
	kill -9 "$server" "$client" 2>/dev/null || true
	[ $rc != 124 ] || fail "'$*' blocked while processes had the device open"
	fail "'$*' ended with status $rc"
}

# delete_device N: rdma link delete of rxeN under traffic.
delete_device() {
	local i base server client n=$1
	base=$(resources)
	for ((i = 0; i < ROUNDS; i++)); do
		traffic
		strike ip netns exec "ns$n" rdma link delete "rxe$n"
		ends "$client" client
		until_true 40 has_line 'server' "$server"
		stop_server
		in_ns "$n" rdma link add "rxe$n" type rxe netdev "veth$n"
		settle "$base"
	done
}

no_network() {
	local i base server client
	base=$(resources)
	for ((i = 0; i < ROUNDS; i++)); do
		traffic
		strike ip -n ns1 link del veth1
		ends "$client" client
		until_true 40 has_line 'server' "$server"
		stop_server
		until_true 20 no_links
		ip netns del ns1
		ip netns del ns2
		up_two 9000
		settle "$base"
	done
}

# Whole connections come and go, a process each.
come_and_go() {
	local i base server
	base=$(resources)
	start server ip netns exec ns2 rxe_peer server 10.0.0.2 7471 60 -d rxe2 -x "$RXE_SLOW"
	for ((i = 0; i < ROUNDS; i++)); do
		in_ns 1 rxe_peer client 10.0.0.2 7471 -d rxe1 -x "$RXE_SLOW" peer.mixed
	done
	stop_server
	settle "$base"
}

# A CPU goes, and comes back: what it had to do, another one does.
cpu_goes() {
	local i base server client cpu=/sys/devices/system/cpu/cpu1/online
	[ -e $cpu ] || skip "this kernel cannot do without a CPU that it has"
	base=$(resources)
	traffic
	for ((i = 0; i < ROUNDS; i++)); do
		echo 0 >$cpu
		sleep "0.$((RANDOM % 5))"
		echo 1 >$cpu
		sleep "0.$((RANDOM % 5))"
		ended "$client" && fail "it stopped: $(tail -n 1 "$(output_of "$client")")"
	done
	kill "$client"
	until_true 20 ended "$client"
	stop_server
	settle "$base"
}

# Kernel memory against the state after a first pass over all cases, just as long. In 20 rounds what
# one object of each kind takes, so many times over, is more than the limit; in three it takes a
# hundred KiB a round. Both times it is a case that asks: the processes of one are some hundred KiB
# on a debug kernel.
memory_back() {
	memory_now end
	echo "# kernel memory: $(memory_grew start end) KiB more than after the warm-up"
	(($(memory_grew start end) < 300 + 5 * ROUNDS)) || fail_grown start end
}

unload() {
	rmmod rdma_rxe
	[ ! -d /sys/module/rdma_rxe ] || fail "rdma_rxe is still there"
}

# again: whatever a case left is taken down, and both devices come up.
again() {
	down_two >/dev/null 2>&1 || true
	up_two 9000 >/dev/null
}

# every_way PREFIX: each way to end, ROUNDS times.
every_way() {
	local limit=$((20 + 12 * ROUNDS))
	again
	run_case "$1.kill_client" $limit kill_client
	again
	run_case "$1.kill_server" $limit kill_server
	again
	run_case "$1.come_and_go" $limit come_and_go
	again
	run_case "$1.delete_mine" $limit delete_device 1
	again
	run_case "$1.delete_peer" $limit delete_device 2
	again
	run_case "$1.no_network" $limit no_network
	again
	run_case "$1.cpu_goes" $limit cpu_goes
	down_two
}

run_case driver 10 driver_is_loaded
# Slabs of namespaces grow for a dozen of them before they are used again.
for ((i = 0; i < 15; i++)); do
	again
done
every_way churn.warm_up
run_case churn.memory_before 20 memory_now start
every_way churn
run_case churn.memory 20 memory_back
run_case churn.rmmod 20 unload
run_case churn.log 20 log_clean
summary
