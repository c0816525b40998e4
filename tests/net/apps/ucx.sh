# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# UCX with its transports for any verbs device, reliable connections (rc_v: rc_verbs, and datagrams
# to find each other) and datagrams (ud_v). Nothing else is allowed to it, and the packets are
# counted. ucx_perftest does not check its data: MPI's cases, which run on the same transports, do.
# Sourced by apps.sh.

# ucx_knows TRANSPORT: and what the device can do there.
ucx_knows() {
	needs_program ucx_info
	in_ns 1 ucx_info -d >"$WORK/ucx"
	awk -v want="$1" '/Transport:/ { transport = $NF } /Device: rxe1:1$/ && transport == want {
		found = 1; here = 1 } /Transport:/ { here = 0 } here { print }
		END { exit !found }' "$WORK/ucx" || fail "ucx_info knows no $1 on rxe1:1"
}

# ucx_can WORD: ucx_info tells of it for the memory domain or the transports of the device.
ucx_can() {
	needs_program ucx_info
	in_ns 1 ucx_info -d | sed -n '/Memory domain: rxe1/,/Memory domain: [^r]/p' |
		tee "$WORK/ucx"
	grep -q "$1" "$WORK/ucx" ||
		fail "ucx_info tells of no '$1'"
}

# on N: the words before a program that may use rxeN alone, with its IPv4 address.
on() {
	printf '%s\n' env "UCX_NET_DEVICES=rxe$1:1" "UCX_IB_GID_INDEX=$(gid_of "rxe$1" "10.0.0.$1")"
}

# ucx TRANSPORTS TEST SIZE COUNT [OPTION...]: UCP, the level that programs use.
ucx() {
	local how=$1 one two program=(ucx_perftest -P 0 -t "$2" -s "$3" -n "$4" -w 10 "${@:5}")
	needs_program ucx_perftest
	mapfile -t one < <(on 1)
	mapfile -t two < <(on 2)
	over rxe1 "$4" both "${two[@]}" "UCX_TLS=$how" "${program[@]}" -- \
		"${one[@]}" "UCX_TLS=$how" "${program[@]}" 10.0.0.2
	ucx_figures
}

# uct TRANSPORT TEST SIZE COUNT [OPTION...]: UCT, the transport alone.
uct() {
	local one two program=(ucx_perftest -P 0 -x "$1" -t "$2" -s "$3" -n "$4" -w 10 "${@:5}")
	needs_program ucx_perftest
	mapfile -t one < <(on 1)
	mapfile -t two < <(on 2)
	over rxe1 10 both "${two[@]}" "${program[@]}" -d rxe2:1 -- \
		"${one[@]}" "${program[@]}" -d rxe1:1 10.0.0.2
	ucx_figures
}

# on_demand COMMAND...: with UCX's memory registered on demand.
on_demand() {
	UCX_REG_NONBLOCK_MEM_TYPES=host "$@"
}

faults() {
	echo $(($(counter rxe1 odp_page_faults) + $(counter rxe2 odp_page_faults)))
}

# ucx_faults TRANSPORTS TEST SIZE COUNT: as ucx, and pages were faulted for.
ucx_faults() {
	local before
	before=$(faults)
	on_demand ucx "$@"
	[ "$(faults)" -gt "$before" ] || fail "no page fault: the memory was not on demand"
	echo "# $(($(faults) - before)) page faults"
}

# ucx_complains: UCX tells of an error in its log, and may go on. That it has no flush of the remote
# side, which takes a key of Mellanox' devices, it says each time that it would like to have it.
ucx_complains() {
	grep -qvE 'flush\(remote\)|error during flush' < <(grep -E 'UCX +(ERROR|WARN)' "$WORK/out")
}

ucx_figures() {
	! ucx_complains || fail "UCX complained"
	awk '/Final:/ && $3 > 0 { ok = $0 } END { if (ok) print "# " ok; exit !ok }' "$WORK/out" ||
		fail "ucx_perftest printed no figure above zero"
}

ucx_cases() {
	local how test
	app ucx_info.rc ucx_knows rc_verbs
	app ucx_info.ud ucx_knows ud_verbs
	app ucx.rc.tag_lat ucx rc_v tag_lat 1001 200
	app ucx.rc.tag_bw ucx rc_v tag_bw 300001 50
	app ucx.rc.put_bw ucx rc_v ucp_put_bw 65537 50
	app ucx.rc.get ucx rc_v ucp_get 65537 50
	app ucx.ud.tag_lat ucx ud_v tag_lat 1001 200
	more ucx_info.odp ucx_can reg_nonblock
	for test in ucp_put_bw ucp_get; do
		more ucx.rc.odp.$test ucx_faults rc_v $test 300001 50
	done
	for how in rc_v ud_v rc_v,ud_v; do
		for test in tag_lat tag_sync_lat ucp_put_lat ucp_am_lat stream_lat; do
			more ucx.$how.$test.short ucx $how $test 8 200
			more ucx.$how.$test.odd ucx $how $test 9001 100
		done
		for test in tag_bw tag_sync_bw ucp_put_bw ucp_get ucp_am_bw stream_bw; do
			more ucx.$how.$test.odd ucx $how $test 9001 100
			more ucx.$how.$test.large ucx $how $test 1000001 20
		done
		for test in ucp_add ucp_fadd ucp_swap ucp_cswap; do
			more ucx.$how.$test ucx $how $test 8 200
		done
	done
	more ucx.rc.iov ucx rc_v tag_bw 1001,5003,17 100 -D iov,iov
	more ucx.rc.unexpected ucx rc_v tag_lat 20001 100 -U
	more ucx.rc.sleep ucx rc_v tag_lat 1001 100 -E sleep
	more ucx.ud.sleep ucx ud_v tag_lat 1001 100 -E sleep
	more ucx.rc.error_handling ucx rc_v tag_bw 70001 50 -e
	more ucx.rc.nonblocking ucx rc_v ucp_put_bw 300001 50 -B
	more ucx.rc.outstanding ucx rc_v tag_bw 70001 100 -O 32
	for how in rc_verbs ud_verbs; do
		for test in short bcopy zcopy; do
			more uct.$how.am_lat.$test uct $how am_lat 40 200 -D $test
		done
		more uct.$how.am_bw uct $how am_bw 2000 200 -D bcopy
	done
	more uct.put_lat.short uct rc_verbs put_lat 40 200 -D short
	more uct.put_bw.zcopy uct rc_verbs put_bw 100001 50 -D zcopy
	more uct.get.bcopy uct rc_verbs get 4001 100 -D bcopy
	more uct.get.zcopy uct rc_verbs get 100001 50 -D zcopy
	more uct.add uct rc_verbs add_lat 8 200
	more uct.fadd uct rc_verbs fadd 8 200
	more uct.cswap uct rc_verbs cswap 8 200
}
