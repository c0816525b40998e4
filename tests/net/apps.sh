#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# apps.sh: the programs that people try first, between two namespaces: libibverbs' pingpongs,
# perftest, and the RDMA-CM examples with their data validation, multicast included. Each is bounded
# in time and must say what it says when all went well.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip rdma ibv_rc_pingpong ibv_ud_pingpong ib_write_bw ib_read_bw ib_send_bw ib_atomic_bw \
	ib_send_lat ib_write_lat mckey rping ucmatose udaddy

LIMIT=$((40 * RXE_SLOW))

# gid_of DEVICE ADDRESS: the index of the GID of that address.
gid_of() {
	local i gid want
	if [[ $2 == *:* ]]; then
		want=$2
	else
		# shellcheck disable=SC2086 # four numbers on purpose
		want=$(printf '0000:0000:0000:0000:0000:ffff:%02x%02x:%02x%02x' ${2//./ })
	fi
	for ((i = 0; i < 16; i++)); do
		gid=$(cat "/sys/class/infiniband/$1/ports/1/gids/$i")
		if [ "$gid" = "$want" ]; then
			echo "$i"
			return
		fi
	done
	fail "no GID of $2 on $1"
}

# perftest measures its clock against the rate in /proc/cpuinfo, which user-mode Linux lacks.
give_clock_rate() {
	grep -q 'cpu MHz' /proc/cpuinfo && return
	sed 's/^processor.*/&\ncpu MHz\t\t: 2100.000/' /proc/cpuinfo >"$WORK/cpuinfo"
	mount --bind "$WORK/cpuinfo" /proc/cpuinfo
}

# both SERVER_COMMAND -- CLIENT_COMMAND: the server in ns2, then the client in ns1; both must end
# well.
both() {
	local server=() pid rc=0
	while [ "$1" != -- ]; do
		server+=("$1")
		shift
	done
	shift
	start pid ip netns exec ns2 timeout "$LIMIT" "${server[@]}"
	sleep "$((RXE_SLOW > 1 ? 2 : 0)).5"
	in_ns 1 timeout "$LIMIT" "$@" || rc=$?
	[ $rc = 0 ] ||
		fail "client '$*': status $rc; server: $(tail -n 2 "$(output_of "$pid")")"
	wait "$pid" || fail "server '${server[*]}' failed: $(tail -n 2 "$(output_of "$pid")")"
	sed 's/^/server: /' "$(output_of "$pid")"
}

# pingpong PROGRAM [OPTION...]: with -c, which checks the data.
pingpong() {
	local program=$1
	shift
	both "$program" -d rxe2 -g "$(gid_of rxe2 10.0.0.2)" "$@" -- \
		"$program" -d rxe1 -g "$(gid_of rxe1 10.0.0.1)" "$@" 10.0.0.2
	grep -q 'iters in' "$WORK/out" || fail "$program printed no result"
	! grep -qi 'invalid data' "$WORK/out" || fail "$program saw invalid data"
}

# perf PROGRAM [OPTION...]: a figure above zero must come out. perftest learns the clock's rate by a
# regression, and where the host was busy just then it gives up and prints zeros: again.
perf() {
	local program=$1 try
	shift
	for try in 1 2 3 4; do
		: >"$WORK/out"
		both "$program" -F -d rxe2 -x "$(gid_of rxe2 10.0.0.2)" "$@" -- \
			"$program" -F -d rxe1 -x "$(gid_of rxe1 10.0.0.1)" "$@" 10.0.0.2
		awk '/^ *[0-9]+ +[0-9]+ / && $4 > 0 { ok = $0 }
			END { if (ok) print "# " ok; exit !ok }' "$WORK/out" && return
		echo "perftest found no clock rate at try $try"
	done
	fail "$program printed no figure above zero"
}

# ping_cm ADDRESS [OPTION...]: rping with validation.
ping_cm() {
	local to=$1
	shift
	both rping -s -a "$to" -C 100 -V "$@" -- rping -c -a "$to" -C 100 -V "$@"
	! grep -qiE 'error|mismatch' "$WORK/out" || fail "rping told of an error"
}

# cm PROGRAM FROM TO [OPTION...]: ucmatose and udaddy.
cm() {
	local program=$1 from=$2 to=$3
	shift 3
	both "$program" -b "$to" "$@" -- "$program" -s "$to" -b "$from" "$@"
	[ "$(grep -c 'return status 0' "$WORK/out")" = 2 ] || fail "$program did not end well twice"
	grep -q 'data transfers complete' "$WORK/out" || fail "$program transferred nothing"
}

# groups FROM TO GROUP [OPTION...]: mckey, which joins by RDMA-CM; options are the sender's. RDMA-CM
# itself refuses IPv6 groups on RoCEv2.
groups() {
	local from=$1 to=$2 group=$3
	shift 3
	both mckey -m "$group" -b "$to" -C 50 -S 900 -- \
		mckey -m "$group" -b "$from" -s -C 50 -S 900 "$@"
	[ "$(grep -c 'return status 0' "$WORK/out")" = 2 ] || fail "mckey did not end well twice"
	grep -q 'data transfers complete' "$WORK/out" || fail "mckey transferred nothing"
}

# More that comes with the same packages, where installed.
optional() {
	command -v "$2" >/dev/null || skip "$2 is not installed"
	"$@"
}

run_case driver 10 driver_is_loaded
run_case apps.up 20 up_two 9000
give_clock_rate
bound=$((2 * LIMIT / RXE_SLOW + 5))
run_case apps.rc_pingpong $bound pingpong ibv_rc_pingpong -c -n 1000 -s 5000
run_case apps.rc_pingpong.events $bound pingpong ibv_rc_pingpong -c -e -n 500
run_case apps.rc_pingpong.wr $bound pingpong ibv_rc_pingpong -c -N -n 500
run_case apps.rc_pingpong.mtu256 $bound pingpong ibv_rc_pingpong -c -m 256 -n 200 -s 70001
run_case apps.ud_pingpong $bound pingpong ibv_ud_pingpong -c -n 500 -s 1000
run_case apps.ud_pingpong.events $bound pingpong ibv_ud_pingpong -c -e -n 300
run_case apps.ib_write_bw $bound perf ib_write_bw -n 500 -s 65536
run_case apps.ib_write_bw.sizes $bound perf ib_write_bw -n 20 -a
run_case apps.ib_write_bw.qps $bound perf ib_write_bw -n 100 -q 16 -s 8192
run_case apps.ib_write_bw.both_ways $bound perf ib_write_bw -n 200 -b -s 65536
run_case apps.ib_read_bw $bound perf ib_read_bw -n 500 -s 65536
run_case apps.ib_send_bw $bound perf ib_send_bw -n 500 -s 65536
run_case apps.ib_send_bw.ud $bound perf ib_send_bw -c UD -n 500 -s 1024
run_case apps.ib_send_bw.events $bound perf ib_send_bw -e -n 300 -s 4096
run_case apps.ib_atomic_bw $bound perf ib_atomic_bw -n 500
run_case apps.ib_atomic_bw.swap $bound perf ib_atomic_bw -A CMP_AND_SWAP -n 500
run_case apps.ib_write_lat $bound perf ib_write_lat -n 500 -s 8
run_case apps.ib_read_lat $bound perf ib_read_lat -n 500 -s 8
run_case apps.ib_send_lat $bound perf ib_send_lat -n 500 -s 8
run_case apps.ib_write_bw.cm $bound perf ib_write_bw -R -n 200 -s 65536
run_case apps.rping.v4 $bound ping_cm 10.0.0.2
run_case apps.rping.v6 $bound ping_cm fd00::2
run_case apps.rping.size $bound ping_cm 10.0.0.2 -S 65535
run_case apps.ucmatose $bound cm ucmatose 10.0.0.1 10.0.0.2 -C 100 -S 5000
run_case apps.ucmatose.many $bound cm ucmatose 10.0.0.1 10.0.0.2 -c 20 -C 10 -S 300
run_case apps.udaddy $bound cm udaddy 10.0.0.1 10.0.0.2 -C 100 -S 1000
run_case apps.mckey $bound groups 10.0.0.1 10.0.0.2 239.77.3.1
run_case apps.mckey.send_only $bound groups 10.0.0.1 10.0.0.2 239.77.3.2 -o
# The MGID as perftest writes it, a byte each; its own default never leaves a host (ff01::).
mapped=0:0:0:0:0:0:0:0:0:0:255:255
run_case apps.ib_send_bw.mcast $bound perf ib_send_bw -c UD -g -M $mapped:239:77:3:3 -n 500 -s 1024
run_case apps.ib_send_lat.mcast $bound perf ib_send_lat -c UD -g -M $mapped:239:77:3:4 -n 500 -s 8
run_case apps.rstream $bound optional both rstream -b 10.0.0.2 -S 65536 -C 100 -T v -- \
	rstream -s 10.0.0.2 -S 65536 -C 100 -T v
run_case apps.down 20 down_two
summary
