# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# libfabric's verbs provider: connected endpoints, reliable datagrams made of those (ofi_rxm), and
# unreliable ones. fi_pingpong checks its data with -c. Sourced by apps.sh.

# fabric_knows PROVIDER TYPE: fi_info offers it on this device.
fabric_knows() {
	needs_program fi_info
	in_ns 1 fi_info -p "$1" -t "$2" -d "$3"
	grep -q "provider: $1" "$WORK/out" || fail "no $2 of $1"
}

# fabric PROVIDER TYPE [OPTION...]: unreliable datagrams have a domain of their own, and take the
# first GID unless told otherwise, which here nobody has as an address.
fabric() {
	local provider=$1 type=$2 domain=
	shift 2
	needs_program fi_pingpong
	[ "$type" != dgram ] || domain=-dgram
	FI_VERBS_GID_IDX=$(gid_of rxe1 10.0.0.1)
	export FI_VERBS_GID_IDX
	over rxe1 10 both fi_pingpong -p "$provider" -e "$type" -d "rxe2$domain" -c "$@" -- \
		fi_pingpong -p "$provider" -e "$type" -d "rxe1$domain" -c "$@" 10.0.0.2
	grep -qE '^[0-9.]+[kmKM]? +[0-9]+' "$WORK/out" || fail "fi_pingpong printed no result"
}

fabric_cases() {
	app fi_info.msg fabric_knows verbs FI_EP_MSG rxe1
	more fi_info.rdm fabric_knows 'verbs;ofi_rxm' FI_EP_RDM rxe1
	app fi_pingpong.msg fabric verbs msg -I 20
	app fi_pingpong.rdm fabric 'verbs;ofi_rxm' rdm -I 20
	more fi_pingpong.rdm.tagged fabric 'verbs;ofi_rxm' rdm -m tagged -I 20
	more fi_pingpong.msg.odd fabric verbs msg -I 50 -S 70001
	more fi_pingpong.rdm.large fabric 'verbs;ofi_rxm' rdm -I 10 -S 3000001
	more fi_pingpong.dgram fabric verbs dgram -I 20 -S 1001
}
