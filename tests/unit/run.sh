#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run unit suites and count their cases. Called by `make run` with the built programs.
set -euo pipefail

if [ $# -eq 0 ]; then
	echo "usage: $0 PROGRAM..., or: make -C tests/unit run" >&2
	exit 2
fi

# Each case bounds itself; this bounds a runner gone wrong.
limit=600
log=$(mktemp)
trap 'rm -f "$log"' EXIT

for program in "$@"; do
	name=$(basename "$program")
	before=$(wc -l < "$log")
	status=0
	timeout "$limit" "$program" 2>&1 | tee -a "$log" || status=$?
	# A suite that registers no case, or dies between two, has not passed.
	if ! grep -qE '^(ok|FAIL|skip) ' < <(tail -n +$((before + 1)) "$log"); then
		echo "FAIL $name: ran no case (exit status $status)" | tee -a "$log"
	elif [ "$status" -ne 0 ] && ! grep -q '^FAIL ' < <(tail -n +$((before + 1)) "$log"); then
		echo "FAIL $name: exit status $status" | tee -a "$log"
	fi
done

count() {
	grep -c "^$1 " "$log" || true
}

failed=$(count FAIL)
echo "$(count ok) passed, $failed failed, $(count skip) skipped"
[ "$failed" -eq 0 ]
