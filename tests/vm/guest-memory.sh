# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Memory of all kinds for tests in a guest: `. /src/tests/vm/guest-memory.sh`. Each function makes
# one kind available, or fails with a last line that says why this guest cannot have it: the reason
# of a skip. Nothing is taken back: a guest is thrown away.

# mem_swap [SIZE]: swap space in compressed memory.
mem_swap() {
	local device
	modprobe zram
	device=$(zramctl --find --size "${1:-256M}")
	mkswap -q "$device"
	swapon "$device"
}

# mem_disk FOLDER [MIB]: ext4 on a disk in memory: files with a page cache, dirty pages, writeback.
mem_disk() {
	modprobe brd rd_nr=1 rd_size=$((${2:-128} * 1024)) max_part=0
	mkfs.ext4 -q -F /dev/ram0
	mkdir -p "$1"
	mount /dev/ram0 "$1"
}

# mem_dax FOLDER: ext4 with DAX: files whose pages are the device's own memory.
mem_dax() {
	local tries
	modprobe nd_e820 && modprobe nd_pmem || return
	# The module is loaded before its devices are there.
	for ((tries = 100; tries > 0; tries--)); do
		[ ! -b /dev/pmem0 ] || break
		sleep 0.1
	done
	if ! [ -b /dev/pmem0 ]; then
		echo "no persistent memory: boot QEMU with --append 'memmap=256M!512M'"
		return 1
	fi
	mkfs.ext4 -q -F -b 4096 /dev/pmem0
	mkdir -p "$1"
	mount -o dax=always /dev/pmem0 "$1"
}

# mem_huge COUNT: huge pages of 2 MiB in the pool.
mem_huge() {
	local pool=/proc/sys/vm/nr_hugepages
	[ -e $pool ] || { echo "this kernel has no huge pages" && return 1; }
	echo "$1" >$pool
	if [ "$(cat $pool)" -lt "$1" ]; then
		echo 1 >/proc/sys/vm/compact_memory
		echo "$1" >$pool
	fi
	[ "$(cat $pool)" -ge "$1" ] || { echo "$(cat $pool) huge pages of $1" && return 1; }
}

# mem_nodes: there are two NUMA nodes at least.
mem_nodes() {
	[ -d /sys/devices/system/node/node1 ] && return
	echo "one NUMA node: boot QEMU with --append numa=fake=2"
	return 1
}
