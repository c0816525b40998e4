# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# perftest: its programs, services and options, as far as they mean something on this device. A case
# passes when both ends succeed and a figure above zero came out. Sourced by apps.sh.

# give_clock_rate: perftest measures its clock against the rate in /proc/cpuinfo, which user-mode
# Linux lacks.
give_clock_rate() {
	grep -q 'cpu MHz' /proc/cpuinfo && return
	sed 's/^processor.*/&\ncpu MHz\t\t: 2100.000/' /proc/cpuinfo >"$WORK/cpuinfo"
	mount --bind "$WORK/cpuinfo" /proc/cpuinfo
}

# figures: the last line of results, if there is one that is not all zero; with --output a line is
# one figure.
figures() {
	awk '/^ *[0-9]+ +[0-9]+ / && ($3 > 0 || $4 > 0) { ok = $0 }
		/^[0-9]+\.[0-9]+$/ && $1 > 0 { ok = $0 }
		END { if (ok) print "# " ok; exit !ok }' "$WORK/out"
}

# needs_options PROGRAM [OPTION...]: releases differ.
needs_options() {
	local program=$1 option
	shift
	needs_program "$program"
	for option; do
		[[ $option != --* ]] || needs_option "$program" "${option%%=*}"
	done
}

# perf PROGRAM [OPTION...]. perftest learns the clock's rate by a regression, and where the host was
# busy just then it says so and prints zeros, which are below any limit: it runs again, and in the
# end has to do without a figure.
perf() {
	local program=$1 try rc to=10.0.0.2 from=10.0.0.1
	shift
	needs_options "$program" "$@"
	[ "${PERF_FAMILY:-v4}" = v4 ] || { to=fd00::2 && from=fd00::1; }
	for try in 1 2 3; do
		: >"$WORK/out"
		rc=0
		# shellcheck disable=SC2086 # commands and options
		(both ${PERF_UNDER:-} "$program" -F -d rxe2 -x "$(gid_of rxe2 $to)" "$@" -- \
			${PERF_UNDER:-} "$program" -F -d rxe1 -x "$(gid_of rxe1 $from)" "$@" \
			${PERF_CLIENT:-} "${PERF_TO:-10.0.0.2}") || rc=$?
		[ $rc = 0 ] || grep -q 'result is below bw limit' "$WORK/out" || exit $rc
		[ $rc != 0 ] || ! figures || return 0
		grep -q 'Correlation coefficient' "$WORK/out" ||
			fail "$program ended with status $rc, or without a figure above zero"
		echo "perftest found no clock rate at try $try"
	done
	skip "no figure: the host is too busy for perftest to find the clock's rate"
}

perf6() {
	PERF_FAMILY=v6 perf "$@"
}

# perf_cm6 PROGRAM [OPTION...]: RDMA-CM over IPv6, the parameters as well.
perf_cm6() {
	PERF_FAMILY=v6 PERF_TO=fd00::2 perf "$1" -R --ipv6-addr "${@:2}"
}

# perf_says WORDS PROGRAM [OPTION...]: it runs, and says that it does without something.
perf_says() {
	local words=$1
	shift
	perf "$@"
	said "$words" || fail "it did not say '$words'"
}

# not_there WORDS PROGRAM OPTION...: refused, by what the device says of itself, when both ends have
# met and set out to make their objects.
not_there() {
	local words=$1 program=$2 pid rc=0
	shift 2
	needs_options "$program" "$@"
	start pid ip netns exec ns2 timeout "$LIMIT" "$program" -d rxe2 -F "$@"
	ready "$pid"
	in_ns 1 timeout "$LIMIT" "$program" -d rxe1 -F "$@" 10.0.0.2 || rc=$?
	kill "$pid" 2>/dev/null || true
	[ $rc != 0 ] || fail "it succeeded"
	[ $rc != 124 ] || fail "it hung"
	said "$words" || fail "it failed (status $rc) without '$words'"
}

# perf_bound PROGRAM [OPTION...]: the client's address is told.
perf_bound() {
	PERF_CLIENT=--bind_source_ip=10.0.0.1 perf "$@"
}

# perf_forever PROGRAM: prints results until it is ended.
perf_forever() {
	local server client
	start server ip netns exec ns2 "$1" -F -d rxe2 -D 1 --run_infinitely
	ready "$server"
	start client ip netns exec ns1 "$1" -F -d rxe1 -D 1 --run_infinitely 10.0.0.2
	until_true 15 results_of "$client" 3
	kill "$client" "$server"
}

# results_of PID COUNT: it has printed so many.
results_of() {
	[ "$(grep -cE '^ *[0-9]+ +[0-9]+ ' "$(output_of "$1")")" -ge "$2" ]
}

# perf_counters PROGRAM [OPTION...]: sysfs as the first name space sees it; to others it shows no
# counters of devices.
perf_counters() {
	PERF_UNDER='nsenter --mount=/proc/1/ns/mnt' perf_says 'sent_pkts=[1-9]' "$@" \
		--report-counters=hw_counters/sent_pkts,counters/port_xmit_data
}

# perf_payload PROGRAM [OPTION...]: data from a file of words.
perf_payload() {
	seq 7 71 | awk '{ printf "%s0x%08x", NR == 1 ? "" : ",", $1 * 16777259 }' >"$WORK/words"
	perf "$@" --payload_file_path="$WORK/words"
}

# perf_refused WORDS PROGRAM OPTION...: at once.
perf_refused() {
	needs_options "${@:2}"
	refused "$1" "$2" -d rxe2 "${@:3}"
}

# perf_huge PROGRAM [OPTION...]: on huge pages.
perf_huge() {
	local said
	said=$(bash -ec '. "$1"; mem_huge 64' prepare "$NET_DIR/../vm/guest-memory.sh" 2>&1) ||
		skip "${said##*$'\n'}"
	perf "$@" --use_hugepages
}

# perf_file PROGRAM [OPTION...]: buffers in a file.
perf_file() {
	head -c 1048576 /dev/urandom >"$WORK/mapped"
	perf "$@" --mmap="$WORK/mapped" --mmap-offset=4096
}

# Every program and service, all sizes up to 8 MiB: what people run first.
perf_sizes() {
	local what service verb
	for what in 'write RC' 'write UC' 'send RC' 'send UC' 'send UD' 'read RC'; do
		read -r verb service <<<"$what"
		more "ib_${verb}_bw.sizes.$service" perf "ib_${verb}_bw" -c "$service" -a -n 5
		more "ib_${verb}_lat.sizes.$service" perf "ib_${verb}_lat" -c "$service" -a -n 5
	done
	for what in FETCH_AND_ADD CMP_AND_SWAP; do
		more "ib_atomic_bw.$what" perf ib_atomic_bw -A $what -n 300
		more "ib_atomic_lat.$what" perf ib_atomic_lat -A $what -n 300
	done
}

# Options that every kind of bandwidth test takes.
perf_common() {
	local verb
	for verb in write read send atomic; do
		local bw=ib_${verb}_bw lat=ib_${verb}_lat
		more "$bw.both_ways" perf "$bw" -b -n 200
		more "$bw.qps4" perf "$bw" -q 4 -n 100
		more "$bw.qps4.both_ways" perf "$bw" -q 4 -b -n 50
		more "$bw.post_list" perf "$bw" -l 8 -n 256
		more "$bw.cq_mod" perf "$bw" -Q 16 -n 256
		more "$bw.depth" perf "$bw" -t 1 -n 200
		more "$bw.cm" perf "$bw" -R -n 200
		more "$bw.cm.qps4" perf "$bw" -R -q 4 -n 50
		more "$bw.cm.v6" perf_cm6 "$bw" -n 100
		more "$bw.comm_cm" perf "$bw" -z -n 100
		more "$bw.v6" perf6 "$bw" -n 200
		more "$bw.duration" perf "$bw" -D 2
		more "$bw.odp" perf "$bw" --odp -n 200
		more "$bw.mr_per_qp" perf "$bw" -q 4 --mr_per_qp -n 50
		more "$bw.hugepages" perf_huge "$bw" -n 100
		more "$bw.file" perf_file "$bw" -n 100
		more "$bw.old_post" perf "$bw" --use_old_post_send -n 100
		more "$bw.strict" perf "$bw" --disable_pcie_relaxed -n 100
		more "$lat.cm" perf "$lat" -R -n 200
		more "$lat.odp" perf "$lat" --odp -n 200
		more "$lat.v6" perf6 "$lat" -n 200
		more "$lat.duration" perf "$lat" -D 2
		more "$lat.gap" perf "$lat" --latency_gap=50 -n 100
		more "$lat.unsorted" perf "$lat" -U -n 100
		more "$lat.cycles" perf "$lat" -C -n 100
		more "$lat.output" perf "$lat" --output=latency -n 200
	done
	for verb in 256 512 1024 2048 4096; do
		more "ib_write_bw.mtu$verb" perf ib_write_bw -m "$verb" -n 100 -s 70001
		more "ib_read_bw.mtu$verb" perf ib_read_bw -m "$verb" -n 100 -s 70001
		more "ib_send_bw.mtu$verb" perf ib_send_bw -m "$verb" -n 100 -s 70001
	done
}

# Options of one verb or service, and of the report.
perf_special() {
	local verb
	for verb in send read atomic; do
		more "ib_${verb}_bw.events" perf "ib_${verb}_bw" -e -n 200
		more "ib_${verb}_lat.events" perf "ib_${verb}_lat" -e -n 200
		more "ib_${verb}_bw.vector" perf "ib_${verb}_bw" -e -X 1 -n 200
		more "ib_${verb}_lat.vector" perf "ib_${verb}_lat" -e -X 1 -n 200
	done
	for verb in read atomic; do
		more "ib_${verb}_bw.outs1" perf "ib_${verb}_bw" -o 1 -n 200
		more "ib_${verb}_bw.outs16" perf "ib_${verb}_bw" -o 16 -n 200
		more "ib_${verb}_lat.outs1" perf "ib_${verb}_lat" -o 1 -n 200
	done
	for verb in write send; do
		more "ib_${verb}_bw.uc.qps" perf "ib_${verb}_bw" -c UC -q 4 -n 50
		more "ib_${verb}_bw.uc.both_ways" perf "ib_${verb}_bw" -c UC -b -n 100
	done
	more ib_send_bw.ud.qps perf ib_send_bw -c UD -q 4 -n 100 -s 1000
	more ib_send_bw.ud.both_ways perf ib_send_bw -c UD -b -n 100 -s 1000
	more ib_send_bw.ud.events perf ib_send_bw -c UD -e -n 100 -s 1000
	more ib_send_bw.ud.cm perf ib_send_bw -c UD -R -n 100 -s 1000
	more ib_send_bw.ud.v6 perf6 ib_send_bw -c UD -n 100 -s 1000
	more ib_send_lat.ud.v6 perf6 ib_send_lat -c UD -n 100 -s 100
	more ib_send_bw.rx_depth perf ib_send_bw -r 4 -n 200
	more ib_send_bw.recv_list perf ib_send_bw --recv_post_list 8 -r 64 -n 256
	more ib_send_bw.srq.qps perf ib_send_bw --use-srq -q 4 -n 100 -s 4097
	more ib_send_bw.srq.odp perf ib_send_bw --use-srq --odp -n 100 -s 4097
	more ib_send_lat.srq perf ib_send_lat --use-srq -n 100
	more ib_write_bw.qps64 perf ib_write_bw -q 64 -n 20 -s 4096
	more ib_write_bw.odp.sizes perf ib_write_bw --odp -a -n 5
	more ib_read_bw.odp.sizes perf ib_read_bw --odp -a -n 5
	more ib_write_bw.imm perf ib_write_bw --write_with_imm -n 200
	more ib_write_lat.imm perf ib_write_lat --write_with_imm -n 200
	more ib_send_bw.imm perf ib_send_bw --send_with_imm -n 200
	more ib_write_bw.validation perf ib_write_bw --data_validation -n 200
	more ib_write_bw.inline perf_says 'inline feature. Disabling' ib_write_bw -I 64 -s 32 -n 200
	more ib_write_bw.reversed perf ib_write_bw --reversed -n 100
	more ib_write_bw.warm perf ib_write_bw --perform_warm_up -n 100
	more ib_write_bw.gbits perf ib_write_bw --report_gbits -n 100
	more ib_write_bw.report_both perf ib_write_bw -b --report-both -n 100
	more ib_write_bw.no_peak perf ib_write_bw -N -n 100
	more ib_write_bw.sl perf ib_write_bw -S 3 --pkey_index=0 -n 100
	more ib_write_bw.timeout perf ib_write_bw -u 12 -n 100
	more ib_write_bw.cm.retries perf ib_write_bw -R --retry_count=3 -n 100
	more ib_write_bw.rate perf ib_write_bw --rate_limit=10 --rate_units=M \
		--rate_limit_type=SW -n 200 -s 4096
	more ib_write_bw.burst perf ib_write_bw --rate_limit=10 --rate_units=M \
		--rate_limit_type=SW --burst_size=4 -n 200 -s 4096
	more ib_write_bw.port perf ib_write_bw -p 18616 -i 1 -n 100
	more ib_write_bw.bound perf_bound ib_write_bw -n 100
	more ib_write_bw.link perf ib_write_bw --force-link=Ethernet -n 100
	more ib_write_bw.payload perf_payload ib_write_bw -n 100
	more ib_send_bw.payload perf_payload ib_send_bw -n 100
	more ib_write_bw.counters perf_counters ib_write_bw -n 100
	more ib_write_bw.bandwidth perf ib_write_bw --output=bandwidth -n 200
	more ib_write_bw.rate_out perf ib_write_bw --output=message_rate -n 200
	more ib_write_bw.infinite perf_forever ib_write_bw
	more ib_write_bw.margin perf ib_write_bw -D 3 -f 1 --cpu_util
	more ib_write_bw.json perf ib_write_bw --out_json --out_json_file="$WORK/json" -n 100
	more ib_write_bw.destroy_late perf ib_write_bw --wait_destroy=1 -n 50
	more ib_write_lat.histogram perf ib_write_lat -H -n 100
	more ib_write_bw.limit perf ib_write_bw -w 0.001 -y 0.000001 -n 100
}

# What librxe or the device has not, perftest finds out and says.
perf_refusals() {
	local program raw=(-E 02:00:00:00:00:01 -B 02:00:00:00:00:02 --server)
	more ib_write_bw.no_xrc not_there 'xrc' ib_write_bw -c XRC
	more ib_write_bw.no_uc_odp not_there 'odp' ib_write_bw -c UC --odp
	more ib_write_bw.no_null_mr not_there 'null' ib_write_bw --use-null-mr
	more ib_write_bw.no_dc not_there 'create QP' ib_write_bw -c DC
	more ib_send_bw.no_srd not_there 'create QP' ib_send_bw -c SRD
	more ib_write_bw.no_thread_domain not_there 'allocate TD' ib_write_bw --no_lock
	more ib_write_bw.no_unsolicited perf_refused 'only for SRD' ib_write_bw \
		--write_with_imm --unsolicited_write
	more ib_write_bw.no_pacing perf_refused 'rate limit is not supported' \
		ib_write_bw --rate_limit=1 --rate_limit_type=HW
	more ib_write_bw.one_port perf_refused 'port 2' ib_write_bw -i 2
	more ib_write_bw.no_second_port perf_refused 'port 2' ib_write_bw -O
	for program in raw_ethernet_{bw,lat,fs_rate}; do
		more "$program.none" perf_refused 'create QP' "$program" "${raw[@]}"
	done
	more raw_ethernet_burst_lat.none perf_refused 'create QP' \
		raw_ethernet_burst_lat "${raw[@]}" --rate_limit=10
}

perftest_cases() {
	# The MGID as perftest writes it, a byte each; its own default never leaves a host (ff01::).
	local mapped=0:0:0:0:0:0:0:0:0:0:255:255
	give_clock_rate
	app ib_write_bw perf ib_write_bw -n 500 -s 65536
	app ib_write_bw.sizes perf ib_write_bw -n 20 -a
	app ib_write_bw.qps perf ib_write_bw -n 100 -q 16 -s 8192
	app ib_write_bw.both_ways perf ib_write_bw -n 200 -b -s 65536
	app ib_write_bw.uc perf ib_write_bw -c UC -n 200 -s 65536
	app ib_write_bw.odp perf ib_write_bw --odp -n 200 -s 65536
	app ib_write_bw.post_list perf ib_write_bw -l 8 -n 256 -s 4096
	app ib_read_bw perf ib_read_bw -n 500 -s 65536
	app ib_read_bw.v6 perf6 ib_read_bw -n 200 -s 65536
	app ib_send_bw perf ib_send_bw -n 500 -s 65536
	app ib_send_bw.uc perf ib_send_bw -c UC -n 200 -s 65536
	app ib_send_bw.ud perf ib_send_bw -c UD -n 500 -s 1024
	app ib_send_bw.srq perf ib_send_bw --use-srq -n 200 -s 4097
	app ib_send_bw.events perf ib_send_bw -e -n 300 -s 4096
	app ib_atomic_bw perf ib_atomic_bw -n 500
	app ib_atomic_bw.swap perf ib_atomic_bw -A CMP_AND_SWAP -n 500
	app ib_write_lat perf ib_write_lat -n 500 -s 8
	app ib_read_lat perf ib_read_lat -n 500 -s 8
	app ib_send_lat perf ib_send_lat -n 500 -s 8
	app ib_atomic_lat perf ib_atomic_lat -n 300
	app ib_write_bw.cm perf ib_write_bw -R -n 200 -s 65536
	app ib_send_bw.mcast perf ib_send_bw -c UD -g -M $mapped:239:77:3:3 -n 500 -s 1024
	app ib_send_lat.mcast perf ib_send_lat -c UD -g -M $mapped:239:77:3:4 -n 500 -s 8
	perf_sizes
	perf_common
	perf_special
	perf_refusals
}
