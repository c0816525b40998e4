#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The QEMU labs: Debian $KERNEL (6.12, the default, 6.1, 7.2, and more in lib.sh) as users have it.
#   qemu.sh build                 the root file system; prints its folder
#   qemu.sh module                the tree's module by DKMS; prints the tar that a guest unpacks
#   qemu.sh run [--mem 2G] [--driver ours|inbox|none] [--timeout SECONDS] -- COMMAND...
# On hardware virtualisation where it works, else emulated, ten to twenty times slower.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=job.sh
. "$LAB_VM/job.sh"

usage() {
	sed -n '4,8s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

# accel: kvm or tcg. /dev/kvm may be there, take a machine, and hang on a stock kernel: only a guest
# that booted and powered off counts. Probed once for each boot of the host.
accel() {
	local answer
	if [ -n "${LAB_ACCEL:-}" ]; then
		echo "$LAB_ACCEL"
		return
	fi
	answer=$LAB_CACHE/kvm-$(cat /proc/sys/kernel/random/boot_id)
	locked kvm probe_kvm "$answer"
	cat "$answer"
}

probe_kvm() {
	local word=tcg
	[ ! -e "$1" ] || return 0
	rm -f "$LAB_CACHE"/kvm-*
	if [ -w /dev/kvm ]; then
		say "does a guest boot on /dev/kvm? 30 seconds at most"
		if LAB_ACCEL=kvm LAB_GRACE=20 "$0" run --driver none --timeout 10 -- true \
			>"$LAB_CACHE/kvm.log" 2>&1; then
			word=kvm
		fi
	fi
	say "guests run on $word"
	echo $word >"$1.new"
	mv "$1.new" "$1"
}

# The links, in `links`, as arguments of QEMU.
add_links() {
	local i fd mtu mac
	for i in "${!JOB_LINKS[@]}"; do
		IFS=, read -r fd mtu mac <<<"${JOB_LINKS[i]}"
		links+=(
			-netdev "dgram,id=link$i,local.type=fd,local.str=$fd"
			-device "virtio-net-pci,netdev=link$i,mac=$mac,host_mtu=$mtu"
		)
	done
}

run() {
	local rootfs how tests links=()
	job_options "$@"
	add_links
	rootfs=$("$LAB_VM/rootfs.sh")
	how=$(accel)
	job_create qemu "$KERNEL"
	if [ "$JOB_DRIVER" = ours ]; then
		cp "$("$LAB_VM/dkms.sh")" "$JOB/dkms.tar"
	fi
	tests=$(guest_tests)
	mkdir -p "$tests"
	say "QEMU ($how) with $(cat "$rootfs/release"), driver $JOB_DRIVER, $JOB_MEM"
	boot
	if ! [ -e "$JOB/booted" ] && grep -q 'Kernel panic' "$JOB/kernel.log"; then
		say "the kernel died in its boot, before any of ours was loaded: once more"
		mv "$JOB/kernel.log" "$JOB/kernel.log.first"
		boot
	fi
	job_verdict
}

# boot: one life of the guest, as run() has prepared it. The emulator runs both CPUs at once; now
# and then a kernel that patches its own code in its boot meets an int3 that nobody expects.
boot() {
	local export=security_model=none,multidevs=remap append="${patience[$how]} $JOB_APPEND"
	# shellcheck disable=SC2086 # several arguments
	job_guest qemu-system-x86_64 -machine q35 ${machine[$how]} -smp 2 -m "$JOB_MEM" \
		-nodefaults -display none -no-reboot "${links[@]}" \
		-kernel "$rootfs/vmlinuz" -initrd "$rootfs/initrd.img" \
		-append "root=/dev/vda rw init=/sbin/lab-stage1 console=ttyS0 panic=1 $append" \
		-drive "file.locking=off,file=$rootfs/root.img,format=raw,if=virtio,snapshot=on" \
		-chardev "file,id=kernel,path=$JOB/kernel.log,append=on" -serial chardev:kernel \
		-chardev stdio,id=output,signal=off -serial chardev:output \
		-virtfs "local,path=$LAB_TREE,mount_tag=src,readonly=on,$export" \
		-virtfs "local,path=$JOB,mount_tag=job,$export" \
		-virtfs "local,path=$tests,mount_tag=tests,readonly=on,$export"
}

export KERNEL=${KERNEL:-6.12}
# Emulated, `rep stosb` and `rep movsb` go byte by byte: without them kernel and libc clear and copy
# by whole words, several times as fast.
declare -A machine=(
	[kvm]='-accel kvm -cpu host'
	[tcg]='-accel tcg,thread=multi -cpu max,-erms,-fsrm'
)
# An emulated CPU stands still when the host has no time for it. Kernels have told of lockups of
# half a minute, in the clearing of a page, beside other guests (labs.rst). A true lockup lasts. And
# who then reads two clocks finds them apart, calls one unstable, and patches code that another CPU
# runs, which the emulator does not survive: an int3 of the patching is met as an exception.
declare -A patience=(
	[kvm]=''
	[tcg]='sysctl.kernel.watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120'
)
patience[tcg]+=' workqueue.watchdog_thresh=120 tsc=reliable'

case ${1:-} in
build) "$LAB_VM/rootfs.sh" ;;
module) "$LAB_VM/dkms.sh" ;;
run)
	shift
	run "$@"
	;;
*) usage ;;
esac
