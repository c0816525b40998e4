# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# libibverbs' pingpongs, each with -c, which checks the data where the program can. Sourced by
# apps.sh.

# pingpong PROGRAM [OPTION...]: over IPv4 or, with PINGPONG_FAMILY=v6 before, IPv6 addresses.
pingpong() {
	local program=$1 to=10.0.0.2 from=10.0.0.1
	shift
	[ "${PINGPONG_FAMILY:-v4}" = v4 ] || { to=fd00::2 && from=fd00::1; }
	both "$program" -d rxe2 -g "$(gid_of rxe2 $to)" "$@" -- \
		"$program" -d rxe1 -g "$(gid_of rxe1 $from)" "$@" 10.0.0.2
	grep -q 'iters in' "$WORK/out" || fail "$program printed no result"
	! grep -qi 'invalid data' "$WORK/out" || fail "$program saw invalid data"
}

pingpong6() {
	PINGPONG_FAMILY=v6 pingpong "$@"
}

# Options of all programs; a shared queue wants a receive for each queue pair.
pingpong_common() {
	local kind depth
	for kind in rc uc ud srq; do
		depth=1
		[ $kind != srq ] || depth=16
		more ${kind}_pingpong.port pingpong ibv_${kind}_pingpong -c -n 100 -p 18616 -i 1
		more ${kind}_pingpong.depth pingpong ibv_${kind}_pingpong -c -n 300 -r $depth
		more ${kind}_pingpong.sl pingpong ibv_${kind}_pingpong -c -n 100 -l 3
		more ${kind}_pingpong.one_port refused 'port|INIT' \
			ibv_${kind}_pingpong -d rxe2 -g 1 -i 2
	done
}

pingpong_cases() {
	local size mtu
	app rc_pingpong pingpong ibv_rc_pingpong -c -n 1000 -s 5000
	app rc_pingpong.events pingpong ibv_rc_pingpong -c -e -n 500
	app rc_pingpong.wr pingpong ibv_rc_pingpong -c -N -n 500
	app rc_pingpong.mtu256 pingpong ibv_rc_pingpong -c -m 256 -n 200 -s 70001
	app rc_pingpong.v6 pingpong6 ibv_rc_pingpong -c -n 200 -s 5001
	app rc_pingpong.odp pingpong ibv_rc_pingpong -c -o -n 300 -s 20001
	app rc_pingpong.implicit pingpong ibv_rc_pingpong -c -o -O -n 300 -s 20001
	app rc_pingpong.no_timestamps refused 'timestamp' ibv_rc_pingpong -d rxe2 -t
	more rc_pingpong.no_device_memory refused 'dm|device memory' ibv_rc_pingpong -d rxe2 -j
	more rc_pingpong.prefetch pingpong ibv_rc_pingpong -c -o -P -n 300 -s 20001
	more rc_pingpong.odp.events pingpong ibv_rc_pingpong -c -o -e -n 200 -s 4097
	more rc_pingpong.odp.wr pingpong ibv_rc_pingpong -c -o -N -n 200 -s 4097
	for mtu in 512 1024 2048 4096; do
		more rc_pingpong.mtu$mtu pingpong ibv_rc_pingpong -c -m $mtu -n 200 -s 70001
	done
	for size in 1 2 63 1023 1025 4095 65535 1048577; do
		more rc_pingpong.size$size pingpong ibv_rc_pingpong -c -n 50 -s $size
	done
	app uc_pingpong pingpong ibv_uc_pingpong -c -n 500 -s 5000
	more uc_pingpong.events pingpong ibv_uc_pingpong -c -e -n 300
	more uc_pingpong.mtu256 pingpong ibv_uc_pingpong -c -m 256 -n 200 -s 9001
	more uc_pingpong.v6 pingpong6 ibv_uc_pingpong -c -n 200 -s 5001
	app ud_pingpong pingpong ibv_ud_pingpong -c -n 500 -s 1000
	app ud_pingpong.events pingpong ibv_ud_pingpong -c -e -n 300
	more ud_pingpong.v6 pingpong6 ibv_ud_pingpong -c -n 200 -s 1001
	more ud_pingpong.mtu pingpong ibv_ud_pingpong -c -n 200 -s 4096
	app srq_pingpong pingpong ibv_srq_pingpong -c -n 100 -s 5000
	app srq_pingpong.odp pingpong ibv_srq_pingpong -c -o -n 50 -s 5001
	more srq_pingpong.events pingpong ibv_srq_pingpong -c -e -n 100
	more srq_pingpong.qps pingpong ibv_srq_pingpong -c -q 64 -n 20 -s 300
	more srq_pingpong.mtu256 pingpong ibv_srq_pingpong -c -m 256 -q 4 -n 50 -s 70001
	more srq_pingpong.v6 pingpong6 ibv_srq_pingpong -c -q 4 -n 100
	pingpong_common
	app xsrq_pingpong.no_xrc refused 'xrc' ibv_xsrq_pingpong -d rxe2 -g 1
}
