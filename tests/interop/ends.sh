# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the host and both guests agree on: the links, their addresses, and what a test asks of
# either end. Sourced, never run.
#
# Words. *near* is the guest with the driver under test, where the cases run; *far* is the other
# one, where an agent does as it is told. A *link* is an Ethernet of the two, numbered from 0; on
# it each guest has a device rxeLINK. Address number 1 is the near end's, 2 the far end's.

# Netdev MTU of each link, and the path MTU that follows.
LINK_MTU=(1500 9000)
# shellcheck disable=SC2034 # for the scripts that source this
PATH_MTU=(1024 4096)
# shellcheck disable=SC2034
AGENT_PORT=7000

mac_of() { # LINK NUMBER
	printf '02:00:00:00:%02x:%02x\n' "$1" "$2"
}

# address_of LINK NUMBER FAMILY
address_of() {
	case $3 in
	4) echo "10.0.$1.$2" ;;
	6) echo "fd00:$1::$2" ;;
	esac
}

# netdev_of MAC: its name. Nothing loads drivers by itself in these guests.
netdev_of() {
	local file
	modprobe -q virtio_net || true
	file=$(grep -l "$1" /sys/class/net/*/address)
	file=${file%/address}
	echo "${file##*/}"
}

# end_up NUMBER: all links of this guest, with a device on each.
end_up() {
	local link dev
	for link in "${!LINK_MTU[@]}"; do
		dev=$(netdev_of "$(mac_of "$link" "$1")")
		# No link-local address by itself: it would appear, and change the GID table, while
		# the tests run.
		ip link set "$dev" name "link$link" addrgenmode none
		ip addr add "$(address_of "$link" "$1" 4)/24" dev "link$link"
		ip addr add "$(address_of "$link" "$1" 6)/64" dev "link$link" nodad
		ip addr add "fe80::$1/64" dev "link$link" nodad
		ip link set "link$link" up
		rdma link add "rxe$link" type rxe netdev "link$link"
	done
}

# gid_of LINK NUMBER FAMILY: the index of the GID of that end of the link.
gid_of() {
	local want
	case $3 in
	4) want=$(printf '0000:0000:0000:0000:0000:ffff:0a00:%02x%02x' "$1" "$2") ;;
	6) want=$(printf 'fd00:%04x:0000:0000:0000:0000:0000:%04x' "$1" "$2") ;;
	esac
	(cd "/sys/class/infiniband/rxe$1/ports/1/gids" && grep -lx "$want" [0-9]*)
}

# await SECONDS COMMAND...: until COMMAND succeeds.
await() {
	local i limit=$1
	shift
	for ((i = 0; i < limit * 20; i++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.05
	done
	echo "waited $limit s in vain for: $*"
	return 1
}

listening() { # PORT
	[ -n "$(ss -Hltn "sport = $1")" ]
}

# cm_listening PORT: the same for the RDMA-CM.
cm_listening() {
	grep -q "state LISTEN.*:$1\b" < <(rdma resource show cm_id)
}
