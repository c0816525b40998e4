# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What every lab script shares: where the tree and the cache are, progress, errors, locks, and
# artefacts that appear whole or not at all. Sourced, never run.
#
# Words. The *cache* holds everything a lab builds, outside of the tree. An *artefact* is a folder
# of the cache named STEM-KEY, where KEY is a digest of what it was made from: a change of an input
# makes a new artefact, and an unchanged one is found in no time. A *job* is one run of a command in
# a guest; its folder holds the command, its output, the kernel's log and the exit status.

[ "$(id -u)" = 0 ] || {
	echo "the labs need root (mounts, chroot, apt): run this as root" >&2
	exit 1
}

LAB_VM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_TREE=$(cd "$LAB_VM/../.." && pwd)
LAB_CACHE=${RXE_ODP_CACHE:-/var/cache/rxe-odp}
LAB_START=${LAB_START:-$EPOCHREALTIME}
LAB_SCRATCH=()
# Before a command: it runs with mounts and processes of its own, which all go when it is ended.
# shellcheck disable=SC2034 # for the scripts that source this
LAB_APART=(unshare --mount --propagation private --pid --fork --kill-child --mount-proc)
export LAB_START LAB_TREE
mkdir -p "$LAB_CACHE"/{lock,tmp,jobs}

# say TEXT...: one line of progress, with the seconds since the outermost script started.
say() {
	local us=$((${EPOCHREALTIME/./} - ${LAB_START/./}))
	printf '[%4d.%d s] %s\n' $((us / 1000000)) $((us / 100000 % 10)) "$*" >&2
}

# die TEXT...: the error, and what to do about it; ends the script.
die() {
	say "ERROR: $*"
	exit 1
}

# digest FILE...: sixteen digits that name what the files hold; - is the standard input.
digest() {
	cat "$@" | sha256sum | cut -c1-16
}

# module_sources: the files of the tree that the module is built from, without anything built there.
module_sources() {
	(cd "$LAB_TREE" && find Kbuild dkms.conf drivers include -type f ! -name '.*' |
		grep -vE '\.(o|ko|mod|mod\.c|flags|order|symvers)$' | sort)
}

# The guests with a stock kernel, by the name that KERNEL has: the Debian suite of the user space
# and, where it is another, that of the kernel. What is before a dash in the name is the kernel's
# version.
declare -A LAB_GUESTS=(
	[6.1]='bookworm'
	[6.1-trixie]='trixie bookworm'
	[6.12]='trixie'
	[6.12-sid]='sid trixie'
	[7.2]='trixie trixie-backports'
	[7.2-sid]='sid'
)

# user_space: the suite of the user space of the guest $KERNEL.
user_space() {
	[ -n "${LAB_GUESTS[$KERNEL]:-}" ] || die "KERNEL is '$KERNEL'; known are: ${!LAB_GUESTS[*]}"
	echo "${LAB_GUESTS[$KERNEL]%% *}"
}

# guest_tests: the folder of this tree's test programs for the user space of the guest $KERNEL, as
# guest-build.sh makes it; there or not yet.
guest_tests() {
	echo "$LAB_CACHE/guest-tests-$(user_space)-$(digest - <<<"$LAB_TREE")"
}

# locked NAME COMMAND...: runs COMMAND while no other run on this machine builds NAME. Never part of
# a condition: bash would not stop at an error inside of COMMAND.
locked() {
	local name=$1 fd
	shift
	exec {fd}>"$LAB_CACHE/lock/$name"
	if ! flock -n "$fd"; then
		say "another run is building $name: waiting for it"
		flock "$fd"
	fi
	"$@" {fd}>&-
	exec {fd}>&-
}

# scratch VARIABLE: a new folder in the cache, its path in VARIABLE, removed when the script ends.
# What a killed run left behind goes after a day.
scratch() {
	local -n scratch_path=$1
	find "$LAB_CACHE/tmp" -mindepth 1 -maxdepth 1 -mtime +1 -exec rm -rf --one-file-system {} +
	scratch_path=$(mktemp -d "$LAB_CACHE/tmp/${0##*/}.XXXXXXXX")
	# apt and mmdebstrap work in it as users of their own.
	chmod 755 "$scratch_path"
	LAB_SCRATCH+=("$scratch_path")
}

# sweep: at the end, however it comes: what still runs for this script goes first. A lab takes three
# seconds to end its guest, and is the only one that can.
sweep() {
	local running tries=30
	running=$(jobs -p)
	# shellcheck disable=SC2086 # a list
	[ -z "$running" ] || kill $running 2>/dev/null || true
	# shellcheck disable=SC2086
	while [ -n "$running" ] && [ $((tries--)) -gt 0 ] && kill -0 $running 2>/dev/null; do
		sleep 0.2
	done
	# shellcheck disable=SC2086
	[ -z "$running" ] || kill -KILL $running 2>/dev/null || true
	wait
	[ ${#LAB_SCRATCH[@]} = 0 ] || rm -rf --one-file-system "${LAB_SCRATCH[@]}"
}
trap sweep EXIT

# keep_awake: until this script ends, no CPU halts. A virtual CPU that halted takes tens of
# microseconds to wake, as its host has time for it: longer than a message. What keeps it awake runs
# only when nothing else would.
keep_awake() {
	local cpu
	for ((cpu = 0; cpu < $(nproc); cpu++)); do
		# shellcheck disable=SC2016 # for the inner shell
		chrt --idle 0 sh -c 'while [ -d "/proc/$1" ]; do :; done' awake $$ &
	done
}

# publish FOLDER ARTEFACT: a complete FOLDER becomes the artefact, at once.
publish() {
	mv -T "$1" "$2"
	prune "$2"
}

# prune ARTEFACT [KEEP]: it is in use now; of the same stem, all but the KEEP newest (2) go.
prune() {
	local stem keep=${2:-2}
	stem=$(basename "${1%-*}")
	touch "$1"
	find "$LAB_CACHE" -maxdepth 1 -name "$stem-????????????????" -printf '%T@ %p\n' |
		sort -rn | cut -d' ' -f2- | tail -n +$((keep + 1)) |
		xargs -r rm -rf --one-file-system
}

# loudly LOG COMMAND...: COMMAND with its output in LOG, a line of progress every 20 seconds, and
# the end of LOG if it fails.
loudly() {
	local log=$1 pid rc=0 next=$((SECONDS + 20))
	shift
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		if [ $SECONDS -ge $next ]; then
			next=$((SECONDS + 20))
			say "... $(tail -n1 "$log" | cut -c1-90)"
		fi
	done
	wait "$pid" || rc=$?
	if [ "$rc" != 0 ]; then
		tail -n 30 "$log" >&2
		say "ERROR: exit status $rc; the whole log: $log"
	fi
	return "$rc"
}
