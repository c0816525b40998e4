# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts of this folder share: verified I/O, and a look at the ordering of regions.
# Sourced after ../net/lib.sh.

# shellcheck disable=SC2034 # for who sources this
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STRICT=/sys/module/rdma_rxe/parameters/kernel_strict_ordering

# What fio writes, odd multiples of 512 bytes among them.
SIZES=512/15:1536/15:4096/10:4608/15:11776/15:33280/10:66048/10:131584/10

# verified_on FILE MIB [OPTION...]: the process of fio in `io`: random writes of that much of a file
# or disk, past the page cache, and every block read and checked.
verified_on() {
	local file=$1 mib=$2
	shift 2
	# shellcheck disable=SC2034 # for who waits
	start io fio --name=storage --filename="$file" --size="${mib}m" --direct=1 \
		--ioengine=libaio --iodepth=16 --rw=randwrite --bssplit=$SIZES --randseed="$mib" \
		--verify=crc32c --verify_fatal=1 --do_verify=1 "$@"
}

# finished WAIT...: fio, waited for by WAIT and its process, has found every byte as it was written.
finished() {
	local rc=0
	# shellcheck disable=SC2154 # by verified_on
	"$@" "$io" || rc=$?
	sed -n 's/^ *\(write\|read\): /# \1: /p' "$(output_of "$io")"
	[ $rc = 0 ] || {
		cat "$(output_of "$io")"
		fail "fio: status $rc, $(grep -m1 -iE 'verify|error' "$(output_of "$io")")"
	}
	! grep -qiE 'verify: |error=' "$(output_of "$io")" || fail "fio found an error"
}

# regions: those of the kernel's consumers are relaxed, and strict when the driver is told so;
# `ordering WORD` is the script's.
regions() {
	ordering relaxed
	echo Y >$STRICT
	ordering strict
	echo N >$STRICT
}
