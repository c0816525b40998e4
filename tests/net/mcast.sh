#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# mcast.sh: multicast as the network sees it: netdevs that become members of a group by IGMP and MLD
# and leave it, however the QPs go; copies over several kinds of netdev; and a bridge that forwards
# a group only to where somebody has reported to be a member.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_tools ip rdma rxe_verbs rxe_mcast bridge modprobe

SEED=$RANDOM
# Groups of each family, and how /proc/net/igmp and igmp6 write them.
GROUP4=239.77.1.2 PROC4=02014DEF
GROUP6=ff15::77:1:2 PROC6=ff150000000000000000007700010002

# is_member NS NETDEV 4|6: by the kernel's own lists, which are those behind `ip maddr`.
is_member() {
	if [ "$3" = 4 ]; then
		in_ns "$1" cat /proc/net/igmp |
			awk -v d="$2" -v g=$PROC4 '$1 ~ /^[0-9]+$/ { on = $2 == d }
				on && $1 == g { found = 1 } END { exit !found }' &&
			grep -qw "$GROUP4" < <(in_ns "$1" ip maddr show dev "$2")
	else
		grep -qE "^[0-9]+ +$2 +$PROC6 " < <(in_ns "$1" cat /proc/net/igmp6) &&
			grep -qw "$GROUP6" < <(in_ns "$1" ip maddr show dev "$2")
	fi
}

# no_member NS NETDEV: of neither group, in any list.
no_member() {
	! grep -q $PROC4 < <(in_ns "$1" cat /proc/net/igmp) &&
		! grep -q $PROC6 < <(in_ns "$1" cat /proc/net/igmp6) &&
		! grep -qwE "$GROUP4|$GROUP6" < <(in_ns "$1" ip maddr show dev "$2" 2>/dev/null)
}

said() {
	grep -qs "$2" "$(output_of "$1")"
}

# hold NS VAR GROUP...: a process in that namespace with a QP in each group; its id in VAR.
hold() {
	local ns=$1 held
	local -n id=$2
	shift 2
	start held rxe_mcast -n "ns$ns" -d "rxe$ns" -x "$RXE_SLOW" hold "$@"
	# shellcheck disable=SC2034 # a name reference
	id=$held
	until_true 10 said "$held" attached
}

members() {
	is_member 2 veth2 4 && is_member 2 veth2 6
}

# leaves HOW: members while two processes are attached, and one; none after the second HOW.
leaves() {
	local first second
	no_member 2 veth2 || fail "a member before anybody is attached"
	hold 2 first $GROUP4 $GROUP6
	members || fail "attached, but no member: $(in_ns 2 ip maddr)"
	hold 2 second $GROUP4 $GROUP6
	"$1" "$first"
	members || fail "the first of two has left, and the second is no member any more"
	"$1" "$second"
	until_true 5 no_member 2 veth2
	kill -9 "$first" "$second" 2>/dev/null || true
}

by_detach() {
	kill -USR1 "$1"
	until_true 5 said "$1" detached
}

by_kill() {
	kill -9 "$1"
	until_true 5 ended "$1"
}

# The device goes, the netdev stays; then another device on it.
device_deleted() {
	local holder
	hold 2 holder $GROUP4 $GROUP6
	in_ns 2 rdma link delete rxe2
	until_true 5 no_member 2 veth2
	kill -9 "$holder"
	in_ns 2 rdma link add rxe2 type rxe netdev veth2
	hold 2 holder $GROUP4 $GROUP6
	members || fail "no member after a new device"
	by_kill "$holder"
	until_true 5 no_member 2 veth2
}

gone() {
	[ ! -e "/sys/class/infiniband/$1" ]
}

netdev_deleted() {
	local holder
	hold 2 holder $GROUP4 $GROUP6
	ip -n ns2 link del veth2
	until_true 10 gone rxe2
	kill -9 "$holder"
	until_true 5 ended "$holder"
	down_two
	up_two 9000
}

netdev_moved() {
	local holder
	hold 2 holder $GROUP4 $GROUP6
	ip -n ns2 link set veth2 netns ns1
	until_true 10 gone rxe2
	no_member 1 veth2 || fail "a member where nobody is attached"
	kill -9 "$holder"
	down_two
	up_two 9000
}

# An MTU below what IP takes ends the stack's memberships; what comes then belongs to others.
mtu_bounce() {
	local holder
	hold 2 holder $GROUP6
	is_member 2 veth2 6 || fail "no member"
	ip -n ns2 link set veth2 mtu 1200
	until_true 5 no_member 2 veth2
	ip -n ns2 link set veth2 mtu 9000
	by_kill "$holder"
	no_member 2 veth2 || fail "still a member"
	down_two
	up_two 9000
}

unloaded() {
	local holder
	hold 2 holder $GROUP4 $GROUP6
	rmmod rdma_rxe
	no_member 2 veth2 || fail "still a member without the module"
	kill -9 "$holder"
	load_module
	driver_is_loaded
	down_two
	up_two 9000
}

# Attached, killed and detached in turn.
some_rounds() {
	local i holder
	for ((i = 0; i < 15; i++)); do
		hold 2 holder $GROUP4 $GROUP6
		((i & 1)) || by_detach "$holder"
		by_kill "$holder"
	done
	until_true 5 no_member 2 veth2
	forget_outputs
}

# both_ways GROUP: one sends to two others, one of them in the sender's own namespace.
both_ways() {
	local here there
	start here rxe_mcast -n ns1 -d rxe1 -s "$SEED" -x "$RXE_SLOW" hear 200 "$1"
	start there rxe_mcast -n ns2 -d rxe2 -s "$SEED" -x "$RXE_SLOW" hear 200 "$1"
	until_true 10 said "$here" attached
	until_true 10 said "$there" attached
	rxe_mcast -n ns1 -d rxe1 -s "$SEED" -x "$RXE_SLOW" send 200 "$1"
	wait "$here" || fail "listener beside the sender: $(cat "$(output_of "$here")")"
	wait "$there" || fail "listener in ns2: $(cat "$(output_of "$there")")"
}

# on KIND [OPTION...]: one device on net0 of that kind, looped back, beside one on another netdev.
on() {
	case $1 in
	lo) ip link set lo up ;;
	macvlan)
		ip link add base0 type dummy
		ip link set base0 up
		ip link add link base0 name net0 type "$@"
		;;
	*) ip link add net0 type "$@" ;;
	esac
	ip link add net1 type dummy
	ip addr add 10.9.8.1/24 dev net1
	ip link set net1 up
	rdma link add rxe5 type rxe netdev net1
	if [ "$1" = lo ]; then
		rdma link add rxe0 type rxe netdev lo
	else
		ip addr add 10.9.9.1/24 dev net0
		ip link set net0 up
		rdma link add rxe0 type rxe netdev net0
	fi
	rxe_verbs -d rxe0 -x "$RXE_SLOW" 'mcast.copies*v4' mcast.loop.v4 mcast.groups.v4
	rxe_verbs -d rxe5 -x "$RXE_SLOW" mcast.loop.v4
}

on_down() {
	rdma link delete rxe0 2>/dev/null || true
	rdma link delete rxe5 2>/dev/null || true
	ip link del net0 2>/dev/null || true
	ip link del net1 2>/dev/null || true
	ip link del base0 2>/dev/null || true
}

# Devices on VLANs between the namespaces.
on_vlan() {
	local i
	for i in 1 2; do
		ip -n "ns$i" link add link "veth$i" name vlan7 type vlan id 7
		ip -n "ns$i" addr add "10.7.7.$i/24" dev vlan7
		ip -n "ns$i" addr add "fd07::$i/64" dev vlan7 nodad
		ip -n "ns$i" link set vlan7 up
		rdma link delete "rxe$i"
		in_ns "$i" rdma link add "rxe$i" type rxe netdev vlan7
	done
	in_ns 1 ping -q -c 1 -W 5 10.7.7.2 >/dev/null
	in_ns 1 ping -q -c 3 -i 0.3 -W 5 fd07::2 >/dev/null
	rxe_verbs -n ns1 -N ns2 -d rxe1 -D rxe2 -x "$RXE_SLOW" 'mcast.copies.v*' 'mcast.loop.*'
	down_two
}

# switch: ns1, ns2 and ns3, each with a device, at a bridge in namespace sw that snoops and asks.
switch() {
	local i
	modprobe bridge || true
	ip netns add sw
	ip -n sw link add br0 type bridge mcast_snooping 1 mcast_igmp_version 3 \
		mcast_mld_version 2 mcast_query_response_interval 100 \
		mcast_last_member_interval 50 mcast_startup_query_interval 100
	# A step of its own: how long it waits is what the response interval was before.
	ip -n sw link set br0 type bridge mcast_querier 1
	# Reports for IPv6 are heard from and queries sent by link-local addresses.
	ip -n sw addr add 10.0.0.9/24 dev br0
	ip -n sw addr add fe80::9/64 dev br0 nodad
	for i in 1 2 3; do
		ip netns add "ns$i"
		ip link add "veth$i" netns "ns$i" type veth peer name "p$i" netns sw
		ip -n sw link set "p$i" master br0 up
		net_address "veth$i" "$i" "ns$i"
		ip -n "ns$i" addr add "fe80::$i/64" dev "veth$i" nodad
		in_ns "$i" rdma link add "rxe$i" type rxe netdev "veth$i"
	done
	ip -n sw link set br0 up
	# Until the querier has waited for its first answers, the bridge floods.
	sleep 4
}

switch_down() {
	local i
	for i in 1 2 3; do
		rdma link delete "rxe$i" 2>/dev/null || true
		ip netns del "ns$i" 2>/dev/null || true
	done
	ip netns del sw 2>/dev/null || true
	until_true 10 no_links
}

# forwarded PORT GROUP: the bridge knows of a member behind that port.
forwarded() {
	grep -qE "port $1 grp $2 " < <(bridge -n sw mdb show dev br0)
}

not_forwarded() {
	! forwarded "$@"
}

received() {
	in_ns "$1" cat "/sys/class/net/veth$1/statistics/rx_packets"
}

snoops() {
	grep -q 'mcast_snooping 1' < <(ip -n sw -d link show br0)
}

# snooped GROUP: 400 datagrams reach the member, and not the one that is none.
snooped() {
	local listener before more
	snoops || skip "this kernel's bridge has no CONFIG_BRIDGE_IGMP_SNOOPING"
	not_forwarded p2 "$1" || fail "a member before anybody is attached"
	before=$(received 2)
	rxe_mcast -n ns1 -d rxe1 -s "$SEED" -x "$RXE_SLOW" send 100 "$1"
	more=$(($(received 2) - before))
	[ $more -lt 50 ] || fail "the bridge floods: $more packets without a member"
	start listener rxe_mcast -n ns2 -d rxe2 -s "$SEED" -x "$RXE_SLOW" hear 400 "$1"
	until_true 10 said "$listener" attached
	until_true 10 forwarded p2 "$1"
	before=$(received 3)
	rxe_mcast -n ns1 -d rxe1 -s "$SEED" -x "$RXE_SLOW" send 400 "$1"
	wait "$listener" || fail "listener: $(cat "$(output_of "$listener")")"
	more=$(($(received 3) - before))
	[ $more -lt 50 ] || fail "$more packets at a port without a member"
	until_true 10 not_forwarded p2 "$1"
}

run_case driver 10 driver_is_loaded
run_case mcast.up 20 up_two 9000
run_case mcast.detach 30 leaves by_detach
run_case mcast.killed 30 leaves by_kill
run_case mcast.both_ways.v4 30 both_ways $GROUP4
run_case mcast.both_ways.v6 30 both_ways $GROUP6
run_case mcast.rounds 120 steady 100 some_rounds
run_case mcast.device_deleted 30 device_deleted
run_case mcast.netdev_deleted 30 netdev_deleted
run_case mcast.netdev_moved 30 netdev_moved
run_case mcast.mtu_bounce 30 mtu_bounce
run_case mcast.unloaded 30 unloaded
run_case mcast.vlan 40 on_vlan
run_case mcast.down 20 down_two
for kind in dummy bridge lo 'macvlan mode bridge'; do
	# shellcheck disable=SC2086 # a kind and its options
	run_case "mcast.on.${kind%% *}" 30 on $kind
	on_down
done
run_case mcast.switch 30 switch
run_case mcast.snooped.v4 60 snooped $GROUP4
run_case mcast.snooped.v6 60 snooped $GROUP6
switch_down
summary
