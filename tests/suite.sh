# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Suites, and what comes of them. A suite is a command whose last line says `N passed, N failed,
# N skipped`. One that ends without such a line, or fails without counting a failure, counts as one
# failure. Output is shown as it comes, behind the suite's name, and kept in $LOGS, a file for each
# suite. Sourced after lib.sh.
#
# $ONLY is an array of words: only suites whose name begins with one of them; all if it is empty.
# $KEPT, if set (keep_results), is a folder of results, by suite and what it stands on, of those
# that ended without a failure. Such a suite is not run again while all of that is as it was, unless
# $AGAIN is set.

LOGS=${LOGS:-$LAB_CACHE/logs}
mkdir -p "$LOGS"
ONLY=()
RESULTS=()
SUITES=()

wanted() {
	local word
	[ ${#ONLY[@]} -gt 0 ] || return 0
	for word in "${ONLY[@]}"; do
		[[ $1 != "$word"* ]] || return 0
	done
	return 1
}

# any_of PREFIX: is a suite wanted whose name may begin with it?
any_of() {
	local word
	[ ${#ONLY[@]} -gt 0 ] || return 0
	for word in "${ONLY[@]}"; do
		[[ $word != "$1"* && $1 != "$word"* ]] || return 0
	done
	return 1
}

# run_suite NAME SECONDS COMMAND...: sets $result, "passed failed skipped seconds".
run_suite() {
	local name=$1 limit=$2 log=$LOGS/$1.log status=0 begin=$SECONDS line p f s
	shift 2
	say "== $name"
	timeout --kill-after=30 "$limit" "$@" 2>&1 | tee "$log" | sed -u "s/^/$name  /" || status=$?
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
	result="$p $f $s $((SECONDS - begin))"
}

# keep_results: for a month, in the cache. The tree must be git's, which tells what is in it.
keep_results() {
	KEPT=$LAB_CACHE/all
	mkdir -p "$KEPT"
	find "$KEPT" -type f -mtime +30 -delete
}

# Folders of tests/ that no suite in another folder uses.
APART=(build demo dmabuf interop kmod lint odp pyverbs sockets storage unit)

# ground COMMAND...: a digest of what a suite stands on: its command, in which guest but for time
# and memory, what the guests were to be made anew for, and all of the tree but documentation, lists
# of suites, and folders of others. lint reads everything.
ground() {
	local command=" $*" folder own but=()
	command=$(sed -E 's/ --(timeout|mem) [^ ]+//g' <<<"$command")
	own=${command##*tests/}
	own=${own%%[/ ]*}
	[ "$own" = lint ] || but=(':!*.md' ':(exclude,glob)tests/*.sh' ':(exclude,glob)tests/*.py')
	# Its tables are compared with those of a page.
	[[ $own =~ ^(lint|unit)$ ]] || but+=(':!Documentation')
	but+=(':!tests/results.txt' ':!Documentation/testing.rst')
	# The cases of programs are of no concern to others,
	[[ $own = lint || $command == *net/apps.sh* ]] ||
		but+=(':!tests/net/apps' ':!tests/net/apps.sh')
	# nor is the other laboratory to Debian's kernels.
	[[ $command != *vm/qemu.sh* ]] || but+=(':!tests/vm/config' ':!tests/vm/'{uml,source}.sh)
	for folder in "${APART[@]}"; do
		[ "$own" = lint ] || [ "$own" = "$folder" ] || but+=(":!tests/$folder")
	done
	{
		echo "$command ${RXE_ODP_REFRESH:-}"
		git ls-files -z -- . "${but[@]}" | xargs -0 sha256sum
	} | digest -
}

# suite NAME SECONDS COMMAND...
suite() {
	local name=$1 kept='' result f on=''
	[ -z "${KEPT:-}" ] || on=$(ground "${@:3}")
	[ -z "$on" ] || kept=$KEPT/$name-$on
	SUITES+=("$name $on")
	wanted "$name" || return 0
	if [ -n "$kept" ] && [ -e "$kept" ] && [ -z "${AGAIN:-}" ]; then
		result=$(<"$kept")
		say "== $name: as it was, $result"
	else
		# What passes at times has not passed.
		[ -z "$kept" ] || rm -f "$kept"
		run_suite "$@"
		read -r _ f _ <<<"$result"
		[ -z "$kept" ] || [ "$f" != 0 ] || echo "$result" >"$kept"
	fi
	RESULTS+=("$name $result")
}

# recorded FILE: one line a suite, NAME GROUND PASSED FAILED SKIPPED SECONDS: of this run, or else
# what FILE has of it, with the word "older" behind if it stood on something else.
recorded() {
	local name on line was
	for line in "${SUITES[@]}"; do
		read -r name on <<<"$line"
		if line=$(printf '%s\n' "${RESULTS[@]}" | grep "^$name "); then
			echo "$name $on ${line#* }"
		elif line=$(grep -s "^$name " "$1"); then
			read -r _ was _ <<<"$line"
			[ "$was" = "$on" ] && echo "$line" || echo "$line older"
		fi
	done
}

# Memory of the host that is available, in KiB: looked at once, as guests that run would count.
HOST_KIB=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)

# guest_memory MORE: more where the host has it. A region of 4 GiB, swapped to memory but for an
# eighth, and none of it compressible, needs a guest of 6.
guest_memory() {
	if [ "$HOST_KIB" -gt 16000000 ]; then
		echo "$1"
	elif [ "$HOST_KIB" -gt 12000000 ]; then
		echo 6G
	else
		echo 3G
	fi
}

# uml NAME SECONDS COMMAND...: on user-mode Linux with its checkers.
uml() {
	local name=$1 limit=$2
	shift 2
	suite "uml-$name" $((limit + 120)) tests/vm/uml.sh run debug --mem "$(guest_memory 6G)" \
		--driver ours --timeout "$limit" -- "$@"
}

# stock NAME SECONDS COMMAND...: on Debian's own kernel $KERNEL, with memory of all kinds. Each of
# its two nodes should have room for such a region: the swap takes from the first while it can, and
# when that is full, kswapd takes away all else that is there, programs' code too. For up to 110 s
# nobody in the guest got anything done.
stock() {
	local name=$1 limit=$2
	shift 2
	suite "stock-$KERNEL-$name" $((limit + 120)) tests/vm/qemu.sh run \
		--mem "$(guest_memory 12G)" --driver ours \
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

# side_by_side FUNCTION...: each in a shell of its own, all at the same time: a guest keeps hardly
# more than one CPU busy. Their suites and results are then this shell's; one that had to stop
# before its end counts as a failure.
side_by_side() {
	local i out='' running=()
	scratch out
	# Each leaves room for one of the other's guests.
	HOST_KIB=$((HOST_KIB - ($# - 1) * 6 * 1024 * 1024))
	for ((i = 1; i <= $#; i++)); do
		beside "${!i}" "$out/$i" &
		running+=($!)
	done
	for ((i = 1; i <= $#; i++)); do
		wait "${running[i - 1]}" || RESULTS+=("${!i} 0 1 0 $SECONDS")
		mapfile -t -O ${#SUITES[@]} SUITES <"$out/$i.suites"
		mapfile -t -O ${#RESULTS[@]} RESULTS <"$out/$i.results"
	done
}

# beside FUNCTION FILES: one of those.
beside() {
	SUITES=()
	RESULTS=()
	# shellcheck disable=SC2034 # lib.sh's: those of the shell that waits are its own to remove
	LAB_SCRATCH=()
	# shellcheck disable=SC2064 # the files as they are now
	trap "leave '$2'; sweep" EXIT
	"$1"
}

# leave FILES: how far one of those got.
leave() {
	printf '%s\n' "${SUITES[@]}" >"$1.suites"
	printf '%s\n' "${RESULTS[@]}" >"$1.results"
}

# Those that need nothing but the host.
host_suites() {
	suite lint 600 tests/lint/run.sh
	suite lint-selftest 600 tests/lint/selftest.sh
	suite unit 600 make --no-print-directory -C tests/unit run
	suite lab 120 tests/vm/splats.sh --test
	suite pyverbs-selftest 120 tests/pyverbs/selftest.sh
}

# known: each word that suites were asked for by is the beginning of one's name.
known() {
	local word rc=0
	for word in "${ONLY[@]}"; do
		printf '%s\n' "${SUITES[@]}" | grep "^$word" >/dev/null && continue
		echo "FAIL $word: no suite has a name that begins so"
		rc=1
	done
	return $rc
}

# conclude: a line for each suite, the totals. Returns whether nothing failed, and all were known.
conclude() {
	known || return
	printf '%s\n' "${RESULTS[@]}" | awk '
		NF {
			printf "%-28s %4d passed %3d failed %3d skipped %5d s\n", $1, $2, $3, $4, $5
			p += $2
			f += $3
			s += $4
		}
		END {
			printf "%d passed, %d failed, %d skipped\n", p, f, s
			exit f != 0
		}'
}
