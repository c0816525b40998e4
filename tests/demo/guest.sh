#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The guest's part of the demo: runs well-known RDMA programs on the tree's driver, with memory on
# demand (and the example of that, sparse.c) and with pinned memory over one device looped back, and
# between two name spaces; then unloads it, loads the kernel's own, and runs the same there. The
# order matters: what the in-box driver leaves behind cannot touch our results.
# In /job:
#   about     what runs here: kernel, packages, modules by path and build id
#   result    DRIVER, NETWORK, PROGRAM, WHAT, STATUS, FIGURE, UNIT between tabs, one line a program;
#             "DRIVER end" when all was tried; "on-demand" is a network, too: loopback with --odp
#   logs/     the output of every program, both sides: DRIVER-NETWORK-PROGRAM.log, without spaces
# No program that fails ends the script: the host judges the result.
set -euo pipefail
# shellcheck source=../vm/guest-net.sh
. /src/tests/vm/guest-net.sh

# In the kernel log, between the drivers; demo.sh knows it too.
MARK='demo: the in-box driver from here on'
# Seconds for a program; each takes about one.
limit=30
port=18600 driver=ours network='' figure='' faults='' status='' log=''

# build_id FILE: the linker's fingerprint of a module.
build_id() {
	xz -dcf "$1" >/tmp/module
	readelf -n /tmp/module | sed -n 's/.*Build ID: //p'
}

# The kernel's own module: DKMS puts it away when it installs one of the same name.
inbox_file() {
	find "/lib/modules/$(uname -r)/kernel/" /var/lib/dkms/*/original_module \
		-name 'rdma_rxe.ko*' ! -name '*.origin' | head -n 1
}

# in_memory FILE OTHER_FILE: the loaded module is by its build id that of FILE, and not the other.
in_memory() {
	local loaded want other
	loaded=$(tail -c 20 /sys/module/rdma_rxe/notes/.note.gnu.build-id | od -An -tx1 |
		tr -d ' \n')
	want=$(build_id "$1")
	other=$(build_id "$2")
	echo "$driver: $1, build id $want" >>/job/about
	printf '%s\n' "loaded: $loaded" "$1: $want" "$2: $other" >"$log"
	[ -n "$want" ] && [ "$loaded" = "$want" ] && [ "$loaded" != "$other" ]
}

# gid_of DEVICE N: the index of the GID of 10.0.0.N, whatever its place in the table.
gid_of() {
	(cd "/sys/class/infiniband/$1/ports/1/gids" && grep -l "ffff:0a00:000$2" ./*) | head -n 1 |
		tr -d ./
}

# listening: the server waits for its client, by TCP or RDMA-CM.
listening() {
	grep -q . < <("${on_server[@]}" ss -Hltn "sport = $port") ||
		grep -q 'state LISTEN' < <(rdma resource show cm_id)
}

# pair PROGRAM SERVER_OPTIONS CLIENT_OPTIONS [COMMON_OPTION...]: server and client; success if both
# say so in time.
pair() {
	local program=$1 server=$2 client=$3 pid rc=0
	shift 3
	echo "--- $program $* (server: $server; client: $client)" >>"$log"
	# shellcheck disable=SC2086 # several options
	timeout -k 2 $limit "${on_server[@]}" "$program" "$@" $server >/tmp/server 2>&1 &
	pid=$!
	until listening || ! kill -0 $pid 2>/dev/null; do
		sleep 0.02
	done
	# shellcheck disable=SC2086
	timeout -k 2 $limit "${on_client[@]}" "$program" "$@" $client >/tmp/client 2>&1 || rc=$?
	[ $rc = 0 ] || kill $pid 2>/dev/null || true
	wait $pid || rc=$((rc ? rc : $?))
	{
		sed 's/^/server: /' /tmp/server
		cat /tmp/client
		echo "--- exit status $rc"
	} >>"$log"
	return $rc
}

# pair_tcp: pair for programs that meet by TCP; on a new port, the previous one may be closing.
pair_tcp() {
	port=$((port + 1))
	pair "$@" -p $port
}

devinfo() {
	ibv_devinfo -v -d $client_dev >"$log" 2>&1 && grep -q PORT_ACTIVE "$log"
}

# sparse OPTION...: does more than others. The in-box driver does not count page faults.
sparse() {
	[ $driver = ours ] || set -- "$@" -u
	timeout -k 2 $((2 * limit)) rxe_sparse -d $client_dev -g "$client_gid" "$@" >"$log" 2>&1
}

# pingpong PROGRAM OPTION...
pingpong() {
	local program=$1
	shift
	pair_tcp "$program" "-d $server_dev -g $server_gid" \
		"-d $client_dev -g $client_gid $server_ip" "$@" || return
	figure=$(sed -n 's/.*iters in.* = \(.*\) usec.*/\1/p' /tmp/client)
	[ -n "$figure" ]
}

# perf COLUMN FACTOR PROGRAM OPTION...: one figure of perftest. Where the host was too busy for it
# to find the clock rate, all figures are zero: again.
perf() {
	local column=$1 factor=$2 program=$3
	shift 3
	for _ in 1 2 3; do
		pair_tcp "$program" "-d $server_dev -x $server_gid" \
			"-d $client_dev -x $client_gid $server_ip" -F "$@" || return
		figure=$(awk -v c="$column" -v f="$factor" \
			'/^ *#bytes/ { getline; if ($c > 0) print $c * f }' /tmp/client)
		[ -z "$figure" ] || return 0
	done
	return 1
}

# device_faults: pages that the device has asked for. The core shows a new figure every 10 ms.
device_faults() {
	sleep 0.05
	cat "/sys/class/infiniband/$client_dev/ports/1/hw_counters/odp_page_faults"
}

# faulting COMMAND...: and pages were faulted for, or its memory was not on demand. The in-box
# driver does not count them.
faulting() {
	local before
	if [ $driver != ours ]; then
		"$@"
		return
	fi
	before=$(device_faults)
	"$@" || return
	faults=$(($(device_faults) - before))
	echo "--- $faults page faults" >>"$log"
	[ "$faults" -gt 0 ]
}

# The server reads and writes the client's memory; the client compares, each time another text.
ping_cm() {
	pair rping "-s -a $server_ip" "-c -a $server_ip" -C 30 -S 60001 -V &&
		! grep -qiE 'error|mismatch' /tmp/client
}

# cm PROGRAM OPTION...: ucmatose and udaddy.
cm() {
	local program=$1
	shift
	pair "$program" "-b $server_ip" "-s $server_ip -b $client_ip" "$@" &&
		grep -q 'data transfers complete' /tmp/client &&
		grep -q 'return status 0' /tmp/client && grep -q 'return status 0' /tmp/server
}

elapsed() {
	echo $((${EPOCHREALTIME/./} - ${1/./}))
}

# run PROGRAM WHAT UNIT COMMAND...: one line of the result. What has a figure runs twice, and the
# better one counts: others use the host too. Where they use it so much that this takes long, once.
# Leaves its outcome in `status`.
run() {
	local program=$1 what=$2 unit=$3 rc=0 first start=$EPOCHREALTIME
	shift 3
	log=/job/logs/$driver-$network-${program// /}.log figure='' faults=''
	"$@" || rc=$?
	first=$figure
	if [ $rc = 0 ] && [ -n "$first" ] && [ "$(elapsed "$start")" -lt 2500000 ]; then
		"$@" || rc=$?
		[ $rc != 0 ] || figure=$(better "$unit" "$first" "$figure")
	fi
	case $rc in
	0) status=passed ;;
	77) status=unsupported ;;
	124 | 137) status='timed out' ;;
	*) status=failed ;;
	esac
	[ $rc = 0 ] || figure=''
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' $driver "$network" "$program" "$what" "$status" \
		"$figure" "$unit" >>/job/result
	printf '%s %s %s: %s (%.1f s)\n' $driver "$network" "$program" \
		"$status${figure:+, $figure $unit}${faults:+, $faults page faults}" \
		"$(elapsed "$start")e-6"
}

better() {
	printf '%s\n' "$2" "$3" | sort -g | if [ "$1" = us ]; then head -n 1; else tail -n 1; fi
}

# Iterations for emulated processors: about a second a program.
on_demand() {
	network=on-demand
	run rxe_sparse 'explicit, 64 GiB' '' sparse
	run 'rxe_sparse -i' 'implicit, all addresses' '' sparse -i
	run ib_write_bw '--odp, WRITE, 64 KiB' MiB/s faulting perf 4 1 ib_write_bw --odp -n 500 \
		-s 65536
	run ib_read_bw '--odp, READ, 64 KiB' MiB/s faulting perf 4 1 ib_read_bw --odp -n 500 \
		-s 65536
	run ib_send_bw '--odp, RC SEND, 64 KiB' MiB/s faulting perf 4 1 ib_send_bw --odp -n 500 \
		-s 65536
	run 'ibv_rc_pingpong -o' 'RC SEND, 4 KiB' us faulting pingpong ibv_rc_pingpong -o -n 300 \
		-s 4096
	run 'ibv_rc_pingpong -oO' 'the same, implicit' us faulting pingpong ibv_rc_pingpong -oO \
		-n 300 -s 4096
}

pinned() {
	network=loopback
	run ibv_devinfo 'device and port are up' '' devinfo
	run ibv_rc_pingpong 'RC SEND, 4 KiB' us pingpong ibv_rc_pingpong -n 300 -s 4096
	run ibv_ud_pingpong 'UD SEND, 1 KiB' us pingpong ibv_ud_pingpong -n 300 -s 1024
	run ib_write_bw 'RDMA WRITE, 64 KiB' MiB/s perf 4 1 ib_write_bw -n 500 -s 65536
	run ib_read_bw 'RDMA READ, 64 KiB' MiB/s perf 4 1 ib_read_bw -n 500 -s 65536
	run ib_send_bw 'RC SEND, 64 KiB' MiB/s perf 4 1 ib_send_bw -n 500 -s 65536
	run ib_atomic_bw 'FETCH AND ADD' kops/s perf 5 1000 ib_atomic_bw -n 3000
	run ib_write_lat 'RDMA WRITE, 8 bytes' us perf 5 1 ib_write_lat -n 300 -s 8
	run rping 'RDMA-CM, data compared' '' ping_cm
	run ucmatose 'RDMA-CM, RC' '' cm ucmatose -C 50 -S 5000
	run udaddy 'RDMA-CM, UD' '' cm udaddy -C 50 -S 1000
}

looped_back() {
	on_server=() on_client=()
	server_dev=rxe0 client_dev=rxe0 server_ip=10.0.0.1 client_ip=10.0.0.1
	net_one 9000
	server_gid=$(gid_of rxe0 1) client_gid=$(gid_of rxe0 1)
	on_demand
	pinned
	net_one_down
}

name_spaces() {
	network=netns on_server=(ip netns exec ns2) on_client=(ip netns exec ns1)
	server_dev=rxe2 client_dev=rxe1 server_ip=10.0.0.2 client_ip=10.0.0.1
	net_two 9000
	server_gid=$(gid_of rxe2 2) client_gid=$(gid_of rxe1 1)
	run ibv_rc_pingpong 'RC SEND, 4 KiB' us pingpong ibv_rc_pingpong -n 300 -s 4096
	# A driver that cannot do this at all would make the others wait until their time is over.
	if [ $driver = ours ] || [ "$status" = passed ]; then
		run ib_write_bw 'RDMA WRITE, 64 KiB' MiB/s perf 4 1 ib_write_bw -n 500 -s 65536
		run rping 'RDMA-CM, data compared' '' ping_cm
	fi
	net_two_down
}

unload() {
	timeout -k 2 $limit modprobe -v -r rdma_rxe >"$log" 2>&1 && [ ! -e /sys/module/rdma_rxe ]
}

load_inbox() {
	local need file=$1
	for need in $(modinfo -F depends "$file" | tr , ' '); do
		modprobe "$need"
	done
	insmod "$file"
}

# suite FILE OTHER_FILE
suite() {
	network=module
	run rdma_rxe 'by build id, is loaded' '' in_memory "$1" "$2"
	looped_back
	name_spaces
	network=module
	run modprobe 'unloads' '' unload
	echo $driver end >>/job/result
}

mkdir -p /job/logs
echo "Debian $(cat /etc/debian_version), Linux $(uname -r), $(nproc) CPUs," \
	"$(awk '/^MemTotal:/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo) of memory;" \
	"$(dpkg-query -W -f '${Package} ${Version}  ' rdma-core perftest)" >/job/about
ours=$(modinfo -n rdma_rxe)
inbox=$(inbox_file)
suite "$ours" "$inbox"
echo "$MARK" >/dev/kmsg
driver=inbox limit=12
load_inbox "$inbox"
suite "$inbox" "$ours"
