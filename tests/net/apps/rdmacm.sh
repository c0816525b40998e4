# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# librdmacm's own programs, those on its sockets included, with their data validation where they
# have one. Sourced by apps.sh.

# ping_cm ADDRESS [OPTION...]: rping with validation.
ping_cm() {
	local to=$1
	shift
	both rping -s -a "$to" -C 100 -V "$@" -- rping -c -a "$to" -C 100 -V "$@"
	! grep -qiE 'error|mismatch' "$WORK/out" || fail "rping told of an error"
}

# ping_again: one server for clients that come one after another and at once.
ping_again() {
	local server one two i
	start server ip netns exec ns2 rping -s -P -a 10.0.0.2 -V
	ready "$server"
	for i in 1 2 3; do
		start one ip netns exec ns1 timeout "$LIMIT" rping -c -a 10.0.0.2 -C 20 -V
		start two ip netns exec ns1 timeout "$LIMIT" rping -c -a 10.0.0.2 -C 20 -S 5001 -V
		wait "$one" || fail "round $i, first client: $(tail -n 2 "$(output_of "$one")")"
		wait "$two" || fail "round $i, second client: $(tail -n 2 "$(output_of "$two")")"
	done
	kill "$server"
}

# cm PROGRAM FROM TO [OPTION...]: ucmatose and udaddy.
cm() {
	local program=$1 from=$2 to=$3
	shift 3
	both "$program" -b "$to" "$@" -- "$program" -s "$to" -b "$from" "$@"
	[ "$(grep -c 'return status 0' "$WORK/out")" = 2 ] || fail "$program did not end well twice"
	grep -q 'data transfers complete' "$WORK/out" || fail "$program transferred nothing"
}

# groups FROM TO GROUP [OPTION...]: mckey, which joins by RDMA-CM; options are the sender's. RDMA-CM
# itself refuses IPv6 groups on RoCEv2.
groups() {
	local from=$1 to=$2 group=$3
	shift 3
	both mckey -m "$group" -b "$to" -C 50 -S 900 -- \
		mckey -m "$group" -b "$from" -s -C 50 -S 900 "$@"
	[ "$(grep -c 'return status 0' "$WORK/out")" = 2 ] || fail "mckey did not end well twice"
	grep -q 'data transfers complete' "$WORK/out" || fail "mckey transferred nothing"
}

# times: connections made and ended, as fast as they can be.
times() {
	needs_program cmtime
	both cmtime -b 10.0.0.2 "$@" -- cmtime -s 10.0.0.2 "$@"
	grep -qi 'connect' "$WORK/out" || fail "cmtime told of no connection"
	! grep -qi 'error' "$WORK/out" || fail "cmtime told of an error"
}

# stream PROGRAM ADDRESS [OPTION...]: rstream and riostream, which check their data with -T v.
stream() {
	local program=$1 to=$2
	shift 2
	needs_program "$program"
	both "$program" -b "$to" -T v "$@" -- "$program" -s "$to" -T v "$@"
	! grep -qiE 'data error|verif.*fail' "$WORK/out" || fail "$program saw wrong data"
	grep -qE '[0-9.]+k?s? +[0-9.]+' "$WORK/out" || fail "$program printed no result"
}

# no_datagrams: udpong addresses its peer by LID, which RoCE does not have, on any device: the core
# refuses the address handle.
no_datagrams() {
	needs_program udpong
	refused 'rconnect' udpong -s 10.0.0.1
	skip "librdmacm's datagram sockets know InfiniBand's addresses alone"
}

# copy_file BYTES: a file by rcopy arrives as it was. Its server does not end by itself.
copy_file() {
	local server
	needs_program rcopy
	head -c "$1" /dev/urandom >"$WORK/original"
	start server ip netns exec ns2 rcopy
	ready "$server"
	in_ns 1 timeout "$LIMIT" rcopy "$WORK/original" "10.0.0.2:$WORK/copy"
	kill "$server" 2>/dev/null || true
	cmp "$WORK/original" "$WORK/copy" || fail "the copy is another one"
	rm -f "$WORK/original" "$WORK/copy"
}

# examples SERVER CLIENT [OPTION...]: the examples of librdmacm's manual; one message each way.
examples() {
	local server=$1 client=$2
	shift 2
	needs_program "$server" "$client"
	both "$server" "$@" -- "$client" -s 10.0.0.2 "$@"
	[ "$(grep -c 'end 0' "$WORK/out")" = 2 ] || fail "$client or $server did not end with 0"
}

rdmacm_cases() {
	local way
	app rping.v4 ping_cm 10.0.0.2
	app rping.v6 ping_cm fd00::2
	app rping.size ping_cm 10.0.0.2 -S 65535
	app rping.own_qp ping_cm 10.0.0.2 -q
	more rping.small ping_cm 10.0.0.2 -S 23
	more rping.port ping_cm 10.0.0.2 -p 7999
	more rping.said ping_cm 10.0.0.2 -v -S 77
	more rping.persistent ping_again
	app ucmatose cm ucmatose 10.0.0.1 10.0.0.2 -C 100 -S 5000
	app ucmatose.many cm ucmatose 10.0.0.1 10.0.0.2 -c 20 -C 10 -S 300
	more ucmatose.v6 cm ucmatose fd00::1 fd00::2 -f ipv6 -C 50 -S 5001
	more ucmatose.ib cm ucmatose 10.0.0.1 10.0.0.2 -P ib -C 20
	more ucmatose.migrate cm ucmatose 10.0.0.1 10.0.0.2 -m -C 20
	more ucmatose.ack_timeout cm ucmatose 10.0.0.1 10.0.0.2 -a 16 -C 20
	more ucmatose.port cm ucmatose 10.0.0.1 10.0.0.2 -p 7999 -C 20
	app udaddy cm udaddy 10.0.0.1 10.0.0.2 -C 100 -S 1000
	more udaddy.many cm udaddy 10.0.0.1 10.0.0.2 -c 10 -C 10 -S 300
	more udaddy.v6 cm udaddy fd00::1 fd00::2 -C 50 -S 999
	app mckey groups 10.0.0.1 10.0.0.2 239.77.3.1
	app mckey.send_only groups 10.0.0.1 10.0.0.2 239.77.3.2 -o
	more mckey.no_loopback refused 'not supported' mckey -m 239.77.3.4 -b 10.0.0.2 -l
	app cmtime times -c 20
	more cmtime.many times -c 200
	more cmtime.threads times -c 50 -n 4 -p 7998
	app rstream stream rstream 10.0.0.2 -S 65536 -C 100
	more rstream.v6 stream rstream fd00::2 -S 65536 -C 50
	# Not "a": it ends now and then with what rshutdown() says, on any device.
	for way in b n f r; do
		more rstream.$way stream rstream 10.0.0.2 -S 5001 -C 50 -T $way
	done
	more rstream.inline stream rstream 10.0.0.2 -S 64 -C 100 -i 64
	more rstream.small_buffer stream rstream 10.0.0.2 -S 100001 -C 20 -B 4096
	more rstream.keepalive stream rstream 10.0.0.2 -S 5001 -C 50 -k 1 -p 7997
	more rstream.all stream rstream 10.0.0.2 -S all -C 10 -I 5
	app riostream stream riostream 10.0.0.2 -S 65536 -C 20
	for way in a b n; do
		more riostream.$way stream riostream 10.0.0.2 -S 5001 -C 20 -T $way
	done
	app udpong no_datagrams
	app rcopy copy_file 3000001
	more rcopy.byte copy_file 1
	more rdma_client examples rdma_server rdma_client
	more rdma_xclient examples rdma_xserver rdma_xclient -c r
}
