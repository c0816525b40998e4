#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# All suites, in the order of how fast they find something; what `make test` runs.
#
#   tests/run.sh [SUITE...]    all suites, or those whose name begins with one of the words
#
# A suite is a command whose last line says `N passed, N failed, N skipped`. One that ends without
# such a line, or fails without counting a failure, counts as one failure. Output is shown as it
# comes and kept in LOGS, one file a suite.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=vm/lib.sh
. tests/vm/lib.sh

LOGS=${LOGS:-$LAB_CACHE/logs}
mkdir -p "$LOGS"
only=("$@")
passed=0 failed=0 skipped=0
summary=()

wanted() {
	local word
	[ ${#only[@]} -gt 0 ] || return 0
	for word in "${only[@]}"; do
		[[ $1 != "$word"* ]] || return 0
	done
	return 1
}

# suite NAME SECONDS COMMAND...
suite() {
	local name=$1 limit=$2 log status=0 line p f s
	shift 2
	wanted "$name" || return 0
	log=$LOGS/$name.log
	say "== $name"
	timeout --kill-after=30 "$limit" "$@" 2>&1 | tee "$log" || status=$?
	line=$(grep -aoE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$log" | tail -n 1)
	[ -n "$line" ] || line="0 passed, 0 failed, 0 skipped"
	read -r p _ f _ s _ <<<"$line"
	if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		echo "FAIL $name: ended with status $status (124: over $limit s); see $log"
		f=1
	elif [ "$status" -eq 0 ] && [ "$((p + f + s))" -eq 0 ]; then
		echo "FAIL $name: ran nothing; see $log"
		f=1
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	summary+=("$(printf '%-28s %4d passed %3d failed %3d skipped' "$name" "$p" "$f" "$s")")
}

uml() { # NAME SECONDS COMMAND...: on the debug kernel
	local name=$1 limit=$2
	shift 2
	suite "uml-$name" $((limit + 60)) tests/vm/uml.sh run debug --mem 3G --driver ours \
		--timeout "$limit" -- "$@"
}

stock() { # NAME SECONDS COMMAND...: on Debian's own kernel
	local name=$1 limit=$2
	shift 2
	suite "stock-$KERNEL-$name" $((limit + 120)) tests/vm/qemu.sh run --mem 3G --driver ours \
		--timeout "$limit" -- "$@"
}

KERNEL=${KERNEL:-6.12}
export KERNEL

tests/vm/deps.sh
suite lint 300 tests/lint/run.sh
suite unit 600 make --no-print-directory -C tests/unit run

for line in "${summary[@]}"; do
	echo "$line"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
