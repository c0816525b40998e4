# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The networks of the guests, as functions for tests: `. /src/tests/vm/guest-net.sh`. Two
# arrangements: one device whose traffic the kernel loops back, and two name spaces joined by a
# veth pair, each with a device of its own. Both with 10.0.0.N/24 and fd00::N/64.
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
