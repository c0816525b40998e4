#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# near.sh: the cases, each with a client at one end of a link and a server at the other: the driver
# under test as client, then as server; path MTU 1024 and 4096; IPv4 and IPv6. Real frames go over
# the link, and each driver drops what has a wrong ICRC: what arrives was right in both.
#
# A case is named ROLE.MTU.FAMILY.WHAT, ROLE that of the near end's driver.
set -euo pipefail
# shellcheck source=../net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
# shellcheck source=ends.sh
. "$(dirname "$0")/ends.sh"
need_tools ip rdma tc ss rxe_peer ibv_rc_pingpong ibv_ud_pingpong ib_write_bw ib_read_bw \
	ib_send_bw ib_atomic_bw rping

LIMIT=$((30 * RXE_SLOW))
PORT=20000
only=("$@")

# far COMMAND...: at the far end, with its output and its status. When this process ends, so does
# COMMAND.
far() {
	local socket line status=
	exec {socket}<>"/dev/tcp/$(address_of 0 2 4)/$AGENT_PORT" || return 125
	printf '%s\n' "${*@Q}" >&"$socket"
	while IFS= read -r line <&"$socket"; do
		case $line in
		'far-status '*) status=${line#* } ;;
		*) printf '%s\n' "$line" ;;
		esac
	done
	exec {socket}>&-
	[ -n "$status" ] || echo "the far guest closed the connection"
	return "${status:-125}"
}

near() {
	"$@"
}

# told PID: the end of that process' output, for an error.
told() {
	tail -n 3 "$(output_of "$1")" | cut -c1-200
}

# both READY SERVER_COMMAND... -- CLIENT_COMMAND...: the server, and the client once READY, a
# function of ends.sh, is true of its port; both must end well. The client's output comes first.
both() {
	local ready=$1 server=() pid rc=0
	shift
	while [ "$1" != -- ]; do
		server+=("$1")
		shift
	done
	shift
	start pid "$at_server" timeout "$LIMIT" "${server[@]}"
	"$at_server" await $((5 * RXE_SLOW)) "$ready" "$PORT" ||
		fail "no server: $(told "$pid")"
	"$at_client" timeout "$LIMIT" "$@" | cut -c1-200 || rc=$?
	[ $rc = 0 ] ||
		fail "client '$*': status $rc; server: $(told "$pid")"
	wait "$pid" || fail "server '${server[*]}' failed: $(told "$pid")"
	sed 's/^/server: /' "$(output_of "$pid")" | cut -c1-200
}

# bytes: sent and received by the near device of the link.
bytes() {
	echo $(($(counter "$dev" sent_bytes) + $(counter "$dev" rcvd_bytes)))
}

# moves BYTES COMMAND...: at least so many go through the near device meanwhile.
moves() {
	local least=$1 before after
	shift
	before=$(bytes)
	"$@"
	# The core keeps a reading for ten milliseconds.
	sleep 0.05
	after=$(bytes)
	[ $((after - before)) -ge "$least" ] ||
		fail "$((after - before)) bytes went through $dev, expected $least or more"
}

# The kinds of test. trial has set dev, link, family, at_client, at_server, host, the GID indices.

# pingpong PROGRAM SIZE ITERATIONS [OPTION...]: -c checks the data; near_option is for that end.
pingpong() {
	local program=$1 size=$2 n=$3 of_server='' of_client=''
	shift 3
	set -- -c -d "$dev" -p "$PORT" -s "$size" -n "$n" "$@"
	if [ "$at_client" = near ]; then
		of_client=$near_option
	else
		of_server=$near_option
	fi
	moves $((2 * size * n)) both listening \
		"$program" -g "$server_gid" "$@" ${of_server:+"$of_server"} -- \
		"$program" -g "$client_gid" "$@" ${of_client:+"$of_client"} "$host_v4"
	[ "$(grep -c "$n iters in" "$WORK/out")" = 2 ] || fail "$program printed no result"
	! grep -i 'invalid data' "$WORK/out" || fail "$program saw invalid data"
}

# on_demand: the near end's memory is registered for on-demand paging, not pinned.
on_demand() {
	grep -q ODP_SUPPORT < <(ibv_devinfo -v -d "$dev") ||
		skip "the driver under test has no on-demand paging"
	near_option=-o pingpong ibv_rc_pingpong 5001 300 -m "${PATH_MTU[link]}"
}

# A timeout of a second, retried seven times: the other end is a process of a host that may be busy,
# and answered too late for perftest's own 67 ms.
perf() { # PROGRAM SIZE ITERATIONS [OPTION...]
	local program=$1 size=$2 n=$3
	shift 3
	set -- -u 18 "$@"
	[ "$program" = ib_atomic_bw ] || set -- -s "$size" "$@"
	moves $((size * n)) both listening \
		"$program" -F -d "$dev" -x "$server_gid" -p "$PORT" -n "$n" "$@" -- \
		"$program" -F -d "$dev" -x "$client_gid" -p "$PORT" -n "$n" "$@" "$host_v4"
	grep -E "^ *$size +$n +[0-9.]+ " "$WORK/out" | head -n 1 | sed 's/^ */# /' ||
		fail "$program printed no figures"
}

ping_cm() { # SIZE ITERATIONS: rping, both ends validating the data
	local size=$1 n=$2
	moves $((2 * size * n)) both cm_listening \
		rping -s -a "$host" -p "$PORT" -S "$size" -C "$n" -V -v -- \
		rping -c -a "$host" -p "$PORT" -S "$size" -C "$n" -V -v
	! grep -iE 'error|mismatch' "$WORK/out" || fail "rping told of an error"
	expect "$(grep -c '^ping data: rdma-ping-' "$WORK/out")" "$n" "pings of the client"
	expect "$(grep -c '^server: server ping data: rdma-ping-' "$WORK/out")" "$n" \
		"pings of the server"
}

peers() { # [GLOB...]: every byte checked
	local pid rc=0 options=(-d "$dev" -m "${PATH_MTU[link]}" "-$family" -x "$RXE_SLOW")
	start pid "$at_server" rxe_peer server "$host" "$PORT" 60 "${options[@]}"
	"$at_server" await $((5 * RXE_SLOW)) listening "$PORT" ||
		fail "no server: $(told "$pid")"
	"$at_client" rxe_peer client "$host" "$PORT" "${options[@]}" "$@" || rc=$?
	kill "$pid"
	sed 's/^/server: /' "$(output_of "$pid")"
	[ $rc = 0 ] || fail "rxe_peer client ended with status $rc"
	! grep '^FAIL' "$(output_of "$pid")" || fail "the server of rxe_peer saw a failure"
	grep -E '^[0-9]+ passed' "$WORK/out" | sed 's/^/# rxe_peer: /'
}

# lossy PERCENT [GLOB...]: rxe_peer, while what either end sends over the link gets lost at random.
lossy() {
	local end lost
	for end in near far; do
		"$end" tc qdisc replace dev "link$link" root netem loss "$1%" limit 10000
	done
	shift
	peers "$@"
	for end in near far; do
		lost=$("$end" tc -s qdisc show dev "link$link" |
			sed -n 's/.*dropped \([0-9]*\).*/\1/p')
		echo "# packets of the $end end lost: $lost"
		[ "$lost" != 0 ] || fail "no packet of the $end end was lost"
	done
}

# no_loss LINK: also after a case that was ended.
no_loss() {
	local end
	for end in near far; do
		"$end" tc qdisc del dev "link$1" root >/dev/null 2>&1 || true
	done
}

# trial ROLE LINK FAMILY COMMAND...
trial() {
	local role=$1 link=$2 family=$3 dev=rxe$2 at_client=near at_server=far one=1 two=2
	local host host_v4 server_gid client_gid near_option=
	shift 3
	[ "$role" = client ] || at_client=far at_server=near one=2 two=1
	host=$(address_of "$link" $two "$family")
	# The pingpongs and perftest meet over IPv4 whatever the GIDs.
	host_v4=$(address_of "$link" $two 4)
	server_gid=$("$at_server" gid_of "$link" $two "$family")
	client_gid=$("$at_client" gid_of "$link" $one "$family")
	"$@"
}

wanted() { # NAME
	local glob
	[ ${#only[@]} != 0 ] || return 0
	for glob in "${only[@]}"; do
		# shellcheck disable=SC2053 # a glob
		[[ $1 != $glob ]] || return 0
	done
	return 1
}

# case_of ROLE LINK FAMILY NAME LIMIT COMMAND...: with a port of its own.
case_of() {
	local role=$1 link=$2 family=$3 name=$4 limit=$5
	shift 5
	name=$RXE_DRIVER-$role.${PATH_MTU[link]}.v$family.$name
	wanted "$name" || return 0
	PORT=$((PORT + 1))
	run_case "$name" "$limit" \
		trial "$role" "$link" "$family" "$@"
}

all_of() { # ROLE LINK FAMILY
	local where=("$@")
	case_of "${where[@]}" peer 120 peers
	case_of "${where[@]}" rc_pingpong 40 pingpong ibv_rc_pingpong 5001 300 \
		-m "${PATH_MTU[$2]}"
	case_of "${where[@]}" ud_pingpong 40 pingpong ibv_ud_pingpong 1000 300
	case_of "${where[@]}" write_bw 40 perf ib_write_bw 65536 300
	case_of "${where[@]}" read_bw 40 perf ib_read_bw 65536 300
	case_of "${where[@]}" send_bw 40 perf ib_send_bw 65536 300
	case_of "${where[@]}" atomic_bw 40 perf ib_atomic_bw 8 300
	case_of "${where[@]}" rping 60 ping_cm 3001 50
}

# reachable: the far guest answers on both links by both families.
reachable() {
	local link
	until_true 60 far true
	for link in "${!LINK_MTU[@]}"; do
		ping -q -c 1 -W 5 -M "do" -s $((LINK_MTU[link] - 28)) \
			"$(address_of "$link" 2 4)"
		# The first neighbour discovery of a fresh network may take more than a second.
		ping -q -c 3 -i 0.3 -W 5 "$(address_of "$link" 2 6)"
	done
}

# drivers: what each end has loaded, by the taint of a module built outside of the kernel.
far_driver() {
	local taint
	taint=$(far cat /sys/module/rdma_rxe/taint)
	[[ $taint != *O* ]] || fail "not the in-box driver at the far end (taint '$taint')"
	echo "# far: Linux $(far uname -r), near: Linux $(uname -r)"
}

# clean: no packet of the other end, over all cases, was wrong in the eyes of this one.
clean() {
	local link name sum=0 n
	[ -e /sys/class/infiniband/rxe0/ports/1/hw_counters/drop_icrc ] ||
		skip "the in-box driver counts no ICRC errors"
	for link in "${!LINK_MTU[@]}"; do
		for name in drop_{icrc,ip_header,short,version,opcode,length,pkey,bad_response}; do
			n=$(counter "rxe$link" "$name")
			[ "$n" = 0 ] || echo "rxe$link $name: $n"
			sum=$((sum + n))
		done
	done
	[ $sum = 0 ] || fail "$sum packets of the far end were dropped as wrong"
}

run_case driver 10 driver_is_loaded
end_up 1
run_case link 120 reachable
run_case far_driver 10 far_driver
# Without a network or with another driver, nothing else would tell anything.
if [ $NET_FAILED != 0 ]; then
	summary
	exit 1
fi
for role in client server; do
	lossy=(peer.write peer.fetch_add peer.cmp_swap peer.mixed)
	# The in-box driver keeps 0 as the key of a READ of no bytes, and drops one that comes again
	# with another: when its answer was lost, that READ ends with retries exceeded, whoever
	# asks. Those of peer.read are only for this driver to answer. READs are in peer.mixed, too.
	[ "$role" = client ] || lossy+=(peer.read)
	for link in "${!LINK_MTU[@]}"; do
		for family in 4 6; do
			all_of "$role" "$link" "$family"
		done
		case_of "$role" "$link" 4 loss 120 lossy 1 "${lossy[@]}"
		no_loss "$link"
		case_of "$role" "$link" 4 on_demand 40 on_demand
	done
done
run_case clean 10 clean
rdma statistic >/job/statistic
far quit
summary
