# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # options are for the scripts that source this
#
# One job, as both kinds of lab share it: options, the job's folder, and the verdict. Sourced after
# lib.sh. Exit statuses of a run: the command's own; 1 if the command succeeded but the kernel log
# tells of a bug; 124 if it had to be ended; 125 if the lab itself failed.

JOB_MEM=2G
JOB_DRIVER=ours
JOB_TIMEOUT=600
JOB_APPEND=
JOB_LINKS=()
JOB_CMD=()
JOB=
JOB_MARK='lab: the guest was ended here'

# job_options [--mem SIZE] [--driver ours|inbox|none] [--timeout SECONDS]
#	[--append PARAMETERS] [--link FD,MTU,MAC]... -- COMMAND...
# A link is an Ethernet device whose frames come and go by FD, a datagram socket: one a datagram.
job_options() {
	while [ $# != 0 ] && [ "$1" != -- ]; do
		case $1 in
		--mem) JOB_MEM=$2 ;;
		--driver) JOB_DRIVER=$2 ;;
		--timeout) JOB_TIMEOUT=$2 ;;
		--append) JOB_APPEND=$2 ;;
		--link) JOB_LINKS+=("$2") ;;
		*) die "unknown option $1: not --mem, --driver, --timeout, --append, --link" ;;
		esac
		shift 2
	done
	if [ $# -lt 2 ]; then
		die "no command: end the options with -- COMMAND..."
	fi
	case $JOB_DRIVER in ours | inbox | none) ;; *) die "--driver is ours, inbox or none" ;; esac
	[[ $JOB_MEM =~ ^[0-9]+[MG]$ ]] || die "--mem is a number with M or G, as in 2G"
	[[ $JOB_TIMEOUT =~ ^[0-9]+$ ]] || die "--timeout is a number of seconds"
	[[ "${JOB_LINKS[*]}" =~ ^(\ ?[0-9]+,[0-9]+,[0-9a-f:]{17})*$ ]] ||
		die "--link is FD,MTU,MAC, as in 10,9000,02:00:00:00:00:01"
	shift
	JOB_CMD=("$@")
}

# job_create KIND VARIANT [SETTING...]: makes the job's folder; JOB is its path. Those of two hours
# stay, and the 20 newest before.
job_create() {
	JOB=$(mktemp -d "$LAB_CACHE/jobs/$1-$2-$(date +%H%M%S)-XXXX")
	{
		printf '%s=%q\n' LAB_KIND "$1" LAB_VARIANT "$2" LAB_DRIVER "$JOB_DRIVER" \
			LAB_TIMEOUT "$JOB_TIMEOUT" \
			LAB_CPU_MHZ "$(sed -n 's/^cpu MHz[\t ]*: //p' /proc/cpuinfo | head -n 1)"
		shift 2
		[ $# = 0 ] || printf '%s\n' "$@"
	} >"$JOB/settings"
	printf '%q ' "${JOB_CMD[@]}" >"$JOB/command"
	echo >>"$JOB/command"
	find "$LAB_CACHE/jobs" -mindepth 1 -maxdepth 1 -mmin +120 -printf '%T@ %p\n' |
		sort -rn | cut -d' ' -f2- | tail -n +21 | xargs -r rm -rf --one-file-system
}

# job_guest COMMAND...: the guest itself, in a process group of its own, its console on our output;
# ended if it does not end by itself. Booting and powering off take time too, most with KASAN.
job_guest() {
	local pid watch limit=$((JOB_TIMEOUT + ${LAB_GRACE:-90}))
	setsid "$@" </dev/null 2>>"$JOB/kernel.log" &
	pid=$!
	# A read that times out, not a sleep: nothing is left behind when the watch is called off.
	(read -rt "$limit" <> <(:) || job_end "$pid") >/dev/null 2>&1 </dev/null &
	watch=$!
	# shellcheck disable=SC2064 # the ids as they are now
	trap "kill $watch || true; job_end $pid; rm -f '$JOB/disk'; sweep" EXIT
	wait $pid 2>/dev/null || true
	kill $watch 2>/dev/null || true
	kill -KILL -- -$pid 2>/dev/null || true
	trap sweep EXIT
}

# job_end PROCESS: ends a guest. It may complain on its way out: nothing after the mark counts.
job_end() {
	echo "$JOB_MARK" >>"$JOB/kernel.log"
	kill -- "-$1" 2>/dev/null || return 0
	read -rt 3 <> <(:) || true
	kill -KILL -- "-$1" 2>/dev/null || true
}

# job_verdict: says what became of the job, and ends the script with its exit status.
job_verdict() {
	local status=125
	rm -f "$JOB/disk"
	sed "/^$JOB_MARK/q" "$JOB/kernel.log" >"$JOB/kernel.log.alive"
	mv "$JOB/kernel.log.alive" "$JOB/kernel.log"
	if [ -e "$JOB/failure" ]; then
		say "ERROR: the lab failed: $(cat "$JOB/failure")"
	elif [ -e "$JOB/status" ]; then
		status=$(cat "$JOB/status")
	elif grep -q 'Kernel panic' "$JOB/kernel.log"; then
		say "ERROR: the guest's kernel panicked"
		status=1
	else
		! grep -q "^$JOB_MARK" "$JOB/kernel.log" || status=124
		say "ERROR: the guest left no status: it did not boot, or hung"
		tail -n 15 "$JOB/kernel.log" >&2
	fi
	[ "$status" != 124 ] || say "ERROR: no end after $JOB_TIMEOUT s"
	if ! "$LAB_VM/splats.sh" "$JOB/kernel.log" >&2 && [ "$status" = 0 ]; then
		say "ERROR: the command succeeded, but the kernel log tells of a bug"
		status=1
	fi
	say "exit status $status; job folder $JOB"
	exit "$status"
}
