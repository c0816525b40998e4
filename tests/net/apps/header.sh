# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What programs ask for in the header of their packets: seen where these arrive, as a program that
# is told nothing else ends well whatever is in there. Sourced by apps.sh.

HEADER_TABLES=0

# traffic_class 4|6 VALUE, flow_port LABEL: what nftables has no name for: the whole byte, and the
# source port that the RDMA core makes of a flow label below 2^14.
traffic_class() {
	local at=8,8
	[ "$1" = 4 ] || at=4,8
	echo "meta nfproto ipv$1 @nh,$at $2"
}

flow_port() {
	echo "udp sport $((0xc000 | $1))"
}

# count_headers TABLE MATCH: from now on, of what arrives in ns2.
count_headers() {
	in_ns 2 nft -f - <<-END
		table inet $1 {
			chain arrived {
				type filter hook prerouting priority 0
				udp dport 4791 $2 counter
			}
		}
	END
}

headers_counted() {
	in_ns 2 nft list chain inet "$1" arrived | sed -n 's/.* counter packets \([0-9]*\) .*/\1/p'
}

# headed MATCH PACKETS COMMAND...: COMMAND succeeds, and so many at least of the RoCE packets that
# arrived in ns2 are ones of which nftables says MATCH. COMMAND may be another of these.
headed() {
	local match=$1 least=$2 table=apps$((++HEADER_TABLES)) seen
	shift 2
	needs_program nft
	count_headers $table "$match"
	"$@"
	seen=$(headers_counted $table)
	in_ns 2 nft delete table inet $table
	[ "$seen" -ge "$least" ] || fail "$seen packets with $match, expected $least at least"
	echo "# $seen packets with $match"
}

# hops COUNT COMMAND...: with a hop limit of ns1's own. The RDMA core takes it from the route,
# whatever a program says; so no program has an option for it that means anything.
hops() {
	in_ns 1 sysctl -qw "net.ipv4.ip_default_ttl=$1" "net.ipv6.conf.veth1.hop_limit=$1"
	"${@:2}"
	in_ns 1 sysctl -qw net.ipv4.ip_default_ttl=64 net.ipv6.conf.veth1.hop_limit=64
}

# A case each: by perftest with parameters of its own and by RDMA-CM, over either family.
header_cases() {
	local bw='perf ib_write_bw -n 100' bw6='perf6 ib_write_bw -n 100'
	local class4 class6 verb
	class4=$(traffic_class 4 98) class6=$(traffic_class 6 98)
	# shellcheck disable=SC2086 # commands
	{
		more header.tclass headed "$class4" 100 $bw --tclass=98
		more header.tclass.v6 headed "$class6" 100 $bw6 --tclass=98
		more header.hop_limit headed 'ip ttl 37' 100 hops 37 $bw
		more header.hop_limit.v6 headed 'ip6 hoplimit 37' 100 hops 37 $bw6
		more header.flow_label headed "$(flow_port 5)" 100 headed "$(flow_port 77)" 100 \
			$bw -q 2 --flow_label=5,77
		more header.flow_label.v6 headed 'ip6 flowlabel 5' 100 \
			headed 'ip6 flowlabel 77' 100 $bw6 -q 2 --flow_label=5,77
		more header.hop_limit.cm headed 'ip ttl 37' 100 hops 37 $bw -R
		more header.tclass.cm headed "$class4" 100 $bw -R -T 98
	}
	for verb in 'send UC' 'send UD' 'read RC' 'atomic RC'; do
		more "header.tclass.${verb/ /.}" headed "$class4" 50 \
			perf "ib_${verb% *}_bw" -c "${verb#* }" -n 100 --tclass=98
	done
	more header.hop_limit.refused perf_refused 'hop limit' \
		ib_write_bw --hop_limit=37
	more header.ucmatose headed "$class4" 20 cm ucmatose 10.0.0.1 10.0.0.2 -t 98 -C 20
	more header.ucmatose.v6 headed "$class6" 20 \
		cm ucmatose fd00::1 fd00::2 -f ipv6 -t 98 -C 20
	more header.udaddy headed "$class4" 20 cm udaddy 10.0.0.1 10.0.0.2 -t 98 -C 20
}
