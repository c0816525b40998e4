#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rootfs-hook.sh ROOT: mmdebstrap's last step. Installs the newest stock kernel of $SUITE with its
# headers into ROOT, a small initrd, and the first program of the guests; drops what no guest needs.
# The kernel's version is what is before a dash in $KERNEL.
set -euo pipefail
root=$1
here=$(cd "$(dirname "$0")" && pwd)

# Point releases come and go on mirrors: the newest is found by pattern, never by a fixed name.
newest_release() {
	local version=${KERNEL%-*}
	chroot "$root" apt-cache pkgnames linux-image- |
		sed -nE 's/^linux-image-('"${version//./\\.}"'\.[0-9][^-]*(-[0-9]+)?-amd64)$/\1/p' |
		sort -V | tail -n 1
}

# Only what a QEMU guest boots from; loading a large initrd is slow without hardware virtualisation.
small_initrd() {
	echo 'MODULES=list' >"$root/etc/initramfs-tools/conf.d/lab"
	printf '%s\n' virtio_pci virtio_blk ext4 >>"$root/etc/initramfs-tools/modules"
}

# Packages of backports are taken only if asked for, with what they need.
from=()
[[ $SUITE != *-backports ]] || from=(-t "$SUITE")

release=$(newest_release)
[ -n "$release" ] || { echo "no package linux-image-$KERNEL.*-amd64 on the mirror" >&2; exit 1; }
small_initrd
chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
	"${from[@]}" "linux-image-$release" "linux-headers-$release"
echo "$release" >"$root/etc/lab-release"

# Drivers of hardware that no guest has are most of a stock kernel's modules.
cd "$root/lib/modules/$release/kernel"
rm -rf sound drivers/net/{wireless,ethernet,usb,can,arcnet}
rm -rf drivers/{bluetooth,comedi,gpu,hwmon,iio,input,isdn,media,mfd,mtd,platform,scsi,staging,usb}
cd /
chroot "$root" depmod "$release"

install -m 755 "$here/guest-stage1" "$root/sbin/lab-stage1"
mkdir -p "$root"/{src,job,opt/rxe-tests}
echo rxe-lab >"$root/etc/hostname"
printf '127.0.0.1 localhost rxe-lab\n::1 localhost\n' >"$root/etc/hosts"
rm -f "$root"/etc/resolv.conf
