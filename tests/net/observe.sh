#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# observe.sh: what the driver tells of itself: counters of the port, of single QPs, and of the
# port's agent, `rdma resource show -dd`, trace events; each compared with a known amount of
# traffic.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip tc rdma rxe_verbs rxe_peer rxe_mcast modprobe

STRICT=/sys/module/rdma_rxe/parameters/kernel_strict_ordering
PORTS=/sys/class/infiniband

# of_port DEVICE NAME: a counter of the performance management agent.
of_port() {
	cat "$PORTS/$1/ports/1/counters/$2"
}

# Datagrams that are no packets are errors of the port that receives them, and of no other.
rcv_errors() {
	local before after
	up_two 9000
	before=$(of_port rxe2 port_rcv_errors)
	send_garbage
	after=$(of_port rxe2 port_rcv_errors)
	expect $((after - before)) 3 "port_rcv_errors of rxe2"
	expect "$(of_port rxe1 port_rcv_errors)" 0 "port_rcv_errors of rxe1"
	down_two
}

# dma_access DEVICE: what is in force for the region of all kernel memory.
dma_access() {
	rdma -dd resource show qp link "$1/1" | tr '\n' ' ' |
		sed -n 's/.*lqpn 1 .*drv_dma_access \([^ ]*\).*/\1/p'
}

# Kernel consumers are relaxed, unless the administrator says otherwise before they begin.
kernel_ordering() {
	net_one 9000
	expect "$(dma_access rxe0)" local_write,relaxed "drv_dma_access"
	net_one_down
	echo Y >$STRICT
	net_one 9000
	expect "$(dma_access rxe0)" local_write,strict "drv_dma_access with $STRICT"
	rxe_verbs -d rxe0 -x "$RXE_SLOW" rc.write.sizes ud.imm
	net_one_down
	echo N >$STRICT
	net_one 9000
	expect "$(dma_access rxe0)" local_write,relaxed "drv_dma_access after it"
	net_one_down
}

# look_on: until the process $1 ends, everything that can be looked at.
look_on() {
	local looks=0
	while ! ended "$1"; do
		rdma -dd resource show qp >/dev/null
		rdma -dd resource show cq >/dev/null
		rdma -dd resource show mr >/dev/null
		rdma -dd resource show srq >/dev/null
		rdma statistic qp show >/dev/null
		rdma statistic show >/dev/null
		cat "$PORTS"/*/ports/1/counters/* >/dev/null
		looks=$((looks + 1))
	done
	echo "# looked $looks times"
	[ "$looks" -gt 1 ] || fail "looked $looks times only"
}

# Looking does no harm to objects that are busy, made and destroyed, nor to counters of QPs.
busy() {
	local pid rc=0
	net_one 9000
	rdma statistic qp set link rxe0/1 auto type,pid on
	start pid rxe_verbs -d rxe0 -x "$((2 * RXE_SLOW))" rc.mixed 'queue.*' 'flush.*' 'rereg.*' \
		'cq.*' 'srq.*'
	look_on "$pid"
	wait "$pid" || rc=$?
	[ $rc = 0 ] || {
		grep FAIL "$(output_of "$pid")"
		fail "rxe_verbs ended with status $rc"
	}
	net_one_down
}

TRACING=/sys/kernel/tracing

# Before a case makes anything that a skip would leave behind.
tracing_needed() {
	[ -d $TRACING/events ] || mount -t tracefs tracefs $TRACING 2>/dev/null ||
		skip "this kernel has no trace events"
}

# traced SYSTEM COMMAND...: the events of a system while COMMAND runs, in $WORK/trace.
traced() {
	local system=$1 rc=0
	shift
	echo 8192 >$TRACING/buffer_size_kb
	: >$TRACING/trace
	echo 1 >"$TRACING/events/$system/enable"
	"$@" || rc=$?
	echo 0 >"$TRACING/events/$system/enable"
	cp $TRACING/trace "$WORK/trace"
	[ $rc = 0 ] || fail "$* ended with status $rc"
}

# events PATTERN: how many lines of the trace match.
events() {
	grep -cE "$1" "$WORK/trace" || true
}

# 25 WRITEs of 8 packets, one acknowledgement and one completion each.
trace_packets() {
	tracing_needed
	net_one 9000
	traced rxe rxe_verbs -d rxe0 -x "$RXE_SLOW" -m 4096 pma.write.long
	expect "$(events 'rxe_sent: dev=rxe0 .* opcode=0x06 ')" 25 "WRITE FIRST sent"
	expect "$(events 'rxe_sent: dev=rxe0 .* opcode=0x07 ')" 150 "WRITE MIDDLE sent"
	expect "$(events 'rxe_sent: dev=rxe0 .* opcode=0x11 .* payload=0')" 25 "ACKs sent"
	expect "$(events 'rxe_sent:')" 225 "packets sent"
	expect "$(events 'rxe_received: dev=rxe0 ')" 225 "packets received"
	expect "$(events 'rxe_completion: .* status=0 .* bytes=30001')" 25 "completions"
	expect "$(events 'rxe_qp_state: .* from=INIT to=RTR')" 2 "QPs to RTR"
	expect "$(events 'rxe_qp_state: .* from=RTR to=RTS')" 2 "QPs to RTS"
	expect "$(events 'rxe_(drop|retry):')" 0 "drops and retries"
	net_one_down
}

trace_rnr() {
	tracing_needed
	net_one 9000
	traced rxe rxe_verbs -d rxe0 -x "$RXE_SLOW" show.qp.rnr
	[ "$(events 'rxe_retry: dev=rxe0 .* why=rnr .* left=7')" -ge 1 ] || fail "no RNR retry"
	net_one_down
}

# send_garbage: three datagrams that are no packets.
send_garbage() {
	for _ in 1 2 3; do
		# shellcheck disable=SC2016 # for that shell
		in_ns 1 bash -c 'printf %s "$RANDOM" >/dev/udp/10.0.0.2/4791'
	done
	sleep 0.5
}

trace_drops() {
	tracing_needed
	up_two 9000
	traced rxe send_garbage
	expect "$(events 'rxe_drop: dev=rxe2 reason=drop_short')" 3 "drops by rxe2"
	expect "$(events 'rxe_drop:')" 3 "drops in all"
	down_two
}

# What comes behind a packet that was lost is lost as well: an event each, as it is counted.
trace_gaps() {
	local before lost
	tracing_needed
	up_two 9000
	net_loss 5
	before=$(counter rxe2 out_of_seq_request)
	traced rxe rxe_verbs -n ns1 -N ns2 -d rxe1 -D rxe2 -x "$((2 * RXE_SLOW))" -m 1024 \
		rc.write.1m
	lost=$(($(counter rxe2 out_of_seq_request) - before))
	[ $lost -gt 0 ] || fail "no packet came out of sequence"
	expect "$(events 'rxe_drop: dev=rxe2 reason=out_of_seq_request')" $lost "drops"
	down_two
}

# Half of the pages go before each message of that case, of which there are 30 on a slow machine.
trace_odp() {
	tracing_needed
	net_one 9000
	traced odp rxe_verbs -d rxe0 -x "$RXE_SLOW" order.write.odp
	[ "$(events 'odp_fault_begin:')" -ge 8 ] || fail "$(events odp_fault_begin:) faults"
	expect "$(events 'odp_fault_end: .* pages=[1-9]')" "$(events 'odp_fault_begin:')" \
		"faults that ended well"
	[ "$(events 'odp_invalidate: .* dropped=[1-9]')" -ge 8 ] ||
		fail "$(events 'odp_invalidate: .* dropped=[1-9]') invalidations"
	net_one_down
}

# counted DEVICE NAME: that counter is not 0.
counted() {
	[ "$(counter "$1" "$2")" != 0 ]
}

# held_up FAMILY COUNTER BEGIN END: under verified traffic, BEGIN takes the way to the peer until
# COUNTER tells of it, and END gives it back. Whoever sends, sends again, and nothing is lost.
held_up() {
	local server client name=$2 options=("-$1" -x "$RXE_SLOW")
	up_two 9000
	start server ip netns exec ns2 rxe_peer server 10.0.0.2 7471 60 -d rxe2 "${options[@]}"
	start client ip netns exec ns1 rxe_peer traffic 10.0.0.2 7471 4 -d rxe1 "${options[@]}"
	until_true 20 grep -q 'load begins' "$(output_of "$client")"
	expect "$(counter rxe1 "$name")" 0 "$name of undisturbed traffic"
	$3
	until_true 3 counted rxe1 "$name"
	$4
	wait "$client" || fail "load: $(cat "$(output_of "$client")")"
	! grep 'ended by' "$(output_of "$client")" || fail "the connection broke"
	expect "$(counter rxe2 "$name")" 0 "$name of the peer"
	kill "$server"
	down_two
}

# Listeners in both namespaces: each hears what is sent once, and so it is counted.
multicast() {
	local here there group=239.77.1.3
	up_two 9000
	start here rxe_mcast -n ns1 -d rxe1 -x "$RXE_SLOW" hear 200 $group
	start there rxe_mcast -n ns2 -d rxe2 -x "$RXE_SLOW" hear 200 $group
	until_true 10 grep -q attached "$(output_of "$here")"
	until_true 10 grep -q attached "$(output_of "$there")"
	rxe_mcast -n ns1 -d rxe1 -x "$RXE_SLOW" send 200 $group
	wait "$here" "$there"
	expect "$(counter rxe1 sent_multicast_pkts)" 200 "sent_multicast_pkts of the sender"
	expect "$(counter rxe1 rcvd_multicast_pkts)" 200 "rcvd_multicast_pkts of the sender"
	expect "$(of_port rxe1 multicast_xmit_packets)" 200 multicast_xmit_packets
	expect "$(counter rxe2 sent_multicast_pkts)" 0 "sent_multicast_pkts of the listener"
	expect "$(counter rxe2 rcvd_multicast_pkts)" 200 "rcvd_multicast_pkts of the listener"
	expect "$(of_port rxe2 multicast_rcv_packets)" 200 multicast_rcv_packets
	down_two
}

run_case driver 10 driver_is_loaded
modprobe ib_umad
net_one 9000
run_program one rxe_verbs -d rxe0 -x "$RXE_SLOW" 'pma.[!m]*' 'show.*' 'count.*'
run_program one.v6 rxe_verbs -d rxe0 -6 -x "$RXE_SLOW" 'pma.mad*'
net_one_down
up_two 9000
run_program two.v6 rxe_verbs -n ns1 -N ns2 -d rxe1 -D rxe2 -6 -x "$RXE_SLOW" 'pma.*' 'show.qp*'
down_two
run_case observe.rcv_errors 20 rcv_errors
# By IPv6: who names the netdev, as a path does, gets any IPv4 address on the link, whatever the
# routes say.
run_case observe.no_route 60 held_up 6 tx_no_route \
	'ip -n ns1 route add unreachable fd00::2' 'ip -n ns1 route del unreachable fd00::2'
down_two
# A queue that is too short for a packet of RoCE, and long enough for one of ARP.
run_case observe.refused 60 held_up 4 tx_refused \
	'tc -n ns1 qdisc replace dev veth1 root bfifo limit 70' 'tc -n ns1 qdisc del dev veth1 root'
down_two
run_case observe.multicast 60 multicast
run_case observe.kernel_ordering 60 kernel_ordering
run_case observe.busy 120 busy
run_case observe.trace.packets 30 trace_packets
run_case observe.trace.rnr 30 trace_rnr
run_case observe.trace.drops 30 trace_drops
run_case observe.trace.gaps 60 trace_gaps
run_case observe.trace.odp 30 trace_odp
summary
