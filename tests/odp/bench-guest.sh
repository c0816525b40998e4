#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench-guest.sh ROUNDS [CASE...]: the guest's part of bench.sh. In each round all cases of
# rxe_odp_bench, or those named; then pairs of perftest processes with pinned regions and with
# on-demand ones, in turn. Each line of /job/result is ROUND METRIC VARIANT VALUE; what failed has
# the value "failed", and its output is on the console.
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

# two_processes ROUND METRIC COLUMN PROGRAM ARGUMENT...: without --odp and with it, three times: how
# two processes share the CPUs differs from run to run by more than the two kinds of memory.
two_processes() {
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
		two_processes "$round" "${verb}_bw" 4 "ib_${verb}_bw" -s 65536 -n 10000
		two_processes "$round" "${verb}_lat" 5 "ib_${verb}_lat" -s 8 -n 5000
	done
done
net_one_down
[ $failed = 0 ] && ! grep -q failed /job/result
