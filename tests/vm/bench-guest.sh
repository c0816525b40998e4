#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The guest's part of bench.sh: perftest on one device looped back, one pass over the table. Each
# line of /job/result is METRIC VALUE; a test that failed has the value "failed", and its output
# is on the console. $1 divides the iterations, for a quick look.
set -euo pipefail
# shellcheck source=guest-net.sh
. /src/tests/vm/guest-net.sh
# shellcheck source=bench-perftest.sh
. /src/tests/vm/bench-perftest.sh

divide=${1:-1}

# result METRIC COLUMN: one column of the figures, or "failed".
result() {
	echo "$1 $(figure "$2")" | tee -a /job/result
}

# Bandwidth in MiB/s is column 4, messages in millions per second column 5; typical latency in us is
# column 5, its 99.9 % column 9.
bandwidth() {
	local verb size iterations
	for verb in write read send; do
		while read -r size iterations; do
			perftest "ib_${verb}_bw" -s "$size" -n $((iterations / divide))
			if [ "$size" = 8 ]; then
				result "${verb}_rate_8" 5
			else
				result "${verb}_bw_$size" 4
			fi
		done <<-SIZES
			8 10000
			4096 5000
			65536 2000
			1048576 150
		SIZES
	done
	perftest ib_atomic_bw -A FETCH_AND_ADD -n $((3000 / divide))
	result atomic_rate 5
}

latency() {
	local verb
	for verb in write read send; do
		perftest "ib_${verb}_lat" -s 8 -n $((5000 / divide))
		result "${verb}_lat_8" 5
		result "${verb}_lat_8_p999" 9
	done
}

# ticks COUNT VERB: hundredths of CPU seconds that COUNT messages cost, with the programs' start and
# end; in `spent`, empty if it failed. Both sides sleep until a completion comes (-e), so that what
# is counted is work, not polling.
ticks() {
	local before
	before=$(busy_ticks)
	pair "ib_$2_bw" -e -s 65536 -n "$1"
	spent=${figures:+$(($(busy_ticks) - before))}
}

# CPU seconds for a GiB, from the difference of a long and a short run.
cpu_cost() {
	local verb short=100 long=$((100 + 16000 / divide)) base
	for verb in send read; do
		ticks $short $verb
		base=$spent
		ticks $long $verb
		figures=
		[ -z "$base" ] || [ -z "$spent" ] || figures=$(awk -v t=$((spent - base)) \
			-v n=$((long - short)) 'BEGIN { printf "%.2f", t / 100 / (n / 16384) }')
		result "${verb}_cpu_65536" 1
	done
}

net_one 9000
: >/job/result
bandwidth
latency
cpu_cost
net_one_down
! grep -q failed /job/result
