# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The networks of the guests, as functions for tests: `. /src/tests/vm/guest-net.sh`. Three
# arrangements: one device whose traffic the kernel loops back; two name spaces joined by a veth
# pair, each with a device of its own; both with 10.0.0.N/24 and fd00::N/64. And two devices in one
# name space, joined by a veth pair all the same.
#
# The RDMA subsystem stays in its usual shared mode: every name space sees both devices, so a test
# names its own (-d rxe1); sockets, routes and rdma_cm are of the name space.

# net_quiet DEVICE [NETNS]: no link-local address by itself: it would appear, and change the GID
# table, a second or two after the test began.
net_quiet() {
	ip ${2:+-n "$2"} link set dev "$1" addrgenmode none
}

# net_address DEVICE N [NETNS]: addresses number N, with duplicate address detection off: it takes a
# second, and a GID of an address that is still being probed is of no use.
net_address() {
	ip ${3:+-n "$3"} addr add "10.0.0.$2/24" dev "$1"
	ip ${3:+-n "$3"} addr add "fd00::$2/64" dev "$1" nodad
	ip ${3:+-n "$3"} link set "$1" up
}

# net_one [MTU]: veth0 with 10.0.0.1, and rxe0 on it.
net_one() {
	ip link add veth0 mtu "${1:-9000}" type veth \
		peer name veth1 mtu "${1:-9000}"
	net_quiet veth1
	ip link set veth1 up
	net_quiet veth0
	net_address veth0 1
	rdma link add rxe0 type rxe netdev veth0
}

net_one_down() {
	rdma link delete rxe0
	ip link del veth0
}

# net_veth_pair [MTU]: name spaces ns1 (veth1, 10.0.0.1) and ns2 (veth2, 10.0.0.2), no RDMA device.
net_veth_pair() {
	local n
	for n in 1 2; do
		ip netns add "ns$n"
		ip -n "ns$n" link set lo up
	done
	ip link add veth1 mtu "${1:-9000}" netns ns1 type veth \
		peer name veth2 mtu "${1:-9000}" netns ns2
	for n in 1 2; do
		net_quiet "veth$n" "ns$n"
		net_address "veth$n" "$n" "ns$n"
	done
}

# net_two [MTU]: the same with rxe1 in ns1 and rxe2 in ns2.
net_two() {
	local n
	net_veth_pair "$@"
	for n in 1 2; do
		ip netns exec "ns$n" rdma link add "rxe$n" type rxe netdev "veth$n"
	done
}

# The devices first: with a name space goes its veth, and with that the other one and its device.
net_two_down() {
	rdma link delete rxe1
	rdma link delete rxe2
	ip netns del ns1
	ip netns del ns2
}

# net_loss PERCENT: both directions of the veth pair lose packets at random; 0 ends it.
net_loss() {
	local n
	for n in 1 2; do
		if [ "$1" = 0 ]; then
			tc -n "ns$n" qdisc del dev "veth$n" root
		else
			tc -n "ns$n" qdisc replace dev "veth$n" root netem loss "$1%" limit 10000
		fi
	done
}

# net_self [MTU]: rxe1 on veth1 (10.0.0.1) and rxe2 on veth2 (10.0.0.2), both in this name space,
# and yet what one sends to the other goes over the wire: for kernel consumers, which know only the
# first name space. Addresses of this host come after the rules for these two.
net_self() {
	local n other
	ip rule add pref 100 lookup local
	ip rule del pref 0
	ip link add veth1 mtu "${1:-9000}" type veth peer name veth2 mtu "${1:-9000}"
	for n in 1 2; do
		other=$((3 - n))
		sysctl -qw "net.ipv4.conf.veth$n.accept_local=1" "net.ipv4.conf.veth$n.rp_filter=0"
		net_quiet "veth$n"
		ip addr add "10.0.0.$n/24" dev "veth$n"
		ip link set "veth$n" up
		ip rule add pref 1 iif "veth$n" to "10.0.0.$n" lookup local
		ip rule add pref 2 to "10.0.0.$other" lookup "10$n"
	done
	for n in 1 2; do
		ip route add "10.0.0.$((3 - n))" dev "veth$n" src "10.0.0.$n" table "10$n"
		rdma link add "rxe$n" type rxe netdev "veth$n"
	done
}
