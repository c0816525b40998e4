#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench-guest.sh ROUNDS [CASE...]: the guest's part of bench.sh. In each round all cases of
# rxe_odp_bench, or those named; then pairs of perftest processes with pinned regions and with
# on-demand ones. Each line of /job/result is ROUND METRIC VARIANT VALUE; what failed has the value
# "failed".
set -euo pipefail
# shellcheck source=../vm/guest-net.sh
. /src/tests/vm/guest-net.sh
# shellcheck source=../vm/bench-perftest.sh
. /src/tests/vm/bench-perftest.sh

rounds=$1
shift

# cases ROUND [CASE...]: the program's lines go to the console, its figures to the result.
cases() {
	local round=$1
	shift
	rxe_odp_bench -d rxe0 "$@" | tee /tmp/cases || failed=1
	sed -n "s/^= /$round /p" /tmp/cases >>/job/result
}

# in_turn ROUND METRIC COLUMN PROGRAM ARGUMENT...: without --odp and with it, three times, in an
# order that is fair to both.
in_turn() {
	local round=$1 metric=$2 column=$3 variant
	shift 3
	for variant in pinned on_demand on_demand pinned pinned on_demand; do
		if [ $variant = on_demand ]; then
			perftest "$@" --odp
		else
			perftest "$@"
		fi
		echo "$round perftest_$metric $variant $(figure "$column")" | tee -a /job/result
	done
}

# side_by_side ROUND METRIC PROGRAM: both at the same time, six times, for 5 s, of which perftest
# counts 3; in MiB/s. They share one CPU, and so all that the host does to it: turns of a second are
# too long. With a CPU for each, what counts is where their QPs happen to run (performance.md).
side_by_side() {
	local round=$1 metric=$2 command=("$3" -s 65536 -D 5 -f 1) i variant order jobs
	local -A port_of option=([pinned]='' [on_demand]=--odp)
	for ((i = 0; i < 6; i++)); do
		order=(pinned on_demand)
		((i % 2 == 0)) || order=(on_demand pinned)
		jobs=()
		for variant in "${order[@]}"; do
			# shellcheck disable=SC2086 # none, or one
			serve "${command[@]}" ${option[$variant]}
			port_of[$variant]=$port
			jobs+=("$server")
		done
		for variant in "${order[@]}"; do
			# shellcheck disable=SC2086 # none, or one
			ask "${port_of[$variant]}" "${command[@]}" ${option[$variant]} &
			jobs+=($!)
		done
		wait "${jobs[@]}" || true
		for variant in pinned on_demand; do
			figures_of "${port_of[$variant]}" |
				awk -v m="$round perftest_$metric $variant" '
					{ n = $2 }
					END { print m, n ? n / 16 / 3 : "failed" }' |
				tee -a /job/result
		done
	done
}

# on_one_cpu COMMAND...: with all programs, and the kernel's threads that serve faults, on one CPU.
on_one_cpu() {
	local workers=/sys/devices/virtual/workqueue/cpumask all
	all=$(cat $workers)
	echo 1 >$workers
	taskset -p 0x1 $$ >/dev/null
	"$@"
	taskset -p "0x$all" $$ >/dev/null
	echo "$all" >$workers
}

failed=0
# More than the memory there is: mappings of which few pages are ever touched.
echo 1 >/proc/sys/vm/overcommit_memory
net_one 9000
: >/job/result
for ((round = 1; round <= rounds; round++)); do
	echo "--- round $round of $rounds"
	cases "$round" "$@"
	[ $# = 0 ] || continue
	for verb in write read; do
		on_one_cpu side_by_side "$round" "${verb}_bw" "ib_${verb}_bw"
		in_turn "$round" "${verb}_lat" 5 "ib_${verb}_lat" -s 8 -n 5000
	done
done
net_one_down
[ $failed = 0 ] && ! grep -q failed /job/result
