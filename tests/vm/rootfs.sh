#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rootfs.sh: makes a guest's root file system, a Debian with the RDMA user space, and a stock kernel
# with its headers. Which, $KERNEL says: 6.12 (the default), all trixie's; 6.1, all bookworm's; 7.2,
# trixie with the kernel of its backports; 6.1-trixie, bookworm's kernel under trixie's user
# space; 6.12-sid, trixie's kernel under the newest that there is; 7.2-sid, all sid's. Prints the
# artefact's folder:
#   root/      the tree, for chroot (tests and the module are compiled in it)
#   root.img   the same as an ext4 image, for user-mode Linux and QEMU alike; never written to
#   vmlinuz, initrd.img, release    the stock kernel, for QEMU
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=debian.sh
. "$LAB_VM/debian.sh"

KERNEL=${KERNEL:-6.12}
user_space=$(user_space)
suites=${LAB_GUESTS[$KERNEL]}

packages=(
	# RDMA: the providers, programs and libraries that tests run, and headers to compile them.
	rdma-core ibverbs-providers ibverbs-utils infiniband-diags perftest python3-pyverbs
	rdmacm-utils libibverbs-dev librdmacm-dev
	# Storage: initiators, and what writes and verifies.
	fio nvme-cli open-iscsi
	# The network, as tests set it up and look at it.
	ethtool iperf3 iproute2 iputils-ping nftables tcpdump
	# Compilers for tests and, by DKMS, for the module.
	dkms gcc libc6-dev make
	# The system itself; busybox powers off.
	busybox-static e2fsprogs initramfs-tools kmod procps strace udev util-linux zstd
)

# Neither manuals nor translations; of the documentation only pyverbs' own tests.
exclude=(
	'path-exclude=/usr/share/doc/*' 'path-include=/usr/share/doc/rdma-core/*'
	'path-exclude=/usr/share/man/*' 'path-exclude=/usr/share/locale/*'
	'path-exclude=/usr/share/info/*'
)

# What clusters run on RDMA, in this guest alone. Of its dependencies not the compilers for graphics
# cards: two thirds of the size, and loaded only where there is a card.
if [ "$KERNEL" = 6.12 ]; then
	packages+=(libfabric-bin openmpi-bin python3-mpi4py ucx-utils)
	exclude+=(
		'path-exclude=/usr/lib/*/libLLVM*' 'path-exclude=/usr/lib/*/libz3.*'
		'path-exclude=/usr/lib/*/libamd_comgr.*' 'path-exclude=/usr/lib/*/libamdhip64.*'
	)
fi

make_rootfs() {
	local work list size
	[ ! -d "$artefact" ] || return 0
	say "root file system, $user_space with kernel ${KERNEL%-*}: one to two minutes"
	scratch work
	mkdir "$work/out"
	list=$(IFS=,; echo "${packages[*]}")
	# shellcheck disable=SC2086 # a list of suites
	debian_sources $suites >"$work/sources.list"
	export KERNEL SUITE=${suites##* } TMPDIR=$work
	loudly "$LAB_CACHE/rootfs-$KERNEL.log" \
		nice "${LAB_APART[@]}" \
		mmdebstrap --mode=root --variant=minbase --include="$list" \
		"${exclude[@]/#/--dpkgopt=}" --aptopt='Acquire::Retries "3"' \
		--customize-hook="$LAB_VM/rootfs-hook.sh" \
		"$user_space" "$work/out/root" "$work/sources.list"
	cp "$work"/out/root/boot/vmlinuz-* "$work/out/vmlinuz"
	cp "$work"/out/root/boot/initrd.img-* "$work/out/initrd.img"
	cp "$work/out/root/etc/lab-release" "$work/out/release"

	say "image"
	size=$(du -sm --apparent-size "$work/out/root" | cut -f1)
	loudly "$LAB_CACHE/rootfs-$KERNEL.log" mke2fs -q -t ext4 -O ^has_journal -m 0 -L rxe-lab \
		-d "$work/out/root" "$work/out/root.img" $((size * 5 / 4 + 2048))M
	publish "$work/out" "$artefact"
	say "root file system: kernel $(cat "$artefact/release"), $(du -sh "$artefact" | cut -f1)"
}

# Not the mirror: the same packages come from anywhere. RXE_ODP_REFRESH fetches their newer state.
key=$(echo "$KERNEL $suites ${packages[*]} ${exclude[*]} ${RXE_ODP_REFRESH:-}" |
	digest - "$LAB_VM/rootfs-hook.sh" "$LAB_VM/stock-release.sh" "$LAB_VM/guest-stage1")
artefact=$LAB_CACHE/rootfs-$KERNEL-$key
[ -d "$artefact" ] || "$LAB_VM/deps.sh"
locked "rootfs-$KERNEL" make_rootfs
echo "$artefact"
