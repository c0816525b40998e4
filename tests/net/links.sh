#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# links.sh: `rdma link add` and delete on every kind of netdev, and what netdev events do to a
# device: addresses make GIDs, the MTU makes active_mtu, the link state the port state, and a
# netdev that goes takes its device along. The module can be unloaded with devices present.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip rdma rxe_verbs modprobe

SYS=/sys/class/infiniband
# How GIDs of IPv4 addresses begin.
V4_GID=0000:0000:0000:0000:0000:ffff

# plain KIND [OPTION...]: net0 of that kind, with 10.9.9.1, up; what is below or behind it up, too.
plain() {
	case $1 in
	macvlan)
		ip link add base0 type dummy
		ip link set base0 up
		ip link add link base0 name net0 type "$@"
		;;
	veth)
		ip link add net0 type veth peer name net1
		ip link set net1 up
		;;
	*) ip link add net0 type "$@" ;;
	esac
	ip addr add 10.9.9.1/24 dev net0
	ip link set net0 up
}

# works DEVICE: data flows on it, looped back.
works() {
	rxe_verbs -d "$1" -x "$RXE_SLOW" rc.write.sizes rc.read.sizes ud.imm
}

# refused TEXT COMMAND...: it fails, and says TEXT.
refused() {
	local text=$1 said
	shift
	! said=$("$@" 2>&1) || fail "'$*' succeeded, expected '$text'"
	[[ $said == *"$text"* ]] || fail "'$*' said '$said', expected '$text'"
}

gone() {
	[ ! -e "$SYS/$1" ]
}

port() {
	cat "$SYS/$1/ports/1/$2"
}

port_is() {
	[[ $(port "$1" "$2") == *"$3"* ]]
}

has_gid() {
	grep -qxs "$2" "$SYS/$1"/ports/1/gids/*
}

lacks_gid() {
	! has_gid "$@"
}

# on KIND [OPTION...]: add, look, use, delete.
on() {
	plain "$@"
	rdma link add rxe0 type rxe netdev net0
	until_true 5 port_is rxe0 state ACTIVE
	[[ $(rdma link show rxe0/1) == *"netdev net0"* ]] || fail "$(rdma link show)"
	works rxe0
	rdma link delete rxe0
	gone rxe0 || fail "rxe0 is still there"
	ip link del net0
}

on_lo() {
	ip link set lo up
	rdma link add rxe0 type rxe netdev lo
	works rxe0
	rdma link delete rxe0
}

# vlans: vlan7 on both ends of a pair, 10.7.7.1 and fd07::1, 10.7.7.2 and fd07::2.
vlans() {
	local i
	up_two 9000
	for i in 1 2; do
		ip -n "ns$i" link add link "veth$i" name vlan7 type vlan id 7
		ip -n "ns$i" addr add "10.7.7.$i/24" dev vlan7
		ip -n "ns$i" addr add "fd07::$i/64" dev vlan7 nodad
		ip -n "ns$i" link set vlan7 up
	done
}

# A VLAN's addresses are also those of the device on the netdev below.
below_vlan() {
	local gid
	vlans
	for gid in "$V4_GID:0a07:070" fd07:0000:0000:0000:0000:0000:0000:000; do
		until_true 5 has_gid rxe1 "${gid}1"
		until_true 5 has_gid rxe2 "${gid}2"
		rxe_verbs -n ns1 -N ns2 -d rxe1 -D rxe2 -x "$RXE_SLOW" \
			-g "$(index_of rxe1 "${gid}1")" -G "$(index_of rxe2 "${gid}2")" \
			rc.write.sizes rc.send.sizes rc.read.sizes
	done
	down_two
}

# A device on the VLAN itself has the VLAN's addresses and no others.
on_vlan() {
	local i
	vlans
	for i in 1 2; do
		rdma link delete "rxe$i"
		in_ns "$i" rdma link add "rxe7$i" type rxe netdev vlan7
		until_true 5 has_gid "rxe7$i" "$V4_GID:0a07:070$i"
		! has_gid "rxe7$i" "$V4_GID:0a00:000$i" ||
			fail "rxe7$i has an address of the netdev below"
	done
	for i in 4 6; do
		rxe_verbs -n ns1 -N ns2 -d rxe71 -D rxe72 -x "$RXE_SLOW" "-$i" \
			rc.write.sizes rc.read.sizes ud.imm
	done
	ping_cm 10.7.7.2 ns1 ns2
	ip -n ns1 link del vlan7
	until_true 5 gone rxe71
	rdma link delete rxe72
	down_two
}

told() {
	grep -q "$2" "$(output_of "$1")"
}

# watched DEVICE IP...: it tells its programs once when its netdev goes down, and once when it is up
# again, which the command IP does for the words behind it.
watched() {
	local pid device=$1 event
	shift
	start pid stdbuf -oL ibv_asyncwatch -d "$device"
	until_true 5 told "$pid" "$device"
	"$@" down
	until_true 5 told "$pid" PORT_ERR
	"$@" up
	until_true 5 told "$pid" PORT_ACTIVE
	sleep 0.5
	for event in PORT_ERR PORT_ACTIVE; do
		expect "$(grep -c $event "$(output_of "$pid")")" 1 "$event"
	done
	kill "$pid"
}

vlan_events() {
	vlans
	rdma link delete rxe1
	in_ns 1 rdma link add rxe71 type rxe netdev vlan7
	watched rxe71 ip -n ns1 link set vlan7
	rdma link delete rxe71
	down_two
}

# events KIND [OPTION...]
events() {
	plain "$@"
	rdma link add rxe0 type rxe netdev net0
	until_true 5 port_is rxe0 state ACTIVE
	watched rxe0 ip link set net0
	expect "$(counter rxe0 link_downed)" 1 link_downed
	rdma link delete rxe0
	ip link del net0
}

# link_local DEVICE: the index of its link-local GID.
link_local() {
	grep -ls '^fe80:' "$SYS/$1"/ports/1/gids/* | sed '1!d; s:.*/::'
}

# A VLAN has the link-local address of the netdev below. What never leaves the host is the sender's.
same_link_local() {
	local i index address
	plain dummy
	ip link add link net0 name net7 type vlan id 7
	ip link set net7 up
	for i in 0 7; do
		rdma link add "rxe$i" type rxe netdev "net$i"
		until_true 5 grep -qs '^fe80:' "$SYS/rxe$i"/ports/1/gids/*
	done
	for i in 0 7; do
		index=$(link_local "rxe$i")
		address=${address:-$(port rxe0 "gids/$index")}
		expect "$(port "rxe$i" "gids/$index")" "$address" "rxe$i's address"
		rxe_verbs -d "rxe$i" -g "$index" -x "$RXE_SLOW" rc.write.sizes ud.imm
	done
	rdma link delete rxe7
	rdma link delete rxe0
	ip link del net0
}

cm_listens() {
	grep -q 'state LISTEN' < <(rdma resource show cm_id)
}

# ping_cm ADDRESS [CLIENT SERVER]: rping, in those name spaces or in this one, with validation.
ping_cm() {
	local pid client=() server=()
	[ $# = 1 ] || { client=(ip netns exec "$2") server=(ip netns exec "$3"); }
	start pid "${server[@]}" timeout $((10 * RXE_SLOW)) rping -s -a "$1" -C 5 -V
	until_true 10 cm_listens
	"${client[@]}" timeout $((10 * RXE_SLOW)) rping -c -a "$1" -C 5 -V ||
		fail "rping: status $?"
	wait "$pid" || fail "rping's server: status $?"
}

# above KIND [OPTION...]: net7 of that kind above net0, with 10.7.7.1, which is rxe0's, too.
above() {
	plain dummy
	ip link add link net0 name net7 type "$@"
	ip addr add 10.7.7.1/24 dev net7
	ip link set net7 up
	rdma link add rxe0 type rxe netdev net0
	until_true 5 has_gid rxe0 $V4_GID:0a07:0701
}

# both CASE...: what the device below sends to that address goes to the device above.
both() {
	rdma link add rxe7 type rxe netdev net7
	until_true 5 has_gid rxe7 $V4_GID:0a07:0701
	rxe_verbs -d rxe0 -D rxe7 -x "$RXE_SLOW" -g "$(index_of rxe0 $V4_GID:0a09:0901)" \
		-G "$(index_of rxe7 $V4_GID:0a07:0701)" "$@"
}

both_vlan() {
	above vlan id 7
	both rc.write.sizes rc.read.sizes ud.imm
	rxe_verbs -d rxe7 -D rxe0 -x "$RXE_SLOW" -g "$(index_of rxe7 $V4_GID:0a07:0701)" \
		-G "$(index_of rxe0 $V4_GID:0a09:0901)" rc.write.sizes rc.read.sizes ud.imm
	rdma link delete rxe7
	rdma link delete rxe0
	ip link del net0
}

# The kernel finds no way from a macvlan to the netdev below, so there are datagrams only.
both_macvlan() {
	above macvlan mode bridge
	both ud.imm ud.sizes.v4
	rdma link delete rxe7
	rdma link delete rxe0
	ip link del net0
}

# Without a device above it is the device below that serves the address.
only_below() {
	above vlan id 7
	ping_cm 10.7.7.1
	rdma link delete rxe0
	ip link del net0
}

# The device on a bridge is found by what comes in on a VLAN that is the bridge's port.
vlan_in_bridge() {
	vlans
	rdma link delete rxe2
	ip -n ns2 addr flush dev vlan7
	ip -n ns2 link add br7 type bridge
	ip -n ns2 link set vlan7 master br7
	ip -n ns2 addr add 10.7.7.2/24 dev br7
	ip -n ns2 link set br7 up
	in_ns 2 rdma link add rxe7 type rxe netdev br7
	until_true 5 has_gid rxe7 $V4_GID:0a07:0702
	until_true 5 port_is rxe7 state ACTIVE
	ping_cm 10.7.7.2 ns1 ns2
	rdma link delete rxe7
	down_two
}

# index_of DEVICE GID: its index.
index_of() {
	grep -lx "$2" "$SYS/$1"/ports/1/gids/* | sed '1!d; s:.*/::'
}

refusals() {
	plain dummy
	rdma link add rxe0 type rxe netdev net0
	refused 'File exists' rdma link add rxe0 type rxe netdev net0
	refused '' rdma link add rxe1 type rxe netdev net0
	refused '' rdma link add rxe1 type rxe netdev nowhere
	refused '' rdma link add rxe1 type nonsense netdev net0
	refused '' rdma link delete rxe1
	[ "$(ls $SYS)" = rxe0 ] || fail "devices: $(ls $SYS)"
	works rxe0
	rdma link delete rxe0
	ip link del net0
}

several() {
	local n
	for n in 0 1 2; do
		ip link add "net$n" type dummy
		ip addr add "10.9.$n.1/24" dev "net$n"
		ip link set "net$n" up
		rdma link add "rxe$n" type rxe netdev "net$n"
	done
	for n in 0 1 2; do
		works "rxe$n"
	done
	rdma link delete rxe1
	works rxe0
	works rxe2
	rdma link add rxe1 type rxe netdev net1
	works rxe1
	for n in 0 1 2; do
		rdma link delete "rxe$n"
		ip link del "net$n"
	done
}

in_netns() {
	ip netns add nsx
	ip -n nsx link add net0 type dummy
	ip -n nsx addr add 10.9.9.1/24 dev net0
	ip -n nsx link set lo up
	ip -n nsx link set net0 up
	ip netns exec nsx rdma link add rxe0 type rxe netdev net0
	rxe_verbs -d rxe0 -n nsx -x "$RXE_SLOW" rc.write.sizes
	ip netns del nsx
	until_true 10 gone rxe0
}

gids() {
	plain dummy
	rdma link add rxe0 type rxe netdev net0
	until_true 5 has_gid rxe0 $V4_GID:0a09:0901
	ip addr add 10.9.9.77/24 dev net0
	until_true 5 has_gid rxe0 $V4_GID:0a09:094d
	ip addr add fd00:9::5/64 dev net0 nodad
	until_true 5 has_gid rxe0 fd00:0009:0000:0000:0000:0000:0000:0005
	ip addr del 10.9.9.77/24 dev net0
	until_true 5 lacks_gid rxe0 $V4_GID:0a09:094d
	ip addr del fd00:9::5/64 dev net0
	until_true 5 lacks_gid rxe0 fd00:0009:0000:0000:0000:0000:0000:0005
	works rxe0
	rdma link delete rxe0
	ip link del net0
}

# verbs_mtu DEVICE BYTES: what ibv_devinfo says is active.
verbs_mtu() {
	grep -q "active_mtu:[[:space:]]*$2 " < <(ibv_devinfo -d "$1")
}

mtu() {
	local pair
	plain dummy
	rdma link add rxe0 type rxe netdev net0
	for pair in 1500:1024 9000:4096 2300:2048 4200:4096 1500:1024 700:512 400:256; do
		ip link set net0 mtu "${pair%:*}"
		until_true 5 verbs_mtu rxe0 "${pair#*:}"
	done
	ip link set net0 mtu 9000
	until_true 5 verbs_mtu rxe0 4096
	works rxe0
	rdma link delete rxe0
	ip link del net0
}

# Too small a netdev for any path MTU: datagrams above the least one are not sent, those below are.
small_mtu() {
	plain dummy
	ip link set net0 mtu 300
	rdma link add rxe0 type rxe netdev net0
	until_true 5 verbs_mtu rxe0 256
	rxe_verbs -d rxe0 -x "$RXE_SLOW" ud.above_mtu ud.qkey
	rdma link delete rxe0
	ip link del net0
}

down_up() {
	plain dummy
	rdma link add rxe0 type rxe netdev net0
	ip link set net0 down
	until_true 5 port_is rxe0 state DOWN
	ip link set net0 up
	until_true 5 port_is rxe0 state ACTIVE
	works rxe0
	rdma link delete rxe0
	ip link del net0
}

removed() {
	local i
	for i in 1 2 3 4 5; do
		plain veth
		rdma link add rxe0 type rxe netdev net0
		works rxe0
		if ((i & 1)); then
			ip link del net0
		else
			ip link del net1
		fi
		until_true 10 gone rxe0
	done
}

twenty_times() {
	local i
	for ((i = 0; i < 20; i++)); do
		rdma link add rxe0 type rxe netdev net0
		rdma link delete rxe0
	done
}

rounds() {
	plain dummy
	steady 100 twenty_times
	ip link del net0
}

# One loop adds and deletes, another takes the netdev down and up, for 5 seconds.
race() {
	local end=$((SECONDS + 5)) pid
	plain dummy
	while ((SECONDS < end)); do
		ip link set net0 down
		ip link set net0 up
		ip link set net0 mtu $((1500 + RANDOM % 3000))
	done &
	pid=$!
	while ((SECONDS < end)); do
		rdma link add rxe0 type rxe netdev net0
		rdma link delete rxe0
	done
	wait "$pid"
	ip link set net0 up
	rdma link add rxe0 type rxe netdev net0
	works rxe0
	rdma link delete rxe0
	ip link del net0
}

unload() {
	local n
	for n in 0 1 2; do
		ip link add "net$n" type dummy
		ip addr add "10.9.$n.1/24" dev "net$n"
		ip link set "net$n" up
		rdma link add "rxe$n" type rxe netdev "net$n"
	done
	works rxe1
	rmmod rdma_rxe
	no_links || fail "devices without a module: $(ls $SYS)"
	load_module
	driver_is_loaded
	rdma link add rxe1 type rxe netdev net1
	works rxe1
	rdma link delete rxe1
	for n in 0 1 2; do
		ip link del "net$n"
	done
}

# case_of NAME LIMIT FUNCTION...: a case, and whatever it left is taken away.
case_of() {
	run_case "$@"
	for n in 0 1 2 7; do
		rdma link delete "rxe$n" 2>/dev/null || true
		ip link del "net$n" 2>/dev/null || true
	done
	ip link del base0 2>/dev/null || true
	ip netns del nsx 2>/dev/null || true
	[ ! -e /var/run/netns/ns1 ] || down_two
}

run_case driver 10 driver_is_loaded
case_of link.veth 20 on veth
case_of link.dummy 20 on dummy
case_of link.bridge 20 on bridge
case_of link.macvlan 20 on macvlan mode bridge
case_of link.vlan.below 20 below_vlan
case_of link.vlan 30 on_vlan
case_of link.vlan.events 20 vlan_events
case_of link.veth.events 20 events veth
case_of link.dummy.events 20 events dummy
case_of link.bridge.events 20 events bridge
case_of link.macvlan.events 20 events macvlan mode bridge
case_of link.vlan.same 40 same_link_local
case_of link.vlan.both 40 both_vlan
case_of link.macvlan.both 40 both_macvlan
case_of link.vlan.only_below 30 only_below
case_of link.vlan.bridge 30 vlan_in_bridge
case_of link.lo 20 on_lo
case_of link.refusals 20 refusals
case_of link.several 30 several
case_of link.netns 30 in_netns
case_of link.gids 30 gids
case_of link.mtu 30 mtu
case_of link.mtu.small 20 small_mtu
case_of link.down_up 20 down_up
case_of link.removed 60 removed
case_of link.rounds 100 rounds
case_of link.race 30 race
case_of link.unload 30 unload
summary
