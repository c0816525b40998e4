#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# guest-proof.sh: what this lab has of the memory that tests of on-demand paging are about, each
# kind proven by use, so that no test is skipped for a lab that lost something. Run in a guest,
# `uml.sh run plain --driver none -- /src/tests/vm/guest-proof.sh`; under QEMU with
# `--append 'memmap=256M!512M numa=fake=2'`. What user-mode Linux cannot have is a skip.
set -euo pipefail
# shellcheck source=../net/lib.sh
. "$(dirname "$0")/../net/lib.sh"
# shellcheck source=guest-memory.sh
. "$(dirname "$0")/guest-memory.sh"

# proof NAME [FOLDER]
proof() {
	"$(dirname "$0")/guest-proof.py" "$@"
}

# make_and_prove NAME FUNCTION [ARGUMENT...]: FUNCTION of guest-memory.sh makes it. A folder is
# passed on to the proof.
make_and_prove() {
	local name=$1
	shift
	"$@"
	case ${2:-} in
	/*) proof "$name" "$2" ;;
	*) proof "$name" ;;
	esac
}

not_in_uml() {
	[ "$LAB_KIND" != uml ] || skip "user-mode Linux has none"
	"$@"
}

# secret memory was off by default until 6.5.
secret() {
	[ "$LAB_KIND" != uml ] || skip "user-mode Linux has none"
	[[ $(uname -r) != 6.1.* ]] || grep -q secretmem.enable /proc/cmdline ||
		skip "off on this kernel: boot with --append secretmem.enable=1"
	proof secretmem
}

loaded_device() {
	modprobe "$1" 2>/dev/null || true
	[ -e "$2" ] || [[ $(uname -r) != 6.1.* ]] || skip "not in Debian's 6.1"
	proof device "$2"
}

# Fault injection, of the debug lab.
injection() {
	local kind
	[ "$LAB_VARIANT" = debug ] || skip "only in the debug lab"
	for kind in failslab fail_page_alloc fail_make_request; do
		[ -d /sys/kernel/debug/$kind ] || fail "no $kind"
	done
}

# Symbols that are there if the RDMA core was built for on-demand paging.
core_odp() {
	modprobe ib_uverbs
	grep -qw ib_umem_odp_map_dma_and_lock /proc/kallsyms || fail "not built in"
	grep -qw hmm_range_fault /proc/kallsyms || fail "no hmm_range_fault"
}

mkdir -p /tmp/disk /tmp/dax
run_case swap 60 make_and_prove swap mem_swap
run_case disk 60 make_and_prove disk mem_disk /tmp/disk
for kind in ksm userfaultfd memfd memcg compaction; do
	run_case $kind 60 proof $kind
done
run_case fuse 30 loaded_device fuse /dev/fuse
run_case udmabuf 30 loaded_device udmabuf /dev/udmabuf
run_case dma_heap 30 loaded_device system_heap /dev/dma_heap/system
run_case core_odp 30 core_odp
run_case injection 30 injection
run_case hugetlb 60 not_in_uml make_and_prove hugetlb mem_huge 8
run_case thp 60 not_in_uml proof thp
run_case secretmem 30 secret
run_case dax 120 not_in_uml make_and_prove dax mem_dax /tmp/dax
run_case numa 60 not_in_uml make_and_prove numa mem_nodes
summary
