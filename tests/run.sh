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
	line=$(grep -aoE '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$log" | tail -n 1) || true
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

# More where the host has it: a region of 4 GiB needs a guest of 6.
memory() {
	awk '/^MemAvailable:/ { print ($2 > 12000000 ? "6G" : "3G") }' /proc/meminfo
}

# uml NAME SECONDS COMMAND...: on user-mode Linux with its checkers.
uml() {
	local name=$1 limit=$2
	shift 2
	suite "uml-$name" $((limit + 60)) tests/vm/uml.sh run debug --mem "$(memory)" \
		--driver ours --timeout "$limit" -- "$@"
}

# stock NAME SECONDS COMMAND...: on Debian's own kernel, with memory of all kinds.
stock() {
	local name=$1 limit=$2
	shift 2
	suite "stock-$KERNEL-$name" $((limit + 120)) tests/vm/qemu.sh run --mem 3G --driver ours \
		--append 'memmap=256M!512M numa=fake=2 secretmem.enable=1' --timeout "$limit" \
		-- "$@"
}

# step NAME COMMAND...: what the suites behind it need; without it there is nothing to go on with.
step() {
	local name=$1
	shift
	say "== $name"
	"$@" >/dev/null
}

host_suites() {
	suite lint 600 tests/lint/run.sh
	suite lint-selftest 600 tests/lint/selftest.sh
	suite unit 600 make --no-print-directory -C tests/unit run
	suite lab 120 tests/vm/splats.sh --test
	suite pyverbs-selftest 120 tests/pyverbs/selftest.sh
}

uml_suites() {
	uml one 900 /src/tests/net/one.sh
	uml two 900 /src/tests/net/two-ns.sh
	uml links 600 /src/tests/net/links.sh
	uml mcast 900 /src/tests/net/mcast.sh
	uml icrc 300 /src/tests/net/icrc.sh
	uml wire 600 /src/tests/net/wire.sh
	uml odp 900 /src/tests/odp/odp.sh fast
	uml hostile 600 /src/tests/net/hostile.sh
	uml observe 600 /src/tests/net/observe.sh
	uml apps 900 /src/tests/net/apps.sh
	uml pyverbs 600 /src/tests/pyverbs/pyverbs.sh
	uml churn 900 /src/tests/net/churn.sh 3
	uml many 600 /src/tests/net/many.sh 200
	suite uml-kmod 400 tests/kmod/run.sh debug
}

interop_suite() {
	suite interop 1200 tests/interop/run.sh debug plain
}

stock_suites() {
	stock one 600 /src/tests/net/one.sh 'rc.*.sizes' 'sgl.*' 'atomic.*' 'cq.*' 'flush.*' 'ud.*'
	stock odp 1200 /src/tests/odp/odp.sh fast
	stock apps 900 /src/tests/net/apps.sh
	stock links 600 /src/tests/net/links.sh
	stock pyverbs 900 /src/tests/pyverbs/pyverbs.sh
	stock mcast 900 /src/tests/net/mcast.sh
	stock observe 600 /src/tests/net/observe.sh
}

KERNEL=${KERNEL:-6.12}
export KERNEL

step "packages of the host" tests/vm/deps.sh
host_suites
step "root file system and test programs of user-mode Linux" env KERNEL=6.12 tests/vm/guest-build.sh
step "user-mode Linux with its checkers" tests/vm/uml.sh build debug
uml_suites
step "user-mode Linux without checkers" tests/vm/uml.sh build plain
interop_suite
step "Debian's kernel $KERNEL" tests/vm/guest-build.sh
stock_suites
say "done"

for line in "${summary[@]}"; do
	echo "$line"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
