# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# perftest in a guest, for bench-guest.sh and its like: pairs of server and client on rxe0, looped
# back, and what the guest's CPUs do. Sourced; rxe0 is to have 10.0.0.1.

port=18515 gid=

# busy_ticks: hundredths of CPU seconds that the guest has worked.
busy_ticks() {
	awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat
}

# gid_index: that of 10.0.0.1, whatever its place in the table.
gid_index() {
	local gids=/sys/class/infiniband/rxe0/ports/1/gids
	(cd $gids && grep -l 'ffff:0a00:0001' ./*) | head -n 1 | tr -d ./
}

# perftest PROGRAM ARGUMENT...: a pair's figures in `figures`, empty if it failed. perftest measures
# the clock rate by a regression; where the host was busy just then it gives up, all is zero: again.
perftest() {
	local try
	for try in 1 2 3 4; do
		pair "$@"
		[ -n "$figures" ] || return 0
		awk '{ exit !($4 > 0 && $5 > 0 && ! /inf|nan/) }' <<<"$figures" && return 0
		echo "--- $*: perftest found no clock rate at try $try"
	done
	figures=
}

# serve PROGRAM ARGUMENT...: a server; returns when it listens. `server` is its process, and `port`
# its TCP port, which is new each time: the previous one may still be closing.
serve() {
	gid=${gid:-$(gid_index)}
	port=$((port + 1))
	"$@" -d rxe0 -x "$gid" -p $port -F >/tmp/server.$port 2>&1 &
	server=$!
	for _ in {1..200}; do
		[ -z "$(ss -Hltn "sport = $port")" ] || break
		sleep 0.02
	done
}

# ask PORT PROGRAM ARGUMENT...: the client for the server there.
ask() {
	timeout 120 "${@:2}" -d rxe0 -x "$gid" -p "$1" -F 10.0.0.1 >"/tmp/client.$1" 2>&1
}

# figures_of PORT: the client's line of figures.
figures_of() {
	awk '/^ *#bytes/ { getline; print; exit }' "/tmp/client.$1"
}

# pair PROGRAM ARGUMENT...: server and client; the client's line of figures in `figures`.
pair() {
	local rc=0
	serve "$@"
	ask $port "$@" || rc=$?
	[ $rc = 0 ] || kill $server 2>/dev/null || true
	wait $server || rc=1
	figures=$(figures_of $port)
	if [ $rc != 0 ] || [ -z "$figures" ]; then
		echo "--- $*: exit status $rc"
		cat /tmp/client.$port /tmp/server.$port
		figures=
	fi
	rm -f /tmp/client.$port /tmp/server.$port
}

# figure COLUMN: of the latest pair, or "failed".
figure() {
	local value
	value=$(awk -v c="$1" '{ print $c }' <<<"$figures")
	echo "${value:-failed}"
}
