#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# dkms.sh: builds and installs the tree's module for the stock kernel $KERNEL as users do, with DKMS
# and the tree's own dkms.conf, in the guests' root file system; prints a tar of what that changed
# there (the module, depmod's tables, DKMS' state), for a guest to unpack at /. The root file system
# itself stays as it is.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# in_chroot ROOT WORK RELEASE: runs apart, so that its mounts end with it.
in_chroot() {
	local root=$1 work=$2 release=$3 name version step
	# The file uses variables that DKMS sets.
	# shellcheck source=../../dkms.conf
	read -r name version < <(
		set +u
		. "$work/tree/dkms.conf"
		echo "$PACKAGE_NAME $PACKAGE_VERSION"
	)
	mkdir -p "$work"/{upper,workdir,mnt}
	mount -t overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/workdir" \
		overlay "$work/mnt"
	mount -t proc proc "$work/mnt/proc"
	mount --bind /dev "$work/mnt/dev"
	cp -a "$work/tree" "$work/mnt/usr/src/$name-$version"
	for step in add build install; do
		chroot "$work/mnt" dkms "$step" -m "$name" -v "$version" -k "$release" || {
			cat "$work/mnt/var/lib/dkms/$name/$version/build/make.log" 2>/dev/null
			return 1
		}
	done
}

make_tar() {
	local work
	[ ! -d "$artefact" ] || return 0
	say "DKMS: the module for $(cat "$rootfs/release")"
	scratch work
	mkdir "$work/out"
	# What the digest was made of is not what is there now, if someone edits: take a snapshot.
	rsync -a --files-from=<(module_sources) "$LAB_TREE" "$work/tree"
	artefact=$(artefact_of "$work/tree")
	[ ! -d "$artefact" ] || return 0
	loudly "$LAB_CACHE/dkms-$KERNEL.log" nice "${LAB_APART[@]}" \
		"$0" --in-chroot "$rootfs/root" "$work" "$(cat "$rootfs/release")"
	cd "$work/upper"
	# DKMS moves the in-box module away: overlayfs marks what is gone as a device 0:0.
	find usr/lib/modules -type c -print -delete >lab-removed
	tar -cf "$work/out/dkms.tar" lab-removed usr/lib/modules var/lib/dkms
	publish "$work/out" "$artefact"
}

artefact_of() {
	{
		basename "$rootfs"
		(cd "$1" && module_sources | xargs sha256sum)
	} | digest - "$0" | sed "s|^|$LAB_CACHE/dkms-$KERNEL-|"
}

if [ "${1:-}" = --in-chroot ]; then
	shift
	in_chroot "$@"
	exit
fi
export KERNEL=${KERNEL:-6.12}
rootfs=$("$LAB_VM/rootfs.sh")
artefact=$(artefact_of "$LAB_TREE")
locked "dkms-$KERNEL" make_tar
echo "$artefact/dkms.tar"
